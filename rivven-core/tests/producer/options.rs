//! What options change.

use std::time::Duration;

use rivven_client::{Client, CompressionType, Decompression, OFFSET_UNKNOWN, Producer, ProducerConfig, Result};
use rivven_testkit::{Kind, ScriptedBroker, Sink, SinkOptions, TestBroker};

use super::{config, soon};

fn broker() -> ScriptedBroker {
    ScriptedBroker::builder().topic("t", 1).start().unwrap()
}

// covers: F069 rust
#[cfg(feature = "compression")]
#[tokio::test]
async fn values_are_compressed_one_by_one_and_read_back() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    let values: Vec<Vec<u8>> = (0..50u8).map(|number| [&[number], &[b'x'; 999][..]].concat()).collect();
    for compression in [CompressionType::Lz4, CompressionType::Snappy, CompressionType::Zstd, CompressionType::None] {
        let topic = format!("compressed-{}", compression.as_ref());
        client.create_topic(&topic, Some(1)).await?;
        let producer =
            Producer::new(config(broker.address()).compression_type(compression).linger_ms(50).build()).await?;
        producer.refresh_metadata(&topic).await?;
        let records: Vec<_> = values.iter().map(|value| (Some("key"), value)).collect();
        soon("a batch", producer.send_batch(&topic, &records)).await?;
        let read = client.consume(&topic, 0, 0, 100).await?;
        assert_eq!(read.iter().map(|record| record.value.to_vec()).collect::<Vec<_>>(), values);
        client.set_decompression(Decompression::Never);
        let stored: usize = client.consume(&topic, 0, 0, 100).await?.iter().map(|record| record.value.len()).sum();
        client.set_decompression(Decompression::Auto);
        assert_eq!(stored < 20_000, compression != CompressionType::None, "{topic}: {stored} bytes");
    }
    Ok(())
}

/// A plain value that reads like a frame of ours must not be taken for one.
#[cfg(feature = "compression")]
#[tokio::test]
async fn a_value_that_looks_compressed_is_read_back_as_it_was() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let mut compressor = rivven_client::compression::Compressor::new(CompressionType::Lz4)?;
    let mut frame = Vec::new();
    compressor.encode(&[7; 500]).append_to(&mut frame);
    let producer = Producer::new(config(broker.address()).build()).await?;
    let sent = producer.send("t", &frame).await?;
    let client = Client::connect(broker.address()).await?;
    assert_eq!(client.consume("t", sent.partition, sent.offset, 1).await?[0].value, frame);
    Ok(())
}

// covers: F066 rust
#[tokio::test]
async fn without_acknowledgement_nothing_is_waited_for() -> Result<()> {
    let broker = broker();
    let producer = Producer::new(config(broker.address()).acks(0).build()).await?;
    broker.on(Kind::PublishBatch).once().hold();
    let metadata = soon("a delivery", producer.send("t", "v")).await?;
    assert_eq!((metadata.offset, metadata.offset_exact), (OFFSET_UNKNOWN, false));
    // What is released before it has come stays held.
    broker.until_received(Kind::PublishBatch, 1).await;
    broker.release();
    soon("close", producer.close()).await
}

#[tokio::test]
async fn a_linger_gathers_and_a_full_batch_does_not_wait() -> Result<()> {
    let broker = broker();
    let patient = Producer::new(config(broker.address()).linger_ms(200).batch_size(1000).build()).await?;
    patient.refresh_metadata("t").await?;
    let few: Vec<_> = (0..5).map(|_| patient.enqueue("t", None::<&str>, "v").unwrap()).collect();
    for delivery in few {
        soon("a delivery", delivery).await?;
    }
    assert_eq!(broker.requests_of(Kind::PublishBatch).len(), 1);
    let forever = Producer::new(config(broker.address()).linger_ms(60_000).batch_size(1000).build()).await?;
    forever.refresh_metadata("t").await?;
    let full: Vec<_> = (0..11).map(|_| forever.enqueue("t", None::<&str>, [0; 97]).unwrap()).collect();
    for delivery in full.into_iter().take(10) {
        soon("a delivery of a full batch", delivery).await?;
    }
    soon("flush", forever.flush()).await?;
    assert_eq!(forever.stats().pending(), 0);
    Ok(())
}

// covers: F058 rust
#[tokio::test]
async fn without_a_linger_a_batch_fills_while_its_connection_is_busy() -> Result<()> {
    let broker = broker();
    let producer = Producer::new(config(broker.address()).build()).await?;
    producer.refresh_metadata("t").await?;
    broker.on(Kind::PublishBatch).once().hold();
    let first = producer.enqueue("t", None::<&str>, "v")?;
    broker.until_received(Kind::PublishBatch, 1).await;
    let rest: Vec<_> = (0..50).map(|_| producer.enqueue("t", None::<&str>, "v").unwrap()).collect();
    broker.release();
    soon("a delivery", first).await?;
    for delivery in rest {
        soon("a delivery", delivery).await?;
    }
    assert_eq!(broker.requests_of(Kind::PublishBatch).len(), 2);
    let alone =
        Producer::new(ProducerConfig::low_latency().to_builder().bootstrap_servers(vec![broker.address()]).build());
    let alone = alone.await?;
    broker.clear_requests();
    let all: Vec<_> = (0..10).map(|_| alone.enqueue("t", None::<&str>, "v").unwrap()).collect();
    for delivery in all {
        soon("a delivery", delivery).await?;
    }
    assert_eq!(broker.requests_of(Kind::PublishBatch).len(), 10, "each record goes alone");
    Ok(())
}

// covers: F071 rust
#[tokio::test]
async fn new_partitions_are_used_once_they_are_known() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("grows", Some(1)).await?;
    let config = config(broker.address()).metadata_max_age(Duration::from_millis(100)).batch_size(1);
    let producer = Producer::new(config.build()).await?;
    assert_eq!(producer.send("grows", "v").await?.partition, 0);
    client.create_partitions("grows", 4).await?;
    let mut partitions = std::collections::HashSet::new();
    soon("the new partitions", async {
        while partitions.len() < 4 {
            partitions.insert(producer.send("grows", "v").await?.partition);
        }
        Ok::<_, rivven_client::Error>(())
    })
    .await?;
    client.create_partitions("grows", 5).await?;
    assert_eq!(producer.send_to_partition("grows", 4, None::<&str>, "v").await?.partition, 4, "it asks anew first");
    Ok(())
}

// covers: F077 rust
#[tokio::test]
async fn one_write_carries_a_batch() -> Result<()> {
    let sink = Sink::start(SinkOptions { partitions: 1, ..SinkOptions::default() }).unwrap();
    let producer = Producer::new(config(sink.address()).linger_ms(50).build()).await?;
    producer.refresh_metadata("t").await?;
    let before = sink.report().batches;
    let deliveries: Vec<_> = (0..64).map(|_| producer.enqueue("t", None::<&str>, "v").unwrap()).collect();
    for delivery in deliveries {
        soon("a delivery", delivery).await?;
    }
    assert_eq!(sink.report().batches - before, 1);
    Ok(())
}

// covers: F078 rust
#[tokio::test]
async fn the_next_server_is_used_where_the_first_is_dead() -> Result<()> {
    let (first, second) = (broker(), broker());
    let servers = vec![first.address(), second.address()];
    let config = config(first.address()).bootstrap_servers(servers).connection_timeout(Duration::from_secs(2));
    first.kill(0);
    let producer = Producer::new(config.build()).await?;
    soon("a delivery", producer.send("t", "v")).await?;
    assert_eq!(second.records("t", 0).len(), 1);
    Ok(())
}

// covers: F053 rust, F068 rust
#[cfg(feature = "tls")]
#[tokio::test]
async fn a_producer_logs_in_over_tls() -> Result<()> {
    let broker = TestBroker::builder().secure().user("alice", "Correct-Horse-7", &["admin"]).start().unwrap();
    let tls = rivven_client::TlsConfig::builder().ca_cert_path(broker.info().ca_cert.clone().unwrap()).build()?;
    let config = config(broker.address()).tls(tls, None).auth("alice", "Correct-Horse-7");
    let producer = Producer::new(config.clone().build()).await?;
    soon("a delivery", producer.send("t", "v")).await?;
    let refused = Producer::new(config.auth("alice", "Wrong-Horse-7").build()).await.map(drop).unwrap_err();
    assert_eq!(refused.outcome(), rivven_client::Outcome::Rejected, "{refused}");
    assert!(!format!("{producer:?} {refused:?}").contains("Horse"));
    Ok(())
}
