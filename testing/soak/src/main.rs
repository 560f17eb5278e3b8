//! `rivven-soak`: lets a producer run while everything fails, and says what became of every record.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use rivven_soak::report::Report;
use rivven_soak::runs::{PRESETS, Size, disturbed, killed, preset};

/// Lets clients run while brokers and connections fail, and counts what becomes of every record.
#[derive(Parser)]
#[command(name = "rivven-soak", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Producer(Options),
}

/// A producer, plain and idempotent: faults, kills, and the presets at full speed
#[derive(clap::Args)]
struct Options {
    /// The records of each run with faults
    #[arg(long, default_value_t = 200_000)]
    records: u64,
    /// The faults of a run: restarts of the broker, connections that are cut, reset, stalled or slow
    #[arg(long, default_value_t = 50)]
    faults: usize,
    /// How often the broker is killed
    #[arg(long, default_value_t = 10)]
    kills: usize,
    /// How many seconds each preset sends
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// What the faults follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the runs whose names contain this
    #[arg(long, value_name = "RUN", default_value = "")]
    only: String,
    /// Write what was found to this file, also where that was too much
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Producer(options) = Arguments::parse().command;
    match producer(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn producer(options: &Options) -> Result<()> {
    let Options { records, faults, kills, seed, .. } = *options;
    let mut reports: Vec<Report> = Vec::new();
    let is_wanted = |run: &str| run.contains(&options.only);
    let size = Size { records, faults, seed };
    if is_wanted("faults, plain") {
        reports.push(disturbed(size, false).await?);
    }
    if is_wanted("faults, idempotent") {
        reports.push(disturbed(Size { seed: seed + 1, ..size }, true).await?);
    }
    if is_wanted("kills") {
        reports.push(killed(Size { faults: kills, ..size }).await?);
    }
    for name in PRESETS.iter().filter(|name| is_wanted(&format!("preset {name}"))) {
        reports.push(preset(name, Duration::from_secs(options.seconds), u64::MAX).await?);
    }
    let text = serde_json::to_string_pretty(&reports)? + "\n";
    fs::write(&options.json, text).with_context(|| format!("write {}", options.json.display()))?;
    for report in &reports {
        match report.faults.is_empty() {
            true => report.check_undisturbed()?,
            false => report.check()?,
        }
    }
    Ok(())
}
