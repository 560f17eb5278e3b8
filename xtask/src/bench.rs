//! `cargo xtask bench`: the standard set of measurements, recorded with where they come from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::build;
use crate::session::Session;

/// Measure the standard set against the real broker and record it
///
/// A record that is kept goes to docs/performance/; `cargo xtask performance` makes docs/PERFORMANCE.md of them.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write the record to this file
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
    /// How often every scenario is measured
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    /// What readers should know of this record, for instance what else the machine did
    #[arg(long, default_value = "")]
    note: String,
}

impl Arguments {
    /// What to type to measure the same again.
    fn command(&self) -> String {
        format!("cargo xtask bench --repeat {} --json {}", self.repeat, self.json.display())
    }
}

/// Measurements, and where they come from.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The commit that was measured, with `-dirty` if it was changed.
    pub(crate) commit: String,
    /// The command that measures the same again.
    pub(crate) command: String,
    /// The processor and how many there are.
    pub(crate) machine: String,
    /// What readers should know.
    pub(crate) note: String,
    /// One entry for each time that a scenario was measured.
    pub(crate) entries: Vec<Entry>,
}

/// What rivven-bench measures; null where it did not.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) scenario: String,
    pub(crate) language: String,
    pub(crate) client: String,
    pub(crate) records: u64,
    pub(crate) record_bytes: Option<u64>,
    pub(crate) partitions: Option<u32>,
    pub(crate) seconds: f64,
    pub(crate) records_per_second: f64,
    pub(crate) cpu_ns_per_record: Option<f64>,
    pub(crate) allocations_per_record: Option<f64>,
    pub(crate) peak_rss_bytes: Option<u64>,
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
}

impl Entry {
    /// Whether both measure the same.
    pub(crate) fn is_like(&self, other: &Entry) -> bool {
        (&self.scenario, &self.language, &self.client) == (&other.scenario, &other.language, &other.client)
    }
}

/// Measures and writes the record.
pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<bool> {
    let file = &arguments.json;
    // Before anything is measured: minutes later it would be a pity.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::create_dir_all(folder.unwrap_or(Path::new("."))).with_context(|| format!("write {}", file.display()))?;
    let broker = build::broker(session)?;
    let mut build = session.cargo();
    build.args(["build", "--release", "--package", "rivven-bench"]);
    session.build("build rivven-bench", "two minutes", &mut build)?;
    let record = Record {
        commit: commit(session)?,
        command: arguments.command(),
        machine: machine(),
        note: arguments.note.clone(),
        entries: measure(session, &broker, arguments.repeat)?,
    };
    let text = serde_json::to_string_pretty(&record)? + "\n";
    fs::write(file, text).with_context(|| format!("write {}", file.display()))?;
    println!("recorded in {}", file.display());
    Ok(true)
}

/// The standard set: pings, one after the other and a thousand at once.
fn measure(session: &Session, broker: &Path, repeat: usize) -> Result<Vec<Entry>> {
    let measured = session.scratch("measured.json");
    let mut bench = session.command(session.target.join("release/rivven-bench"));
    bench.env("RIVVEN_TEST_BROKER", broker).args(["ping", "--repeat", &repeat.to_string(), "--json"]).arg(&measured);
    print!("{}", session.run("measure pings", &mut bench)?);
    serde_json::from_str(&fs::read_to_string(&measured)?).context("what rivven-bench has measured")
}

fn commit(session: &Session) -> Result<String> {
    let mut describe: Command = session.command("git");
    describe.args(["describe", "--always", "--dirty", "--exclude", "*", "--abbrev=12"]);
    Ok(session.query(&mut describe)?.trim().to_owned())
}

fn machine() -> String {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = known.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or(std::env::consts::ARCH, |(_, model)| model.trim());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {processors} processors, {}", std::env::consts::OS)
}
