//! No secret shows anywhere, not even in the logs at their most talkative.
#![cfg(feature = "tls")]

use rivven_client::{AuthConfig, Client, Properties, ResilientClient, ResilientClientConfig, Result, TlsConfig};
use rivven_testkit::{Log, TestBroker};
use tracing_subscriber::filter::LevelFilter;

const PASSWORD: &str = "Correct-Horse-7";
const WRONG: &str = "Wrong-Battery-8";

// covers: F015 rust
#[tokio::test]
async fn passwords_show_in_no_log_error_or_debug_form() -> Result<()> {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(move || writer.clone()).init();

    let broker = TestBroker::builder().secure().user("alice", PASSWORD, &["admin"]).start().unwrap();
    let tls = TlsConfig::builder().ca_cert_path(broker.info().ca_cert.as_ref().unwrap()).build()?;
    let client = Client::connect_with_tls(broker.address(), tls.clone()).await?;
    let mut shown = format!("{client:?}");
    for (user, password) in [("alice", WRONG), ("mallory", PASSWORD), ("alice", PASSWORD)] {
        for session in [client.authenticate_scram(user, password).await, client.authenticate(user, password).await] {
            shown += &match session {
                Ok(session) => format!("{session:?}"),
                Err(error) => format!("{error} {error:?} {:?}", std::error::Error::source(&error)),
            };
        }
    }
    client.list_topics().await?;

    let mut properties = Properties::new();
    properties.set("bootstrap.servers", broker.address())?;
    properties.set("auth.username", "alice")?.set("auth.password", PASSWORD)?;
    let config = ResilientClientConfig::from_properties(&properties)?;
    let pooled = ResilientClient::new(
        ResilientClientConfig::builder()
            .servers(vec![broker.address().to_owned()])
            .auth("alice", PASSWORD)
            .tls(tls, None)
            .build(),
    );
    pooled.list_topics().await?;
    shown += &format!("{properties:?} {config:?} {pooled:?} {:?}", AuthConfig::new("alice", PASSWORD));

    let logged = log.text();
    assert!(logged.contains("logged in") && logged.contains("TRACE"), "the log was not captured");
    for secret in [PASSWORD, WRONG] {
        assert!(!logged.contains(secret), "a password was logged");
        assert!(!shown.contains(secret), "a password was shown");
    }
    // The proof of a SCRAM login is derived from the password: no message of it is logged either.
    assert!(!logged.contains("c=biws"));
    Ok(())
}
