//! `cargo xtask chaos`: everybody at work, and one fault a round.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{Record, groups};
use crate::checks::Tally;
use crate::session::Session;

/// The record that is kept.
pub(super) const RECORD: &str = "docs/reliability/chaos.json";

/// Let producers, readers in every language and transactions meet restarts, kills and faults of the network, and account
/// for every record
///
/// A round counts if its fault met at least 1000 records on their way. Rounds that were made are kept until there are as
/// many as asked for, so a run that was broken off goes on with the same command.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many rounds
    #[arg(long, default_value_t = 200)]
    rounds: u64,
    /// What happens follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many rounds at once
    #[arg(long, default_value_t = 3)]
    at_once: u64,
    /// Write the record to this file
    #[arg(long, value_name = "FILE", default_value = RECORD)]
    json: PathBuf,
}

impl Arguments {
    /// The arguments that let the same happen again.
    fn to_words(&self) -> Vec<String> {
        let Arguments { rounds, seed, at_once, .. } = self;
        super::words([("rounds", rounds), ("seed", seed), ("at-once", at_once)])
    }
}

/// What rivven-soak has found in one round.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Round {
    #[serde(rename = "number")]
    _number: u64,
    fault: String,
    reader: String,
    in_flight: u64,
    acknowledged: u64,
    transformed: u64,
    read: u64,
    lost: u64,
    twice_unsaid: u64,
    twice_said: u64,
    wrong: u64,
    hangs: u64,
    panics: u64,
    unreachable: u64,
    shown_again: u64,
}

/// All rounds with one kind of fault.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kind {
    fault: String,
    rounds: u64,
    /// How many of them had a reader in each language.
    readers: BTreeMap<String, u64>,
    /// Records that were on their way when it came.
    in_flight: u64,
    acknowledged: u64,
    transformed: u64,
    read: u64,
    lost: u64,
    twice_unsaid: u64,
    twice_said: u64,
    wrong: u64,
    hangs: u64,
    panics: u64,
    unreachable: u64,
    shown_again: u64,
}

impl Kind {
    fn add(&mut self, round: &Round) {
        self.fault.clone_from(&round.fault);
        self.rounds += 1;
        *self.readers.entry(round.reader.clone()).or_default() += 1;
        let sums = [
            (&mut self.in_flight, round.in_flight),
            (&mut self.acknowledged, round.acknowledged),
            (&mut self.transformed, round.transformed),
            (&mut self.read, round.read),
            (&mut self.lost, round.lost),
            (&mut self.twice_unsaid, round.twice_unsaid),
            (&mut self.twice_said, round.twice_said),
            (&mut self.wrong, round.wrong),
            (&mut self.hangs, round.hangs),
            (&mut self.panics, round.panics),
            (&mut self.unreachable, round.unreachable),
            (&mut self.shown_again, round.shown_again),
        ];
        sums.into_iter().for_each(|(sum, number)| *sum += number);
    }
}

/// Makes the rounds that are missing, and writes the record.
pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<bool> {
    let record = rounds(session, arguments)?;
    println!("{}recorded in {}", table(&record.runs)?, arguments.json.display());
    record.write(session, &arguments.json)?;
    Ok(true)
}

/// The gate: ten rounds.
pub(crate) fn gate(session: &Session) -> Result<Tally> {
    let arguments = Arguments { rounds: 10, seed: 1, at_once: 1, json: PathBuf::new() };
    let _ = fs::remove_file(session.scratch(SOAKED));
    let record = rounds(session, &arguments)?;
    println!("{}", table(&record.runs)?);
    Ok(Tally { passed: record.runs.iter().map(|kind| kind.rounds as usize).sum(), ..Tally::default() })
}

/// Where rivven-soak keeps its rounds.
const SOAKED: &str = "soaked-chaos.json";

fn rounds(session: &Session, arguments: &Arguments) -> Result<Record<Kind>> {
    let members = groups::members(session)?;
    let found: Record<Round> = super::soak(session, "chaos", "an hour", &arguments.to_words(), &members)?;
    let _ = fs::remove_file(session.scratch(SOAKED)).context("the rounds that are recorded");
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    found.runs.iter().for_each(|round| kinds.entry(round.fault.clone()).or_default().add(round));
    let command = format!("cargo xtask chaos {}", arguments.to_words().join(" "));
    let Record { commit, machine, .. } = found;
    Ok(Record { commit, command, machine, runs: kinds.into_values().collect() })
}

/// What the document says.
pub(super) const TEXT: &str = "\
## Chaos

In each round a plain and an idempotent producer send 3000 records each, a process in Rust, Python, Node or C reads those
of one of them in a group, and transactions work on 400 more, all by way of a proxy. When at least 1000 records are on
their way a fault comes: the broker is restarted by SIGTERM or killed by SIGKILL, connections are cut, reset, stalled or
rough, or an answer on each is altered. Then every record is accounted for.

- *on their way*: records that were handed over and not delivered when the fault came, in all rounds.
- *acknowledged*, *transformed*: records that producers were told are there, and those that came of committed transactions.
- *lost*: those of them that are not there, or that the reader did not read. After kills they are looked for in the
  broker's log files.
- *twice said*, *twice unsaid*: records that are there twice, with and without `maybe_duplicate`.
- *wrong*: records out of order, misplaced, or there though they failed for certain.
- *hangs*, *panics*: parties that did not end within three minutes, and processes that crashed or panicked.
- *out of sight*: acknowledged records that lie in the broker's log files and that no fetch gives, after kills.
- *shown again*: records of aborted transactions that a restarted broker shows: [transactions](transactions.md).

The command fails if anything is lost, twice unsaid or wrong, hangs or panics.
";

const COLUMNS: [&str; 14] = [
    "fault",
    "rounds",
    "on their way",
    "acknowledged",
    "transformed",
    "read",
    "lost",
    "twice said",
    "twice unsaid",
    "wrong",
    "hangs",
    "panics",
    "out of sight",
    "shown again",
];

/// A row for each kind of fault, and one for all.
pub(super) fn table(kinds: &[Kind]) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "| {} |\n|---|{}", COLUMNS.join(" | "), "---:|".repeat(COLUMNS.len() - 1))?;
    let mut total = [0; COLUMNS.len() - 1];
    for kind in kinds {
        let numbers = numbers(kind);
        total.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
        writeln!(text, "| {} | {} |", kind.fault, row(&numbers))?;
    }
    writeln!(text, "| **all** | {} |", row(&total))?;
    Ok(text)
}

fn row(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(" | ")
}

fn numbers(kind: &Kind) -> [u64; COLUMNS.len() - 1] {
    [
        kind.rounds,
        kind.in_flight,
        kind.acknowledged,
        kind.transformed,
        kind.read,
        kind.lost,
        kind.twice_said,
        kind.twice_unsaid,
        kind.wrong,
        kind.hangs,
        kind.panics,
        kind.unreachable,
        kind.shown_again,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_up() {
        let kind = |fault: &str, rounds| Kind { fault: fault.to_owned(), rounds, lost: 1, ..Kind::default() };
        let text = table(&[kind("cut", 2), kind("stall", 3)]).unwrap();
        assert!(text.lines().last().unwrap().starts_with("| **all** | 5 | 0 | 0 | 0 | 0 | 2 |"), "{text}");
    }
}
