//! `cargo xtask covers`: whether a test that ran shows every feature in every language that it is claimed for.

mod claims;
pub(crate) mod executed;
mod scan;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;
use clap::ValueEnum;

use self::claims::Features;
use self::executed::Passed;
use self::scan::Cover;
use crate::language::Language;
use crate::session::Session;
use crate::table::{row, table};

/// Compare the features that are claimed with the tests that ran and passed
///
/// The claims stand in testing/parity/features.toml; a test says what it shows by a line `covers: F033 python`.
/// Which tests ran is what the last `cargo xtask test` has left behind. Fails if a claim has no such test.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print how many tests show each feature in each language
    #[arg(long)]
    table: bool,
}

impl Arguments {
    /// Only look for what is missing.
    pub(crate) const CHECK: Arguments = Arguments { table: false };
}

/// Compares; false if anything is missing or a line is wrong.
pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<bool> {
    let features = claims::load(&session.root)?;
    let passed = executed::load(session)?;
    let mut shown = Shown::new(&features, &passed);
    for file in sources(session)? {
        let path = Path::new(&file);
        let (Some(language), Ok(text)) = (scan::language(path), fs::read_to_string(session.root.join(path))) else {
            continue;
        };
        for cover in scan::scan(path, language, &text) {
            shown.add(&file, language, &cover);
        }
    }
    if arguments.table {
        println!("{}", shown.table());
    }
    let faults = shown.faults();
    faults.iter().for_each(|fault| println!("{fault}"));
    Ok(faults.is_empty())
}

/// The files of the repository that may hold tests.
fn sources(session: &Session) -> Result<Vec<String>> {
    let mut list = session.command("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard", "*.rs", "*.py", "*.mjs", "*.c", "*.cpp"]);
    Ok(session.query(&mut list)?.lines().map(str::to_owned).collect())
}

/// What the tests show.
struct Shown<'a> {
    features: &'a Features,
    passed: &'a [Passed],
    /// How many tests show a feature in a language.
    counts: BTreeMap<(&'a str, &'static str), usize>,
    /// Lines that say what cannot be.
    wrong: Vec<String>,
}

impl<'a> Shown<'a> {
    fn new(features: &'a Features, passed: &'a [Passed]) -> Self {
        Shown { features, passed, counts: BTreeMap::new(), wrong: Vec::new() }
    }

    /// Takes in a line of a file.
    fn add(&mut self, file: &str, language: Language, cover: &Cover) {
        let place = format!("{file}:{}", cover.line);
        if !cover.words.iter().any(|word| word == language.name()) {
            self.wrong.push(format!("{place} does not say `{language}`, the language of its test"));
        }
        let Some(test) = &cover.test else {
            return self.wrong.push(format!("{place} belongs to no test"));
        };
        let has_passed = self.passed.iter().any(|passed| executed::is_test(language, file, test, passed));
        for word in cover.words.iter().filter(|word| word.as_str() != language.name()) {
            match self.features.get_key_value(word) {
                None => self.wrong.push(format!("{place} names `{word}`, which is not in {}", claims::FILE)),
                Some((id, _)) if has_passed => *self.counts.entry((id, language.name())).or_default() += 1,
                Some(_) => {}
            }
        }
    }

    fn count(&self, id: &str, language: Language) -> usize {
        self.counts.get(&(id, language.name())).copied().unwrap_or(0)
    }

    /// Wrong lines, and claims that no test shows.
    fn faults(&self) -> Vec<String> {
        let missing = self.features.iter().filter_map(|(id, feature)| {
            let languages = feature.languages.iter().filter(|language| self.count(id, **language) == 0);
            let names: Vec<&str> = languages.map(|language| language.name()).collect();
            (!names.is_empty())
                .then(|| format!("{id} ({}): no test that ran shows it in {}", feature.title, names.join(", ")))
        });
        self.wrong.iter().cloned().chain(missing).collect()
    }

    /// One row per feature: the number of tests in each language, `missing` where a claim has none.
    fn table(&self) -> comfy_table::Table {
        let languages = Language::value_variants();
        let mut table = table(["feature"].into_iter().chain(languages.iter().map(|language| language.name())));
        for (id, feature) in self.features {
            let cells = languages.iter().map(|language| match self.count(id, *language) {
                0 if feature.languages.contains(language) => "missing".to_owned(),
                0 => "-".to_owned(),
                count => count.to_string(),
            });
            table.add_row(row([format!("{id} {}", feature.title)].into_iter().chain(cells)));
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIMS: &str = "F001 = { title = \"a\", languages = [\"rust\", \"python\"] }\n\
                          F002 = { title = \"b\", languages = [] }\n";

    /// The faults where a line of the test `a` in `t/x.rs` has these words.
    fn faults(words: &[&str], test: Option<&str>) -> Vec<String> {
        let features = claims::parse(CLAIMS).unwrap();
        let passed =
            [("t/x.rs", "a"), ("t/test_x.py", "test_b")].map(|(file, name)| (file.to_owned(), name.to_owned()));
        let cover = |words: &[&str], test: Option<&str>| Cover {
            line: 1,
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            test: test.map(str::to_owned),
        };
        let mut shown = Shown::new(&features, &passed);
        shown.add("t/x.rs", Language::Rust, &cover(words, test));
        shown.add("t/test_x.py", Language::Python, &cover(&["F001", "python"], Some("test_b")));
        shown.faults()
    }

    #[test]
    fn a_claim_holds_if_a_test_that_passed_shows_it() {
        assert_eq!(faults(&["F001", "F002", "rust"], Some("a")), [""; 0]);
        assert_eq!(faults(&["F002", "rust"], Some("a")).len(), 1);
        assert_eq!(faults(&["F001", "rust"], Some("not_executed")).len(), 1);
    }

    #[test]
    fn lines_that_cannot_be_are_faults() {
        assert_eq!(faults(&["F001", "F009", "rust"], Some("a")).len(), 1);
        assert_eq!(faults(&["F001"], Some("a")).len(), 1);
        assert_eq!(faults(&["F001", "rust"], None).len(), 2);
    }
}
