//! `docs/PERFORMANCE.md`, made from the records in `docs/performance`.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::bench::{Entry, Record};

/// The file that is made.
pub(crate) const FILE: &str = "docs/PERFORMANCE.md";

/// The folder of the records.
const RECORDS: &str = "docs/performance";

const HEAD: &str = "\
# Performance

Made by `cargo xtask performance` from the records in `docs/performance`, which `cargo xtask bench` writes. Every
figure is the median of the times that a scenario was measured; in brackets the lowest and the highest. A scenario
without records counts requests. Processor time and memory are those of the client's process.
";

/// The text of the document.
pub(crate) fn generate(root: &Path) -> Result<String> {
    let mut text = HEAD.to_owned();
    for file in files(root, ".json")? {
        let record: Record = serde_json::from_str(&fs::read_to_string(root.join(RECORDS).join(&file))?)
            .with_context(|| format!("{RECORDS}/{file}"))?;
        text += &section(&file, &record)?;
    }
    // What no table of times can hold is written by hand.
    for file in files(root, ".md")? {
        write!(text, "\n{}", fs::read_to_string(root.join(RECORDS).join(file))?)?;
    }
    Ok(text)
}

/// The names of the files that end like this, sorted.
fn files(root: &Path, ending: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(RECORDS)).context(RECORDS)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name.ends_with(ending));
    names.sort();
    Ok(names)
}

fn section(file: &str, record: &Record) -> Result<String> {
    let Record { commit, command, machine, note, entries } = record;
    let mut text = format!("\n## {file}\n\n`{command}` at commit {commit}; {machine}.");
    if !note.is_empty() {
        write!(text, " {note}")?;
    }
    text += "\n\n| scenario | client | records | per second | CPU ns each | p50 us | p99 us | peak MiB |\n";
    text += "|---|---|---:|---:|---:|---:|---:|---:|\n";
    for group in by_scenario(entries) {
        text += &row(&group);
    }
    Ok(text)
}

/// Entries by scenario, in the order in which the scenarios first come.
fn by_scenario(entries: &[Entry]) -> Vec<Vec<&Entry>> {
    let mut groups: Vec<Vec<&Entry>> = Vec::new();
    for entry in entries {
        match groups.iter_mut().find(|group| group[0].is_like(entry)) {
            Some(group) => group.push(entry),
            None => groups.push(vec![entry]),
        }
    }
    groups
}

fn row(group: &[&Entry]) -> String {
    let first = group[0];
    let client = format!("{}: {}", first.language, first.client);
    let figures = [
        spread(group, |entry| Some(entry.records_per_second)),
        spread(group, |entry| entry.cpu_ns_per_record),
        spread(group, |entry| entry.p50_us),
        spread(group, |entry| entry.p99_us),
        spread(group, |entry| entry.peak_rss_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20))),
    ];
    format!("| {} | {client} | {} | {} |\n", first.scenario, first.records, figures.join(" | "))
}

/// The median, and the lowest and highest if they differ from it.
fn spread(group: &[&Entry], figure: impl Fn(&Entry) -> Option<f64>) -> String {
    let mut figures: Vec<f64> = group.iter().filter_map(|entry| figure(entry)).collect();
    figures.sort_by(f64::total_cmp);
    match figures[..] {
        [] => "-".into(),
        [only] => format!("{only:.0}"),
        [low, .., high] => format!("{:.0} ({low:.0} to {high:.0})", figures[figures.len() / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(scenario: &str, records_per_second: f64) -> Entry {
        Entry {
            scenario: scenario.into(),
            language: "rust".into(),
            client: "rivven Client".into(),
            records: 10,
            record_bytes: None,
            partitions: None,
            seconds: 1.0,
            records_per_second,
            cpu_ns_per_record: None,
            allocations_per_record: None,
            peak_rss_bytes: Some(3 << 20),
            p50_us: Some(1.0),
            p99_us: None,
        }
    }

    #[test]
    fn a_scenario_has_one_row_with_median_and_spread() {
        let entries = vec![entry("a", 30.0), entry("b", 1.0), entry("a", 10.0), entry("a", 20.0)];
        let record =
            Record { commit: "c".into(), command: "x".into(), machine: "m".into(), note: String::new(), entries };
        let text = section("f.json", &record).unwrap();
        let rows: Vec<&str> = text.lines().rev().take(2).collect();
        assert_eq!(rows[1], "| a | rust: rivven Client | 10 | 20 (10 to 30) | - | 1 (1 to 1) | - | 3 (3 to 3) |");
        assert_eq!(rows[0], "| b | rust: rivven Client | 10 | 1 | - | 1 | - | 3 |");
    }
}
