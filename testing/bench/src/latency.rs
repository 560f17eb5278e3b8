//! `rivven-bench e2e-latency`: how long a record takes from a producer to a consumer, and what a consumer costs that
//! nothing comes to.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rivven_client::{Consumer, ConsumerConfig, Producer, ProducerConfig};
use rivven_testkit::Seeded;

use crate::measurement::{Measurement, Subject, histogram, report};
use crate::progress;
use crate::scenario::{Scenario, Workload};
use crate::server::{Server, Target};
use crate::usage::Stopwatch;
use crate::values::Values;

/// How long a record may take, lest a lost one is waited for without end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Send one record at a time to any partition and take the time until the consumer of all partitions has it
///
/// The producer has the settings for low latency, the consumer its defaults. Between two records there is a pause of
/// random length. Afterwards the consumer waits for records that do not come: that is measured as so many "records" as
/// it takes seconds, so that its processor time is that of a second.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The server: sink, broker (the real one, started for this), or HOST:PORT
    #[arg(long, default_value = "broker")]
    against: Target,
    /// How many records are sent
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,
    #[command(flatten)]
    workload: Workload,
    /// The longest pause between two records, in milliseconds
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pause_ms: u64,
    /// For how many seconds the consumer waits for nothing
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    idle: u64,
    /// Write the measurements to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Carries out the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let server = Server::start(&arguments.against, arguments.workload.partitions)?;
    let measured = tokio::runtime::Runtime::new()?.block_on(measure(arguments, &server))?;
    report(&measured, arguments.json.as_deref())
}

async fn measure(arguments: &Arguments, server: &Server) -> Result<[Measurement; 2]> {
    let config = ConsumerConfig::builder().bootstrap_server(server.address()).group_id("e2e-latency");
    let partitions = (0..arguments.workload.partitions).collect();
    let consumer = Consumer::new(config.assign(server.topic(), partitions).build()?).await?;
    let along = along(arguments, server, &consumer).await?;
    let idle = idle(arguments, &consumer).await?;
    consumer.close().await?;
    Ok([along, idle])
}

/// The way of records.
async fn along(arguments: &Arguments, server: &Server, consumer: &Consumer) -> Result<Measurement> {
    let config = ProducerConfig::low_latency().to_builder().bootstrap_servers(vec![server.address().to_owned()]);
    let producer = Producer::new(config.build()?).await?;
    producer.refresh_metadata(server.topic()).await?;
    let Workload { record_bytes, partitions, seed } = arguments.workload;
    let mut values = Values::new(record_bytes as usize, seed, 0);
    let mut random = Seeded::new(seed);
    let done = Arc::new(AtomicU64::new(0));
    let bar = progress::bar("e2e-latency", Arc::clone(&done), arguments.records);
    let mut latencies = Vec::with_capacity(arguments.records as usize);
    // The first one waits for connections.
    let mut way = Way { producer: &producer, consumer, topic: server.topic() };
    way.go(0, values.next()).await?;
    let stopwatch = Stopwatch::start()?;
    for _ in 0..arguments.records {
        pause(Duration::from_micros(random.next_u64() % (arguments.pause_ms * 1000)), consumer).await?;
        let partition = (random.next_u64() % u64::from(partitions)) as u32;
        latencies.push(way.go(partition, values.next()).await?);
        done.fetch_add(1, Ordering::Relaxed);
    }
    let spent = stopwatch.stop()?;
    drop(bar);
    producer.close().await?;
    let client = "rivven Producer to Consumer";
    Ok(Measurement::new(subject(arguments, client), arguments.records, spent, &histogram(latencies)?))
}

/// A producer and a consumer of the same topic.
struct Way<'a> {
    producer: &'a Producer,
    consumer: &'a Consumer,
    topic: &'a str,
}

impl Way<'_> {
    /// Sends a record and takes the time until it has arrived.
    async fn go(&mut self, partition: u32, value: &[u8]) -> Result<Duration> {
        let start = Instant::now();
        let delivery = self.producer.topic(self.topic).enqueue_to_partition(partition, None::<&[u8]>, value)?;
        let records = self.consumer.poll_timeout(PATIENCE).await?;
        let took = start.elapsed();
        let view = records.views().next();
        ensure!(records.len() == 1 && view.is_some_and(|view| view.value == value), "something else has arrived");
        delivery.await?;
        Ok(took)
    }
}

/// Polls meanwhile, as a program does.
async fn pause(length: Duration, consumer: &Consumer) -> Result<()> {
    ensure!(consumer.poll_timeout(length).await?.is_empty(), "a record has arrived that was not sent");
    Ok(())
}

/// What waiting costs.
async fn idle(arguments: &Arguments, consumer: &Consumer) -> Result<Measurement> {
    let spinner = progress::spinner("waiting for nothing");
    // What the last records left behind is done by then.
    pause(Duration::from_secs(2), consumer).await?;
    let stopwatch = Stopwatch::start()?;
    pause(Duration::from_secs(arguments.idle), consumer).await?;
    let spent = stopwatch.stop()?;
    drop(spinner);
    Ok(Measurement::new(
        subject(arguments, "rivven Consumer, idle, by the second"),
        arguments.idle,
        spent,
        &histogram([])?,
    ))
}

fn subject(arguments: &Arguments, client: &str) -> Subject {
    Subject {
        scenario: Scenario::E2eLatency,
        language: "rust".into(),
        client: client.into(),
        record_bytes: Some(arguments.workload.record_bytes),
        partitions: Some(arguments.workload.partitions),
    }
}
