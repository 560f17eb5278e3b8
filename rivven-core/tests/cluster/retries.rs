//! Calls that are made again, and those that are not.

use std::time::Duration;

use rivven_client::ops::{Publish, PublishBatch};
use rivven_client::{ErrorCode, Outcome, ResilientClient, Result};
use rivven_testkit::{Kind, Reply, ScriptedBroker};

use crate::{client, config};

const RECORD: Publish<'static> = Publish { topic: "t", partition: Some(0), key: None, value: b"v" };

fn broker() -> ScriptedBroker {
    ScriptedBroker::builder().topic("t", 1).start().unwrap()
}

// covers: F033 rust, F036 rust
#[tokio::test]
async fn a_record_of_unknown_outcome_is_sent_again_and_the_result_says_so() -> Result<()> {
    let broker = broker();
    let client = client(&[broker.address()]);
    assert!(!client.call(&RECORD).await?.maybe_duplicate);
    broker.on(Kind::Publish).once().close_connection();
    assert!(client.call(&RECORD).await?.maybe_duplicate);
    broker.on(Kind::Publish).once().close_connection();
    let metadata = client.publish_with_metadata("t", Some(b"k"), "v").await?;
    assert_eq!((&*metadata.topic, metadata.maybe_duplicate, metadata.offset_exact), ("t", true, true));
    broker.on(Kind::PublishBatch).once().close_connection();
    let records = [(None::<&str>, "a"), (None, "b")];
    assert!(client.call(&PublishBatch { topic: "t", partition: None, records }).await?.maybe_duplicate);
    assert_eq!(broker.records("t", 0).len(), 9, "each of them was written twice");
    Ok(())
}

// covers: F036 rust, F123 rust
#[tokio::test]
async fn without_leave_a_record_of_unknown_outcome_is_an_error() {
    let broker = broker();
    let client = ResilientClient::new(config(&[broker.address()]).retry_unknown_outcome(false).build());
    broker.on(Kind::Publish).once().close_connection();
    let error = client.publish("t", None, "v").await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::ConnectionLost, Outcome::Unknown));
    assert_eq!(broker.requests_of(Kind::Publish).len(), 1);
}

#[tokio::test]
async fn what_was_refused_for_now_is_sent_again() -> Result<()> {
    let broker = broker();
    let client = client(&[broker.address()]);
    broker.on(Kind::Publish).times(3).answer(Reply::error("BUFFER_FULL: later"));
    assert!(!client.call(&RECORD).await?.maybe_duplicate);
    assert_eq!((broker.requests_of(Kind::Publish).len(), broker.connections()), (4, 1));
    Ok(())
}

// covers: F024 rust, F036 rust
#[tokio::test]
async fn the_number_of_attempts_is_bounded() {
    let broker = broker();
    let client = ResilientClient::new(config(&[broker.address()]).max_retries(2).build());
    broker.on(Kind::Publish).answer(Reply::error("BUFFER_FULL: later"));
    assert_eq!(client.publish("t", None, "v").await.unwrap_err().code(), ErrorCode::BufferFull);
    assert_eq!(broker.requests_of(Kind::Publish).len(), 3);
}

// covers: F036 rust
#[tokio::test]
async fn a_topic_that_the_server_may_not_know_yet_is_asked_for_again_where_records_are() -> Result<()> {
    let broker = broker();
    let client = client(&[broker.address()]);
    broker.on(Kind::Publish).times(2).answer(Reply::error("UNKNOWN_TOPIC_OR_PARTITION: t"));
    client.publish("t", None, "v").await?;
    broker.on(Kind::Consume).once().answer(Reply::error("Topic not found: t"));
    assert_eq!(client.consume("t", 0, 0, 1).await?.len(), 1);
    broker.on(Kind::DeleteTopic).once().answer(Reply::error("UNKNOWN_TOPIC_OR_PARTITION: t"));
    let error = client.delete_topic("t").await.unwrap_err();
    assert_eq!((error.code(), error.is_retriable()), (ErrorCode::UnknownTopicOrPartition, false));
    let sent = [Kind::Publish, Kind::Consume, Kind::DeleteTopic].map(|kind| broker.requests_of(kind).len());
    assert_eq!(sent, [3, 2, 1]);
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_asked_for_again() {
    let broker = broker();
    broker.on(Kind::Consume).answer(Reply::error("INTERNAL_ERROR: response send failed"));
    let error = client(&[broker.address()]).consume("t", 0, 0, 500).await.unwrap_err();
    assert_eq!((error.code(), error.is_retriable()), (ErrorCode::AnswerTooLarge, true));
    assert_eq!(broker.requests_of(Kind::Consume).len(), 1, "only fewer records would help");
}

// covers: F036 rust
#[tokio::test]
async fn permanent_errors_come_at_once() {
    let broker = broker();
    let client = client(&[broker.address()]);
    for text in ["INVALID_PARTITION: 7", "PRODUCER_FENCED: no", "AUTHORIZATION_FAILED: no", "UNKNOWN_PRODUCER_ID: 1"] {
        broker.clear_requests();
        broker.on(Kind::Publish).once().answer(Reply::error(text));
        client.publish("t", None, "v").await.unwrap_err();
        assert_eq!(broker.requests_of(Kind::Publish).len(), 1, "{text}");
    }
    assert_eq!(client.create_topic("not/ok", None).await.unwrap_err().code(), ErrorCode::InvalidTopic);
    assert!(broker.requests_of(Kind::CreateTopic).is_empty(), "a bad name costs no round trip");
}

#[tokio::test]
async fn what_does_something_else_the_second_time_is_not_repeated() {
    let broker = broker();
    let client = client(&[broker.address()]);
    broker.on(Kind::JoinGroup).once().close_connection();
    broker.on(Kind::CreateTopic).once().close_connection();
    let joined = client.join_group("g", "", 10_000, 30_000, "consumer", &["t".to_owned()]).await.unwrap_err();
    let created = client.create_topic("new", None).await.unwrap_err();
    assert_eq!((joined.outcome(), created.outcome()), (Outcome::Unknown, Outcome::Unknown));
    assert_eq!((broker.requests_of(Kind::JoinGroup).len(), broker.requests_of(Kind::CreateTopic).len()), (1, 1));
}

#[tokio::test]
async fn reading_is_repeated_whatever_became_of_it() -> Result<()> {
    let broker = broker();
    broker.append("t", 0, None, b"v");
    let client = client(&[broker.address()]);
    broker.on(Kind::Consume).once().close_connection();
    broker.on(Kind::Consume).once().truncate(7);
    broker.on(Kind::Consume).once().wrong_id();
    assert_eq!(client.consume("t", 0, 0, 10).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_unknown_outcome_stays_unknown_whatever_comes_after_it() {
    let broker = broker();
    let client = client(&[broker.address()]);
    broker.on(Kind::Publish).once().close_connection();
    broker.on(Kind::Publish).once().answer(Reply::error("INVALID_PARTITION: gone"));
    let error = client.publish("t", None, "v").await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "the first attempt may have been written: {error}");
}

#[tokio::test]
async fn throttling_is_waited_out() -> Result<()> {
    let broker = broker();
    let client = ResilientClient::new(config(&[broker.address()]).max_retries(0).build());
    broker.on(Kind::Publish).times(4).answer(Reply::throttled_ms(1));
    assert!(!client.call(&RECORD).await?.maybe_duplicate);
    assert_eq!(broker.requests_of(Kind::Publish).len(), 5);
    let impatient = ResilientClient::new(config(&[broker.address()]).request_timeout(Duration::from_secs(2)).build());
    broker.on(Kind::Publish).answer(Reply::throttled_ms(60_000));
    let error = impatient.publish("t", None, "v").await.unwrap_err();
    assert_eq!((error.code(), error.retry_after()), (ErrorCode::Throttled, Some(Duration::from_secs(60))));
    Ok(())
}

#[tokio::test]
async fn after_too_many_requests_the_connection_is_not_used_again() -> Result<()> {
    let broker = broker();
    let client = client(&[broker.address()]);
    broker.on(Kind::Ping).once().answer(Reply::error("RATE_LIMIT_EXCEEDED: slow down"));
    client.ping().await?;
    assert_eq!(broker.connections(), 2);
    Ok(())
}

// covers: F023 rust, F036 rust
#[tokio::test]
async fn one_deadline_bounds_all_attempts() {
    let broker = broker();
    broker.on(Kind::Consume).drop_answer();
    let config = config(&[broker.address()]).request_timeout(Duration::from_millis(300)).max_retries(1_000_000);
    let client = ResilientClient::new(config.build());
    let error = client.consume("t", 0, 0, 1).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TimedOut, Outcome::Unknown));
    assert!(error.to_string().contains("waiting for the broker"), "the phase is missing: {error}");
}
