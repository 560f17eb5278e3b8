//! Records read, worked on and written by transactions.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rivven_client::{
    Client, Consumer, ConsumerConfig, Error, ErrorCode, Producer, ProducerConfig, Result, TransformReport, Transformer,
    transform,
};
use rivven_testkit::{FaultProxy, TestBroker};

use crate::{code, committed, soon};

const RECORDS: u32 = 300;
const PARTITIONS: u32 = 3;

/// A broker with numbered records to read.
async fn prepared() -> Result<(TestBroker, Client)> {
    let broker = TestBroker::start().unwrap();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("in", Some(PARTITIONS)).await?;
    client.create_topic("out", Some(PARTITIONS)).await?;
    for partition in 0..PARTITIONS {
        let numbers = (0..RECORDS).filter(|number| number % PARTITIONS == partition);
        let records: Vec<_> = numbers.map(|number| (None::<&str>, format!("{number:06}"))).collect();
        client.publish_batch("in", Some(partition), &records).await?;
    }
    Ok((broker, client))
}

async fn consumer(server: &str) -> Result<Consumer> {
    let config = ConsumerConfig::builder()
        .bootstrap_servers(vec![server.into()])
        .group_id("doubling")
        .assign("in", (0..PARTITIONS).collect())
        .auto_commit_interval(None)
        .max_poll_records(40)
        .max_poll_interval_ms(500)
        .process_retries(5)
        .process_retry_backoff(Duration::from_millis(5))
        .process_retry_backoff_max(Duration::from_millis(50));
    Consumer::new(config.build()).await
}

async fn producer(server: &str) -> Result<Producer> {
    let config = ProducerConfig::builder().bootstrap_servers(vec![server.into()]).transactional_id("doubling");
    let config = config.retry_backoff_ms(5).retry_backoff_max_ms(50).transaction_timeout(Duration::from_secs(10));
    Producer::new(config.build()).await
}

/// Works until all records count; `fails` says whether a round is to fail.
async fn run(server: &str, fails: impl Fn() -> bool) -> Result<TransformReport> {
    let (consumer, producer) = (consumer(server).await?, producer(server).await?);
    let mut transformer = Transformer::new(&consumer, &producer)?;
    while transformer.report().records < u64::from(RECORDS) {
        let Some((records, transaction)) = soon("the next records", transformer.next()).await? else { break };
        let written = async {
            for record in records.views() {
                drop(transaction.enqueue("out", None::<&str>, record.value)?);
            }
            Ok::<_, Error>(())
        };
        match (written.await, fails()) {
            (Ok(()), false) => drop(soon("a commit", transformer.commit()).await?),
            (Ok(()), true) => transformer.fail("not today").await?,
            // A lost connection may come in between; what was enqueued is of no use then.
            (Err(_), _) => drop(transformer.commit().await?),
        }
    }
    consumer.close().await?;
    producer.close().await?;
    Ok(transformer.report())
}

/// Each record was written once, and the group is behind all of them.
async fn check(client: &Client) -> Result<()> {
    let mut values = Vec::new();
    for partition in 0..PARTITIONS {
        values.extend(committed(client, "out", partition).await?);
        let all = u64::from(RECORDS / PARTITIONS);
        assert_eq!(client.get_offset("doubling", "in", partition).await?, Some(all));
    }
    values.sort();
    assert_eq!(values, (0..RECORDS).map(|number| format!("{number:06}")).collect::<Vec<_>>());
    Ok(())
}

// covers: F120 rust
#[tokio::test]
async fn every_record_counts_once() -> Result<()> {
    let (broker, client) = prepared().await?;
    let (consumer, producer) = (consumer(broker.address()).await?, producer(broker.address()).await?);
    let seen = AtomicU32::new(0);
    let working = transform(&consumer, &producer, async |records, transaction| {
        for record in records.views() {
            drop(transaction.enqueue("out", None::<&str>, record.value)?);
        }
        if seen.fetch_add(records.len() as u32, Ordering::Relaxed) + records.len() as u32 == RECORDS {
            consumer.wakeup();
        }
        Ok::<_, Error>(())
    });
    let report = soon("the work", working).await?;
    assert_eq!((report.records, report.aborted), (u64::from(RECORDS), 0));
    assert!(report.transactions >= u64::from(RECORDS / 40));
    check(&client).await
}

// covers: F120 rust
#[tokio::test]
async fn a_round_that_fails_is_read_again() -> Result<()> {
    let (broker, client) = prepared().await?;
    let rounds = AtomicU32::new(0);
    let report = run(broker.address(), || rounds.fetch_add(1, Ordering::Relaxed) % 3 == 1).await?;
    assert!(report.aborted >= 2, "{report:?}");
    check(&client).await
}

// covers: F120 rust
#[tokio::test]
async fn a_handler_that_panics_fails() -> Result<()> {
    let (broker, client) = prepared().await?;
    let (consumer, producer) = (consumer(broker.address()).await?, producer(broker.address()).await?);
    let working = transform(&consumer, &producer, async |_, _| -> Result<()> { panic!("on purpose") });
    assert_eq!(code(soon("the work", working).await), ErrorCode::ProcessingFailed);
    assert_eq!(client.get_offset("doubling", "in", 0).await?, None);
    Ok(())
}

// covers: F120 rust
#[tokio::test]
async fn work_that_fails_every_time_ends_it_and_counts_for_nothing() -> Result<()> {
    let (broker, client) = prepared().await?;
    let ended = run(broker.address(), || true).await;
    assert_eq!(code(ended), ErrorCode::ProcessingFailed);
    for partition in 0..PARTITIONS {
        assert!(committed(&client, "out", partition).await?.is_empty());
        assert_eq!(client.get_offset("doubling", "in", partition).await?, None);
    }
    Ok(())
}

/// Connections are cut while records are written, offsets are sent and transactions are committed.
// covers: F120 rust
#[tokio::test]
async fn cut_connections_change_nothing() -> Result<()> {
    let (broker, client) = prepared().await?;
    let proxy = FaultProxy::start(broker.address()).unwrap();
    let cuts = async {
        for step in 0..20u64 {
            let before = proxy.bytes_to_broker();
            while proxy.bytes_to_broker() < before + 500 + step * 97 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            proxy.cut_all();
        }
        std::future::pending().await
    };
    let address = proxy.address();
    let report = tokio::select! {
        report = run(&address, || false) => report?,
        () = cuts => unreachable!("the cuts have no end"),
    };
    assert_eq!(report.uncertain, 0, "{report:?}");
    check(&client).await
}

/// What was under way when a program died is worked on by the next one, and counts once.
// covers: F120 rust
#[tokio::test]
async fn another_program_goes_on_where_one_died() -> Result<()> {
    let (broker, client) = prepared().await?;
    {
        let (consumer, producer) = (consumer(broker.address()).await?, producer(broker.address()).await?);
        let mut transformer = Transformer::new(&consumer, &producer)?;
        let (records, transaction) = transformer.next().await?.expect("there are records");
        for record in records.views() {
            transaction.send("out", record.value).await?;
        }
        transaction.send_consumer_offsets(&consumer).await?;
    }
    run(broker.address(), || false).await?;
    check(&client).await
}

/// Whoever gives up waiting comes back to where things stand.
// covers: F120 rust
#[tokio::test]
async fn a_future_that_is_dropped_loses_nothing() -> Result<()> {
    let (broker, client) = prepared().await?;
    let (consumer, producer) = (consumer(broker.address()).await?, producer(broker.address()).await?);
    let mut transformer = Transformer::new(&consumer, &producer)?;
    let mut patience = Duration::ZERO;
    while transformer.report().records < u64::from(RECORDS) {
        patience += Duration::from_micros(1500);
        let Ok(next) = tokio::time::timeout(patience, transformer.next()).await else { continue };
        let Some((records, transaction)) = next? else { break };
        for record in records.views() {
            drop(transaction.enqueue("out", None::<&str>, record.value)?);
        }
        if let Ok(committed) = tokio::time::timeout(patience, transformer.commit()).await {
            committed?;
        }
    }
    check(&client).await
}

// covers: F120 rust
#[tokio::test]
async fn what_cannot_count_once_is_refused() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let server = || vec![broker.address().to_owned()];
    let committing = Consumer::new(ConsumerConfig::builder().bootstrap_servers(server()).topic("in").build()).await?;
    let producer = producer(broker.address()).await?;
    assert_eq!(
        Transformer::new(&committing, &producer).err().map(|error| error.code()),
        Some(ErrorCode::InvalidConfig)
    );
    let plain = Producer::new(ProducerConfig::builder().bootstrap_servers(server()).build()).await?;
    let consumer = consumer(broker.address()).await?;
    assert_eq!(Transformer::new(&consumer, &plain).err().map(|error| error.code()), Some(ErrorCode::InvalidConfig));
    let mut idle = Transformer::new(&consumer, &producer)?;
    assert_eq!(code(idle.commit().await), ErrorCode::InvalidState);
    assert_eq!(code(idle.fail("x").await), ErrorCode::InvalidState);
    Ok(())
}
