//! Golden vectors: the frames that the published crates make.

use std::path::Path;

use bytes::Bytes;
use rivven_client::compression::{Compressor, decode_value, needs_escape};
use rivven_client::{CompressionType, Decompression, ErrorCode};
use serde_json::Value;

use crate::written;

fn unhex(digits: &Value) -> Bytes {
    let digits = digits.as_str().unwrap();
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap()).collect()
}

fn vectors(list: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testing/vectors/compression.json");
    let mut all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let Value::Array(vectors) = all[list].take() else { panic!("no list {list}") };
    assert!(!vectors.is_empty());
    vectors
}

/// The frames of a vector: the one that is written, and the one whose ratio was not looked at.
fn frames(vector: &Value) -> impl Iterator<Item = Bytes> {
    ["frame_hex", "forced_frame_hex"].into_iter().filter_map(|key| vector.get(key)).map(unhex)
}

#[test]
fn all_frames_decode() {
    for vector in vectors("frames") {
        let (value, checksum) = (unhex(&vector["value_hex"]), vector["checksum"].as_bool().unwrap());
        for frame in frames(&vector) {
            assert_eq!(decode_value(frame.clone(), Decompression::Always).unwrap(), value, "{vector}");
            let auto = if checksum { &value } else { &frame };
            assert_eq!(decode_value(frame.clone(), Decompression::Auto).unwrap(), auto, "{vector}");
            assert_eq!(decode_value(frame.clone(), Decompression::Never).unwrap(), frame, "{vector}");
            assert_eq!(needs_escape(&frame), checksum, "{vector}");
        }
    }
}

/// The codec's bytes are its own matter; the headers and the stored values are not.
#[test]
fn what_is_written_agrees_with_the_vectors() {
    let mut stored = 0;
    for vector in vectors("frames").iter().filter(|vector| vector["checksum"] == true) {
        let (value, expected) = (unhex(&vector["value_hex"]), unhex(&vector["frame_hex"]));
        let compression: CompressionType = vector["algorithm"].as_str().unwrap().parse().unwrap();
        if compression == CompressionType::None {
            continue;
        }
        let frame = written(&value, compression);
        let is_stored = vector["stored_uncompressed"] == true;
        let compared = if is_stored { expected.len() } else { 9 };
        assert_eq!(frame[..compared], expected[..compared], "{vector}");
        assert_eq!(frame[0] == 0x20, is_stored, "{vector}");
        stored += usize::from(is_stored);
    }
    assert!(stored > 0);
}

#[test]
fn adaptive_frames_decode() {
    for vector in vectors("adaptive_default") {
        let (value, frame) = (unhex(&vector["value_hex"]), unhex(&vector["frame_hex"]));
        assert_eq!(decode_value(frame, Decompression::Always).unwrap(), value, "{vector}");
    }
}

#[test]
fn ambiguous_values_stay_as_they_are() {
    for vector in vectors("ambiguous_plain_values") {
        let value = unhex(&vector["value_hex"]);
        assert_eq!(decode_value(value.clone(), Decompression::Auto).unwrap(), value, "{vector}");
        let mut compressor = Compressor::new(CompressionType::None).unwrap();
        assert!(compressor.encode(&value).is_plain(), "{vector}");
    }
}

#[test]
fn bad_frames_are_rejected_or_left_alone() {
    for vector in vectors("must_reject") {
        let frame = unhex(&vector["frame_hex"]);
        let error = decode_value(frame.clone(), Decompression::Always).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Serialization, "{vector}");
        assert_eq!(decode_value(frame.clone(), Decompression::Auto).unwrap(), frame, "{vector}");
    }
}
