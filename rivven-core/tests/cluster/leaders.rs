//! Requests find the leader of their partition, however it moves.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use rivven_client::{ResilientClient, Result};
use rivven_testkit::{Kind, ScriptedBroker};

use crate::{client, config};

const PARTITIONS: u32 = 6;

fn cluster() -> ScriptedBroker {
    ScriptedBroker::builder().nodes(3).topic("t", PARTITIONS).start().unwrap()
}

async fn publish_everywhere(client: &ResilientClient) -> Result<()> {
    for partition in 0..PARTITIONS {
        client.publish_to_partition("t", partition, None::<&str>, "v").await?;
    }
    Ok(())
}

#[tokio::test]
async fn each_partition_is_written_and_read_at_its_leader() -> Result<()> {
    let broker = cluster();
    let client = client(&[broker.address()]);
    publish_everywhere(&client).await?;
    broker.clear_requests();
    publish_everywhere(&client).await?;
    for partition in 0..PARTITIONS {
        assert_eq!(client.consume("t", partition, 0, 10).await?.len(), 2);
        assert_eq!(client.get_offset_bounds("t", partition).await?, (0, 2));
    }
    assert_eq!(broker.requests_of(Kind::Publish).len(), PARTITIONS as usize, "the leaders are known by now");
    assert_eq!(broker.requests_of(Kind::GetClusterMetadata).len(), 0);
    assert_eq!(client.stats().await.total_servers, 3, "the cluster named the others");
    Ok(())
}

#[tokio::test]
async fn a_leader_that_moves_is_followed() -> Result<()> {
    let broker = cluster();
    let client = client(broker.addresses());
    publish_everywhere(&client).await?;
    for node in [1, 2, 0, 1] {
        assert!(broker.move_leader("t", 0, node));
        assert!(!client.publish_with_metadata("t", Some(b"k"), "v").await?.maybe_duplicate);
        client.publish_to_partition("t", 0, None::<&str>, "v").await?;
    }
    Ok(())
}

#[tokio::test]
async fn without_a_partition_the_leader_that_the_broker_names_is_asked() -> Result<()> {
    let broker = cluster();
    let client = client(&[broker.address()]);
    let mut partitions = HashSet::new();
    for number in 0..30 {
        let metadata = client.publish_with_metadata("t", Some(format!("key-{number}").as_bytes()), "v").await?;
        partitions.insert(metadata.partition);
    }
    assert!(partitions.len() > 1, "keys spread over partitions");
    Ok(())
}

#[tokio::test]
async fn nodes_that_say_anywhere_are_reached_where_the_first_was() -> Result<()> {
    let broker = ScriptedBroker::builder().nodes(3).topic("t", PARTITIONS).advertised_host("0.0.0.0").start().unwrap();
    let client = client(&[broker.address()]);
    publish_everywhere(&client).await?;
    let stats = client.stats().await;
    assert!(stats.servers.iter().all(|server| server.address.starts_with("127.0.0.1:")), "{stats:?}");
    Ok(())
}

#[tokio::test]
async fn a_leader_that_dies_is_replaced() -> Result<()> {
    let broker = cluster();
    let client = client(broker.addresses());
    publish_everywhere(&client).await?;
    broker.kill(1);
    broker.fail_over(1);
    publish_everywhere(&client).await
}

/// Every call under moving leaders ends, and what it says of its record is true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_may_move_under_load() {
    let broker = Arc::new(cluster());
    let client = ResilientClient::new(config(broker.addresses()).max_retries(20).build());
    let done = Arc::new(AtomicBool::new(false));
    let mover = tokio::spawn({
        let (broker, done) = (Arc::clone(&broker), Arc::clone(&done));
        async move {
            let mut moves = 0;
            while !done.load(Ordering::Relaxed) {
                broker.move_leader("t", moves % PARTITIONS, (moves % 3) as usize);
                moves += 1;
                tokio::task::yield_now().await;
            }
        }
    });
    let writers = (0..8u32).map(|writer| {
        let client = client.clone();
        async move {
            let mut written = Vec::new();
            for number in 0..100u32 {
                let value = format!("{writer}-{number}");
                let partition = (writer + number) % PARTITIONS;
                match client.publish_to_partition("t", partition, None::<&str>, &value).await {
                    Ok(offset) => written.push((partition, offset, value)),
                    Err(error) => assert!(error.is_retriable(), "{error}"),
                }
            }
            written
        }
    });
    let written = join_all(writers).await;
    done.store(true, Ordering::Relaxed);
    mover.await.unwrap();
    let acknowledged: usize = written.iter().map(Vec::len).sum();
    assert!(acknowledged > 400, "most calls succeed: {acknowledged}");
    for (partition, offset, value) in written.into_iter().flatten() {
        assert_eq!(broker.records("t", partition)[offset as usize].value, value);
    }
}
