//! What a run has found.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::ledger::Findings;

/// A run and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The run: `faults, plain`.
    pub run: String,
    /// The records that were handed over.
    pub records: u64,
    /// From the first record that was handed over until all were settled.
    pub seconds: f64,
    /// What went wrong, and how often.
    pub faults: BTreeMap<String, u64>,
    /// Requests that failed.
    pub errors: u64,
    /// Requests that were repeated.
    pub retries: u64,
    /// What was found of the records.
    #[serde(flatten)]
    pub findings: Findings,
    /// Acknowledged records that lie on the broker's disk and cannot be read: its own loss. Only after kills.
    pub unreachable: Option<u64>,
}

impl Report {
    /// Fails if a promise was broken: a record lost, twice without notice, out of order or misplaced.
    ///
    /// # Errors
    ///
    /// What was found.
    pub fn check(&self) -> Result<()> {
        ensure!(self.findings.violations() == 0, "{}: promises were broken: {self:?}", self.run);
        ensure!(self.findings.failed == 0, "{}: records were given up: {self:?}", self.run);
        ensure!(self.findings.acknowledged == self.records, "{}: records are missing: {self:?}", self.run);
        Ok(())
    }

    /// Fails if anything but success was seen, too.
    ///
    /// # Errors
    ///
    /// What was found.
    pub fn check_undisturbed(&self) -> Result<()> {
        self.check()?;
        ensure!(self.errors + self.retries == 0, "{}: requests failed without a fault: {self:?}", self.run);
        let Findings { maybe_duplicate, stored, acknowledged, .. } = self.findings;
        ensure!(maybe_duplicate == 0 && stored == acknowledged, "{}: records may be there twice: {self:?}", self.run);
        Ok(())
    }
}
