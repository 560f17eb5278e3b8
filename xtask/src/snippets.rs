//! The snippets of the README and of `docs/`, cut from the examples.
//!
//! A snippet is a fenced block behind the line `<!-- snippet: FILE -->`. It
//! shows what stands in the file between a line with `[readme` and a line with
//! `readme]`, without their common indentation. `<!-- snippet: FILE#NAME -->`
//! shows what stands between `[NAME` and `NAME]`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

const MARK: (&str, &str) = ("<!-- snippet: ", " -->");
const FENCE: &str = "```";

/// The part that is shown where the mark names none.
const DEFAULT_PART: &str = "readme";

/// The documents with snippets: README.md, and those in `docs/` that have any.
pub(crate) fn documents(root: &Path) -> Result<Vec<String>> {
    let mut documents = vec!["README.md".to_owned()];
    for entry in fs::read_dir(root.join("docs"))? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(".md")) else {
            continue;
        };
        if fs::read_to_string(&path)?.lines().any(|line| line.starts_with(MARK.0)) {
            documents.push(format!("docs/{name}"));
        }
    }
    documents.sort();
    Ok(documents)
}

/// The text of a document with its snippets renewed.
pub(crate) fn generate(root: &Path, document: &str) -> Result<String> {
    let text = fs::read_to_string(root.join(document)).with_context(|| document.to_owned())?;
    renew(&text, |file| fs::read_to_string(root.join(file)).with_context(|| file.to_owned()))
}

/// Renews the snippets of a text; `load` gives the text of an example.
fn renew(text: &str, load: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut lines = text.lines();
    let mut renewed = String::new();
    while let Some(line) = lines.next() {
        push_line(&mut renewed, line);
        let Some(mark) = line.strip_prefix(MARK.0).and_then(|rest| rest.strip_suffix(MARK.1)) else { continue };
        let (file, part) = mark.split_once('#').unwrap_or((mark, DEFAULT_PART));
        let Some(open) = lines.next().filter(|line| line.starts_with(FENCE)) else {
            bail!("no code block follows the mark of {mark}");
        };
        if !lines.any(|line| line == FENCE) {
            bail!("the code block of {mark} does not end");
        }
        push_line(&mut renewed, open);
        renewed += &cut(&load(file)?, part).with_context(|| file.to_owned())?;
        push_line(&mut renewed, FENCE);
    }
    Ok(renewed)
}

/// The part of an example that a document shows.
fn cut(source: &str, part: &str) -> Result<String> {
    let (begin, end) = (format!("[{part}"), format!("{part}]"));
    let has = |line: &str, word: &str| line.split_whitespace().any(|found| found == word);
    let mut lines = source.lines();
    lines.by_ref().find(|line| has(line, &begin)).with_context(|| format!("no line has `{begin}`"))?;
    let mut shown: Vec<&str> = Vec::new();
    loop {
        match lines.next() {
            Some(line) if has(line, &end) => break,
            Some(line) => shown.push(line),
            None => bail!("no line has `{end}`"),
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
    fn a_part_is_found_by_its_name() -> Result<()> {
        let source = "# [a-b\nfirst\n# a-b]\n# [b\nsecond\n# b]\n";
        let renewed = renew("<!-- snippet: x.py#b -->\n```python\n```\n", |_| Ok(source.to_owned()))?;
        assert_eq!(renewed, "<!-- snippet: x.py#b -->\n```python\nsecond\n```\n");
        Ok(())
    }

    #[test]
    fn what_cannot_be_cut_is_an_error() {
        let load = |_: &str| Ok(EXAMPLE.to_owned());
        assert!(renew("<!-- snippet: x.rs -->\ntext\n", load).is_err());
        assert!(renew("<!-- snippet: x.rs -->\n```rust\n", load).is_err());
        assert!(cut("// [readme\n", "readme").is_err());
        assert!(cut("// readme]\n", "readme").is_err());
    }
}
