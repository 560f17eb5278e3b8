//! The tests that ran and passed, as the suites leave them behind.
//!
//! A suite writes a file with one line per test: the source of the test, a tab,
//! and its name as the runner gives it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::language::Language;
use crate::session::Session;

/// The suites that leave a list behind.
const SUITES: [&str; 4] = ["rust", "c", "python", "node"];

/// Where the lists are kept.
const FOLDER: &str = "passed";

/// A test that passed: its source, relative to the root, and its name.
pub(crate) type Passed = (String, String);

/// Leaves behind the tests of a suite that passed, instead of those of its last run.
pub(crate) fn keep(session: &Session, suite: &str, passed: &[Passed]) -> Result<()> {
    fs::create_dir_all(session.scratch(FOLDER))?;
    let lines: BTreeSet<String> = passed.iter().map(|(file, name)| format!("{file}\t{name}\n")).collect();
    fs::write(session.scratch(FOLDER).join(suite), lines.into_iter().collect::<String>())?;
    Ok(())
}

/// What all suites have left behind.
pub(super) fn load(session: &Session) -> Result<Vec<Passed>> {
    let mut passed = Vec::new();
    for suite in SUITES {
        let text = fs::read_to_string(session.scratch(FOLDER).join(suite)).with_context(|| {
            format!("nothing is known of the tests of {suite}: run `cargo xtask test --only {suite}`")
        })?;
        passed.extend(
            text.lines()
                .filter_map(|line| line.split_once('\t'))
                .map(|(file, name)| (file.to_owned(), name.to_owned())),
        );
    }
    Ok(passed)
}

/// Whether a test that passed is the one of that name in a source file.
pub(super) fn is_test(language: Language, file: &str, written: &str, (source, name): &Passed) -> bool {
    match language {
        Language::Rust => is_rust_test(Path::new(file), written, Path::new(source), name),
        Language::Node => source == file && matches_template(written, name),
        Language::C | Language::Cpp | Language::Python => source == file && name == written,
    }
}

/// The name of a Rust test is its path in the crate, whose root is known.
fn is_rust_test(file: &Path, written: &str, root: &Path, name: &str) -> bool {
    let (path, last) = name.rsplit_once("::").unwrap_or(("", name));
    let in_module = || {
        let folder = root.parent().unwrap_or(root);
        let module = file.strip_prefix(folder).ok()?.with_extension("");
        let words: Vec<_> = module.iter().filter_map(|word| word.to_str()).filter(|word| *word != "mod").collect();
        Some(path == words.join("::") || path.starts_with(&format!("{}::", words.join("::"))))
    };
    last == written && (file == root || in_module().unwrap_or(false))
}

/// Whether a name comes of a text with `${...}` in it, where anything may stand.
fn matches_template(template: &str, name: &str) -> bool {
    let Some((head, rest)) = template.split_once("${") else { return template == name };
    let Some(name) = name.strip_prefix(head) else { return false };
    let tail = rest.split_once('}').map_or("", |(_, tail)| tail);
    (0..=name.len()).any(|end| name.get(end..).is_some_and(|name| matches_template(tail, name)))
}

/// The tests of `cargo test`; `programs` gives the root of the crate that a test program was made of.
pub(crate) fn cargo(output: &str, programs: &BTreeMap<String, String>) -> Vec<Passed> {
    let mut source = None;
    let mut passed = Vec::new();
    for line in output.lines().map(str::trim) {
        if let Some(running) = line.strip_prefix("Running ") {
            let program = running.rsplit_once('(').map(|(_, path)| path.trim_end_matches(')'));
            source = program.and_then(|path| programs.get(path.rsplit('/').next()?));
        } else if line.starts_with("Doc-tests ") {
            source = None;
        } else if let Some(test) = line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... ok")) {
            let name = test.split(" - ").next().unwrap_or(test);
            passed.extend(source.map(|source| (source.clone(), name.to_owned())));
        }
    }
    passed
}

/// What cargo says of a program that it has built.
#[derive(Deserialize)]
struct Artifact {
    executable: Option<String>,
    target: Target,
}

#[derive(Deserialize)]
struct Target {
    src_path: String,
}

/// The roots of the crates that test programs were made of, from the messages of cargo.
pub(crate) fn programs(messages: &str, root: &Path) -> BTreeMap<String, String> {
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
    let program = |artifact: Artifact| {
        let name = Path::new(&artifact.executable?).file_name()?.to_str()?.to_owned();
        Some((name, relative(&artifact.target.src_path, root)?))
    };
    artifacts.filter_map(program).collect()
}

/// The lines `tests/test_x.py::test_name[...] PASSED` of pytest, run in a folder.
pub(crate) fn pytest(output: &str, folder: &str) -> Vec<Passed> {
    let test = |line: &str| {
        let (file, rest) = line.split_once("::")?;
        let name = rest.split(['[', ' ']).next()?;
        rest.contains(" PASSED").then(|| (format!("{folder}/{file}"), name.to_owned()))
    };
    output.lines().filter_map(test).collect()
}

/// The lines of our reporter for Node: the file, a tab and the name.
pub(crate) fn node(report: &str, root: &Path) -> Vec<Passed> {
    let tests = report.lines().filter_map(|line| line.split_once('\t'));
    tests.filter_map(|(file, name)| Some((relative(file, root)?, name.to_owned()))).collect()
}

/// The lines `ok NAME 12 passed, 0 failed` of `cargo xtask ctests`, which names programs after their sources.
pub(crate) fn ctests(output: &str, sources: &[String]) -> Vec<Passed> {
    let name = |line: &str| line.strip_prefix("ok ")?.split_whitespace().next().map(str::to_owned);
    let names: BTreeSet<String> = output.lines().filter_map(name).collect();
    let test = |source: &String| {
        let stem = Path::new(source).file_stem()?.to_str()?.to_owned();
        names.contains(&stem).then(|| (source.clone(), stem))
    };
    sources.iter().filter_map(test).collect()
}

fn relative(path: &str, root: &Path) -> Option<String> {
    Some(Path::new(path).strip_prefix(root).ok()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(source: &str, name: &str) -> Passed {
        (source.to_owned(), name.to_owned())
    }

    #[test]
    fn a_rust_test_is_found_by_its_module() {
        let is = |file, written, source, name| is_test(Language::Rust, file, written, &passed(source, name));
        assert!(is("a/tests/client.rs", "b", "a/tests/client.rs", "b"));
        assert!(is("a/tests/all/frames.rs", "b", "a/tests/all/main.rs", "frames::b"));
        assert!(is("a/src/c/mod.rs", "b", "a/src/lib.rs", "c::tests::b"));
        assert!(is("a/src/c/tests.rs", "b", "a/src/lib.rs", "c::tests::b"));
        assert!(!is("a/src/c.rs", "b", "a/src/lib.rs", "d::b"));
        assert!(!is("a/tests/client.rs", "b", "z/tests/client.rs", "b"));
        assert!(!is("a/tests/client.rs", "b", "a/tests/failures.rs", "b"));
    }

    #[test]
    fn a_name_in_node_may_have_holes() {
        assert!(matches_template("a ${b} c ${d}", "a x c yz"));
        assert!(matches_template("a", "a"));
        assert!(!matches_template("a ${b} c", "a x d"));
        assert!(!matches_template("a", "ab"));
    }

    #[test]
    fn the_tests_of_cargo_are_read() {
        let root = Path::new("/r");
        let messages = r#"{"reason":"compiler-artifact","executable":"/t/debug/deps/client-1a","target":{"src_path":"/r/core/tests/client.rs"}}"#;
        let output = "  Running tests/client.rs (target/debug/deps/client-1a)\n\
                      test a ... ok\ntest b - should panic ... ok\ntest c ... FAILED\ntest d ... ignored\n\
                      Doc-tests core\ntest src/lib.rs - e (line 3) ... ok\n";
        let wanted = ["a", "b"].map(|name| passed("core/tests/client.rs", name));
        assert_eq!(cargo(output, &programs(messages, root)), wanted);
    }

    #[test]
    fn the_tests_of_the_other_runners_are_read() {
        let output = "tests/test_x.py::test_a[p q] PASSED  [ 10%]\ntests/test_x.py::test_b FAILED\n";
        assert_eq!(pytest(output, "py"), [passed("py/tests/test_x.py", "test_a")]);
        assert_eq!(node("/r/test/a.mjs\tb c\n", Path::new("/r")), [passed("test/a.mjs", "b c")]);
        let sources = ["t/fork.c", "t/tls.c"].map(str::to_owned);
        assert_eq!(ctests("ok    fork   12 passed\nFAIL  tls  x\n", &sources), [passed("t/fork.c", "fork")]);
    }
}
