//! Random messages and random bytes.

use arbtest::arbitrary::Unstructured;
use arbtest::arbtest;
use bytes::Bytes;
use rivven_client::protocol::{BatchRecord, MessageData, Request, RequestFrame, Response, encode, list};

use crate::hostile::records_agree;
use crate::table::TestMessage;
use crate::values::TestValue;

/// Random data per case, at least and at most.
const SIZE: (u32, u32) = (64, 16 * 1024);

fn check(property: impl FnMut(&mut Unstructured<'_>) -> arbtest::arbitrary::Result<()>) {
    arbtest(property).size_min(SIZE.0).size_max(SIZE.1).budget_ms(1500);
}

fn survives_a_round_trip<M: TestMessage>() {
    check(|u| {
        let message = M::random(u.int_in_range(0..=M::COUNT - 1)?, u)?;
        let payload = message.payload();
        assert_eq!(M::decode(&payload), Ok(message));
        Ok(())
    });
}

#[test]
fn random_requests_survive_a_round_trip() {
    survives_a_round_trip::<Request>();
}

#[test]
fn random_responses_survive_a_round_trip() {
    survives_a_round_trip::<Response>();
}

/// A few bytes of a random message change, so that decoding gets far.
#[test]
fn damaged_responses_do_no_harm() {
    check(|u| {
        let number = u.int_in_range(0..=Response::COUNT - 1)?;
        let mut payload = Response::random(number, u)?.payload().to_vec();
        for _ in 0..u.int_in_range(1..=4)? {
            let position = u.choose_index(payload.len())?;
            payload[position] = u.arbitrary()?;
        }
        payload.truncate(u.int_in_range(1..=payload.len())?);
        records_agree(&payload.into());
        Ok(())
    });
}

#[test]
fn random_bytes_do_no_harm() {
    check(|u| {
        let number = u.int_in_range(0..=Response::COUNT)? as u8;
        let bytes = u.bytes(u.len())?;
        let payload = Bytes::from([&[number], bytes].concat());
        let _ = Request::decode(&payload);
        records_agree(&payload);
        Ok(())
    });
}

#[test]
fn lazy_records_agree_with_the_decoder() {
    check(|u| {
        let messages = Vec::<MessageData>::random(u)?;
        records_agree(&Response::Messages { messages }.encode());
        Ok(())
    });
}

/// Records borrowed from anywhere make the same bytes as owned ones.
#[test]
fn borrowed_batches_equal_owned_ones() {
    check(|u| {
        let records = Vec::<BatchRecord>::random(u)?;
        let borrowed = list(records.iter().map(|r| (r.key.as_deref(), r.value.as_ref())));
        let batch = encode::IdempotentPublishBatch {
            topic: "t",
            partition: Some(1),
            records: &borrowed,
            producer_id: 2,
            producer_epoch: 3,
            base_sequence: 4,
            leader_epoch: None,
        };
        let frame = RequestFrame::new(&batch).unwrap();
        let owned = Request::IdempotentPublishBatch {
            topic: "t".into(),
            partition: Some(1),
            records: records.clone(),
            producer_id: 2,
            producer_epoch: 3,
            base_sequence: 4,
            leader_epoch: None,
        };
        assert_eq!(Ok(frame), owned.encode());
        Ok(())
    });
}
