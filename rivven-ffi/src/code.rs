//! Codes
//!
//! What functions return, and what is known of a request that failed.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char};
use std::sync::LazyLock;

use rivven_client::{ErrorCode, Outcome};

use crate::guard::infallible;

/// What a function returns: 0 for success, or what went wrong.
///
/// A number keeps its meaning in all later releases, and later releases add
/// numbers: have a `default` in every `switch`. 1-99 arise in the client,
/// 100-199 are answers of the broker, 200-299 those of a schema registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum rivven_code {
    /// Success.
    Ok = 0,
    /// An error that no other code describes.
    Other = 1,
    /// No connection to the server could be made.
    ConnectionFailed = 2,
    /// An established connection ended before the answer came.
    ConnectionLost = 3,
    /// No answer came in time.
    TimedOut = 4,
    /// The host name of a server could not be resolved.
    ResolveFailed = 5,
    /// The handle was closed by its owner.
    Closed = 6,
    /// The handle was made before a fork and is used in the child process.
    Forked = 7,
    /// An argument is not acceptable.
    InvalidArgument = 8,
    /// The call is not allowed in the present state.
    InvalidState = 9,
    /// A configuration key or value is not acceptable.
    InvalidConfig = 10,
    /// The request is over a limit of the protocol.
    RequestTooLarge = 11,
    /// The peer announced an answer over the limit.
    ResponseTooLarge = 12,
    /// The peer sent bytes that are no valid answer.
    MalformedResponse = 13,
    /// The answer is valid but does not belong to the request.
    UnexpectedResponse = 14,
    /// The broker speaks another version of the protocol.
    IncompatibleVersion = 15,
    /// The server did not accept the credentials, or did not prove its own.
    AuthenticationFailed = 16,
    /// A login that shows the password was asked for on a connection without TLS.
    AuthenticationRequiresTls = 17,
    /// The TLS handshake failed.
    TlsFailed = 18,
    /// No server of the list can be used at present.
    AllServersUnavailable = 19,
    /// The circuit breaker of the only eligible server is open.
    CircuitBreakerOpen = 20,
    /// No pooled connection became free in time.
    PoolExhausted = 21,
    /// The protocol or this build has no such feature.
    Unsupported = 22,
    /// A value could not be encoded or decoded.
    Serialization = 23,
    /// An operation of the operating system failed.
    Io = 24,
    /// The client met a defect of its own and contained it.
    Internal = 25,
    /// A bounded queue or buffer has no room at present.
    QueueFull = 26,
    /// The runtime that drives the connection has ended.
    RuntimeGone = 27,
    /// The record was given up by its owner before it was sent.
    Purged = 28,
    /// A call that waited was ended by another one.
    WokenUp = 29,
    /// The group has committed no offset, and none is to be chosen by itself.
    NoOffset = 30,
    /// The program took too long between polls, so its partitions went to others.
    PollTooLate = 31,
    /// The partition is not assigned to the consumer.
    NotAssigned = 32,
    /// A record was given up, since the program's handler failed every time.
    ProcessingFailed = 33,
    /// The broker answered with a text that this client does not know.
    ServerOther = 100,
    /// The broker has too many publishes under way.
    BufferFull = 101,
    /// The broker could not write its log.
    WalError = 102,
    /// The topic name breaks the broker's rules.
    InvalidTopic = 103,
    /// The topic has no such partition.
    InvalidPartition = 104,
    /// The number of partitions is not acceptable.
    InvalidPartitions = 105,
    /// The broker could not create a partition.
    PartitionCreateFailed = 106,
    /// The group name breaks the broker's rules.
    InvalidGroupId = 107,
    /// There is no group of that name with committed offsets.
    GroupNotFound = 108,
    /// There is no such topic or partition.
    UnknownTopicOrPartition = 109,
    /// A topic of that name exists already.
    TopicAlreadyExists = 110,
    /// The offset lies outside of the log.
    OffsetOutOfRange = 111,
    /// A topic setting is not acceptable to the broker.
    InvalidTopicConfig = 112,
    /// Another broker leads the partition.
    NotLeaderForPartition = 113,
    /// The leader epoch of the request is out of date.
    FencedLeaderEpoch = 114,
    /// The broker does not know the producer id, for instance after its restart.
    UnknownProducerId = 115,
    /// The sequence number does not follow the last one.
    OutOfOrderSequence = 116,
    /// Another producer has taken over the identity.
    ProducerFenced = 117,
    /// The producer has another transaction open.
    ConcurrentTransactions = 118,
    /// There is no such open transaction.
    InvalidTxnId = 119,
    /// The state of the transaction does not allow the call.
    InvalidTxnState = 120,
    /// The transaction ran into its timeout.
    TransactionTimedOut = 121,
    /// The partition was not added to the transaction.
    PartitionNotInTxn = 122,
    /// The broker has its maximum of open transactions.
    TooManyTransactions = 123,
    /// The broker refused a step of the transaction.
    TransactionError = 124,
    /// It is not known whether the transaction was committed.
    CommitFailed = 125,
    /// It is not known whether the transaction was aborted.
    AbortFailed = 126,
    /// The broker could not admit the member to the group.
    JoinGroupFailed = 127,
    /// The group does not exist any more: join again.
    UnknownGroup = 128,
    /// The group does not know the member: join again.
    UnknownMemberId = 129,
    /// The group has moved to another generation: join again.
    IllegalGeneration = 130,
    /// The assignment names members that the group does not have.
    InconsistentGroupProtocol = 131,
    /// The leader of the group sent no assignment in time: join again.
    RebalanceTimeout = 132,
    /// The group is being rebalanced: join again.
    RebalanceInProgress = 133,
    /// The connection is not logged in.
    AuthenticationRequired = 134,
    /// The login has expired.
    SessionExpired = 135,
    /// The user has no right to do this.
    AuthorizationFailed = 136,
    /// The address sends more requests than the broker allows.
    RateLimitExceeded = 137,
    /// The broker refuses a message of this size.
    MessageTooLarge = 138,
    /// The broker could not read the request.
    InvalidRequest = 139,
    /// The answer would be over the broker's frame limit.
    AnswerTooLarge = 140,
    /// The broker met a defect of its own.
    ServerInternal = 141,
    /// The broker's storage failed.
    StorageError = 142,
    /// A quota is used up for the moment.
    Throttled = 143,
    /// The broker, as it was started, cannot do this.
    ServerUnsupported = 144,
    /// The schema registry failed, or cannot serve the request at present.
    SchemaRegistryError = 200,
    /// The schema registry refused the request, or what answered is no schema registry.
    SchemaRegistryRefused = 201,
    /// The schema registry has no such schema, subject or version.
    SchemaNotFound = 202,
    /// The schema is not valid in its language.
    SchemaInvalid = 203,
    /// The schema is not compatible with those that the subject has.
    SchemaIncompatible = 204,
}

/// What is known of a request whose call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum rivven_outcome {
    /// The broker never had the whole request: it was not executed.
    NotSent = 0,
    /// The broker may have executed the request or not.
    Unknown = 1,
    /// The broker answered and refused.
    Rejected = 2,
}

/// Gives the name of a code, without prefix: `TIMED_OUT`; `OK` for 0.
///
/// Never NULL: a number that is no code of this library has the name
/// `UNKNOWN_CODE`. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn rivven_code_name(code: i32) -> *const c_char {
    infallible(c"UNKNOWN_CODE".as_ptr(), || Ok(words(code).0.as_ptr()))
}

/// Gives one sentence on what a code means.
///
/// Never NULL: a number that is no code of this library has a text that says
/// so. The text is static.
#[unsafe(no_mangle)]
pub extern "C" fn rivven_code_text(code: i32) -> *const c_char {
    infallible(c"".as_ptr(), || Ok(words(code).1.as_ptr()))
}

/// The name and the text of a code.
pub(crate) fn words(code: i32) -> (&'static CStr, &'static CStr) {
    static WORDS: LazyLock<BTreeMap<i32, (CString, CString)>> = LazyLock::new(|| {
        let owned = |text: &str| CString::new(text).unwrap_or_default();
        ErrorCode::ALL.iter().map(|code| (code.value(), (owned(code.name()), owned(code.text())))).collect()
    });
    match (code, WORDS.get(&code)) {
        (0, _) => (c"OK", c"Success."),
        (_, Some((name, text))) => (name, text),
        (_, None) => (c"UNKNOWN_CODE", c"This release of the library has no such code."),
    }
}

impl From<Outcome> for rivven_outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::NotSent => rivven_outcome::NotSent,
            Outcome::Unknown => rivven_outcome::Unknown,
            Outcome::Rejected => rivven_outcome::Rejected,
        }
    }
}

impl From<ErrorCode> for rivven_code {
    /// A test holds this to the core's list.
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Other => rivven_code::Other,
            ErrorCode::ConnectionFailed => rivven_code::ConnectionFailed,
            ErrorCode::ConnectionLost => rivven_code::ConnectionLost,
            ErrorCode::TimedOut => rivven_code::TimedOut,
            ErrorCode::ResolveFailed => rivven_code::ResolveFailed,
            ErrorCode::Closed => rivven_code::Closed,
            ErrorCode::Forked => rivven_code::Forked,
            ErrorCode::InvalidArgument => rivven_code::InvalidArgument,
            ErrorCode::InvalidState => rivven_code::InvalidState,
            ErrorCode::InvalidConfig => rivven_code::InvalidConfig,
            ErrorCode::RequestTooLarge => rivven_code::RequestTooLarge,
            ErrorCode::ResponseTooLarge => rivven_code::ResponseTooLarge,
            ErrorCode::MalformedResponse => rivven_code::MalformedResponse,
            ErrorCode::UnexpectedResponse => rivven_code::UnexpectedResponse,
            ErrorCode::IncompatibleVersion => rivven_code::IncompatibleVersion,
            ErrorCode::AuthenticationFailed => rivven_code::AuthenticationFailed,
            ErrorCode::AuthenticationRequiresTls => rivven_code::AuthenticationRequiresTls,
            ErrorCode::TlsFailed => rivven_code::TlsFailed,
            ErrorCode::AllServersUnavailable => rivven_code::AllServersUnavailable,
            ErrorCode::CircuitBreakerOpen => rivven_code::CircuitBreakerOpen,
            ErrorCode::PoolExhausted => rivven_code::PoolExhausted,
            ErrorCode::Unsupported => rivven_code::Unsupported,
            ErrorCode::Serialization => rivven_code::Serialization,
            ErrorCode::Io => rivven_code::Io,
            ErrorCode::Internal => rivven_code::Internal,
            ErrorCode::QueueFull => rivven_code::QueueFull,
            ErrorCode::RuntimeGone => rivven_code::RuntimeGone,
            ErrorCode::Purged => rivven_code::Purged,
            ErrorCode::WokenUp => rivven_code::WokenUp,
            ErrorCode::NoOffset => rivven_code::NoOffset,
            ErrorCode::PollTooLate => rivven_code::PollTooLate,
            ErrorCode::NotAssigned => rivven_code::NotAssigned,
            ErrorCode::ProcessingFailed => rivven_code::ProcessingFailed,
            ErrorCode::ServerOther => rivven_code::ServerOther,
            ErrorCode::BufferFull => rivven_code::BufferFull,
            ErrorCode::WalError => rivven_code::WalError,
            ErrorCode::InvalidTopic => rivven_code::InvalidTopic,
            ErrorCode::InvalidPartition => rivven_code::InvalidPartition,
            ErrorCode::InvalidPartitions => rivven_code::InvalidPartitions,
            ErrorCode::PartitionCreateFailed => rivven_code::PartitionCreateFailed,
            ErrorCode::InvalidGroupId => rivven_code::InvalidGroupId,
            ErrorCode::GroupNotFound => rivven_code::GroupNotFound,
            ErrorCode::UnknownTopicOrPartition => rivven_code::UnknownTopicOrPartition,
            ErrorCode::TopicAlreadyExists => rivven_code::TopicAlreadyExists,
            ErrorCode::OffsetOutOfRange => rivven_code::OffsetOutOfRange,
            ErrorCode::InvalidTopicConfig => rivven_code::InvalidTopicConfig,
            ErrorCode::NotLeaderForPartition => rivven_code::NotLeaderForPartition,
            ErrorCode::FencedLeaderEpoch => rivven_code::FencedLeaderEpoch,
            ErrorCode::UnknownProducerId => rivven_code::UnknownProducerId,
            ErrorCode::OutOfOrderSequence => rivven_code::OutOfOrderSequence,
            ErrorCode::ProducerFenced => rivven_code::ProducerFenced,
            ErrorCode::ConcurrentTransactions => rivven_code::ConcurrentTransactions,
            ErrorCode::InvalidTxnId => rivven_code::InvalidTxnId,
            ErrorCode::InvalidTxnState => rivven_code::InvalidTxnState,
            ErrorCode::TransactionTimedOut => rivven_code::TransactionTimedOut,
            ErrorCode::PartitionNotInTxn => rivven_code::PartitionNotInTxn,
            ErrorCode::TooManyTransactions => rivven_code::TooManyTransactions,
            ErrorCode::TransactionError => rivven_code::TransactionError,
            ErrorCode::CommitFailed => rivven_code::CommitFailed,
            ErrorCode::AbortFailed => rivven_code::AbortFailed,
            ErrorCode::JoinGroupFailed => rivven_code::JoinGroupFailed,
            ErrorCode::UnknownGroup => rivven_code::UnknownGroup,
            ErrorCode::UnknownMemberId => rivven_code::UnknownMemberId,
            ErrorCode::IllegalGeneration => rivven_code::IllegalGeneration,
            ErrorCode::InconsistentGroupProtocol => rivven_code::InconsistentGroupProtocol,
            ErrorCode::RebalanceTimeout => rivven_code::RebalanceTimeout,
            ErrorCode::RebalanceInProgress => rivven_code::RebalanceInProgress,
            ErrorCode::AuthenticationRequired => rivven_code::AuthenticationRequired,
            ErrorCode::SessionExpired => rivven_code::SessionExpired,
            ErrorCode::AuthorizationFailed => rivven_code::AuthorizationFailed,
            ErrorCode::RateLimitExceeded => rivven_code::RateLimitExceeded,
            ErrorCode::MessageTooLarge => rivven_code::MessageTooLarge,
            ErrorCode::InvalidRequest => rivven_code::InvalidRequest,
            ErrorCode::AnswerTooLarge => rivven_code::AnswerTooLarge,
            ErrorCode::ServerInternal => rivven_code::ServerInternal,
            ErrorCode::StorageError => rivven_code::StorageError,
            ErrorCode::Throttled => rivven_code::Throttled,
            ErrorCode::ServerUnsupported => rivven_code::ServerUnsupported,
            ErrorCode::SchemaRegistryError => rivven_code::SchemaRegistryError,
            ErrorCode::SchemaRegistryRefused => rivven_code::SchemaRegistryRefused,
            ErrorCode::SchemaNotFound => rivven_code::SchemaNotFound,
            ErrorCode::SchemaInvalid => rivven_code::SchemaInvalid,
            ErrorCode::SchemaIncompatible => rivven_code::SchemaIncompatible,
            _ => rivven_code::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_core_has_the_same_number_here() {
        for code in ErrorCode::ALL {
            assert_eq!(rivven_code::from(*code) as i32, code.value(), "{code:?}");
        }
    }

    #[test]
    fn every_number_has_a_name() {
        assert_eq!(words(4), (c"TIMED_OUT", c"No answer came in time."));
        assert_eq!(words(0).0, c"OK");
        assert_eq!(words(99).0, c"UNKNOWN_CODE");
    }
}
