//! What is sent again is written once.

use std::collections::HashSet;
use std::time::Duration;

use rivven_client::{Client, ErrorCode, Outcome, Producer, ProducerConfig, ProducerConfigBuilder, Result};
use rivven_testkit::{FaultProxy, Kind, Reply, ScriptedBroker, TestBroker};

use super::{config, send_together, soon, under_way};

fn idempotent(server: impl Into<String>) -> ProducerConfigBuilder {
    config(server).enable_idempotence(true).retries(1000)
}

/// Each value once, in order.
async fn check(client: &Client, topic: &str, partition: u32, expected: usize) -> Result<()> {
    let records = client.consume(topic, partition, 0, 10_000).await?;
    let values: Vec<_> = records.iter().map(|record| record.value.clone()).collect();
    assert!(values.is_sorted(), "{topic}/{partition}: {values:?}");
    let distinct: HashSet<_> = values.iter().collect();
    assert_eq!((values.len(), distinct.len()), (expected, expected), "{topic}/{partition}");
    Ok(())
}

/// A stalled connection delivered a request after all, at the same moment as another one delivered it again: the broker
/// checks the numbers of both before it writes either, so each record was there twice and nothing said so.
// covers: F070 rust
#[tokio::test]
async fn what_a_stall_may_have_doubled_is_said() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    let config = idempotent(proxy.address()).linger_ms(60_000).request_timeout(Duration::from_millis(500));
    let producer = Producer::new(config.connection_timeout(Duration::from_secs(10)).build()).await?;
    let send = async |values: std::ops::Range<u32>| {
        let values: Vec<_> = values.map(|value| format!("v{value:06}")).collect();
        send_together(&producer, &values).await
    };
    assert!(!send(0..1).await?[0].maybe_duplicate);
    let doubled = async {
        soon("the end of the first attempt", async {
            while producer.stats().errors == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        // Longer than a lost connection is given to be worked off: the other one is only waiting for the stall to end.
        tokio::time::sleep(Duration::from_secs(1)).await;
        proxy.resume();
    };
    proxy.stall();
    let (sent, ()) = tokio::join!(send(1..50), doubled);
    let sent = sent?;
    let records = client.consume("t", 0, 0, 10_000).await?;
    for (index, record) in (1u32..).zip(&sent) {
        let value = format!("v{index:06}");
        let copies = records.iter().filter(|stored| *stored.value == *value.as_bytes()).count();
        assert!(copies == 1 || copies == 2 && record.maybe_duplicate, "{value} is there {copies} times: {record:?}");
    }
    assert!(producer.is_idempotent());
    Ok(())
}

// covers: F070 rust, F074 rust, F076 rust
#[tokio::test]
async fn cut_connections_write_nothing_twice() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    let client = Client::connect(broker.address()).await?;
    let producer = Producer::new(idempotent(proxy.address()).batch_size(400).build()).await?;
    for topic in ["a", "b"] {
        client.create_topic(topic, Some(3)).await?;
    }
    let topics = [producer.topic("a"), producer.topic("b")];
    let mut deliveries = Vec::new();
    for record in 0..1800u32 {
        let topic = &topics[record as usize % 2];
        deliveries.push(topic.enqueue_to_partition(record / 2 % 3, None::<&str>, format!("{record:06}"))?);
        if record == 5 {
            // Each partition has a record by now. Before that a lost answer to the question for
            // an identity leaves it open whether the broker still knows the one in use.
            soon("flush", producer.flush()).await?;
        }
        if record % 300 == 299 {
            under_way(&producer).await;
            proxy.cut_all();
        }
    }
    for delivery in deliveries {
        soon("a delivery", delivery).await?;
    }
    assert!(producer.stats().retries > 0, "{:?}", producer.stats());
    assert!(producer.is_idempotent());
    for topic in ["a", "b"] {
        for partition in 0..3 {
            check(&client, topic, partition, 300).await?;
        }
    }
    producer.close().await
}

// covers: F063 rust, F070 rust
#[tokio::test]
async fn a_broker_that_forgot_the_identity_is_survived_and_reported() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let preset = ProducerConfig::exactly_once().to_builder().bootstrap_servers(vec![broker.address()]);
    let producer = Producer::new(preset.retry_backoff_ms(5).retry_backoff_max_ms(50).build()).await?;
    assert!(producer.is_idempotent());
    assert!(!producer.send("t", "one").await?.duplicate);
    broker.on(Kind::IdempotentPublishBatch).once().answer(Reply::error("UNKNOWN_PRODUCER_ID: 1"));
    let second = soon("a delivery", producer.send("t", "two")).await?;
    assert!(!second.maybe_duplicate, "it was refused, so it was not written before");
    assert_eq!(broker.requests_of(Kind::InitProducerId).len(), 2);
    broker.on(Kind::IdempotentPublishBatch).once().executed().close_connection();
    broker.on(Kind::IdempotentPublishBatch).once().answer(Reply::error("UNKNOWN_PRODUCER_ID: 2"));
    let third = soon("a delivery", producer.send("t", "three")).await?;
    assert!(third.maybe_duplicate, "its fate was lost together with the identity");
    assert!(producer.is_idempotent(), "that is settled");
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_is_recognised() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let producer = Producer::new(idempotent(broker.address()).build()).await?;
    broker.on(Kind::IdempotentPublishBatch).once().executed().close_connection();
    let metadata = soon("a delivery", producer.send("t", "v")).await?;
    assert_eq!((metadata.duplicate, metadata.maybe_duplicate, metadata.offset), (true, false, 0));
    assert_eq!(broker.records("t", 0).len(), 1);
    Ok(())
}

/// The broker gives its own identities out again after a restart. A producer that had one before would find the number of
/// a lost record used by another one, and take that record for written.
// covers: F070 rust
#[tokio::test]
async fn a_lost_record_is_not_mistaken_for_that_of_another_producer_after_a_restart() -> Result<()> {
    let mut broker = TestBroker::start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    let config = idempotent(proxy.address()).request_timeout(Duration::from_secs(2));
    let one = Producer::new(config.build()).await?;
    let other = Producer::new(idempotent(broker.address()).build()).await?;
    for value in ["a", "b", "c"] {
        soon("a delivery", one.send_to_partition("one", 0, None::<&str>, value)).await?;
        soon("a delivery", other.send_to_partition("other", 0, None::<&str>, value)).await?;
    }
    proxy.stall();
    let lost = one.topic("one").enqueue_to_partition(0, None::<&str>, "d")?;
    under_way(&one).await;
    broker.restart().unwrap();
    for value in ["d", "e", "f", "g", "h"] {
        soon("a delivery", other.send_to_partition("other", 0, None::<&str>, value)).await?;
    }
    proxy.cut_all();
    proxy.resume();
    assert!(soon("a delivery", lost).await?.maybe_duplicate, "its fate was lost together with the identity");
    let client = Client::connect(broker.address()).await?;
    check(&client, "one", 0, 4).await?;
    check(&client, "other", 0, 8).await
}

/// The broker may still write what a lost connection had delivered when what follows is written, too.
#[tokio::test]
async fn places_are_certain_only_where_no_earlier_attempt_may_be_in_between() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let producer = Producer::new(idempotent(broker.address()).linger_ms(60_000).build()).await?;
    let send = async |values: &[&str]| {
        let sent = send_together(&producer, values).await?;
        Ok::<_, rivven_client::Error>((sent[0].offset_exact, sent[0].maybe_duplicate))
    };
    producer.refresh_metadata("t").await?;
    assert_eq!(send(&["a", "b"]).await?, (true, false));
    broker.on(Kind::IdempotentPublishBatch).once().unexecuted().close_connection();
    send(&["c", "d"]).await?;
    assert_eq!(send(&["e", "f"]).await?, (false, false), "the first attempt may still be under way");
    assert_eq!(send(&["g"]).await?, (true, false), "the broker has named its place");
    Ok(())
}

/// A number that the broker has not seen would be refused behind a gap.
#[tokio::test]
async fn a_batch_that_is_given_up_leaves_no_gap() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let config = idempotent(broker.address())
        .request_timeout(Duration::from_millis(200))
        .delivery_timeout(Duration::from_millis(400));
    let producer = Producer::new(config.build()).await?;
    producer.send("t", "one").await?;
    broker.on(Kind::IdempotentPublishBatch).unexecuted().drop_answer();
    let error = soon("a delivery", producer.send("t", "lost")).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TimedOut, Outcome::Unknown), "{error}");
    broker.clear_rules();
    for value in ["two", "three"] {
        soon("a delivery", producer.send("t", value)).await?;
    }
    let values: Vec<_> = broker.records("t", 0).into_iter().map(|record| record.value).collect();
    assert_eq!(values, ["one", "two", "three"]);
    Ok(())
}

// covers: F070 rust
#[tokio::test]
async fn a_producer_that_was_fenced_says_so() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let producer = Producer::new(idempotent(broker.address()).build()).await?;
    broker.on(Kind::IdempotentPublishBatch).once().answer(Reply::error("PRODUCER_FENCED: epoch 1 is out of date"));
    for _ in 0..2 {
        let error = soon("a delivery", producer.send("t", "v")).await.unwrap_err();
        assert_eq!((error.code(), error.is_retriable()), (ErrorCode::ProducerFenced, false), "{error}");
    }
    assert_eq!(broker.requests_of(Kind::IdempotentPublishBatch).len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_storage_error_in_a_batch_is_mended_and_may_have_written_a_part() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let producer = Producer::new(idempotent(broker.address()).linger_ms(20).build()).await?;
    producer.refresh_metadata("t").await?;
    broker.on(Kind::IdempotentPublishBatch).once().answer(Reply::error("WAL_ERROR: disk"));
    let deliveries: Vec<_> =
        (0..5).map(|number| producer.enqueue("t", None::<&str>, number.to_string()).unwrap()).collect();
    for delivery in deliveries {
        assert!(soon("a delivery", delivery).await?.maybe_duplicate);
    }
    assert_eq!(broker.records("t", 0).len(), 5);
    Ok(())
}

/// An identity is known to the server alone that gave it: with another one's nothing was ever written.
// covers: F070 rust
#[tokio::test]
async fn identities_are_those_of_the_servers_that_write() -> Result<()> {
    let broker = ScriptedBroker::builder().nodes(2).topic("t", 2).start().unwrap();
    let producer = Producer::new(idempotent(broker.address()).build()).await?;
    for round in 0..3 {
        for partition in 0..2 {
            let value = format!("{round}");
            soon("a delivery", producer.send_to_partition("t", partition, None::<&str>, value)).await?;
        }
    }
    let asked: Vec<_> = broker.requests_of(Kind::InitProducerId).iter().map(|request| request.node).collect();
    assert!(asked.len() == 2 && asked.contains(&0) && asked.contains(&1), "{asked:?}");
    assert!(broker.move_leader("t", 1, 0));
    for round in 3..6 {
        let metadata = soon("a delivery", producer.send_to_partition("t", 1, None::<&str>, format!("{round}"))).await?;
        assert!(!metadata.maybe_duplicate, "{metadata:?}");
    }
    let values: Vec<_> = broker.records("t", 1).into_iter().map(|record| record.value).collect();
    assert_eq!(values, ["0", "1", "2", "3", "4", "5"]);
    assert!(producer.is_idempotent());
    Ok(())
}

/// What was to be sent again waited for its delivery timeout, though no login could be had any more.
// covers: F070 rust, F074 rust
#[tokio::test]
async fn what_can_never_be_sent_again_is_given_up() -> Result<()> {
    let script = ScriptedBroker::builder().user("alice", "pencil").scram_iterations(5000).topic("t", 1);
    let broker = script.start().unwrap();
    let producer = Producer::new(idempotent(broker.address()).auth("alice", "pencil").build()).await?;
    producer.send("t", "v").await?;
    broker.on(Kind::ScramClientFirst).answer(Reply::error("AUTHENTICATION_FAILED: Invalid credentials"));
    broker.on(Kind::IdempotentPublishBatch).once().hold();
    broker.clear_requests();
    let delivery = producer.enqueue("t", None::<&str>, "w")?;
    broker.until_received(Kind::IdempotentPublishBatch, 1).await;
    broker.close_connections(0);
    let error = soon("a delivery", delivery).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::AuthenticationFailed, Outcome::Unknown), "{error}");
    Ok(())
}
