//! `cargo xtask soak producer`: what becomes of every record when everything fails.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Record;
use crate::session::Session;

/// The record that is kept.
pub(super) const RECORD: &str = "docs/reliability/producer.json";

/// A producer, plain and idempotent: faults, kills, and the presets at full speed
#[derive(clap::Args)]
pub(super) struct Options {
    /// The records of each run with faults
    #[arg(long, default_value_t = 200_000)]
    records: u64,
    /// The faults of a run
    #[arg(long, default_value_t = 50)]
    faults: u64,
    /// How often the broker is killed
    #[arg(long, default_value_t = 10)]
    kills: u64,
    /// How many seconds each preset sends
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// What the faults follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the record to this file
    #[arg(long, value_name = "FILE", default_value = RECORD)]
    json: PathBuf,
}

impl Options {
    /// The arguments that let the same happen again.
    fn arguments(&self) -> Vec<String> {
        let Options { records, faults, kills, seconds, seed, .. } = self;
        super::words([("records", records), ("faults", faults), ("kills", kills), ("seconds", seconds), ("seed", seed)])
    }
}

/// What rivven-soak has found in one run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    run: String,
    records: u64,
    seconds: f64,
    faults: BTreeMap<String, u64>,
    errors: u64,
    retries: u64,
    acknowledged: u64,
    failed: u64,
    maybe_duplicate: u64,
    stored: u64,
    stored_twice: u64,
    lost: u64,
    out_of_order: u64,
    duplicated: u64,
    misplaced: u64,
    unexpected: u64,
    unreachable: Option<u64>,
}

/// Runs and writes the record.
pub(super) fn run(session: &Session, options: &Options) -> Result<()> {
    let arguments = options.arguments();
    let record: Record<Run> = super::soak(session, "producer", "half an hour", &arguments, &[])?;
    println!("{}recorded in {}", table(&record.runs)?, options.json.display());
    record.write(session, &options.json)
}

/// What the document says.
pub(super) const TEXT: &str = "\
## Producers

A producer sends numbered records to 16 partitions of the real broker while that is restarted or killed and while a
proxy cuts, resets, stalls and slows its connections. What the results said is then compared with the log.

- *may be twice*: records whose result said `maybe_duplicate`; *are twice*: those of them that are.
- *lost*: acknowledged records that are not there. After kills they are looked for in the broker's log files.
- *out of order*: records that came behind a later one of their partition.
- *twice unsaid*: records that are there twice though their result did not say `maybe_duplicate`.
- *misplaced*: records that are not at the offset that their result called exact.
- *unreachable*: acknowledged records that lie in the broker's log files and that no fetch gives. The broker loses
  sight of them when it replays its write-ahead log after a kill; no client can read them.

The command fails if a record is lost, out of order, twice unsaid, misplaced or given up, and, with a preset, if any
request fails.
";

const COLUMNS: [&str; 13] = [
    "run",
    "what went wrong",
    "records",
    "seconds",
    "requests failed",
    "acknowledged",
    "may be twice",
    "are twice",
    "lost",
    "out of order",
    "twice unsaid",
    "misplaced",
    "unreachable",
];

pub(super) fn table(runs: &[Run]) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "| {} |\n|---|---|{}", COLUMNS.join(" | "), "---:|".repeat(COLUMNS.len() - 2))?;
    for run in runs {
        writeln!(text, "| {} |", cells(run).join(" | "))?;
    }
    Ok(text)
}

fn cells(run: &Run) -> [String; COLUMNS.len()] {
    let faults: Vec<_> = run.faults.iter().map(|(name, count)| format!("{count} x {name}")).collect();
    [
        run.run.clone(),
        if faults.is_empty() { "nothing".to_owned() } else { faults.join(", ") },
        run.records.to_string(),
        format!("{:.0}", run.seconds),
        run.errors.to_string(),
        run.acknowledged.to_string(),
        run.maybe_duplicate.to_string(),
        // On a disk copies are not counted.
        if run.unreachable.is_some() { "-".to_owned() } else { run.stored_twice.to_string() },
        run.lost.to_string(),
        run.out_of_order.to_string(),
        run.duplicated.to_string(),
        run.misplaced.to_string(),
        run.unreachable.map_or_else(|| "-".to_owned(), |count| count.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_becomes_a_row() {
        let run = r#"{"run": "kills", "records": 20, "seconds": 1.5, "faults": {"SIGKILL": 2}, "errors": 3, "retries": 3,
            "acknowledged": 20, "failed": 0, "maybe_duplicate": 4, "stored": 20, "stored_twice": 0, "lost": 0,
            "out_of_order": 0, "duplicated": 0, "misplaced": 0, "unexpected": 0, "unreachable": 5}"#;
        let text = table(&[serde_json::from_str(run).unwrap()]).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[1].matches("---").count(), COLUMNS.len());
        assert_eq!(lines[2], "| kills | 2 x SIGKILL | 20 | 2 | 3 | 20 | 4 | - | 0 | 0 | 0 | 0 | 5 |");
    }
}
