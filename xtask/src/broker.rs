//! The real broker, running.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::build;
use crate::session::{Session, last_lines, not_started};

/// Where temporary data costs no disk access; the broker syncs every record.
const MEMORY: &str = "/dev/shm";

/// A broker that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct TestBroker {
    child: Child,
    /// Where clients connect: `host:port`.
    pub(crate) address: String,
    /// The file with the authority to trust, if the broker has TLS.
    pub(crate) ca_cert: Option<String>,
}

/// The line that the broker prints when it is ready.
#[derive(Deserialize)]
struct Announcement {
    address: String,
    ca_cert: Option<String>,
}

impl TestBroker {
    /// Builds the broker if need be, starts it with temporary data and waits until it is ready.
    pub(crate) fn start(session: &Session) -> Result<Self> {
        Self::start_with(session, &[])
    }

    /// The same with options of the program.
    pub(crate) fn start_with(session: &Session, options: &[&str]) -> Result<Self> {
        let program = build::broker(session)?;
        let log = session.log_path("test broker");
        let mut command = session.command(program);
        command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        if Path::new(MEMORY).is_dir() {
            command.env("TMPDIR", MEMORY);
        }
        let mut child = command.spawn().with_context(|| not_started(&command))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("the broker has no output")?).read_line(&mut line)?;
        let Ok(Announcement { address, ca_cert }) = serde_json::from_str(&line) else {
            child.wait()?;
            bail!("{} did not start\n{}", command.get_program().display(), last_lines(&std::fs::read_to_string(&log)?));
        };
        Ok(TestBroker { child, address, ca_cert })
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        // The broker ends when its input does, within seconds, and removes its data.
        drop(self.child.stdin.take());
        if let Err(error) = self.child.wait() {
            eprintln!("the test broker: {error}");
        }
    }
}
