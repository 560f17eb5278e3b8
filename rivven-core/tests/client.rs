//! The basic and the resilient client against the real broker.

use std::time::Duration;

use rivven_client::ops::{self, Ping};
use rivven_client::{Client, ErrorCode, MessageData, Outcome, ResilientClient, ResilientClientConfig, Result};
use rivven_testkit::TestBroker;

async fn client() -> (TestBroker, Client) {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await.unwrap();
    (broker, client)
}

// covers: F004 rust, F008 rust, F009 rust, F109 rust
#[tokio::test]
async fn records_come_back_as_they_were_sent() -> Result<()> {
    let (_broker, client) = client().await;
    assert_eq!(client.create_topic("orders", Some(2)).await?, 2);
    let binary: Vec<u8> = (0..=255).collect();
    assert_eq!(client.publish_to_partition("orders", 1, Some("key"), &binary).await?, 0);
    assert_eq!(client.publish_to_partition("orders", 1, Some(""), "").await?, 1);
    assert_eq!(client.publish_to_partition("orders", 1, None::<&str>, b"value").await?, 2);
    let records = client.consume("orders", 1, 0, 10).await?;
    let seen: Vec<_> = records.iter().map(|r| (r.offset, r.partition, r.key.as_deref(), &r.value[..])).collect();
    assert_eq!(
        seen,
        [(0, 1, Some(&b"key"[..]), &binary[..]), (1, 1, Some(&b""[..]), &b""[..]), (2, 1, None, &b"value"[..])]
    );
    assert!(records.iter().all(|record| record.timestamp > 1_600_000_000_000 && record.headers.is_empty()));
    assert_eq!((records.len(), records.last().unwrap().offset), (3, 2));
    let owned: Vec<MessageData> = records.into_iter().collect();
    assert_eq!(owned[2].value, "value");
    assert_eq!(client.get_offset_bounds("orders", 1).await?, (0, 3));
    assert!(client.consume("orders", 0, 0, 10).await?.is_empty());
    Ok(())
}

// covers: F008 rust
#[tokio::test]
async fn a_key_chooses_its_partition_and_a_batch_stays_together() -> Result<()> {
    let (_broker, client) = client().await;
    client.create_topic("keyed", Some(3)).await?;
    // murmur2 puts "kafka" into partition 1 of 3 and "user-123" into 2.
    client.publish_with_key("keyed", Some("kafka"), "v").await?;
    assert_eq!(client.get_offset_bounds("keyed", 1).await?, (0, 1));
    let batch = [(Some("user-123"), "1"), (Some("kafka"), "2"), (None, "3")];
    assert_eq!(client.publish_batch("keyed", None, &batch).await?, (0, 2, 3));
    assert_eq!(client.publish_batch("keyed", Some(1), &batch).await?, (1, 1, 3));
    Ok(())
}

// covers: F103 rust
#[tokio::test]
async fn topics_are_managed() -> Result<()> {
    let (_broker, client) = client().await;
    assert_eq!(client.create_topic("a", None).await?, 3);
    assert_eq!(client.create_topic("b", Some(12)).await?, 12);
    let mut names = client.list_topics().await?;
    names.sort();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(client.get_metadata("b").await?, ("b".to_owned(), 12));
    client.delete_topic("b").await?;
    let again = client.create_topic("a", None).await.unwrap_err();
    assert_eq!((again.code(), again.outcome()), (ErrorCode::TopicAlreadyExists, Outcome::Rejected));
    let errors = [
        client.get_metadata("b").await.unwrap_err(),
        client.delete_topic("b").await.unwrap_err(),
        client.consume("b", 0, 0, 1).await.unwrap_err(),
        client.get_offset_bounds("b", 0).await.unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.code() == ErrorCode::UnknownTopicOrPartition), "{errors:?}");
    assert_eq!(client.consume("a", 9, 0, 1).await.unwrap_err().code(), ErrorCode::InvalidPartition);
    assert_eq!(client.create_topic("c", Some(0)).await.unwrap_err().code(), ErrorCode::InvalidPartitions);
    Ok(())
}

// covers: F007 rust
#[tokio::test]
async fn an_unknown_topic_is_created_by_publishing() -> Result<()> {
    let (_broker, client) = client().await;
    client.publish("fresh", "v").await?;
    assert_eq!(client.get_metadata("fresh").await?.1, 3);
    Ok(())
}

#[tokio::test]
async fn a_large_record_goes_out_and_comes_back() -> Result<()> {
    let (_broker, client) = client().await;
    let value: Vec<u8> = (0..5_000_000u32).map(|i| (i % 251) as u8).collect();
    client.publish_to_partition("large", 0, None::<&str>, &value).await?;
    let records = client.consume("large", 0, 0, 1).await?;
    assert!(records[0].value == value, "the record was changed on its way");
    Ok(())
}

#[tokio::test]
async fn clones_share_the_connection_and_each_gets_its_own_answer() -> Result<()> {
    let (_broker, client) = client().await;
    client.create_topic("shared", Some(1)).await?;
    let tasks: Vec<_> = (0..100u32)
        .map(|i| {
            let client = client.clone();
            tokio::spawn(async move { client.publish_to_partition("shared", 0, None::<&str>, i.to_string()).await })
        })
        .collect();
    let mut offsets = Vec::new();
    for task in tasks {
        offsets.push(task.await.unwrap()?);
    }
    let records = client.consume("shared", 0, 0, 1000).await?;
    for (i, offset) in offsets.iter().enumerate() {
        assert_eq!(records[*offset as usize].value, i.to_string());
    }
    Ok(())
}

#[tokio::test]
async fn a_closed_client_says_so() -> Result<()> {
    let (_broker, client) = client().await;
    client.handshake("renamed").await?;
    let clone = client.clone();
    client.close().await;
    client.close().await;
    assert_eq!(clone.ping().await.unwrap_err().code(), ErrorCode::Closed);
    assert!(!clone.is_poisoned() && !clone.is_tls());
    Ok(())
}

#[tokio::test]
async fn a_resilient_client_survives_the_brokers_restart() -> Result<()> {
    let mut broker = TestBroker::start().unwrap();
    let servers = vec![broker.address().to_owned()];
    let config = ResilientClientConfig::builder().servers(servers).request_timeout(Duration::from_secs(10)).build();
    let client = ResilientClient::new(config);
    let publish = ops::Publish { topic: "t", partition: Some(0), key: None, value: b"1" };
    assert_eq!(client.call(&publish).await?.offset, 0);
    broker.terminate().unwrap();
    assert!(client.call(&Ping).await.is_err());
    broker.restart().unwrap();
    assert_eq!(client.call(&publish).await?.offset, 1);
    client.close(client.close_timeout()).await;
    assert_eq!(client.call(&Ping).await.unwrap_err().code(), ErrorCode::Closed);
    Ok(())
}
