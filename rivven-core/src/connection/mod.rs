//! One connection to one server.
//!
//! [`Connection`] is the handle, `task` owns the socket, `pending` matches
//! answers to requests, `connector` dials and greets. Whatever goes wrong on a
//! connection poisons it: it is never repaired, only replaced.

mod address;
#[cfg(test)]
mod batches;
mod connector;
mod counters;
mod deadline;
mod failure;
mod gathering;
mod handshake;
mod login;
mod output;
mod pending;
mod session;
mod socket;
mod spares;
mod started;
mod stream;
mod task;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

pub(crate) use address::ServerAddress;
#[cfg(test)]
pub(crate) use connector::DEFAULT_CLIENT_ID;
#[cfg(feature = "schema-registry")]
pub(crate) use connector::dial;
pub(crate) use connector::{ConnectOptions, DEFAULT_CONNECTION_TIMEOUT, connect, connect_within};
pub(crate) use counters::Counters;
pub(crate) use deadline::Deadline;
use failure::{Cause, Failure, Phase};
pub(crate) use gathering::Flow;
pub(crate) use handshake::Handshake;
use login::log_in;
use session::Session;
#[cfg(feature = "schema-registry")]
pub(crate) use socket::Socket;
pub(crate) use spares::Spares;
pub(crate) use started::Started;
use stream::Stream;
use task::{Command, Reply, Task};
#[cfg(all(feature = "schema-registry", feature = "tls"))]
pub(crate) use tls::encrypt;

use crate::auth::{AuthSession, Credentials};
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::protocol::{DecodeAnswer, DecodeError, RequestFrame, Response, describe};

/// The most requests without answer on a connection where nothing else is configured.
pub(crate) const DEFAULT_MAX_IN_FLIGHT: u32 = 1000;

/// Where the task gives the payload of an answer, or why there is none.
type Answer = oneshot::Receiver<Result<Bytes, Failure>>;

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
    session: Session,
    counters: Counters,
    max_in_flight: u32,
    /// The places in flight; closed when the connection takes no more requests.
    slots: Arc<Semaphore>,
    /// Why the connection takes no more requests.
    refusal: OnceLock<Cause>,
    /// Memory for large answers.
    spares: Arc<Spares>,
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
    fn start<S: Stream>(stream: S, address: Arc<str>, flow: &Flow) -> Self {
        let shared = Arc::new(Shared {
            address,
            encrypted: S::ENCRYPTED,
            session: Session::new(),
            counters: Counters::default(),
            max_in_flight: flow.max_in_flight,
            slots: Arc::new(Semaphore::new(flow.max_in_flight as usize)),
            refusal: OnceLock::new(),
            spares: Arc::default(),
        });
        let (commands, receiver) = mpsc::unbounded_channel();
        tokio::spawn(Task::new(stream, Arc::clone(&shared), receiver, flow).run());
        Connection { shared, commands }
    }

    /// The server's address as it was dialled.
    pub(crate) fn address(&self) -> &Arc<str> {
        &self.shared.address
    }

    /// What the connection has done so far.
    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Where the memory of large answers may go when they are done with.
    pub(crate) fn spares(&self) -> &Arc<Spares> {
        &self.shared.spares
    }

    /// Whether the connection is encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        self.shared.encrypted
    }

    /// Whether the connection has ended for another reason than its owner's wish.
    pub(crate) fn is_poisoned(&self) -> bool {
        !matches!(self.shared.refusal.get(), None | Some(Cause::ClosedByOwner))
    }

    /// Whether requests are still taken.
    pub(crate) fn is_open(&self) -> bool {
        self.shared.refusal.get().is_none()
    }

    /// Ends when the connection takes no more requests because it has ended.
    pub(crate) async fn ended(&self) {
        self.commands.closed().await;
    }

    /// Sends an encoded request and waits for its answer.
    ///
    /// A future that is dropped harms nobody: the task writes the frame whole
    /// and throws its answer away. A login that is about to expire is renewed
    /// first; one that the server has let expire is renewed and the request,
    /// which was refused, sent again.
    pub(crate) async fn call<T>(&self, frame: &RequestFrame, decode: DecodeAnswer<T>, deadline: Deadline) -> Result<T> {
        self.call_reading(frame, by(decode), deadline).await
    }

    /// The same for an answer that is read in a way of its own.
    pub(crate) async fn call_reading<T>(
        &self,
        frame: &RequestFrame,
        mut read: impl FnMut(&Bytes) -> Reading<T>,
        deadline: Deadline,
    ) -> Result<T> {
        // Logins are rare and their futures large, so those are on the heap and not part of every call's.
        if self.shared.session.is_due() {
            Box::pin(self.renew(deadline)).await?;
        }
        let login = self.shared.session.logins();
        match self.call_within(frame, &mut read, deadline).await {
            Err(error) if is_expiry(&error) => {
                Box::pin(self.after_expiry(frame, &mut read, deadline, (login, error))).await
            }
            result => result,
        }
    }

    /// Logs in again and sends a request once more that was refused because the login, which it was sent under, had
    /// expired.
    async fn after_expiry<T>(
        &self,
        frame: &RequestFrame,
        read: &mut impl FnMut(&Bytes) -> Reading<T>,
        deadline: Deadline,
        (login, refused): (u64, Error),
    ) -> Result<T> {
        if self.renew_expired(login, deadline).await? {
            self.call_within(frame, read, deadline).await
        } else {
            Err(refused)
        }
    }

    async fn call_within<T>(
        &self,
        frame: &RequestFrame,
        read: &mut impl FnMut(&Bytes) -> Reading<T>,
        deadline: Deadline,
    ) -> Result<T> {
        let payload = match self.slots(1, deadline).await {
            Ok(slot) => self.exchange(frame, deadline, Some(slot)).await,
            Err(failure) => Err(failure),
        };
        self.understand(frame, read, payload)
    }

    /// Sends a request while the caller holds every place in flight.
    async fn call_alone<T>(&self, frame: &RequestFrame, decode: DecodeAnswer<T>, deadline: Deadline) -> Result<T> {
        let payload = self.exchange(frame, deadline, None).await;
        self.understand(frame, &mut by(decode), payload)
    }

    fn understand<T>(
        &self,
        frame: &RequestFrame,
        read: &mut impl FnMut(&Bytes) -> Reading<T>,
        payload: Result<Bytes, Failure>,
    ) -> Result<T> {
        let failed = |failure: Failure| failure.into_error(&describe(frame), self.address());
        match read(&payload.map_err(failed)?) {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(Response::Error { message })) => {
                Err(Error::from_broker(&message, frame.name(), &describe(frame), self.address()))
            }
            Ok(Err(Response::Throttled { throttle_time_ms, quota_type, entity })) => {
                let wait = Duration::from_millis(throttle_time_ms);
                Err(Error::throttled(wait, &quota_type, &entity, &describe(frame), self.address()))
            }
            Ok(Err(other)) => Err(Error::unexpected(other.name(), &describe(frame), self.address())),
            Err(error) => {
                let cause = Cause::Malformed { error, hint: ": check that client and broker are of matching releases" };
                let _ = self.commands.send(Command::Poison(cause.clone()));
                Err(failed(Failure { cause, outcome: Outcome::Unknown }))
            }
        }
    }

    /// Places in flight, first come first served.
    async fn slots(&self, count: u32, deadline: Deadline) -> Result<OwnedSemaphorePermit, Failure> {
        match deadline.bound(Arc::clone(&self.shared.slots).acquire_many_owned(count)).await {
            Some(Ok(slots)) => Ok(slots),
            Some(Err(_closed)) => Err(self.shared.too_late()),
            None => Err(Failure::not_sent(Cause::TimedOut { phase: Phase::Queued, after: deadline.limit() })),
        }
    }

    /// The answer's payload, not yet decoded.
    async fn exchange(
        &self,
        frame: &RequestFrame,
        deadline: Deadline,
        slot: Option<OwnedSemaphorePermit>,
    ) -> Result<Bytes, Failure> {
        match self.submit(frame, deadline, slot) {
            Some(answer) => answer.await.unwrap_or_else(|_| Err(self.shared.too_late())),
            None => Err(self.shared.too_late()),
        }
    }

    /// Gives the task a request; `None` if it takes no more.
    fn submit(&self, frame: &RequestFrame, deadline: Deadline, slot: Option<OwnedSemaphorePermit>) -> Option<Answer> {
        let (sender, answer) = oneshot::channel();
        let reply = Reply { sender, _slot: slot };
        let command = Command::Call { frame: frame.clone(), deadline, reply };
        self.commands.send(command).is_ok().then_some(answer)
    }

    /// Gives the task a request that has not to wait for anything; `None` if it has.
    fn submit_now(&self, frame: &RequestFrame, deadline: Deadline) -> Option<Answer> {
        if self.shared.session.is_due() {
            return None;
        }
        let slot = Arc::clone(&self.shared.slots).try_acquire_owned().ok()?;
        self.submit(frame, deadline, Some(slot))
    }

    /// Logs in; the deadline bounds the exchange with the server, not the key derivation.
    ///
    /// A login has the connection to itself: between its steps the broker
    /// refuses every other request. It is renewed by itself from then on.
    pub(crate) async fn log_in(&self, credentials: Credentials, deadline: Deadline) -> Result<AuthSession> {
        let mut holder = self.shared.session.credentials().lock().await;
        let session = self.log_in_alone(&credentials, deadline).await?;
        *holder = Some(credentials);
        Ok(session)
    }

    async fn log_in_alone(&self, credentials: &Credentials, deadline: Deadline) -> Result<AuthSession> {
        let _all = self
            .slots(self.shared.max_in_flight, deadline)
            .await
            .map_err(|failure| failure.into_error(&format!("log in as {}", credentials.username), self.address()))?;
        let session = log_in(self, credentials, deadline).await?;
        self.shared.session.renewed(&session);
        Ok(session)
    }

    /// Logs in again unless somebody else just has.
    async fn renew(&self, deadline: Deadline) -> Result<()> {
        let holder = self.shared.session.credentials().lock().await;
        match &*holder {
            Some(credentials) if self.shared.session.is_due() => {
                self.log_in_alone(credentials, deadline).await.map(drop).map_err(Error::before_request)
            }
            _ => Ok(()),
        }
    }

    /// Logs in again after the server let this login expire, unless somebody else has; false if there was none.
    async fn renew_expired(&self, login: u64, deadline: Deadline) -> Result<bool> {
        {
            let holder = self.shared.session.credentials().lock().await;
            if holder.is_none() {
                return Ok(false);
            }
            if self.shared.session.logins() == login {
                self.shared.session.expire();
            }
        }
        self.renew(deadline).await.map(|()| true)
    }

    /// Takes no more requests, waits at most so long for the pending answers, and ends.
    pub(crate) async fn close(&self, limit: Duration) {
        let until = Deadline::after(limit).at();
        if self.commands.send(Command::Close { until }).is_ok() {
            self.commands.closed().await;
        }
    }
}

/// What was read out of an answer: the output, or another answer than that.
pub(crate) type Reading<T> = Result<Result<T, Response>, DecodeError>;

/// Reads an answer by decoding all of it.
fn by<T>(decode: DecodeAnswer<T>) -> impl FnMut(&Bytes) -> Reading<T> {
    move |payload| {
        Ok(match Response::decode(payload)? {
            refusal @ (Response::Error { .. } | Response::Throttled { .. }) => Err(refusal),
            response => decode(response),
        })
    }
}

/// Whether the server says that the connection is not logged in any more.
fn is_expiry(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::SessionExpired | ErrorCode::AuthenticationRequired)
}
