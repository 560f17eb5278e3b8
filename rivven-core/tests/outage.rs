//! What the log says of an outage: once that it is there, however often it is tried.

use std::time::Duration;

use rivven_client::{ResilientClient, ResilientClientConfig, Result};
use rivven_testkit::{Log, TestBroker};
use tracing_subscriber::filter::LevelFilter;

/// An address that nobody listens at.
const NOBODY: &str = "127.0.0.1:1";

#[tokio::test]
async fn a_server_that_is_away_is_warned_of_once_until_it_works_again() -> Result<()> {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(LevelFilter::DEBUG);
    subscriber.with_writer(move || writer.clone()).init();

    let mut broker = TestBroker::start().unwrap();
    let config = ResilientClientConfig::builder()
        .servers(vec![broker.address().to_owned(), NOBODY.to_owned()])
        .health_check_enabled(false)
        .retry_initial_delay(Duration::from_millis(1))
        .retry_max_delay(Duration::from_millis(1))
        .circuit_breaker_failure_threshold(1_000_000);
    let client = ResilientClient::new(config.build());
    for outages in 1..=2 {
        while client.ping().await.is_err() {}
        broker.kill().unwrap();
        for _ in 0..5 {
            client.ping().await.unwrap_err();
        }
        let warned = |of| log.count(&["WARN", "server does not work", of]);
        assert_eq!((warned(broker.address()), warned(NOBODY)), (outages, 1));
        assert_eq!(log.count(&["WARN", "all servers unavailable"]), outages);
        assert_eq!(log.count(&["WARN"]), 2 * outages + 1);
        assert!(log.count(&["DEBUG", "server still does not work", broker.address()]) >= 4 * outages);
        assert!(log.count(&["DEBUG", "all servers still unavailable"]) >= 4 * outages);
        broker.restart().unwrap();
    }
    Ok(())
}
