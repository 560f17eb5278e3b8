//! `cargo xtask soak transforms`: work by transactions, whose process is killed again and again.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Record;
use crate::checks::Tally;
use crate::session::Session;

/// The record that is kept.
pub(super) const RECORD: &str = "docs/reliability/transforms.json";

/// Work by transactions on the temperature readings, whose process is killed again and again
#[derive(clap::Args)]
pub(super) struct Options {
    /// How often the process is killed
    #[arg(long, default_value_t = 50)]
    kills: u64,
    /// How often the broker is restarted in a second run; none leaves that out
    #[arg(long, default_value_t = 5)]
    restarts: u64,
    /// What the moments follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the record to this file
    #[arg(long, value_name = "FILE", default_value = RECORD)]
    json: PathBuf,
}

impl Options {
    /// The arguments that let the same happen again.
    fn arguments(&self) -> Vec<String> {
        let Options { kills, restarts, seed, .. } = self;
        super::words([("kills", kills), ("restarts", restarts), ("seed", seed)])
    }
}

/// What rivven-soak has found in one run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    run: String,
    records: u64,
    kills: u64,
    restarts: u64,
    seconds: f64,
    missing: u64,
    twice: u64,
    shown_again: u64,
    wrong_counts: u64,
}

/// Runs and writes the record.
pub(super) fn run(session: &Session, options: &Options) -> Result<()> {
    let record = soak(session, options)?;
    println!("{}recorded in {}", table(&record.runs)?, options.json.display());
    record.write(session, &options.json)
}

/// The gate: a few kills, and a restart.
pub(crate) fn gate(session: &Session) -> Result<Tally> {
    let record = soak(session, &Options { kills: 4, restarts: 1, seed: 1, json: PathBuf::new() })?;
    println!("{}", table(&record.runs)?);
    Ok(Tally { passed: record.runs.len(), ..Tally::default() })
}

fn soak(session: &Session, options: &Options) -> Result<Record<Run>> {
    super::soak(session, "transforms", "five minutes", &options.arguments(), &[])
}

/// What the document says.
pub(super) const TEXT: &str = "\
## Work by transactions

A process reads the temperature readings of a year, twice over, and writes each by its day, by transactions of at most
100 records with a timeout of 10 s. It is killed by SIGKILL at random moments and started again, and in the second run
the broker is restarted by SIGTERM meanwhile. Then what was written is read with `read_committed`, once the last
transaction is over.

- *missing*: readings that are not there.
- *twice*: readings that are there more than once.
- *shown again*: the same after restarts of the broker, which forgets then that transactions were aborted and shows
  their records again: [transactions](transactions.md).

The command fails if a reading is missing or there twice.
";

const COLUMNS: [&str; 8] = ["run", "readings", "kills", "restarts", "seconds", "missing", "twice", "shown again"];

/// A row for each run.
pub(super) fn table(runs: &[Run]) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "| {} |\n|---|{}", COLUMNS.join(" | "), "---:|".repeat(COLUMNS.len() - 1))?;
    for run in runs {
        let Run { run, records, kills, restarts, seconds, missing, twice, shown_again, .. } = run;
        let numbers = format!("{records} | {kills} | {restarts} | {seconds:.0} | {missing} | {twice} | {shown_again}");
        writeln!(text, "| {run} | {numbers} |")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_is_a_row() {
        let run = Run {
            run: "kills".to_owned(),
            records: 10,
            kills: 2,
            restarts: 0,
            seconds: 1.6,
            missing: 0,
            twice: 0,
            shown_again: 0,
            wrong_counts: 0,
        };
        let text = table(&[run]).unwrap();
        assert_eq!(text.lines().nth(2), Some("| kills | 10 | 2 | 0 | 2 | 0 | 0 | 0 |"));
    }
}
