//! A program that serves this one: it says its address, obeys lines, and ends when its input does.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

/// Such a program; it ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    address: String,
}

/// What it says first.
#[derive(Deserialize)]
struct Announcement {
    address: String,
}

impl Server {
    /// Starts it and waits until it listens.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let name = command.get_program().display().to_string();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("start {name}"))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("a program has an output")?);
        let mut server = Server { name, child, input, output, address: String::new() };
        let Announcement { address } = serde_json::from_value(server.line()?)?;
        server.address = address;
        Ok(server)
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its answer to a command.
    pub(crate) fn ask(&mut self, command: &str) -> Result<Value> {
        let input = self.input.as_mut().context("its input is open until the end")?;
        writeln!(input, "{command}").with_context(|| format!("ask {} to {command}", self.name))?;
        self.line()
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() {
            bail!("{} has ended without an answer, see above", self.name);
        }
        serde_json::from_str(&line).with_context(|| format!("{} has said {line}", self.name))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        // It ends by itself now; how is of no interest any more.
        let _ = self.child.wait();
    }
}
