//! One run of an example, followed by the lines that it prints.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::readings::Readings;
use crate::broker::TestBroker;
use crate::language::Language;
use crate::progress::Phase;
use crate::session::{Session, last_lines, not_started};

/// How long a program may be silent; the longest step is a batch of 744 records.
const SILENCE: Duration = Duration::from_secs(120);

/// What a program says of itself at its end.
#[derive(Debug, Deserialize)]
pub(super) struct Measured {
    pub(super) language: String,
    pub(super) records: u64,
    pub(super) seconds: f64,
    pub(super) ping_ms: f64,
    pub(super) checks: BTreeMap<String, bool>,
    pub(super) means: BTreeMap<String, f64>,
}

/// Runs the program of a language to its end and gives its result.
pub(super) fn run(
    session: &Session,
    broker: &TestBroker,
    language: Language,
    mut command: Command,
    readings: &Readings,
) -> Result<Measured> {
    let log = session.log_path(&format!("demo {language}"));
    command.arg(&broker.address).arg(format!("temperatures-{language}")).arg(&readings.file);
    command.stdout(Stdio::piped()).stderr(File::create(&log)?);
    let mut child = command.spawn().with_context(|| not_started(&command))?;
    let lines = lines(child.stdout.take().context("the program has no output")?);

    let followed = follow(session, language, readings.count, &lines);
    if followed.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    match followed? {
        // A failed check shows in the result, so the status adds nothing to it.
        Some(measured) if status.success() || measured.checks.values().any(|holds| !holds) => Ok(measured),
        result => {
            let said = if result.is_some() { "a result" } else { "no result" };
            bail!("ended with {said} and {status}\n{}", last_lines(&fs::read_to_string(&log)?))
        }
    }
}

/// The lines of a program as they come, so that its silence can be noticed.
fn lines(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Shows the progress of a program until its output ends, and gives its result.
fn follow(session: &Session, language: Language, total: u64, lines: &Receiver<String>) -> Result<Option<Measured>> {
    let mut result = None;
    let mut phase: Option<(String, Phase)> = None;
    loop {
        let line = match lines.recv_timeout(SILENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => bail!("printed nothing for {} s", SILENCE.as_secs()),
        };
        let (word, rest) = line.split_once(' ').with_context(|| format!("printed an unknown line: {line}"))?;
        match word {
            "written" | "read" => {
                let count = rest.parse().with_context(|| format!("printed an unknown line: {line}"))?;
                if phase.as_ref().is_none_or(|(name, _)| name != word) {
                    end(phase.take());
                    phase = Some((word.to_owned(), session.progress.phase(format!("{language:<7}{word}"), total)));
                }
                if let Some((_, phase)) = &mut phase {
                    phase.set(count);
                }
            }
            "result" => {
                result = Some(serde_json::from_str(rest).with_context(|| format!("printed no valid result: {line}"))?);
            }
            _ => bail!("printed an unknown line: {line}"),
        }
    }
    end(phase);
    Ok(result)
}

fn end(phase: Option<(String, Phase)>) {
    if let Some((_, phase)) = phase {
        phase.end();
    }
}
