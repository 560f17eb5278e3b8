//! The limits of requests and names, at their exact edges.

use bytes::Bytes;
use rivven_client::protocol::{
    BatchRecord, EncodeError, MAX_LIST_ENTRIES, MAX_MESSAGE_SIZE, MAX_RECORD_SIZE, NameProblem, Request,
    check_group_name, check_record, check_topic_name,
};

use crate::counting::allocated_by;

fn zeros(len: usize) -> Bytes {
    vec![0; len].into()
}

/// Encodes, and checks that nothing is allocated for what is refused.
fn encode(request: &Request) -> Result<usize, EncodeError> {
    let (result, allocated) = allocated_by(|| request.encode());
    match result {
        Ok(frame) => {
            assert_eq!(allocated, frame.payload().len(), "one allocation of the exact size");
            Ok(frame.wire_len() - 4)
        }
        Err(error) => {
            assert_eq!(allocated, 0, "{error}");
            Err(error)
        }
    }
}

fn publish(key: Option<Bytes>, value: Bytes) -> Request {
    Request::Publish { topic: "t".into(), partition: None, key, value, leader_epoch: None }
}

fn batch(records: Vec<BatchRecord>) -> Request {
    Request::PublishBatch { topic: "t".into(), partition: None, records, leader_epoch: None }
}

#[test]
fn key_and_value_of_a_record_share_a_limit() {
    let too_large = EncodeError::RecordTooLarge { size: MAX_RECORD_SIZE + 1, max: MAX_RECORD_SIZE };
    assert!(encode(&publish(None, zeros(MAX_RECORD_SIZE))).is_ok());
    assert_eq!(encode(&publish(None, zeros(MAX_RECORD_SIZE + 1))), Err(too_large));
    assert!(encode(&publish(Some(zeros(100)), zeros(MAX_RECORD_SIZE - 100))).is_ok());
    assert_eq!(encode(&publish(Some(zeros(101)), zeros(MAX_RECORD_SIZE - 100))), Err(too_large));

    let record = |key, value| BatchRecord { key: Some(zeros(key)), value: zeros(value) };
    assert!(encode(&batch(vec![record(100, MAX_RECORD_SIZE - 100)])).is_ok());
    assert_eq!(encode(&batch(vec![record(101, MAX_RECORD_SIZE - 100)])), Err(too_large));

    assert_eq!(check_record(100, MAX_RECORD_SIZE - 100), Ok(()));
    assert_eq!(check_record(101, MAX_RECORD_SIZE - 100), Err(too_large));
    assert!(check_record(usize::MAX, usize::MAX).is_err());
}

/// Many records that are each within their limit fill a frame to the byte.
#[test]
fn the_frame_has_a_limit() {
    let half = MAX_MESSAGE_SIZE / 2;
    let record = |len| BatchRecord { key: None, value: zeros(len) };
    // Frame header 5, discriminant 1, topic 2, partition 1, count 1, epoch 1,
    // and for each record a key tag and a value length of 4.
    let overhead = 5 + 1 + 2 + 1 + 1 + 1 + 2 * 5;
    let full = |extra| batch(vec![record(half), record(half - overhead + extra)]);
    assert_eq!(encode(&full(0)), Ok(MAX_MESSAGE_SIZE));
    let size = MAX_MESSAGE_SIZE + 1;
    assert_eq!(encode(&full(1)), Err(EncodeError::FrameTooLarge { size, max: MAX_MESSAGE_SIZE }));
}

#[test]
fn lists_have_a_limit() {
    let max = MAX_LIST_ENTRIES;
    let record = BatchRecord { key: None, value: Bytes::new() };
    assert!(encode(&batch(vec![record.clone(); max])).is_ok());
    let error = EncodeError::TooManyEntries { what: "records", count: max + 1, max };
    assert_eq!(encode(&batch(vec![record; max + 1])), Err(error));

    let sync = |count| Request::SyncGroup {
        group_id: "g".into(),
        generation_id: 0,
        member_id: "m".into(),
        assignments: vec![("m".into(), vec![("t".into(), vec![0; count])])],
    };
    assert!(encode(&sync(max)).is_ok());
    let error = EncodeError::TooManyEntries { what: "assignments", count: max + 1, max };
    assert_eq!(encode(&sync(max + 1)), Err(error));
}

#[test]
fn names_have_a_limit_in_bytes() {
    let delete = |len: usize| Request::DeleteTopic { name: "é".repeat(len / 2) };
    assert!(encode(&delete(256)).is_ok());
    let error = EncodeError::NameTooLong { what: "name", len: 258, max: 256 };
    assert_eq!(encode(&delete(258)), Err(error));

    let metadata = |len| Request::GetClusterMetadata { topics: vec!["t".into(), "t".repeat(len)] };
    assert!(encode(&metadata(256)).is_ok());
    let error = EncodeError::NameTooLong { what: "topics", len: 257, max: 256 };
    assert_eq!(encode(&metadata(257)), Err(error));

    let sasl = |len| Request::SaslAuthenticate { mechanism: zeros(len), auth_bytes: Bytes::new() };
    assert!(encode(&sasl(256)).is_ok());
    let error = EncodeError::NameTooLong { what: "mechanism", len: 257, max: 256 };
    assert_eq!(encode(&sasl(257)), Err(error));
}

#[test]
fn secrets_have_a_limit_of_their_own() {
    let login = |user: usize, password: usize| Request::Authenticate {
        username: "u".repeat(user),
        password: "p".repeat(password),
        require_tls: true,
    };
    assert!(encode(&login(256, 65_536)).is_ok());
    let error = EncodeError::NameTooLong { what: "password", len: 65_537, max: 65_536 };
    assert_eq!(encode(&login(256, 65_537)), Err(error));
    let error = EncodeError::NameTooLong { what: "username", len: 257, max: 256 };
    assert_eq!(encode(&login(257, 1)), Err(error));

    assert!(encode(&Request::ScramClientFinal { message: zeros(65_536) }).is_ok());
    let error = EncodeError::NameTooLong { what: "message", len: 65_537, max: 65_536 };
    assert_eq!(encode(&Request::ScramClientFinal { message: zeros(65_537) }), Err(error));
}

#[test]
fn topic_names_follow_the_rules_of_the_broker() {
    let longest = "a".repeat(255);
    for name in ["a", "0", "orders", "Orders.v2_eu-west", "a.", "a-_", &longest] {
        assert_eq!(check_topic_name(name), Ok(()), "{name}");
    }
    let problem = |name: &str| check_topic_name(name).unwrap_err().problem;
    assert_eq!(problem(""), NameProblem::Empty);
    assert_eq!(problem(&"a".repeat(256)), NameProblem::TooLong { len: 256 });
    for first in ['_', '.', '-', ' ', 'ö', '/'] {
        assert_eq!(problem(&format!("{first}a")), NameProblem::BadFirst { found: first });
    }
    for found in [' ', '/', '\\', ':', '\0', '\n', 'ö', '☃'] {
        assert_eq!(problem(&format!("ab{found}c")), NameProblem::BadCharacter { found, at: 2 });
    }
    assert_eq!(problem("a..b"), NameProblem::DoubleDot { at: 1 });
    assert_eq!(problem("a.b.."), NameProblem::DoubleDot { at: 3 });
}

#[test]
fn group_names_may_have_two_dots() {
    assert_eq!(check_group_name("a..b"), Ok(()));
    let error = check_group_name("_a").unwrap_err();
    assert_eq!(error.what, "group");
    let text = "the group name begins with '_' where a letter or digit is needed";
    assert_eq!(error.to_string(), text);
}
