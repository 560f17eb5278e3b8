//! What is sent arrives, once, in order, and its delivery says where.

use std::collections::HashMap;

use rivven_client::{Client, ErrorCode, Producer, Result, partition_of_key};
use rivven_testkit::{Sink, SinkOptions, TestBroker};

use super::{config, producer, soon};

async fn read(client: &Client, topic: &str, partition: u32) -> Result<Vec<Vec<u8>>> {
    let mut values = Vec::new();
    loop {
        let records = client.consume(topic, partition, values.len() as u64, 10_000).await?;
        if records.is_empty() {
            return Ok(values);
        }
        values.extend(records.iter().map(|record| record.value.to_vec()));
    }
}

// covers: F053 rust
// covers: F054 rust
#[tokio::test]
async fn a_record_goes_where_its_delivery_says() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("orders", Some(4)).await?;
    let producer = producer(broker.address()).await?;
    let first = producer.send("orders", b"one").await?;
    assert_eq!(
        (&*first.topic, first.duplicate, first.maybe_duplicate, first.offset_exact),
        ("orders", false, false, true)
    );
    assert_eq!(read(&client, "orders", first.partition).await?, [b"one"]);
    let keyed = producer.send_with_key("orders", Some("key"), "two").await?;
    assert_eq!(keyed.partition, partition_of_key(b"key", 4));
    let placed = producer.send_to_partition("orders", 3, None::<&str>, "three").await?;
    assert_eq!(placed.partition, 3);
    let record = &client.consume("orders", keyed.partition, keyed.offset, 1).await?[0];
    assert_eq!((record.key.as_deref(), &record.value[..]), (Some(&b"key"[..]), &b"two"[..]));
    let wrong = producer.send_to_partition("orders", 4, None::<&str>, "four").await.unwrap_err();
    assert_eq!(wrong.code(), ErrorCode::InvalidPartition);
    soon("close", producer.close()).await
}

/// Everything is handed over before the topic is known to exist.
#[tokio::test]
async fn records_of_an_unknown_topic_wait_for_it_in_order() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let producer = producer(broker.address()).await?;
    let topic = producer.topic("fresh");
    let mut deliveries = Vec::new();
    for number in 0..100 {
        deliveries.push(topic.enqueue(None::<&str>, format!("any {number}"))?);
        deliveries.push(topic.enqueue(Some("k"), format!("keyed {number}"))?);
        deliveries.push(topic.enqueue_to_partition(1, None::<&str>, format!("placed {number}"))?);
    }
    let mut offsets: HashMap<u32, Vec<u64>> = HashMap::new();
    for delivery in deliveries {
        let metadata = soon("a delivery", delivery).await?;
        offsets.entry(metadata.partition).or_default().push(metadata.offset);
    }
    for (partition, offsets) in offsets {
        assert!(offsets.is_sorted(), "partition {partition}: {offsets:?}");
    }
    assert_eq!(producer.get_partition_count("fresh").await?, 3);
    producer.close().await
}

// covers: F055 rust
// covers: F056 rust
// covers: F080 rust
#[tokio::test]
async fn many_records_arrive_in_order() -> Result<()> {
    let sink = Sink::start(SinkOptions { sequenced: true, ..SinkOptions::default() }).unwrap();
    let producer = Producer::new(config(sink.address()).batch_size(4096).linger_ms(1).build()).await?;
    let topic = producer.topic("t");
    producer.refresh_metadata("t").await?;
    let mut numbers = [0u64; 12];
    for record in 0..100_000u64 {
        let partition = record % 12;
        let value = [&numbers[partition as usize].to_le_bytes()[..], &[7; 92]].concat();
        numbers[partition as usize] += 1;
        drop(topic.enqueue_to_partition(partition as u32, None::<&str>, value)?);
    }
    soon("flush", producer.flush()).await?;
    let report = sink.report();
    assert_eq!(report.records, 100_000, "{report:?}");
    assert_eq!(report.order_violations, 0, "{report:?}");
    let stats = producer.stats();
    assert_eq!((stats.records_sent, stats.records_delivered, stats.records_failed), (100_000, 100_000, 0));
    assert_eq!((stats.pending(), stats.success_rate(), stats.bytes_buffered), (0, 1.0, 0));
    assert!(stats.batches_sent > 2000 && stats.batches_sent < 20_000, "{stats:?}");
    producer.close().await
}
