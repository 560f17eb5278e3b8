//! Why a request got no answer, and what that says about its outcome.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Detail, Error, ErrorCode, Outcome};
use crate::protocol::DecodeError;

/// How far a request had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waiting for its turn; no byte had left.
    Queued,
    /// Partly handed to the operating system.
    Writing,
    /// Written in full; the broker had not answered.
    Waiting,
}

impl Phase {
    /// A broker executes complete frames only, so an incomplete one was not executed.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Phase::Queued | Phase::Writing => Outcome::NotSent,
            Phase::Waiting => Outcome::Unknown,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Queued => "while queued in the client",
            Phase::Writing => "while it was being written",
            Phase::Waiting => "while waiting for the broker's answer",
        })
    }
}

/// What ended a connection, or a single request on it.
#[derive(Debug, Clone)]
pub(crate) enum Cause {
    /// This request's own time was up.
    TimedOut { phase: Phase, after: Duration },
    /// Another request on the connection timed out, so answers cannot be trusted to come.
    NeighbourTimedOut,
    /// The peer closed; the number of bytes received of an incomplete answer.
    PeerClosed { partial: usize },
    /// The operating system reported an error.
    Io(Arc<io::Error>),
    /// The peer sent bytes that cannot be decoded.
    Malformed { error: DecodeError, hint: &'static str },
    /// The peer answered something that was not asked.
    OutOfStep { expected: Option<u32>, got: u32 },
    /// The peer answered another request in a way that cannot be understood.
    NeighbourMisanswered,
    /// The owner closed the connection.
    ClosedByOwner,
    /// The runtime that drove the connection has ended.
    RuntimeGone,
}

impl Cause {
    /// The cause as it is for the requests that did not get the answer which ended the connection.
    pub(crate) fn for_others(&self) -> Cause {
        match self {
            Cause::Malformed { .. } | Cause::OutOfStep { .. } => Cause::NeighbourMisanswered,
            other => other.clone(),
        }
    }
}

/// One request's failure: its cause, and how far the request had come.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) cause: Cause,
    pub(crate) outcome: Outcome,
}

impl Failure {
    pub(crate) fn not_sent(cause: Cause) -> Self {
        Failure { cause, outcome: Outcome::NotSent }
    }

    /// The public error: `what` was attempted on the server at `address`.
    pub(crate) fn into_error(self, what: &str, address: &Arc<str>) -> Error {
        let detail =
            |text: String, code| Detail::new(text).with_code(code).with_address(address).with_outcome(self.outcome);
        let lost = |text: String| detail(text, ErrorCode::ConnectionLost);
        match self.cause {
            Cause::TimedOut { phase, after } => Error::TimeoutWithMessage(detail(
                format!(
                    "{what} timed out after {after:?} {phase} ({address}): raise request.timeout.ms or check the broker"
                ),
                ErrorCode::TimedOut,
            )),
            Cause::NeighbourTimedOut => Error::ConnectionError(lost(format!(
                "{what}: the connection to {address} was given up since another request on it timed out: raise request.timeout.ms or check the broker"
            ))),
            Cause::NeighbourMisanswered => Error::ConnectionError(lost(format!(
                "{what}: the connection to {address} was given up since the answer to another request on it was not valid: check that client and broker are of matching releases"
            ))),
            Cause::PeerClosed { partial: 0 } => Error::ConnectionError(lost(format!(
                "{what}: {address} closed the connection before it answered: check that a Rivven broker listens there and its limit of connections"
            ))),
            Cause::PeerClosed { partial } => Error::ConnectionError(lost(format!(
                "{what}: {address} closed the connection in the middle of an answer, after {partial} bytes of it: check the broker and its log"
            ))),
            #[cfg(feature = "tls")]
            Cause::Io(source) if super::tls::explain(&source, "the server").is_some() => {
                let why = super::tls::explain(&source, "the server").unwrap_or_default();
                let text = format!("{what}: the TLS connection to {address} failed: {why}");
                Error::ConnectionError(detail(text, ErrorCode::TlsFailed).with_source(SharedIo(source)))
            }
            Cause::Io(source) => Error::ConnectionError(
                lost(format!("{what}: the connection to {address} failed: {source}: check the broker and the network"))
                    .with_source(SharedIo(source)),
            ),
            Cause::Malformed { error, hint } => {
                let code =
                    if error.is_too_large() { ErrorCode::ResponseTooLarge } else { ErrorCode::MalformedResponse };
                let text = format!("{what}: {address} sent no valid Rivven answer ({error}){hint}");
                Error::ProtocolError(detail(text, code).with_source(error))
            }
            Cause::OutOfStep { expected, got } => {
                let expected = expected.map_or("none was due".to_owned(), |id| format!("{id} was due"));
                Error::ProtocolError(detail(
                    format!(
                        "{what}: {address} answered with correlation id {got} where {expected}: check what stands between client and broker"
                    ),
                    ErrorCode::MalformedResponse,
                ))
            }
            Cause::ClosedByOwner => Error::Closed(detail(
                format!("{what}: the connection to {address} was closed: make a new client"),
                ErrorCode::Closed,
            )),
            Cause::RuntimeGone => Error::ConnectionError(detail(
                format!(
                    "{what}: the runtime that drives the connection to {address} has ended: keep the runtime alive as long as its clients"
                ),
                ErrorCode::RuntimeGone,
            )),
        }
    }
}

/// An `io::Error` shared by all the requests that it ended.
#[derive(Debug)]
struct SharedIo(Arc<io::Error>);

impl fmt::Display for SharedIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SharedIo {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
