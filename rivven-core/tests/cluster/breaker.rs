//! The circuit breaker at work.

use std::time::Duration;

use futures_util::future::join_all;
use rivven_client::{CircuitState, ErrorCode, Outcome, ResilientClient, Result};
use rivven_testkit::{Kind, ScriptedBroker};

use crate::{config, until};

async fn circuit(client: &ResilientClient) -> CircuitState {
    client.stats().await.servers[0].circuit_state
}

/// A broker that closes every connection at once, and a client whose breaker is open.
async fn open() -> (ScriptedBroker, ResilientClient) {
    let broker = ScriptedBroker::start().unwrap();
    broker.on(Kind::Connect).close_connection();
    let config = config(&[broker.address()])
        .max_retries(0)
        .circuit_breaker_failure_threshold(3)
        .circuit_breaker_recovery_timeout(Duration::from_millis(300));
    let client = ResilientClient::new(config.build());
    for _ in 0..3 {
        assert_eq!(circuit(&client).await, CircuitState::Closed);
        client.ping().await.unwrap_err();
    }
    assert_eq!(circuit(&client).await, CircuitState::Open);
    (broker, client)
}

// covers: F028 rust, F037 rust
#[tokio::test]
async fn an_open_one_refuses_without_connecting() {
    let (broker, client) = open().await;
    let before = broker.connections();
    for result in join_all((0..100).map(|_| client.ping())).await {
        // A slow machine may have come to the recovery time by now; then one of them was let through.
        let error = result.unwrap_err();
        if error.code() == ErrorCode::CircuitBreakerOpen {
            assert_eq!(error.outcome(), Outcome::NotSent);
            assert_eq!(error.address(), Some(broker.address().as_str()));
            let left = error.retry_after().expect("it says for how long");
            assert!(left <= Duration::from_millis(300) && error.to_string().contains("is left alone"), "{error}");
        }
    }
    assert!(broker.connections() <= before + 1);
}

// covers: F029 rust, F037 rust
#[tokio::test]
async fn exactly_one_request_is_let_through_after_the_recovery_time_and_closes_it() -> Result<()> {
    let (broker, client) = open().await;
    broker.clear_rules();
    broker.clear_requests();
    broker.on(Kind::Ping).once().hold();
    let probe = async {
        loop {
            match client.ping().await {
                Err(error) if error.code() == ErrorCode::CircuitBreakerOpen => tokio::task::yield_now().await,
                result => break result,
            }
        }
    };
    let others = async {
        broker.until_received(Kind::Ping, 1).await;
        assert_eq!(circuit(&client).await, CircuitState::HalfOpen);
        for result in join_all((0..50).map(|_| client.ping())).await {
            assert_eq!(result.unwrap_err().code(), ErrorCode::CircuitBreakerOpen);
        }
        assert_eq!(broker.requests_of(Kind::Ping).len(), 1, "only one request came through");
        broker.release();
    };
    let (result, ()) = tokio::join!(probe, others);
    result?;
    assert_eq!(circuit(&client).await, CircuitState::Closed);
    client.ping().await
}

// covers: F029 rust, F037 rust
#[tokio::test]
async fn a_probe_that_fails_opens_it_anew() {
    let (broker, client) = open().await;
    let before = broker.connections();
    until("a request is let through", async || {
        client.ping().await.unwrap_err().code() != ErrorCode::CircuitBreakerOpen
    })
    .await;
    assert_eq!(broker.connections(), before + 1);
    assert_eq!(circuit(&client).await, CircuitState::Open);
}

#[tokio::test]
async fn a_probe_whose_caller_gave_up_makes_room_for_another() -> Result<()> {
    let (broker, client) = open().await;
    broker.clear_rules();
    broker.on(Kind::Ping).once().hold();
    until("a request is let through", async || {
        let ping = tokio::time::timeout(Duration::from_millis(100), client.ping()).await;
        !matches!(ping, Ok(Err(error)) if error.code() == ErrorCode::CircuitBreakerOpen)
    })
    .await;
    broker.release();
    client.ping().await
}

// covers: F037 rust, F040 rust
#[tokio::test]
async fn the_background_probe_closes_it_without_a_caller() -> Result<()> {
    let broker = ScriptedBroker::start().unwrap();
    broker.on(Kind::Connect).close_connection();
    let config = config(&[broker.address()])
        .max_retries(0)
        .circuit_breaker_failure_threshold(1)
        .circuit_breaker_recovery_timeout(Duration::from_millis(100))
        .health_check_enabled(true)
        .health_check_interval(Duration::from_millis(20));
    let client = ResilientClient::new(config.build());
    client.ping().await.unwrap_err();
    broker.clear_rules();
    until("the breaker is closed", async || circuit(&client).await == CircuitState::Closed).await;
    client.ping().await
}

#[tokio::test]
async fn a_connection_that_ends_under_many_requests_counts_once() {
    let broker = ScriptedBroker::start().unwrap();
    let config = config(&[broker.address()]).max_retries(0).circuit_breaker_failure_threshold(2);
    let client = ResilientClient::new(config.build());
    client.ping().await.unwrap();
    broker.on(Kind::Ping).hold();
    let waiting = join_all((0..50).map(|_| client.ping()));
    let cut = async {
        broker.until_received(Kind::Ping, 2).await;
        broker.close_connections(0);
    };
    let (results, ()) = tokio::join!(waiting, cut);
    assert!(results.iter().all(|result| result.as_ref().is_err_and(|error| error.code() == ErrorCode::ConnectionLost)));
    assert_eq!(circuit(&client).await, CircuitState::Closed);
}

#[tokio::test]
async fn errors_that_the_server_answers_do_not_count() -> Result<()> {
    let broker = ScriptedBroker::start().unwrap();
    let config = config(&[broker.address()]).max_retries(0).circuit_breaker_failure_threshold(1);
    let client = ResilientClient::new(config.build());
    for _ in 0..5 {
        client.get_metadata("absent").await.unwrap_err();
    }
    client.ping().await
}

/// Each retry asked for the leaders first, of the same server: the breaker opened before the retries were over.
// covers: F028 rust, F037 rust
#[tokio::test]
async fn one_call_that_is_tried_again_opens_none() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let config = config(&[broker.address()]).max_retries(3).circuit_breaker_failure_threshold(5);
    let client = ResilientClient::new(config.build());
    client.publish_to_partition("t", 0, None::<&str>, "v").await?;
    broker.kill(0);
    let error = client.publish_to_partition("t", 0, None::<&str>, "w").await.unwrap_err();
    assert_ne!(error.code(), ErrorCode::CircuitBreakerOpen, "{error}");
    assert_eq!(circuit(&client).await, CircuitState::Closed);
    broker.revive(0).unwrap();
    client.publish_to_partition("t", 0, None::<&str>, "w").await.map(drop)
}
