//! The process that writes `written`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use rivven_testkit::FaultProxy;
use tokio::time::timeout;

use super::{PARTITIONS, PATIENCE, Round, WRITTEN, ended};
use crate::ledger::{Fate, Ledger};
use crate::party::Party;
use crate::writer::Writing;

pub(super) struct Writer {
    party: Party,
    fates: Arc<Mutex<BTreeMap<u64, Fate>>>,
}

impl Writer {
    pub(super) fn start(command: &[String], proxy: &FaultProxy) -> Result<Self> {
        let writing =
            Writing { server: proxy.address(), topic: "written".to_owned(), partitions: PARTITIONS, records: WRITTEN };
        let fates: Arc<Mutex<BTreeMap<_, _>>> = Arc::default();
        let told = Arc::clone(&fates);
        let party = Party::start(command, &writing.arguments(), move |line| match Fate::heard(line) {
            Some((number, fate)) => {
                told.lock().unwrap_or_else(PoisonError::into_inner).insert(number, fate);
            }
            None if line == "ready" => {}
            None => eprintln!("the writer says: {line}"),
        })?;
        Ok(Writer { party, fates })
    }

    /// Waits until it has connected.
    pub(super) async fn ready(&mut self) -> Result<()> {
        timeout(PATIENCE, self.party.begun()).await.context("the writer does not get ready")?
    }

    /// Lets it write everything, and waits until it has told what became of that; nothing if it never does.
    pub(super) async fn write(mut self, found: &mut Round) -> Result<Option<Ledger>> {
        self.party.give_the_sign();
        let end = timeout(PATIENCE, self.party.ended()).await;
        let hangs = end.is_err();
        ended("writer", &self.party, end, found)?;
        let fates = std::mem::take(&mut *self.fates.lock().unwrap_or_else(PoisonError::into_inner));
        if hangs || found.counts.panics > 0 {
            return Ok(None);
        }
        ensure!(fates.keys().copied().eq(0..WRITTEN), "the writer tells of {} of {WRITTEN} records", fates.len());
        Ok(Some(Ledger::new(PARTITIONS, fates.into_values().collect())))
    }
}
