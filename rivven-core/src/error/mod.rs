//! The one error type, its stable codes, and the meaning of the broker's error texts.

mod broker_message;
mod code;
mod detail;

use std::convert::Infallible;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

pub use code::ErrorCode;
pub use detail::Detail;

use crate::protocol::{DecodeError, EncodeError, NameError};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is known of a request whose call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The broker never had the whole request: it was not executed.
    NotSent,
    /// The broker may have executed the request or not.
    Unknown,
    /// The broker answered and refused.
    Rejected,
}

impl Outcome {
    /// The name, as Python and Node show it.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::NotSent => "NOT_SENT",
            Outcome::Unknown => "UNKNOWN",
            Outcome::Rejected => "REJECTED",
        }
    }
}

/// Everything that can go wrong.
///
/// Match on the variant for the kind of error, on [`Error::code`] for the exact
/// one; the texts are for people and may change.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// A connection could not be used, or ended before the answer came.
    ConnectionError(Detail),
    /// A configuration value is not acceptable.
    ConfigError(Detail),
    /// The operating system refused; the kind is kept.
    IoError(ErrorKind, Detail),
    /// The peer sent something that is not Rivven's protocol.
    ProtocolError(Detail),
    /// The broker answered with an error; its own text is part of the detail.
    ServerError(Detail),
    /// The login failed.
    AuthenticationFailed(Detail),
    /// A value could not be encoded or decoded.
    SerializationError(Detail),
    /// The answer does not belong to the request.
    InvalidResponse,
    /// An answer of so many bytes is over the limit (second number).
    ResponseTooLarge(usize, usize),
    /// A request of so many bytes is over the limit (second number).
    RequestTooLarge(usize, usize),
    /// The circuit breaker of the named server is open.
    CircuitBreakerOpen(Detail),
    /// No pooled connection became free in time.
    PoolExhausted(Detail),
    /// No server of the list can be used at present.
    AllServersUnavailable,
    /// No answer in time; this crate itself always gives `TimeoutWithMessage`.
    Timeout,
    /// No answer in time: what was asked, of whom, and in which phase it stood.
    TimeoutWithMessage(Detail),
    /// The handle was closed, or belongs to the process before a fork.
    Closed(Detail),
    /// The call is wrong in itself: an argument, or a call out of order.
    Misuse(Detail),
    /// Anything else.
    Other(Detail),
}

impl Error {
    /// The stable code; a `ServerError` that was made of a text alone has the code that the text stands for.
    pub fn code(&self) -> ErrorCode {
        self.detail().and_then(Detail::code).unwrap_or(match self {
            Error::ConnectionError(_) => ErrorCode::ConnectionLost,
            Error::ConfigError(_) => ErrorCode::InvalidConfig,
            Error::IoError(..) => ErrorCode::Io,
            Error::ProtocolError(_) => ErrorCode::MalformedResponse,
            Error::ServerError(detail) => broker_message::classify(detail),
            Error::AuthenticationFailed(_) => ErrorCode::AuthenticationFailed,
            Error::SerializationError(_) => ErrorCode::Serialization,
            Error::InvalidResponse => ErrorCode::UnexpectedResponse,
            Error::ResponseTooLarge(..) => ErrorCode::ResponseTooLarge,
            Error::RequestTooLarge(..) => ErrorCode::RequestTooLarge,
            Error::CircuitBreakerOpen(_) => ErrorCode::CircuitBreakerOpen,
            Error::PoolExhausted(_) => ErrorCode::PoolExhausted,
            Error::AllServersUnavailable => ErrorCode::AllServersUnavailable,
            Error::Timeout | Error::TimeoutWithMessage(_) => ErrorCode::TimedOut,
            Error::Closed(_) => ErrorCode::Closed,
            Error::Misuse(_) => ErrorCode::InvalidArgument,
            Error::Other(_) => ErrorCode::Other,
        })
    }

    /// What the error carries behind its variant, where it carries any.
    pub fn detail(&self) -> Option<&Detail> {
        match self {
            Error::ConnectionError(detail)
            | Error::ConfigError(detail)
            | Error::IoError(_, detail)
            | Error::ProtocolError(detail)
            | Error::ServerError(detail)
            | Error::AuthenticationFailed(detail)
            | Error::SerializationError(detail)
            | Error::CircuitBreakerOpen(detail)
            | Error::PoolExhausted(detail)
            | Error::TimeoutWithMessage(detail)
            | Error::Closed(detail)
            | Error::Misuse(detail)
            | Error::Other(detail) => Some(detail),
            Error::InvalidResponse
            | Error::ResponseTooLarge(..)
            | Error::RequestTooLarge(..)
            | Error::AllServersUnavailable
            | Error::Timeout => None,
        }
    }

    /// What is known of the request: whether it was executed, was not, or may have been.
    pub fn outcome(&self) -> Outcome {
        self.detail().and_then(Detail::outcome).unwrap_or_else(|| self.code().outcome())
    }

    /// The server concerned, as it was dialled, where the error concerns one.
    pub fn address(&self) -> Option<&str> {
        self.detail().and_then(Detail::address)
    }

    /// The schema registry's own number for the error, such as 42201, where it gave one.
    pub fn registry_code(&self) -> Option<u32> {
        self.detail().and_then(Detail::registry_code)
    }

    /// How long to wait before the call is repeated, where that is known: the broker asks for it, or a circuit
    /// breaker is open so long.
    pub fn retry_after(&self) -> Option<Duration> {
        self.detail().and_then(Detail::retry_after)
    }

    /// The same error, of a request that it kept from being sent: its outcome
    /// is not that of the handshake or the login that failed.
    pub(crate) fn before_request(self) -> Error {
        if self.outcome() == Outcome::Unknown { self.with_outcome(Outcome::NotSent) } else { self }
    }

    /// The same error with this outcome; one that carries no detail gets one where that has to say it.
    pub(crate) fn with_outcome(self, outcome: Outcome) -> Error {
        let with = |detail: Detail| detail.with_outcome(outcome);
        match self {
            Error::ConnectionError(detail) => Error::ConnectionError(with(detail)),
            Error::ConfigError(detail) => Error::ConfigError(with(detail)),
            Error::IoError(kind, detail) => Error::IoError(kind, with(detail)),
            Error::ProtocolError(detail) => Error::ProtocolError(with(detail)),
            Error::ServerError(detail) => Error::ServerError(with(detail)),
            Error::AuthenticationFailed(detail) => Error::AuthenticationFailed(with(detail)),
            Error::SerializationError(detail) => Error::SerializationError(with(detail)),
            Error::CircuitBreakerOpen(detail) => Error::CircuitBreakerOpen(with(detail)),
            Error::PoolExhausted(detail) => Error::PoolExhausted(with(detail)),
            Error::TimeoutWithMessage(detail) => Error::TimeoutWithMessage(with(detail)),
            Error::Closed(detail) => Error::Closed(with(detail)),
            Error::Misuse(detail) => Error::Misuse(with(detail)),
            Error::Other(detail) => Error::Other(with(detail)),
            other if other.outcome() == outcome => other,
            other => {
                let detail = with(Detail::new(other.to_string()).with_code(other.code()));
                match other {
                    Error::Timeout => Error::TimeoutWithMessage(detail),
                    Error::AllServersUnavailable => Error::ConnectionError(detail),
                    other => other,
                }
            }
        }
    }

    /// Whether no server can be reached at present, or a connection was lost.
    pub(crate) fn is_of_connection(&self) -> bool {
        let none_left = [ErrorCode::AllServersUnavailable, ErrorCode::CircuitBreakerOpen];
        self.counts_against_server() || none_left.contains(&self.code())
    }

    /// Whether the error shows that a server does not work, and is no answer of one that does.
    pub(crate) fn counts_against_server(&self) -> bool {
        use ErrorCode as C;
        match self {
            Error::IoError(..) => true,
            _ => matches!(
                self.code(),
                C::ConnectionFailed
                    | C::ConnectionLost
                    | C::ResolveFailed
                    | C::TlsFailed
                    | C::TimedOut
                    | C::MalformedResponse
                    | C::ResponseTooLarge
                    | C::UnexpectedResponse
            ),
        }
    }

    /// Whether the same call may succeed when it is repeated.
    ///
    /// Where one answer of the broker means different things, what was called
    /// decides: a topic that it does not know may be known to it soon when a
    /// record is published, and is not there when it is to be deleted.
    pub fn is_retriable(&self) -> bool {
        match self {
            Error::ConfigError(_)
            | Error::AuthenticationFailed(_)
            | Error::SerializationError(_)
            | Error::RequestTooLarge(..)
            | Error::Closed(_)
            | Error::Misuse(_) => false,
            _ => self.detail().and_then(Detail::retriable).unwrap_or_else(|| self.code().is_retriable()),
        }
    }

    /// Whether the handle that gave the error is of no use any more.
    pub fn is_fatal(&self) -> bool {
        self.code().is_fatal()
    }

    /// Whether an open transaction has to be aborted.
    pub fn is_abortable(&self) -> bool {
        self.code().is_abortable()
    }

    /// The error that a text of the broker stands for which came within an
    /// answer, such as that of one partition of several; `what` was attempted.
    pub fn within_answer(message: &str, what: &str) -> Error {
        let code = broker_message::classify(message);
        Error::ServerError(Detail::new(format!("{what}: {message}")).with_code(code).with_outcome(Outcome::Rejected))
    }

    /// The broker's answer `message` to a request of the name `request`, which is described by `what`.
    pub(crate) fn from_broker(message: &str, request: &str, what: &str, address: &Arc<str>) -> Error {
        let code = broker_message::classify(message);
        let advice = match code {
            ErrorCode::AuthenticationRequired => ": set auth.username and auth.password, or log in before other calls",
            _ => "",
        };
        let text = format!("{what}: {message} ({address}){advice}");
        let detail = Detail::new(text).with_code(code).with_address(address);
        let detail = detail.with_retriable(broker_message::is_retriable(message, request));
        match code {
            ErrorCode::AuthenticationFailed | ErrorCode::AuthenticationRequiresTls => {
                Error::AuthenticationFailed(detail.with_outcome(Outcome::Rejected))
            }
            _ => Error::ServerError(detail),
        }
    }

    /// The broker withheld the answer for the sake of a quota; repeat after `wait`.
    pub(crate) fn throttled(wait: Duration, quota: &str, entity: &str, what: &str, address: &Arc<str>) -> Error {
        let text = format!("{what}: throttled for {wait:?} by the quota {quota} of {entity} ({address})");
        let detail = Detail::new(text).with_code(ErrorCode::Throttled).with_address(address);
        Error::ServerError(detail.with_retry_after(wait))
    }

    /// The broker answered with a message that is no answer to the request.
    pub(crate) fn unexpected(got: &str, what: &str, address: &Arc<str>) -> Error {
        let text = format!("{what}: {address} answered with {got}, which is no answer to it");
        Error::ProtocolError(Detail::new(text).with_code(ErrorCode::UnexpectedResponse).with_address(address))
    }

    /// The runtime ended while the server at an address was being connected.
    pub(crate) fn runtime_gone(address: &Arc<str>) -> Error {
        let text = format!("connect to {address}: the runtime has ended: keep it alive as long as its clients");
        let detail = Detail::new(text).with_code(ErrorCode::RuntimeGone).with_address(address);
        Error::ConnectionError(detail.with_outcome(Outcome::NotSent))
    }

    /// A handle of the parent process is used in a forked child.
    pub fn forked(what: &str) -> Error {
        let text =
            format!("{what} was made before a fork and cannot be used in the child process: make a new one there");
        Error::Closed(Detail::new(text).with_code(ErrorCode::Forked))
    }

    /// A handle is used after it was closed.
    pub fn closed(what: &str) -> Error {
        Error::Closed(Detail::new(format!("{what} is closed: make a new one")))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::ConnectionError(detail) => write!(f, "Connection error: {detail}"),
            Error::ConfigError(detail) => write!(f, "Configuration error: {detail}"),
            Error::IoError(kind, detail) => write!(f, "IO error ({kind:?}): {detail}"),
            Error::ProtocolError(detail) => write!(f, "Protocol error: {detail}"),
            Error::ServerError(detail) => write!(f, "Server error: {detail}"),
            Error::AuthenticationFailed(detail) => write!(f, "Authentication failed: {detail}"),
            Error::SerializationError(detail) => write!(f, "Serialization error: {detail}"),
            Error::InvalidResponse => f.write_str("Invalid response"),
            Error::ResponseTooLarge(size, max) => write!(f, "Response too large: {size} bytes (max: {max})"),
            Error::RequestTooLarge(size, max) => write!(f, "Request too large: {size} bytes (max: {max})"),
            Error::CircuitBreakerOpen(detail) => write!(f, "Circuit breaker open for server: {detail}"),
            Error::PoolExhausted(detail) => write!(f, "Connection pool exhausted: {detail}"),
            Error::AllServersUnavailable => f.write_str("All servers unavailable"),
            Error::Timeout => f.write_str("Request timeout"),
            Error::TimeoutWithMessage(detail) => write!(f, "Timeout: {detail}"),
            Error::Closed(detail) | Error::Misuse(detail) | Error::Other(detail) => write!(f, "{detail}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.detail().and_then(Detail::source)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::IoError(error.kind(), Detail::new(error.to_string()).with_source(error))
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Error::ProtocolError(Detail::new(error.to_string()).with_source(error))
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        let code = match error {
            EncodeError::FrameTooLarge { size, max } => return Error::RequestTooLarge(size, max),
            EncodeError::InvalidName(NameError { what: "topic", .. }) => ErrorCode::InvalidTopic,
            EncodeError::InvalidName(_) => ErrorCode::InvalidGroupId,
            EncodeError::NoEntries { .. } | EncodeError::NegativeOffset(_) => ErrorCode::InvalidArgument,
            _ => ErrorCode::RequestTooLarge,
        };
        let detail = Detail::new(error.to_string()).with_code(code).with_outcome(Outcome::NotSent);
        Error::Misuse(detail.with_source(error))
    }
}
