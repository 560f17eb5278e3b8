//! Varints, zigzag and tags at their edges.

use bytes::Bytes;
use rivven_client::protocol::{
    Decode, DecodeErrorKind, Encode, Reader, Request, put_varint, unzigzag, varint_len, zigzag,
};

fn read<T: Decode>(bytes: &[u8]) -> Result<T, DecodeErrorKind> {
    let payload = Bytes::copy_from_slice(bytes);
    let mut reader = Reader::new(&payload, "test");
    let value = T::decode(&mut reader).map_err(|error| error.kind)?;
    reader.finish().map_err(|error| error.kind)?;
    Ok(value)
}

fn written(value: impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    assert_eq!(out.len(), value.encoded_len());
    out
}

#[test]
fn varints_take_seven_bits_per_byte() {
    for (value, bytes) in [
        (0, &[0][..]),
        (127, &[0x7f]),
        (128, &[0x80, 1]),
        (300, &[0xac, 2]),
        (16_383, &[0xff, 0x7f]),
        (16_384, &[0x80, 0x80, 1]),
    ] {
        assert_eq!(written(value as u64), bytes);
        assert_eq!(read(bytes), Ok(value as u64));
    }
    for bits in 0..64 {
        for value in [(1u64 << bits) - 1, 1 << bits, u64::MAX >> bits] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out.len(), varint_len(value));
            assert_eq!(read(&out), Ok(value));
        }
    }
}

#[test]
fn longer_forms_are_accepted_up_to_the_width_of_the_type() {
    assert_eq!(read(&[0x8d, 0]), Ok(13u16));
    assert_eq!(read(&[0x8d, 0x80, 0]), Ok(13u16));
    assert_eq!(read::<u16>(&[0x8d, 0x80, 0x80, 0]), Err(DecodeErrorKind::VarintTooLong));
    assert_eq!(read(&[0x8d, 0x80, 0x80, 0x80, 0]), Ok(13u32));
    assert_eq!(read::<u32>(&[0x8d, 0x80, 0x80, 0x80, 0x80, 0]), Err(DecodeErrorKind::VarintTooLong));
    assert_eq!(Request::decode(&Bytes::from_static(&[0x8d, 0])), Ok(Request::Ping));
}

#[test]
fn excess_bits_are_refused() {
    assert_eq!(read(&[0xff, 0xff, 3]), Ok(u16::MAX));
    assert_eq!(read::<u16>(&[0xff, 0xff, 4]), Err(DecodeErrorKind::VarintTooLong));
    assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Ok(u32::MAX));
    assert_eq!(read::<u32>(&[0xff, 0xff, 0xff, 0xff, 0x10]), Err(DecodeErrorKind::VarintTooLong));
    let mut longest = [0xff; 10];
    longest[9] = 1;
    assert_eq!(read(&longest), Ok(u64::MAX));
    assert_eq!(read(&longest), Ok(i64::MIN));
    for last in 2..=255 {
        longest[9] = last;
        assert_eq!(read::<u64>(&longest), Err(DecodeErrorKind::VarintTooLong));
    }
}

#[test]
fn zigzag_keeps_small_numbers_small() {
    for (signed, unsigned) in [(0, 0), (-1, 1), (1, 2), (-2, 3), (i64::MAX, u64::MAX - 1), (i64::MIN, u64::MAX)] {
        assert_eq!(zigzag(signed), unsigned);
        assert_eq!(unzigzag(unsigned), signed);
    }
    assert_eq!(read(&written(i32::MIN)), Ok(i32::MIN));
    assert_eq!(read(&written(i32::MAX)), Ok(i32::MAX));
}

#[test]
fn tags_are_zero_or_one() {
    assert_eq!(read(&[0]), Ok(false));
    assert_eq!(read(&[1]), Ok(true));
    assert_eq!(read(&[1, 200]), Ok(Some(200u8)));
    for tag in 2..=255 {
        assert_eq!(read::<bool>(&[tag]), Err(DecodeErrorKind::InvalidTag(tag)));
        assert_eq!(read::<Option<u64>>(&[tag, 0]), Err(DecodeErrorKind::InvalidTag(tag)));
        assert_eq!(read::<Option<u8>>(&[tag, 0]), Err(DecodeErrorKind::InvalidTag(tag)));
    }
}

#[test]
fn strings_are_utf8() {
    assert_eq!(read(&[3, 0xe2, 0x98, 0x83]), Ok("☃".to_owned()));
    assert_eq!(read::<String>(&[2, 0xe2, 0x98]), Err(DecodeErrorKind::InvalidUtf8));
    assert_eq!(read::<String>(&[1, 0xff]), Err(DecodeErrorKind::InvalidUtf8));
}

#[test]
fn byte_strings_share_the_payload() {
    let payload = Bytes::from_static(b"\x03abc");
    let value = Bytes::decode(&mut Reader::new(&payload, "test")).unwrap();
    assert_eq!(value, "abc");
    assert_eq!(value.as_ptr(), payload[1..].as_ptr());
}

/// An error names the field and the byte, and nothing of the content.
#[test]
fn errors_say_where() {
    let payload = Bytes::from_static(b"\x09\x05group\x05topic\xff\xff\xff\xff\x7f\x00");
    let error = Request::decode(&payload).unwrap_err();
    let text = "decoding CommitOffset.partition failed at byte 13: a number exceeds its type";
    assert_eq!(error.to_string(), text);

    let error = Request::decode(&Bytes::from_static(&[40])).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::UnknownDiscriminant(40));
    let error = Request::decode(&Bytes::new()).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::UnexpectedEnd);
}
