//! `docs/PERFORMANCE.md`, made from the records in `docs/performance`.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::bench::{Record, summary};

/// The file that is made.
pub(crate) const FILE: &str = "docs/PERFORMANCE.md";

/// The folder of the records.
const RECORDS: &str = "docs/performance";

const HEAD: &str = "\
# Performance

Made by `cargo xtask performance` from the records in `docs/performance`, which `cargo xtask bench` writes. Every
figure is the median of the times that a scenario was measured; in brackets the lowest and the highest. A scenario
without records counts requests. Processor time, allocations and memory are those of the client's process, in user and
kernel mode, from the first record that is handed over to the last report, and of readers from when partitions are
assigned to the last record. The last two columns compare our first
client of the scenario with the client of the row: how many times as fast it is, and how many times its processor time
per record. `testing/bench/README.md` says what each scenario is.
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
    let Record { commit, command, machine, note, missing, entries } = record;
    let mut text = format!("\n## {file}\n\n`{command}` at commit {commit}; {machine}.");
    if !note.is_empty() {
        write!(text, " {note}")?;
    }
    write!(
        text,
        "\n\n| {} |\n|---|---|{}\n",
        summary::COLUMNS.join(" | "),
        "---:|".repeat(summary::COLUMNS.len() - 2)
    )?;
    for cells in summary::rows(entries) {
        writeln!(text, "| {} |", cells.join(" | "))?;
    }
    for missing in missing {
        write!(text, "\nNot measured: {}\n", missing.lines().next().unwrap_or_default())?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::summary::tests::entry;

    #[test]
    fn a_record_becomes_a_table_and_says_what_is_missing() {
        let record = Record {
            commit: "c".into(),
            command: "x".into(),
            machine: "m".into(),
            note: String::new(),
            missing: vec!["no peer: install it\nfor more see".into()],
            entries: vec![entry("a", "rivven Client", 30.0), entry("a", "y", 10.0)],
        };
        let text = section("f.json", &record).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "## f.json");
        assert!(lines[5].starts_with("| scenario | client |"), "{text}");
        assert!(lines[8].starts_with("| a | rust: y | 12 | 10 | 10 |"), "{text}");
        assert!(lines[8].ends_with("| x 3.00 | - |"), "{text}");
        assert_eq!(lines[10], "Not measured: no peer: install it");
        assert_eq!(lines[6].matches("---").count(), summary::COLUMNS.len());
    }
}
