//! The process that reads `plain` in a group.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rivven_client::Client;
use rivven_testkit::FaultProxy;
use tokio::time::{sleep, timeout};

use super::{PARTITIONS, PATIENCE, Round, ended};
use crate::log;
use crate::member::Membership;
use crate::party::Party;

pub(super) struct Reader {
    party: Party,
    read: Arc<Mutex<BTreeSet<(u32, u64)>>>,
}

impl Reader {
    pub(super) fn start(command: &[String], proxy: &FaultProxy) -> Result<Self> {
        let membership = Membership {
            server: proxy.address(),
            group: "readers".to_owned(),
            topic: "plain".to_owned(),
            session: 6000,
            heartbeat: 500,
        };
        let read: Arc<Mutex<BTreeSet<_>>> = Arc::default();
        let told = Arc::clone(&read);
        let party = Party::start(command, &membership.arguments(), move |line| match place_in(line) {
            Some(place) => {
                told.lock().unwrap_or_else(PoisonError::into_inner).insert(place);
            }
            None if line.starts_with("error") => eprintln!("the reader says: {line}"),
            None => {}
        })?;
        Ok(Reader { party, read })
    }

    /// Waits until it polls.
    pub(super) async fn ready(&mut self) -> Result<()> {
        timeout(PATIENCE, self.party.begun()).await.context("the reader does not get ready")?
    }

    /// Waits until it has read everything, which it may not after a kill of the broker, and lets it end.
    pub(super) async fn finish(mut self, client: &Client, killed: bool, found: &mut Round) -> Result<()> {
        let mut there = Vec::new();
        for partition in 0..PARTITIONS {
            let stored = log::whole(client, "plain", partition).await?;
            there.extend(stored.into_iter().map(|(offset, _)| (partition, offset)));
        }
        let start = Instant::now();
        let read = Arc::clone(&self.read);
        let unread = || {
            let read = read.lock().unwrap_or_else(PoisonError::into_inner);
            there.iter().filter(|place| !read.contains(place)).count()
        };
        while !killed && unread() > 0 && start.elapsed() < PATIENCE && !self.party.has_ended()? {
            sleep(Duration::from_millis(20)).await;
        }
        found.counts.read = self.read.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
        if !killed {
            found.counts.lost += unread() as u64;
        }
        self.party.give_the_sign();
        let start = Instant::now();
        let end = timeout(PATIENCE, self.party.ended()).await;
        if start.elapsed() > Duration::from_secs(2) {
            eprintln!("round {}: the reader took {:?} to leave", found.number, start.elapsed());
        }
        ended("reader", &self.party, end, found)
    }
}

/// The place in a line that says what was read.
fn place_in(line: &str) -> Option<(u32, u64)> {
    let mut words = line.strip_prefix("read ")?.split(' ');
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}
