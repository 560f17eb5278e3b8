//! A build without codecs: stored frames are read and written, compressed ones are named as such.

use bytes::Bytes;
use rivven_client::compression::{Compressor, decode_value};
use rivven_client::{CompressionType, Decompression, ErrorCode};

use crate::written;

/// 64 times `a` in Zstandard, with the checksum.
const COMPRESSED: &[u8] =
    b"\x32\x40\x00\x00\x00\x55\x65\xb4\x89\x28\xb5\x2f\xfd\x20\x40\x45\x00\x00\x10\x61\x61\x01\x00\x93\x00\x16";

#[test]
fn a_compressed_frame_is_unsupported_or_left_alone() {
    let value = Bytes::from_static(COMPRESSED);
    let error = decode_value(value.clone(), Decompression::Always).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported);
    assert_eq!(decode_value(value.clone(), Decompression::Auto).unwrap(), value);
    assert_eq!(decode_value(value.clone(), Decompression::Never).unwrap(), value);
}

/// A reader with codecs would decode it.
#[test]
fn a_plain_value_that_is_a_frame_is_escaped() {
    let frame = written(COMPRESSED, CompressionType::None);
    assert_eq!(frame.len(), COMPRESSED.len() + 5);
    for how in [Decompression::Auto, Decompression::Always] {
        assert_eq!(decode_value(frame.clone(), how).unwrap(), COMPRESSED);
    }
}

#[test]
fn nothing_can_be_compressed() {
    for compression in [CompressionType::Lz4, CompressionType::Snappy, CompressionType::Zstd, CompressionType::Gzip] {
        assert_eq!(Compressor::new(compression).unwrap_err().code(), ErrorCode::Unsupported);
    }
}
