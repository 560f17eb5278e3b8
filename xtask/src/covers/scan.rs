//! The lines in tests that say which features they show.
//!
//! Such a line stands in a comment and begins with the word `covers` and a
//! colon, behind which ids of features and languages follow. It belongs to the
//! test that begins below its comment, or else to the test that it is in. In C
//! and C++ it belongs to the program.

use std::path::Path;

use crate::language::Language;

/// What starts such a line, behind the sign of the comment.
const MARK: &str = "covers:";

/// A line that says what a test shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cover {
    /// The number of the line.
    pub(super) line: usize,
    /// The words behind the mark.
    pub(super) words: Vec<String>,
    /// The name of the test as it is written, or of the program; `None` if the line is in no test.
    pub(super) test: Option<String>,
}

/// The language of the tests in a file, if it can have any.
pub(super) fn language(file: &Path) -> Option<Language> {
    match file.extension()?.to_str()? {
        "rs" => Some(Language::Rust),
        "c" => Some(Language::C),
        "cpp" => Some(Language::Cpp),
        "py" => Some(Language::Python),
        "mjs" => Some(Language::Node),
        _ => None,
    }
}

/// Every such line of a file.
pub(super) fn scan(file: &Path, language: Language, text: &str) -> Vec<Cover> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let test = |index: usize| match language {
        Language::C | Language::Cpp => Some(file.file_stem()?.to_string_lossy().into_owned()),
        // A docstring stands below the beginning of its test, whatever comes next.
        Language::Python if !lines[index].starts_with('#') => above(language, &lines[..index]),
        _ => below(language, &lines[index + 1..]).or_else(|| above(language, &lines[..index])),
    };
    let covers = lines
        .iter()
        .enumerate()
        .filter_map(|(index, line)| Some(Cover { line: index + 1, words: words(language, line)?, test: test(index) }));
    covers.collect()
}

/// The words behind the mark, if a line is a comment, or in Python a line of a docstring, that begins with it.
fn words(language: Language, line: &str) -> Option<Vec<String>> {
    let text = match language {
        Language::Python => line.trim_start_matches(['#', '"', ' ']),
        _ => comment(line)?,
    };
    let words = text.trim_end_matches(['*', '/', '"']).strip_prefix(MARK)?.split([' ', ',']);
    Some(words.filter(|word| !word.is_empty()).map(str::to_owned).collect())
}

/// The text of a comment.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start_matches(['/', '*', '#', '!']);
    (text.len() < line.len()).then(|| text.trim_start())
}

/// The test that begins below a comment, with nothing but comments and attributes between them.
fn below(language: Language, lines: &[&str]) -> Option<String> {
    let mut in_attribute = false;
    for (index, line) in lines.iter().enumerate() {
        if let Some(name) = beginning(language, &lines[index..]) {
            return Some(name);
        }
        in_attribute |= line.starts_with("#[") || line.starts_with('@');
        if !in_attribute && !line.is_empty() && comment(line).is_none() {
            return None;
        }
    }
    None
}

/// The last test that begins above a line.
fn above(language: Language, lines: &[&str]) -> Option<String> {
    (0..lines.len()).rev().find_map(|index| beginning(language, &lines[index..]))
}

/// The name of what begins on the first of these lines: a function, or a call of `test`.
fn beginning(language: Language, lines: &[&str]) -> Option<String> {
    let line = *lines.first()?;
    match language {
        Language::Rust => {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            identifier(line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?)
        }
        Language::Python => identifier(line.strip_prefix("async ").unwrap_or(line).strip_prefix("def ")?),
        Language::Node => {
            let call = line.strip_prefix("await ").unwrap_or(line).strip_prefix("test(")?.trim();
            literal(if call.is_empty() { lines.get(1)? } else { call })
        }
        Language::C | Language::Cpp => None,
    }
}

fn identifier(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// The text between the quotes that a line begins with.
fn literal(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|quote| "'\"`".contains(*quote))?;
    Some(text[1..].split_once(quote)?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests that the lines of a text belong to.
    fn tests(file: &str, text: &str) -> Vec<Option<String>> {
        let file = Path::new(file);
        scan(file, language(file).unwrap(), text).into_iter().map(|cover| cover.test).collect()
    }

    fn named(names: &[&str]) -> Vec<Option<String>> {
        names.iter().map(|name| Some((*name).to_owned())).collect()
    }

    #[test]
    fn a_line_belongs_to_the_test_below_its_comment_or_around_it() {
        let rust = "fn a() {\n}\n\n// covers: F001 rust\n#[tokio::test(\n  x\n)]\nasync fn b() {\n  // covers: F002 rust\n  x();\n}\n";
        assert_eq!(tests("x.rs", rust), named(&["b", "b"]));
        let python = "# covers: F001 python\n@pytest.mark.parametrize(\n  1,\n)\ndef test_a():\n  # covers: F002 python\n  b()\n\ndef test_c(): ...\n";
        assert_eq!(tests("x.py", python), named(&["test_a", "test_a"]));
        let node = "// covers: F001 node\ntest('a b', () => {\n  // covers: F002 node\n  f();\n});\ntest(\n  `c ${d}`,\n  () => {\n    // covers: F003 node\n    f()";
        assert_eq!(tests("x.mjs", node), named(&["a b", "a b", "c ${d}"]));
        assert_eq!(tests("y/failures.c", "/* covers: F001 c */\nint main(void)"), named(&["failures"]));
    }

    #[test]
    fn a_line_outside_of_tests_belongs_to_none() {
        assert_eq!(tests("x.rs", "// covers: F001 rust\nconst A: u8 = 1;\nfn b() {}\n"), [None]);
        assert_eq!(tests("x.rs", "let covers = 1;\n"), []);
    }

    #[test]
    fn the_words_are_told_apart() {
        let covers = scan(Path::new("x.c"), Language::C, "a\n/* covers: F001, F002 c */\n * covers: F003 c\n");
        let words: Vec<_> = covers.iter().map(|cover| (cover.line, cover.words.join("+"))).collect();
        assert_eq!(words, [(2, "F001+F002+c".to_owned()), (3, "F003+c".to_owned())]);
    }

    #[test]
    fn a_docstring_is_a_comment() {
        let python = "def test_a():\n  \"\"\"covers: F001 python, F002 python\"\"\"\n  c()\n\ndef test_b():\n  \"\"\"A story.\n\n  covers: F003 python\n  \"\"\"\n";
        assert_eq!(tests("x.py", python), named(&["test_a", "test_b"]));
        let nested = "def test_a():\n  \"\"\"covers: F001 python\"\"\"\n\n  def within():\n    b()\n";
        assert_eq!(tests("x.py", nested), named(&["test_a"]));
        let words: Vec<_> =
            scan(Path::new("x.py"), Language::Python, python).into_iter().map(|cover| cover.words).collect();
        assert_eq!(words, [vec!["F001", "python", "F002", "python"], vec!["F003", "python"]]);
    }
}
