//! What the programs of this kit have in common: options, a line of JSON, and commands.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use serde_json::Value;

/// The options of a command line, each with its value.
#[derive(Debug)]
pub struct Options {
    usage: &'static str,
    given: Vec<(String, Option<String>)>,
}

impl Options {
    /// Takes the command line of this process, `--name VALUE` or `--name=VALUE` for each option of `with_value`
    /// and `--name` for each of `flags`.
    ///
    /// # Errors
    ///
    /// What does not belong to it, with the usage.
    pub fn parse(usage: &'static str, with_value: &[&str], flags: &[&str]) -> io::Result<Self> {
        let mut options = Options { usage, given: Vec::new() };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let (name, value) = match arg.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (arg, None),
            };
            let value = match () {
                () if flags.contains(&name.as_str()) && value.is_none() => None,
                () if with_value.contains(&name.as_str()) => {
                    Some(value.or_else(|| args.next()).ok_or_else(|| options.wrong(&format!("{name} needs a value")))?)
                }
                () => return Err(options.wrong(&format!("{name} is not known"))),
            };
            options.given.push((name, value));
        }
        Ok(options)
    }

    /// The value of an option, if it was given; the last one if it was repeated.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.given.iter().rfind(|(given, _)| given == name).and_then(|(_, value)| value.as_deref())
    }

    /// The value of an option that has to be given.
    ///
    /// # Errors
    ///
    /// That it is missing.
    pub fn required(&self, name: &str) -> io::Result<&str> {
        self.value(name).ok_or_else(|| self.wrong(&format!("{name} is missing")))
    }

    /// The value of an option as a number, if it was given.
    ///
    /// # Errors
    ///
    /// That it is no number.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> io::Result<Option<T>> {
        let parse = |value: &str| value.parse().map_err(|_| self.wrong(&format!("{name} takes a number, not {value}")));
        self.value(name).map(parse).transpose()
    }

    /// Whether a flag was given.
    pub fn has(&self, flag: &str) -> bool {
        self.given.iter().any(|(given, _)| given == flag)
    }

    fn wrong(&self, what: &str) -> io::Error {
        io::Error::other(format!("{what}\nusage: {}", self.usage))
    }
}

/// Runs a program and says on standard error why it failed.
pub fn run(name: &str, program: impl FnOnce() -> io::Result<()>) -> ExitCode {
    match program() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints one line of JSON on standard output.
///
/// # Errors
///
/// That nobody reads it.
pub fn say(value: &Value) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{value}")?;
    stdout.flush()
}

/// Carries out the commands on standard input, one per line, until it ends.
///
/// `obey` gets the first word and the rest of a line. Its answer is printed; an
/// error is printed as `{"error": ...}` and ends nothing.
///
/// # Errors
///
/// What standard input and output report.
pub fn obey_commands(mut obey: impl FnMut(&str, &str) -> io::Result<Value>) -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match obey(command, rest.trim()) {
            Ok(answer) => say(&answer)?,
            Err(error) => say(&serde_json::json!({ "error": error.to_string() }))?,
        }
    }
    Ok(())
}

/// The error for a command that is not among the `known` ones.
pub fn unknown_command(command: &str, known: &str) -> io::Error {
    io::Error::other(format!("there is no command {command} among {known}"))
}
