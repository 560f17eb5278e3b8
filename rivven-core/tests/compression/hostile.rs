//! Frames that lie.

use bytes::Bytes;
use rivven_client::compression::{Compressor, decode_value, needs_escape};
use rivven_client::{CompressionType, Decompression, ErrorCode};

use crate::written;

const CODECS: [CompressionType; 3] = [CompressionType::Lz4, CompressionType::Snappy, CompressionType::Zstd];

/// A value that every codec makes shorter.
const VALUE: [u8; 1000] = [b'a'; 1000];

fn rejected(frame: impl Into<Bytes>) {
    let frame = frame.into();
    let error = decode_value(frame.clone(), Decompression::Always).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Serialization, "{frame:?}");
    assert_eq!(decode_value(frame.clone(), Decompression::Auto).unwrap(), frame);
}

// covers: F002 rust
#[test]
fn gzip_cannot_be_written() {
    let error = Compressor::new("gzip".parse().unwrap()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unsupported);
    assert_eq!("brotli".parse::<CompressionType>().unwrap_err().code(), ErrorCode::InvalidArgument);
}

#[test]
fn every_damage_is_found() {
    for compression in CODECS {
        let frame = written(&VALUE, compression);
        assert!(frame.len() < 200);
        for at in 0..frame.len() {
            rejected(frame.slice(..at));
            for bit in 0..8 {
                let mut damaged = frame.to_vec();
                damaged[at] ^= 1 << bit;
                // A codec may not look at every bit, but never gives another value.
                match decode_value(damaged.into(), Decompression::Always) {
                    Ok(value) => assert_eq!(value, VALUE[..], "byte {at}, bit {bit}"),
                    Err(error) => assert_eq!(error.code(), ErrorCode::Serialization),
                }
            }
        }
        rejected([&frame[..], &[0]].concat());
    }
}

#[test]
fn reserved_bits_are_rejected() {
    for bit in [0x08, 0x40, 0x80] {
        let mut frame = written(b" abc", CompressionType::Lz4).to_vec();
        frame[0] |= bit;
        rejected(frame);
    }
}

/// All claims of the size agree, and none is true.
#[test]
fn sizes_beyond_what_the_data_can_expand_to_are_rejected() {
    let size = 200_000_000_u32.to_le_bytes();
    rejected([&[0x31][..], &size, &[0; 4], &size, &[0; 1000]].concat());
    // The same number as a varint.
    rejected([&[0x33][..], &size, &[0; 4], &[0x80, 0x84, 0xaf, 0x5f], &[0; 1000]].concat());
    // A single segment with a size of four bytes.
    rejected([&[0x32][..], &size, &[0; 4], &[0x28, 0xb5, 0x2f, 0xfd, 0xa0], &size, &[0; 1000]].concat());
    // More than 256 MiB, in eight bytes, without a size in the header.
    rejected([&[0x02, 0x28, 0xb5, 0x2f, 0xfd, 0xe0][..], &[0xff; 8], &[0; 1000]].concat());
}

/// A megabyte that is said to be a hundred bytes, in a frame that asks for a window of 2 GiB.
#[test]
fn data_that_expands_to_more_than_it_claims_is_rejected() {
    let value = vec![0; 1 << 20];
    let original = written(&value, CompressionType::Zstd);
    // Behind the header, the magic, the descriptor and a size of four bytes.
    let blocks = &original[9 + 4 + 1 + 4..];
    let claiming =
        |size: u32| [&[0x12], &size.to_le_bytes()[..], &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8], blocks].concat();
    rejected(claiming(100));
    rejected(claiming((1 << 20) - 1));
    rejected(claiming((1 << 20) + 1));
    assert_eq!(decode_value(claiming(1 << 20).into(), Decompression::Always).unwrap(), value);
}

#[test]
fn a_second_frame_behind_the_first_is_rejected() {
    let frame = written(&VALUE, CompressionType::Zstd);
    let empty = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0];
    rejected([&frame[..], &empty].concat());
}

#[test]
fn frames_without_a_size_are_read_by_always() {
    for compression in CODECS {
        let frame = written(&VALUE, compression);
        let without = [&[frame[0] & !0x30], &frame[9..]].concat();
        assert_eq!(decode_value(without.clone().into(), Decompression::Always).unwrap(), VALUE[..]);
        assert_eq!(decode_value(without.clone().into(), Decompression::Auto).unwrap(), without);
        assert!(!needs_escape(&without));
    }
}

#[test]
fn stored_values_are_not_copied() {
    let frame = written(b"short", CompressionType::Lz4);
    let value = decode_value(frame.clone(), Decompression::Auto).unwrap();
    assert_eq!(value, b"short"[..]);
    assert_eq!(value.as_ptr(), frame[5..].as_ptr());
}

#[test]
fn plain_values_are_not_copied() {
    let mut compressor = Compressor::new(CompressionType::None).unwrap();
    for value in [&b""[..], b" ", b" hello, world", b"1234567890", b"\"text\"", b"3"] {
        let encoded = compressor.encode(value);
        assert!(encoded.is_plain());
        assert_eq!((encoded.header(), encoded.data().as_ptr()), (&[][..], value.as_ptr()));
    }
}
