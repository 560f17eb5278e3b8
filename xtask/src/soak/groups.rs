//! `cargo xtask soak groups`: members in several languages that come, leave and are killed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::Record;
use crate::build::{native, node, python};
use crate::checks::Tally;
use crate::session::Session;

/// The record that is kept.
pub(super) const RECORD: &str = "docs/reliability/groups.json";

/// Where the members in other languages lie.
const MEMBERS: &str = "testing/soak/members";

/// Groups of 1, 2, 3 and 10 members, and of one in each language: they form, are joined and left, and lose one by a kill
#[derive(clap::Args)]
pub(super) struct Options {
    /// How often each group is formed
    #[arg(long, default_value_t = 20)]
    rounds: u64,
    /// How many of those at once
    #[arg(long, default_value_t = 5)]
    at_once: u64,
    /// How many seconds nothing may change once a group has settled
    #[arg(long, default_value_t = 60)]
    quiet: u64,
    /// How many seconds longer than promised a group may take to settle, for machines that are busy otherwise
    #[arg(long, default_value_t = 0)]
    slack: u64,
    /// Write the record to this file
    #[arg(long, value_name = "FILE", default_value = RECORD)]
    json: PathBuf,
}

/// What is run in CI, where machines are busy.
fn in_ci() -> Options {
    Options { rounds: 1, at_once: 1, quiet: 10, slack: 15, json: PathBuf::new() }
}

impl Options {
    /// The arguments that let the same happen again.
    fn arguments(&self) -> Vec<String> {
        let Options { rounds, at_once, quiet, slack, .. } = self;
        super::words([("rounds", rounds), ("at-once", at_once), ("quiet", quiet), ("slack", slack)])
    }
}

/// What rivven-soak has found of one group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    run: String,
    records: u64,
    formed_ms: u64,
    joined_ms: u64,
    left_ms: u64,
    killed_ms: u64,
    assignments: u64,
    read_again: u64,
    violations: Vec<String>,
}

/// Runs and writes the record.
pub(super) fn run(session: &Session, options: &Options) -> Result<()> {
    let record = soak(session, options)?;
    println!("{}recorded in {}", table(&record.runs)?, options.json.display());
    record.write(session, &options.json)
}

/// The gate: each group once.
pub(crate) fn gate(session: &Session) -> Result<Tally> {
    let record = soak(session, &in_ci())?;
    println!("{}", table(&record.runs)?);
    Ok(Tally { passed: record.runs.len(), ..Tally::default() })
}

fn soak(session: &Session, options: &Options) -> Result<Record<Run>> {
    let members = parties(session, "member")?;
    super::soak(session, "groups", "half an hour", &options.arguments(), &members)
}

/// How a party in each language is started.
pub(super) fn parties(session: &Session, party: &str) -> Result<Vec<String>> {
    let folder = session.root.join(MEMBERS);
    let mut interpreter = session.command(python::interpreter(session)?);
    interpreter.arg(folder.join(format!("{party}.py")));
    node::package(session)?;
    let mut node = session.command("node");
    node.arg(folder.join(format!("{party}.mjs")));
    let program = session.scratch(&format!("bin/{party}-c"));
    let c = native::program(session, &folder.join(format!("{party}.c")), &program)?;
    let start = |(language, command): (&str, Command)| format!("--{party}={language}={}", line(&command));
    Ok([("python", interpreter), ("node", node), ("c", c)].map(start).to_vec())
}

/// A command and its variables as words.
fn line(command: &Command) -> String {
    let variable = |(name, value): (&OsStr, Option<&OsStr>)| {
        Some(format!("{}={}", name.to_string_lossy(), value?.to_string_lossy()))
    };
    let variables = command.get_envs().filter_map(variable);
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words = words.map(|word| word.to_string_lossy().into_owned());
    ["env".to_owned()].into_iter().chain(variables).chain(words).collect::<Vec<_>>().join(" ")
}

/// What the document says.
pub(super) const TEXT: &str = "\
## Groups

Processes form a group over 12 partitions of the real broker while records are written to all of them: together, or
each when those before have settled. Then one more comes, one leaves, and one is killed. Heartbeats are sent every
500 ms, and the session timeout is 6 s.

- *formed*, *joined*, *left*, *killed*: the longest time until every partition had one reader again, in ms.
- *given*: how often members were given partitions in one group; there is nothing but what the changes need.
- *read again*: records that were read again after a kill, since what was done with them was not committed.

The command fails if a group takes longer than a heartbeat interval and 2 s to settle, with the session timeout after a
kill; if anything changes afterwards; if a partition has two readers at once; if a record is never read; or if one is
read twice before somebody is killed.
";

const COLUMNS: [&str; 9] = ["group", "rounds", "formed", "joined", "left", "killed", "given", "records", "read again"];

/// A row for each kind of group.
pub(super) fn table(runs: &[Run]) -> Result<String> {
    let mut kinds: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    runs.iter().for_each(|run| kinds.entry(&run.run).or_default().push(run));
    let mut text = String::new();
    writeln!(text, "| {} |\n|---|{}", COLUMNS.join(" | "), "---:|".repeat(COLUMNS.len() - 1))?;
    for (kind, runs) in kinds {
        let most = |of: fn(&Run) -> u64| runs.iter().copied().map(of).max().unwrap_or_default();
        let sum = |of: fn(&Run) -> u64| runs.iter().copied().map(of).sum();
        let cells: [u64; 8] = [
            runs.len() as u64,
            most(|run| run.formed_ms),
            most(|run| run.joined_ms),
            most(|run| run.left_ms),
            most(|run| run.killed_ms),
            most(|run| run.assignments),
            sum(|run| run.records),
            sum(|run| run.read_again),
        ];
        writeln!(text, "| {kind} | {} |", cells.map(|cell| cell.to_string()).join(" | "))?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_one_kind_become_a_row() {
        let run = |formed_ms, records| Run {
            run: "2 members, together".to_owned(),
            records,
            formed_ms,
            joined_ms: 2,
            left_ms: 3,
            killed_ms: 4,
            assignments: 5,
            read_again: 1,
            violations: Vec::new(),
        };
        let text = table(&[run(7, 10), run(6, 20)]).unwrap();
        assert_eq!(text.lines().nth(2), Some("| 2 members, together | 2 | 7 | 2 | 3 | 4 | 5 | 30 | 2 |"));
    }
}
