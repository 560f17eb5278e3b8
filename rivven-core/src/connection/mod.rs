//! One connection to one server.
//!
//! [`Connection`] is the handle, `task` owns the socket, `pending` matches
//! answers to requests, `connector` dials and greets. Whatever goes wrong on a
//! connection poisons it: it is never repaired, only replaced.

mod address;
mod connector;
mod failure;
mod handshake;
mod login;
mod output;
mod pending;
mod socket;
mod stream;
mod task;
#[cfg(feature = "tls")]
mod tls;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

pub(crate) use address::ServerAddress;
pub(crate) use connector::{ConnectOptions, connect};
#[cfg(test)]
pub(crate) use connector::DEFAULT_CLIENT_ID;
use failure::{Cause, Failure, Phase};
pub(crate) use handshake::Handshake;
use login::log_in;
use stream::Stream;
use task::{Command, Reply, Task};

use crate::auth::{AuthSession, Credentials};
use crate::error::{Error, Outcome, Result};
use crate::protocol::{DecodeAnswer, RequestFrame, Response, describe};

/// The most requests without answer on a connection where nothing else is configured.
pub(crate) const DEFAULT_MAX_IN_FLIGHT: usize = 1000;

/// A handle to a connection; clones share it.
///
/// The task behind it ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
}

/// What the handles and the task both see.
#[derive(Debug)]
struct Shared {
    address: Arc<str>,
    encrypted: bool,
    /// When the login has to be renewed, where there was one.
    session_end: Mutex<Option<Instant>>,
    /// The places in flight; closed when the connection takes no more requests.
    slots: Arc<Semaphore>,
    /// Why the connection takes no more requests.
    refusal: OnceLock<Cause>,
}

impl Shared {
    /// Takes no more requests from now on; the first cause stands.
    fn refuse(&self, cause: Cause) {
        let _ = self.refusal.set(cause);
        self.slots.close();
    }

    /// The failure of a request that comes too late.
    fn too_late(&self) -> Failure {
        Failure::not_sent(self.refusal.get().cloned().unwrap_or(Cause::RuntimeGone))
    }
}

impl Connection {
    /// Starts the task for a connected stream on the current runtime.
    fn start<S: Stream>(stream: S, address: Arc<str>, max_in_flight: usize) -> Self {
        let shared = Arc::new(Shared {
            address,
            encrypted: S::ENCRYPTED,
            session_end: Mutex::default(),
            slots: Arc::new(Semaphore::new(max_in_flight)),
            refusal: OnceLock::new(),
        });
        let (commands, receiver) = mpsc::unbounded_channel();
        tokio::spawn(Task::new(stream, Arc::clone(&shared), receiver).run());
        Connection { shared, commands }
    }

    /// The server's address as it was dialled.
    pub(crate) fn address(&self) -> &Arc<str> {
        &self.shared.address
    }

    /// Whether the connection is encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.shared.encrypted
    }

    /// Logs in; the exchange with the server has `limit`.
    pub(crate) async fn log_in(&self, credentials: &Credentials, limit: Duration) -> Result<AuthSession> {
        log_in(self, credentials, limit).await
    }

    /// Notes how long a login holds; it is to be renewed a tenth earlier.
    fn note_session(&self, session: &AuthSession) {
        let holds = Duration::from_secs(session.expires_in).mul_f64(0.9);
        let end = Instant::now().checked_add(holds);
        *self.shared.session_end.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }

    /// Whether the login on this connection is about to expire.
    pub(crate) fn is_session_over(&self) -> bool {
        let end = *self.shared.session_end.lock().unwrap_or_else(PoisonError::into_inner);
        end.is_some_and(|end| end <= Instant::now())
    }

    /// Whether the connection has ended for another reason than its owner's wish.
    pub(crate) fn is_poisoned(&self) -> bool {
        !matches!(self.shared.refusal.get(), None | Some(Cause::ClosedByOwner))
    }

    /// Whether requests are still taken.
    pub(crate) fn is_open(&self) -> bool {
        self.shared.refusal.get().is_none()
    }

    /// Sends an encoded request and waits for its answer.
    ///
    /// A future that is dropped harms nobody: the task writes the frame whole
    /// and throws its answer away.
    pub(crate) async fn call<T>(&self, frame: &RequestFrame, decode: DecodeAnswer<T>, timeout: Duration) -> Result<T> {
        let failed = |failure: Failure| failure.into_error(&describe(frame), self.address());
        let payload = self.exchange(frame, timeout).await.map_err(failed)?;
        match Response::decode(&payload) {
            Ok(Response::Error { message }) => {
                Err(Error::from_broker(&message, &describe(frame), self.address()))
            }
            Ok(Response::Throttled { throttle_time_ms, quota_type, entity }) => {
                let wait = Duration::from_millis(throttle_time_ms);
                Err(Error::throttled(wait, &quota_type, &entity, &describe(frame), self.address()))
            }
            Ok(response) => {
                decode(response).map_err(|other| Error::unexpected(other.name(), &describe(frame), self.address()))
            }
            Err(error) => {
                let cause = Cause::Malformed { error, hint: "" };
                let _ = self.commands.send(Command::Poison(cause.clone()));
                Err(failed(Failure { cause, outcome: Outcome::Unknown }))
            }
        }
    }

    /// The answer's payload, not yet decoded.
    async fn exchange(&self, frame: &RequestFrame, timeout: Duration) -> Result<Bytes, Failure> {
        let deadline = Instant::now() + timeout;
        let slot = match timeout_at(deadline, Arc::clone(&self.shared.slots).acquire_owned()).await {
            Ok(Ok(slot)) => slot,
            Ok(Err(_closed)) => return Err(self.shared.too_late()),
            Err(_elapsed) => {
                return Err(Failure::not_sent(Cause::TimedOut { phase: Phase::Queued, after: timeout }));
            }
        };
        let (sender, receiver) = oneshot::channel();
        let reply = Reply { sender, _slot: slot };
        let command = Command::Call { frame: frame.clone(), deadline, timeout, reply };
        if self.commands.send(command).is_err() {
            return Err(self.shared.too_late());
        }
        receiver.await.unwrap_or_else(|_| Err(self.shared.too_late()))
    }

    /// Takes no more requests, waits at most so long for the pending answers, and ends.
    pub(crate) async fn close(&self, limit: Duration) {
        let until = Instant::now() + limit;
        if self.commands.send(Command::Close { until }).is_ok() {
            self.commands.closed().await;
        }
    }
}
