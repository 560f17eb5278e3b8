//! Golden vectors: the bytes that the broker's own crates make.

use std::collections::BTreeSet;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use rivven_client::protocol::{FrameDecoder, Received, Records, Request, RequestFrame, Response, encode, header, list};
use serde_json::Value;

use crate::table::TestMessage;
use crate::values::unhex;

/// The correlation id of all frames in the vectors.
const CORRELATION_ID: u32 = 7;

/// One vector with the message that it stands for.
pub(crate) struct Vector<M> {
    pub(crate) title: String,
    pub(crate) message: M,
    pub(crate) payload: Bytes,
    frame: Bytes,
}

/// The vectors of requests.
pub(crate) fn requests() -> Vec<Vector<Request>> {
    load("requests.json")
}

/// The vectors of responses.
pub(crate) fn responses() -> Vec<Vector<Response>> {
    load("responses.json")
}

fn load<M: TestMessage>(file: &str) -> Vec<Vector<M>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testing/vectors");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let vectors = cases.iter().map(|case| {
        let text = |key: &str| case[key].as_str().unwrap();
        let message = M::from_json(text("name"), &case["fields"]);
        let number = case["discriminant"].as_u64().unwrap() as u32;
        assert_eq!(message.identity(), (text("name"), number));
        Vector {
            title: format!("{}: {}", text("name"), text("case")),
            message,
            payload: unhex(text("hex")),
            frame: unhex(text("frame_hex")),
        }
    });
    vectors.collect()
}

fn check_both_ways<M: TestMessage>(vectors: &[Vector<M>]) {
    let kinds: BTreeSet<u32> = vectors.iter().map(|vector| vector.message.identity().1).collect();
    assert!(kinds.into_iter().eq(0..M::COUNT), "every message has a vector");
    for Vector { title, message, payload, frame } in vectors {
        assert_eq!(message.payload(), payload, "encode {title}");
        assert_eq!(M::decode(payload).as_ref(), Ok(message), "decode {title}");

        let header = header(CORRELATION_ID, payload.len());
        assert_eq!([&header, &payload[..]].concat(), *frame, "frame {title}");
        let mut received = BytesMut::from(&frame[..]);
        match FrameDecoder::default().decode(&mut received) {
            Ok(Received::Frame(frame)) => {
                assert_eq!((frame.correlation_id, &frame.payload), (CORRELATION_ID, payload));
            }
            other => panic!("{title}: {other:?}"),
        }
        assert!(received.is_empty());
    }
}

#[test]
fn requests_agree_with_the_vectors_both_ways() {
    check_both_ways(&requests());
}

#[test]
fn responses_agree_with_the_vectors_both_ways() {
    check_both_ways(&responses());
}

#[test]
fn request_frames_agree_with_the_vectors() {
    for Vector { title, message, frame: expected, .. } in requests() {
        let frame = message.encode().unwrap();
        let bytes = [&frame.header(CORRELATION_ID), &frame.payload()[..]].concat();
        assert_eq!(bytes, expected, "{title}");
        assert_eq!(frame.wire_len(), expected.len());
        assert_eq!(frame.name(), message.name());
        assert_eq!(frame.request(), Ok(message));
    }
}

#[test]
fn lazy_records_agree_with_the_vectors() {
    for Vector { message, payload, .. } in responses() {
        let records = Records::decode(&payload).unwrap();
        match (records, message) {
            (Some(records), Response::Messages { messages }) => {
                let lazy: Vec<_> = (0..records.len()).map(|i| records.message(i).unwrap()).collect();
                assert_eq!(lazy, messages);
            }
            (None, other) => assert_ne!(other.name(), "Messages"),
            (Some(_), other) => panic!("records in {other:?}"),
        }
    }
}

fn vector(title: &str) -> Bytes {
    let found = requests().into_iter().find(|vector| vector.title == title);
    found.expect(title).payload
}

/// Lists may come from anywhere as long as their wire form is right.
#[test]
fn borrowed_lists_agree_with_the_vectors() {
    let records: [(Option<&str>, &[u8]); 3] = [(None, b"a"), (Some("k"), b""), (Some(""), b"c")];
    let records = records.iter().map(|(key, value)| (key.map(str::as_bytes), *value));
    let batch =
        encode::PublishBatch { topic: "orders", partition: Some(1), records: &list(records), leader_epoch: None };
    let frame = RequestFrame::new(&batch).unwrap();
    assert_eq!(frame.payload(), &vector("PublishBatch: three records"));

    let partitions = [("a", 0u32), ("b", 200)];
    let add =
        encode::AddPartitionsToTxn { txn_id: "txn-1", producer_id: 1, producer_epoch: 0, partitions: &partitions };
    let frame = RequestFrame::new(&add).unwrap();
    assert_eq!(frame.payload(), &vector("AddPartitionsToTxn: two"));

    let configs = [("retention.ms", Some("60000")), ("cleanup.policy", None)];
    let alter = encode::AlterTopicConfig { topic: "orders", configs: &&configs[..] };
    let frame = RequestFrame::new(&alter).unwrap();
    assert_eq!(frame.payload(), &vector("AlterTopicConfig: set and reset"));
}
