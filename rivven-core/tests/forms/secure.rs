//! TLS and logging in.

use std::fs;
use std::time::Duration;

use rivven_client::{
    AuthSession, Client, Error, ErrorCode, Outcome, ResilientAuthConfig, ResilientClient, ResilientClientConfig,
    TlsConfig,
};
use rivven_testkit::{Mtls, TestBroker};

use crate::Done;

const PASSWORD: &str = "Correct-Horse-7";

fn secure() -> TestBroker {
    TestBroker::builder().secure().user("alice", PASSWORD, &["admin"]).start().unwrap()
}

fn tls_of(broker: &TestBroker) -> rivven_client::Result<TlsConfig> {
    TlsConfig::builder().ca_cert_path(broker.info().ca_cert.as_ref().unwrap()).build()
}

// covers: F012 rust
// covers: F014 rust
#[tokio::test]
async fn a_simple_login_over_tls_gives_a_session() -> Done {
    let broker = secure();
    let mut client = Client::connect_with_tls(broker.address(), tls_of(&broker)?).await?;
    let session: AuthSession = client.authenticate("alice", PASSWORD).await?;
    let (id, expires): (String, u64) = (session.session_id, session.expires_in);
    assert!(!id.is_empty() && expires == 3600);
    client.list_topics().await?;
    Ok(())
}

// covers: F012 rust
#[tokio::test]
async fn a_simple_login_without_tls_is_refused_before_a_byte_is_sent() -> Done {
    let broker = TestBroker::builder().secure().without_tls().user("alice", PASSWORD, &["admin"]).start().unwrap();
    let mut client = Client::connect(broker.address()).await?;
    let error = client.authenticate("alice", PASSWORD).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::AuthenticationRequiresTls, Outcome::NotSent));
    Ok(())
}

// covers: F013 rust
// covers: F014 rust
#[tokio::test]
async fn a_scram_login_works_with_and_without_tls() -> Done {
    let broker = TestBroker::builder().secure().without_tls().user("alice", PASSWORD, &["admin"]).start().unwrap();
    let mut client = Client::connect(broker.address()).await?;
    let session = client.authenticate_scram("alice", PASSWORD).await?;
    assert_eq!(session.expires_in, 3600);
    client.list_topics().await?;
    match client.authenticate_scram(String::from("alice"), "wrong").await {
        Err(Error::AuthenticationFailed(why)) => assert!(!why.contains("wrong")),
        other => panic!("{other:?}"),
    }
    Ok(())
}

// covers: F012 rust
#[tokio::test]
async fn a_pooled_client_keeps_the_credentials_for_every_connection() -> Done {
    let broker = secure();
    let config =
        ResilientClientConfig::builder().servers(vec![broker.address().to_owned()]).tls(tls_of(&broker)?, None).build();
    let client = ResilientClient::new(config);
    client.authenticate_scram("alice", PASSWORD).await?;
    client.create_topic("events", Some(1)).await?;
    // Each has a connection of its own.
    client.publish_to_partition("events", 0, None::<Vec<u8>>, "a").await?;
    assert_eq!(client.consume("events", 0, 0, 10).await?.len(), 1);
    client.commit_offset("readers", "events", 0, 1).await?;
    assert!(client.stats().await.available_connections >= 3);
    client.authenticate("alice", PASSWORD).await?;
    client.list_topics().await?;
    Ok(())
}

// covers: F015 rust
#[test]
fn debug_hides_the_password() {
    let config = ResilientClientConfig::builder().auth("alice", PASSWORD).build();
    let auth: &ResilientAuthConfig = config.auth.as_ref().unwrap();
    assert_eq!((auth.username.as_str(), auth.password.as_str()), ("alice", PASSWORD));
    for shown in [format!("{config:?}"), format!("{auth:?}")] {
        assert!(shown.contains("[REDACTED]") && !shown.contains(PASSWORD), "{shown}");
    }
}

// covers: F005 rust
// covers: F016 rust
// covers: F019 rust
#[tokio::test]
async fn certificates_come_from_files_or_memory() -> Done {
    let broker = TestBroker::builder().secure().without_login().mtls(Mtls::Required).start().unwrap();
    let info = broker.info();
    let (ca, cert, key) =
        (info.ca_cert.as_ref().unwrap(), info.client_cert.as_ref().unwrap(), info.client_key.as_ref().unwrap());
    let files = TlsConfig::builder().ca_cert_path(ca).client_cert_path(cert).client_key_path(key).build()?;
    let mut client = Client::connect_with_tls(broker.address(), files).await?;
    assert!(client.is_tls());
    client.ping().await?;
    let memory = TlsConfig::builder()
        .ca_cert_pem(fs::read(ca)?)
        .client_cert_pem(fs::read(cert)?)
        .client_key_pem(fs::read(key)?)
        .system_roots(true)
        .server_name("localhost")
        .build()?;
    Client::connect_with_tls(broker.address(), memory).await?.ping().await?;
    let without = TlsConfig::builder().ca_cert_path(ca).build()?;
    assert!(Client::connect_with_tls(broker.address(), without).await.is_err());
    Ok(())
}

// covers: F005 rust
#[tokio::test]
async fn the_published_forms_name_the_server() -> Done {
    let broker = secure();
    let tls = tls_of(&broker)?;
    assert!(Client::connect_tls(broker.address(), &tls, "localhost").await?.is_tls());
    let limit = Duration::from_secs(10);
    assert!(Client::connect_tls_with_timeout(broker.address(), &tls, "localhost", limit).await?.is_tls());
    let error = Client::connect_tls(broker.address(), &tls, String::from("elsewhere.example")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TlsFailed);
    Ok(())
}

// covers: F017 rust
#[tokio::test]
async fn the_resilient_client_speaks_tls_and_logs_in() -> Done {
    let broker = secure();
    for name in [None, Some("localhost".to_owned())] {
        let config = ResilientClientConfig::builder()
            .servers(vec![broker.address().to_owned()])
            .tls(tls_of(&broker)?, name)
            .auth("alice", PASSWORD)
            .build();
        assert!(config.tls.is_some());
        ResilientClient::new(config).list_topics().await?;
    }
    let config = ResilientClientConfig::builder()
        .servers(vec![broker.address().to_owned()])
        .tls(tls_of(&broker)?, Some("elsewhere.example".into()))
        .max_retries(0)
        .build();
    assert_eq!(ResilientClient::new(config).ping().await.unwrap_err().code(), ErrorCode::TlsFailed);
    Ok(())
}
