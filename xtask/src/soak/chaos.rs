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

/// Let producers and readers in every language and transactions meet restarts, kills and faults of the network, and account
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
    writer: String,
    counts: Counts,
}

/// How many records met what, by the names of [`COLUMNS`].
type Counts = BTreeMap<String, u64>;

/// All rounds with one kind of fault.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kind {
    fault: String,
    rounds: u64,
    /// How many of them had a reader in each language.
    readers: BTreeMap<String, u64>,
    /// How many of them had a writer in each language.
    writers: BTreeMap<String, u64>,
    counts: Counts,
}

impl Kind {
    fn add(&mut self, round: &Round) {
        self.fault.clone_from(&round.fault);
        self.rounds += 1;
        *self.readers.entry(round.reader.clone()).or_default() += 1;
        *self.writers.entry(round.writer.clone()).or_default() += 1;
        for (name, count) in &round.counts {
            *self.counts.entry(name.clone()).or_default() += count;
        }
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
    let parties = [groups::parties(session, "member")?, groups::parties(session, "writer")?].concat();
    let found: Record<Round> = super::soak(session, "chaos", "an hour", &arguments.to_words(), &parties)?;
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

In each round a plain and an idempotent producer send 3000 records each, a process in Rust, Python, Node or C sends 1000
more with idempotence, a process in another of these languages reads those of the plain producer in a group, and
transactions work on 400 more, all by way of a proxy. When at least 1000 records are on their way a fault comes: the
broker is restarted by SIGTERM or killed by SIGKILL, connections are cut, reset, stalled or rough, or an answer on each
is altered. Then every record is accounted for.

- *on their way*: records of the first two producers that were handed over and not delivered when the fault came, in all
  rounds.
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

/// The columns behind the fault and the rounds, and what each is called in the record.
const COLUMNS: [(&str, &str); 12] = [
    ("on their way", "in_flight"),
    ("acknowledged", "acknowledged"),
    ("transformed", "transformed"),
    ("read", "read"),
    ("lost", "lost"),
    ("twice said", "twice_said"),
    ("twice unsaid", "twice_unsaid"),
    ("wrong", "wrong"),
    ("hangs", "hangs"),
    ("panics", "panics"),
    ("out of sight", "unreachable"),
    ("shown again", "shown_again"),
];

/// A row for each kind of fault, and one for all.
pub(super) fn table(kinds: &[Kind]) -> Result<String> {
    let mut text = String::new();
    let titles = COLUMNS.map(|(title, _)| title).join(" | ");
    writeln!(text, "| fault | rounds | {titles} |\n|---|---:|{}", "---:|".repeat(COLUMNS.len()))?;
    let count = |kind: &Kind, name: &str| kind.counts.get(name).copied().unwrap_or_default();
    for kind in kinds {
        writeln!(text, "| {} | {} |", kind.fault, row(kind.rounds, |name| count(kind, name)))?;
    }
    let sum = |name: &str| kinds.iter().map(|kind| count(kind, name)).sum();
    writeln!(text, "| **all** | {} |", row(kinds.iter().map(|kind| kind.rounds).sum(), sum))?;
    Ok(text)
}

fn row(rounds: u64, count: impl Fn(&str) -> u64) -> String {
    let counts = COLUMNS.map(|(_, name)| count(name).to_string());
    format!("{rounds} | {}", counts.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_up() {
        let kind = |fault: &str, rounds| {
            let mut kind = Kind { fault: fault.to_owned(), rounds, ..Kind::default() };
            kind.counts.insert("lost".to_owned(), 1);
            kind
        };
        let text = table(&[kind("cut", 2), kind("stall", 3)]).unwrap();
        assert!(text.lines().last().unwrap().starts_with("| **all** | 5 | 0 | 0 | 0 | 0 | 2 |"), "{text}");
    }
}
