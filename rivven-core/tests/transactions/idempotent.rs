//! Records that the program numbers by a producer's state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rivven_client::{Client, ErrorCode, Outcome, ResilientClient, ResilientClientConfig, Result};
use rivven_testkit::{FaultProxy, Kind, Reply, ScriptedBroker, TestBroker};

use crate::{code, committed, soon};

// covers: F114 rust, F115 rust
#[tokio::test]
async fn numbers_are_counted_by_partition_across_topics() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    let mut producer = client.init_producer_id(None).await?;
    assert_eq!((producer.producer_epoch, producer.next_sequence), (0, 0));
    client.create_topic("one", Some(1)).await?;
    client.create_topic("two", Some(2)).await?;
    for (topic, expected) in [("one", (0, 0, false)), ("two", (0, 1, false)), ("two", (0, 0, false))] {
        assert_eq!(client.publish_idempotent(topic, None::<Vec<u8>>, topic, &mut producer).await?, expected);
    }
    assert_eq!(producer.next_sequence, 2, "both topics' partition 0 has had a record");
    let (_, partition, _) = client.publish_idempotent("two", Some("kafka"), "by key", &mut producer).await?;
    assert_eq!(partition, rivven_client::partition_of_key(b"kafka", 2));
    client.publish_idempotent_to_partition("two", 1, None::<&str>, "by number", &mut producer).await?;
    let (_, _, duplicate) = client.publish_idempotent("new", None::<&str>, "created", &mut producer).await?;
    assert!(!duplicate);
    assert_eq!(committed(&client, "two", 1).await?.last().unwrap(), "by number");
    let again = client.init_producer_id(Some(producer.producer_id)).await?;
    assert_eq!((again.producer_id, again.producer_epoch), (producer.producer_id, 1));
    let fenced = client.publish_idempotent("one", None::<&str>, "late", &mut producer).await.unwrap_err();
    assert_eq!((fenced.code(), fenced.is_fatal()), (ErrorCode::ProducerFenced, true));
    Ok(())
}

// covers: F115 rust
#[tokio::test]
async fn a_record_of_unknown_outcome_is_written_once_when_it_is_published_again() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    let mut producer = client.init_producer_id(None).await?;
    let silent = Arc::new(AtomicBool::new(false));
    proxy.set_tamper({
        let silent = Arc::clone(&silent);
        move |frame| {
            // The number of the answer to a publish; that to the question for partitions before it comes through.
            if frame.bytes.get(9) == Some(&21) && silent.load(Ordering::Acquire) {
                frame.bytes.clear();
            }
        }
    });
    let stalled = Client::connect(proxy.address()).await?;
    stalled.set_request_timeout(Duration::from_millis(300));
    stalled.publish_idempotent("t", None::<&str>, "first", &mut producer).await?;
    silent.store(true, Ordering::Release);
    let lost = stalled.publish_idempotent("t", None::<&str>, "second", &mut producer).await.unwrap_err();
    assert_eq!(lost.outcome(), Outcome::Unknown);
    assert_eq!(
        code(client.publish_idempotent("t", None::<&str>, "third", &mut producer).await),
        ErrorCode::InvalidState
    );
    let (_, partition, _) = client.publish_idempotent("t", None::<&str>, "second", &mut producer).await?;
    assert_eq!((partition, producer.next_sequence), (0, 2));
    client.publish_idempotent("t", None::<&str>, "third", &mut producer).await?;
    assert_eq!(committed(&client, "t", 0).await?, ["first", "second", "third"]);
    Ok(())
}

// covers: F115 rust
#[tokio::test]
async fn an_abandoned_identity_is_replaced() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let client = Client::connect(broker.address()).await?;
    let mut producer = client.init_producer_id(None).await?;
    let first = producer.producer_id;
    broker.on(Kind::IdempotentPublish).once().answer(Reply::error("UNKNOWN_PRODUCER_ID: 1"));
    let forgotten = client.publish_idempotent("t", None::<&str>, "one", &mut producer).await.unwrap_err();
    assert_eq!((forgotten.code(), forgotten.outcome()), (ErrorCode::UnknownProducerId, Outcome::Rejected));
    producer.abandon();
    let txn = client.begin_transaction("t", &producer, None).await;
    assert_eq!(code(txn), ErrorCode::InvalidTxnState);
    assert_eq!(client.publish_idempotent("t", None::<&str>, "one", &mut producer).await?, (0, 0, false));
    assert_ne!(producer.producer_id, first);
    assert_eq!(producer.next_sequence, 1);
    Ok(())
}

/// A broker that has restarted gave the identity to another producer, whose numbers were taken for this one's: the
/// record was "a duplicate" and lost.
// covers: F115 rust
#[tokio::test]
async fn an_identity_that_somebody_else_has_too_loses_nothing_silently() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    let mut mine = client.init_producer_id(Some(77)).await?;
    let mut other = client.init_producer_id(None).await?;
    (other.producer_id, other.producer_epoch) = (mine.producer_id, mine.producer_epoch);
    client.publish_idempotent("t", None::<&str>, "other", &mut other).await?;
    let error = client.publish_idempotent("t", None::<&str>, "mine", &mut mine).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::UnknownProducerId, Outcome::Rejected));
    mine.abandon();
    client.publish_idempotent("t", None::<&str>, "mine", &mut mine).await?;
    assert_eq!(committed(&client, "t", 0).await?, ["other", "mine"]);
    Ok(())
}

// covers: F034 rust, F115 rust
#[tokio::test]
async fn a_resilient_client_sends_a_lost_record_again_by_itself() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let client = ResilientClient::new(ResilientClientConfig::builder().servers(vec![broker.address()]).build());
    let mut producer = client.init_producer_id(None).await?;
    broker.on(Kind::IdempotentPublish).once().executed().close_connection();
    let published = soon("a publish", client.publish_idempotent("t", None::<&str>, "one", &mut producer)).await?;
    assert_eq!(published, (0, 0, true));
    assert_eq!(broker.records("t", 0).len(), 1);
    Ok(())
}
