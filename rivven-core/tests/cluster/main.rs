//! The resilient client among servers that fail, move and come back.

mod breaker;
mod connections;
mod leaders;
mod retries;
mod servers;
mod state_changes;

use std::future::Future;
use std::time::Duration;

use rivven_client::{ResilientClient, ResilientClientConfig, ResilientClientConfigBuilder};
use rivven_testkit::{Kind, ScriptedBroker};

/// Long enough for anything on a busy machine, short enough to notice that it never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A configuration with short pauses and no pings in the background.
fn config(servers: &[String]) -> ResilientClientConfigBuilder {
    ResilientClientConfig::builder()
        .servers(servers.to_vec())
        .connection_timeout(Duration::from_secs(5))
        .retry_initial_delay(Duration::from_millis(5))
        .retry_max_delay(Duration::from_millis(50))
        .health_check_enabled(false)
}

fn client(servers: &[String]) -> ResilientClient {
    ResilientClient::new(config(servers).build())
}

/// An address where nobody listens.
fn dead() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A server that accepts connections and never says a word, and counts them.
fn silent() -> ScriptedBroker {
    let broker = ScriptedBroker::start().unwrap();
    broker.on(Kind::Connect).drop_answer();
    broker
}

/// Waits until a condition holds.
async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}
