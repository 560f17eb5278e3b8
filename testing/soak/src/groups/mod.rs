//! Groups of processes that come, leave and are killed while records are written.

mod seen;
mod squad;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rivven_client::Client;
use rivven_testkit::TestBroker;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::member::Membership;
use squad::Squad;

/// How many partitions the members divide.
const PARTITIONS: u32 = 12;

/// The pause between two records.
const BEAT: Duration = Duration::from_millis(20);

/// How long the members of a new group may take to start.
const START: Duration = Duration::from_secs(120);

/// How long the last records may take.
const DRAIN: Duration = Duration::from_secs(30);

/// What is the same for all groups of a run.
#[derive(Debug, Clone)]
pub struct Setting {
    /// How the members are started, one kind after the other: the name of a language, and a command.
    pub members: Vec<(String, Vec<String>)>,
    /// The time between heartbeats.
    pub heartbeat: Duration,
    /// The session timeout.
    pub session: Duration,
    /// How long nothing may change once a group has settled.
    pub quiet: Duration,
    /// How much longer than promised a group may take to settle, for machines that are busy otherwise.
    pub slack: Duration,
}

/// How the first members of a group come.
#[derive(Debug, Clone, Copy)]
pub enum Coming {
    /// All at once.
    Together,
    /// Each when those before have settled.
    OneByOne,
}

/// A group and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// The group: `3 members, together`.
    pub run: String,
    /// The records that were written meanwhile.
    pub records: u64,
    /// How long it took until every partition had one reader, in milliseconds: after the first members had come.
    pub formed_ms: u64,
    /// After one more had come.
    pub joined_ms: u64,
    /// After one had left.
    pub left_ms: u64,
    /// After one was killed.
    pub killed_ms: u64,
    /// How often members were given partitions.
    pub assignments: u64,
    /// Records that were read again after the kill.
    pub read_again: u64,
    /// What should not have happened.
    pub violations: Vec<String>,
}

/// Lets a group of so many members form, one more come, one leave and one be killed.
///
/// # Errors
///
/// That the run could not be made, or that the group did not settle; what else it finds is in the report.
pub async fn round(name: &str, members: usize, coming: Coming, setting: &Setting) -> Result<Found> {
    // One for each group, as it takes only so many connections.
    let broker = TestBroker::start()?;
    let how = if matches!(coming, Coming::Together) { "together" } else { "one by one" };
    let languages: Vec<_> = setting.members.iter().map(|(language, _)| language.as_str()).collect();
    let run = match languages.len() {
        1 => format!("{members} members, {how}"),
        _ => format!("{}, {how}", languages.join(", ")),
    };
    let client = Client::connect(broker.address()).await?;
    client.create_topic(name, Some(PARTITIONS)).await?;
    let membership = Membership {
        server: broker.address().to_string(),
        group: name.to_owned(),
        topic: name.to_owned(),
        session: setting.session.as_millis() as u64,
        heartbeat: setting.heartbeat.as_millis() as u64,
    };
    let mut squad = Squad::new(&run, membership, setting);
    let (stop, stopped) = watch::channel(());
    let writer = tokio::spawn(write(client, name.to_owned(), stopped));
    let mut formed = Duration::ZERO;
    for _ in 0..members {
        squad.start()?;
        if matches!(coming, Coming::OneByOne) {
            formed = formed.max(squad.settle("form", Duration::ZERO).await?);
        }
    }
    if matches!(coming, Coming::Together) {
        formed = squad.settle("form", Duration::ZERO).await?;
    }
    squad.stay_quiet("formed").await;
    squad.start()?;
    let joined = squad.settle("take one more in", Duration::ZERO).await?;
    squad.stay_quiet("joined").await;
    squad.close_one().await?;
    let left = squad.settle("go on without one that left", Duration::ZERO).await?;
    squad.stay_quiet("left").await;
    if members == 1 {
        // Somebody has to be left.
        squad.start()?;
        squad.settle("take one more in", Duration::ZERO).await?;
    }
    squad.kill_one()?;
    let killed = squad.settle("go on without one that was killed", setting.session).await?;
    squad.stay_quiet("killed").await;
    drop(stop);
    let written = writer.await??;
    squad.read_all(&written, DRAIN).await;
    squad.close_all().await?;
    let records = written.iter().sum();
    let seen = squad.into_seen();
    let found = Found {
        run,
        records,
        formed_ms: formed.as_millis() as u64,
        joined_ms: joined.as_millis() as u64,
        left_ms: left.as_millis() as u64,
        killed_ms: killed.as_millis() as u64,
        assignments: seen.assignments,
        read_again: seen.read_again,
        violations: seen.violations(),
    };
    eprintln!("{}: {records} records, settled after {formed:.1?}, {joined:.1?}, {left:.1?}, {killed:.1?}", found.run);
    Ok(found)
}

/// Writes to the partitions in turn until it is stopped; gives how many records each has.
async fn write(client: Client, topic: String, mut stopped: watch::Receiver<()>) -> Result<Vec<u64>> {
    let mut written = vec![0; PARTITIONS as usize];
    for partition in (0..PARTITIONS).cycle() {
        client.publish_to_partition(&topic, partition, None::<&str>, "value").await?;
        written[partition as usize] += 1;
        if timeout(BEAT, stopped.changed()).await.is_ok() {
            break;
        }
    }
    Ok(written)
}

impl Found {
    /// Fails if anything happened that should not have.
    ///
    /// # Errors
    ///
    /// What that was.
    pub fn check(&self) -> Result<()> {
        ensure!(self.violations.is_empty(), "{}: {}", self.run, self.violations.join("; "));
        Ok(())
    }
}

/// Waits until it is so, at most so long; false if it never was.
async fn wait_until(limit: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + limit;
    while !is_so() {
        if Instant::now() > until {
            return false;
        }
        sleep(Duration::from_millis(5)).await;
    }
    true
}
