//! `rivven-bench consume`: our own consumer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use rivven_client::{Consumer, ConsumerConfig, ConsumerRecords, TopicPartition};

use crate::measurement::{Measurement, Subject, histogram, report};
use crate::progress;
use crate::scenario::{Scenario, Workload};
use crate::server::{Server, Target};
use crate::supply::{Arrivals, Supply};
use crate::usage::Stopwatch;

/// How often a stream says how far it is, in records of a partition.
const SHOWN: u64 = 1000;

/// Read all that there is as fast as one caller can
///
/// consume-batch and consume-real look at the records of a poll where they lie, or with --owned take them as a slice of
/// values of their own; consume-views takes one record after another from a stream. Of every record the offset, the
/// length and the number that its value begins with are looked at.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How records are looked at
    #[arg(long, value_enum, default_value_t = Scenario::ConsumeBatch)]
    scenario: Scenario,
    /// The server: sink, broker (the real one, started and filled for this), or HOST:PORT, where a topic is filled
    #[arg(long, default_value = "sink")]
    against: Target,
    /// How many records are read, or a few more, so that all partitions have as many
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,
    #[command(flatten)]
    workload: Workload,
    /// Take records as values of their own
    #[arg(long)]
    owned: bool,
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
    let way = match scenario {
        Scenario::ConsumeBatch | Scenario::ConsumeReal if arguments.owned => Way::Owned,
        Scenario::ConsumeBatch | Scenario::ConsumeReal => Way::Views,
        Scenario::ConsumeViews => Way::Stream,
        _ => bail!("{} is no scenario of this command", scenario.name()),
    };
    let supply = Supply::new(*records, workload);
    let mut server = Server::with_records(against, supply)?;
    let measured = tokio::runtime::Runtime::new()?.block_on(read(arguments, &server, supply, way))?;
    server.verify_reads(supply.records())?;
    report(&[measured], arguments.json.as_deref())
}

async fn read(arguments: &Arguments, server: &Server, supply: Supply, way: Way) -> Result<Measurement> {
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
    match way {
        Way::Stream => read_stream(&consumer, &mut arrivals, &done).await?,
        Way::Views => read_polls(&consumer, &mut arrivals, &done, where_they_lie).await?,
        Way::Owned => read_polls(&consumer, &mut arrivals, &done, of_their_own).await?,
    }
    let spent = stopwatch.stop()?;
    drop(bar);
    arrivals.verify()?;
    consumer.close().await?;
    Ok(Measurement::new(subject(arguments, way), supply.records(), spent, &histogram([])?))
}

fn subject(arguments: &Arguments, way: Way) -> Subject {
    Subject {
        scenario: arguments.scenario,
        language: "rust".into(),
        client: format!("rivven Consumer{}", way.name()),
        record_bytes: Some(arguments.workload.record_bytes),
        partitions: Some(arguments.workload.partitions),
    }
}

/// How records are taken.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Where they lie.
    Views,
    /// As a slice of values of their own.
    Owned,
    /// One after another.
    Stream,
}

impl Way {
    /// What is added to the client's name.
    fn name(self) -> &'static str {
        match self {
            Way::Views => "",
            Way::Owned => ", records of their own",
            Way::Stream => ", stream",
        }
    }
}

async fn read_polls(
    consumer: &Consumer,
    arrivals: &mut Arrivals,
    done: &AtomicU64,
    look: fn(&ConsumerRecords, &mut Arrivals),
) -> Result<()> {
    while !arrivals.are_all() {
        look(&consumer.poll().await?, arrivals);
        done.store(arrivals.read(), Ordering::Relaxed);
    }
    Ok(())
}

async fn read_stream(consumer: &Consumer, arrivals: &mut Arrivals, done: &AtomicU64) -> Result<()> {
    let mut stream = consumer.stream();
    while !arrivals.are_all() {
        let record = stream.next().await.context("the stream has ended")??;
        arrivals.take(record.partition, record.offset, &record.value);
        if record.offset.is_multiple_of(SHOWN) {
            done.store(arrivals.read(), Ordering::Relaxed);
        }
    }
    Ok(())
}

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
