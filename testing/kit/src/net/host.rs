//! A runtime for servers that run beside a test.

use std::future::Future;
use std::io;
use std::sync::mpsc;

use tokio::runtime::{Builder, Runtime};

/// One background thread of tokio, independent of any runtime of the test.
///
/// It may be made, used and dropped inside and outside of another runtime.
#[derive(Debug)]
pub(crate) struct Host {
    runtime: Option<Runtime>,
}

impl Host {
    /// Starts the thread.
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name(name).enable_all().build()?;
        Ok(Host { runtime: Some(runtime) })
    }

    /// Carries out `future` on the thread and waits for it.
    ///
    /// # Panics
    ///
    /// If the future does.
    pub(crate) fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.spawn(async move {
            let _ = sender.send(future.await);
        });
        receiver.recv().expect("the background task panicked")
    }

    /// Leaves `future` to the thread.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(future);
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The ordinary end of a runtime panics within another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
