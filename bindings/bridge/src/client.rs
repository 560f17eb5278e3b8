//! The client handle of the boundaries.

use std::future::Future;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use rivven_client::{AuthConfig, AuthSession, Error, Properties, ResilientClient, ResilientClientConfig, Result};

use crate::answer::Answer;
use crate::ask::{Ask, NextStateChange};
use crate::call::Call;
use crate::fork::ForkMark;
use crate::queue::{Due, Queue};
use crate::reaper::reap;
use crate::share::Share;

/// What errors call a client.
const WHAT: &str = "the client";

/// A client on the shared runtime; use it from any thread, share it by `Arc`.
///
/// A client that is dropped without being closed is closed in the background.
/// In a forked child every call fails with `FORKED` and dropping leaks.
#[derive(Debug)]
pub struct Client {
    parts: ManuallyDrop<Parts>,
    mark: ForkMark,
}

/// What must not be touched in a forked child, not even to free it.
#[derive(Debug)]
struct Parts {
    core: ResilientClient,
    runtime: Arc<Share>,
}

impl Client {
    /// Makes a client, which connects at its first call or [`connect`](Client::connect).
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` if `runtime.threads` contradicts the running runtime,
    /// `IO` if its threads cannot be started.
    pub fn new(properties: &Properties) -> Result<Self> {
        let core = ResilientClient::new(ResilientClientConfig::from_properties(properties)?);
        let runtime = Share::acquire(properties)?;
        Ok(Client { parts: ManuallyDrop::new(Parts { core, runtime }), mark: ForkMark::here() })
    }

    fn parts(&self) -> Result<&Parts> {
        self.mark.check(WHAT)?;
        Ok(&self.parts)
    }

    /// Begins to connect; settled when a first connection is ready, or with the error.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn connect(&self) -> Result<Call<()>> {
        let core = self.parts()?.core.clone();
        self.run(async move { core.connect().await })
    }

    /// Connects like [`connect`](Client::connect); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn submit_connect(&self, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let core = self.parts()?.core.clone();
        self.run_into(queue, token, async move { core.connect().await })
    }

    /// Begins an operation or another [`Ask`], whose answer is then waited for on this thread.
    ///
    /// The arguments are encoded before this returns.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn start<A: Ask>(&self, what: &A) -> Result<Call<A::Output>> {
        let asked = what.ask(&self.parts()?.core);
        self.run(asked)
    }

    /// Begins an operation or another [`Ask`], whose answer goes to a queue under a token.
    ///
    /// The arguments are encoded before this returns.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn submit<A>(&self, what: &A, queue: &Arc<Queue>, token: u64) -> Result<()>
    where
        A: Ask,
        Answer: From<A::Output>,
    {
        let asked = what.ask(&self.parts()?.core);
        self.run_into(queue, token, asked)
    }

    /// The changes of the servers from now on, to be asked for one after another.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn state_changes(&self) -> Result<NextStateChange> {
        Ok(NextStateChange::new(self.parts()?.core.state_changes()))
    }

    /// Lets the changes of the servers from now on go to a queue, under a token, until the client is closed.
    ///
    /// # Errors
    ///
    /// `CLOSED`, `FORKED`.
    pub fn forward_state_changes(&self, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let Parts { core, runtime } = self.parts()?;
        runtime.forward(WHAT, core.state_changes(), queue, token)
    }

    /// Begins to log in, on the connection in use and on every later one.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn log_in(&self, auth: &AuthConfig) -> Result<Call<AuthSession>> {
        let login = self.parts()?.core.log_in(auth);
        self.run(login)
    }

    /// Logs in like [`log_in`](Client::log_in); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// `FORKED`; everything else comes with the answer.
    pub fn submit_log_in(&self, auth: &AuthConfig, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let login = self.parts()?.core.log_in(auth);
        self.run_into(queue, token, login)
    }

    /// Begins to close: no more calls are taken, those pending have `limit`
    /// (or else `close.timeout.ms`) to end. Closing twice is no error.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn close(&self, limit: Option<Duration>) -> Result<Call<()>> {
        let (call, settle) = Call::new();
        self.run_closing(limit, move |result| settle.settle(result))?;
        Ok(call)
    }

    /// Closes like [`close`](Client::close); the answer goes to a queue.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn submit_close(&self, limit: Option<Duration>, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let due = Due::new(queue, token);
        self.run_closing(limit, move |result| due.settle(result.map(Answer::from)))
    }

    fn run_closing(&self, limit: Option<Duration>, answer: impl FnOnce(Result<()>) + Send + 'static) -> Result<()> {
        let Parts { core, runtime } = self.parts()?;
        let closing = || core.close(limit.unwrap_or_else(|| core.close_timeout())).map(Ok);
        runtime.close(closing, answer);
        Ok(())
    }

    /// Whether the client was closed.
    ///
    /// # Errors
    ///
    /// `FORKED`.
    pub fn is_closed(&self) -> Result<bool> {
        Ok(self.parts()?.core.check_open().is_err())
    }

    /// The message of an error for users who see the text alone.
    pub fn explain(&self, error: &Error) -> String {
        if self.mark.is_here() { self.parts.core.explain(error) } else { error.to_string() }
    }

    fn run<T: Send + 'static>(&self, future: impl Future<Output = Result<T>> + Send + 'static) -> Result<Call<T>> {
        Ok(self.parts()?.runtime.run(WHAT, future))
    }

    fn run_into<T>(
        &self,
        queue: &Arc<Queue>,
        token: u64,
        future: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<()>
    where
        Answer: From<T>,
    {
        self.parts()?.runtime.run_into(WHAT, queue, token, future);
        Ok(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: the parts are taken here only, and `self` is not used afterwards.
            let Parts { core, runtime } = unsafe { ManuallyDrop::take(&mut self.parts) };
            if let Some(runtime) = runtime.give_back() {
                reap(runtime, core);
            }
        }
    }
}
