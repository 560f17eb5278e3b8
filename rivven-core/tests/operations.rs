//! Every operation against the real broker, by each kind of client.

use std::time::{Duration, Instant};

use rivven_client::protocol::QuotaAlteration;
use rivven_client::{
    Client, ErrorCode, PipelineConfig, PipelinedClient, ResilientClient, ResilientClientConfig, Result,
};
use rivven_testkit::TestBroker;

/// The same story for a client of any type: the methods are the same.
macro_rules! story {
    ($client:ident) => {{
        topics!($client);
        reading!($client);
        offsets!($client);
        groups!($client);
        quotas!($client);
    }};
}

macro_rules! topics {
    ($client:ident) => {{
        $client.create_topic("events", Some(3)).await?;
        assert_eq!($client.create_partitions("events", 6).await?, 6);
        let shrink = $client.create_partitions("events", 2).await.unwrap_err();
        assert_eq!(shrink.code(), ErrorCode::InvalidPartitions);
        let altered = $client
            .alter_topic_config("events", &[("retention.ms", Some("86400000")), ("cleanup.policy", None)])
            .await?;
        assert_eq!((altered.topic.as_str(), altered.changed_count), ("events", 2));
        let name = "events".to_owned();
        let configs = $client.describe_topic_configs(&[&name]).await?;
        let retention = &configs["events"]["retention.ms"];
        assert_eq!((retention.value.as_str(), retention.is_default), ("86400000", false));
        let bad = $client.alter_topic_config("events", &[("retention.ms", Some("soon"))]).await.unwrap_err();
        assert_eq!(bad.code(), ErrorCode::InvalidTopicConfig);
        let cluster = $client.get_cluster_metadata(&[]).await?;
        assert_eq!(cluster.brokers.len(), 1);
        assert_eq!($client.get_metadata("events").await?, ("events".to_owned(), 6));
    }};
}

macro_rules! reading {
    ($client:ident) => {{
        for value in ["a", "b", "c"] {
            $client.publish_to_partition("events", 0, None::<&str>, value).await?;
        }
        $client.publish_to_partition("events", 1, None::<&str>, "d").await?;
        let fetches = [("events", 0, 1, 10, None), ("events", 1, 0, 10, Some(1)), ("absent", 0, 0, 10, None)];
        let fetched = $client.consume_pipelined(&fetches).await;
        let sizes: Vec<_> = fetched.iter().map(|records| records.as_ref().map(|records| records.len()).ok()).collect();
        assert_eq!(sizes, [Some(2), Some(1), None]);
        assert_eq!($client.consume_read_committed("events", 0, 0, 10).await?.len(), 3);
        assert_eq!($client.consume_with_isolation("events", 0, 2, 10, Some(0)).await?.len(), 1);
        let start = Instant::now();
        assert!($client.consume_long_poll("events", 0, 3, 10, None, 300).await?.is_empty());
        assert!(start.elapsed() >= Duration::from_millis(300), "a long poll waits for a record");
        let first = $client.consume("events", 0, 0, 1).await?[0].timestamp;
        assert_eq!($client.get_offset_for_timestamp("events", 0, first).await?, Some(0));
        assert_eq!($client.get_offset_for_timestamp("events", 0, first + 86_400_000).await?, None);
        let deleted = $client.delete_records("events", &[(0, 2), (1, 99)]).await?;
        assert_eq!((deleted[0].partition, deleted[0].low_watermark, deleted[0].error.is_none()), (0, 2, true));
        assert!(deleted[1].error.is_some(), "an offset behind the end is refused");
        assert_eq!($client.get_offset_bounds("events", 0).await?, (2, 3));
    }};
}

macro_rules! offsets {
    ($client:ident) => {{
        assert_eq!($client.get_offset("readers", "events", 0).await?, None);
        $client.commit_offset("readers", "events", 0, 2).await?;
        let commits = [("events", 0, 3), ("events", 1, 1), ("events", 1, 99)];
        let committed = $client.commit_offsets_pipelined("readers", &commits).await;
        let codes: Vec<_> = committed.iter().map(|result| result.as_ref().err().map(|error| error.code())).collect();
        assert_eq!(codes, [None, None, Some(ErrorCode::OffsetOutOfRange)]);
        assert_eq!($client.get_offset("readers", "events", 0).await?, Some(3));
        assert_eq!($client.list_groups().await?, ["readers"]);
        assert_eq!($client.describe_group("readers").await?["events"][&1], 1);
        $client.delete_group("readers").await?;
        assert_eq!($client.describe_group("readers").await.unwrap_err().code(), ErrorCode::GroupNotFound);
        assert_eq!(
            $client.commit_offset("bad group", "events", 0, 0).await.unwrap_err().code(),
            ErrorCode::InvalidGroupId
        );
    }};
}

macro_rules! groups {
    ($client:ident) => {{
        let topics = ["events".to_owned()];
        let joined = $client.join_group("team", "", 10_000, 30_000, "consumer", &topics).await?;
        assert_eq!((joined.generation, &joined.member), (0, &joined.leader));
        assert_eq!($client.heartbeat("team", 0, &joined.member).await?, 27);
        let share = vec![("events".to_owned(), vec![0, 1])];
        let assigned = $client.sync_group("team", 0, &joined.member, &[(joined.member.clone(), share.clone())]).await?;
        assert_eq!(assigned, share);
        assert_eq!($client.heartbeat("team", 0, &joined.member).await?, 0);
        let stale = $client.heartbeat("team", 9, &joined.member).await.unwrap_err();
        assert_eq!(stale.code(), ErrorCode::IllegalGeneration);
        $client.remove_member("team", &joined.member).await?;
        let gone = $client.leave_group("team", &joined.member).await.unwrap_err();
        assert!(matches!(gone.code(), ErrorCode::UnknownMemberId | ErrorCode::UnknownGroup));
    }};
}

macro_rules! quotas {
    ($client:ident) => {{
        let alteration = |quota_key: &str| QuotaAlteration {
            entity_type: "user".into(),
            entity_name: Some("alice".into()),
            quota_key: quota_key.into(),
            quota_value: Some(1_000_000),
        };
        let alterations = [alteration("produce_bytes_rate"), alteration("no_such_key")];
        assert_eq!($client.alter_quotas(&alterations).await?, 1);
        let described = $client.describe_quotas(&[("user".into(), Some("alice".into()))]).await?;
        assert_eq!(described[0].quotas["produce_bytes_rate"], 1_000_000);
    }};
}

// covers: F010 rust, F104 rust, F105 rust, F106 rust, F107 rust, F108 rust, F109 rust, F110 rust, F111 rust
#[tokio::test]
async fn by_the_basic_client() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    story!(client);
    Ok(())
}

// covers: F010 rust, F033 rust, F034 rust, F104 rust, F105 rust, F106 rust, F107 rust, F108 rust, F109 rust, F110 rust, F111 rust
#[tokio::test]
async fn by_the_resilient_client() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let config = ResilientClientConfig::builder().servers(vec![broker.address().to_owned()]).build();
    let client = ResilientClient::new(config);
    assert_eq!(client.publish("first", Some(b"key"), b"value").await?, 0);
    client.publish("first", None, "value").await?;
    story!(client);
    Ok(())
}

#[tokio::test]
async fn by_the_pipelined_client() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = PipelinedClient::connect(broker.address(), PipelineConfig::default()).await?;
    story!(client);
    Ok(())
}
