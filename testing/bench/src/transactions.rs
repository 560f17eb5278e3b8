//! `rivven-bench transactions`: what transactions cost beside plain records, and beside their single steps.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rivven_client::{Client, Producer, ProducerConfig, ProducerConfigBuilder};

use crate::measurement::{Measurement, Subject, histogram, report};
use crate::progress;
use crate::scenario::{Scenario, Workload};
use crate::server::{Server, Target};
use crate::usage::Stopwatch;
use crate::values::Values;

/// Write groups of records: each by a transaction, by a plain producer that is flushed, and by single calls
///
/// The latencies are those of whole groups, from their begin to their commit or the end of the flush. Of single calls
/// there are a tenth of the records.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The server: broker (the real one, started for this), or HOST:PORT
    #[arg(long, default_value = "broker")]
    against: Target,
    /// How many records are written
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(10..))]
    records: u64,
    /// How many records are in a group
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    group: u64,
    /// Connections of the producers
    #[arg(long, default_value_t = 8)]
    connections: usize,
    #[command(flatten)]
    workload: Workload,
    /// Write the measurements to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Carries out the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let server = Server::start(&arguments.against, arguments.workload.partitions)?;
    let measured = tokio::runtime::Runtime::new()?.block_on(async {
        let transactions = transactions(arguments, &server).await?;
        let plain = plain(arguments, &server).await?;
        let single = single(arguments, &server).await?;
        anyhow::Ok([transactions, plain, single])
    })?;
    report(&measured, arguments.json.as_deref())
}

fn config(arguments: &Arguments, server: &Server) -> ProducerConfigBuilder {
    let config = ProducerConfig::builder().bootstrap_servers(vec![server.address().to_owned()]);
    config.connections_per_broker(arguments.connections)
}

async fn transactions(arguments: &Arguments, server: &Server) -> Result<Measurement> {
    let producer = Producer::new(config(arguments, server).transactional_id("bench").build()).await?;
    producer.refresh_metadata(server.topic()).await?;
    let subject = subject(arguments, "rivven Transaction");
    let group = async |values: &mut Values| {
        let transaction = producer.begin_transaction().await?;
        for _ in 0..arguments.group {
            drop(transaction.enqueue(server.topic(), None::<&[u8]>, values.next())?);
        }
        Ok(transaction.commit().await?)
    };
    let measured = measure(arguments, subject, arguments.records, group).await;
    producer.close().await?;
    measured
}

async fn plain(arguments: &Arguments, server: &Server) -> Result<Measurement> {
    let producer = Producer::new(config(arguments, server).build()).await?;
    producer.refresh_metadata(server.topic()).await?;
    let subject = subject(arguments, "rivven Producer, flushed");
    let group = async |values: &mut Values| {
        let topic = producer.topic(server.topic());
        for number in 0..arguments.group {
            // To each partition in turn, as a transaction does it.
            let partition = (number % u64::from(arguments.workload.partitions)) as u32;
            drop(topic.enqueue_to_partition(partition, None::<&[u8]>, values.next())?);
        }
        Ok(producer.flush().await?)
    };
    let measured = measure(arguments, subject, arguments.records, group).await;
    producer.close().await?;
    measured
}

async fn single(arguments: &Arguments, server: &Server) -> Result<Measurement> {
    let client = Client::connect(server.address()).await?;
    let subject = subject(arguments, "rivven Client, one call at a time");
    let partitions: Vec<_> = (0..arguments.workload.partitions).map(|partition| (server.topic(), partition)).collect();
    let group = async |values: &mut Values| {
        let mut producer = client.init_producer_id(None).await?;
        client.begin_transaction("single", &producer, None).await?;
        client.add_partitions_to_txn("single", &producer, &partitions).await?;
        for _ in 0..arguments.group {
            let (topic, value) = (server.topic(), values.next());
            client.publish_transactional("single", topic, None::<&[u8]>, value, &mut producer).await?;
        }
        Ok(client.commit_transaction("single", &producer).await?)
    };
    measure(arguments, subject, arguments.records / 10, group).await
}

/// Writes groups until so many records are written.
async fn measure(
    arguments: &Arguments,
    subject: Subject,
    records: u64,
    group: impl AsyncFn(&mut Values) -> Result<()>,
) -> Result<Measurement> {
    let Workload { record_bytes, seed, .. } = arguments.workload;
    let mut values = Values::new(record_bytes as usize, seed, 0);
    let groups = records.div_ceil(arguments.group);
    let done = Arc::new(AtomicU64::new(0));
    let bar = progress::bar("transactions", Arc::clone(&done), groups);
    let mut latencies: Vec<Duration> = Vec::with_capacity(groups as usize);
    // The first one waits for connections.
    group(&mut values).await.context("the first group")?;
    let stopwatch = Stopwatch::start()?;
    for _ in 0..groups {
        let start = Instant::now();
        group(&mut values).await?;
        latencies.push(start.elapsed());
        done.fetch_add(1, Ordering::Relaxed);
    }
    let spent = stopwatch.stop()?;
    drop(bar);
    Ok(Measurement::new(subject, groups * arguments.group, spent, &histogram(latencies)?))
}

fn subject(arguments: &Arguments, client: &str) -> Subject {
    Subject {
        scenario: Scenario::Transactions,
        language: "rust".into(),
        client: client.into(),
        record_bytes: Some(arguments.workload.record_bytes),
        partitions: Some(arguments.workload.partitions),
    }
}
