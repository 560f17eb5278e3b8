//! The stream of what changes about the servers.

use std::time::Duration;

use rivven_client::{ErrorCode, ResilientClient, Result, StateChange, StateChanges};
use rivven_testkit::TestBroker;

use crate::{PATIENCE, config, dead};

async fn next(changes: &mut StateChanges) -> Option<StateChange> {
    tokio::time::timeout(PATIENCE, changes.next()).await.expect("a change")
}

#[tokio::test]
async fn a_server_that_fails_and_comes_back_is_told() -> Result<()> {
    let mut broker = TestBroker::start().unwrap();
    let config = config(&[broker.address().to_owned()])
        .health_check_enabled(true)
        .health_check_interval(Duration::from_millis(50));
    let client = ResilientClient::new(config.build());
    let mut changes = client.state_changes();
    client.ping().await?;
    broker.kill().unwrap();
    client.ping().await.unwrap_err();
    let Some(StateChange::Degraded { server, since, reason, attempts, .. }) = next(&mut changes).await else {
        panic!("the server failed")
    };
    assert_eq!((&*server, reason.code(), attempts), (broker.address(), ErrorCode::ConnectionFailed, 1));
    let Some(StateChange::Degraded { since: still, attempts, .. }) = next(&mut changes).await else {
        panic!("it failed again")
    };
    assert_eq!((still, attempts), (since, 2), "it is the same trouble");
    broker.restart().unwrap();
    loop {
        match next(&mut changes).await {
            Some(StateChange::Degraded { .. }) => {}
            Some(StateChange::Recovered { server, attempts, .. }) => {
                assert_eq!(&*server, broker.address());
                assert!(attempts >= 2);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    client.ping().await
}

#[tokio::test]
async fn a_client_that_is_idle_notices_too() -> Result<()> {
    let mut broker = TestBroker::start().unwrap();
    let config = config(&[broker.address().to_owned()])
        .health_check_enabled(true)
        .health_check_interval(Duration::from_millis(50));
    let client = ResilientClient::new(config.build());
    client.ping().await?;
    let mut changes = client.state_changes();
    broker.kill().unwrap();
    assert!(matches!(next(&mut changes).await, Some(StateChange::Degraded { .. })));
    broker.restart().unwrap();
    while !matches!(next(&mut changes).await, Some(StateChange::Recovered { .. })) {}
    assert_eq!(client.stats().await.healthy_servers, 1);
    Ok(())
}

#[tokio::test]
async fn a_reader_that_is_too_slow_learns_how_much_it_missed() {
    let client = ResilientClient::new(
        config(&[dead()])
            .max_retries(3000)
            .retry_initial_delay(Duration::ZERO)
            .retry_max_delay(Duration::ZERO)
            .circuit_breaker_failure_threshold(1_000_000)
            .build(),
    );
    let mut changes = client.state_changes();
    client.ping().await.unwrap_err();
    let Some(StateChange::Missed { count }) = next(&mut changes).await else { panic!("some were lost") };
    let Some(StateChange::Degraded { attempts, .. }) = next(&mut changes).await else { panic!("some were kept") };
    assert_eq!(u64::from(attempts), count + 1);
}

#[tokio::test]
async fn the_stream_ends_when_the_client_is_closed() {
    let client = ResilientClient::new(config(&[dead()]).build());
    let mut changes = client.state_changes();
    client.close(Duration::ZERO).await;
    assert!(next(&mut changes).await.is_none());
    assert!(next(&mut client.state_changes()).await.is_none());
}
