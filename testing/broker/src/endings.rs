//! What ends the program.

use std::io;
use std::thread;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Why the program is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// SIGTERM or SIGINT came.
    Signal,
    /// Standard input reached its end, so the launcher is gone or done.
    EndOfInput,
}

/// Waits for the first reason to end.
#[derive(Debug)]
pub(crate) struct Endings {
    terminate: Signal,
    interrupt: Signal,
    input: oneshot::Receiver<()>,
}

impl Endings {
    /// Starts to watch signals and standard input.
    ///
    /// Must be called within a tokio runtime.
    pub(crate) fn watch() -> io::Result<Self> {
        let (ended, input) = oneshot::channel();
        thread::Builder::new().name("stdin".into()).spawn(|| {
            // A read error is an end of input as well.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            let _ = ended.send(());
        })?;
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())?, input })
    }

    /// Waits for the next reason to end; may be dropped and called again.
    pub(crate) async fn next(&mut self) -> Ending {
        tokio::select! {
            _ = self.terminate.recv() => Ending::Signal,
            _ = self.interrupt.recv() => Ending::Signal,
            _ = &mut self.input => Ending::EndOfInput,
        }
    }
}
