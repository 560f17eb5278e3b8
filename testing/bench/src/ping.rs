//! `rivven-bench ping`: what a request costs that the broker answers at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use rivven_client::{PipelineConfig, PipelinedClient};
use tokio::task::JoinSet;

use crate::measurement::{Measurement, Subject, histogram, report};
use crate::progress;
use crate::scenario::Scenario;
use crate::server::{Server, Target};
use crate::usage::Stopwatch;

/// Ping one after the other and many at once, over one connection each
///
/// Both go through a PipelinedClient. Prints requests per second, processor time of this process per request
/// and latencies, and how many times as many requests are answered when many are in flight.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The server: sink, broker (the real one, started for this), or HOST:PORT
    #[arg(long, default_value = "broker")]
    against: Target,
    /// How many pings are sent with many in flight
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// How many of them are in flight
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    in_flight: u64,
    /// How many pings are sent one after the other
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    serial: u64,
    /// How long requests wait for others to be written with, in microseconds; as the client's batch_linger_us
    #[arg(long, default_value_t = PipelineConfig::high_throughput().batch_linger_us)]
    linger_us: u64,
    /// How often both are done
    #[arg(long, default_value_t = 1)]
    repeat: usize,
    /// Write the measurements to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Carries out the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let server = Server::start(&arguments.against, 1)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let mut measurements = Vec::new();
    for _ in 0..arguments.repeat {
        let serial = runtime.block_on(measure(server.address(), arguments, arguments.serial, 1))?;
        let pipelined = runtime.block_on(measure(server.address(), arguments, arguments.count, arguments.in_flight))?;
        let ratio = pipelined.records_per_second / serial.records_per_second;
        println!("{} in flight: {ratio:.1} times as many requests per second as serial", arguments.in_flight);
        measurements.extend([serial, pipelined]);
    }
    report(&measurements, arguments.json.as_deref())
}

async fn measure(address: &str, arguments: &Arguments, count: u64, in_flight: u64) -> Result<Measurement> {
    let config = PipelineConfig::high_throughput().to_builder().max_in_flight(in_flight as usize);
    let config = config.batch_linger_us(arguments.linger_us).build();
    let client = PipelinedClient::connect(address, config).await?;
    client.ping().await?;
    let begun = Arc::new(AtomicU64::new(0));
    let _bar = progress::bar(&format!("ping {in_flight} in flight"), Arc::clone(&begun), count);
    let stopwatch = Stopwatch::start()?;
    let latencies = ping(&client, count, in_flight, &begun).await?;
    let spent = stopwatch.stop()?;
    client.close().await;
    Ok(Measurement::new(subject(in_flight), count, spent, &histogram(latencies)?))
}

fn subject(in_flight: u64) -> Subject {
    Subject {
        scenario: Scenario::Ping,
        language: "rust".into(),
        client: format!("rivven PipelinedClient, {in_flight} in flight"),
        record_bytes: None,
        partitions: None,
    }
}

/// Sends so many pings from so many tasks and gives the latency of each.
async fn ping(client: &PipelinedClient, count: u64, tasks: u64, begun: &Arc<AtomicU64>) -> Result<Vec<Duration>> {
    let mut callers = JoinSet::new();
    for _ in 0..tasks {
        let (client, begun) = (client.clone(), Arc::clone(begun));
        callers.spawn(async move {
            let mut latencies = Vec::with_capacity((count / tasks) as usize + 1);
            while begun.fetch_add(1, Ordering::Relaxed) < count {
                let start = Instant::now();
                client.ping().await?;
                latencies.push(start.elapsed());
            }
            Ok::<_, rivven_client::Error>(latencies)
        });
    }
    let mut latencies = Vec::with_capacity(count as usize);
    while let Some(caller) = callers.join_next().await {
        latencies.extend(caller??);
    }
    Ok(latencies)
}
