//! What a scripted broker remembers: sequences, transactions, groups, offsets, settings.

use std::time::Duration;

use rivven_client::protocol::BatchRecord;
use rivven_client::{Request, Response, TopicConfigEntry};
use rivven_testkit::{Kind, ScriptedBroker};

mod raw;
use raw::Raw;

fn broker() -> (ScriptedBroker, Raw) {
    let broker = ScriptedBroker::builder().topic("a", 2).topic("b", 2).sync_timeout_ms(200).start().unwrap();
    let raw = Raw::connect(&broker.address());
    (broker, raw)
}

fn error(response: Response) -> String {
    match response {
        Response::Error { message } => message,
        other => panic!("{other:?}"),
    }
}

fn init(raw: &mut Raw, producer_id: Option<u64>) -> (u64, u16) {
    match raw.ask(&Request::InitProducerId { producer_id }) {
        Response::ProducerIdInitialized { producer_id, producer_epoch } => (producer_id, producer_epoch),
        other => panic!("{other:?}"),
    }
}

fn one(topic: &str, producer_id: u64, producer_epoch: u16, sequence: i32) -> Request {
    let (topic, key, value) = (topic.into(), None, "v".into());
    let (partition, leader_epoch) = (Some(0), None);
    Request::IdempotentPublish { topic, partition, key, value, producer_id, producer_epoch, sequence, leader_epoch }
}

fn batch(producer_id: u64, base_sequence: i32, count: usize) -> Request {
    let records = vec![BatchRecord { key: None, value: "v".into() }; count];
    let (topic, partition, producer_epoch, leader_epoch) = ("a".into(), Some(0), 0, None);
    Request::IdempotentPublishBatch {
        topic,
        partition,
        records,
        producer_id,
        producer_epoch,
        base_sequence,
        leader_epoch,
    }
}

#[test]
fn sequences_follow_each_other() {
    let (broker, mut raw) = broker();
    assert_eq!(init(&mut raw, None), (1, 0));
    assert_eq!(error(raw.ask(&one("a", 1, 0, 1))), "OUT_OF_ORDER_SEQUENCE: expected sequence 0, got 1");
    let published = |offset, duplicate| Response::IdempotentPublished { offset, partition: 0, duplicate };
    assert_eq!(raw.ask(&one("a", 1, 0, 0)), published(0, false));
    assert_eq!(raw.ask(&one("a", 1, 0, 0)), published(0, true));
    assert_eq!(error(raw.ask(&one("a", 1, 0, 2))), "OUT_OF_ORDER_SEQUENCE: expected sequence 1, got 2");
    // The sequences of a partition number are shared by all topics, so this record is lost.
    assert_eq!(raw.ask(&one("b", 1, 0, 0)), published(0, true));
    assert!(broker.records("b", 0).is_empty());

    assert!(error(raw.ask(&one("a", 9, 0, 0))).starts_with("UNKNOWN_PRODUCER_ID"));
    assert_eq!(init(&mut raw, Some(1)), (1, 1));
    assert!(error(raw.ask(&one("a", 1, 0, 1))).starts_with("PRODUCER_FENCED"));
    assert_eq!(raw.ask(&one("a", 1, 1, 0)), published(1, false));
    assert_eq!(raw.ask(&one("a", 1, 7, 0)), published(2, false));
}

#[test]
fn only_the_first_sequence_of_a_batch_is_checked() {
    let (broker, mut raw) = broker();
    init(&mut raw, None);
    let published = |base_offset, record_count, duplicate| Response::IdempotentPublishedBatch {
        base_offset,
        partition: 0,
        record_count,
        duplicate,
    };
    assert_eq!(raw.ask(&batch(1, 0, 3)), published(0, 3, false));
    assert_eq!(raw.ask(&batch(1, 3, 7)), published(3, 7, false));
    // The base is not among the last five sequences, so the offset is that of the newest.
    assert_eq!(raw.ask(&batch(1, 3, 7)), published(9, 7, true));
    // What is new in an overlapping batch is lost.
    assert_eq!(raw.ask(&batch(1, 8, 10)), published(8, 10, true));
    assert_eq!(broker.records("a", 0).len(), 10);
    assert_eq!(error(raw.ask(&batch(1, 12, 1))), "OUT_OF_ORDER_SEQUENCE: expected 10, got 12");
}

/// The calls of one transaction.
struct Transaction {
    id: &'static str,
    producer: u64,
}

impl Transaction {
    fn begin(&self, timeout_ms: Option<u64>) -> Request {
        let (txn_id, producer_id, producer_epoch) = (self.id.into(), self.producer, 0);
        Request::BeginTransaction { txn_id, producer_id, producer_epoch, timeout_ms }
    }

    fn add(&self) -> Request {
        let (txn_id, producer_id, producer_epoch) = (self.id.into(), self.producer, 0);
        Request::AddPartitionsToTxn { txn_id, producer_id, producer_epoch, partitions: vec![("a".into(), 0)] }
    }

    fn publish(&self, sequence: i32) -> Request {
        let (txn_id, producer_id, producer_epoch) = (self.id.into(), self.producer, 0);
        let (topic, partition, key, value, leader_epoch) = ("a".into(), Some(0), None, "t".into(), None);
        Request::TransactionalPublish {
            txn_id,
            topic,
            partition,
            key,
            value,
            producer_id,
            producer_epoch,
            sequence,
            leader_epoch,
        }
    }

    fn offsets(&self) -> Request {
        let (txn_id, producer_id, producer_epoch) = (self.id.into(), self.producer, 0);
        let (group_id, offsets) = ("g".into(), vec![("a".into(), 0, 1)]);
        Request::AddOffsetsToTxn { txn_id, producer_id, producer_epoch, group_id, offsets }
    }

    fn commit(&self) -> Request {
        let (txn_id, producer_id, producer_epoch) = (self.id.into(), self.producer, 0);
        Request::CommitTransaction { txn_id, producer_id, producer_epoch }
    }

    fn abort(&self) -> Request {
        let (txn_id, producer_id, producer_epoch) = (self.id.into(), self.producer, 0);
        Request::AbortTransaction { txn_id, producer_id, producer_epoch }
    }
}

fn visible(raw: &mut Raw, isolation_level: Option<u8>) -> usize {
    let (topic, max_wait_ms) = ("a".into(), None);
    match raw.ask(&Request::Consume { topic, partition: 0, offset: 0, max_messages: 100, isolation_level, max_wait_ms })
    {
        Response::Messages { messages } => messages.len(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn transactions_commit_and_abort() {
    let (broker, mut raw) = broker();
    let (producer, _) = init(&mut raw, None);
    let first = Transaction { id: "first", producer };
    assert!(matches!(raw.ask(&first.begin(None)), Response::TransactionStarted { .. }));
    assert!(error(raw.ask(&first.publish(0))).starts_with("PARTITION_NOT_IN_TXN"));
    assert!(matches!(raw.ask(&first.add()), Response::PartitionsAddedToTxn { partition_count: 1, .. }));
    let second = Transaction { id: "second", producer };
    assert!(error(raw.ask(&second.begin(None))).starts_with("CONCURRENT_TRANSACTIONS"));
    assert_eq!(raw.ask(&first.publish(0)), Response::TransactionalPublished { offset: 0, partition: 0, sequence: 0 });
    assert!(matches!(raw.ask(&first.offsets()), Response::OffsetsAddedToTxn { .. }));
    assert_eq!(broker.committed_offset(0, "g", "a", 0), None);
    assert!(matches!(raw.ask(&first.commit()), Response::TransactionCommitted { .. }));
    assert_eq!(broker.committed_offset(0, "g", "a", 0), Some(1));
    assert!(error(raw.ask(&first.commit())).starts_with("INVALID_TXN_ID"));

    raw.ask(&second.begin(None));
    raw.ask(&second.add());
    assert!(matches!(raw.ask(&second.publish(1)), Response::TransactionalPublished { offset: 2, .. }));
    assert!(matches!(raw.ask(&second.abort()), Response::TransactionAborted { .. }));
    assert_eq!((visible(&mut raw, None), visible(&mut raw, Some(1))), (2, 1));
    assert_eq!(error(raw.ask(&second.publish(2))), "TRANSACTION_ERROR: InvalidTransactionId");
}

#[test]
fn a_transaction_expires_and_is_dead_then() {
    let (_broker, mut raw) = broker();
    let (producer, _) = init(&mut raw, None);
    let late = Transaction { id: "late", producer };
    raw.ask(&late.begin(Some(0)));
    assert_eq!(error(raw.ask(&late.add())), "TRANSACTION_TIMED_OUT");
    assert!(error(raw.ask(&late.commit())).starts_with("INVALID_TXN_STATE: transaction in Dead"));
    assert!(matches!(raw.ask(&late.begin(None)), Response::TransactionStarted { .. }));
    for producer in 10..14 {
        assert!(matches!(raw.ask(&Transaction { id: "t", producer }.begin(None)), Response::TransactionStarted { .. }));
    }
    let sixth = Transaction { id: "t", producer: 14 };
    assert_eq!(error(raw.ask(&sixth.begin(None))), "TRANSACTION_ERROR: TooManyTransactions");
}

fn join(raw: &mut Raw, member: &str) -> (u32, String, String, usize) {
    let response = raw.ask(&Request::JoinGroup {
        group_id: "g".into(),
        member_id: member.into(),
        session_timeout_ms: 0,
        rebalance_timeout_ms: 0,
        protocol_type: "consumer".into(),
        subscriptions: vec!["a".into()],
    });
    match response {
        Response::JoinGroupResult { generation_id, member_id, leader_id, members, .. } => {
            (generation_id, member_id, leader_id, members.len())
        }
        other => panic!("{other:?}"),
    }
}

fn sync(member: &str, generation_id: u32, assigned: &[(&str, u32)]) -> Request {
    let assignments =
        assigned.iter().map(|(member, partition)| ((*member).to_owned(), vec![("a".to_owned(), vec![*partition])]));
    let (group_id, member_id, assignments) = ("g".into(), member.into(), assignments.collect());
    Request::SyncGroup { group_id, generation_id, member_id, assignments }
}

fn heartbeat(raw: &mut Raw, member: &str, generation_id: u32) -> Response {
    raw.ask(&Request::Heartbeat { group_id: "g".into(), generation_id, member_id: member.into() })
}

#[test]
fn groups_balance() {
    let (broker, mut leader) = broker();
    let mut follower = Raw::connect(&broker.address());
    let (generation, first, leader_id, members) = join(&mut leader, "");
    assert_eq!((generation, &leader_id, members), (0, &first, 1));
    assert!(first.starts_with("consumer-"));
    let (generation, second, leader_id, members) = join(&mut follower, "");
    assert_eq!((generation, &leader_id, members), (0, &first, 2));
    assert_eq!(heartbeat(&mut leader, &first, 0), Response::HeartbeatResult { error_code: 27 });

    follower.send(5, &sync(&second, 0, &[]));
    assert!(broker.wait_received(Kind::SyncGroup, 1, Duration::from_secs(20)));
    let unknown = error(leader.ask(&sync(&first, 0, &[("nobody", 0)])));
    assert!(unknown.starts_with("SYNC_GROUP_FAILED: INCONSISTENT_GROUP_PROTOCOL"));
    let share = |partition| Response::SyncGroupResult { assignments: vec![("a".into(), vec![partition])] };
    assert_eq!(leader.ask(&sync(&first, 0, &[(&first, 0), (&second, 1)])), share(0));
    assert_eq!(Response::decode(&follower.frame().unwrap().1.into()).unwrap(), share(1));
    assert_eq!(heartbeat(&mut follower, &second, 0), Response::HeartbeatResult { error_code: 0 });

    assert!(broker.expire_member("g", &first));
    let moved = "HEARTBEAT_FAILED: ILLEGAL_GENERATION: expected 1, got 0";
    assert_eq!(error(heartbeat(&mut follower, &second, 0)), moved);
    assert!(error(heartbeat(&mut leader, &first, 0)).starts_with("HEARTBEAT_FAILED: UNKNOWN_MEMBER_ID"));
    let (generation, _, leader_id, _) = join(&mut follower, &second);
    assert_eq!((generation, &leader_id), (1, &second));

    let leave = Request::LeaveGroup { group_id: "g".into(), member_id: second.clone() };
    assert_eq!(follower.ask(&leave), Response::LeaveGroupResult);
    assert!(error(follower.ask(&leave)).starts_with("LEAVE_GROUP_FAILED: UNKNOWN_GROUP"));
}

#[test]
fn a_follower_waits_for_the_leader_in_vain() {
    let (broker, mut leader) = broker();
    let mut follower = Raw::connect(&broker.address());
    let (_, first, ..) = join(&mut leader, "");
    let (_, second, ..) = join(&mut follower, "");
    assert!(error(follower.ask(&sync(&second, 0, &[]))).starts_with("SYNC_GROUP_FAILED: REBALANCE_TIMEOUT"));

    // A join while it waits takes its wake-up away, as with the real broker.
    follower.send(5, &sync(&second, 0, &[]));
    assert!(broker.wait_received(Kind::SyncGroup, 2, Duration::from_secs(20)));
    join(&mut leader, &first);
    leader.ask(&sync(&first, 0, &[(&first, 0), (&second, 1)]));
    let answer = Response::decode(&follower.frame().unwrap().1.into()).unwrap();
    assert!(error(answer).starts_with("SYNC_GROUP_FAILED: REBALANCE_TIMEOUT"));
}

#[test]
fn offsets_are_committed_and_forgotten() {
    let (broker, mut raw) = broker();
    let commit = |offset| Request::CommitOffset { consumer_group: "g".into(), topic: "a".into(), partition: 0, offset };
    assert!(error(raw.ask(&commit(1))).starts_with("OFFSET_OUT_OF_RANGE"));
    broker.append("a", 0, None, b"v");
    assert_eq!(raw.ask(&commit(1)), Response::OffsetCommitted);
    assert_eq!(broker.committed_offset(0, "g", "a", 0), Some(1));
    broker.kill(0);
    broker.revive(0).unwrap();
    let mut raw = Raw::connect(&broker.address());
    let get = Request::GetOffset { consumer_group: "g".into(), topic: "a".into(), partition: 0 };
    assert_eq!(raw.ask(&get), Response::Offset { offset: Some(1) });
    assert_eq!(raw.ask(&Request::ListGroups), Response::Groups { groups: vec!["g".into()] });
    let group = || "g".to_owned();
    let described = raw.ask(&Request::DescribeGroup { consumer_group: group() });
    assert!(matches!(described, Response::GroupDescription { offsets, .. } if offsets["a"][&0] == 1));
    assert_eq!(raw.ask(&Request::DeleteGroup { consumer_group: group() }), Response::GroupDeleted);
    assert_eq!(error(raw.ask(&Request::DeleteGroup { consumer_group: group() })), "Consumer group 'g' not found");
}

#[test]
fn settings_partitions_and_records_are_administered() {
    let (broker, mut raw) = broker();
    let topic = || "a".to_owned();
    let grown = Request::CreatePartitions { topic: topic(), new_partition_count: 5, assignments: Vec::new() };
    assert_eq!(raw.ask(&grown), Response::PartitionsCreated { topic: topic(), new_partition_count: 5 });
    assert!(error(raw.ask(&grown)).starts_with("INVALID_PARTITIONS"));

    assert_eq!([0, 1, 2].map(|_| broker.append("a", 0, None, b"v")), [0, 1, 2]);
    let delete = Request::DeleteRecords { topic: topic(), partition_offsets: vec![(0, 2), (1, 9)] };
    let Response::RecordsDeleted { results, .. } = raw.ask(&delete) else { panic!("not deleted") };
    assert_eq!((results[0].low_watermark, results[0].error.as_deref()), (2, None));
    assert!(results[1].error.as_deref().unwrap().starts_with("OFFSET_OUT_OF_RANGE"));
    let bounds = Request::GetOffsetBounds { topic: topic(), partition: 0 };
    assert_eq!(raw.ask(&bounds), Response::OffsetBounds { earliest: 2, latest: 3 });

    let set = |key: &str| vec![TopicConfigEntry { key: key.into(), value: Some("1".into()) }];
    let altered = raw.ask(&Request::AlterTopicConfig { topic: topic(), configs: set("retention.ms") });
    assert_eq!(altered, Response::TopicConfigAltered { topic: topic(), changed_count: 1 });
    let refused = raw.ask(&Request::AlterTopicConfig { topic: topic(), configs: set("colour") });
    assert!(error(refused).starts_with("INVALID_CONFIG"));
    let described = raw.ask(&Request::DescribeTopicConfigs { topics: Vec::new() });
    let Response::TopicConfigsDescribed { configs } = described else { panic!("not described") };
    assert!(!configs[0].configs["retention.ms"].is_default && configs[0].configs["segment.ms"].is_default);
}
