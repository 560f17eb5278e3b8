//! The pipelined client.

use std::time::Duration;

use bytes::Bytes;
use rivven_client::{ErrorCode, PipelineConfig, PipelineStatsSnapshot, PipelinedClient, Request, Response};

use crate::{Done, broker};

// covers: F041 rust
#[tokio::test]
async fn many_clones_publish_and_requests_are_sent_raw() -> Done {
    let broker = broker();
    let client = PipelinedClient::connect(broker.address(), PipelineConfig::default()).await?;
    client.create_topic("events", Some(1)).await?;
    let calls: Vec<_> = (0..100)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.publish("events", format!("event {n}")).await })
        })
        .collect();
    let mut offsets: Vec<u64> = Vec::new();
    for call in calls {
        offsets.push(call.await??);
    }
    offsets.sort_unstable();
    assert_eq!(offsets, (0..100).collect::<Vec<_>>());
    assert_eq!(client.publish_with_key("events", Some(b"key"), b"value").await?, 100);
    assert_eq!(client.publish_with_key("events", None::<Vec<u8>>, Bytes::from("value")).await?, 101);
    let request = Request::Consume {
        topic: String::from("events"),
        partition: 0,
        offset: 100,
        max_messages: 10,
        isolation_level: None,
        max_wait_ms: None,
    };
    match client.send_request(request).await? {
        Response::Messages { messages } => assert_eq!(messages.len(), 2),
        other => panic!("{other:?}"),
    }
    Ok(())
}

// covers: F042 rust
// covers: F043 rust
// covers: F044 rust
// covers: F045 rust
// covers: F046 rust
// covers: F047 rust
#[test]
fn the_presets_are_those_specified_and_can_be_read() {
    let all = [
        (PipelineConfig::default(), 100, 1000, 64, 30, 5),
        (PipelineConfig::builder().build(), 100, 1000, 64, 30, 5),
        (PipelineConfig::high_throughput(), 1000, 5000, 256, 60, 10),
        (PipelineConfig::low_latency(), 32, 0, 1, 10, 3),
    ];
    for (config, in_flight, linger, batch, timeout, close) in all {
        assert_eq!((config.max_in_flight, config.batch_linger_us, config.max_batch_size), (in_flight, linger, batch));
        assert_eq!(config.request_timeout, Duration::from_secs(timeout));
        assert_eq!(config.close_timeout, Duration::from_secs(close));
    }
}

// covers: F043 rust
// covers: F044 rust
// covers: F045 rust
// covers: F046 rust
// covers: F047 rust
// covers: F048 rust
#[tokio::test]
async fn every_option_is_taken() -> Done {
    let broker = rivven_testkit::TestBroker::builder()
        .secure()
        .without_tls()
        .user("alice", "Correct-Horse-7", &["admin"])
        .start()?;
    let config: PipelineConfig = PipelineConfig::builder()
        .max_in_flight(50)
        .batch_linger_us(500)
        .batch_linger_ms(2)
        .max_batch_size(32)
        .read_buffer_size(32 * 1024)
        .write_buffer_size(32 * 1024)
        .request_timeout(Duration::from_secs(20))
        .close_timeout(Duration::from_secs(2))
        .auth("alice", "Correct-Horse-7")
        .build();
    assert_eq!((config.max_in_flight, config.batch_linger_us, config.max_batch_size), (50, 2000, 32));
    assert!(format!("{config:?}").contains("[REDACTED]"));
    let client = PipelinedClient::connect(broker.address(), config).await?;
    assert!(client.list_topics().await?.is_empty());
    Ok(())
}

// covers: F051 rust
// covers: F052 rust
#[tokio::test]
async fn statistics_count_and_closing_ends_the_client() -> Done {
    let broker = broker();
    let client = PipelinedClient::connect(broker.address(), PipelineConfig::low_latency()).await?;
    for _ in 0..3 {
        client.ping().await?;
    }
    let stats: PipelineStatsSnapshot = client.stats();
    assert_eq!((stats.requests_sent, stats.responses_received, stats.timeouts, stats.in_flight()), (3, 3, 0, 0));
    assert!(stats.batches_flushed >= 1 && stats.success_rate() == 1.0);
    let literal = PipelineStatsSnapshot { requests_sent: 4, responses_received: 2, batches_flushed: 1, timeouts: 1 };
    assert_eq!((literal.in_flight(), literal.success_rate()), (1, 0.5));
    client.close().await;
    client.close().await;
    assert_eq!(client.ping().await.unwrap_err().code(), ErrorCode::Closed);
    Ok(())
}
