//! The runs: what each sends, what goes wrong meanwhile, and how it is looked at afterwards.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rivven_client::{Client, Producer, ProducerConfig, ProducerConfigBuilder};
use rivven_testkit::{FaultProxy, TestBroker};

use crate::faults::{Fault, counted};
use crate::ledger::{Fate, Findings, Ledger};
use crate::load::{hand_over, progress, settled, told};
use crate::log;
use crate::report::Report;

const TOPIC: &str = "soak";

/// How many partitions the topic has.
const PARTITIONS: u32 = 16;

/// How long a request may wait: short, so that a stall is found out in a run of some minutes.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// The memory of a producer that is disturbed: so little that records are handed over all along.
const BUFFER: usize = 1 << 20;

/// How much is sent and how often something goes wrong.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// How many records.
    pub records: u64,
    /// How many faults.
    pub faults: usize,
    /// What the faults follow from.
    pub seed: u64,
}

/// The presets, by their names.
pub const PRESETS: [&str; 4] = ["default", "high_throughput", "low_latency", "exactly_once"];

/// Sends while connections are cut, stalled and reset and the broker is restarted, and reads everything back.
///
/// # Errors
///
/// That the run could not be made; what it finds is in the report.
pub async fn disturbed(size: Size, idempotent: bool) -> Result<Report> {
    let run = if idempotent { "faults, idempotent" } else { "faults, plain" };
    let faults = Fault::mixed(size.faults, REQUEST_TIMEOUT * 3 / 2, size.seed);
    let mut sent = send(run, size, idempotent, &faults).await?;
    sent.report.findings = compare(&sent.broker, &sent.ledger).await?;
    tell_failures(&sent.ledger);
    Ok(sent.report)
}

/// Sends while the broker is killed, and looks for every acknowledged record on its disk.
///
/// # Errors
///
/// That the run could not be made; what it finds is in the report.
pub async fn killed(size: Size) -> Result<Report> {
    let faults = vec![Fault::Kill; size.faults];
    let mut sent = send("kills", size, false, &faults).await?;
    let reachable = read_what_can_be_read(&sent.broker).await?;
    // What it still has in memory goes to its disk.
    sent.broker.terminate()?;
    let mut findings = sent.ledger.summary();
    let mut unreachable = 0;
    for partition in 0..PARTITIONS {
        let on_disk = log::on_disk(sent.broker.data_dir(), TOPIC, partition).context("the broker's log files")?;
        findings.stored += on_disk.len() as u64;
        for number in acknowledged(&sent.ledger, partition) {
            findings.lost += u64::from(!on_disk.contains(&number));
            unreachable += u64::from(on_disk.contains(&number) && !reachable.contains(&number));
        }
    }
    tell_failures(&sent.ledger);
    Ok(Report { findings, unreachable: Some(unreachable), ..sent.report })
}

/// Sends with a preset, at full speed for so long or so many records, and reads everything back.
///
/// # Errors
///
/// That the run could not be made; what it finds is in the report.
pub async fn preset(name: &str, time: Duration, most: u64) -> Result<Report> {
    let broker = TestBroker::builder().default_partitions(PARTITIONS).start()?;
    let config = of_name(name)?.to_builder().bootstrap_servers(vec![broker.address().to_owned()]).build();
    let producer = Producer::new(config).await?;
    producer.get_partition_count(TOPIC).await?;
    let (run, start) = (format!("preset {name}"), Instant::now());
    let work = async {
        let deliveries =
            hand_over(&producer, TOPIC, PARTITIONS, |number| number < most && start.elapsed() < time).await?;
        anyhow::Ok(settled(PARTITIONS, deliveries).await)
    };
    let ledger = told(&run, &producer, work).await?;
    let mut report = report(&run, &producer, start, &[]);
    report.findings = compare(&broker, &ledger).await?;
    tell_failures(&ledger);
    producer.close().await?;
    Ok(report)
}

/// The configuration of a preset.
fn of_name(name: &str) -> Result<ProducerConfig> {
    match name {
        "default" => Ok(ProducerConfig::default()),
        "high_throughput" => Ok(ProducerConfig::high_throughput()),
        "low_latency" => Ok(ProducerConfig::low_latency()),
        "exactly_once" => Ok(ProducerConfig::exactly_once()),
        _ => anyhow::bail!("there is no preset `{name}` among: {}", PRESETS.join(", ")),
    }
}

/// A broker that was sent to, and what the producer says of it.
struct Sent {
    broker: TestBroker,
    ledger: Ledger,
    /// Without findings.
    report: Report,
}

/// Sends all records while the faults happen, spread evenly over what is delivered.
async fn send(run: &str, size: Size, idempotent: bool, faults: &[Fault]) -> Result<Sent> {
    let mut broker = TestBroker::builder().default_partitions(PARTITIONS).start()?;
    let proxy = FaultProxy::start(broker.address())?;
    let producer = Producer::new(patient(&proxy.address()).enable_idempotence(idempotent).build()).await?;
    producer.get_partition_count(TOPIC).await?;
    let start = Instant::now();
    let sending = async {
        let deliveries = hand_over(&producer, TOPIC, PARTITIONS, |number| number < size.records).await?;
        progress(&producer, size.records).await?;
        anyhow::Ok(settled(PARTITIONS, deliveries).await)
    };
    let disturbing = async {
        for (index, fault) in faults.iter().enumerate() {
            progress(&producer, size.records * (index as u64 + 1) / (faults.len() as u64 + 1)).await?;
            fault.happen(&mut broker, &proxy).await?;
        }
        anyhow::Ok(())
    };
    let (ledger, ()) = told(run, &producer, async { tokio::try_join!(sending, disturbing) }).await?;
    let report = report(run, &producer, start, faults);
    producer.close().await?;
    Ok(Sent { broker, ledger, report })
}

/// A configuration that gives nothing up.
fn patient(address: &str) -> ProducerConfigBuilder {
    ProducerConfig::builder()
        .bootstrap_servers(vec![address.to_owned()])
        .buffer_memory(BUFFER)
        .linger_ms(5)
        .request_timeout(REQUEST_TIMEOUT)
        .delivery_timeout(Duration::from_secs(3600))
        .retries(i32::MAX as u32)
        .retry_backoff_ms(20)
        .retry_backoff_max_ms(500)
}

fn report(run: &str, producer: &Producer, start: Instant, faults: &[Fault]) -> Report {
    let stats = producer.stats();
    Report {
        run: run.to_owned(),
        records: stats.records_sent,
        seconds: start.elapsed().as_secs_f64(),
        faults: counted(faults),
        errors: stats.errors,
        retries: stats.retries,
        findings: Findings::default(),
        unreachable: None,
    }
}

async fn compare(broker: &TestBroker, ledger: &Ledger) -> Result<Findings> {
    let client = Client::connect(broker.address()).await?;
    let mut logs = Vec::new();
    for partition in 0..PARTITIONS {
        logs.push(log::whole(&client, TOPIC, partition).await?);
    }
    for (number, offsets) in ledger.doubled(&logs) {
        let (partition, fate) = (ledger.partition_of(number), ledger.fates()[number as usize]);
        eprintln!("record {number} of partition {partition} is at {offsets:?} and was {fate:?}");
    }
    Ok(ledger.compare(&logs))
}

async fn read_what_can_be_read(broker: &TestBroker) -> Result<HashSet<u64>> {
    let client = Client::connect(broker.address()).await?;
    let mut numbers = HashSet::new();
    for partition in 0..PARTITIONS {
        numbers.extend(log::reachable(&client, TOPIC, partition).await?);
    }
    Ok(numbers)
}

/// The numbers of the acknowledged records of a partition.
fn acknowledged(ledger: &Ledger, partition: u32) -> impl Iterator<Item = u64> {
    let of_partition = (u64::from(partition)..).step_by(PARTITIONS as usize);
    let fates = of_partition.map_while(|number| Some((number, ledger.fates().get(number as usize)?)));
    fates.filter(|(_, fate)| matches!(fate, Fate::Acknowledged { .. })).map(|(number, _)| number)
}

fn tell_failures(ledger: &Ledger) {
    for (code, count) in ledger.failures() {
        eprintln!("{count} records failed: {code:?}");
    }
}
