//! `cargo xtask bench`: the standard set of measurements, recorded with where they come from.

mod peers;
mod set;
pub(crate) mod summary;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use self::peers::{Peer, Program};
use self::set::{By, Measure};
use crate::build;
use crate::session::Session;
use crate::table::{row, table};

/// Measure the standard set, with other clients beside ours, and record it
///
/// Kafka's clients run against librdkafka's mock cluster; for them Debian's librdkafka-dev and pkg-config are needed
/// (apt-get install librdkafka-dev pkg-config). What is missing or fails is left out, named at the end and in the
/// record, and makes the command fail.
/// A record that is kept goes to docs/performance/; `cargo xtask performance` makes docs/PERFORMANCE.md of them.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write the record to this file
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
    /// How often every scenario is measured
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    /// Only these scenarios; may be repeated, or separated by commas
    #[arg(long, value_name = "SCENARIO", value_delimiter = ',')]
    only: Vec<String>,
    /// What readers should know of this record, for instance what else the machine did
    #[arg(long, default_value = "")]
    note: String,
}

impl Arguments {
    /// What to type to measure the same again.
    fn command(&self) -> String {
        let only = if self.only.is_empty() { String::new() } else { format!("--only {} ", self.only.join(",")) };
        format!("cargo xtask bench --repeat {} {only}--json {}", self.repeat, self.json.display())
    }

    /// The measurements that are wanted.
    fn wanted(&self) -> Result<Vec<Measure>> {
        let known = set::scenarios();
        if let Some(unknown) = self.only.iter().find(|name| !known.contains(&name.as_str())) {
            bail!("there is no scenario `{unknown}` among: {}", known.join(", "));
        }
        let is_wanted =
            |measure: &&Measure| self.only.is_empty() || self.only.iter().any(|one| one == measure.scenario);
        Ok(set::SET.iter().filter(is_wanted).copied().collect())
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
    /// What should have been measured and was not, and why.
    #[serde(default)]
    pub(crate) missing: Vec<String>,
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
        let what = |entry: &Entry| (entry.records, entry.record_bytes, entry.partitions);
        let who = (&self.scenario, &self.language, &self.client);
        who == (&other.scenario, &other.language, &other.client) && what(self) == what(other)
    }
}

/// Measures and writes the record.
pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<bool> {
    let file = &arguments.json;
    let wanted = arguments.wanted()?;
    // Before anything is measured: minutes later it would be a pity.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::create_dir_all(folder.unwrap_or(Path::new("."))).with_context(|| format!("write {}", file.display()))?;
    let mut bench = Bench::prepare(session, &wanted)?;
    bench.measure(&wanted, arguments.repeat);
    let record = Record {
        commit: commit(session)?,
        command: arguments.command(),
        machine: machine(),
        note: arguments.note.clone(),
        missing: bench.missing,
        entries: bench.entries,
    };
    let text = serde_json::to_string_pretty(&record)? + "\n";
    fs::write(file, text).with_context(|| format!("write {}", file.display()))?;
    report(&record, file);
    Ok(record.missing.is_empty())
}

/// A run of the set.
struct Bench<'a> {
    session: &'a Session,
    broker: PathBuf,
    /// The programs that are ready.
    programs: BTreeMap<Peer, Program>,
    entries: Vec<Entry>,
    missing: Vec<String>,
}

impl<'a> Bench<'a> {
    /// Builds all that is needed; a peer that cannot be had is noted as missing.
    fn prepare(session: &'a Session, wanted: &[Measure]) -> Result<Self> {
        let broker = build::broker(session)?;
        let mut build = session.cargo();
        build.args(["build", "--release", "--package=rivven-bench", "--package=rivven-testkit"]);
        build.args(["--bin=rivven-bench", "--bin=rivven-sink"]);
        session.build("build rivven-bench", "two minutes", &mut build)?;
        let mut bench = Bench { session, broker, programs: BTreeMap::new(), entries: Vec::new(), missing: Vec::new() };
        let mut peers: Vec<Peer> = wanted.iter().filter_map(|measure| measure.peer()).collect();
        peers.sort();
        peers.dedup();
        for peer in peers {
            match peer.prepare(session) {
                Ok(program) => drop(bench.programs.insert(peer, program)),
                Err(error) => bench.note_missing(format!("{error:#}")),
            }
        }
        Ok(bench)
    }

    /// Measures everything once, then everything again, so that whatever else the machine does meets all alike.
    fn measure(&mut self, wanted: &[Measure], repeat: usize) {
        for round in 1..=repeat {
            for measure in wanted {
                let title = format!("{round} of {repeat}: {} {}", measure.scenario, measure.title);
                match self.command(measure).map(|command| self.entries_of(&title, command)) {
                    Some(Ok(entries)) => self.entries.extend(entries),
                    Some(Err(error)) => self.note_missing(format!("{title}: {error:#}")),
                    // Noted when it was prepared.
                    None => {}
                }
            }
        }
    }

    /// The command that measures it, unless its program is missing.
    fn command(&self, measure: &Measure) -> Option<Command> {
        let mut command = self.session.command(self.session.target.join("release/rivven-bench"));
        command.env("RIVVEN_TEST_BROKER", &self.broker);
        match measure.by {
            By::Bench(arguments) => {
                command.args(arguments).arg("--json").arg(self.measured());
                // The other commands have one scenario each.
                if ["produce", "raw", "consume"].contains(&arguments[0]) {
                    command.args(["--scenario", measure.scenario]);
                }
            }
            By::Peer(peer, load, arguments) => {
                let Program { language, against, command: program } = self.programs.get(&peer)?;
                command.args(["program", "--scenario", measure.scenario, "--language", language, "--against", against]);
                command.arg(format!("--records={}", load.records)).arg(format!("--partitions={}", load.partitions));
                command.arg("--json").arg(self.measured()).arg("--").args(program).args(arguments);
            }
        }
        Some(command)
    }

    fn entries_of(&self, title: &str, mut command: Command) -> Result<Vec<Entry>> {
        self.session.run(title, &mut command)?;
        serde_json::from_str(&fs::read_to_string(self.measured())?).context("what rivven-bench has measured")
    }

    /// Where rivven-bench leaves what it has measured.
    fn measured(&self) -> PathBuf {
        self.session.scratch("measured.json")
    }

    fn note_missing(&mut self, what: String) {
        eprintln!("NOT MEASURED  {what}");
        self.missing.push(what);
    }
}

impl Measure {
    fn peer(&self) -> Option<Peer> {
        match self.by {
            By::Bench(_) => None,
            By::Peer(peer, ..) => Some(peer),
        }
    }
}

/// Prints the medians, and what was not measured.
fn report(record: &Record, file: &Path) {
    let mut table = table(summary::COLUMNS);
    for cells in summary::rows(&record.entries) {
        table.add_row(row(cells));
    }
    println!("{table}");
    for missing in &record.missing {
        println!("not measured: {missing}");
    }
    println!("recorded in {}", file.display());
}

pub(crate) fn commit(session: &Session) -> Result<String> {
    let mut describe: Command = session.command("git");
    describe.args(["describe", "--always", "--dirty", "--exclude", "*", "--abbrev=12"]);
    Ok(session.query(&mut describe)?.trim().to_owned())
}

pub(crate) fn machine() -> String {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = known.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or(std::env::consts::ARCH, |(_, model)| model.trim());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {processors} processors, {}", std::env::consts::OS)
}
