//! `rivven-bench raw`: plain sockets, the least that any client does.

mod socket;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use rivven_client::Response;
use rivven_client::protocol::{RequestFrame, encode, list};

use self::socket::Socket;
use crate::measurement::{Measurement, Subject, histogram, report};
use crate::progress;
use crate::scenario::{Scenario, Workload};
use crate::server::{Server, Target};
use crate::usage::Stopwatch;
use crate::values::{Taken, Values};

/// Publish, or ping, over plain sockets with a thread each
///
/// Every socket publishes to partitions of its own, in turn, so that order is kept. In the scenario ping it pings.
/// A latency is that of a request.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Under which name the measurement is recorded
    #[arg(long, value_enum, default_value_t = Scenario::Real16)]
    scenario: Scenario,
    /// The server: sink, broker (the real one, started for this), or HOST:PORT
    #[arg(long, default_value = "broker")]
    against: Target,
    /// How many records are published, or pings sent
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,
    #[command(flatten)]
    workload: Workload,
    /// How many sockets there are, not more than partitions
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
    /// How many records a request has
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    batch: u64,
    /// How many requests of a socket are in flight
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    in_flight: u32,
    /// Write the measurement to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Carries out the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { connections, records, workload, .. } = arguments;
    if *connections > workload.partitions {
        bail!("{connections} sockets cannot have partitions of their own among {}", workload.partitions);
    }
    let mut server = Server::start(&arguments.against, workload.partitions)?;
    let callers = (0..*connections).map(|number| Caller::new(arguments, &server, number));
    let callers = callers.collect::<Result<Vec<_>>>()?;
    let done = Arc::new(AtomicU64::new(0));
    let bar = progress::bar(&arguments.scenario.name(), Arc::clone(&done), *records);
    let stopwatch = Stopwatch::start()?;
    let callers = run_all(callers, &done)?;
    let spent = stopwatch.stop()?;
    drop(bar);
    server.verify(callers.iter().map(|caller| caller.values.taken()).sum::<Taken>())?;
    let latencies = histogram(callers.into_iter().flat_map(|caller| caller.latencies))?;
    report(&[Measurement::new(subject(arguments), *records, spent, &latencies)], arguments.json.as_deref())
}

fn subject(arguments: &Arguments) -> Subject {
    let Arguments { scenario, workload, connections, batch, in_flight, .. } = arguments;
    let with_records = *scenario != Scenario::Ping;
    let sockets = if *connections == 1 { "raw socket".into() } else { format!("{connections} raw sockets") };
    let batches = if *batch == 1 { String::new() } else { format!(", {batch} records a request") };
    Subject {
        scenario: *scenario,
        language: "rust".into(),
        client: format!("{sockets}, {in_flight} in flight{batches}"),
        record_bytes: with_records.then_some(workload.record_bytes),
        partitions: with_records.then_some(workload.partitions),
    }
}

/// Runs every caller on a thread of its own, and gives them back.
fn run_all(callers: Vec<Caller>, done: &AtomicU64) -> Result<Vec<Caller>> {
    thread::scope(|scope| {
        let start = |caller: Caller| scope.spawn(|| caller.run(done));
        let threads: Vec<_> = callers.into_iter().map(start).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a caller panicked"))?).collect()
    })
}

/// One socket and what goes through it.
struct Caller {
    socket: Socket,
    /// The topic, or none to ping.
    topic: Option<String>,
    /// The partitions of this socket, the next one in front.
    partitions: VecDeque<u32>,
    values: Values,
    record_bytes: usize,
    /// Records that are not sent yet.
    left: u64,
    batch: u64,
    in_flight: usize,
    latencies: Vec<Duration>,
}

impl Caller {
    fn new(arguments: &Arguments, server: &Server, number: u32) -> Result<Self> {
        let Arguments { records, workload, connections, batch, in_flight, .. } = arguments;
        let rest = u64::from(u64::from(number) < records % u64::from(*connections));
        let left = records / u64::from(*connections) + rest;
        let record_bytes = workload.record_bytes as usize;
        Ok(Caller {
            socket: Socket::connect(server.address())?,
            topic: (arguments.scenario != Scenario::Ping).then(|| server.topic().to_owned()),
            partitions: (number..workload.partitions).step_by(*connections as usize).collect(),
            values: Values::new(record_bytes, workload.seed, number as u16),
            record_bytes,
            left,
            batch: *batch,
            in_flight: *in_flight as usize,
            latencies: Vec::with_capacity(left.div_ceil(*batch) as usize),
        })
    }

    /// Sends all requests and receives all answers.
    fn run(mut self, done: &AtomicU64) -> Result<Self> {
        let mut pending = VecDeque::with_capacity(self.in_flight);
        while self.left > 0 || !pending.is_empty() {
            while self.left > 0 && pending.len() < self.in_flight {
                let count = self.batch.min(self.left);
                let request = self.request(count)?;
                pending.push_back((Instant::now(), count));
                self.socket.send(&request)?;
                self.left -= count;
            }
            match self.socket.receive()? {
                Response::Published { .. } | Response::PublishedBatch { .. } | Response::Pong => {}
                other => bail!("the broker has answered something else: {other:?}"),
            }
            if let Some((sent, count)) = pending.pop_front() {
                self.latencies.push(sent.elapsed());
                done.fetch_add(count, Ordering::Relaxed);
            }
        }
        Ok(self)
    }

    fn request(&mut self, count: u64) -> Result<RequestFrame> {
        let Some(topic) = &self.topic else { return Ok(RequestFrame::new(&encode::Ping {})?) };
        let partition = self.partitions.front().copied();
        self.partitions.rotate_left(1);
        if count == 1 {
            let value = self.values.next();
            return Ok(RequestFrame::new(&encode::Publish { topic, partition, key: None, value, leader_epoch: None })?);
        }
        let mut values = Vec::with_capacity(count as usize * self.record_bytes);
        for _ in 0..count {
            values.extend_from_slice(self.values.next());
        }
        let records = list(values.chunks_exact(self.record_bytes).map(|value| (None::<&[u8]>, value)));
        Ok(RequestFrame::new(&encode::PublishBatch { topic, partition, records: &records, leader_epoch: None })?)
    }
}
