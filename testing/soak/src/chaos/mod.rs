//! Rounds in which producers, a reader and transactions meet one fault together.

mod reader;
mod writer;

use std::collections::{BTreeMap, HashSet};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rivven_client::{Client, Consumer, ConsumerConfig, Producer, Transformer};
use rivven_testkit::{FaultProxy, Seeded, TestBroker};
use serde::{Deserialize, Serialize};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use crate::faults::Fault;
use crate::ledger::{Fate, Findings, Ledger};
use crate::load::{hand_over, settled};
use crate::log;
use crate::party::Party;
use crate::value;
use crate::writer::patient;
use reader::Reader;
use writer::Writer;

const PARTITIONS: u32 = 4;
/// The records of each of the two producers here.
const RECORDS: u64 = 3000;
/// The records of the writer.
const WRITTEN: u64 = 1000;
/// The records that transactions work on.
const INPUT: u64 = 400;
/// How many records have to be on their way when the fault comes.
const IN_FLIGHT: u64 = 1000;
/// The longest stall.
const LONGEST: u64 = 3000;
/// How long anything may take until it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long nothing may come from a broker that has lost sight of the rest.
const IDLE: Duration = Duration::from_secs(20);
/// How long a transaction may be idle, and how long the broker may take to notice.
const TIMEOUT: Duration = Duration::from_secs(5);
const REAPED: Duration = Duration::from_secs(7);

/// A round and what came of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Round {
    /// Its number, from 0; what happens follows from it and the seed.
    pub number: u64,
    /// What went wrong.
    pub fault: String,
    /// The language of the reader.
    pub reader: String,
    /// The language of the writer.
    pub writer: String,
    /// How many records met what.
    pub counts: Counts,
}

/// How many records met what in a round, and how many parties.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Records on their way when the fault came, those of the writer apart.
    pub in_flight: u64,
    /// Records that producers were told are there.
    pub acknowledged: u64,
    /// Records that came of committed transactions.
    pub transformed: u64,
    /// Records that the reader has read.
    pub read: u64,
    /// Acknowledged or committed records that are not there.
    pub lost: u64,
    /// Records that are there twice, and nothing said so.
    pub twice_unsaid: u64,
    /// Records that are there twice, and that was said.
    pub twice_said: u64,
    /// Anything else that must not be: out of order, misplaced, there though it failed.
    pub wrong: u64,
    /// Parties that did not end.
    pub hangs: u64,
    /// Parties that panicked or crashed.
    pub panics: u64,
    /// Records on the broker's disk that no fetch gives, after a kill.
    pub unreachable: u64,
    /// Records of aborted transactions that a restarted broker shows again.
    pub shown_again: u64,
}

impl Round {
    /// How often something happened that must not.
    pub fn violations(&self) -> u64 {
        let Counts { lost, twice_unsaid, wrong, hangs, panics, .. } = self.counts;
        lost + twice_unsaid + wrong + hangs + panics
    }

    /// Whether the fault met enough.
    pub fn counts(&self) -> bool {
        self.counts.in_flight >= IN_FLIGHT
    }

    fn add(&mut self, findings: &Findings) {
        let counts = &mut self.counts;
        counts.acknowledged += findings.acknowledged;
        counts.lost += findings.lost;
        counts.twice_unsaid += findings.duplicated;
        counts.twice_said += findings.stored_twice;
        counts.wrong += findings.out_of_order + findings.misplaced + findings.unexpected;
    }
}

/// How many kinds of faults there are.
pub const FAULTS: u64 = 7;

/// The fault of a round: each kind in turn.
fn fault(number: u64, random: &mut Seeded) -> Fault {
    match number % FAULTS {
        0 => Fault::Restart,
        1 => Fault::Cut,
        2 => Fault::Stall(Duration::from_millis(random.between(200, LONGEST))),
        3 => Fault::Kill,
        4 => Fault::Reset,
        5 => Fault::Corrupt(random.next_u64() >> 1),
        _ => Fault::Rough(random.next_u64() >> 1),
    }
}

/// The name of the fault of a round.
pub fn fault_of(number: u64) -> &'static str {
    fault(number, &mut Seeded::new(0)).name()
}

/// The languages that take part: the name of each, and how its member of a group and its writer are started.
#[derive(Debug, Clone)]
pub struct Language {
    /// Its name.
    pub name: String,
    /// The command of a member.
    pub member: Vec<String>,
    /// The command of a writer.
    pub writer: Vec<String>,
}

/// Lets everybody work while the fault of this round happens, and looks at what became of every record.
///
/// # Errors
///
/// That the round could not be made.
pub async fn round(number: u64, seed: u64, languages: &[Language]) -> Result<Round> {
    let mut random = Seeded::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
    let fault = fault(number, &mut random);
    let language = |number: u64| &languages[number as usize % languages.len()];
    let (reads, writes) = (language(number), language(number + 1));
    let mut broker = TestBroker::builder().default_partitions(PARTITIONS).start()?;
    let proxy = FaultProxy::start(broker.address())?;
    prepare(&broker).await?;
    let mut reader = Reader::start(&reads.member, &proxy)?;
    let mut writer = Writer::start(&writes.writer, &proxy)?;
    let plain = Producer::new(patient(proxy.address()).build()).await?;
    let numbered = Producer::new(patient(proxy.address()).enable_idempotence(true).build()).await?;
    reader.ready().await?;
    writer.ready().await?;
    let mut found = Round {
        number,
        fault: fault.name().to_owned(),
        reader: reads.name.clone(),
        writer: writes.name.clone(),
        ..Round::default()
    };
    let sending = async |producer: &Producer, topic: &str| {
        let deliveries = hand_over(producer, topic, PARTITIONS, |number| number < RECORDS).await?;
        anyhow::Ok(settled(PARTITIONS, deliveries).await)
    };
    let disturbing = async {
        let in_flight = || plain.stats().pending() + numbered.stats().pending();
        let start = Instant::now();
        while in_flight() < IN_FLIGHT && start.elapsed() < PATIENCE {
            sleep(Duration::from_millis(2)).await;
        }
        // Anywhere in what follows.
        sleep(Duration::from_millis(random.between(0, 300))).await;
        let met = in_flight();
        fault.happen(&mut broker, &proxy).await?;
        anyhow::Ok(met)
    };
    let killed = matches!(fault, Fault::Kill);
    let (plain_sent, numbered_sent, written, worked, met) = tokio::join!(
        timeout(PATIENCE, sending(&plain, "plain")),
        timeout(PATIENCE, sending(&numbered, "numbered")),
        writer.write(&mut found),
        timeout(PATIENCE, transform(&proxy, killed)),
        disturbing
    );
    let hangs = [plain_sent.is_err(), numbered_sent.is_err(), worked.is_err()];
    found.counts.hangs += hangs.into_iter().filter(|hangs| *hangs).count() as u64;
    found.counts.in_flight = met?;
    let restarted = killed || matches!(fault, Fault::Restart);
    let committed = worked.unwrap_or_else(|_| Ok(HashSet::new()))?;
    found.counts.transformed = committed.len() as u64;
    drop((plain.close().await, numbered.close().await));
    let client = Client::connect(broker.address()).await?;
    // To leave has a time limit, which connections that stay slow may use up.
    fault.end(&proxy);
    reader.finish(&client, killed, &mut found).await?;
    // Transactions that were given up while the broker was away are aborted by themselves.
    sleep(TIMEOUT + REAPED).await;
    // The broker has closed the other one if the reader took long.
    let client = Client::connect(broker.address()).await?;
    let seen = look_at_results(&client, restarted, &mut found).await?;
    let mut missing: HashSet<u64> = committed.difference(&seen).copied().collect();
    let ledgers = ledgers([
        ("plain", plain_sent.ok().transpose()?),
        ("numbered", numbered_sent.ok().transpose()?),
        ("written", written?),
    ]);
    if killed {
        let reachable = reachable(&client, &ledgers).await?;
        broker.terminate()?;
        for (topic, ledger) in &ledgers {
            look_at_disk(&broker, topic, ledger, &reachable[*topic], &mut found)?;
        }
        missing.retain(|number| !on_disk(&broker, "out").is_ok_and(|there| there.contains(number)));
    } else {
        for (topic, ledger) in &ledgers {
            look_at_log(&client, topic, ledger, &mut found).await?;
        }
    }
    found.counts.lost += missing.len() as u64;
    if found.violations() > 0 {
        eprintln!("round {number}: {found:?}");
    }
    eprintln!(
        "round {number}: {} met {} records, {} violations",
        found.fault,
        found.counts.in_flight,
        found.violations()
    );
    Ok(found)
}

/// Notes how a party ended.
fn ended(who: &str, party: &Party, end: Result<Result<ExitStatus>, Elapsed>, found: &mut Round) -> Result<()> {
    let counts = &mut found.counts;
    let Ok(status) = end else {
        eprintln!("round {}: the {who} does not end", found.number);
        counts.hangs += 1;
        return Ok(());
    };
    counts.panics += u64::from(!status?.success() || party.has_panicked());
    Ok(())
}

async fn prepare(broker: &TestBroker) -> Result<()> {
    let client = Client::connect(broker.address()).await?;
    for topic in ["plain", "numbered", "in", "out"] {
        client.create_topic(topic, Some(PARTITIONS)).await?;
    }
    for partition in 0..PARTITIONS {
        let numbers = (0..INPUT).filter(|number| number % u64::from(PARTITIONS) == u64::from(partition));
        let records: Vec<_> = numbers.map(|number| (None::<&str>, value::of(number))).collect();
        client.publish_batch("in", Some(partition), &records).await?;
    }
    Ok(())
}

/// Works on `in` by transactions; the records whose results were committed.
///
/// That is all of them, unless the broker is killed and loses sight of some.
async fn transform(proxy: &FaultProxy, killed: bool) -> Result<HashSet<u64>> {
    let config = ConsumerConfig::builder()
        .bootstrap_servers(vec![proxy.address()])
        .group_id("chaos")
        .assign("in", (0..PARTITIONS).collect())
        .auto_commit_interval(None)
        .max_poll_records(40)
        .max_reconnect_attempts(1000)
        .process_retries(1000);
    // They connect when there is something to do, which the fault may make long.
    let consumer = Consumer::unconnected(config.build()?)?;
    let config =
        patient(proxy.address()).transactional_id("chaos").transaction_timeout(TIMEOUT).delivery_timeout(PATIENCE);
    let producer = Producer::unconnected(config.build()?, None)?;
    let mut transformer = Transformer::new(&consumer, &producer)?;
    let mut committed = HashSet::new();
    while (committed.len() as u64) < INPUT {
        let (records, transaction) = match timeout(IDLE, transformer.next()).await {
            Err(_) if killed => break,
            Err(_) => continue,
            Ok(Ok(next)) => next.context("nobody wakes it up")?,
            Ok(Err(error)) if error.is_retriable() => continue,
            Ok(Err(error)) => return Err(error.into()),
        };
        let written =
            records.views().try_for_each(|record| transaction.enqueue("out", None::<&str>, record.value).map(drop));
        match written {
            Ok(()) if transformer.commit().await? => {
                committed.extend(records.views().filter_map(|record| value::number_of(record.value)));
            }
            Ok(()) => {}
            Err(error) => transformer.fail(&error.to_string()).await?,
        }
    }
    consumer.close().await?;
    producer.close().await?;
    Ok(committed)
}

/// Reads what came of transactions; the numbers that readers of what is committed see.
async fn look_at_results(client: &Client, restarted: bool, found: &mut Round) -> Result<HashSet<u64>> {
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let records = log::committed(client, "out", partition).await?;
        for number in records.iter().filter_map(|record| value::number_of(&record.value)) {
            *seen.entry(number).or_default() += 1;
        }
    }
    let twice = seen.values().filter(|times| **times > 1).count() as u64;
    *if restarted { &mut found.counts.shown_again } else { &mut found.counts.twice_unsaid } += twice;
    Ok(seen.into_keys().collect())
}

/// What became of the records of each topic, as far as that is known.
type Ledgers<'a> = Vec<(&'a str, Ledger)>;

fn ledgers<'a, const N: usize>(all: [(&'a str, Option<Ledger>); N]) -> Ledgers<'a> {
    all.into_iter().filter_map(|(topic, ledger)| Some((topic, ledger?))).collect()
}

async fn reachable<'a>(client: &Client, ledgers: &Ledgers<'a>) -> Result<BTreeMap<&'a str, HashSet<u64>>> {
    let mut all = BTreeMap::new();
    for (topic, _) in ledgers {
        let mut numbers = HashSet::new();
        for partition in 0..PARTITIONS {
            numbers.extend(log::reachable(client, topic, partition).await?);
        }
        all.insert(*topic, numbers);
    }
    Ok(all)
}

/// What was acknowledged has to be in the log, once and where it was said to be.
async fn look_at_log(client: &Client, topic: &str, ledger: &Ledger, found: &mut Round) -> Result<()> {
    let mut logs = Vec::new();
    for partition in 0..PARTITIONS {
        logs.push(log::whole(client, topic, partition).await?);
    }
    let findings = ledger.compare(&logs);
    if findings.violations() > 0 {
        eprintln!("round {}, {topic}: {findings:?}", found.number);
        for (partition, log) in logs.iter().enumerate() {
            eprintln!("round {}, {topic}/{partition}: {}", found.number, ledger.stretches(log));
        }
    }
    found.add(&findings);
    Ok(())
}

fn on_disk(broker: &TestBroker, topic: &str) -> Result<HashSet<u64>> {
    let mut numbers = HashSet::new();
    for partition in 0..PARTITIONS {
        numbers.extend(log::on_disk(broker.data_dir(), topic, partition).context("the broker's log files")?);
    }
    Ok(numbers)
}

/// After a kill what was acknowledged has to be on the disk; what lies there alone is the broker's loss.
fn look_at_disk(
    broker: &TestBroker,
    topic: &str,
    ledger: &Ledger,
    reachable: &HashSet<u64>,
    found: &mut Round,
) -> Result<()> {
    let there = on_disk(broker, topic)?;
    let counts = &mut found.counts;
    counts.acknowledged += ledger.summary().acknowledged;
    for (number, fate) in (0..).zip(ledger.fates()) {
        if matches!(fate, Fate::Acknowledged { .. }) {
            counts.lost += u64::from(!there.contains(&number));
            counts.unreachable += u64::from(there.contains(&number) && !reachable.contains(&number));
        }
    }
    Ok(())
}

/// Fails if a round found what must not be.
///
/// # Errors
///
/// What it found.
pub fn check(rounds: &[Round]) -> Result<()> {
    for round in rounds {
        ensure!(round.violations() == 0, "promises were broken: {round:?}");
    }
    Ok(())
}
