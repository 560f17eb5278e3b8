//! What a producer tells of what it has done, and of its servers.

use std::time::Duration;

use rivven_client::{Producer, ProducerServerStats, Result, StateChange};
use rivven_testkit::{Kind, Reply, ScriptedBroker, TestBroker};

use super::{config, producer, soon};

/// What is told of the server with this address; it has to be there.
fn server(producer: &Producer, address: &str) -> ProducerServerStats {
    let servers = producer.stats().servers;
    servers.into_iter().find(|server| *server.address == *address).expect("the server is listed")
}

/// Two servers, which lead one partition each.
fn two_leaders() -> ScriptedBroker {
    ScriptedBroker::builder().nodes(2).topic("t", 2).start().unwrap()
}

// covers: F080 rust
#[tokio::test]
async fn what_was_sent_is_told_by_server() -> Result<()> {
    let cluster = two_leaders();
    let producer = producer(cluster.address()).await?;
    assert!(producer.stats().servers.is_empty(), "nothing was sent yet");
    cluster.on(Kind::PublishBatch).node(1).times(2).answer(Reply::error("BUFFER_FULL: later"));
    for number in 0..12u32 {
        producer.send_to_partition("t", u32::from(number >= 10), None::<&str>, "value").await?;
    }
    let stats = producer.stats();
    assert!(stats.servers.is_sorted_by_key(|server| server.address.clone()), "{stats:?}");
    let (first, second) = (server(&producer, &cluster.address_of(0)), server(&producer, &cluster.address_of(1)));
    assert_eq!((first.records_delivered, first.batches_sent, first.errors, first.retries), (10, 10, 0, 0));
    assert_eq!((second.records_delivered, second.batches_sent, second.errors, second.retries), (2, 4, 2, 2));
    for server in [&first, &second] {
        assert_eq!((server.records_unanswered, server.records_queued, server.records_per_batch), (0, 0, 1.0));
        assert!(server.latency_p50_us > 0 && server.latency_p50_us <= server.latency_p95_us, "{server:?}");
        assert!(server.latency_p95_us <= server.latency_p99_us && server.bytes_sent > 0, "{server:?}");
    }
    // The numbers of all are the sum.
    assert_eq!((stats.records_delivered, stats.batches_sent, stats.errors, stats.retries), (12, 14, 2, 2));
    assert_eq!(stats.bytes_sent, first.bytes_sent + second.bytes_sent);
    let latencies = [&first, &second].map(|server| server.latency_p99_us);
    assert_eq!(Some(&stats.latency_p99_us), latencies.iter().max());
    Ok(())
}

// covers: F080 rust
#[tokio::test]
async fn what_a_server_owes_is_told_of_it_alone() -> Result<()> {
    let cluster = two_leaders();
    let producer = producer(cluster.address()).await?;
    producer.send_to_partition("t", 0, None::<&str>, "value").await?;
    producer.send_to_partition("t", 1, None::<&str>, "value").await?;
    cluster.on(Kind::PublishBatch).node(1).once().hold();
    cluster.clear_requests();
    let topic = producer.topic("t");
    let held = topic.enqueue_to_partition(1, None::<&str>, "value")?;
    cluster.until_received(Kind::PublishBatch, 1).await;
    let waiting = topic.enqueue_to_partition(1, None::<&str>, "value")?;
    producer.send_to_partition("t", 0, None::<&str>, "value").await?;
    let second = server(&producer, &cluster.address_of(1));
    assert_eq!((second.records_delivered, second.records_unanswered, second.records_queued), (1, 1, 1));
    let first = server(&producer, &cluster.address_of(0));
    assert_eq!((first.records_delivered, first.records_unanswered, first.records_queued), (2, 0, 0));
    cluster.release();
    soon("the delivery that was held", held).await?;
    soon("the delivery behind it", waiting).await?;
    let second = server(&producer, &cluster.address_of(1));
    assert_eq!((second.records_delivered, second.records_unanswered, second.records_queued), (3, 0, 0));
    Ok(())
}

// covers: F080 rust
#[tokio::test]
async fn a_record_counts_for_the_server_that_has_it() -> Result<()> {
    let cluster = two_leaders();
    let producer = producer(cluster.address()).await?;
    producer.send_to_partition("t", 1, None::<&str>, "value").await?;
    assert!(cluster.move_leader("t", 1, 0));
    soon("a delivery by the new leader", producer.send_to_partition("t", 1, None::<&str>, "value")).await?;
    let (first, second) = (server(&producer, &cluster.address_of(0)), server(&producer, &cluster.address_of(1)));
    assert_eq!((first.records_delivered, first.errors), (1, 0));
    assert_eq!(second.records_delivered, 1);
    assert!(second.errors > 0, "it refuses what it no longer leads: {second:?}");
    Ok(())
}

// covers: F040 rust
#[tokio::test]
async fn a_producer_tells_when_its_server_goes_and_comes_back() -> Result<()> {
    let mut broker = TestBroker::start().unwrap();
    let address = broker.address().to_owned();
    let producer = Producer::new(config(address.as_str()).build()).await?;
    producer.send("t", "before").await?;
    let mut changes = producer.state_changes();
    broker.kill().unwrap();
    let delivery = producer.enqueue("t", None::<&str>, "meanwhile")?;
    match soon("a change", changes.next()).await {
        Some(StateChange::Degraded { server, .. }) => assert_eq!(*server, *address),
        other => panic!("{other:?}"),
    }
    broker.restart().unwrap();
    soon("a delivery", delivery).await?;
    let recovered = async {
        loop {
            if let Some(StateChange::Recovered { server, after, .. }) = changes.next().await {
                break (server, after);
            }
        }
    };
    let (server, after) = soon("the recovery", recovered).await;
    assert!(*server == *address && after > Duration::ZERO);
    producer.close().await?;
    let ended = async { while changes.next().await.is_some() {} };
    soon("the end of the changes", ended).await;
    Ok(())
}
