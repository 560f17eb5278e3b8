//! The consumer: its configuration, what it gives and what it can be asked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use rivven_client::{
    AutoOffsetReset, Client, Consumer, ConsumerAuthConfig, ConsumerConfig, ConsumerConfigBuilder, ConsumerEvent,
    ConsumerRecord, ConsumerRecords, ConsumerStatsSnapshot, Decompression, ErrorCode, OnFailure, Properties,
    RebalanceListener, TopicPartition,
};
use rivven_testkit::TestBroker;

use crate::{Done, broker};

// covers: F082 rust, F084 rust, F085 rust, F086 rust, F087 rust, F088 rust, F089 rust
// covers: F090 rust, F091 rust, F092 rust
#[test]
fn every_option_is_set_by_the_builder_and_read_from_the_config() -> Done {
    let builder: ConsumerConfigBuilder = ConsumerConfig::builder()
        .bootstrap_servers(vec!["broker-1:9092".into(), "broker-2:9092".to_string()])
        .client_id("forms")
        .group_id("my-group")
        .topic("orders")
        .topics(vec!["orders".into(), "payments".to_string()])
        .max_poll_records(100)
        .max_poll_interval_ms(1000)
        .max_processing_interval(Duration::from_secs(60))
        .auto_commit_interval(Some(Duration::from_secs(1)))
        .auto_offset_reset(AutoOffsetReset::Latest)
        .isolation_level(1)
        .metadata_refresh_interval(Duration::from_secs(60))
        .reconnect_backoff_ms(50)
        .reconnect_backoff_max_ms(5000)
        .max_reconnect_attempts(5)
        .session_timeout_ms(30_000)
        .rebalance_timeout_ms(60_000)
        .heartbeat_interval_ms(5000)
        .fetch_buffer_memory(1 << 20)
        .fetch_max_wait(Duration::from_secs(1))
        .connections_per_broker(4)
        .report_partition_end(true)
        .decompression(Decompression::Always)
        .process_concurrency(4)
        .process_retries(5)
        .process_retry_backoff(Duration::from_millis(50))
        .process_retry_backoff_max(Duration::from_secs(5))
        .process_dead_letter_topic("orders-failed")
        .process_on_failure(OnFailure::Skip)
        .request_timeout(Duration::from_secs(20))
        .connection_timeout(Duration::from_secs(5))
        .close_timeout(Duration::from_secs(3))
        .auth("alice", "Correct-Horse-7");
    let config: ConsumerConfig = builder.build()?;
    assert_eq!((config.bootstrap_servers.len(), config.group_id.as_str()), (2, "my-group"));
    assert_eq!((config.topics.len(), config.max_poll_records, config.max_poll_interval_ms), (2, 100, 1000));
    assert_eq!((config.auto_commit_interval, config.isolation_level), (Some(Duration::from_secs(1)), 1));
    assert_eq!(config.metadata_refresh_interval, Duration::from_secs(60));
    assert_eq!((config.reconnect_backoff_ms, config.reconnect_backoff_max_ms), (50, 5000));
    assert_eq!((config.max_reconnect_attempts, config.session_timeout_ms), (5, 30_000));
    assert_eq!((config.rebalance_timeout_ms, config.heartbeat_interval_ms), (60_000, 5000));
    assert_eq!((config.process.concurrency, config.process.retries), (4, 5));
    assert_eq!(config.process.dead_letter_topic.as_deref(), Some("orders-failed"));
    let auth: &ConsumerAuthConfig = config.auth.as_ref().ok_or("no login")?;
    assert_eq!((auth.username.as_str(), auth.password.as_str()), ("alice", "Correct-Horse-7"));
    assert!(config.to_builder().read_committed().build()?.isolation_level == 1);
    Ok(())
}

// covers: F082 rust, F083 rust
#[test]
fn the_published_forms_of_the_builder_compile() -> Done {
    let config = ConsumerConfig::builder()
        .bootstrap_server("127.0.0.1:9092")
        .group_id(String::from("g"))
        .enable_auto_commit(false)
        .topic(String::from("orders"))
        .read_committed()
        .build()?;
    assert_eq!((config.bootstrap_servers, config.auto_commit_interval), (vec!["127.0.0.1:9092".to_owned()], None));
    let fixed = ConsumerConfig::builder().assign("orders", vec![0, 1, 2]).assign("payments", vec![0]).build()?;
    assert_eq!(fixed.assignments[0], ("orders".to_owned(), vec![0, 1, 2]));
    assert!(ConsumerConfig::builder().build().is_ok(), "no topic is needed to build");
    assert_eq!(ConsumerConfig::default().group_id, "default-group");
    let mut properties = Properties::new();
    properties.set("group.id", "billing")?.set("max_poll_records", "7")?.set("autoOffsetReset", "error")?;
    let config = ConsumerConfig::from_properties(&properties)?;
    assert_eq!((config.group_id.as_str(), config.max_poll_records), ("billing", 7));
    assert_eq!(config.auto_offset_reset, AutoOffsetReset::Error);
    Ok(())
}

// covers: F096 rust
#[cfg(feature = "tls")]
#[test]
fn encryption_is_an_option() -> Done {
    use rivven_client::TlsConfig;
    let plain = ConsumerConfig::builder().tls(TlsConfig::builder().build()?, None).build()?;
    assert!(plain.tls_config.is_some() && plain.tls_server_name.is_none());
    let named = ConsumerConfig::builder().tls(TlsConfig::builder().build()?, Some("broker.example".into())).build()?;
    assert_eq!(named.tls_server_name.as_deref(), Some("broker.example"));
    Ok(())
}

/// A broker whose topic `orders` has three partitions with a record each.
async fn orders(broker: &TestBroker) -> Result<Client, rivven_client::Error> {
    let client = Client::connect(broker.address()).await?;
    client.create_topic("orders", Some(3)).await?;
    for partition in 0..3 {
        client.publish_to_partition("orders", partition, Some("key"), format!("value {partition}")).await?;
    }
    Ok(client)
}

// covers: F003 rust, F081 rust
#[tokio::test]
async fn a_consumer_is_made_with_and_without_a_question_mark_and_polled() -> Done {
    let broker = broker();
    orders(&broker).await?;
    let builder = ConsumerConfig::builder().bootstrap_server(broker.address()).topic("orders");
    // Each in a group of its own, since closing commits what was read.
    let first = Consumer::new(builder.clone().group_id("first").build()).await?;
    let second = Consumer::new(builder.clone().group_id("second").build()?).await?;
    for mut consumer in [first, second] {
        let mut seen = 0;
        while seen < 3 {
            let records: ConsumerRecords = consumer.poll().await?;
            for record in &records {
                let record: &ConsumerRecord = record;
                println!("{}/{} {} {:?}", record.topic, record.partition, record.offset, record.key);
                assert!(record.value.starts_with(b"value") && record.timestamp > 0 && record.headers.is_empty());
            }
            assert_eq!(records.len(), records.iter().count());
            seen += records.len();
            for record in records {
                assert_eq!(record.offset, 0);
            }
        }
        consumer.seek_to_beginning("orders", 0).await?;
        consumer.close().await?;
    }
    assert_eq!(
        Consumer::new(builder.isolation_level(9).build()).await.err().map(|error| error.code()),
        Some(ErrorCode::InvalidConfig)
    );
    Ok(())
}

struct MyListener;

#[async_trait]
impl RebalanceListener for MyListener {
    async fn on_partitions_revoked(&self, partitions: &[TopicPartition]) {
        for TopicPartition { topic, partition } in partitions {
            println!("revoked {topic}/{partition}");
        }
    }

    async fn on_partitions_assigned(&self, partitions: &[TopicPartition]) {
        println!("assigned {partitions:?}");
    }
}

// covers: F098 rust, F099 rust, F100 rust
#[tokio::test]
async fn a_consumer_is_asked_in_every_form() -> Done {
    let broker = broker();
    let client = orders(&broker).await?;
    let config = ConsumerConfig::builder().bootstrap_server(broker.address()).group_id("forms");
    let consumer = Arc::new(Consumer::new(config.build()?).await?);
    consumer.set_rebalance_listener(MyListener);
    assert_eq!(consumer.group_id(), "forms");
    consumer.subscribe(&["orders"])?;
    let mut seen = 0;
    while seen < 3 {
        seen += consumer.poll_timeout(Duration::from_secs(1)).await?.len();
    }
    let assignments: Vec<TopicPartition> = consumer.assignments();
    assert_eq!(assignments[2], TopicPartition { topic: "orders".into(), partition: 2 });
    consumer.commit().await?;
    consumer.commit_async()?;
    consumer.commit_offsets(&[("orders", 0, 1), ("orders", 1, 0)]).await?;
    consumer.commit_offsets(&[(String::from("orders"), 2, 1)]).await?;
    assert_eq!(consumer.committed("orders", 1).await?, Some(0));
    consumer.store_offset("orders", 1, 1)?;
    consumer.seek("orders", 0, 0).await?;
    consumer.seek_to_end("orders", 0).await?;
    consumer.seek_to_beginning(&String::from("orders"), 0).await?;
    let offset: u64 = consumer.seek_to_timestamp("orders", 0, 0).await?;
    let position: Option<u64> = consumer.position("orders", 0)?;
    let lag: u64 = consumer.lag("orders", 0).await?;
    assert_eq!((offset, position, lag), (0, Some(0), 1));
    consumer.pause("orders", 0)?;
    consumer.resume("orders", 0)?;
    let mut stream = consumer.stream();
    let record: ConsumerRecord = stream.next().await.ok_or("no record")??;
    assert_eq!(&record.value[..], b"value 0");
    drop(stream);
    let stats: ConsumerStatsSnapshot = consumer.stats();
    assert!(stats.records >= 4 && stats.commits >= 3 && stats.partitions.len() == 3);
    let mut events = consumer.events();
    let other = Arc::clone(&consumer);
    other.wakeup();
    assert_eq!(consumer.poll().await.unwrap_err().code(), ErrorCode::WokenUp);
    consumer.unsubscribe()?;
    consumer.poll().await.unwrap_err();
    assert!(matches!(events.next().await, Some(ConsumerEvent::Revoked { partitions }) if partitions.len() == 3));
    consumer.assign(&[TopicPartition::new("orders", 1)])?;
    tokio::spawn(async move { other.close().await }).await??;
    assert_eq!(client.get_offset("forms", "orders", 2).await?, Some(1));
    Ok(())
}
