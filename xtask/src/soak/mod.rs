//! `cargo xtask soak`: long runs in which everything fails, recorded with where they come from.

pub(crate) mod chaos;
mod groups;
mod producer;
mod transforms;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bench::{commit, machine};
use crate::build;
use crate::session::Session;

pub(crate) use groups::gate as groups_gate;
pub(crate) use transforms::gate as transforms_gate;

/// The file that is made of the records.
pub(crate) const FILE: &str = "docs/RELIABILITY.md";

/// Let clients run while brokers, connections and other clients fail, and compare what becomes of it
///
/// Fails if a promise is broken, and then keeps nothing. `cargo xtask reliability` makes docs/RELIABILITY.md of the
/// records.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Producer(producer::Options),
    Groups(groups::Options),
    Transforms(transforms::Options),
}

/// Runs, and where they come from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<Run> {
    /// The commit, with `-dirty` if it was changed.
    commit: String,
    /// The command that lets the same happen again.
    command: String,
    /// The processor and how many there are.
    machine: String,
    runs: Vec<Run>,
}

impl<Run: Serialize + DeserializeOwned> Record<Run> {
    /// The record that is kept, if there is one.
    fn read(root: &Path, file: &str) -> Result<Option<Self>> {
        let path = root.join(file);
        if !path.exists() {
            return Ok(None);
        }
        serde_json::from_str(&fs::read_to_string(path).context(file.to_owned())?).context(file.to_owned()).map(Some)
    }

    fn write(&self, session: &Session, file: &Path) -> Result<()> {
        let file = session.root.join(file);
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
        fs::write(&file, text).with_context(|| format!("write {}", file.display()))
    }

    /// A chapter of the document.
    fn chapter(&self, text: &str, table: &str) -> String {
        let Record { commit, command, machine, .. } = self;
        format!("\n{text}\n`{command}` at commit {commit}; {machine}.\n\n{table}")
    }
}

/// Makes runs, and writes the record.
pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<bool> {
    match &arguments.what {
        What::Producer(options) => producer::run(session, options)?,
        What::Groups(options) => groups::run(session, options)?,
        What::Transforms(options) => transforms::run(session, options)?,
    }
    Ok(true)
}

/// Options as the words of a command line.
fn words<const N: usize>(options: [(&str, &u64); N]) -> Vec<String> {
    options.map(|(name, value)| format!("--{name}={value}")).to_vec()
}

/// Has rivven-soak make its runs; `hidden` are arguments that others have no use for.
fn soak<Run: DeserializeOwned>(
    session: &Session,
    what: &str,
    hint: &str,
    arguments: &[String],
    hidden: &[String],
) -> Result<Record<Run>> {
    // Now: in half an hour another one may be checked out.
    let commit = commit(session)?;
    let broker = build::broker(session)?;
    let mut build = session.cargo();
    session.build("build rivven-soak", "a minute", build.args(["build", "--package=rivven-soak"]))?;
    let found = session.scratch(&format!("soaked-{what}.json"));
    let mut soak = session.command(session.target.join("debug/rivven-soak"));
    soak.env("RIVVEN_TEST_BROKER", broker).arg(what).args(arguments).args(hidden).arg("--json").arg(&found);
    session.execute(&format!("soak {what}"), hint, &mut soak)?.check()?;
    Ok(Record {
        commit,
        command: format!("cargo xtask soak {what} {}", arguments.join(" ")),
        machine: machine(),
        runs: serde_json::from_str(&fs::read_to_string(found)?).context("what rivven-soak has found")?,
    })
}

const HEAD: &str = "\
# Reliability

Made by `cargo xtask reliability` from the records in `docs/reliability`, which `cargo xtask soak` writes.
";

/// The text of the document; `None` before anything is recorded.
pub(crate) fn generate(root: &Path) -> Result<Option<String>> {
    let mut text = HEAD.to_owned();
    if let Some(record) = Record::read(root, producer::RECORD)? {
        text += &record.chapter(producer::TEXT, &producer::table(&record.runs)?);
    }
    if let Some(record) = Record::read(root, groups::RECORD)? {
        text += &record.chapter(groups::TEXT, &groups::table(&record.runs)?);
    }
    if let Some(record) = Record::read(root, transforms::RECORD)? {
        text += &record.chapter(transforms::TEXT, &transforms::table(&record.runs)?);
    }
    if let Some(record) = Record::read(root, chaos::RECORD)? {
        text += &record.chapter(chaos::TEXT, &chaos::table(&record.runs)?);
    }
    Ok((text != HEAD).then_some(text))
}
