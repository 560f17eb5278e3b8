//! The producer: its configuration, and the partitions of its records.

use std::time::Duration;

use rivven_client::{
    Client, CompressionType, ErrorCode, Outcome, Partitioner, Partitioning, Producer, ProducerAuthConfig,
    ProducerConfig, ProducerConfigBuilder, Properties, Result, partition_of_key,
};
use rivven_testkit::TestBroker;

use crate::{Done, broker, resilient};

// covers: F058 rust
// covers: F059 rust
// covers: F060 rust
// covers: F061 rust
// covers: F062 rust
// covers: F063 rust
// covers: F064 rust
#[test]
fn the_presets_are_those_specified_and_can_be_read() {
    use CompressionType::{Lz4, None};
    let all = [
        (ProducerConfig::default(), 16_384, 0, None, 5, false, 1),
        (ProducerConfig::builder().build().unwrap(), 16_384, 0, None, 5, false, 1),
        (ProducerConfig::high_throughput(), 65_536, 10, Lz4, 10, false, 1),
        (ProducerConfig::low_latency(), 1, 0, None, 1, false, 1),
        (ProducerConfig::exactly_once(), 16_384, 0, None, 5, true, -1),
    ];
    for (config, batch_size, linger_ms, compression_type, in_flight, idempotent, acks) in all {
        assert_eq!((config.batch_size, config.linger_ms), (batch_size, linger_ms));
        assert_eq!((config.compression_type, config.max_in_flight_requests), (compression_type, in_flight));
        assert_eq!((config.enable_idempotence, config.acks), (idempotent, acks));
        assert!(config.auth.is_none());
    }
    assert_eq!(ProducerConfig::exactly_once().retries, i32::MAX as u32);
}

// covers: F057 rust
// covers: F065 rust
#[test]
fn the_other_defaults_are_those_specified() {
    let config = ProducerConfig::default();
    assert_eq!(config.bootstrap_servers, ["127.0.0.1:9092"]);
    assert_eq!(config.buffer_memory, 32 * 1024 * 1024);
    assert_eq!((config.retries, config.retry_backoff_ms, config.retry_backoff_max_ms), (3, 100, 1000));
    assert_eq!(config.request_timeout, Duration::from_secs(30));
    assert_eq!(config.delivery_timeout, Duration::from_secs(120));
    assert_eq!(config.connection_timeout, Duration::from_secs(10));
    assert_eq!(config.metadata_max_age, Duration::from_secs(300));
    assert_eq!(config.max_block, Duration::from_secs(60));
    assert_eq!(config.close_timeout, Duration::from_secs(30));
    assert_eq!(config.connections_per_broker, 8);
    assert!(config.allow_auto_create_topics && config.retry_unknown_outcome);
    assert!(matches!(config.partitioner, Partitioning::Sticky));
}

// covers: F057 rust
#[test]
fn every_option_is_taken() -> Done {
    let config: ProducerConfig = ProducerConfig::builder()
        .bootstrap_servers(vec!["broker-1:9092".to_string(), "broker-2:9092".into()])
        .client_id("my-app")
        .batch_size(32 * 1024)
        .linger_ms(5)
        .buffer_memory(64 * 1024 * 1024)
        .compression_type(CompressionType::None)
        .enable_idempotence(true)
        .retries(10)
        .retry_backoff_ms(50)
        .retry_backoff_max_ms(500)
        .max_in_flight_requests(4)
        .acks(-1)
        .request_timeout(Duration::from_secs(20))
        .delivery_timeout(Duration::from_secs(60))
        .connection_timeout(Duration::from_secs(5))
        .metadata_max_age(Duration::from_secs(100))
        .auth("alice", String::from("Correct-Horse-7"))
        .connections_per_broker(2)
        .allow_auto_create_topics(false)
        .max_block(Duration::from_secs(7))
        .retry_unknown_outcome(false)
        .close_timeout(Duration::from_secs(8))
        .partitioner(Partitioning::RoundRobin)
        .build()?;
    assert_eq!(config.bootstrap_servers, ["broker-1:9092", "broker-2:9092"]);
    assert_eq!((config.client_id.as_str(), config.batch_size, config.linger_ms), ("my-app", 32_768, 5));
    assert_eq!((config.buffer_memory, config.compression_type), (67_108_864, CompressionType::None));
    assert_eq!((config.enable_idempotence, config.max_in_flight_requests, config.acks), (true, 4, -1));
    assert_eq!((config.retries, config.retry_backoff_ms, config.retry_backoff_max_ms), (10, 50, 500));
    let times = [config.request_timeout, config.delivery_timeout, config.connection_timeout, config.metadata_max_age];
    assert_eq!(times.map(|time| time.as_secs()), [20, 60, 5, 100]);
    assert_eq!((config.max_block, config.close_timeout), (Duration::from_secs(7), Duration::from_secs(8)));
    assert_eq!((config.connections_per_broker, config.allow_auto_create_topics), (2, false));
    assert!(!config.retry_unknown_outcome && matches!(config.partitioner, Partitioning::RoundRobin));
    let auth: &ProducerAuthConfig = config.auth.as_ref().ok_or("no login")?;
    assert_eq!((auth.username.as_str(), auth.password.as_str()), ("alice", "Correct-Horse-7"));
    Ok(())
}

// covers: F057 rust
#[cfg(feature = "tls")]
#[test]
fn encryption_is_an_option() -> Done {
    use rivven_client::TlsConfig;
    let tls = TlsConfig::builder().build()?;
    let config = ProducerConfig::builder().tls(tls, Some("broker.example".to_string())).build()?;
    assert!(config.tls.is_some() && format!("{config:?}").contains("broker.example"));
    let again = config.to_builder().tls(TlsConfig::builder().build()?, None).build()?;
    assert!(again.tls.is_some() && !format!("{again:?}").contains("broker.example"));
    Ok(())
}

// covers: F057 rust
#[test]
fn a_preset_goes_back_to_the_builder() -> Done {
    let builder: ProducerConfigBuilder = ProducerConfig::exactly_once().to_builder();
    let config = builder.bootstrap_servers(vec!["broker:9092".into()]).linger_ms(3).build()?;
    assert!(config.enable_idempotence);
    assert_eq!((config.acks, config.linger_ms, config.retries), (-1, 3, 2_147_483_647));
    Ok(())
}

// covers: F003 rust
// covers: F053 rust
#[tokio::test]
async fn what_build_returns_is_taken_with_and_without_a_question_mark() -> Done {
    let broker = broker();
    let builder = ProducerConfig::builder().bootstrap_servers(vec![broker.address().to_owned()]).batch_size(100);
    for producer in [Producer::new(builder.clone().build()).await?, Producer::new(builder.clone().build()?).await?] {
        assert_eq!(producer.config().batch_size, 100);
        producer.close().await?;
    }
    assert_eq!(
        Producer::new(builder.acks(7).build()).await.err().map(|error| error.code()),
        Some(ErrorCode::InvalidConfig)
    );
    Ok(())
}

// covers: F003 rust
#[tokio::test]
async fn a_value_that_was_changed_afterwards_is_checked_all_the_same() {
    let mut config = ProducerConfig::exactly_once();
    config.acks = 0;
    let error = Producer::new(config).await.err();
    assert_eq!(error.map(|error| error.code()), Some(ErrorCode::InvalidConfig));
}

// covers: F067 rust
#[test]
fn idempotence_allows_five_requests_in_flight() {
    let idempotent = |requests| ProducerConfig::builder().enable_idempotence(true).max_in_flight_requests(requests);
    assert!(idempotent(5).build().is_ok());
    let error = idempotent(6).build().unwrap_err();
    assert_eq!((error.code(), error.is_retriable()), (ErrorCode::InvalidConfig, false));
    let preset = ProducerConfig::high_throughput().to_builder().enable_idempotence(true);
    assert_eq!(preset.build().unwrap_err().code(), ErrorCode::InvalidConfig);
}

struct ByLength;

impl Partitioner for ByLength {
    fn partition(&self, _topic: &str, _key: Option<&[u8]>, value: &[u8], partitions: u32) -> Option<u32> {
        Some(value.len() as u32 % partitions)
    }
}

// covers: F057 rust
#[test]
fn a_partitioner_is_a_type_or_a_closure_of_ones_own() -> Done {
    let by_region = |_: &str, key: Option<&[u8]>, _: &[u8], partitions: u32| {
        key.map(|key| partition_of_key(&key[..key.len().min(2)], partitions))
    };
    for builder in [ProducerConfig::builder().partitioner(ByLength), ProducerConfig::builder().partitioner(by_region)] {
        let Partitioning::Custom(own) = builder.build()?.partitioner else { panic!("another partitioner") };
        assert!(own.partition("t", Some(b"de-7"), b"value", 100).is_some_and(|partition| partition < 100));
    }
    Ok(())
}

#[test]
fn the_same_is_made_of_properties() -> Done {
    let mut properties = Properties::new();
    properties.set("bootstrap.servers", "broker:9092")?.set("linger_ms", "5")?.set("enableIdempotence", "true")?;
    let config = ProducerConfig::from_properties(&properties)?;
    assert_eq!((config.linger_ms, config.enable_idempotence), (5, true));
    properties.set("max.in.flight.requests", "6")?;
    assert_eq!(ProducerConfig::from_properties(&properties).unwrap_err().code(), ErrorCode::InvalidConfig);
    Ok(())
}

/// A producer of a broker that has the topic `t` with three partitions.
async fn partitioning(broker: &TestBroker, how: impl Into<Partitioning>) -> Result<Producer> {
    Client::connect(broker.address()).await?.create_topic("t", Some(3)).await?;
    let config = ProducerConfig::builder().bootstrap_servers(vec![broker.address().to_owned()]).partitioner(how);
    Producer::new(config.build()).await
}

// covers: F072 rust
#[tokio::test]
async fn a_key_leads_to_the_partition_that_the_broker_chooses_for_it() -> Done {
    let broker = broker();
    let producer = partitioning(&broker, Partitioning::Sticky).await?;
    let client = resilient(&broker);
    for key in ["", "hello", "kafka", "abc", "user-123"] {
        let ours = producer.send_with_key("t", Some(key), "value").await?;
        let (offset, partition, _) = client.publish_batch("t", None, &[(Some(key), "value")]).await?;
        assert_eq!((ours.partition, ours.offset + 1), (partition, offset), "{key}");
    }
    Ok(())
}

// covers: F072 rust
#[tokio::test]
async fn records_without_a_key_stay_together_in_a_batch() -> Done {
    let broker = broker();
    Client::connect(broker.address()).await?.create_topic("t", Some(3)).await?;
    // Long enough that only flushing ends a batch.
    let config = ProducerConfig::builder().bootstrap_servers(vec![broker.address().to_owned()]).linger_ms(60_000);
    let producer = Producer::new(config.build()).await?;
    producer.refresh_metadata("t").await?;
    let mut batches = Vec::new();
    for _ in 0..4 {
        let deliveries = (0..50).map(|_| producer.enqueue("t", None::<&str>, "value")).collect::<Result<Vec<_>>>()?;
        producer.flush().await?;
        let mut partitions = Vec::new();
        for delivery in deliveries {
            partitions.push(delivery.await?.partition);
        }
        partitions.dedup();
        batches.push(partitions);
    }
    let first = batches[0][0];
    assert_eq!(batches, (first..first + 4).map(|turn| vec![turn % 3]).collect::<Vec<_>>());
    Ok(())
}

// covers: F057 rust
#[tokio::test]
async fn records_without_a_key_go_to_every_partition_in_turn() -> Done {
    let broker = broker();
    let producer = partitioning(&broker, Partitioning::RoundRobin).await?;
    let sent = producer.send_batch("t", &[(None::<&str>, "value"); 6]).await?;
    let partitions: Vec<u32> = sent.iter().map(|record| record.partition).collect();
    let first = partitions[0];
    assert_eq!(partitions, (first..first + 6).map(|turn| turn % 3).collect::<Vec<_>>());
    Ok(())
}

// covers: F057 rust
#[tokio::test]
async fn a_partitioner_of_ones_own_is_asked_and_what_does_not_exist_is_refused() -> Done {
    let broker = broker();
    let by_value = |topic: &str, key: Option<&[u8]>, value: &[u8], partitions: u32| {
        assert_eq!((topic, partitions), ("t", 3));
        key.map(|_| u32::from(value[0] - b'0'))
    };
    let producer = partitioning(&broker, by_value).await?;
    for partition in [2, 0, 1] {
        assert_eq!(producer.send_with_key("t", Some("key"), partition.to_string()).await?.partition, partition);
    }
    assert!(producer.send("t", "left to the producer").await?.partition < 3);
    let error = producer.send_with_key("t", Some("key"), "3").await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::InvalidPartition, Outcome::NotSent));
    assert_eq!(producer.send_to_partition("t", 1, Some("key"), "7").await?.partition, 1);
    Ok(())
}

// covers: F053 rust
// covers: F054 rust
// covers: F055 rust
// covers: F056 rust
// covers: F071 rust
// covers: F080 rust
#[tokio::test]
async fn records_are_sent_in_every_form() -> Done {
    let broker = TestBroker::start()?;
    let config = ProducerConfig::builder().bootstrap_servers(vec![broker.address().to_owned()]);
    let producer = std::sync::Arc::new(Producer::new(config.build()?).await?);
    let (topic, key) = ("forms".to_owned(), "key".to_owned());
    let first: rivven_client::RecordMetadata = producer.send("forms", b"value").await?;
    assert_eq!((first.topic.as_ref(), first.duplicate, first.maybe_duplicate), ("forms", false, false));
    producer.send(&topic, "text").await?;
    producer.send(topic.clone(), vec![1, 2, 3]).await?;
    producer.send("forms", bytes::Bytes::from_static(b"bytes")).await?;
    producer.send_with_key("forms", Some("key"), "value").await?;
    producer.send_with_key("forms", Some(&key), b"value").await?;
    producer.send_with_key("forms", None::<Vec<u8>>, "value").await?;
    producer.send_to_partition("forms", 1, Some(b"key"), "value").await?;
    assert_eq!(producer.send_to_partition("forms", 2, None::<&str>, "value").await?.partition, 2);
    let sent = producer.send_batch("forms", &[(Some("key"), "one"), (None, "two")]).await?;
    assert_eq!(sent.len(), 2);
    producer.send_batch(&topic, &[(None::<&[u8]>, vec![1u8])]).await?;
    let delivery: rivven_client::Delivery = producer.enqueue("forms", Some("key"), "value")?;
    delivery.await?;
    let handle: rivven_client::TopicHandle = producer.topic("forms");
    let delivery = handle.enqueue(None::<&str>, "value")?;
    handle.send(Some("key"), "value").await?;
    producer.flush().await?;
    assert!(delivery.result().is_some_and(|result| result.is_ok()));
    producer.refresh_metadata("forms").await?;
    assert_eq!(producer.get_partition_count("forms").await?, 3);
    let stats: rivven_client::ProducerStatsSnapshot = producer.stats();
    assert_eq!((stats.records_sent, stats.records_delivered, stats.records_failed), (15, 15, 0));
    assert!(stats.batches_sent > 0 && stats.bytes_sent > 0 && stats.latency_p50_us <= stats.latency_p99_us);
    assert_eq!((stats.errors, stats.retries, stats.pending(), stats.success_rate()), (0, 0, 0, 1.0));
    assert!(!producer.is_idempotent());
    let other = std::sync::Arc::clone(&producer);
    tokio::spawn(async move { other.send("forms", "from a task").await }).await??;
    producer.close().await?;
    Ok(())
}
