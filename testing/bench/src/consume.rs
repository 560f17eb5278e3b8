//! `rivven-bench consume`: our own consumer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};
use rivven_client::{Consumer, ConsumerConfig, ConsumerRecords, TopicPartition};

use crate::measurement::{Measurement, Subject, histogram, report};
use crate::progress;
use crate::scenario::{Scenario, Workload};
use crate::server::{Server, Target};
use crate::supply::{Arrivals, Supply};
use crate::usage::Stopwatch;

/// Read all that there is as fast as one caller can
///
/// consume-batch takes what a poll gives as a slice of records, consume-views and consume-real look at each where it
/// lies. Every record is looked at: its offset, its length and the number that its value begins with.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How records are looked at
    #[arg(long, value_enum, default_value_t = Scenario::ConsumeViews)]
    scenario: Scenario,
    /// The server: sink, broker (the real one, started and filled for this), or HOST:PORT, where a topic is filled
    #[arg(long, default_value = "sink")]
    against: Target,
    /// How many records are read, or a few more, so that all partitions have as many
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,
    #[command(flatten)]
    workload: Workload,
    /// Most records of a poll; as the client's max_poll_records
    #[arg(long, default_value_t = 10_000)]
    poll: usize,
    /// Connections to the broker; as the client's connections_per_broker
    #[arg(long, default_value_t = ConsumerConfig::default().connections_per_broker)]
    connections: usize,
    /// Write the measurement to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Carries out the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { scenario, against, records, workload, .. } = arguments;
    let look = match scenario {
        Scenario::ConsumeBatch => of_their_own,
        Scenario::ConsumeViews | Scenario::ConsumeReal => where_they_lie,
        _ => bail!("{} is no scenario of this command", scenario.name()),
    };
    let supply = Supply::new(*records, workload);
    let mut server = Server::with_records(against, supply)?;
    let measured = tokio::runtime::Runtime::new()?.block_on(read(arguments, &server, supply, look))?;
    server.verify_reads(supply.records())?;
    report(&[measured], arguments.json.as_deref())
}

async fn read(arguments: &Arguments, server: &Server, supply: Supply, look: Look) -> Result<Measurement> {
    let config = ConsumerConfig::builder()
        .bootstrap_server(server.address())
        .max_poll_records(arguments.poll)
        .connections_per_broker(arguments.connections);
    let consumer = Consumer::new(config.build()?).await?;
    let mut arrivals = Arrivals::new(supply);
    let done = Arc::new(AtomicU64::new(0));
    let bar = progress::bar(&arguments.scenario.name(), Arc::clone(&done), supply.records());
    let stopwatch = Stopwatch::start()?;
    let partitions = (0..supply.partitions).map(|number| TopicPartition::new(server.topic(), number));
    consumer.assign(&partitions.collect::<Vec<_>>())?;
    while arrivals.read() < supply.records() {
        look(&consumer.poll().await?, &mut arrivals);
        done.store(arrivals.read(), Ordering::Relaxed);
    }
    let spent = stopwatch.stop()?;
    drop(bar);
    arrivals.verify()?;
    consumer.close().await?;
    Ok(Measurement::new(subject(arguments), supply.records(), spent, &histogram([])?))
}

fn subject(arguments: &Arguments) -> Subject {
    Subject {
        scenario: arguments.scenario,
        language: "rust".into(),
        client: "rivven Consumer".into(),
        record_bytes: Some(arguments.workload.record_bytes),
        partitions: Some(arguments.workload.partitions),
    }
}

/// How the records of a poll are looked at.
type Look = fn(&ConsumerRecords, &mut Arrivals);

fn where_they_lie(records: &ConsumerRecords, arrivals: &mut Arrivals) {
    for part in records.partitions() {
        part.views().for_each(|record| arrivals.take(record.partition, record.offset, record.value));
    }
}

fn of_their_own(records: &ConsumerRecords, arrivals: &mut Arrivals) {
    for record in records {
        arrivals.take(record.partition, record.offset, &record.value);
    }
}
