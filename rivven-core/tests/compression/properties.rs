//! Random values and random frames.

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use bytes::Bytes;
use rivven_client::compression::{Compressor, decode_value, needs_escape};
use rivven_client::{CompressionType, Decompression};

const ALL: [CompressionType; 4] =
    [CompressionType::None, CompressionType::Lz4, CompressionType::Snappy, CompressionType::Zstd];

fn check(property: impl FnMut(&mut Unstructured<'_>) -> Result<()>) {
    arbtest(property).size_max(16 * 1024).budget_ms(1500);
}

/// A value out of few different pieces, so that it often compresses; at times one that is a frame.
fn value(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let piece = u.arbitrary::<Vec<u8>>()?;
    let mut value = piece.repeat(u.int_in_range(0..=20)?);
    value.extend_from_slice(u.bytes(u.len().min(300))?);
    for _ in 0..u.int_in_range(0..=3)? {
        value = encoded(&mut Compressor::new(*u.choose(&ALL)?).unwrap(), &value);
    }
    Ok(value)
}

fn encoded(compressor: &mut Compressor, value: &[u8]) -> Vec<u8> {
    let encoded = compressor.encode(value);
    let mut out = Vec::new();
    encoded.append_to(&mut out);
    assert_eq!(out.len(), encoded.len());
    out
}

/// One compressor for all cases, as a producer has it.
// covers: F002 rust
#[test]
fn what_producers_write_is_read_back() {
    for compression in ALL {
        let mut compressor = Compressor::new(compression).unwrap();
        check(|u| {
            let value = value(u)?;
            let out = Bytes::from(encoded(&mut compressor, &value));
            assert!(out.len() <= value.len() + 5);
            assert_eq!(decode_value(out.clone(), Decompression::Auto).unwrap(), value);
            if compression != CompressionType::None {
                assert_eq!(decode_value(out, Decompression::Always).unwrap(), value);
            }
            Ok(())
        });
    }
}

/// Damaged frames, too, are plain values to a producer.
#[test]
fn plain_values_are_escaped_where_they_have_to_be() {
    let mut compressor = Compressor::new(CompressionType::None).unwrap();
    check(|u| {
        let mut value = value(u)?;
        if !value.is_empty() && u.arbitrary()? {
            let at = u.choose_index(value.len())?;
            value[at] = u.arbitrary()?;
        }
        let read = decode_value(value.clone().into(), Decompression::Auto).unwrap();
        assert!(read == value || needs_escape(&value));
        let out = encoded(&mut compressor, &value);
        assert_eq!(out == value, !needs_escape(&value));
        assert_eq!(decode_value(out.into(), Decompression::Auto).unwrap(), value);
        Ok(())
    });
}

/// Sizes around the limits of the codecs' tables and blocks.
#[test]
fn large_values_are_read_back() {
    for len in [63, 64, 65, 65_534, 65_535, 65_536, 131_073, 10 << 20] {
        let value: Vec<u8> = (0..len as u32).map(|i| (i / 7 % 251) as u8).collect();
        for compression in ALL {
            let out = encoded(&mut Compressor::new(compression).unwrap(), &value);
            assert_eq!(decode_value(out.into(), Decompression::Auto).unwrap(), value);
        }
    }
}
