//! Lists of named checks: run one after the other, timed and counted.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::progress::duration;
use crate::session::Session;
use crate::table::{row, table};

/// A check by its name: a gate of CI, or a suite of tests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check {
    /// The name on the command line.
    pub(crate) name: &'static str,
    /// What it checks, in a few words.
    pub(crate) about: &'static str,
    /// Carries it out; an error is a failure like any other.
    pub(crate) run: fn(&Session) -> Result<Tally>,
}

/// What a check has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed; 1 for a gate that passed.
    pub(crate) passed: usize,
    /// Tests that failed; 1 for a gate that failed.
    pub(crate) failed: usize,
    /// What went wrong.
    pub(crate) failure: Option<String>,
    /// The tests that failed, each with what was said of it, as far as that is known.
    pub(crate) failing: Vec<String>,
}

impl Tally {
    /// The tally of a gate that passed.
    pub(crate) const PASSED: Tally = Tally { passed: 1, failed: 0, failure: None, failing: Vec::new() };

    /// The tally of a gate that failed.
    pub(crate) fn failure(text: impl Into<String>) -> Self {
        Tally { failed: 1, failure: Some(text.into()), ..Tally::default() }
    }

    /// Both tallies as one.
    pub(crate) fn and(self, other: Tally) -> Self {
        let failure = [self.failure, other.failure].into_iter().flatten().reduce(|one, two| format!("{one}\n{two}"));
        let failing = [self.failing, other.failing].concat();
        Tally { passed: self.passed + other.passed, failed: self.failed + other.failed, failure, failing }
    }

    /// The tally of a gate that has printed what is wrong, if anything is.
    pub(crate) fn gate(passed: bool) -> Self {
        if passed { Self::PASSED } else { Self::failure("see above") }
    }
}

/// The checks of a list with the names wanted, or all if none are.
pub(crate) fn select(checks: &[Check], wanted: &[String]) -> Result<Vec<Check>> {
    let known: BTreeSet<&str> = checks.iter().map(|check| check.name).collect();
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(name.as_str())) {
        let names: Vec<&str> = checks.iter().map(|check| check.name).collect();
        bail!("there is no `{unknown}` among: {}", names.join(", "));
    }
    let is_wanted = |check: &Check| wanted.is_empty() || wanted.iter().any(|name| name == check.name);
    Ok(checks.iter().copied().filter(is_wanted).collect())
}

/// Runs all checks, whatever fails, and prints a table; true if nothing failed.
pub(crate) fn run(session: &Session, checks: &[Check]) -> bool {
    let mut rows = Vec::new();
    for check in checks {
        eprintln!("\n== {}: {}", check.name, check.about);
        let start = Instant::now();
        let tally = (check.run)(session).unwrap_or_else(|error| Tally::failure(format!("{error:#}")));
        if let Some(failure) = &tally.failure {
            eprintln!("FAILED  {}: {failure}", check.name);
        }
        rows.push((check.name, tally, start.elapsed()));
    }
    report(&rows)
}

/// Prints the table and, as the last line, the sums.
fn report(rows: &[(&str, Tally, Duration)]) -> bool {
    let mut table = table(["check", "passed", "failed", "time"]);
    for (name, tally, time) in rows {
        table.add_row(row([(*name).to_owned(), tally.passed.to_string(), tally.failed.to_string(), duration(*time)]));
    }
    println!("\n{table}");
    let failing: Vec<&str> = rows.iter().filter(|(_, tally, _)| tally.failed > 0).map(|(name, ..)| *name).collect();
    for (name, tally, _) in rows {
        tally.failing.iter().for_each(|test| println!("{name}: {test}"));
    }
    if !failing.is_empty() {
        println!("failed: {}", failing.join(", "));
    }
    let sum = |count: fn(&Tally) -> usize| rows.iter().map(|(_, tally, _)| count(tally)).sum::<usize>();
    println!("{} passed, {} failed", sum(|tally| tally.passed), sum(|tally| tally.failed));
    failing.is_empty()
}
