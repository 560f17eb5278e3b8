//! Rounds in which producers, a reader and transactions meet one fault together.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rivven_client::{Client, Consumer, ConsumerConfig, Producer, ProducerConfig, Transformer};
use rivven_testkit::{FaultProxy, Seeded, TestBroker};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::faults::Fault;
use crate::ledger::{Fate, Findings, Ledger};
use crate::load::{hand_over, settled};
use crate::log;
use crate::member::Membership;
use crate::value;

const PARTITIONS: u32 = 4;
/// The records of each producer.
const RECORDS: u64 = 3000;
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
    /// Records on their way when it did.
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
        self.lost + self.twice_unsaid + self.wrong + self.hangs + self.panics
    }

    /// Whether the fault met enough.
    pub fn counts(&self) -> bool {
        self.in_flight >= IN_FLIGHT
    }

    fn add(&mut self, findings: &Findings) {
        self.acknowledged += findings.acknowledged;
        self.lost += findings.lost;
        self.twice_unsaid += findings.duplicated;
        self.twice_said += findings.stored_twice;
        self.wrong += findings.out_of_order + findings.misplaced + findings.unexpected;
    }
}

/// The fault of a round: each kind in turn.
fn fault(number: u64, random: &mut Seeded) -> Fault {
    match number % 7 {
        0 => Fault::Restart,
        1 => Fault::Cut,
        2 => Fault::Stall(Duration::from_millis(random.between(200, LONGEST))),
        3 => Fault::Kill,
        4 => Fault::Reset,
        5 => Fault::Corrupt(random.next_u64() >> 1),
        _ => Fault::Rough(random.next_u64() >> 1),
    }
}

/// Lets everybody work while the fault of this round happens, and looks at what became of every record.
///
/// # Errors
///
/// That the round could not be made.
pub async fn round(number: u64, seed: u64, readers: &[(String, Vec<String>)]) -> Result<Round> {
    let mut random = Seeded::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
    let fault = fault(number, &mut random);
    let (language, command) = &readers[number as usize % readers.len()];
    let mut broker = TestBroker::builder().default_partitions(PARTITIONS).start()?;
    let proxy = FaultProxy::start(broker.address())?;
    prepare(&broker).await?;
    let mut reader = Reader::start(command, &proxy)?;
    let plain = Producer::new(patient(&proxy).build()).await?;
    let numbered = Producer::new(patient(&proxy).enable_idempotence(true).build()).await?;
    let mut found = Round { number, fault: fault.name().to_owned(), reader: language.clone(), ..Round::default() };
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
    let working = timeout(PATIENCE, transform(&proxy, killed));
    let all = async {
        tokio::join!(
            timeout(PATIENCE, sending(&plain, "plain")),
            timeout(PATIENCE, sending(&numbered, "numbered")),
            working,
            disturbing
        )
    };
    let (plain_sent, numbered_sent, worked, met) = all.await;
    found.in_flight = met?;
    found.hangs += u64::from(plain_sent.is_err()) + u64::from(numbered_sent.is_err()) + u64::from(worked.is_err());
    let restarted = killed || matches!(fault, Fault::Restart);
    let committed = worked.unwrap_or_else(|_| Ok(HashSet::new()))?;
    found.transformed = committed.len() as u64;
    drop((plain.close().await, numbered.close().await));
    let client = Client::connect(broker.address()).await?;
    reader.finish(&client, killed, &mut found).await?;
    // Transactions that were given up while the broker was away are aborted by themselves.
    sleep(TIMEOUT + REAPED).await;
    let seen = look_at_results(&client, restarted, &mut found).await?;
    let mut missing: HashSet<u64> = committed.difference(&seen).copied().collect();
    let ledgers = [("plain", plain_sent.ok()), ("numbered", numbered_sent.ok())];
    if killed {
        let reachable = reachable(&client, &ledgers).await?;
        broker.terminate()?;
        for (topic, ledger) in ledgers {
            let Some(ledger) = ledger else { continue };
            look_at_disk(&broker, topic, &ledger?, &reachable[topic], &mut found)?;
        }
        missing.retain(|number| !on_disk(&broker, "out").is_ok_and(|there| there.contains(number)));
    } else {
        for (topic, ledger) in ledgers {
            let Some(ledger) = ledger else { continue };
            let mut logs = Vec::new();
            for partition in 0..PARTITIONS {
                logs.push(log::whole(&client, topic, partition).await?);
            }
            let findings = ledger?.compare(&logs);
            if findings.violations() > 0 {
                eprintln!("round {number}, {topic}: {findings:?}");
            }
            found.add(&findings);
        }
    }
    found.lost += missing.len() as u64;
    if found.violations() > 0 {
        eprintln!("round {number}: {found:?}");
    }
    eprintln!("round {number}: {} met {} records, {} violations", found.fault, found.in_flight, found.violations());
    Ok(found)
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

/// A producer that gives nothing up, and notices a stall soon.
fn patient(proxy: &FaultProxy) -> rivven_client::ProducerConfigBuilder {
    ProducerConfig::builder()
        .bootstrap_servers(vec![proxy.address()])
        .linger_ms(5)
        .request_timeout(Duration::from_secs(2))
        .delivery_timeout(Duration::from_secs(3600))
        .retries(i32::MAX as u32)
        .retry_backoff_ms(20)
        .retry_backoff_max_ms(500)
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
    let config = patient(proxy).transactional_id("chaos").transaction_timeout(TIMEOUT).delivery_timeout(PATIENCE);
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
    *if restarted { &mut found.shown_again } else { &mut found.twice_unsaid } += twice;
    Ok(seen.into_keys().collect())
}

type Ledgers<'a> = [(&'a str, Option<Result<Ledger>>)];

async fn reachable(client: &Client, ledgers: &Ledgers<'_>) -> Result<BTreeMap<String, HashSet<u64>>> {
    let mut all = BTreeMap::new();
    for (topic, _) in ledgers {
        let mut numbers = HashSet::new();
        for partition in 0..PARTITIONS {
            numbers.extend(log::reachable(client, topic, partition).await?);
        }
        all.insert((*topic).to_owned(), numbers);
    }
    Ok(all)
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
    found.acknowledged += ledger.summary().acknowledged;
    for (number, fate) in (0..).zip(ledger.fates()) {
        if matches!(fate, Fate::Acknowledged { .. }) {
            found.lost += u64::from(!there.contains(&number));
            found.unreachable += u64::from(there.contains(&number) && !reachable.contains(&number));
        }
    }
    Ok(())
}

/// A process that reads `plain` in a group.
struct Reader {
    process: Child,
    read: Arc<Mutex<BTreeSet<(u32, u64)>>>,
    complaint: Arc<Mutex<String>>,
}

impl Reader {
    fn start(command: &[String], proxy: &FaultProxy) -> Result<Self> {
        let membership = Membership {
            server: proxy.address(),
            group: "readers".to_owned(),
            topic: "plain".to_owned(),
            session: 6000,
            heartbeat: 500,
        };
        let mut process = Command::new(&command[0])
            .args(&command[1..])
            .args(membership.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (read, complaint): (Arc<Mutex<BTreeSet<_>>>, Arc<Mutex<String>>) = Default::default();
        let stdout = process.stdout.take().context("the reader has an output")?;
        let told = Arc::clone(&read);
        tokio::spawn(async move {
            let mut lines = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut words = line.split(' ').skip_while(|word| *word != "read").skip(1);
                let place =
                    (words.next().and_then(|word| word.parse().ok()), words.next().and_then(|word| word.parse().ok()));
                if let (Some(partition), Some(offset)) = place {
                    told.lock().unwrap_or_else(PoisonError::into_inner).insert((partition, offset));
                }
            }
        });
        let mut stderr = process.stderr.take().context("the reader has an output for errors")?;
        let said = Arc::clone(&complaint);
        tokio::spawn(async move {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text).await;
            *said.lock().unwrap_or_else(PoisonError::into_inner) = text;
        });
        Ok(Reader { process, read, complaint })
    }

    /// Waits until it has read everything, which it may not after a kill of the broker, and lets it end.
    async fn finish(&mut self, client: &Client, killed: bool, found: &mut Round) -> Result<()> {
        let mut there = Vec::new();
        for partition in 0..PARTITIONS {
            let stored = log::whole(client, "plain", partition).await?;
            there.extend(stored.into_iter().map(|(offset, _)| (partition, offset)));
        }
        let start = Instant::now();
        let unread = || {
            let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            there.iter().filter(|place| !read.contains(place)).count()
        };
        while !killed && unread() > 0 && start.elapsed() < PATIENCE {
            sleep(Duration::from_millis(20)).await;
        }
        found.read = self.read.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
        if !killed {
            found.lost += unread() as u64;
        }
        drop(self.process.stdin.take());
        match timeout(PATIENCE, self.process.wait()).await {
            Ok(status) => found.panics += u64::from(!status?.success()),
            Err(_) => found.hangs += 1,
        }
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        if found.panics > 0 {
            eprintln!("the reader complains: {complaint}");
        }
        found.panics += u64::from(complaint.contains("panicked"));
        Ok(())
    }
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
