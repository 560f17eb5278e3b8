//! The scripted broker and the real one, asked the same.
//!
//! Answers are compared whole, but for times, for ids that are chosen at random
//! and for the wording of errors behind their code.

use rivven_client::protocol::BatchRecord;
use rivven_client::{Request, Response, TopicConfigEntry};
use rivven_testkit::{ScriptedBroker, TestBroker};

mod raw;
use raw::Raw;

/// The two connections.
struct Pair {
    real: Raw,
    scripted: Raw,
}

impl Pair {
    /// Asks both; the answer of the real broker, once it is seen to be that of the scripted one.
    #[track_caller]
    fn ask(&mut self, request: &Request) -> Response {
        let (real, scripted) = (self.real.ask(request), self.scripted.ask(request));
        assert_eq!(normal(scripted), normal(real.clone()), "{request:?}");
        real
    }
}

/// What two brokers have to agree about.
fn normal(response: Response) -> Response {
    match response {
        Response::Error { message } => Response::Error { message: code(&message).to_owned() },
        Response::Messages { mut messages } => {
            messages.iter_mut().for_each(|message| message.timestamp = 0);
            Response::Messages { messages }
        }
        Response::Topics { mut topics } => {
            topics.sort();
            Response::Topics { topics }
        }
        Response::RecordsDeleted { topic, mut results } => {
            let codes = results.iter_mut().filter_map(|result| result.error.as_mut());
            codes.for_each(|error| *error = code(error).to_owned());
            Response::RecordsDeleted { topic, results }
        }
        other => other,
    }
}

/// The code of an error, or all of it; two codes where they are nested, and numbers where they tell the client something.
fn code(message: &str) -> &str {
    let nested = message.starts_with("OUT_OF_ORDER_SEQUENCE") || message.contains("ILLEGAL_GENERATION");
    match message.split_once(": ") {
        _ if nested => message,
        Some((first, rest)) if first.ends_with("_GROUP_FAILED") || first == "HEARTBEAT_FAILED" => {
            let second = rest.find(':').unwrap_or(rest.len());
            &message[..first.len() + 2 + second]
        }
        Some((first, _)) if !first.starts_with("Topic") => first,
        _ => message,
    }
}

fn pair() -> (TestBroker, ScriptedBroker, Pair) {
    let (real, scripted) =
        (TestBroker::builder().log_level("error").start().unwrap(), ScriptedBroker::start().unwrap());
    let pair = Pair { real: Raw::connect(real.address()), scripted: Raw::connect(&scripted.address()) };
    (real, scripted, pair)
}

fn publish(partition: Option<u32>, key: Option<&'static str>) -> Request {
    let (topic, key, value) = ("a".into(), key.map(Into::into), "v".into());
    Request::Publish { topic, partition, key, value, leader_epoch: None }
}

fn consume(offset: u64, max_messages: u32) -> Request {
    let (isolation_level, max_wait_ms) = (None, None);
    Request::Consume { topic: "a".into(), partition: 0, offset, max_messages, isolation_level, max_wait_ms }
}

fn topic(name: &str) -> String {
    name.to_owned()
}

#[test]
fn records_and_topics() {
    let (_real, _scripted, mut both) = pair();
    for version in [2, 1] {
        both.ask(&Request::Handshake { protocol_version: version, client_id: "test".into() });
    }
    for (name, partitions) in
        [("a", Some(3)), ("a", None), ("b", None), ("_x", None), ("c", Some(0)), ("c", Some(1001))]
    {
        both.ask(&Request::CreateTopic { name: topic(name), partitions });
    }
    both.ask(&Request::ListTopics);
    for key in ["", "hello", "kafka", "user-123"] {
        both.ask(&publish(None, Some(key)));
    }
    both.ask(&publish(Some(0), None));
    both.ask(&publish(Some(9), None));
    let records = vec![BatchRecord { key: None, value: "b".into() }; 4];
    let batch = |records| Request::PublishBatch { topic: topic("a"), partition: Some(0), records, leader_epoch: None };
    both.ask(&batch(records));
    both.ask(&batch(Vec::new()));
    for (offset, max_messages) in [(0, 100), (3, 2), (0, 0), (99, 10)] {
        both.ask(&consume(offset, max_messages));
    }
    for (name, partition) in [("a", 0), ("a", 9), ("none", 0)] {
        both.ask(&Request::GetOffsetBounds { topic: topic(name), partition });
        both.ask(&Request::GetMetadata { topic: topic(name) });
        both.ask(&Request::GetOffsetForTimestamp { topic: topic(name), partition, timestamp_ms: 0 });
        let (isolation_level, max_wait_ms) = (None, None);
        let (topic, offset, max_messages) = (topic(name), 0, 1);
        both.ask(&Request::Consume { topic, partition, offset, max_messages, isolation_level, max_wait_ms });
    }
}

#[test]
fn administration() {
    let (_real, _scripted, mut both) = pair();
    both.ask(&Request::CreateTopic { name: topic("a"), partitions: Some(2) });
    (0..4).for_each(|_| drop(both.ask(&publish(Some(0), None))));
    for count in [2, 4] {
        let (topic, assignments) = (topic("a"), Vec::new());
        both.ask(&Request::CreatePartitions { topic, new_partition_count: count, assignments });
    }
    for offset in [2, 1, 9] {
        both.ask(&Request::DeleteRecords { topic: topic("a"), partition_offsets: vec![(0, offset)] });
        both.ask(&Request::GetOffsetBounds { topic: topic("a"), partition: 0 });
        both.ask(&consume(0, 10));
    }
    for key in ["retention.ms", "colour"] {
        let configs = vec![TopicConfigEntry { key: key.into(), value: Some("1".into()) }];
        both.ask(&Request::AlterTopicConfig { topic: topic("a"), configs });
    }
    for name in ["a", "a", "none"] {
        both.ask(&Request::DeleteTopic { name: topic(name) });
        both.ask(&Request::GetMetadata { topic: topic(name) });
    }
}

#[test]
fn offsets_of_groups() {
    let (_real, _scripted, mut both) = pair();
    (0..4).for_each(|_| drop(both.ask(&publish(Some(0), None))));
    for (group, name, partition, offset) in [
        ("g", "a", 0, 4),
        ("g", "a", 0, 2),
        ("g", "a", 0, 5),
        ("g", "a", 9, 0),
        ("g", "none", 0, 0),
        ("g g", "a", 0, 0),
    ] {
        both.ask(&Request::CommitOffset { consumer_group: group.into(), topic: topic(name), partition, offset });
        both.ask(&Request::GetOffset { consumer_group: group.into(), topic: topic(name), partition });
    }
    for group in ["g", "none", "g"] {
        both.ask(&Request::ListGroups);
        both.ask(&Request::DescribeGroup { consumer_group: group.into() });
        both.ask(&Request::DeleteGroup { consumer_group: group.into() });
    }
}

#[test]
fn idempotence() {
    let (_real, _scripted, mut both) = pair();
    both.ask(&Request::InitProducerId { producer_id: None });
    let one = |producer_epoch, sequence| Request::IdempotentPublish {
        topic: topic("a"),
        partition: Some(0),
        key: None,
        value: "v".into(),
        producer_id: 1,
        producer_epoch,
        sequence,
        leader_epoch: None,
    };
    let batch = |producer_id, base_sequence, count| Request::IdempotentPublishBatch {
        topic: topic("a"),
        partition: Some(0),
        records: vec![BatchRecord { key: None, value: "b".into() }; count],
        producer_id,
        producer_epoch: 0,
        base_sequence,
        leader_epoch: None,
    };
    for sequence in [1, -1, 0, 0, 2, 1, 2, 0] {
        both.ask(&one(0, sequence));
    }
    for (base, count) in [(3, 7), (3, 7), (5, 2), (8, 4), (12, 1), (10, 0)] {
        both.ask(&batch(1, base, count));
    }
    both.ask(&batch(77, 0, 1));
    both.ask(&Request::InitProducerId { producer_id: Some(1) });
    both.ask(&one(0, 3));
    both.ask(&one(1, 0));
    both.ask(&one(4, 0));
    both.ask(&one(1, 1));
    both.ask(&Request::InitProducerId { producer_id: Some(500) });
    both.ask(&Request::InitProducerId { producer_id: None });
    both.ask(&consume(0, 100));
}

#[test]
fn transactions() {
    let (_real, _scripted, mut both) = pair();
    both.ask(&publish(Some(0), None));
    let Response::ProducerIdInitialized { producer_id, .. } = both.ask(&Request::InitProducerId { producer_id: None })
    else {
        panic!("no id")
    };
    let begin = |id: &str, producer_epoch| Request::BeginTransaction {
        txn_id: id.into(),
        producer_id,
        producer_epoch,
        timeout_ms: None,
    };
    let add = |id: &str| {
        let (partitions, producer_epoch) = (vec![(topic("a"), 0), (topic("a"), 1)], 0);
        Request::AddPartitionsToTxn { txn_id: id.into(), producer_id, producer_epoch, partitions }
    };
    let write = |id: &str, partition, sequence| Request::TransactionalPublish {
        txn_id: id.into(),
        topic: topic("a"),
        partition: Some(partition),
        key: None,
        value: "t".into(),
        producer_id,
        producer_epoch: 0,
        sequence,
        leader_epoch: None,
    };
    let commit = |id: &str| Request::CommitTransaction { txn_id: id.into(), producer_id, producer_epoch: 0 };
    let abort = |id: &str| Request::AbortTransaction { txn_id: id.into(), producer_id, producer_epoch: 0 };
    for request in [
        write("t", 0, 0),
        add("t"),
        commit("t"),
        begin("t", 0),
        begin("t", 0),
        begin("u", 0),
        begin("t", 1),
        write("t", 0, 0),
        add("t"),
        write("t", 0, 0),
        write("t", 0, 0),
        write("t", 2, 0),
        write("t", 0, 2),
        commit("t"),
        commit("t"),
        begin("u", 0),
        add("u"),
        write("u", 0, 1),
        abort("u"),
        abort("u"),
    ] {
        both.ask(&request);
    }
    for partition in 0..2 {
        both.ask(&Request::GetOffsetBounds { topic: topic("a"), partition });
    }
    for (offset, isolation_level) in [(0, None), (0, Some(1)), (2, None)] {
        let (topic, max_wait_ms) = (topic("a"), None);
        both.ask(&Request::Consume { topic, partition: 0, offset, max_messages: 1, isolation_level, max_wait_ms });
        let topic = self::topic("a");
        both.ask(&Request::Consume { topic, partition: 0, offset, max_messages: 9, isolation_level, max_wait_ms });
    }
}

#[test]
fn groups() {
    let (_real, _scripted, mut both) = pair();
    let join = |member: &str| Request::JoinGroup {
        group_id: "g".into(),
        member_id: member.into(),
        session_timeout_ms: 60_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".into(),
        subscriptions: vec![topic("a")],
    };
    let sync = |member: &str, generation_id, assigned: &[&str]| Request::SyncGroup {
        group_id: "g".into(),
        generation_id,
        member_id: member.into(),
        assignments: assigned.iter().map(|member| ((*member).to_owned(), vec![(topic("a"), vec![0])])).collect(),
    };
    let beat = |member: &str, generation_id| Request::Heartbeat {
        group_id: "g".into(),
        generation_id,
        member_id: member.into(),
    };
    let leave = |member: &str| Request::LeaveGroup { group_id: "g".into(), member_id: member.into() };
    for request in [
        beat("m", 0),
        leave("m"),
        sync("m", 0, &[]),
        join("m"),
        beat("m", 0),
        beat("n", 0),
        sync("m", 1, &["m"]),
        sync("m", 0, &["x"]),
        sync("m", 0, &["m"]),
        beat("m", 0),
        sync("m", 0, &[]),
        join("m"),
        beat("m", 0),
        sync("m", 1, &["m"]),
        beat("m", 1),
        leave("x"),
        leave("m"),
    ] {
        both.ask(&request);
    }
}
