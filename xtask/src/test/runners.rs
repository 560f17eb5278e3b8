//! What the test runners of the languages say at their end.

use std::str::FromStr;

use crate::checks::Tally;
use crate::session::Finished;

/// How a runner says how many tests passed and failed; `None` if it says nothing.
pub(super) type Summary = fn(&str) -> Option<(usize, usize)>;

/// Counts the tests of a runner that has ended; no test, or a failure that is none of a test, is a failure.
pub(super) fn tally(finished: &Finished, summary: Summary) -> Tally {
    let (passed, failed) = summary(&finished.output).unwrap_or_default();
    if !finished.status.success() || failed > 0 {
        let failing = failing(&finished.output);
        Tally { passed, failed: failed.max(1), failure: Some(finished.failure()), failing }
    } else if passed == 0 {
        Tally::failure(format!("no test was executed\n{}", finished.failure()))
    } else {
        Tally { passed, ..Tally::default() }
    }
}

/// The most lines that are kept of what a runner says of a test that failed.
const MOST_LINES: usize = 20;

/// The tests that failed, each with what its runner says behind its name; any runner's.
fn failing(output: &str) -> Vec<String> {
    let mut failing = Vec::new();
    let mut lines = output.lines().peekable();
    while let Some(line) = lines.next() {
        let line = line.trim_start();
        if line.starts_with("not ok ") {
            // What follows up to the dots is indented further, as is the block of a test within a test.
            let block = std::iter::from_fn(|| lines.next_if(|line| line.starts_with(' ') && line.trim() != "..."));
            failing.push([vec![line], block.take(MOST_LINES).collect()].concat().join("\n"));
        } else if line.starts_with("FAIL ")
            || line.starts_with("FAILED ")
            || line.starts_with("ERROR ")
            || line.starts_with("test ") && line.ends_with(" ... FAILED")
        {
            failing.push(line.to_owned());
        }
    }
    failing
}

/// The sums of the lines `test result: ok. 3 passed; 0 failed; ...` of cargo.
pub(super) fn cargo(output: &str) -> Option<(usize, usize)> {
    let results = output.lines().filter_map(|line| line.trim().strip_prefix("test result: "));
    let counts = results.map(|line| (before(line, "passed").unwrap_or(0), before(line, "failed").unwrap_or(0)));
    counts.reduce(|sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// The lines of `cargo xtask ctests`: `ok NAME 12 passed, 0 failed` of a
/// program, `ok NAME ...` of another check, `FAIL NAME ...` of either; a line
/// `skip NAME ...` counts for nothing.
pub(super) fn ctests(output: &str) -> Option<(usize, usize)> {
    let count = |line: &str| match line.split_whitespace().next() {
        Some("ok") => Some((before(line, "passed").unwrap_or(1), 0)),
        Some("FAIL") => Some((0, 1)),
        _ => None,
    };
    output.lines().filter_map(count).reduce(|sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// The line `== 1 failed, 12 passed, 1 error in 3.20s ==` of pytest.
pub(super) fn pytest(output: &str) -> Option<(usize, usize)> {
    let is_summary = |line: &&str| {
        let end = line.trim_matches('=').rsplit_once(" in ").map_or("", |(_, end)| end);
        end.split_once('s').is_some_and(|(seconds, _)| seconds.parse::<f64>().is_ok())
    };
    let line = output.lines().rev().find(is_summary)?;
    let count = |word| before(line, word).unwrap_or(0);
    Some((count("passed"), count("failed") + count("error") + count("errors")))
}

/// The lines `# pass 12` and `# fail 0` at the end of a TAP report of Node.
pub(super) fn tap(output: &str) -> Option<(usize, usize)> {
    let count = |word: &str| -> Option<usize> {
        output.lines().rev().find_map(|line| line.strip_prefix("# ")?.strip_prefix(word)?.trim().parse().ok())
    };
    Some((count("pass ")?, count("fail ")? + count("cancelled ").unwrap_or(0)))
}

/// The number that stands before a word.
fn before<T: FromStr>(line: &str, word: &str) -> Option<T> {
    let words: Vec<&str> = line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.windows(2).find(|pair| pair[1] == word)?[0].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_that_failed_are_named() {
        let output = "test a::b ... FAILED\ntest a::c ... ok\n\
                      ok 1 - x\nnot ok 2 - y z\n  ---\n  error: |-\n    no\n  ...\nok 3 - z\n\
                      FAILED tests/test_x.py::test_y - AssertionError: no\nFAIL  sigpipe  exit status: 1\n";
        let expected = [
            "test a::b ... FAILED",
            "not ok 2 - y z\n  ---\n  error: |-\n    no",
            "FAILED tests/test_x.py::test_y - AssertionError: no",
            "FAIL  sigpipe  exit status: 1",
        ];
        assert_eq!(failing(output), expected);
    }

    #[test]
    fn the_results_of_cargo_are_summed() {
        let output = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; finished in 0.00s\n\
                      other\n\
                      test result: FAILED. 3 passed; 2 failed; 0 ignored; finished in 0.10s\n";
        assert_eq!(cargo(output), Some((15, 2)));
        assert_eq!(cargo("error: could not compile"), None);
    }

    #[test]
    fn the_lines_of_ctests_are_summed() {
        let output = "ok    rivven.h as c99\nok    symbols   40 exported\nok    fork   12 passed, 0 failed  1.5 s\n\
                      skip  login  takes too long\n\
                      FAIL  sigpipe  exit status: 1\n        1 of 3 passed\n";
        assert_eq!(ctests(output), Some((14, 1)));
        assert_eq!(ctests("error: could not compile"), None);
    }

    #[test]
    fn the_summary_of_pytest_is_read() {
        assert_eq!(pytest("x\n===== 12 passed in 3.20s =====\n"), Some((12, 0)));
        assert_eq!(pytest("== 2 failed, 12 passed, 1 skipped, 1 error in 63.20s (0:01:03) =="), Some((12, 3)));
        assert_eq!(pytest("=== 2 failed, 12 passed, 3 errors in 3.20s ===\n"), Some((12, 5)));
        assert_eq!(pytest("no tests ran in 0.01s"), Some((0, 0)));
        assert_eq!(pytest("ERROR: file not found in tests"), None);
    }

    #[test]
    fn the_summary_of_node_is_read() {
        assert_eq!(tap("ok 1 - x\n# tests 12\n# pass 11\n# fail 1\n# cancelled 2\n# skipped 0\n"), Some((11, 3)));
        assert_eq!(tap("node: bad option"), None);
    }
}
