//! Damaged and malicious input: typed errors, no panic, no large allocation.

use bytes::Bytes;
use rivven_client::protocol::{DecodeErrorKind, Records, Response, put_varint};

use crate::counting::allocated_by;
use crate::table::TestMessage;
use crate::vectors::{Vector, requests, responses};

/// Allocated bytes per received byte, at most. The worst that a message can
/// hold is a list of empty strings: a byte each on the wire, 24 in memory.
const MAX_AMPLIFICATION: usize = 48;

/// Allocated bytes that do not depend on the size of the message: the first
/// table of a map.
const MAX_BASE: usize = 16 * 1024;

/// Decodes whatever it is given, and checks what must hold for any input.
fn decode<M: TestMessage>(payload: &Bytes) -> Result<M, DecodeErrorKind> {
    let (result, allocated) = allocated_by(|| M::decode(payload));
    let allowed = MAX_BASE + MAX_AMPLIFICATION * payload.len();
    assert!(allocated <= allowed, "{allocated} bytes for {} in {result:?}", payload.len());
    result.map_err(|error| {
        assert!(error.offset <= payload.len(), "{error}");
        error.kind
    })
}

fn check_cut<M: TestMessage>(vectors: &[Vector<M>]) {
    for Vector { title, payload, .. } in vectors {
        for len in 0..payload.len() {
            use DecodeErrorKind::*;
            match decode::<M>(&payload.slice(..len)) {
                Err(UnexpectedEnd | LengthTooLarge { .. } | CountTooLarge { .. }) => {}
                other => panic!("{title} cut to {len} bytes: {other:?}"),
            }
        }
    }
}

#[test]
fn every_cut_vector_is_refused() {
    check_cut(&requests());
    check_cut(&responses());
}

fn check_trailing<M: TestMessage>(vectors: &[Vector<M>]) {
    for Vector { title, payload, .. } in vectors {
        let longer: Bytes = [&payload[..], &[0, 0]].concat().into();
        let error = decode::<M>(&longer).unwrap_err();
        assert_eq!(error, DecodeErrorKind::TrailingBytes(2), "{title}");
    }
}

#[test]
fn trailing_bytes_are_refused() {
    check_trailing(&requests());
    check_trailing(&responses());
}

/// Every byte of every vector takes every value. What still decodes must
/// survive a round trip.
fn check_mutated<M: TestMessage>(vectors: &[Vector<M>], also: impl Fn(&Bytes)) {
    for Vector { payload, .. } in vectors {
        let mut bytes = payload.to_vec();
        for position in 0..bytes.len() {
            for value in 0..=255 {
                let original = std::mem::replace(&mut bytes[position], value);
                let mutated = Bytes::copy_from_slice(&bytes);
                bytes[position] = original;
                if let Ok(message) = decode::<M>(&mutated) {
                    assert_eq!(M::decode(&message.payload()).as_ref(), Ok(&message));
                }
                also(&mutated);
            }
        }
    }
}

#[test]
fn mutated_requests_do_no_harm() {
    check_mutated(&requests(), |_| {});
}

#[test]
fn mutated_responses_do_no_harm() {
    check_mutated(&responses(), records_agree);
}

/// The lazy view and the full decoder accept and refuse the same payloads.
pub(crate) fn records_agree(payload: &Bytes) {
    let (records, allocated) = allocated_by(|| Records::decode(payload));
    assert!(allocated <= MAX_AMPLIFICATION * payload.len());
    match (records, Response::decode(payload)) {
        (Ok(Some(records)), Ok(Response::Messages { messages })) => {
            let owned: Vec<_> = (0..records.len()).map(|i| records.message(i).unwrap()).collect();
            assert_eq!(owned, messages);
            assert_eq!(records.iter().len(), messages.len());
            for (record, message) in records.iter().zip(&messages) {
                assert_eq!((record.offset, record.partition), (message.offset, message.partition));
                assert_eq!((record.key, record.value), (message.key.as_deref(), &message.value[..]));
                assert_eq!(record.timestamp, message.timestamp);
            }
        }
        (Err(lazy), Err(full)) => assert_eq!((lazy.kind, lazy.offset), (full.kind, full.offset)),
        (Ok(None), Ok(response)) => assert_ne!(response.name(), "Messages"),
        (Ok(None), Err(_)) => assert_ne!(payload.first(), Some(&4)),
        (lazy, full) => panic!("{lazy:?} differs from {full:?}"),
    }
}

/// A list that claims 2^63 or 2^32 entries, or one more than there can be, is
/// refused before room is made for it.
#[test]
fn claimed_counts_are_compared_with_the_data() {
    for (discriminant, rest) in [(4, 6 * 50), (6, 50), (34, 2 * 50), (36, 50)] {
        for count in [51, u64::from(u32::MAX), 1 << 63, u64::MAX] {
            let mut payload = Vec::new();
            put_varint(&mut payload, discriminant);
            if discriminant == 36 {
                payload.extend_from_slice(&[0, 0, 0, 0]);
            }
            put_varint(&mut payload, count);
            payload.resize(payload.len() + rest, 0);
            let kind = decode::<Response>(&payload.into()).unwrap_err();
            assert!(matches!(kind, DecodeErrorKind::CountTooLarge { .. }), "{discriminant}: {kind}");
        }
    }
}

#[test]
fn claimed_lengths_are_compared_with_the_data() {
    for len in [4, u64::from(u32::MAX), u64::MAX] {
        let mut payload = vec![18];
        put_varint(&mut payload, len);
        payload.extend_from_slice(b"abc");
        let kind = decode::<Response>(&payload.into()).unwrap_err();
        assert_eq!(kind, DecodeErrorKind::LengthTooLarge { len, max: 3 });
    }
}

/// A map of equal keys holds one entry, however many are on the wire.
#[test]
fn repeated_map_keys_cost_no_memory() {
    let mut payload = vec![15, 0];
    put_varint(&mut payload, 100_000);
    payload.resize(payload.len() + 200_000, 0);
    let (response, allocated) = allocated_by(|| Response::decode(&payload.into()));
    assert!(matches!(response, Ok(Response::GroupDescription { offsets, .. }) if offsets.len() == 1));
    assert!(allocated < MAX_BASE + 100_000, "{allocated}");
}

#[test]
fn an_answer_holds_a_limited_number_of_records() {
    for (count, accepted) in [(100_000, true), (100_001, false)] {
        let mut payload = vec![4];
        put_varint(&mut payload, count);
        payload.resize(payload.len() + 6 * count as usize, 0);
        let payload = Bytes::from(payload);
        assert_eq!(Response::decode(&payload).is_ok(), accepted);
        records_agree(&payload);
    }
}
