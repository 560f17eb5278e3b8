//! A process that takes part, in any language, and says what happens to it.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Such a process, which is killed if this is dropped.
#[derive(Debug)]
pub(crate) struct Party {
    process: Child,
    /// It ends when everything was heard.
    hearing: JoinHandle<()>,
    /// Told when it says its first line.
    begun: Arc<Notify>,
    complaints: Arc<Mutex<String>>,
}

impl Party {
    /// Starts it, and gives each line that it says to `hear`; what it complains about is passed on.
    pub(crate) fn start(
        command: &[String],
        arguments: &[String],
        mut hear: impl FnMut(&str) + Send + 'static,
    ) -> Result<Self> {
        let mut process = Command::new(&command[0])
            .args(&command[1..])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", command.join(" ")))?;
        let mut said = BufReader::new(process.stdout.take().context("standard output")?).lines();
        let begun: Arc<Notify> = Arc::default();
        let begins = Arc::clone(&begun);
        let hearing = tokio::spawn(async move {
            while let Ok(Some(line)) = said.next_line().await {
                hear(&line);
                begins.notify_one();
            }
        });
        let mut complained = BufReader::new(process.stderr.take().context("standard error")?).lines();
        let complaints: Arc<Mutex<String>> = Arc::default();
        let noted = Arc::clone(&complaints);
        tokio::spawn(async move {
            while let Ok(Some(line)) = complained.next_line().await {
                eprintln!("{line}");
                *noted.lock().unwrap_or_else(PoisonError::into_inner) += &line;
            }
        });
        Ok(Party { process, hearing, begun, complaints })
    }

    /// Waits until it has said something, as every party does when it has connected.
    pub(crate) async fn begun(&mut self) -> Result<()> {
        // To wait for the process would close its standard input.
        tokio::select! {
            biased;
            () = self.begun.notified() => Ok(()),
            _ = &mut self.hearing => bail!("a party ended before it began"),
        }
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.process.try_wait()?.is_some())
    }

    /// Closes its standard input, which every party waits for.
    pub(crate) fn give_the_sign(&mut self) {
        drop(self.process.stdin.take());
    }

    /// Waits until it has ended and everything was heard that it said.
    pub(crate) async fn ended(&mut self) -> Result<ExitStatus> {
        let status = self.process.wait().await?;
        (&mut self.hearing).await.context("what it said")?;
        Ok(status)
    }

    /// Whether it has said that something panicked.
    pub(crate) fn has_panicked(&self) -> bool {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).contains("panicked")
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) -> Result<()> {
        Ok(self.process.start_kill()?)
    }
}
