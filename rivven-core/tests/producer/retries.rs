//! Batches that are sent again, and those that are not.

use std::collections::HashSet;
use std::time::Duration;

use rivven_client::{Client, ErrorCode, Outcome, Producer, Result};
use rivven_testkit::{FaultProxy, Kind, Reply, ScriptedBroker, TestBroker};

use super::{config, producer, send_together, soon, under_way};

fn broker() -> ScriptedBroker {
    ScriptedBroker::builder().topic("t", 1).start().unwrap()
}

// covers: F074 rust
#[tokio::test]
async fn a_batch_of_unknown_outcome_is_sent_again_and_the_result_says_so() -> Result<()> {
    let broker = broker();
    let producer = producer(broker.address()).await?;
    broker.on(Kind::PublishBatch).once().executed().close_connection();
    let metadata = soon("a delivery", producer.send("t", "v")).await?;
    assert!(metadata.maybe_duplicate);
    assert_eq!(broker.records("t", 0).len(), 2);
    assert!(!producer.send("t", "w").await?.maybe_duplicate);
    assert_eq!(producer.stats().retries, 1);
    Ok(())
}

/// The broker went on with a batch whose connection was lost, while it was sent again and while those behind it were:
/// what the places of records were counted as was then not where they were.
#[tokio::test]
async fn places_are_certain_only_where_no_earlier_attempt_may_be_in_between() -> Result<()> {
    let broker = broker();
    let producer = Producer::new(config(broker.address()).linger_ms(60_000).build()).await?;
    let send = async |values: &[&str]| {
        let sent = send_together(&producer, values).await?;
        Ok::<_, rivven_client::Error>((sent[0].offset_exact, sent[0].maybe_duplicate))
    };
    producer.refresh_metadata("t").await?;
    assert_eq!(send(&["a", "b"]).await?, (true, false));
    broker.on(Kind::PublishBatch).once().executed().close_connection();
    assert_eq!(send(&["c", "d"]).await?, (false, true));
    assert_eq!(send(&["e", "f"]).await?, (false, false), "the first attempt may still be under way");
    assert_eq!(send(&["g"]).await?, (true, false), "the broker has named its place");
    Ok(())
}

// covers: F074 rust
#[tokio::test]
async fn without_leave_a_batch_of_unknown_outcome_is_an_error() -> Result<()> {
    let broker = broker();
    let producer = Producer::new(config(broker.address()).retry_unknown_outcome(false).build()).await?;
    broker.on(Kind::PublishBatch).once().executed().close_connection();
    let error = soon("a delivery", producer.send("t", "v")).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::ConnectionLost, Outcome::Unknown));
    assert!(!producer.send("t", "w").await?.maybe_duplicate, "the next one is sent as ever");
    Ok(())
}

// covers: F074 rust, F075 rust
#[tokio::test]
async fn permanent_errors_come_at_once_with_their_own_code() -> Result<()> {
    let broker = broker();
    let producer = producer(broker.address()).await?;
    for (text, code) in [
        ("INVALID_TOPIC_NAME: no", ErrorCode::InvalidTopic),
        ("PRODUCER_FENCED: no", ErrorCode::ProducerFenced),
        ("AUTHORIZATION_FAILED: no", ErrorCode::AuthorizationFailed),
    ] {
        broker.clear_requests();
        broker.on(Kind::PublishBatch).once().answer(Reply::error(text));
        let error = soon("a delivery", producer.send("t", "v")).await.unwrap_err();
        assert_eq!((error.code(), error.outcome(), error.is_retriable()), (code, Outcome::Rejected, false));
        assert_eq!((broker.requests_of(Kind::PublishBatch).len(), broker.connections()), (1, 2), "{text}");
    }
    Ok(())
}

// covers: F074 rust
#[tokio::test]
async fn the_number_of_attempts_is_bounded() -> Result<()> {
    let broker = broker();
    let producer = Producer::new(config(broker.address()).retries(2).build()).await?;
    broker.on(Kind::PublishBatch).answer(Reply::error("BUFFER_FULL: later"));
    let error = soon("a delivery", producer.send("t", "v")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::BufferFull);
    assert_eq!(broker.requests_of(Kind::PublishBatch).len(), 3);
    Ok(())
}

#[tokio::test]
async fn throttling_is_waited_out_and_costs_no_attempt() -> Result<()> {
    let broker = broker();
    let producer = Producer::new(config(broker.address()).retries(0).build()).await?;
    broker.on(Kind::PublishBatch).times(4).answer(Reply::throttled_ms(1));
    assert!(!soon("a delivery", producer.send("t", "v")).await?.maybe_duplicate);
    assert_eq!(broker.requests_of(Kind::PublishBatch).len(), 5);
    Ok(())
}

/// A batch that the broker fails in the middle of may be written in part.
#[tokio::test]
async fn a_storage_error_in_a_batch_leaves_its_outcome_unknown() -> Result<()> {
    let broker = broker();
    let producer = Producer::new(config(broker.address()).linger_ms(20).build()).await?;
    producer.refresh_metadata("t").await?;
    broker.on(Kind::PublishBatch).once().answer(Reply::error("WAL_ERROR: disk"));
    let deliveries: Vec<_> = (0..3).map(|_| producer.enqueue("t", None::<&str>, "v").unwrap()).collect();
    for delivery in deliveries {
        assert!(soon("a delivery", delivery).await?.maybe_duplicate);
    }
    Ok(())
}

// covers: F074 rust, F076 rust, F079 rust
#[tokio::test]
async fn order_and_count_survive_cut_connections() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    let client = rivven_client::Client::connect(broker.address()).await?;
    client.create_topic("t", Some(4)).await?;
    let producer = Producer::new(config(proxy.address()).batch_size(400).retries(1000).build()).await?;
    let topic = producer.topic("t");
    let mut deliveries = Vec::new();
    for record in 0..2000u32 {
        deliveries.push(topic.enqueue_to_partition(record % 4, None::<&str>, format!("{record:06}"))?);
        if record % 250 == 249 {
            under_way(&producer).await;
            proxy.cut_all();
        }
    }
    let mut uncertain = HashSet::new();
    for (number, delivery) in deliveries.into_iter().enumerate() {
        if soon("a delivery", delivery).await?.maybe_duplicate {
            uncertain.insert(number);
        }
    }
    let stats = producer.stats();
    assert_eq!((stats.records_delivered, stats.pending()), (2000, 0));
    for partition in 0..4 {
        let mut seen: Vec<usize> = Vec::new();
        for record in &client.consume("t", partition, 0, 10_000).await? {
            let number = std::str::from_utf8(&record.value).unwrap().parse().unwrap();
            if seen.contains(&number) {
                assert!(uncertain.contains(&number), "{number} is there twice and its delivery did not say so");
            } else {
                seen.push(number);
            }
        }
        assert!(seen.is_sorted() && seen.len() == 500, "partition {partition}: {seen:?}");
    }
    assert!(stats.retries > 0, "no connection was cut while a batch was under way: {stats:?}");
    Ok(())
}

// covers: F071 rust
#[tokio::test]
async fn a_leader_that_moves_is_followed_in_order() -> Result<()> {
    let broker = ScriptedBroker::builder().nodes(3).topic("t", 3).start().unwrap();
    let producer = Producer::new(config(broker.address()).retries(100).build()).await?;
    let topic = producer.topic("t");
    let mut deliveries = Vec::new();
    for record in 0..600u32 {
        deliveries.push(topic.enqueue_to_partition(record % 3, None::<&str>, format!("{record:04}"))?);
        if record % 60 == 59 {
            under_way(&producer).await;
            broker.move_leader("t", (record / 60) % 3, (record / 60) as usize % 3);
        }
    }
    for delivery in deliveries {
        soon("a delivery", delivery).await?;
    }
    for partition in 0..3 {
        let values: Vec<_> = broker.records("t", partition).into_iter().map(|record| record.value).collect();
        assert!(values.is_sorted() && values.len() == 200, "partition {partition}: {} records", values.len());
    }
    Ok(())
}

/// The server lets the login expire under a connection that the producer keeps: the batch is refused, not failed.
#[tokio::test]
async fn a_login_that_expires_is_renewed_between_batches() -> Result<()> {
    let script = ScriptedBroker::builder().user("alice", "pencil").scram_iterations(5000).topic("t", 1);
    let broker = script.start().unwrap();
    let producer = Producer::new(config(broker.address()).auth("alice", "pencil").build()).await?;
    producer.send("t", "v").await?;
    broker.expire_sessions();
    let metadata = soon("a delivery", producer.send("t", "w")).await?;
    assert_eq!((metadata.offset, metadata.maybe_duplicate), (1, false));
    assert_eq!(producer.stats().retries, 0, "the request was refused and sent again on the same connection");
    Ok(())
}

/// A partition that is told to go to another server while a request is under way at the old one, which then dies.
// covers: F071 rust, F074 rust
#[tokio::test]
async fn leaders_that_are_away_are_left() -> Result<()> {
    let broker = ScriptedBroker::builder().nodes(2).topic("t", 2).start().unwrap();
    let producer = Producer::new(config(broker.address()).metadata_max_age(Duration::from_millis(50)).build()).await?;
    let topic = producer.topic("t");
    // Nothing was sent to the leader before it died.
    producer.refresh_metadata("t").await?;
    broker.kill(1);
    broker.fail_over(1);
    soon("a delivery", topic.enqueue_to_partition(1, None::<&str>, "a")?).await?;
    broker.revive(1).unwrap();
    assert!(broker.move_leader("t", 1, 1));
    soon("the move", async {
        while broker.records("t", 1).len() < 2 || broker.requests_of(Kind::PublishBatch).iter().all(|one| one.node == 0)
        {
            topic.enqueue_to_partition(1, None::<&str>, "b")?.await?;
        }
        Ok::<_, rivven_client::Error>(())
    })
    .await?;
    broker.on(Kind::PublishBatch).node(1).once().hold();
    broker.clear_requests();
    let held = topic.enqueue_to_partition(1, None::<&str>, "c")?;
    broker.until_received(Kind::PublishBatch, 1).await;
    assert!(broker.move_leader("t", 1, 0));
    let seen = broker.requests_of(Kind::GetClusterMetadata).len();
    broker.until_received(Kind::GetClusterMetadata, seen + 2).await;
    broker.kill(1);
    soon("what was under way", held).await?;
    soon("what comes behind", topic.enqueue_to_partition(1, None::<&str>, "d")?).await?;
    Ok(())
}

/// While a connection was being made after one had failed, the task that wanted it took all of a processor.
#[tokio::test]
async fn waiting_for_a_silent_server_costs_nothing() -> Result<()> {
    let broker = broker();
    let producer = producer(broker.address()).await?;
    producer.send("t", "v").await?;
    broker.kill(0);
    let delivery = producer.enqueue("t", None::<&str>, "w")?;
    // So that attempts have failed before one that does not end.
    tokio::time::sleep(Duration::from_millis(300)).await;
    broker.on(Kind::Connect).hold();
    broker.revive(0).unwrap();
    let before = processor_time();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let spent = processor_time() - before;
    assert!(spent < Duration::from_millis(200), "waiting took {spent:?} of the processor");
    assert!(delivery.result().is_none(), "the server is silent");
    Ok(())
}

/// What this thread has used.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is there to be filled.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) }, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// That no server takes the login was an error to be tried again: at every server, until the delivery timeout.
// covers: F074 rust
#[tokio::test]
async fn a_login_that_every_server_refuses_is_final() -> Result<()> {
    let script = || ScriptedBroker::builder().user("alice", "pencil").scram_iterations(5000).topic("t", 1);
    let brokers = [script().start().unwrap(), script().start().unwrap()];
    let servers = brokers.iter().map(ScriptedBroker::address).collect();
    let config = config("").bootstrap_servers(servers).auth("alice", "crayon").build();
    let refused = Producer::new(config.clone()).await.map(drop).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::AuthenticationFailed, "{refused}");
    let producer = Producer::unconnected(config?, None)?;
    let refused = soon("a delivery", producer.send("t", "v")).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::AuthenticationFailed, "{refused}");
    for broker in &brokers {
        let logins = broker.requests_of(Kind::ScramClientFinal).len();
        assert!(logins <= 4, "{logins} logins at one server");
    }
    Ok(())
}

/// A producer that had ever used a topic made it again when it asked how many partitions there are.
// covers: F071 rust
#[tokio::test]
async fn what_was_deleted_is_not_made_again_unasked() -> Result<()> {
    let broker = broker();
    let producer = Producer::new(config(broker.address()).metadata_max_age(Duration::from_millis(20)).build()).await?;
    producer.send("t", "v").await?;
    let client = Client::connect(broker.address()).await?;
    client.delete_topic("t").await?;
    broker.clear_requests();
    broker.until_received(Kind::GetMetadata, 3).await;
    assert!(broker.requests_of(Kind::CreateTopic).is_empty());
    Ok(())
}

/// Records went to partitions that the topic had before it was made anew with fewer.
// covers: F071 rust
#[tokio::test]
async fn a_topic_may_have_fewer_partitions_than_before() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("less", Some(6)).await?;
    let producer = producer(broker.address()).await?;
    producer.send("less", "v").await?;
    client.delete_topic("less").await?;
    client.create_topic("less", Some(2)).await?;
    producer.refresh_metadata("less").await?;
    assert_eq!(producer.get_partition_count("less").await?, 2);
    for key in 0..20 {
        let metadata = producer.send_with_key("less", Some(key.to_string()), "v").await?;
        assert!(metadata.partition < 2, "{metadata:?}");
    }
    let refused = producer.send_to_partition("less", 5, None::<&str>, "v").await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidPartition);
    Ok(())
}

#[tokio::test]
async fn without_a_delivery_timeout_a_batch_is_sent_again() -> Result<()> {
    let broker = broker();
    let producer = Producer::new(config(broker.address()).delivery_timeout(Duration::MAX).build()).await?;
    broker.on(Kind::PublishBatch).once().answer(Reply::error("BUFFER_FULL: later"));
    soon("a delivery", producer.send("t", "v")).await.map(drop)
}
