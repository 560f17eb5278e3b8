//! Generates `include/rivven.h` from `rivven-ffi`.
//!
//! Every module that exports something is a section of the header, headed by
//! the module's own documentation, with its types before its functions.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The modules of `rivven-ffi` in the order of the header.
const SECTIONS: &[&str] = &[
    "version",
    "code",
    "error",
    "bytes",
    "config",
    "strings",
    "partitions",
    "batch",
    "client",
    "session",
    "topics",
    "configs",
    "record_metadata",
    "records",
    "results",
    "fetches",
    "offsets",
    "producer_state",
    "transactions",
    "assignments",
    "groups",
    "quotas",
    "cluster",
    "schemas",
    "stats",
    "events",
    "queue",
    "topic",
    "producer",
    "producer_stats",
    "consumer",
    "consumer_offsets",
    "rebalances",
    "processing",
    "transaction",
    "transformer",
    "consumer_stats",
    "state_changes",
];

const OPEN: &str = "#ifndef RIVVEN_H
#define RIVVEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern \"C\" {
#endif
";

const CLOSE: &str = "
#ifdef __cplusplus
}
#endif

#endif /* RIVVEN_H */
";

/// The text of the header, from the sources under `root`.
pub(crate) fn generate(root: &Path) -> Result<String> {
    let crate_root = root.join("rivven-ffi");
    let mut config = cbindgen::Config::from_file(crate_root.join("cbindgen.toml")).map_err(anyhow::Error::msg)?;
    let preamble = config.header.take().unwrap_or_default();
    let mut header = format!("{}\n\n{OPEN}", preamble.trim());
    for module in SECTIONS {
        let source = crate_root.join("src").join(module).with_extension("rs");
        header +=
            &section(&source, &config).with_context(|| format!("generate the section of {}", source.display()))?;
    }
    header += CLOSE;
    Ok(header)
}

/// One module's part of the header.
fn section(source: &Path, config: &cbindgen::Config) -> Result<String> {
    let mut written = Vec::new();
    cbindgen::Builder::new().with_src(source).with_config(config.clone()).generate()?.write(&mut written);
    let items = short_comments(&without_linkage(&String::from_utf8(written)?));
    Ok(format!("\n{}\n\n{}\n", heading(&fs::read_to_string(source)?), items.trim()))
}

/// The module documentation as a comment under a rule.
fn heading(source: &str) -> String {
    let lines: Vec<_> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let rule = "-".repeat(76);
    let mut heading = format!("/* {rule}\n");
    for line in lines {
        heading += format!(" *{line}").trim_end();
        heading += "\n";
    }
    heading + &format!(" * {rule} */")
}

/// The items without the `extern "C"` around them: one pair of braces encloses all sections.
fn without_linkage(items: &str) -> String {
    let lines: Vec<_> = items.lines().collect();
    let mut kept = String::new();
    let mut next = 0;
    while next < lines.len() {
        match lines[next..] {
            ["#ifdef __cplusplus", brace, end, ..] if is_brace(brace) && end.starts_with("#endif") => next += 3,
            ["", "", ..] => next += 1,
            _ => {
                kept = kept + lines[next] + "\n";
                next += 1;
            }
        }
    }
    kept.replace("\n\n\n", "\n\n")
}

fn is_brace(line: &str) -> bool {
    line == "extern \"C\" {" || line.starts_with('}')
}

/// The items with every comment of one line written on one line.
fn short_comments(items: &str) -> String {
    let lines: Vec<_> = items.lines().collect();
    let mut kept = String::new();
    let mut next = 0;
    while next < lines.len() {
        let (line, taken) = match lines[next..] {
            [open, text, close, ..] if open.trim() == "/**" && close.trim() == "*/" && open.len() + text.len() < 96 => {
                (format!("{open} {} */", text.trim_start().trim_start_matches("* ")), 3)
            }
            [line, ..] => (line.to_owned(), 1),
            [] => break,
        };
        kept += &(line + "\n");
        next += taken;
    }
    kept
}
