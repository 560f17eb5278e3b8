//! Topics, their settings and records, groups and quotas.

use std::collections::HashMap;

use rivven_client::protocol::{QuotaAlteration, TopicConfigValue};
use rivven_client::{AlterTopicConfigResult, Client, DeleteRecordsResult, ErrorCode};

use crate::{Done, broker, resilient};

// covers: F103 rust
#[tokio::test]
async fn topics_are_created_listed_and_deleted() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    let partitions: u32 = client.create_topic("events", Some(3)).await?;
    assert_eq!(partitions, 3);
    assert!(client.create_topic("default", None).await? >= 1);
    let mut topics: Vec<String> = client.list_topics().await?;
    topics.sort();
    assert_eq!(topics, ["default", "events"]);
    client.delete_topic("default").await?;
    client.delete_topic(&topics[1]).await?;
    assert!(client.list_topics().await?.is_empty());
    Ok(())
}

// covers: F104 rust
// covers: F105 rust
#[tokio::test]
async fn settings_are_described_altered_and_reset() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    client.create_topic("events", Some(1)).await?;
    let result: AlterTopicConfigResult =
        client.alter_topic_config("events", &[("retention.ms", Some("86400000")), ("cleanup.policy", None)]).await?;
    assert_eq!((result.topic.as_str(), result.changed_count), ("events", 2));
    let configs = client.describe_topic_configs(&["events"]).await?;
    for (topic, settings) in &configs {
        for (key, value) in settings {
            let line = format!("{topic} {key}: {value} {}", value.value);
            assert!(line.ends_with(&format!("{} {}", value.value, value.value)), "{line}");
            let TopicConfigValue { is_default, is_read_only, is_sensitive, .. } = value;
            assert!(!is_read_only && !is_sensitive);
            assert_eq!(*is_default, key != "retention.ms", "{key}");
        }
    }
    assert_eq!(configs["events"]["retention.ms"].value, "86400000");
    client.alter_topic_config("events", &[("retention.ms", None)]).await?;
    let name = String::from("events");
    let configs = client.describe_topic_configs(&[&name]).await?;
    assert!(configs["events"]["retention.ms"].is_default);
    assert!(client.describe_topic_configs(&[name]).await?.contains_key("events"));
    Ok(())
}

// covers: F106 rust
#[tokio::test]
async fn every_key_of_a_topic_takes_its_values_and_no_others() -> Done {
    let broker = broker();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("events", Some(1)).await?;
    for (key, value) in [
        ("retention.ms", "1000"),
        ("retention.bytes", "1048576"),
        ("max.message.bytes", "65536"),
        ("segment.bytes", "1048576"),
        ("segment.ms", "60000"),
        ("cleanup.policy", "compact"),
        ("min.insync.replicas", "1"),
        ("compression.type", "gzip"),
    ] {
        let result = client.alter_topic_config("events", &[(key, Some(value))]).await?;
        assert_eq!(result.changed_count, 1, "{key}");
        assert_eq!(client.describe_topic_configs(&["events"]).await?["events"][key].value, value);
        let error = client.alter_topic_config("events", &[(key, Some("rubbish"))]).await.unwrap_err();
        assert_eq!((error.code(), error.is_retriable()), (ErrorCode::InvalidTopicConfig, false), "{key}");
    }
    Ok(())
}

// covers: F107 rust
// covers: F108 rust
#[tokio::test]
async fn partitions_are_added_and_records_deleted() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    client.create_topic("events", Some(1)).await?;
    let count: u32 = client.create_partitions("events", 6).await?;
    assert_eq!(count, 6);
    for value in ["a", "b", "c"] {
        client.publish_to_partition("events", 0, None::<Vec<u8>>, value).await?;
    }
    let results: Vec<DeleteRecordsResult> = client.delete_records("events", &[(0, 2), (1, 500)]).await?;
    for result in &results {
        match &result.error {
            None => assert_eq!((result.partition, result.low_watermark), (0, 2)),
            Some(error) => assert!(result.partition == 1 && error.contains("OFFSET_OUT_OF_RANGE"), "{error}"),
        }
    }
    assert_eq!(results.len(), 2);
    let (earliest, latest): (u64, u64) = client.get_offset_bounds("events", 0).await?;
    assert_eq!((earliest, latest), (2, 3));
    Ok(())
}

// covers: F109 rust
#[tokio::test]
async fn metadata_bounds_and_offsets_of_times() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    client.create_topic("events", Some(2)).await?;
    let (name, partitions): (String, u32) = client.get_metadata("events").await?;
    assert_eq!((name.as_str(), partitions), ("events", 2));
    let cluster = client.get_cluster_metadata(&[]).await?;
    assert_eq!((cluster.brokers.len(), cluster.brokers[0].port), (1, broker.port()));
    client.publish_to_partition("events", 0, None::<Vec<u8>>, "a").await?;
    let time = client.consume("events", 0, 0, 1).await?[0].timestamp;
    let offset: Option<u64> = client.get_offset_for_timestamp("events", 0, time).await?;
    assert_eq!(offset, Some(0));
    assert_eq!(client.get_offset_bounds("events", 0).await?, (0, 1));
    Ok(())
}

// covers: F110 rust
// covers: F102 rust
#[tokio::test]
async fn groups_and_their_offsets() -> Done {
    let broker = broker();
    let mut client = Client::connect(broker.address()).await?;
    client.create_topic("events", Some(2)).await?;
    client.publish_to_partition("events", 0, None::<Vec<u8>>, "a").await?;
    client.commit_offset("readers", "events", 0, 1).await?;
    let committed = client.commit_offsets_pipelined("readers", &[("events", 0, 1), ("events", 1, 0)]).await;
    assert!(committed.len() == 2 && committed.iter().all(Result::is_ok));
    assert_eq!(client.get_offset("readers", "events", 0).await?, Some(1));
    assert_eq!(client.get_offset("others", "events", 0).await?, None);
    assert_eq!(client.list_groups().await?, ["readers"]);
    let offsets: HashMap<String, HashMap<u32, u64>> = client.describe_group("readers").await?;
    assert_eq!(offsets["events"], HashMap::from([(0, 1), (1, 0)]));
    client.delete_group("readers").await?;
    let joined = client.join_group("team", "", 10_000, 30_000, "consumer", &["events".to_owned()]).await?;
    let share = vec![("events".to_owned(), vec![0, 1])];
    let assignments = [(joined.member.clone(), share.clone())];
    assert_eq!(client.sync_group("team", joined.generation, &joined.member, &assignments).await?, share);
    let stable: i32 = client.heartbeat("team", joined.generation, &joined.member).await?;
    assert_eq!(stable, 0);
    client.remove_member("team", &joined.member).await?;
    let again = client.join_group("team", "", 10_000, 30_000, "consumer", &["events".to_owned()]).await?;
    client.leave_group("team", &again.member).await?;
    Ok(())
}

// covers: F111 rust
#[tokio::test]
async fn quotas_are_altered_and_described() -> Done {
    let broker = broker();
    let client = resilient(&broker);
    let alteration = QuotaAlteration {
        entity_type: "user".to_owned(),
        entity_name: Some("alice".to_owned()),
        quota_key: "consume_bytes_rate".to_owned(),
        quota_value: Some(1_000_000),
    };
    assert_eq!(client.alter_quotas(&[alteration]).await?, 1);
    let quotas = client.describe_quotas(&[("user".to_owned(), Some("alice".to_owned()))]).await?;
    assert_eq!(quotas[0].quotas["consume_bytes_rate"], 1_000_000);
    Ok(())
}
