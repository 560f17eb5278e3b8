//! The stable error codes: the one home of their numbers, names and flags.

use super::Outcome;

/// What a caller may do about an error, as a property of its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Traits {
    name: &'static str,
    text: &'static str,
    retriable: bool,
    fatal: bool,
    abortable: bool,
    outcome: Outcome,
}

/// Flags of a code, named so that the table below reads as one.
mod class {
    /// Repeating the call may succeed.
    pub(super) const RETRY: (bool, bool, bool) = (true, false, false);
    /// Repeating the same call fails again.
    pub(super) const PERMANENT: (bool, bool, bool) = (false, false, false);
    /// The handle cannot be used any more; a new one is needed.
    pub(super) const FATAL: (bool, bool, bool) = (false, true, false);
    /// The open transaction has to be aborted.
    pub(super) const ABORT: (bool, bool, bool) = (false, false, true);
}

macro_rules! error_codes {
    ($( $(#[doc = $doc:literal])+ $variant:ident = $value:literal, $name:literal, $class:ident, $outcome:ident; )+) => {
        /// A stable number for every kind of error.
        ///
        /// Numbers are append-only: one that was released keeps its meaning and
        /// is never given to another error. 0 means success in the C interface
        /// and is no variant here. 1-99 arise in the client, 100-199 are
        /// answers of the broker, 200-299 those of a schema registry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum ErrorCode {
            $( $(#[doc = $doc])+ $variant = $value, )+
        }

        impl ErrorCode {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant,)+];

            const fn traits(self) -> Traits {
                match self {
                    $( ErrorCode::$variant => Traits {
                        name: $name,
                        text: concat!($($doc),+),
                        retriable: class::$class.0,
                        fatal: class::$class.1,
                        abortable: class::$class.2,
                        outcome: Outcome::$outcome,
                    }, )+
                }
            }
        }
    };
}

error_codes! {
    /// An error that no other code describes.
    Other = 1, "OTHER", RETRY, Unknown;
    /// No connection to the server could be made.
    ConnectionFailed = 2, "CONNECTION_FAILED", RETRY, NotSent;
    /// An established connection ended before the answer came.
    ConnectionLost = 3, "CONNECTION_LOST", RETRY, Unknown;
    /// No answer came in time.
    TimedOut = 4, "TIMED_OUT", RETRY, Unknown;
    /// The host name of a server could not be resolved.
    ResolveFailed = 5, "RESOLVE_FAILED", RETRY, NotSent;
    /// The handle was closed by its owner.
    Closed = 6, "CLOSED", FATAL, NotSent;
    /// The handle was made before a fork and is used in the child process.
    Forked = 7, "FORKED", FATAL, NotSent;
    /// An argument is not acceptable.
    InvalidArgument = 8, "INVALID_ARGUMENT", PERMANENT, NotSent;
    /// The call is not allowed in the present state.
    InvalidState = 9, "INVALID_STATE", PERMANENT, NotSent;
    /// A configuration key or value is not acceptable.
    InvalidConfig = 10, "INVALID_CONFIG", PERMANENT, NotSent;
    /// The request is over a limit of the protocol.
    RequestTooLarge = 11, "REQUEST_TOO_LARGE", PERMANENT, NotSent;
    /// The peer announced an answer over the limit.
    ResponseTooLarge = 12, "RESPONSE_TOO_LARGE", RETRY, Unknown;
    /// The peer sent bytes that are no valid answer.
    MalformedResponse = 13, "MALFORMED_RESPONSE", RETRY, Unknown;
    /// The answer is valid but does not belong to the request.
    UnexpectedResponse = 14, "UNEXPECTED_RESPONSE", RETRY, Unknown;
    /// The broker speaks another version of the protocol.
    IncompatibleVersion = 15, "INCOMPATIBLE_VERSION", PERMANENT, NotSent;
    /// The server did not accept the credentials, or did not prove its own.
    AuthenticationFailed = 16, "AUTHENTICATION_FAILED", PERMANENT, NotSent;
    /// A login that shows the password was asked for on a connection without TLS.
    AuthenticationRequiresTls = 17, "AUTHENTICATION_REQUIRES_TLS", PERMANENT, NotSent;
    /// The TLS handshake failed.
    TlsFailed = 18, "TLS_FAILED", RETRY, NotSent;
    /// No server of the list can be used at present.
    AllServersUnavailable = 19, "ALL_SERVERS_UNAVAILABLE", RETRY, NotSent;
    /// The circuit breaker of the only eligible server is open.
    CircuitBreakerOpen = 20, "CIRCUIT_BREAKER_OPEN", RETRY, NotSent;
    /// No pooled connection became free in time.
    PoolExhausted = 21, "POOL_EXHAUSTED", RETRY, NotSent;
    /// The protocol or this build has no such feature.
    Unsupported = 22, "UNSUPPORTED", PERMANENT, NotSent;
    /// A value could not be encoded or decoded.
    Serialization = 23, "SERIALIZATION", PERMANENT, NotSent;
    /// An operation of the operating system failed.
    Io = 24, "IO", RETRY, Unknown;
    /// The client met a defect of its own and contained it.
    Internal = 25, "INTERNAL", PERMANENT, Unknown;
    /// A bounded queue or buffer has no room at present.
    QueueFull = 26, "QUEUE_FULL", RETRY, NotSent;
    /// The runtime that drives the connection has ended.
    RuntimeGone = 27, "RUNTIME_GONE", FATAL, Unknown;
    /// The record was given up by its owner before it was sent.
    Purged = 28, "PURGED", PERMANENT, NotSent;
    /// A call that waited was ended by another one.
    WokenUp = 29, "WOKEN_UP", RETRY, NotSent;
    /// The group has committed no offset, and none is to be chosen by itself.
    NoOffset = 30, "NO_OFFSET", PERMANENT, NotSent;
    /// The program took too long between polls, so its partitions went to others.
    PollTooLate = 31, "POLL_TOO_LATE", RETRY, NotSent;
    /// The partition is not assigned to the consumer.
    NotAssigned = 32, "NOT_ASSIGNED", PERMANENT, NotSent;
    /// A record was given up, since the program's handler failed every time.
    ProcessingFailed = 33, "PROCESSING_FAILED", PERMANENT, Unknown;

    /// The broker answered with a text that this client does not know.
    ServerOther = 100, "SERVER_OTHER", RETRY, Rejected;
    /// The broker has too many publishes under way.
    BufferFull = 101, "BUFFER_FULL", RETRY, Rejected;
    /// The broker could not write its log.
    WalError = 102, "WAL_ERROR", RETRY, Unknown;
    /// The topic name breaks the broker's rules.
    InvalidTopic = 103, "INVALID_TOPIC", PERMANENT, Rejected;
    /// The topic has no such partition.
    InvalidPartition = 104, "INVALID_PARTITION", PERMANENT, Rejected;
    /// The number of partitions is not acceptable.
    InvalidPartitions = 105, "INVALID_PARTITIONS", PERMANENT, Rejected;
    /// The broker could not create a partition.
    PartitionCreateFailed = 106, "PARTITION_CREATE_FAILED", RETRY, Rejected;
    /// The group name breaks the broker's rules.
    InvalidGroupId = 107, "INVALID_GROUP_ID", PERMANENT, Rejected;
    /// There is no group of that name with committed offsets.
    GroupNotFound = 108, "GROUP_NOT_FOUND", PERMANENT, Rejected;
    /// There is no such topic or partition.
    UnknownTopicOrPartition = 109, "UNKNOWN_TOPIC_OR_PARTITION", PERMANENT, Rejected;
    /// A topic of that name exists already.
    TopicAlreadyExists = 110, "TOPIC_ALREADY_EXISTS", PERMANENT, Rejected;
    /// The offset lies outside of the log.
    OffsetOutOfRange = 111, "OFFSET_OUT_OF_RANGE", PERMANENT, Rejected;
    /// A topic setting is not acceptable to the broker.
    InvalidTopicConfig = 112, "INVALID_TOPIC_CONFIG", PERMANENT, Rejected;
    /// Another broker leads the partition.
    NotLeaderForPartition = 113, "NOT_LEADER_FOR_PARTITION", RETRY, Rejected;
    /// The leader epoch of the request is out of date.
    FencedLeaderEpoch = 114, "FENCED_LEADER_EPOCH", RETRY, Rejected;
    /// The broker does not know the producer id, for instance after its restart.
    UnknownProducerId = 115, "UNKNOWN_PRODUCER_ID", RETRY, Rejected;
    /// The sequence number does not follow the last one.
    OutOfOrderSequence = 116, "OUT_OF_ORDER_SEQUENCE", RETRY, Rejected;
    /// Another producer has taken over the identity.
    ProducerFenced = 117, "PRODUCER_FENCED", FATAL, Rejected;
    /// The producer has another transaction open.
    ConcurrentTransactions = 118, "CONCURRENT_TRANSACTIONS", PERMANENT, Rejected;
    /// There is no such open transaction.
    InvalidTxnId = 119, "INVALID_TXN_ID", ABORT, Rejected;
    /// The state of the transaction does not allow the call.
    InvalidTxnState = 120, "INVALID_TXN_STATE", ABORT, Rejected;
    /// The transaction ran into its timeout.
    TransactionTimedOut = 121, "TRANSACTION_TIMED_OUT", ABORT, Rejected;
    /// The partition was not added to the transaction.
    PartitionNotInTxn = 122, "PARTITION_NOT_IN_TXN", PERMANENT, Rejected;
    /// The broker has its maximum of open transactions.
    TooManyTransactions = 123, "TOO_MANY_TRANSACTIONS", RETRY, Rejected;
    /// The broker refused a step of the transaction.
    TransactionError = 124, "TRANSACTION_ERROR", ABORT, Rejected;
    /// It is not known whether the transaction was committed.
    CommitFailed = 125, "COMMIT_FAILED", RETRY, Unknown;
    /// It is not known whether the transaction was aborted.
    AbortFailed = 126, "ABORT_FAILED", RETRY, Unknown;
    /// The broker could not admit the member to the group.
    JoinGroupFailed = 127, "JOIN_GROUP_FAILED", RETRY, Rejected;
    /// The group does not exist any more: join again.
    UnknownGroup = 128, "UNKNOWN_GROUP", PERMANENT, Rejected;
    /// The group does not know the member: join again.
    UnknownMemberId = 129, "UNKNOWN_MEMBER_ID", PERMANENT, Rejected;
    /// The group has moved to another generation: join again.
    IllegalGeneration = 130, "ILLEGAL_GENERATION", PERMANENT, Rejected;
    /// The assignment names members that the group does not have.
    InconsistentGroupProtocol = 131, "INCONSISTENT_GROUP_PROTOCOL", PERMANENT, Rejected;
    /// The leader of the group sent no assignment in time: join again.
    RebalanceTimeout = 132, "REBALANCE_TIMEOUT", RETRY, Rejected;
    /// The group is being rebalanced: join again.
    RebalanceInProgress = 133, "REBALANCE_IN_PROGRESS", RETRY, Rejected;
    /// The connection is not logged in.
    AuthenticationRequired = 134, "AUTHENTICATION_REQUIRED", RETRY, Rejected;
    /// The login has expired.
    SessionExpired = 135, "SESSION_EXPIRED", RETRY, Rejected;
    /// The user has no right to do this.
    AuthorizationFailed = 136, "AUTHORIZATION_FAILED", PERMANENT, Rejected;
    /// The address sends more requests than the broker allows.
    RateLimitExceeded = 137, "RATE_LIMIT_EXCEEDED", RETRY, Rejected;
    /// The broker refuses a message of this size.
    MessageTooLarge = 138, "MESSAGE_TOO_LARGE", PERMANENT, Rejected;
    /// The broker could not read the request.
    InvalidRequest = 139, "INVALID_REQUEST", PERMANENT, Rejected;
    /// The answer would be over the broker's frame limit.
    AnswerTooLarge = 140, "ANSWER_TOO_LARGE", RETRY, Rejected;
    /// The broker met a defect of its own.
    ServerInternal = 141, "SERVER_INTERNAL", PERMANENT, Unknown;
    /// The broker's storage failed.
    StorageError = 142, "STORAGE_ERROR", RETRY, Unknown;
    /// A quota is used up for the moment.
    Throttled = 143, "THROTTLED", RETRY, Rejected;
    /// The broker, as it was started, cannot do this.
    ServerUnsupported = 144, "SERVER_UNSUPPORTED", PERMANENT, Rejected;

    /// The schema registry failed, or cannot serve the request at present.
    SchemaRegistryError = 200, "SCHEMA_REGISTRY_ERROR", RETRY, Unknown;
    /// The schema registry refused the request, or what answered is no schema registry.
    SchemaRegistryRefused = 201, "SCHEMA_REGISTRY_REFUSED", PERMANENT, Rejected;
    /// The schema registry has no such schema, subject or version.
    SchemaNotFound = 202, "SCHEMA_NOT_FOUND", PERMANENT, Rejected;
    /// The schema is not valid in its language.
    SchemaInvalid = 203, "SCHEMA_INVALID", PERMANENT, Rejected;
    /// The schema is not compatible with those that the subject has.
    SchemaIncompatible = 204, "SCHEMA_INCOMPATIBLE", PERMANENT, Rejected;
}

impl ErrorCode {
    /// The number, as C sees it.
    pub const fn value(self) -> i32 {
        self as i32
    }

    /// The name, as Python and Node show it: `TIMED_OUT`.
    pub const fn name(self) -> &'static str {
        self.traits().name
    }

    /// One sentence on what the code means.
    pub fn text(self) -> &'static str {
        self.traits().text.trim_start()
    }

    /// Whether the same call may succeed when it is repeated.
    pub const fn is_retriable(self) -> bool {
        self.traits().retriable
    }

    /// Whether the handle that gave the error is of no use any more.
    pub const fn is_fatal(self) -> bool {
        self.traits().fatal
    }

    /// Whether an open transaction has to be aborted.
    pub const fn is_abortable(self) -> bool {
        self.traits().abortable
    }

    /// What is known of the request's execution where the error says nothing more exact.
    pub const fn outcome(self) -> Outcome {
        self.traits().outcome
    }

    /// The code with this number, if there is one.
    pub fn from_value(value: i32) -> Option<ErrorCode> {
        ErrorCode::ALL.iter().copied().find(|code| code.value() == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_and_names_are_unique_and_ascending() {
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        assert!(ErrorCode::ALL.windows(2).all(|pair| pair[0].value() < pair[1].value()));
        assert!(ErrorCode::ALL.iter().all(|code| code.value() > 0));
    }

    #[test]
    fn a_number_leads_back_to_its_code() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_value(code.value()), Some(*code));
        }
        assert_eq!(ErrorCode::from_value(0), None);
    }

    #[test]
    fn no_code_is_both_retriable_and_fatal() {
        assert!(ErrorCode::ALL.iter().all(|code| !(code.is_retriable() && code.is_fatal())));
    }
}
