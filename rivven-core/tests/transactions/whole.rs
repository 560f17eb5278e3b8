//! Transactions that look after their steps by themselves.

use std::collections::HashSet;
use std::time::Duration;

use rivven_client::{Client, ErrorCode, Outcome, Producer, ProducerConfig, ProducerConfigBuilder, Result, Transaction};
use rivven_testkit::{FaultProxy, Kind, Reply, ScriptedBroker, TestBroker};

use crate::{code, committed, soon};

fn config(server: impl Into<String>) -> ProducerConfigBuilder {
    let config = ProducerConfig::builder().bootstrap_servers(vec![server.into()]).transactional_id("etl");
    config.retry_backoff_ms(5).retry_backoff_max_ms(50)
}

async fn producer(server: impl Into<String>) -> Result<Producer> {
    Producer::new(config(server).build()).await
}

/// All values that read-committed readers see, in no order.
async fn all_committed(client: &Client, topic: &str, partitions: u32) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for partition in 0..partitions {
        all.extend(committed(client, topic, partition).await?);
    }
    Ok(all)
}

/// Hands many records over and waits for them.
async fn fill(transaction: &Transaction, topic: &str, values: std::ops::Range<u32>) -> Result<()> {
    let take = |value: u32| transaction.enqueue(topic, None::<&str>, format!("v{value:06}"));
    let taken: Vec<_> = values.map(take).collect::<Result<_>>()?;
    for delivery in taken {
        soon("a delivery", delivery).await?;
    }
    Ok(())
}

/// A user's own function that panics keeps nobody waiting: its record fails, and the transaction can be aborted.
#[tokio::test]
async fn a_partitioner_that_panics_fails_its_record_alone() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("out", Some(2)).await?;
    let own =
        |_: &str, _: Option<&[u8]>, value: &[u8], _: u32| (value != b"bad").then_some(1).or_else(|| panic!("bad"));
    let producer = Producer::new(config(broker.address()).partitioner(own).build()).await?;
    let transaction = producer.begin_transaction().await?;
    assert_eq!(soon("a record", transaction.send("out", "good")).await?.partition, 1);
    let failed = soon("a record", transaction.send("out", "bad")).await.unwrap_err();
    assert_eq!(failed.code(), ErrorCode::InvalidPartition);
    soon("abort", transaction.abort()).await?;
    let transaction = producer.begin_transaction().await?;
    soon("a record", transaction.send("out", "good")).await?;
    soon("commit", transaction.commit()).await?;
    assert_eq!(all_committed(&client, "out", 2).await?, ["good"]);
    producer.close().await
}

/// There is no moment that is so far away.
#[tokio::test]
async fn a_begin_may_be_given_all_the_time_that_there_is() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let producer = Producer::new(config(broker.address()).max_block(Duration::MAX).build()).await?;
    let transaction = soon("a begin", producer.begin_transaction()).await?;
    soon("a record", transaction.send("out", "v")).await?;
    soon("commit", transaction.commit()).await?;
    producer.close().await
}

/// A program that does not wait for the begin leaves none of the broker's five places taken.
#[tokio::test]
async fn transactions_that_nobody_waited_for_take_no_place() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("out", 1).start().unwrap();
    let producer = producer(broker.address()).await?;
    broker.on(Kind::BeginTransaction).once().drop_answer();
    let begun = tokio::time::timeout(Duration::from_millis(300), producer.begin_transaction()).await;
    assert!(begun.is_err(), "its answer does not come");
    soon("the abort", async {
        while broker.requests_of(Kind::AbortTransaction).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    Ok(())
}

// covers: F120 rust
#[tokio::test]
async fn records_and_offsets_count_together() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("out", Some(3)).await?;
    client.create_topic("in", Some(1)).await?;
    client.publish("in", "x").await?;
    let producer = producer(broker.address()).await?;
    let transaction = producer.begin_transaction().await?;
    assert_eq!((transaction.id(), transaction.is_open()), ("etl", true));
    fill(&transaction, "out", 0..100).await?;
    let by_key = transaction.send_with_key("out", Some("kafka"), "by key").await?;
    assert_eq!((&*by_key.topic, by_key.partition), ("out", 1));
    let records = [(Some("kafka"), "one"), (None, "two")];
    assert_eq!(transaction.send_batch("out", &records).await?.len(), 2);
    assert_eq!(transaction.send_to_partition("new", 0, None::<&str>, "created").await?.partition, 0);
    transaction.send_offsets("readers", &[("in", 0, 1)]).await?;
    transaction.flush().await?;
    assert_eq!(client.get_offset("readers", "in", 0).await?, None);
    transaction.commit().await?;
    assert_eq!(client.get_offset("readers", "in", 0).await?, Some(1));
    let values = all_committed(&client, "out", 3).await?;
    assert_eq!((values.len(), values.iter().collect::<HashSet<_>>().len()), (103, 103));
    for partition in 0..3 {
        let numbered: Vec<_> = committed(&client, "out", partition).await?;
        assert!(numbered.iter().filter(|value| value.starts_with('v')).is_sorted(), "{numbered:?}");
    }
    let first = transaction.producer_id();
    let transaction = producer.begin_transaction().await?;
    assert_ne!(transaction.producer_id(), first, "each transaction has an identity of its own");
    fill(&transaction, "out", 500..550).await?;
    transaction.send_offsets("readers", &[("in", 0, 0)]).await?;
    transaction.abort().await?;
    assert_eq!(all_committed(&client, "out", 3).await?.len(), 103);
    assert_eq!(client.get_offset("readers", "in", 0).await?, Some(1));
    producer.close().await
}

// covers: F120 rust, F123 rust
#[tokio::test]
async fn every_misuse_has_its_error() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let plain =
        Producer::new(ProducerConfig::builder().bootstrap_servers(vec![broker.address().into()]).build()).await?;
    assert_eq!(code(plain.begin_transaction().await), ErrorCode::InvalidState);
    let producer = producer(broker.address()).await?;
    assert_eq!(code(producer.send("t", "outside").await), ErrorCode::InvalidState);
    assert_eq!(code(producer.topic("t").enqueue(None::<&str>, "outside")), ErrorCode::InvalidState);
    let transaction = producer.begin_transaction().await?;
    assert_eq!(code(producer.begin_transaction().await), ErrorCode::InvalidState);
    assert_eq!(code(transaction.send("..", "v").await), ErrorCode::InvalidTopic);
    assert_eq!(code(transaction.send_offsets::<&str>("g", &[]).await), ErrorCode::InvalidArgument);
    assert_eq!(code(transaction.send_offsets("g", &[("t", 0, u64::MAX)]).await), ErrorCode::InvalidArgument);
    assert_eq!(code(transaction.send_offsets("?", &[("t", 0, 1)]).await), ErrorCode::InvalidGroupId);
    transaction.send("t", "v").await?;
    transaction.commit().await?;
    for result in [transaction.commit().await, transaction.abort().await, transaction.flush().await] {
        let error = result.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (ErrorCode::InvalidState, Outcome::NotSent));
        assert!(!error.is_abortable());
    }
    assert_eq!(code(transaction.send("t", "v").await), ErrorCode::InvalidState);
    let aborted = producer.begin_transaction().await?;
    aborted.abort().await?;
    assert_eq!(code(aborted.enqueue("t", None::<&str>, "v")), ErrorCode::InvalidState);
    // What fails for good leaves nothing but an abort.
    let doomed = producer.begin_transaction().await?;
    assert_eq!(code(doomed.send_to_partition("t", 99, None::<&str>, "v").await), ErrorCode::InvalidPartition);
    let commit = doomed.commit().await.unwrap_err();
    assert!(commit.is_abortable(), "{commit}");
    doomed.abort().await?;
    producer.close().await?;
    assert_eq!(code(producer.begin_transaction().await), ErrorCode::Closed);
    Ok(())
}

// covers: F120 rust
#[tokio::test]
async fn a_dropped_transaction_is_aborted() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    let producer = producer(broker.address()).await?;
    for round in 0..6 {
        let transaction = producer.begin_transaction().await?;
        transaction.send("t", format!("dropped {round}")).await?;
    }
    // It has waited for the abort of the one before.
    let kept = producer.begin_transaction().await?;
    kept.send("t", "kept").await?;
    kept.commit().await?;
    assert_eq!(committed(&client, "t", 0).await?, ["kept"]);
    let open = producer.begin_transaction().await?;
    open.send("t", "open").await?;
    producer.close().await?;
    assert_eq!(code(open.commit().await), ErrorCode::InvalidTxnState);
    assert_eq!(committed(&client, "t", 0).await?, ["kept"]);
    Ok(())
}

/// A record whose answer was lost is not sent again: the broker may still be at the first request, and would write both.
// covers: F073 rust, F120 rust
#[tokio::test]
async fn a_lost_answer_to_a_record_leaves_nothing_but_an_abort() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let proxy = FaultProxy::start(broker.address()).unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(3)).await?;
    let producer = producer(proxy.address()).await?;
    let transaction = producer.begin_transaction().await?;
    let cut = async {
        while producer.stats().records_delivered < 60 {
            tokio::task::yield_now().await;
        }
        proxy.cut_all();
    };
    let (filled, ()) = tokio::join!(fill(&transaction, "t", 0..600), soon("the cut", cut));
    assert_eq!(filled.unwrap_err().outcome(), Outcome::Unknown);
    let commit = transaction.commit().await.unwrap_err();
    assert!(commit.is_abortable(), "{commit}");
    transaction.abort().await?;
    assert!(all_committed(&client, "t", 3).await?.is_empty());
    let transaction = producer.begin_transaction().await?;
    fill(&transaction, "t", 0..600).await?;
    transaction.commit().await?;
    let mut values = all_committed(&client, "t", 3).await?;
    values.sort();
    assert_eq!(values, (0..600).map(|value| format!("v{value:06}")).collect::<Vec<_>>());
    Ok(())
}

/// The broker refuses a second commit in the words for a transaction that never was, so the answer that was lost is
/// found out otherwise.
// covers: F119 rust, F120 rust
#[tokio::test]
async fn a_lost_answer_to_a_commit_is_found_out() -> Result<()> {
    for (executed, with_offsets) in [(true, false), (true, true), (false, false)] {
        let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
        let producer = producer(broker.address()).await?;
        let transaction = producer.begin_transaction().await?;
        transaction.send("t", "v").await?;
        if with_offsets {
            transaction.send_offsets("g", &[("t", 0, 0)]).await?;
        }
        match executed {
            true => broker.on(Kind::CommitTransaction).once().executed().close_connection(),
            false => broker.on(Kind::CommitTransaction).once().close_connection(),
        };
        soon("the commit", transaction.commit()).await?;
        assert_eq!(broker.requests_of(Kind::CommitTransaction).len(), 2, "{executed} {with_offsets}");
    }
    Ok(())
}

// covers: F119 rust, F123 rust
#[tokio::test]
async fn a_commit_that_nobody_can_tell_of_is_of_unknown_outcome() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let producer = producer(broker.address()).await?;
    let transaction = producer.begin_transaction().await?;
    transaction.send("t", "v").await?;
    broker.on(Kind::CommitTransaction).once().executed().close_connection();
    broker.on(Kind::CommitTransaction).once().answer(Reply::error("INVALID_TXN_ID: etl"));
    broker.on(Kind::TransactionalPublish).once().answer(Reply::error("UNKNOWN_PRODUCER_ID: 1"));
    let unknown = soon("the commit", transaction.commit()).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.outcome()), (ErrorCode::CommitFailed, Outcome::Unknown));
    assert!(!unknown.is_retriable() && !unknown.is_abortable());
    assert_eq!(code(transaction.abort().await), ErrorCode::InvalidState);
    producer.begin_transaction().await?.abort().await
}

// covers: F116 rust, F120 rust
#[tokio::test]
async fn a_place_at_the_broker_is_waited_for() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    let mut others = Vec::new();
    for _ in 0..5 {
        let other = client.init_producer_id(None).await?;
        client.begin_transaction("other", &other, None).await?;
        others.push(other);
    }
    let hasty = Producer::new(config(broker.address()).max_block(Duration::from_millis(200)).build()).await?;
    assert_eq!(code(hasty.begin_transaction().await), ErrorCode::TimedOut);
    let patient = producer(broker.address()).await?;
    let begun = patient.begin_transaction();
    let freed = client.abort_transaction("other", &others[0]);
    let (begun, freed) = tokio::join!(begun, freed);
    freed?;
    begun?.abort().await
}

/// Broken off by the client before the broker's timeout, since a call after that would make the records last.
// covers: F120 rust
#[tokio::test]
async fn an_idle_transaction_is_aborted_in_time() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("t", Some(1)).await?;
    let config = config(broker.address()).transaction_timeout(Duration::from_secs(1));
    let producer = Producer::new(config.build()).await?;
    let transaction = producer.begin_transaction().await?;
    transaction.send("t", "v").await?;
    soon("the abort", async {
        while transaction.is_open() || !committed(&client, "t", 0).await?.is_empty() {
            tokio::task::yield_now().await;
        }
        Ok::<_, rivven_client::Error>(())
    })
    .await?;
    let late = transaction.commit().await.unwrap_err();
    assert!(late.is_abortable(), "{late}");
    transaction.abort().await
}

/// Nothing of a transaction outlives a restart of the broker but its records.
// covers: F120 rust
#[tokio::test]
async fn a_broker_that_forgot_the_transaction_dooms_it() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let producer = producer(broker.address()).await?;
    let transaction = producer.begin_transaction().await?;
    transaction.send("t", "v").await?;
    broker.on(Kind::TransactionalPublish).once().answer(Reply::error("UNKNOWN_PRODUCER_ID: 1"));
    assert_eq!(code(soon("a delivery", transaction.send("t", "w")).await), ErrorCode::UnknownProducerId);
    let commit = transaction.commit().await.unwrap_err();
    assert!(commit.is_abortable());
    transaction.abort().await?;
    let next = producer.begin_transaction().await?;
    next.send("t", "x").await?;
    next.commit().await
}

// covers: F080 rust, F120 rust
#[tokio::test]
async fn statistics_count_the_records_of_transactions() -> Result<()> {
    let broker = ScriptedBroker::builder().topic("t", 1).start().unwrap();
    let producer = producer(broker.address()).await?;
    let transaction = producer.begin_transaction().await?;
    transaction.send("t", "a").await?;
    broker.on(Kind::TransactionalPublish).once().hold();
    broker.clear_requests();
    let held = transaction.enqueue("t", None::<&str>, "b")?;
    broker.until_received(Kind::TransactionalPublish, 1).await;
    let stats = producer.stats();
    assert_eq!((stats.records_sent, stats.records_delivered, stats.pending()), (2, 1, 1), "{stats:?}");
    assert_eq!((stats.batches_sent, stats.records_queued, stats.servers.len()), (2, 0, 1), "{stats:?}");
    assert_eq!(stats.servers[0].records_unanswered, 1);
    assert!(stats.bytes_sent > 0 && stats.latency_p50_us > 0, "{stats:?}");
    broker.release();
    soon("the delivery", held).await?;
    transaction.commit().await?;
    let stats = producer.stats();
    assert_eq!((stats.records_sent, stats.records_delivered, stats.pending()), (2, 2, 0), "{stats:?}");
    assert_eq!((stats.servers[0].records_unanswered, stats.errors), (0, 0));
    Ok(())
}

/// Of records that were refused together since the login had expired, the first was sent again and those behind the others
/// overtook them.
// covers: F120 rust
#[tokio::test]
async fn a_login_that_expires_amid_records_changes_no_order() -> Result<()> {
    let script = ScriptedBroker::builder().user("alice", "pencil").scram_iterations(5000).topic("t", 1);
    let broker = script.start().unwrap();
    let producer = Producer::new(config(broker.address()).auth("alice", "pencil").build()).await?;
    let transaction = producer.begin_transaction().await?;
    transaction.send("t", "first").await?;
    broker.on(Kind::TransactionalPublish).times(5).answer(Reply::error("AUTHENTICATION_REQUIRED: Please authenticate"));
    let logins = broker.requests_of(Kind::ScramClientFinal).len();
    for value in 0..50 {
        drop(transaction.enqueue("t", None::<&str>, format!("{value:02}"))?);
    }
    soon("the commit", transaction.commit()).await?;
    let values: Vec<_> = broker.records("t", 0).into_iter().skip(1).map(|record| record.value).collect();
    assert!(values.len() == 50 && values.is_sorted(), "{values:?}");
    assert!(broker.requests_of(Kind::ScramClientFinal).len() > logins);
    Ok(())
}
