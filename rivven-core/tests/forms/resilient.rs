//! The resilient client.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rivven_client::{
    CircuitState, Error, ErrorCode, RecordMetadata, ResilientClient, ResilientClientConfig, ResilientStats, StateChange,
};
use rivven_testkit::{Kind, ScriptedBroker, TestBroker};

use crate::{Done, broker, resilient};

/// Long enough for anything on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An address where nobody listens.
fn dead() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

async fn until(what: &str, client: &ResilientClient, condition: impl Fn(&ResilientStats) -> bool) {
    let began = Instant::now();
    while !condition(&client.stats().await) {
        assert!(began.elapsed() < PATIENCE, "never: {what}: {:?}", client.stats().await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

// covers: F020 rust
// covers: F021 rust
// covers: F022 rust
// covers: F023 rust
// covers: F024 rust
// covers: F025 rust
// covers: F026 rust
// covers: F027 rust
// covers: F028 rust
// covers: F029 rust
// covers: F030 rust
// covers: F031 rust
#[test]
fn the_defaults_are_those_specified_and_can_be_read() {
    let config = ResilientClientConfig::builder().servers(vec!["a:1".to_string()]).build();
    assert_eq!(config.servers, ["a:1"]);
    assert_eq!(config.pool_size_per_server, 10);
    assert_eq!(config.connection_timeout, Duration::from_secs(10));
    assert_eq!(config.request_timeout, Duration::from_secs(30));
    assert_eq!(config.max_retries, 3);
    assert_eq!(config.retry_initial_delay, Duration::from_millis(100));
    assert_eq!(config.retry_max_delay, Duration::from_secs(5));
    assert_eq!(config.retry_multiplier, 2.0);
    assert_eq!(config.circuit_breaker_failure_threshold, 5);
    assert_eq!(config.circuit_breaker_recovery_timeout, Duration::from_secs(30));
    assert_eq!(config.max_connection_lifetime, Duration::from_secs(300));
    assert_eq!(config.idle_timeout, Duration::from_secs(60));
    assert_eq!(config.close_timeout, Duration::from_secs(5));
    assert!(config.health_check_enabled && config.retry_unknown_outcome && config.auth.is_none());
}

// covers: F020 rust
// covers: F021 rust
// covers: F022 rust
// covers: F023 rust
// covers: F024 rust
// covers: F025 rust
// covers: F026 rust
// covers: F027 rust
// covers: F028 rust
// covers: F029 rust
// covers: F030 rust
// covers: F031 rust
// covers: F032 rust
#[tokio::test]
async fn every_option_is_taken() -> Done {
    let broker = broker();
    let config: ResilientClientConfig = ResilientClientConfig::builder()
        .servers(vec![broker.address().to_string(), dead()])
        .pool_size_per_server(3)
        .connection_timeout(Duration::from_secs(7))
        .request_timeout(Duration::from_secs(20))
        .max_retries(2)
        .retry_initial_delay(Duration::from_millis(50))
        .retry_max_delay(Duration::from_secs(2))
        .retry_multiplier(1.5)
        .circuit_breaker_failure_threshold(4)
        .circuit_breaker_recovery_timeout(Duration::from_secs(9))
        .max_connection_lifetime(Duration::from_secs(200))
        .idle_timeout(Duration::from_secs(40))
        .close_timeout(Duration::from_secs(1))
        .retry_unknown_outcome(false)
        .health_check_enabled(true)
        .health_check_interval(Duration::from_secs(3))
        .client_id("my-app")
        .build();
    assert_eq!((config.pool_size_per_server, config.max_retries), (3, 2));
    assert_eq!(config.connection_timeout, Duration::from_secs(7));
    assert_eq!(config.request_timeout, Duration::from_secs(20));
    assert_eq!(config.retry_initial_delay, Duration::from_millis(50));
    assert_eq!((config.retry_max_delay, config.retry_multiplier), (Duration::from_secs(2), 1.5));
    assert_eq!(config.circuit_breaker_failure_threshold, 4);
    assert_eq!(config.circuit_breaker_recovery_timeout, Duration::from_secs(9));
    assert_eq!(config.max_connection_lifetime, Duration::from_secs(200));
    assert_eq!((config.idle_timeout, config.close_timeout), (Duration::from_secs(40), Duration::from_secs(1)));
    assert!(config.health_check_enabled && !config.retry_unknown_outcome);
    assert_eq!((config.health_check_interval, config.client_id.as_str()), (Duration::from_secs(3), "my-app"));
    let mut client = ResilientClient::new(config.clone());
    client.ping().await?;
    client.close(config.close_timeout).await;
    assert_eq!(client.ping().await.unwrap_err().code(), ErrorCode::Closed);
    Ok(())
}

// covers: F033 rust
#[tokio::test]
async fn a_record_is_published_with_and_without_key() -> Done {
    let broker = broker();
    let mut client = resilient(&broker);
    client.create_topic("events", Some(1)).await?;
    let offset: u64 = client.publish("events", Some(b"key"), b"value").await?;
    assert_eq!(offset, 0);
    assert_eq!(client.publish("events", None, "value").await?, 1);
    let key = String::from("key");
    assert_eq!(client.publish(String::from("events"), Some(key.as_bytes()), b"value".to_vec()).await?, 2);
    let metadata: RecordMetadata = client.publish_with_metadata("events", Some(b"key"), b"value").await?;
    assert_eq!((&*metadata.topic, metadata.partition, metadata.offset), ("events", 0, 3));
    assert!(metadata.offset_exact && !metadata.duplicate && !metadata.maybe_duplicate && metadata.timestamp > 0);
    let keys: Vec<_> = client.consume("events", 0, 0, 10).await?.into_iter().map(|message| message.key).collect();
    assert_eq!(
        (keys[0].as_deref(), keys[1].as_deref(), keys[2].as_deref()),
        (Some(&b"key"[..]), None, Some(&b"key"[..]))
    );
    Ok(())
}

// covers: F034 rust
#[tokio::test]
async fn it_has_the_operations_of_the_basic_client() -> Done {
    let broker = broker();
    let client = resilient(&broker);
    assert_eq!(client.create_topic("events", Some(2)).await?, 2);
    assert_eq!(client.list_topics().await?, ["events"]);
    assert_eq!(client.get_metadata("events").await?, ("events".to_owned(), 2));
    client.publish_to_partition("events", 0, Some("k"), "v").await?;
    let (offset, _, count) = client.publish_batch("events", Some(0), &[(Some("k"), "v"), (None, "w")]).await?;
    assert_eq!((offset, count), (1, 2));
    assert_eq!(client.consume("events", 0, 0, 10).await?.len(), 3);
    assert_eq!(client.consume_with_isolation("events", 0, 0, 10, Some(0)).await?.len(), 3);
    assert_eq!(client.consume_read_committed("events", 0, 0, 10).await?.len(), 3);
    assert_eq!(client.get_offset_bounds("events", 0).await?, (0, 3));
    client.commit_offset("readers", "events", 0, 3).await?;
    assert_eq!(client.get_offset("readers", "events", 0).await?, Some(3));
    assert_eq!(client.alter_topic_config("events", &[("cleanup.policy", None)]).await?.changed_count, 1);
    assert_eq!(client.delete_records("events", &[(0, 1)]).await?[0].low_watermark, 1);
    client.ping().await?;
    client.delete_topic("events").await?;
    Ok(())
}

// covers: F035 rust
// covers: F039 rust
#[tokio::test]
async fn statistics_show_the_pool_and_its_idle_connections_go() -> Done {
    let broker = broker();
    let config = ResilientClientConfig::builder()
        .servers(vec![broker.address().to_owned()])
        .pool_size_per_server(4)
        .idle_timeout(Duration::from_millis(200))
        .health_check_interval(Duration::from_millis(50))
        .build();
    let client = ResilientClient::new(config);
    client.create_topic("events", Some(1)).await?;
    client.publish("events", None, "v").await?;
    client.consume("events", 0, 0, 10).await?;
    let stats = client.stats().await;
    assert_eq!((stats.total_servers, stats.healthy_servers), (1, 1));
    let open = stats.active_connections + stats.available_connections;
    assert!((1..=4).contains(&open), "{stats:?}");
    for server in &stats.servers {
        println!(
            "{}: {:?} ({} active, {} idle)",
            server.address, server.circuit_state, server.active_connections, server.available_connections
        );
        assert_eq!(
            (server.address.to_string(), format!("{:?}", server.circuit_state)),
            (broker.address().to_owned(), "Closed".into())
        );
    }
    until("one connection is left", &client, |stats| stats.available_connections == 1).await;
    Ok(())
}

// covers: F036 rust
#[tokio::test]
async fn a_record_of_unknown_outcome_is_sent_again_and_says_so() -> Done {
    let broker = ScriptedBroker::builder().topic("events", 1).start()?;
    let client = ResilientClient::new(ResilientClientConfig::builder().servers(vec![broker.address()]).build());
    broker.on(Kind::Publish).once().close_connection();
    let metadata = client.publish_with_metadata("events", None, "value").await?;
    assert!(metadata.maybe_duplicate);
    assert_eq!((metadata.offset, broker.records("events", 0).len()), (1, 2));
    Ok(())
}

// covers: F037 rust
#[tokio::test]
async fn the_breaker_opens_fails_fast_and_closes_again() -> Done {
    let mut broker = broker();
    let config = ResilientClientConfig::builder()
        .servers(vec![broker.address().to_owned()])
        .max_retries(0)
        .retry_initial_delay(Duration::from_millis(1))
        .retry_max_delay(Duration::from_millis(1))
        .circuit_breaker_failure_threshold(2)
        .circuit_breaker_recovery_timeout(Duration::from_secs(2))
        .health_check_enabled(false)
        .build();
    let client = ResilientClient::new(config);
    client.ping().await?;
    broker.kill()?;
    let began = Instant::now();
    let server = loop {
        match client.ping().await {
            Err(Error::CircuitBreakerOpen(server)) => break server,
            Err(error) => assert!(error.is_retriable(), "{error}"),
            Ok(()) => panic!("nobody is there"),
        }
        assert!(began.elapsed() < PATIENCE);
    };
    assert!(server.contains(broker.address()) && server.address() == Some(broker.address()));
    assert_ne!(client.stats().await.servers[0].circuit_state, CircuitState::Closed);
    broker.restart()?;
    while let Err(error) = client.ping().await {
        assert!(began.elapsed() < PATIENCE, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(client.stats().await.servers[0].circuit_state, CircuitState::Closed);
    Ok(())
}

// covers: F038 rust
#[tokio::test]
async fn requests_go_to_the_first_server_that_works() -> Done {
    let (first, second) = (broker(), TestBroker::start()?);
    let servers = vec![dead(), first.address().to_owned(), second.address().to_owned()];
    let client = ResilientClient::new(ResilientClientConfig::builder().servers(servers).build());
    client.create_topic("events", Some(1)).await?;
    assert_eq!(resilient(&first).list_topics().await?, ["events"]);
    assert!(resilient(&second).list_topics().await?.is_empty());
    let nobody = ResilientClientConfig::builder().servers(vec![dead(), dead()]).max_retries(1).build();
    let client = ResilientClient::new(nobody);
    let error = client.ping().await.unwrap_err();
    assert!(matches!(error, Error::AllServersUnavailable));
    assert!(client.explain(&error).starts_with("All servers unavailable: "));
    Ok(())
}

// covers: F040 rust
#[tokio::test]
async fn the_health_of_a_server_is_watched_in_the_background() -> Done {
    let mut broker = broker();
    let config = ResilientClientConfig::builder()
        .servers(vec![broker.address().to_owned()])
        .health_check_interval(Duration::from_millis(50))
        .retry_max_delay(Duration::from_millis(100))
        .circuit_breaker_recovery_timeout(Duration::from_millis(100))
        .build();
    let client = ResilientClient::new(config);
    client.connect().await?;
    let mut changes = client.state_changes();
    broker.kill()?;
    // No call is made: a ping finds out.
    until("the server is unhealthy", &client, |stats| stats.healthy_servers == 0).await;
    broker.restart()?;
    until("the server is healthy again", &client, |stats| stats.healthy_servers == 1).await;
    assert!(matches!(changes.next().await, Some(StateChange::Degraded { .. })));
    Ok(())
}
