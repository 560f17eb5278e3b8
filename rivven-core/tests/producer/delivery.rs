//! What is sent arrives, once, in order, and its delivery says where.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use rivven_client::compression::{CompressionType, Compressor};
use rivven_client::{
    Client, Deliveries, DeliveryReport, DeliveryReports, ErrorCode, Producer, Result, partition_of_key,
};
use rivven_testkit::{ScriptedBroker, Sink, SinkOptions, TestBroker};

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

/// Many at once over several partitions: their deliveries are kept by batch, and each says where its record went.
#[tokio::test]
async fn the_deliveries_of_many_say_where_each_went() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("many", Some(3)).await?;
    let producer = Producer::new(config(broker.address()).batch_size(500).build()).await?;
    let values: Vec<String> = (0..300).map(|number| format!("value {number}")).collect();
    let keys: Vec<Option<String>> = (0..300).map(|number| (number % 3 == 0).then(|| format!("key {number}"))).collect();
    let records = keys.iter().zip(&values).map(|(key, value)| (key.as_ref().map(String::as_bytes), value.as_bytes()));
    let mut deliveries = Deliveries::default();
    producer.topic("many").enqueue_batch(None, records, &mut deliveries)?;
    soon("all of them", deliveries.settled()).await;
    assert!(deliveries.len() == 300 && deliveries.error().is_none() && deliveries.result(300).is_none());
    let mut written = Vec::new();
    for partition in 0..3 {
        written.push(read(&client, "many", partition).await?);
    }
    for (index, value) in values.iter().enumerate() {
        let place = deliveries.result(index).unwrap()?;
        assert_eq!(written[place.partition as usize][place.offset as usize], value.as_bytes());
    }
    Ok(())
}

#[tokio::test]
async fn of_many_those_before_a_refused_one_are_sent() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let producer = Producer::new(config(broker.address()).buffer_memory(10_000).batch_size(5000).build()).await?;
    producer.refresh_metadata("many").await?;
    let topic = producer.topic("many");
    let (small, large) = (vec![b'x'; 10], vec![b'x'; 20_000]);
    let mut deliveries = Deliveries::default();
    let records = [&small, &small, &large, &small].map(|value| (None::<&[u8]>, value.as_slice()));
    let refused = topic.enqueue_batch(Some(0), records, &mut deliveries).unwrap_err();
    assert_eq!((refused.code(), deliveries.len()), (ErrorCode::RequestTooLarge, 2));
    let refused = topic.hand_over_batch(Some(0), &records[1..], &mut deliveries).await.unwrap_err();
    assert_eq!((refused.code(), deliveries.len()), (ErrorCode::RequestTooLarge, 3));
    soon("those that were taken", deliveries.settled()).await;
    assert_eq!((deliveries.error().is_none(), producer.stats().records_delivered), (true, 3));
    Ok(())
}

/// Keeps the tags of each partition, with the offsets of their records.
#[derive(Debug, Default)]
struct Tags(Mutex<HashMap<u32, Vec<(u64, u64)>>>);

impl DeliveryReports for Tags {
    fn settled(&self, report: DeliveryReport) {
        let places = report.tags().iter().enumerate().map(|(index, tag)| (*tag, report.result(index).unwrap().offset));
        self.0.lock().unwrap().entry(report.partition().unwrap()).or_default().extend(places);
    }
}

/// Among them are records that have keys or partitions, and one that is sent within a frame.
#[tokio::test]
async fn the_tags_of_many_come_back_with_their_places() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("tagged", Some(3)).await?;
    let tags = Arc::new(Tags::default());
    let producer = Producer::with_reports(config(broker.address()).batch_size(500).build(), tags.clone()).await?;
    let mut framed = Vec::new();
    Compressor::new(CompressionType::Lz4)?.encode(&[b'x'; 1000]).append_to(&mut framed);
    let values: Vec<Vec<u8>> = (0..500)
        .map(|number| if number == 77 { framed.clone() } else { format!("value {number}").into_bytes() })
        .collect();
    let keys: Vec<String> = (0..500).map(|number| format!("key {number}")).collect();
    let records = values.iter().zip(&keys).zip(0..).map(|((value, key), tag): (_, u64)| {
        let partition = (tag % 5 == 1).then_some((tag % 3) as u32);
        (partition, (tag % 7 == 2).then_some(key.as_bytes()), value.as_slice(), tag)
    });
    let mut taken = 0;
    producer.topic("tagged").enqueue_batch_tagged(records, &mut taken)?;
    assert_eq!(taken, 500);
    producer.enqueue_tagged("tagged", Some(2), None, b"the last", 500)?;
    soon("all of them", producer.flush()).await?;
    let mut seen = 0;
    let reported = std::mem::take(&mut *tags.0.lock().unwrap());
    for (partition, tags) in reported {
        let written = read(&client, "tagged", partition).await?;
        assert!(tags.is_sorted(), "those of a partition keep their order");
        for (tag, offset) in tags {
            let value = values.get(tag as usize).map_or(&b"the last"[..], Vec::as_slice);
            assert_eq!(written[offset as usize], value, "record {tag}");
            assert!(tag % 5 != 1 || partition == (tag % 3) as u32);
            seen += 1;
        }
    }
    assert_eq!(seen, 501);
    Ok(())
}

/// While many records are handed over their partition is locked, but not for what is called meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_or_places_many_records_may_hand_over_others() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let own: Arc<OnceLock<Producer>> = Arc::default();
    let placing = Arc::clone(&own);
    let by_hand = move |_: &str, _: Option<&[u8]>, value: &[u8], _: u32| {
        let producer = placing.get().filter(|_| value.starts_with(b"value"));
        let _ = producer.map(|producer| producer.enqueue("many", None::<&str>, "from the partitioner"));
        Some(0)
    };
    let config = config(broker.address()).partitioner(by_hand).build();
    let producer = own.get_or_init(|| Producer::unconnected(config.unwrap(), None).unwrap());
    producer.refresh_metadata("many").await?;
    let values: Vec<String> = (0..200).map(|number| format!("value {number}")).collect();
    let records = values.iter().map(|value| {
        drop(producer.enqueue("many", None::<&str>, "from the iterator"));
        (None, value.as_bytes())
    });
    let mut deliveries = Deliveries::default();
    producer.topic("many").enqueue_batch(None, records, &mut deliveries)?;
    soon("all of them", producer.flush()).await?;
    assert_eq!((deliveries.len(), deliveries.error().is_none()), (200, true));
    assert_eq!(producer.stats().records_delivered, 600);
    Ok(())
}

#[derive(Debug, Default)]
struct Counted(AtomicUsize);

impl DeliveryReports for Counted {
    fn settled(&self, report: DeliveryReport) {
        self.0.fetch_add(report.len(), Ordering::Relaxed);
    }
}

/// Those who wait used to be woken before the report was made: a flush could end without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_flush_ends_behind_the_reports() -> Result<()> {
    let sink = Sink::start(SinkOptions::default()).unwrap();
    let counted = Arc::new(Counted::default());
    let producer = Producer::with_reports(config(sink.address()).build(), counted.clone()).await?;
    for number in 1..=500 {
        drop(producer.enqueue("t", None::<&str>, "x")?);
        soon("a flush", producer.flush()).await?;
        assert_eq!(counted.0.load(Ordering::Relaxed), number);
    }
    Ok(())
}

/// A report that was made while the topic was locked, and whose maker asked for something of the topic, never ended.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_gets_a_report_may_use_the_producer() -> Result<()> {
    #[derive(Debug, Default)]
    struct Asks(OnceLock<Producer>, AtomicUsize);
    impl DeliveryReports for Asks {
        fn settled(&self, report: DeliveryReport) {
            if let Some(producer) = self.0.get() {
                producer.stats();
                if report.error().is_some() {
                    drop(producer.enqueue("t", None::<&str>, "again"));
                }
            }
            self.1.fetch_add(report.len(), Ordering::Relaxed);
        }
    }
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let asks = Arc::new(Asks::default());
    let producer = Producer::with_reports(config(broker.address()).build(), asks.clone()).await?;
    let producer = asks.0.get_or_init(|| producer);
    let refused = producer.topic("t").enqueue_to_partition(99, None::<&str>, "v")?;
    assert_eq!(soon("the refusal", refused).await.unwrap_err().code(), ErrorCode::InvalidPartition);
    soon("both reports", async {
        while asks.1.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    Ok(())
}
