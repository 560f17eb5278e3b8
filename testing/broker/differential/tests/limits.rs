//! The limits of both codecs, and where they differ.

use bytes::Bytes;
use rivven_client::protocol as client;
use rivven_client::protocol::{EncodeError, MessageData, Request, Response};
use rivven_differential::{Pair, Source};
use rivven_fuzz::for_each_seed;

/// Random requests, each with a value at or over a limit.
const CASES: u64 = 2_500;

/// Where the client refuses what the broker would accept: names and lists that
/// the broker's check passes over. It could not use any that are too long.
const STRICTER: [(&str, &str); 8] = [
    ("AddOffsetsToTxn", "group_id"),
    ("AddOffsetsToTxn", "offsets"),
    ("AddPartitionsToTxn", "partitions"),
    ("AlterQuotas", "alterations"),
    ("AlterTopicConfig", "configs"),
    ("CreatePartitions", "assignments"),
    ("DescribeQuotas", "entities"),
    ("GetOffsetBounds", "topic"),
];

#[test]
fn the_constants_agree() {
    assert_eq!(client::PROTOCOL_VERSION, rivven_protocol::PROTOCOL_VERSION);
    assert_eq!(client::MAX_MESSAGE_SIZE, rivven_protocol::MAX_MESSAGE_SIZE);
    assert_eq!(client::MAX_WIRE_NAME, rivven_protocol::MAX_NAME_LEN);
    assert_eq!(client::MAX_LIST_ENTRIES, rivven_protocol::MAX_LIST_LEN);
    assert_eq!(client::MAX_SECRET, rivven_protocol::MAX_AUTH_PAYLOAD);
    assert_eq!(client::MAX_RESPONSE_MESSAGES, rivven_protocol::MAX_MESSAGES_PER_RESPONSE);
    assert_eq!(client::HEADER_LEN, 4 + rivven_protocol::WIRE_HEADER_SIZE);
}

/// Whether the broker would accept a message, by the published crate.
fn is_accepted<M: Pair>(message: &M) -> bool {
    message.published_encode(1).and_then(|wire| M::published_decode(&wire)).is_ok()
}

#[test]
fn requests_are_held_to_the_same_limits() {
    for_each_seed("requests_are_held_to_the_same_limits", CASES, |rng| {
        let discriminant = rng.u32(..Request::COUNT);
        let request = Request::random(discriminant, &mut Source::at_limits(rng));
        match (request.client_encode(), is_accepted(&request)) {
            (Ok(_), true) | (Err(_), false) => {}
            (Ok(_), false) => panic!("the broker refuses {}", request.name()),
            (Err(error), true) => assert!(STRICTER.contains(&(request.name(), field(error))), "{error}"),
        }
    });
}

fn field(error: EncodeError) -> &'static str {
    match error {
        EncodeError::NameTooLong { what, .. } | EncodeError::TooManyEntries { what, .. } => what,
        other => panic!("{other}"),
    }
}

#[test]
fn an_answer_holds_as_many_records() {
    let record =
        MessageData { offset: 0, partition: 0, key: None, value: Bytes::new(), timestamp: 0, headers: Vec::new() };
    for (count, accepted) in [(client::MAX_RESPONSE_MESSAGES, true), (client::MAX_RESPONSE_MESSAGES + 1, false)] {
        let answer = Response::Messages { messages: vec![record.clone(); count] };
        assert_eq!(is_accepted(&answer), accepted);
        assert_eq!(Response::decode(&answer.encode()).is_ok(), accepted);
    }
}

/// The client takes what a broker with many topics answers; the published crate
/// does not.
#[test]
fn other_answers_are_held_to_no_limit() {
    let names = vec!["t".repeat(client::MAX_WIRE_NAME + 1); client::MAX_LIST_ENTRIES + 1];
    for answer in [Response::Topics { topics: names.clone() }, Response::Groups { groups: names }] {
        assert!(!is_accepted(&answer));
        assert_eq!(Response::decode(&answer.encode()), Ok(answer));
    }
}
