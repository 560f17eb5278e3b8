//! `rivven-bench produce` and `rivven-bench latency`: our own producer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::ValueEnum;
use futures_util::stream::{FuturesUnordered, StreamExt};
use rivven_client::{Delivery, ErrorCode, Producer, ProducerConfig, TopicHandle};

use crate::measurement::{Measurement, Subject, histogram, report};
use crate::progress;
use crate::reports::{Batches, Reports, SAMPLED};
use crate::scenario::{Scenario, Workload};
use crate::server::{Server, Target};
use crate::usage::Stopwatch;
use crate::values::Values;

/// The bytes of a batch of the producer.
const BATCH_SIZE: usize = 64 * 1024;

/// How long a batch of the producer waits for more records, in milliseconds.
const LINGER_MS: u64 = 5;

/// How much room is waited for where there is none, in bytes.
const ROOM: usize = 1024 * 1024;

/// Requests of a connection in flight.
const IN_FLIGHT: usize = 5;

/// Publish as fast as one caller can, with batches of 64 KB, linger 5 ms, five requests in flight
///
/// The caller enqueues records and sees every report. send-batch hands over many records in a call, some calls at
/// once; send-await awaits each record before the next one, without linger.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How records are handed over; real-16 and real-64 do as produce-handle
    #[arg(long, value_enum, default_value_t = Scenario::ProduceHandle)]
    scenario: Scenario,
    /// The server: sink, broker (the real one, started for this), or HOST:PORT
    #[arg(long, default_value = "sink")]
    against: Target,
    /// How many records are published
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,
    #[command(flatten)]
    workload: Workload,
    /// How the caller learns what became of records
    #[arg(long, value_enum, default_value_t = Reporting::Batch)]
    reports: Reporting,
    /// How many records a call of send-batch hands over
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    batch: u64,
    /// How many calls of send-batch are under way at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1000))]
    calls: u64,
    /// Connections to the broker; as the client's connections_per_broker
    #[arg(long, default_value_t = ProducerConfig::default().connections_per_broker)]
    connections: usize,
    /// Give batches numbers, by which five of a partition may be in flight at once instead of one
    #[arg(long)]
    idempotence: bool,
    /// Write the measurement to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Publish one record at a time with the settings for low latency, and await each
#[derive(clap::Args)]
pub(crate) struct LatencyArguments {
    /// The server: sink, broker (the real one, started for this), or HOST:PORT
    #[arg(long, default_value = "broker")]
    against: Target,
    /// How many records are published
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,
    #[command(flatten)]
    workload: Workload,
    /// Write the measurement to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// How a caller learns what became of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reporting {
    /// By a report for each batch
    Batch,
    /// By the delivery of each record
    Each,
}

/// Carries out `produce`.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { scenario, workload, reports, .. } = arguments;
    let (way, client) = match (scenario, reports) {
        (Scenario::ProduceHandle | Scenario::Real16 | Scenario::Real64, _) => (Way::Handle, reports.client()),
        (Scenario::ProduceName, _) => (Way::Name, reports.client()),
        (Scenario::SendBatch, _) => {
            (Way::Batch { records: arguments.batch, calls: arguments.calls }, "rivven Producer")
        }
        (Scenario::SendAwait, _) => (Way::Await, "rivven Producer"),
        _ => bail!("{} is no scenario of this command", scenario.name()),
    };
    let linger = if way == Way::Await { 0 } else { LINGER_MS };
    let config = ProducerConfig::builder().batch_size(BATCH_SIZE).linger_ms(linger).acks(1);
    let config = config.max_in_flight_requests(IN_FLIGHT).connections_per_broker(arguments.connections);
    let config = config.enable_idempotence(arguments.idempotence).build()?;
    let batches = (way.has_reports() && *reports == Reporting::Batch).then(Arc::default);
    let run = Run { scenario: *scenario, way, config, batches, workload: *workload, records: arguments.records };
    let default = ProducerConfig::default().connections_per_broker;
    let connections = (arguments.connections != default).then(|| format!(", {} connections", arguments.connections));
    let numbers = if arguments.idempotence { ", idempotent" } else { "" };
    let client = client.to_owned() + connections.as_deref().unwrap_or_default() + numbers;
    let measurement = run.measure(&arguments.against, client)?;
    report(&[measurement], arguments.json.as_deref())
}

/// Carries out `latency`.
pub(crate) fn run_latency(arguments: &LatencyArguments) -> Result<()> {
    let LatencyArguments { against, records, workload, json } = arguments;
    let config = ProducerConfig::low_latency();
    let (scenario, way) = (Scenario::Latency, Way::Await);
    let run = Run { scenario, way, config, batches: None, workload: *workload, records: *records };
    report(&[run.measure(against, "rivven Producer, low_latency".into())?], json.as_deref())
}

impl Reporting {
    fn client(self) -> &'static str {
        match self {
            Reporting::Batch => "rivven Producer",
            Reporting::Each => "rivven Producer, each delivery awaited",
        }
    }
}

/// How records are handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Handle,
    Name,
    Batch { records: u64, calls: u64 },
    Await,
}

impl Way {
    /// Whether the reports have to be looked at, since the calls do not wait for them.
    fn has_reports(self) -> bool {
        matches!(self, Way::Handle | Way::Name)
    }
}

/// A run to be measured.
struct Run {
    scenario: Scenario,
    way: Way,
    config: ProducerConfig,
    batches: Option<Arc<Batches>>,
    workload: Workload,
    records: u64,
}

impl Run {
    fn measure(self, target: &Target, client: String) -> Result<Measurement> {
        let mut server = Server::start(target, self.workload.partitions)?;
        let runtime = tokio::runtime::Runtime::new()?;
        let mut values = Values::new(self.workload.record_bytes as usize, self.workload.seed, 0);
        let subject = Subject {
            scenario: self.scenario,
            language: "rust".into(),
            client,
            record_bytes: Some(self.workload.record_bytes),
            partitions: Some(self.workload.partitions),
        };
        let measured = runtime.block_on(self.publish(&server, &mut values, subject))?;
        server.verify(values.taken())?;
        Ok(measured)
    }

    async fn publish(self, server: &Server, values: &mut Values, subject: Subject) -> Result<Measurement> {
        let Run { way, config, batches, records, .. } = self;
        let config = config.to_builder().bootstrap_servers(vec![server.address().to_owned()]).build()?;
        let producer = match &batches {
            Some(batches) => Producer::with_reports(config, batches.clone()).await?,
            None => Producer::new(config).await?,
        };
        // So that the first records do not wait until the partitions are known.
        producer.refresh_metadata(server.topic()).await?;
        let done = Arc::new(AtomicU64::new(0));
        let bar = progress::bar(&self.scenario.name(), Arc::clone(&done), records);
        let mut caller = Caller { producer: &producer, topic: server.topic(), values, records, done: &done };
        let mut reports = Reports::new(batches);
        let stopwatch = Stopwatch::start()?;
        let latencies = match way {
            Way::Handle => caller.enqueue_by_handle(&mut reports).await.map(|()| reports.latencies),
            Way::Name => caller.enqueue_by_name(&mut reports).await.map(|()| reports.latencies),
            Way::Batch { records, calls } => caller.send_batches(records, calls).await,
            Way::Await => caller.await_each().await,
        }?;
        let spent = stopwatch.stop()?;
        drop(bar);
        producer.close().await?;
        Ok(Measurement::new(subject, records, spent, &histogram(latencies)?))
    }
}

/// One caller of a producer.
struct Caller<'a> {
    producer: &'a Producer,
    topic: &'a str,
    values: &'a mut Values,
    records: u64,
    /// Records that are handed over.
    done: &'a AtomicU64,
}

impl Caller<'_> {
    async fn enqueue_by_handle(&mut self, reports: &mut Reports) -> Result<()> {
        let topic = self.producer.topic(self.topic);
        let each = reports.each_is_awaited();
        let enqueue = |value: &[u8], sampled, delivery: &mut _| {
            if each || sampled {
                *delivery = Some(topic.enqueue(None::<&[u8]>, value)?);
                return Ok(());
            }
            // What is reported with its batch needs no delivery.
            topic.enqueue_tagged(None, None, value, 0)
        };
        self.enqueue(reports, &topic, enqueue).await
    }

    async fn enqueue_by_name(&mut self, reports: &mut Reports) -> Result<()> {
        let (producer, topic) = (self.producer, self.topic);
        let each = reports.each_is_awaited();
        let enqueue = |value: &[u8], sampled, delivery: &mut _| {
            if each || sampled {
                *delivery = Some(producer.enqueue(topic, None::<&[u8]>, value)?);
                return Ok(());
            }
            // What is reported with its batch needs no delivery.
            producer.enqueue_tagged(topic, None, None, value, 0)
        };
        self.enqueue(reports, &producer.topic(topic), enqueue).await
    }

    async fn enqueue(
        &mut self,
        reports: &mut Reports,
        topic: &TopicHandle,
        enqueue: impl Fn(&[u8], bool, &mut Option<Delivery>) -> rivven_client::Result<()>,
    ) -> Result<()> {
        for number in 0..self.records {
            let mut start = None;
            if number % SAMPLED == 0 {
                self.done.store(number, Ordering::Relaxed);
                reports.look()?;
                start = Some(Instant::now());
            }
            let value = self.values.next();
            loop {
                let mut delivery = None;
                match enqueue(value, start.is_some(), &mut delivery) {
                    Ok(()) => break reports.add(delivery, start),
                    // Waiting for one record's room would change between threads for each batch.
                    Err(error) if error.code() == ErrorCode::QueueFull => topic.has_room(ROOM).await?,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        self.producer.flush().await?;
        reports.wait_for(self.records).await
    }

    /// Gives the latency of each call.
    async fn send_batches(&mut self, batch: u64, calls: u64) -> Result<Vec<Duration>> {
        let mut under_way = FuturesUnordered::new();
        let (mut left, mut latencies) = (self.records, Vec::new());
        while left > 0 || !under_way.is_empty() {
            while left > 0 && (under_way.len() as u64) < calls {
                let count = batch.min(left);
                left -= count;
                let (producer, topic) = (self.producer, self.topic);
                under_way.push(send_batch(producer, topic, self.gather(count), count as usize));
            }
            if let Some(latency) = under_way.next().await {
                latencies.push(latency?);
                self.done.fetch_add(batch, Ordering::Relaxed);
            }
        }
        Ok(latencies)
    }

    /// The next values, one behind the other.
    fn gather(&mut self, count: u64) -> Vec<u8> {
        let mut values = Vec::new();
        for _ in 0..count {
            values.extend_from_slice(self.values.next());
        }
        values
    }

    async fn await_each(&mut self) -> Result<Vec<Duration>> {
        let topic = self.producer.topic(self.topic);
        let mut latencies = Vec::with_capacity(self.records as usize);
        for _ in 0..self.records {
            let (value, start) = (self.values.next(), Instant::now());
            topic.send(None::<&[u8]>, value).await?;
            latencies.push(start.elapsed());
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(latencies)
    }
}

/// Sends so many values of equal size in one call.
async fn send_batch(producer: &Producer, topic: &str, values: Vec<u8>, count: usize) -> Result<Duration> {
    let records: Vec<_> = values.chunks_exact(values.len() / count).map(|value| (None::<&[u8]>, value)).collect();
    let start = Instant::now();
    producer.send_batch(topic, &records).await?;
    Ok(start.elapsed())
}
