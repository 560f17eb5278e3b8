//! The sink counts, checks and supplies.

use bytes::Bytes;
use rivven_client::protocol::BatchRecord;
use rivven_client::{Client, Request, Response};
use rivven_testkit::{Sink, SinkOptions, SinkReport, value_checksum};

mod raw;
use raw::Raw;

fn sequenced() -> (Sink, Raw) {
    let sink = Sink::start(SinkOptions { sequenced: true, ..SinkOptions::default() }).unwrap();
    let raw = Raw::connect(&sink.address());
    (sink, raw)
}

/// A record of a producer with its number.
fn record(producer: u64, number: u64) -> BatchRecord {
    let mut value = ((producer << 48) | number).to_le_bytes().to_vec();
    value.extend_from_slice(&[b'x'; 92]);
    BatchRecord { key: number.is_multiple_of(2).then(|| Bytes::from_static(b"key")), value: value.into() }
}

fn batch(partition: u32, records: Vec<BatchRecord>) -> Request {
    Request::PublishBatch { topic: "t".into(), partition: Some(partition), records, leader_epoch: None }
}

fn order(report: &SinkReport) -> (u64, u64) {
    (report.order_violations, report.missing)
}

#[test]
fn counts_and_checksums_every_partition() {
    let (sink, mut raw) = sequenced();
    let records: Vec<BatchRecord> = (0..1000).map(|number| record(0, number)).collect();
    let checksum = records.iter().fold(0u64, |sum, record| sum.wrapping_add(value_checksum(&record.value)));
    let published =
        |base_offset, partition, record_count| Response::PublishedBatch { base_offset, partition, record_count };
    assert_eq!(raw.ask(&batch(3, records[..400].to_vec())), published(0, 3, 400));
    assert_eq!(raw.ask(&batch(3, records[400..].to_vec())), published(400, 3, 600));
    assert_eq!(raw.ask(&batch(5, records.clone())), published(0, 5, 1000));
    let report = sink.report();
    assert_eq!((report.records, report.bytes, report.batches), (2000, 2 * (100 * 1000 + 3 * 500), 3));
    assert_eq!((report.connections, report.requests, report.malformed), (1, 3, 0));
    assert_eq!(order(&report), (0, 0));
    assert_eq!(report.checksum, format!("{:016x}", checksum.wrapping_mul(2)));
    let partition = &report.partitions[0];
    assert_eq!((partition.topic.as_str(), partition.partition, partition.records), ("t", 3, 1000));
    assert_eq!(partition.checksum, format!("{checksum:016x}"));
    sink.reset();
    assert_eq!((sink.report().records, sink.report().partitions.len()), (0, 0));
}

#[test]
fn notices_disorder_repetition_and_loss() {
    let (sink, mut raw) = sequenced();
    let mut send = |partition, numbers: &[u64]| {
        raw.ask(&batch(partition, numbers.iter().map(|number| record(0, *number)).collect()));
        let found = order(&sink.report());
        sink.reset();
        found
    };
    assert_eq!(send(0, &[0, 1, 2, 3]), (0, 0));
    assert_eq!(send(0, &[0, 2, 1, 3]), (1, 1));
    assert_eq!(send(0, &[0, 1, 1, 2]), (1, 0));
    assert_eq!(send(0, &[0, 5]), (0, 4));
    assert_eq!(send(0, &[1]), (0, 1));
    raw.ask(&batch(0, vec![record(0, 0), record(1, 0), record(0, 1), record(1, 1)]));
    raw.ask(&batch(1, vec![record(0, 0)]));
    assert_eq!(order(&sink.report()), (0, 0));
    raw.ask(&batch(0, vec![BatchRecord { key: None, value: "short".into() }]));
    assert_eq!(order(&sink.report()), (1, 0));
}

#[test]
fn acknowledges_every_kind_of_publish() {
    let (sink, mut raw) = sequenced();
    let (topic, partition, leader_epoch) = (|| "t".to_owned(), Some(2), None);
    let (producer_id, producer_epoch) = (1, 0);
    let mut next = (0..).map(|number| record(0, number));
    let mut next = || next.next().unwrap();
    let BatchRecord { key, value } = next();
    let publish = Request::Publish { topic: topic(), partition, key, value, leader_epoch };
    assert_eq!(raw.ask(&publish), Response::Published { offset: 0, partition: 2 });
    let BatchRecord { key, value } = next();
    let (topic_name, sequence) = (topic(), 300);
    let publish = Request::IdempotentPublish {
        topic: topic_name,
        partition,
        key,
        value,
        producer_id,
        producer_epoch,
        sequence,
        leader_epoch,
    };
    assert_eq!(raw.ask(&publish), Response::IdempotentPublished { offset: 1, partition: 2, duplicate: false });
    let BatchRecord { key, value } = next();
    let (txn_id, topic_name, sequence) = ("txn".into(), topic(), -300);
    let publish = Request::TransactionalPublish {
        txn_id,
        topic: topic_name,
        partition,
        key,
        value,
        producer_id,
        producer_epoch,
        sequence,
        leader_epoch,
    };
    assert_eq!(raw.ask(&publish), Response::TransactionalPublished { offset: 2, partition: 2, sequence: -300 });
    let (records, base_sequence) = (vec![next(), next()], 0);
    let publish = Request::IdempotentPublishBatch {
        topic: topic(),
        partition,
        records,
        producer_id,
        producer_epoch,
        base_sequence,
        leader_epoch,
    };
    let (base_offset, partition, record_count, duplicate) = (3, 2, 2, false);
    let published = Response::IdempotentPublishedBatch { base_offset, partition, record_count, duplicate };
    assert_eq!(raw.ask(&publish), published);
    let report = sink.report();
    assert_eq!((report.records, report.batches, order(&report)), (5, 4, (0, 0)));
}

#[test]
fn serves_large_small_and_pipelined_requests() {
    let (sink, mut raw) = sequenced();
    let mut number = 0;
    let mut records = |count: usize| {
        number += count as u64;
        (number - count as u64..number).map(|number| record(0, number)).collect::<Vec<_>>()
    };
    // From far below to far above what the sink reads at once, several under way, at every alignment.
    for (id, count) in (0..).zip([1, 9_000, 3, 9_999, 2, 5_000, 1, 1]) {
        raw.send(id, &batch(0, records(count)));
    }
    let ids: Vec<u32> = (0..8).map(|_| raw.frame().unwrap().0).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5, 6, 7]);
    let mut large = record(0, 24_007);
    large.value = [&large.value[..8], &vec![7; 9_000_000]].concat().into();
    raw.ask(&batch(0, vec![large]));
    let report = sink.report();
    assert_eq!((report.records, order(&report)), (24_008, (0, 0)));
}

#[test]
fn ends_a_connection_that_it_cannot_read() {
    let (sink, mut raw) = sequenced();
    raw.write(&[0, 0, 0, 7, 0, 0, 0, 0, 7, 38, 255]);
    assert_eq!(raw.rest().unwrap(), b"");
    assert_eq!(sink.report().malformed, 1);
}

#[test]
fn supplies_consumers_with_numbered_records() {
    let sink = Sink::start(SinkOptions { records: 250, record_size: 100, ..SinkOptions::default() }).unwrap();
    let mut raw = Raw::connect(&sink.address());
    let mut fetch = |offset, max_messages, isolation_level| {
        let (topic, partition, max_wait_ms) = ("t".into(), 200, Some(0));
        match raw.ask(&Request::Consume { topic, partition, offset, max_messages, isolation_level, max_wait_ms }) {
            Response::Messages { messages } => messages,
            other => panic!("{other:?}"),
        }
    };
    let messages = fetch(120, 100, None);
    assert_eq!(messages.len(), 100);
    for (offset, message) in (120u64..).zip(&messages) {
        assert_eq!((message.offset, message.partition, message.value.len()), (offset, 200, 100));
        assert_eq!(message.value[..8], (offset << 8 | 0x80).to_le_bytes());
        assert!(message.value[8..].starts_with(b"abc"));
    }
    assert_eq!(fetch(220, 100, Some(200)).len(), 30);
    assert!(fetch(250, 100, Some(1)).is_empty());
    assert_eq!(sink.report().served, 130);
    let bounds = raw.ask(&Request::GetOffsetBounds { topic: "t".into(), partition: 0 });
    assert_eq!(bounds, Response::OffsetBounds { earliest: 0, latest: 250 });
}

#[test]
fn an_answer_never_exceeds_the_limit_of_a_frame() {
    let sink = Sink::start(SinkOptions { records: 10_000, record_size: 5_000, ..SinkOptions::default() }).unwrap();
    let (topic, isolation_level, max_wait_ms) = ("t".into(), None, None);
    let consume =
        Request::Consume { topic, partition: 0, offset: 0, max_messages: 10_000, isolation_level, max_wait_ms };
    let mut raw = Raw::connect(&sink.address());
    raw.send(1, &consume);
    let (_, payload) = raw.frame().unwrap();
    assert!(payload.len() < rivven_client::MAX_MESSAGE_SIZE && payload.len() > 10_000_000);
}

#[tokio::test]
async fn a_client_takes_it_for_a_broker() {
    let sink = Sink::start(SinkOptions::default()).unwrap();
    let client = Client::connect(sink.address()).await.unwrap();
    client.ping().await.unwrap();
    assert_eq!(client.create_topic("orders", Some(4)).await.unwrap(), 4);
    assert_eq!(client.get_metadata("orders").await.unwrap().1, 4);
    assert_eq!(client.get_metadata("other").await.unwrap().1, 12);
    assert_eq!(client.publish_with_key("orders", Some("kafka"), "v").await.unwrap(), 0);
    let batch: Vec<(Option<&str>, &str)> = vec![(None, "a"), (None, "b")];
    assert_eq!(client.publish_batch("orders", None, &batch).await.unwrap(), (0, 0, 2));
    assert!(client.consume("orders", 0, 0, 10).await.unwrap().is_empty());
    let report = sink.report();
    let partitions: Vec<(u32, u64)> = report.partitions.iter().map(|p| (p.partition, p.records)).collect();
    assert_eq!(partitions, [(0, 2), (rivven_testkit::partition_of(b"kafka", 12), 1)]);
}
