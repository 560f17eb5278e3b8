//! `cargo xtask header`, `snippets`, `performance` and `reliability`: files that are made from others.

use std::fs;

use anyhow::{Context, Result};

use crate::session::Session;
use crate::{header, performance, snippets, soak};

/// What the commands that write a generated file take.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only compare the file with what would be written; fail if they differ
    #[arg(long)]
    check: bool,
}

impl Arguments {
    /// Only compare.
    pub(crate) const CHECK: Arguments = Arguments { check: true };
}

/// Writes or checks `include/rivven.h`, made from the sources of rivven-ffi.
pub(crate) fn header(session: &Session, arguments: &Arguments) -> Result<bool> {
    let wanted = header::generate(&session.root)?;
    settle(session, arguments, "include/rivven.h", &wanted, "cargo xtask header")
}

/// Writes or checks the snippets of the README and of `docs/`, cut from the examples.
pub(crate) fn snippets(session: &Session, arguments: &Arguments) -> Result<bool> {
    let mut fine = true;
    for document in snippets::documents(&session.root)? {
        let wanted = snippets::generate(&session.root, &document)?;
        fine &= settle(session, arguments, &document, &wanted, "cargo xtask snippets")?;
    }
    Ok(fine)
}

/// Writes or checks `docs/PERFORMANCE.md`, made from the records of measurements.
pub(crate) fn performance(session: &Session, arguments: &Arguments) -> Result<bool> {
    let wanted = performance::generate(&session.root)?;
    settle(session, arguments, performance::FILE, &wanted, "cargo xtask performance")
}

/// Writes or checks `docs/RELIABILITY.md`, made from the record of a long run, if there is one.
pub(crate) fn reliability(session: &Session, arguments: &Arguments) -> Result<bool> {
    if !session.root.join(soak::RECORD).exists() {
        println!("no long run is recorded in {}", soak::RECORD);
        return Ok(true);
    }
    let wanted = soak::generate(&session.root)?;
    settle(session, arguments, soak::FILE, &wanted, "cargo xtask reliability")
}

/// Writes the file, or says where it differs; false if it should be written but is only checked.
fn settle(session: &Session, arguments: &Arguments, file: &str, wanted: &str, command: &str) -> Result<bool> {
    let path = session.root.join(file);
    let found = fs::read_to_string(&path).unwrap_or_default();
    if found == wanted {
        println!("{file} is up to date");
    } else if arguments.check {
        println!("{file} is out of date from line {} on: run `{command}`", first_difference(&found, wanted));
        return Ok(false);
    } else {
        fs::write(&path, wanted).with_context(|| format!("write {file}"))?;
        println!("{file} is written");
    }
    Ok(true)
}

/// The number of the first line that differs.
fn first_difference(found: &str, wanted: &str) -> usize {
    found.lines().zip(wanted.lines()).take_while(|(a, b)| a == b).count() + 1
}
