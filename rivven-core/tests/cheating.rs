//! Servers that pretend to know a password.

use std::time::{Duration, Instant};

use rivven_client::{Client, Error, ErrorCode};
use rivven_testkit::{Script, ScriptedBroker, Tamper};

const PASSWORD: &str = "Correct-Horse-7";

async fn log_in(script: Script, password: &str) -> Result<(), Error> {
    let broker = script.start().unwrap();
    let client = Client::connect(broker.address().to_string()).await.unwrap();
    client.authenticate_scram("alice", password).await.map(drop)
}

fn script() -> Script {
    ScriptedBroker::builder().user("alice", PASSWORD).scram_iterations(4096)
}

fn assert_refused(error: &Error, what: &str) {
    assert!(matches!(error, Error::AuthenticationFailed(_)), "{what}: {error:?}");
    assert_eq!((error.code(), error.is_retriable()), (ErrorCode::AuthenticationFailed, false), "{what}");
    assert!(!format!("{error} {error:?}").contains(PASSWORD), "{what}");
}

#[tokio::test]
async fn an_honest_server_is_accepted() {
    log_in(script(), PASSWORD).await.unwrap();
}

#[tokio::test]
async fn every_way_to_cheat_is_refused() {
    let tampers = [
        Tamper::WrongSignature,
        Tamper::NoSignature,
        Tamper::EmptyFinal,
        Tamper::ForeignNonce,
        Tamper::EchoedNonce,
        Tamper::BadSalt,
        Tamper::NoSalt,
        Tamper::BadIterations,
    ];
    for tamper in tampers {
        let error = log_in(script().scram_tamper(tamper), PASSWORD).await.unwrap_err();
        assert_refused(&error, &format!("{tamper:?}"));
    }
}

#[tokio::test]
async fn counts_of_rounds_outside_of_what_is_safe_are_refused_at_once() {
    for iterations in [1, 4095, 10_000_001, 4_000_000_000] {
        let start = Instant::now();
        let error = log_in(script().scram_iterations(iterations), PASSWORD).await.unwrap_err();
        assert_refused(&error, &iterations.to_string());
        assert!(start.elapsed() < Duration::from_secs(30), "{iterations} rounds were worked on");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_by_the_server() {
    assert_refused(&log_in(script(), "Wrong-Battery-8").await.unwrap_err(), "wrong password");
}
