//! Work done by transactions while the process that does it is killed, again and again.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rivven_client::{Client, Consumer, ConsumerConfig, Error, Producer, ProducerConfig, transform};
use rivven_testkit::{Seeded, TestBroker};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::block_in_place;
use tokio::time::{sleep, timeout};

use crate::log;

/// Hourly temperatures of San Francisco, as `temperature,date` in degrees Fahrenheit.
const READINGS: &str = include_str!("../../../examples/data/sf-temps.csv");

const PARTITIONS: u32 = 4;
const INPUT: &str = "readings";
const OUTPUT: &str = "by-day";
const GROUP: &str = "by-day";

/// How long a transaction may be idle.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How often the broker looks for transactions that are over, with some time to do so.
const REAPED: Duration = Duration::from_secs(8);

/// The longest time that a worker has until it is killed, from its first records on.
const LONGEST_LIFE: u64 = 700;

/// How long a worker may take to begin, or to finish what is left.
const PATIENCE: Duration = Duration::from_secs(300);

/// The most records of a transaction.
const ROUND: usize = 100;

/// What a worker is told.
#[derive(Debug, Clone, clap::Args)]
pub struct Work {
    /// The broker
    pub server: String,
}

/// What was found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Found {
    /// The run: `kills`.
    pub run: String,
    /// The readings that were to be worked on.
    pub records: u64,
    /// How often the worker was killed.
    pub kills: u64,
    /// How often the broker was restarted.
    pub restarts: u64,
    /// From the first kill until everything was worked on, in seconds.
    pub seconds: f64,
    /// Readings that readers of what is committed do not see.
    pub missing: u64,
    /// Readings that they see more than once, while the broker was left running.
    pub twice: u64,
    /// The same where the broker was restarted: it shows the records of aborted transactions again.
    pub shown_again: u64,
    /// Days whose readings were counted wrong.
    pub wrong_counts: u64,
}

impl Found {
    /// Fails if a reading is missing, or counts twice for no reason of the broker's.
    ///
    /// # Errors
    ///
    /// What was found.
    pub fn check(&self) -> Result<()> {
        ensure!(self.missing == 0 && self.twice == 0, "{}: not exactly once: {self:?}", self.run);
        ensure!(self.wrong_counts == 0 || self.restarts > 0, "{}: wrong results: {self:?}", self.run);
        Ok(())
    }
}

/// Works on readings, a transaction for each poll, until it is killed or all are done; says when it begins.
///
/// # Errors
///
/// Why it could not go on.
pub async fn work(work: &Work) -> Result<()> {
    let config = ConsumerConfig::builder()
        .bootstrap_server(&work.server)
        .group_id(GROUP)
        .assign(INPUT, (0..PARTITIONS).collect())
        .auto_commit_interval(None)
        .max_poll_records(ROUND)
        .process_retries(20);
    let consumer = Consumer::new(config.build()).await?;
    let config = ProducerConfig::builder()
        .bootstrap_servers(vec![work.server.clone()])
        .transactional_id(GROUP)
        .transaction_timeout(TIMEOUT);
    let producer = Producer::new(config.build()).await?;
    transform(&consumer, &producer, async |records, transaction| {
        // Whoever started it listens for the first one only.
        let _ = writeln!(stdout(), "works");
        for record in records.views() {
            let (day, degrees) = reading(record.value)?;
            let value = format!("{}/{} {degrees:.1}", record.partition, record.offset);
            drop(transaction.enqueue(OUTPUT, Some(day), value)?);
        }
        Ok::<_, Error>(())
    })
    .await?;
    Ok(())
}

/// The day of a reading, and the temperature in degrees Celsius.
fn reading(row: &[u8]) -> Result<(String, f64), Error> {
    let parse = || {
        let (degrees, time) = std::str::from_utf8(row).ok()?.split_once(',')?;
        let fahrenheit: f64 = degrees.parse().ok()?;
        Some((time.split(' ').next()?.to_owned(), (fahrenheit - 32.0) / 1.8))
    };
    parse().ok_or_else(|| Error::Other("the reading cannot be understood".into()))
}

/// Lets workers be killed so often, and the broker be restarted, and looks at what readers of what is committed see.
///
/// # Errors
///
/// That the run could not be made; what it finds is in the report.
pub async fn run(kills: u64, restarts: u64, seed: u64) -> Result<Found> {
    let mut broker = TestBroker::start()?;
    let mut random = Seeded::new(seed);
    let client = Client::connect(broker.address()).await?;
    let records = prepare(&client).await?;
    let start = Instant::now();
    for kill in 0..kills {
        let mut worker = Worker::start(&broker).await?;
        sleep(Duration::from_millis(random.between(0, LONGEST_LIFE))).await;
        worker.kill().await?;
        // Evenly among the kills.
        if restarts > 0 && (kill + 1) * restarts / kills > kill * restarts / kills {
            block_in_place(|| broker.restart())?;
        }
        eprintln!("kill {} of {kills}", kill + 1);
    }
    let mut worker = Worker::start(&broker).await?;
    let client = Client::connect(broker.address()).await?;
    timeout(PATIENCE, done(&client)).await.context("the last worker does not finish")??;
    worker.kill().await?;
    let seconds = start.elapsed().as_secs_f64();
    // What was under way when a worker was killed is aborted after its timeout.
    sleep(TIMEOUT + REAPED).await;
    let mut found = look(&client, records).await?;
    let name = if restarts > 0 { "kills and restarts of the broker" } else { "kills" };
    (found.run, found.kills, found.restarts, found.seconds) = (name.to_owned(), kills, restarts, seconds);
    if restarts > 0 {
        found.shown_again = std::mem::take(&mut found.twice);
    }
    Ok(found)
}

/// Writes the readings twice over; how many that makes.
async fn prepare(client: &Client) -> Result<u64> {
    client.create_topic(INPUT, Some(PARTITIONS)).await?;
    client.create_topic(OUTPUT, Some(PARTITIONS)).await?;
    let rows: Vec<_> = READINGS.lines().skip(1).chain(READINGS.lines().skip(1)).collect();
    for (index, part) in rows.chunks(1000).enumerate() {
        let records: Vec<_> = part.iter().map(|row| (None::<&str>, *row)).collect();
        client.publish_batch(INPUT, Some(index as u32 % PARTITIONS), &records).await?;
    }
    Ok(rows.len() as u64)
}

/// Ends when the group has committed everything.
async fn done(client: &Client) -> Result<()> {
    for partition in 0..PARTITIONS {
        loop {
            let (_, latest) = client.get_offset_bounds(INPUT, partition).await?;
            if client.get_offset(GROUP, INPUT, partition).await?.unwrap_or(0) >= latest {
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// A process that works.
struct Worker {
    process: Child,
}

impl Worker {
    /// Starts one and waits until it has begun.
    async fn start(broker: &TestBroker) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["work", broker.address()])
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().context("the worker has an output")?;
        let mut lines = BufReader::new(stdout).lines();
        let begun = timeout(PATIENCE, lines.next_line()).await.context("the worker does not begin")??;
        // Where everything is done already there is nothing to begin with.
        ensure!(begun.is_some(), "the worker has ended");
        Ok(Worker { process })
    }

    /// Kills it at once.
    async fn kill(&mut self) -> Result<()> {
        self.process.kill().await.context("the worker has ended by itself")
    }
}

/// Reads everything that is committed.
async fn look(client: &Client, records: u64) -> Result<Found> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut days: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        for record in log::committed(client, OUTPUT, partition).await? {
            let value = String::from_utf8_lossy(&record.value);
            let id = value.split(' ').next().unwrap_or_default().to_owned();
            *seen.entry(id).or_default() += 1;
            *days.entry(record.key.unwrap_or_default().to_vec()).or_default() += 1;
        }
    }
    let mut expected: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for row in READINGS.lines().skip(1) {
        let (day, _) = reading(row.as_bytes())?;
        *expected.entry(day.into_bytes()).or_default() += 2;
    }
    let wrong = expected.iter().filter(|(day, count)| days.get(*day) != Some(count)).count();
    Ok(Found {
        records,
        missing: records - seen.len() as u64,
        twice: seen.values().filter(|times| **times > 1).count() as u64,
        wrong_counts: wrong as u64,
        ..Found::default()
    })
}
