//! The single steps of transactions.

use std::time::Duration;

use rivven_client::{
    Client, ErrorCode, Outcome, PipelineConfig, PipelinedClient, ResilientClient, ResilientClientConfig, Result,
};
use rivven_testkit::{Kind, Reply, ScriptedBroker, TestBroker};

use crate::{code, committed};

/// The same story for a client of any type.
macro_rules! story {
    ($client:ident, $reader:ident) => {{
        $reader.create_topic("orders", Some(3)).await?;
        $reader.create_topic("input", Some(1)).await?;
        for value in ["a", "b", "c"] {
            $reader.publish_to_partition("input", 0, None::<&str>, value).await?;
        }
        let mut producer = $client.init_producer_id(None).await?;
        $client.begin_transaction("etl", &producer, None).await?;
        let added = [("orders", 0), ("orders", 2)];
        assert_eq!($client.add_partitions_to_txn("etl", &producer, &added).await?, 2);
        let name = String::from("orders");
        assert_eq!($client.add_partitions_to_txn("etl", &producer, &[(&name, 0)]).await?, 1);
        for (partition, sequence) in [(0, 0), (2, 0), (0, 1), (2, 1)] {
            let published =
                $client.publish_transactional("etl", "orders", None::<&[u8]>, "kept", &mut producer).await?;
            assert_eq!((published.1, published.2), (partition, sequence));
        }
        // murmur2 leads "user-123" to partition 2 of 3, and "kafka" to 1.
        let by_key = $client.publish_transactional("etl", "orders", Some("user-123"), "kept", &mut producer).await?;
        assert_eq!((by_key.1, by_key.2), (2, 2));
        let astray = $client.publish_transactional("etl", "orders", Some("kafka"), "kept", &mut producer).await;
        assert_eq!(code(astray), ErrorCode::PartitionNotInTxn);
        let chosen = $client
            .publish_transactional_to_partition("etl", "orders", 0, Some("kafka"), "kept", &mut producer)
            .await?;
        assert_eq!((chosen.1, chosen.2), (0, 2));
        let elsewhere = $client.publish_transactional("etl", "input", None::<&str>, "kept", &mut producer).await;
        assert_eq!(code(elsewhere), ErrorCode::PartitionNotInTxn);
        $client.add_offsets_to_txn("etl", &producer, "readers", &[("input", 0, 2i64)]).await?;
        assert_eq!($reader.get_offset("readers", "input", 0).await?, None);
        $client.commit_transaction("etl", &producer).await?;
        assert_eq!($reader.get_offset("readers", "input", 0).await?, Some(2));
        assert_eq!(committed(&$reader, "orders", 0).await?.len(), 3);
        assert_eq!(committed(&$reader, "orders", 2).await?.len(), 3);

        let mut producer = $client.init_producer_id(None).await?;
        $client.begin_transaction("etl", &producer, Some(Duration::from_secs(30))).await?;
        $client.add_partitions_to_txn("etl", &producer, &[("orders", 1)]).await?;
        $client.publish_transactional("etl", "orders", None::<&str>, "dropped", &mut producer).await?;
        $client.add_offsets_to_txn("etl", &producer, "readers", &[("input", 0, 3i64)]).await?;
        $client.abort_transaction("etl", &producer).await?;
        assert!(committed(&$reader, "orders", 1).await?.is_empty());
        assert_eq!($reader.get_offset("readers", "input", 0).await?, Some(2));
    }};
}

// covers: F114 rust, F116 rust, F117 rust, F118 rust, F119 rust
#[tokio::test]
async fn a_client_commits_and_aborts() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    story!(client, client);
    Ok(())
}

// covers: F034 rust
#[tokio::test]
async fn a_resilient_client_commits_and_aborts() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let reader = Client::connect(broker.address()).await?;
    let client =
        ResilientClient::new(ResilientClientConfig::builder().servers(vec![broker.address().to_owned()]).build());
    story!(client, reader);
    Ok(())
}

#[tokio::test]
async fn a_pipelined_client_commits_and_aborts() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let reader = Client::connect(broker.address()).await?;
    let client = PipelinedClient::connect(broker.address(), PipelineConfig::default()).await?;
    story!(client, reader);
    Ok(())
}

// covers: F116 rust, F117 rust, F119 rust, F123 rust
#[tokio::test]
async fn every_misuse_has_its_error() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    let mut producer = client.init_producer_id(None).await?;
    let mut foreign = client.init_producer_id(None).await?;
    let early = client.publish_transactional("x", "t", None::<&str>, "v", &mut producer).await.unwrap_err();
    assert_eq!((early.code(), early.outcome()), (ErrorCode::InvalidTxnId, Outcome::NotSent));
    assert!(early.is_abortable() && !early.is_retriable());
    assert_eq!(code(client.commit_transaction("x", &producer).await), ErrorCode::InvalidTxnId);
    client.begin_transaction("x", &producer, None).await?;
    assert_eq!(code(client.begin_transaction("x", &producer, None).await), ErrorCode::InvalidTxnState);
    let second = client.begin_transaction("y", &producer, None).await;
    assert_eq!(code(second), ErrorCode::ConcurrentTransactions);
    let nothing: [(&str, u32); 0] = [];
    assert_eq!(code(client.add_partitions_to_txn("x", &producer, &nothing).await), ErrorCode::InvalidArgument);
    client.add_partitions_to_txn("x", &producer, &[("t", 0)]).await?;
    let stranger = client.publish_transactional("x", "t", None::<&str>, "v", &mut foreign).await;
    assert_eq!(code(stranger), ErrorCode::InvalidTxnId);
    assert_eq!(code(client.commit_transaction("x", &foreign).await), ErrorCode::InvalidTxnId);
    let negative = client.add_offsets_to_txn("x", &producer, "g", &[("t", 0, -1i64)]).await;
    assert_eq!(code(negative), ErrorCode::InvalidArgument);
    client.publish_transactional("x", "t", None::<&str>, "v", &mut producer).await?;
    client.commit_transaction("x", &producer).await?;
    assert_eq!(code(client.commit_transaction("x", &producer).await), ErrorCode::InvalidTxnId);
    client.begin_transaction("x", &producer, None).await?;
    client.add_partitions_to_txn("x", &producer, &[("t", 0)]).await?;
    client.abort_transaction("x", &producer).await?;
    let late = client.publish_transactional("x", "t", None::<&str>, "v", &mut producer).await;
    assert_eq!(code(late), ErrorCode::InvalidTxnId);
    assert_eq!(code(client.abort_transaction("x", &producer).await), ErrorCode::InvalidTxnId);
    Ok(())
}

/// A call after the timeout would keep the broker from ever aborting the transaction.
// covers: F116 rust
#[tokio::test]
async fn a_transaction_that_is_over_is_left_to_the_broker() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    let mut producer = client.init_producer_id(None).await?;
    client.begin_transaction("x", &producer, Some(Duration::from_millis(400))).await?;
    client.add_partitions_to_txn("x", &producer, &[("t", 0)]).await?;
    client.publish_transactional("x", "t", None::<&str>, "v", &mut producer).await?;
    tokio::time::sleep(Duration::from_millis(400)).await;
    let late = client.publish_transactional("x", "t", None::<&str>, "w", &mut producer).await;
    assert_eq!(code(late), ErrorCode::TransactionTimedOut);
    let commit = client.commit_transaction("x", &producer).await.unwrap_err();
    assert_eq!((commit.code(), commit.outcome()), (ErrorCode::TransactionTimedOut, Outcome::NotSent));
    crate::soon("the abort", async {
        while !committed(&client, "t", 0).await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    })
    .await
}

// covers: F119 rust
#[tokio::test]
async fn a_commit_without_answer_is_of_unknown_outcome() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let client = Client::connect(broker.address()).await?;
    let mut producer = client.init_producer_id(None).await?;
    client.begin_transaction("x", &producer, None).await?;
    client.add_partitions_to_txn("x", &producer, &[("t", 0)]).await?;
    broker.on(Kind::CommitTransaction).once().answer(Reply::error("COMMIT_FAILED: disk"));
    let failed = client.commit_transaction("x", &producer).await.unwrap_err();
    assert_eq!((failed.code(), failed.outcome()), (ErrorCode::CommitFailed, Outcome::Unknown));
    let late = client.publish_transactional("x", "t", None::<&str>, "v", &mut producer).await;
    assert_eq!(code(late), ErrorCode::InvalidTxnState);
    client.commit_transaction("x", &producer).await
}

/// The broker knows a transaction by its producer's identity, so another one of the same name is none of its business.
// covers: F116 rust
#[tokio::test]
async fn a_second_producer_with_the_same_transactional_id_is_not_fenced() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    let mut both = [client.init_producer_id(None).await?, client.init_producer_id(None).await?];
    for producer in &both {
        client.begin_transaction("same", producer, None).await?;
        client.add_partitions_to_txn("same", producer, &[("t", 0)]).await?;
    }
    for (producer, value) in both.iter_mut().zip(["one", "two"]) {
        client.publish_transactional("same", "t", None::<&str>, value, producer).await?;
    }
    for producer in &both {
        client.commit_transaction("same", producer).await?;
    }
    assert_eq!(committed(&client, "t", 0).await?, ["one", "two"]);
    Ok(())
}

// covers: F116 rust, F123 rust
#[tokio::test]
async fn the_sixth_transaction_is_too_many() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    let mut producers = Vec::new();
    for _ in 0..6 {
        producers.push(client.init_producer_id(None).await?);
    }
    for producer in &producers[..5] {
        client.begin_transaction("x", producer, None).await?;
    }
    let sixth = client.begin_transaction("x", &producers[5], None).await.unwrap_err();
    assert_eq!((sixth.code(), sixth.is_retriable()), (ErrorCode::TooManyTransactions, true));
    client.abort_transaction("x", &producers[0]).await?;
    client.begin_transaction("x", &producers[5], None).await
}
