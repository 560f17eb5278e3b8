//! The snippets of the README, cut from the examples.
//!
//! A snippet is a fenced block behind the line `<!-- snippet: FILE -->`. It
//! shows what stands in the file between a line with `[readme` and a line with
//! `readme]`, without their common indentation.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The file with the snippets.
pub(crate) const FILE: &str = "README.md";

const MARK: (&str, &str) = ("<!-- snippet: ", " -->");
const FENCE: &str = "```";

/// The text of the README with its snippets renewed.
pub(crate) fn generate(root: &Path) -> Result<String> {
    let readme = fs::read_to_string(root.join(FILE)).context(FILE)?;
    renew(&readme, |file| fs::read_to_string(root.join(file)).with_context(|| file.to_owned()))
}

/// Renews the snippets of a text; `load` gives the text of an example.
fn renew(text: &str, load: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut lines = text.lines();
    let mut renewed = String::new();
    while let Some(line) = lines.next() {
        push_line(&mut renewed, line);
        let Some(file) = line.strip_prefix(MARK.0).and_then(|rest| rest.strip_suffix(MARK.1)) else { continue };
        let Some(open) = lines.next().filter(|line| line.starts_with(FENCE)) else {
            bail!("no code block follows the mark of {file}");
        };
        if !lines.any(|line| line == FENCE) {
            bail!("the code block of {file} does not end");
        }
        push_line(&mut renewed, open);
        renewed += &cut(&load(file)?).with_context(|| file.to_owned())?;
        push_line(&mut renewed, FENCE);
    }
    Ok(renewed)
}

/// The part of an example that a README shows.
fn cut(source: &str) -> Result<String> {
    let mut lines = source.lines();
    lines.by_ref().find(|line| line.contains("[readme")).context("no line has `[readme`")?;
    let mut shown: Vec<&str> = Vec::new();
    loop {
        match lines.next() {
            Some(line) if line.contains("readme]") => break,
            Some(line) => shown.push(line),
            None => bail!("no line has `readme]`"),
        }
    }
    let indentation = |line: &&str| line.len() - line.trim_start().len();
    let common = shown.iter().filter(|line| !line.trim().is_empty()).map(indentation).min().unwrap_or(0);
    let mut text = String::new();
    for line in shown {
        push_line(&mut text, line.get(common..).unwrap_or_default());
    }
    Ok(text)
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "plumbing\n  // [readme\n  one\n\n    two\n  // readme]\nmore\n";

    #[test]
    fn a_snippet_is_cut_and_dedented() -> Result<()> {
        let text = "a\n<!-- snippet: x.rs -->\n```rust\nold\n```\nb\n";
        let renewed = renew(text, |file| {
            assert_eq!(file, "x.rs");
            Ok(EXAMPLE.to_owned())
        })?;
        assert_eq!(renewed, "a\n<!-- snippet: x.rs -->\n```rust\none\n\n  two\n```\nb\n");
        assert_eq!(renew(&renewed, |_| Ok(EXAMPLE.to_owned()))?, renewed);
        Ok(())
    }

    #[test]
    fn what_cannot_be_cut_is_an_error() {
        let load = |_: &str| Ok(EXAMPLE.to_owned());
        assert!(renew("<!-- snippet: x.rs -->\ntext\n", load).is_err());
        assert!(renew("<!-- snippet: x.rs -->\n```rust\n", load).is_err());
        assert!(cut("// [readme\n").is_err());
        assert!(cut("// readme]\n").is_err());
    }
}
