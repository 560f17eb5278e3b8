//! `rivven-bench program`: a client in any language, measured by its own program.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::measurement::{Measurement, Subject, histogram, report};
use crate::progress;
use crate::scenario::{Scenario, Workload};
use crate::server::{Server, Target};
use crate::supply::Supply;
use crate::usage::Spent;
use crate::values::{Taken, Values};

/// Measure a client by a program of its own and check what the server has received
///
/// The program is run with its own arguments and these: --address HOST:PORT --topic NAME --partitions N
/// --records N --record-bytes N --seed N. It publishes so many values as this program does, measures from the
/// first to the last report, and prints one line of JSON with client (a name with a version), records
/// (those delivered, or pings answered), seconds, cpu_ns, peak_rss_bytes, allocations (or null), and
/// latencies_ns, a list of some of them, perhaps empty. In a scenario of reading the topic has so many records, in
/// each partition as many, and the program reads all and checks them: src/supply.rs says what they are.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Under which name the measurement is recorded
    #[arg(long, value_enum)]
    scenario: Scenario,
    /// The language in which the client is used
    #[arg(long)]
    language: String,
    /// The server: sink, broker (the real one, started for this), mock-cluster=PROGRAM, or HOST:PORT
    #[arg(long, default_value = "sink")]
    against: Target,
    /// How many records are published or read
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,
    #[command(flatten)]
    workload: Workload,
    /// Write the measurement to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The program and its own arguments
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

/// What a program says at its end.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finished {
    client: String,
    records: u64,
    seconds: f64,
    cpu_ns: u64,
    peak_rss_bytes: u64,
    allocations: Option<u64>,
    latencies_ns: Vec<u64>,
}

/// Carries out the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let supply = arguments.scenario.reads().then(|| Supply::new(arguments.records, &arguments.workload));
    let mut server = match supply {
        Some(supply) => Server::with_records(&arguments.against, supply)?,
        None => Server::start(&arguments.against, arguments.workload.partitions)?,
    };
    let records = supply.map_or(arguments.records, |supply| supply.records());
    let finished = run_program(arguments, &server, records)?;
    ensure!(finished.records == records, "only {} of {records} records are reported", finished.records);
    match supply {
        Some(_) => server.verify_reads(records)?,
        None => server.verify(published(arguments))?,
    }
    report(&[measurement(arguments, finished)?], arguments.json.as_deref())
}

fn run_program(arguments: &Arguments, server: &Server, records: u64) -> Result<Finished> {
    let name = arguments.program[0].display();
    let Workload { record_bytes, partitions, seed } = arguments.workload;
    let mut command = Command::new(&arguments.program[0]);
    command.args(&arguments.program[1..]).args(["--address", server.address(), "--topic", server.topic()]);
    command.args([format!("--partitions={partitions}"), format!("--records={records}")]);
    command.args([format!("--record-bytes={record_bytes}"), format!("--seed={seed}")]);
    let spinner = progress::spinner(&format!("{} {}", arguments.scenario.name(), arguments.language));
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("run {name}"))?;
    drop(spinner);
    ensure!(output.status.success(), "{name}: {}, see above", output.status);
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&said).with_context(|| format!("{name} has printed no result but {said}"))
}

fn published(arguments: &Arguments) -> Taken {
    let Workload { record_bytes, seed, .. } = arguments.workload;
    match arguments.scenario {
        Scenario::Ping => Taken::default(),
        _ => Values::new(record_bytes as usize, seed, 0).taken_elsewhere(arguments.records),
    }
}

fn measurement(arguments: &Arguments, finished: Finished) -> Result<Measurement> {
    let Finished { client, records, seconds, cpu_ns, peak_rss_bytes, allocations, latencies_ns } = finished;
    let spent = Spent { seconds, cpu: Duration::from_nanos(cpu_ns), allocations, peak_rss: peak_rss_bytes };
    let with_records = arguments.scenario != Scenario::Ping;
    let subject = Subject {
        scenario: arguments.scenario,
        language: arguments.language.clone(),
        client,
        record_bytes: with_records.then_some(arguments.workload.record_bytes),
        partitions: with_records.then_some(arguments.workload.partitions),
    };
    let latencies = histogram(latencies_ns.into_iter().map(Duration::from_nanos))?;
    Ok(Measurement::new(subject, records, spent, &latencies))
}
