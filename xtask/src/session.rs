//! What every command works with: the folders, and running programs with a log.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write, pipe};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, anyhow, bail};

use crate::progress::Progress;

/// The lines of a log that are shown when a program fails.
const SHOWN_LINES: usize = 80;

/// The folders of this clone, and what was built in this run.
#[derive(Debug)]
pub(crate) struct Session {
    /// The root of the clone.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, which all builds share.
    pub(crate) target: PathBuf,
    /// How progress is shown.
    pub(crate) progress: Progress,
    steps: RefCell<BTreeMap<&'static str, Result<(), String>>>,
}

impl Session {
    pub(crate) fn new(plain: bool) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?.to_owned();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => std::path::absolute(folder)?,
            None => root.join("target"),
        };
        fs::create_dir_all(target.join("xtask/logs"))?;
        Ok(Session { root, target, progress: Progress::new(plain), steps: RefCell::default() })
    }

    /// A folder of xtask's own within the target folder.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        self.target.join("xtask").join(name)
    }

    /// A program to be run in the root of the clone.
    ///
    /// Whatever it builds with cargo goes to the one target folder, so that
    /// pip and npm find what other commands have built.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", &self.target).stdin(Stdio::null());
        for (name, _) in std::env::vars_os().filter(|(name, _)| describes_xtask(name)) {
            command.env_remove(name);
        }
        command
    }

    /// The cargo that runs this command.
    pub(crate) fn cargo(&self) -> Command {
        self.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Runs a program to its end, its output in a log file named after `title`.
    ///
    /// A failing program is no error here: see [`Finished::check`]. The hint
    /// says how long it may take, or is empty.
    pub(crate) fn execute(&self, title: &str, hint: &str, command: &mut Command) -> Result<Finished> {
        let log = self.log_path(title);
        let task = self.progress.task(title, hint);
        let result = capture(command, &log, |line| task.note(line));
        task.end(matches!(&result, Ok((status, _)) if status.success()));
        let (status, output) = result.with_context(|| title.to_owned())?;
        Ok(Finished { title: title.to_owned(), status, output, log })
    }

    /// Runs a program that has to succeed, and gives its output.
    pub(crate) fn run(&self, title: &str, command: &mut Command) -> Result<String> {
        self.execute(title, "", command)?.check()
    }

    /// Runs a build that has to succeed; the hint says how long it takes the first time.
    pub(crate) fn build(&self, title: &str, hint: &str, command: &mut Command) -> Result<()> {
        self.execute(title, &format!("{hint} the first time"), command)?.check().map(drop)
    }

    /// Asks a program that answers at once, and gives its standard output.
    pub(crate) fn query(&self, command: &mut Command) -> Result<String> {
        let output = command.output().with_context(|| not_started(command))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{}: {}\n{}", command.get_program().display(), output.status, said.trim_end());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Where the output of the program `title` is kept.
    pub(crate) fn log_path(&self, title: &str) -> PathBuf {
        let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let name = words.collect::<Vec<_>>().join("-").to_lowercase();
        self.scratch("logs").join(name).with_extension("log")
    }

    /// Carries out the step `name` unless this run has done so; a step that failed fails again.
    pub(crate) fn once(&self, name: &'static str, step: impl FnOnce() -> Result<()>) -> Result<()> {
        if let Some(known) = self.steps.borrow().get(name) {
            return known.clone().map_err(|error| anyhow!("{error} (not tried again)"));
        }
        let result = step();
        let known = result.as_ref().map(drop).map_err(|error| format!("{error:#}"));
        self.steps.borrow_mut().insert(name, known);
        result
    }
}

/// Whether cargo has set this variable for xtask alone.
///
/// Build scripts, that of ring for one, ask for such variables, so a cargo that
/// inherited them would build anew what a cargo on the command line has built.
fn describes_xtask(variable: &OsStr) -> bool {
    variable.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
}

/// A program that has run to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    title: String,
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it wrote to standard output and standard error.
    pub(crate) output: String,
    log: PathBuf,
}

impl Finished {
    /// The output of a program that succeeded.
    ///
    /// # Errors
    ///
    /// The end of the output if it failed.
    pub(crate) fn check(self) -> Result<String> {
        if !self.status.success() {
            bail!("{}", self.failure());
        }
        Ok(self.output)
    }

    /// How the program failed: its status and the end of its output.
    pub(crate) fn failure(&self) -> String {
        let end = last_lines(&self.output);
        format!("{}: {}\n{end}\n(all of it: {})", self.title, self.status, self.log.display())
    }
}

/// The end of a program's output, as much as is shown.
pub(crate) fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

/// Runs a program, copies its output to the log, and gives it.
fn capture(command: &mut Command, log: &Path, mut note: impl FnMut(&str)) -> Result<(ExitStatus, String)> {
    let mut file = File::create(log)?;
    writeln!(file, "$ {command:?}")?;
    let (reader, writer) = pipe()?;
    let mut child = command.stdout(writer.try_clone()?).stderr(writer).spawn().with_context(|| not_started(command))?;
    // The command holds the writing end, which has to be closed for the reading end to end.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let mut output = String::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        note(line.trim());
        writeln!(file, "{line}")?;
        output.push_str(&line);
        output.push('\n');
    }
    Ok((child.wait()?, output))
}

/// The error text for a program that cannot be started.
pub(crate) fn not_started(command: &Command) -> String {
    format!("cannot run {}: is it installed?", command.get_program().display())
}
