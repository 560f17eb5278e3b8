//! TLS and login against the real broker.
#![cfg(feature = "tls")]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rivven_client::ops::{ListTopics, Ping};
use rivven_client::{
    Client, Error, ErrorCode, Outcome, Properties, ResilientClient, ResilientClientConfig, Result, TlsConfig,
    TlsConfigBuilder,
};
use rivven_testkit::{MisbehavingServer, Misbehaviour, Mtls, TestBroker, TestBrokerBuilder};

const PASSWORD: &str = "Correct-Horse-7";

fn secure() -> TestBrokerBuilder {
    TestBroker::builder().secure().user("alice", PASSWORD, &["admin"])
}

fn ca(broker: &TestBroker) -> PathBuf {
    broker.info().ca_cert.clone().unwrap()
}

fn trusting(broker: &TestBroker) -> TlsConfigBuilder {
    TlsConfig::builder().ca_cert_path(ca(broker))
}

async fn refused(broker: &TestBroker, tls: TlsConfig) -> Error {
    let error = Client::connect_with_tls(broker.address(), tls).await.unwrap_err();
    assert!(error.to_string().contains(broker.address()), "the address is missing: {error}");
    error
}

// covers: F005 rust, F013 rust, F014 rust, F016 rust
#[tokio::test]
async fn a_user_logs_in_over_tls() -> Result<()> {
    let broker = secure().start().unwrap();
    let client = Client::connect_with_tls(broker.address(), trusting(&broker).build()?).await?;
    assert!(client.is_tls());
    let error = client.list_topics().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::AuthenticationRequired);
    assert!(error.to_string().contains("set auth.username"), "{error}");
    let session = client.authenticate_scram("alice", PASSWORD).await?;
    assert_eq!((session.expires_in, session.session_id.is_empty()), (3600, false));
    client.create_topic("t", Some(1)).await?;
    client.publish_to_partition("t", 0, Some("k"), "v").await?;
    assert_eq!(client.consume("t", 0, 0, 10).await?[0].value, "v");
    Ok(())
}

// covers: F012 rust
#[tokio::test]
async fn the_password_itself_is_accepted_over_tls_only() -> Result<()> {
    let broker = secure().start().unwrap();
    let client = Client::connect_with_tls(broker.address(), trusting(&broker).build()?).await?;
    client.authenticate("alice", PASSWORD).await?;
    client.list_topics().await?;
    let plain = secure().without_tls().start().unwrap();
    let client = Client::connect(plain.address()).await?;
    let error = client.authenticate("alice", PASSWORD).await.unwrap_err();
    assert!(matches!(error, Error::AuthenticationFailed(_)));
    assert_eq!((error.code(), error.outcome()), (ErrorCode::AuthenticationRequiresTls, Outcome::NotSent));
    client.authenticate_scram("alice", PASSWORD).await?;
    client.list_topics().await.map(drop)
}

// covers: F012 rust, F013 rust
#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_refused_alike() -> Result<()> {
    let broker = secure().start().unwrap();
    let client = Client::connect_with_tls(broker.address(), trusting(&broker).build()?).await?;
    for (user, password) in [("alice", "Wrong-Horse-8"), ("mallory", PASSWORD)] {
        for error in [
            client.authenticate_scram(user, password).await.unwrap_err(),
            client.authenticate(user, password).await.unwrap_err(),
        ] {
            assert!(matches!(error, Error::AuthenticationFailed(_)), "{error:?}");
            assert_eq!((error.code(), error.outcome()), (ErrorCode::AuthenticationFailed, Outcome::Rejected));
            assert!(!error.is_retriable() && !format!("{error:?} {error}").contains(password));
        }
    }
    client.authenticate_scram("alice", PASSWORD).await.map(drop)
}

#[tokio::test]
async fn a_broker_without_authentication_says_so() {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await.unwrap();
    let error = client.authenticate_scram("alice", PASSWORD).await.unwrap_err();
    assert!(matches!(error, Error::AuthenticationFailed(_)), "{error:?}");
    assert!(error.to_string().contains("runs without authentication"), "{error}");
}

#[tokio::test]
async fn a_login_is_renewed_before_it_expires_and_after() -> Result<()> {
    let broker = secure().session_timeout(Duration::from_secs(2)).start().unwrap();
    let client = Client::connect_with_tls(broker.address(), trusting(&broker).build()?).await?;
    client.authenticate_scram("alice", PASSWORD).await?;
    let end = Instant::now() + Duration::from_secs(6);
    while Instant::now() < end {
        client.list_topics().await?;
    }
    Ok(())
}

// covers: F012 rust, F013 rust, F017 rust, F019 rust
#[tokio::test]
async fn a_resilient_client_logs_in_by_its_configuration() -> Result<()> {
    let broker = secure().mtls(Mtls::Required).start().unwrap();
    let mut properties = Properties::new();
    let info = broker.info().clone();
    let path = |path: Option<PathBuf>| path.unwrap().display().to_string();
    properties.set("bootstrap.servers", broker.address())?;
    properties.set("auth.username", "alice")?.set("auth.password", PASSWORD)?;
    properties.set("tls.ca.cert.path", &path(info.ca_cert))?;
    properties.set("tls.client.cert.path", &path(info.client_cert))?;
    properties.set("tls.client.key.path", &path(info.client_key))?;
    for mechanism in ["scram-sha-256", "plain"] {
        properties.set("auth.mechanism", mechanism)?;
        let client = ResilientClient::new(ResilientClientConfig::from_properties(&properties)?);
        client.call(&ListTopics).await?;
    }
    properties.set("auth.password", "Wrong-Horse-8")?;
    let client = ResilientClient::new(ResilientClientConfig::from_properties(&properties)?);
    let error = client.connect().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::AuthenticationFailed);
    assert!(!format!("{properties:?} {client:?} {error:?}").contains("Horse"));
    Ok(())
}

// covers: F013 rust
#[tokio::test]
async fn a_resilient_client_keeps_the_credentials_that_were_accepted() -> Result<()> {
    let mut broker = secure().start().unwrap();
    let config = ResilientClientConfig::builder()
        .servers(vec![broker.address().to_owned()])
        .tls(trusting(&broker).build()?, None)
        .build();
    let client = ResilientClient::new(config);
    assert!(client.authenticate_scram("alice", "Wrong-Horse-8").await.is_err());
    assert_eq!(client.call(&ListTopics).await.unwrap_err().code(), ErrorCode::AuthenticationRequired);
    client.authenticate_scram("alice", PASSWORD).await?;
    client.call(&ListTopics).await?;
    broker.kill().unwrap();
    broker.restart().unwrap();
    // The first call may find the old connection dead; the next one logs in on a new one.
    let _ = client.call(&ListTopics).await;
    client.call(&ListTopics).await?;
    client.authenticate("alice", PASSWORD).await.map(drop)
}

#[tokio::test]
async fn an_unknown_authority_is_refused() -> Result<()> {
    let broker = secure().start().unwrap();
    let other = TlsConfig::builder().ca_cert_path(broker.info().other_ca_cert.as_ref().unwrap()).build()?;
    let error = refused(&broker, other).await;
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TlsFailed, Outcome::NotSent));
    assert!(error.to_string().contains("unknown CA"), "{error}");
    Ok(())
}

// covers: F005 rust, F016 rust
#[tokio::test]
async fn a_certificate_for_another_name_is_refused_unless_that_name_is_expected() -> Result<()> {
    let broker = secure().san("broker.example").start().unwrap();
    let error = refused(&broker, trusting(&broker).build()?).await;
    assert_eq!(error.code(), ErrorCode::TlsFailed);
    assert!(error.to_string().contains("not valid for 127.0.0.1"), "{error}");
    let named = trusting(&broker).server_name("broker.example").build()?;
    Client::connect_with_tls(broker.address(), named).await?.ping().await?;
    Client::connect_tls(broker.address(), &trusting(&broker).build()?, "broker.example").await?.ping().await
}

#[tokio::test]
async fn an_expired_certificate_is_refused() -> Result<()> {
    let broker = secure().expired_certificate().start().unwrap();
    let error = refused(&broker, trusting(&broker).build()?).await;
    assert!(error.to_string().contains("expired"), "{error}");
    Ok(())
}

// covers: F005 rust, F016 rust, F019 rust
#[tokio::test]
async fn a_missing_client_certificate_is_explained() -> Result<()> {
    let broker = secure().mtls(Mtls::Required).start().unwrap();
    let error = refused(&broker, trusting(&broker).build()?).await;
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TlsFailed, Outcome::NotSent), "{error}");
    assert!(error.to_string().contains("tls.client.cert.path"), "{error}");
    let info = broker.info();
    let (cert, key) = (info.client_cert.as_ref().unwrap(), info.client_key.as_ref().unwrap());
    let tls = trusting(&broker).client_cert_path(cert).client_key_path(key).build()?;
    Client::connect_with_tls(broker.address(), tls).await?.ping().await?;
    let other = secure().mtls(Mtls::Optional).start().unwrap();
    let (foreign_cert, foreign_key) = (other.info().client_cert.as_ref(), other.info().client_key.as_ref());
    let foreign =
        trusting(&broker).client_cert_path(foreign_cert.unwrap()).client_key_path(foreign_key.unwrap()).build()?;
    let error = refused(&broker, foreign).await;
    assert!(error.to_string().contains("tls.client.cert.path"), "{error}");
    let pem = |path| fs::read(path).unwrap();
    let memory =
        TlsConfig::builder().ca_cert_pem(pem(&ca(&broker))).client_cert_pem(pem(cert)).client_key_pem(pem(key));
    Client::connect_with_tls(broker.address(), memory.build()?).await?.ping().await
}

#[tokio::test]
async fn an_optional_client_certificate_may_be_missing() -> Result<()> {
    let broker = secure().mtls(Mtls::Optional).start().unwrap();
    Client::connect_with_tls(broker.address(), trusting(&broker).build()?).await?.ping().await
}

#[tokio::test]
async fn tls_and_plaintext_do_not_mix() -> Result<()> {
    let secure = secure().start().unwrap();
    let plain = TestBroker::start().unwrap();
    let tls = trusting(&secure).build()?;
    let error = Client::connect_tls_with_timeout(plain.address(), &tls, "localhost", Duration::from_secs(5)).await;
    let error = error.unwrap_err();
    assert!(matches!(error.code(), ErrorCode::TlsFailed | ErrorCode::TimedOut), "{error}");
    let http = MisbehavingServer::start(Misbehaviour::Http).unwrap();
    let error = Client::connect_with_tls(http.address(), tls).await.unwrap_err();
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    let error = Client::connect_with_timeout(secure.address(), Duration::from_secs(5)).await.unwrap_err();
    assert!(
        matches!(error.code(), ErrorCode::ConnectionLost | ErrorCode::ResponseTooLarge | ErrorCode::TimedOut),
        "{error}"
    );
    Ok(())
}

#[test]
fn certificates_that_cannot_be_used_are_configuration_errors() {
    let dir = tempfile::tempdir().unwrap();
    let rubbish = dir.path().join("rubbish.pem");
    fs::write(&rubbish, "not a certificate").unwrap();
    let missing = dir.path().join("missing.pem");
    let broker = secure().mtls(Mtls::Required).start().unwrap();
    let info = broker.info();
    let (cert, key) = (info.client_cert.as_ref().unwrap(), info.client_key.as_ref().unwrap());
    let other = secure().mtls(Mtls::Required).start().unwrap();
    let other_key = other.info().client_key.as_ref().unwrap();
    let attempts = [
        TlsConfig::builder().ca_cert_path(&missing),
        TlsConfig::builder().ca_cert_path(&rubbish),
        trusting(&broker).client_cert_path(cert),
        trusting(&broker).client_key_path(key),
        trusting(&broker).client_cert_path(cert).client_key_path(&rubbish),
        trusting(&broker).client_cert_path(cert).client_key_path(other_key),
    ];
    for attempt in attempts {
        let error = attempt.build().unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidConfig, "{error}");
    }
}

#[tokio::test]
async fn replaced_certificates_are_used_by_the_next_connection() -> Result<()> {
    let (old, new) = (secure().start().unwrap(), secure().start().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    fs::copy(ca(&old), &path).unwrap();
    let config = ResilientClientConfig::builder()
        .servers(vec![new.address().to_owned()])
        .tls(TlsConfig::builder().ca_cert_path(&path).build()?, None)
        .build();
    let client = ResilientClient::new(config);
    // The authorities differ in their keys alone.
    let error = client.call(&Ping).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TlsFailed);
    assert!(error.to_string().contains("unknown CA"), "{error}");
    fs::copy(ca(&new), &path).unwrap();
    client.call(&Ping).await
}
