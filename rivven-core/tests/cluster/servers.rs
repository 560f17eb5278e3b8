//! Which server is asked.

use std::time::Duration;

use futures_util::future::join_all;
use rivven_client::{CircuitState, Error, ErrorCode, Outcome, ResilientClient, Result};
use rivven_testkit::{Kind, ScriptedBroker, TestBroker};

use crate::{client, config, dead, silent, until};

// covers: F020 rust, F038 rust
#[tokio::test]
async fn a_dead_server_among_three_costs_one_attempt_and_not_one_per_call() -> Result<()> {
    let (dead, second, third) = (silent(), ScriptedBroker::start().unwrap(), ScriptedBroker::start().unwrap());
    let servers = [dead.address(), second.address(), third.address()];
    let client = ResilientClient::new(config(&servers).connection_timeout(Duration::from_millis(500)).build());
    for result in join_all((0..200).map(|_| client.ping())).await {
        result?;
    }
    for _ in 0..50 {
        client.ping().await?;
        client.list_topics().await?;
        client.heartbeat("g", 0, "m").await.unwrap_err();
    }
    assert_eq!(dead.connections(), 1, "each further attempt would have cost somebody a timeout");
    assert_eq!(second.requests_of(Kind::Ping).len(), 250);
    assert_eq!(third.connections(), 0, "the first one that works has everything");
    Ok(())
}

// covers: F038 rust, F040 rust
#[tokio::test]
async fn a_server_is_used_again_once_a_probe_has_reached_it() -> Result<()> {
    let (first, second) = (ScriptedBroker::start().unwrap(), ScriptedBroker::start().unwrap());
    let config = config(&[first.address(), second.address()])
        .health_check_enabled(true)
        .health_check_interval(Duration::from_millis(50));
    let client = ResilientClient::new(config.build());
    client.ping().await?;
    first.kill(0);
    client.ping().await?;
    assert_eq!(second.requests_of(Kind::Ping).len(), 1, "the second server took over");
    first.revive(0).unwrap();
    until("the first server is healthy", async || client.stats().await.healthy_servers == 2).await;
    second.clear_requests();
    client.list_topics().await?;
    assert!(second.requests_of(Kind::ListTopics).is_empty(), "requests go to the first server that works");
    Ok(())
}

// covers: F038 rust
#[tokio::test]
async fn the_real_broker_takes_over_and_gives_back() -> Result<()> {
    let (mut first, second) = (TestBroker::start().unwrap(), TestBroker::start().unwrap());
    let servers = [first.address().to_owned(), second.address().to_owned()];
    let client = ResilientClient::new(
        config(&servers).health_check_enabled(true).health_check_interval(Duration::from_millis(50)).build(),
    );
    client.create_topic("here", Some(1)).await?;
    first.kill().unwrap();
    // What is sent into the lost connection is repeated only where that does no harm.
    client.ping().await?;
    client.create_topic("there", Some(1)).await?;
    assert_eq!(client.list_topics().await?, ["there"]);
    first.restart().unwrap();
    until("the first broker is back", async || client.stats().await.healthy_servers == 2).await;
    assert_eq!(client.list_topics().await?, ["here"]);
    Ok(())
}

// covers: F038 rust, F121 rust
#[tokio::test]
async fn without_any_server_the_error_names_each_with_its_reason() {
    let servers = [dead(), dead()];
    let client = ResilientClient::new(config(&servers).max_retries(0).build());
    let error = client.ping().await.unwrap_err();
    assert!(matches!(error, Error::AllServersUnavailable));
    assert_eq!((error.code(), error.outcome()), (ErrorCode::AllServersUnavailable, Outcome::NotSent));
    let explained = client.explain(&error);
    assert!(servers.iter().all(|server| explained.contains(server)), "{explained}");
    let stats = client.stats().await;
    assert_eq!((stats.total_servers, stats.healthy_servers), (2, 0));
    for server in stats.servers {
        assert_eq!(server.last_error.map(|error| error.code()), Some(ErrorCode::ConnectionFailed));
    }
}

#[tokio::test]
async fn a_single_server_gives_its_own_error() {
    let client = ResilientClient::new(config(&[dead()]).max_retries(0).build());
    let error = client.ping().await.unwrap_err();
    assert!(matches!(error, Error::IoError(std::io::ErrorKind::ConnectionRefused, _)), "{error:?}");
}

// covers: F039 rust
#[tokio::test]
async fn statistics_tell_servers_and_connections() -> Result<()> {
    let (first, second) = (ScriptedBroker::start().unwrap(), ScriptedBroker::start().unwrap());
    let client = client(&[first.address(), second.address()]);
    let stats = client.stats().await;
    assert_eq!((stats.total_servers, stats.healthy_servers, stats.available_connections), (2, 2, 0));
    client.ping().await?;
    first.on(Kind::Ping).once().hold();
    let held = tokio::spawn({
        let client = client.clone();
        async move { client.ping().await }
    });
    first.until_received(Kind::Ping, 2).await;
    client.heartbeat("g", 0, "m").await.unwrap_err();
    let stats = client.stats().await;
    let [one, two] = &stats.servers[..] else { panic!("two servers") };
    assert_eq!((one.active_connections, one.available_connections), (1, 1));
    assert_eq!((two.active_connections, two.available_connections), (0, 0));
    assert_eq!((&*one.address, one.circuit_state), (first.address().as_str(), CircuitState::Closed));
    assert_eq!(format!("{:?}", two.circuit_state), "Closed");
    first.release();
    held.await.unwrap()
}

// covers: F003 rust, F032 rust
#[tokio::test]
async fn invalid_settings_show_at_the_first_call() {
    let server = [dead()];
    for config in [
        config(&[]),
        config(&["http://x".to_owned()]),
        config(&server).pool_size_per_server(0),
        config(&server).retry_multiplier(0.5),
        config(&server).retry_multiplier(f64::NAN),
        config(&server).retry_max_delay(Duration::ZERO),
        config(&server).circuit_breaker_failure_threshold(0),
        config(&server).health_check_enabled(true).health_check_interval(Duration::ZERO),
    ] {
        let client = ResilientClient::new(config.build());
        assert_eq!(client.ping().await.unwrap_err().code(), ErrorCode::InvalidConfig);
        assert_eq!(client.connect().await.unwrap_err().code(), ErrorCode::InvalidConfig);
    }
}

#[test]
fn a_client_may_be_made_outside_of_a_runtime() {
    let broker = ScriptedBroker::start().unwrap();
    let client = client(&[broker.address()]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(client.ping()).unwrap();
    drop(runtime);
    let other = tokio::runtime::Runtime::new().unwrap();
    let error = other.block_on(client.ping()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::RuntimeGone, "{error}");
}
