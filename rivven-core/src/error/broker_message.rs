//! From the broker's error texts to codes.
//!
//! The broker answers errors as free text, mostly `CODE: detail`. Group calls
//! wrap the real code: `HEARTBEAT_FAILED: ILLEGAL_GENERATION: ...`.

use super::ErrorCode;

/// How a text is recognised.
enum Pattern {
    /// The text begins with this.
    Prefix(&'static str),
    /// The text begins with the first part and contains the second behind it.
    Around(&'static str, &'static str),
}

use ErrorCode as C;
use Pattern::{Around, Prefix};

/// The texts of broker release 0.0.22; the first pattern that fits decides.
const TABLE: &[(Pattern, ErrorCode)] = &[
    (Prefix("BUFFER_FULL"), C::BufferFull),
    (Prefix("WAL_ERROR"), C::WalError),
    (Prefix("WAL failure"), C::WalError),
    (Prefix("INVALID_TOPIC"), C::InvalidTopic),
    (Prefix("INVALID_PARTITIONS"), C::InvalidPartitions),
    (Prefix("INVALID_PARTITION_COUNT"), C::InvalidPartitions),
    (Prefix("INVALID_PARTITION"), C::InvalidPartition),
    (Prefix("PARTITION_CREATE_FAILED"), C::PartitionCreateFailed),
    (Prefix("INVALID_CONSUMER_GROUP"), C::InvalidGroupId),
    (Prefix("INVALID_GROUP_ID"), C::InvalidGroupId),
    (Around("Consumer group '", "' not found"), C::GroupNotFound),
    (Prefix("Topic not found"), C::UnknownTopicOrPartition),
    (Around("Topic '", "' already exists"), C::TopicAlreadyExists),
    (Around("Partition ", " not found for topic"), C::UnknownTopicOrPartition),
    (Prefix("Partition not found"), C::UnknownTopicOrPartition),
    (Prefix("UNKNOWN_TOPIC"), C::UnknownTopicOrPartition),
    (Prefix("UNKNOWN_PARTITION"), C::UnknownTopicOrPartition),
    (Prefix("OFFSET_OUT_OF_RANGE"), C::OffsetOutOfRange),
    (Prefix("INVALID_CONFIG"), C::InvalidTopicConfig),
    (Prefix("NOT_LEADER_FOR_PARTITION"), C::NotLeaderForPartition),
    (Prefix("FENCED_LEADER_EPOCH"), C::FencedLeaderEpoch),
    (Prefix("UNKNOWN_PRODUCER_ID"), C::UnknownProducerId),
    (Prefix("OUT_OF_ORDER_SEQUENCE"), C::OutOfOrderSequence),
    (Prefix("PRODUCER_FENCED"), C::ProducerFenced),
    (Prefix("INVALID_PRODUCER_EPOCH"), C::ProducerFenced),
    (Prefix("CONCURRENT_TRANSACTIONS"), C::ConcurrentTransactions),
    (Prefix("INVALID_TXN_ID"), C::InvalidTxnId),
    (Prefix("INVALID_TXN_STATE"), C::InvalidTxnState),
    (Prefix("TRANSACTION_TIMED_OUT"), C::TransactionTimedOut),
    (Prefix("PARTITION_NOT_IN_TXN"), C::PartitionNotInTxn),
    (Prefix("TRANSACTION_ERROR: TooManyTransactions"), C::TooManyTransactions),
    (Prefix("TRANSACTION_ERROR: InvalidTransactionId"), C::InvalidTxnId),
    (Prefix("TRANSACTION_ERROR: TransactionTimeout"), C::TransactionTimedOut),
    (Prefix("TRANSACTION_ERROR: InvalidTransactionState"), C::InvalidTxnState),
    (Prefix("TRANSACTION_ERROR: ProducerFenced"), C::ProducerFenced),
    (Prefix("TRANSACTION_ERROR: LogWriteError"), C::WalError),
    (Prefix("TRANSACTION_ERROR"), C::TransactionError),
    (Prefix("COMMIT_FAILED"), C::CommitFailed),
    (Prefix("ABORT_FAILED"), C::AbortFailed),
    (Prefix("JOIN_GROUP_FAILED"), C::JoinGroupFailed),
    (Prefix("UNKNOWN_GROUP"), C::UnknownGroup),
    (Prefix("UNKNOWN_MEMBER_ID"), C::UnknownMemberId),
    (Prefix("ILLEGAL_GENERATION"), C::IllegalGeneration),
    (Prefix("INCONSISTENT_GROUP_PROTOCOL"), C::InconsistentGroupProtocol),
    (Prefix("REBALANCE_TIMEOUT"), C::RebalanceTimeout),
    (Prefix("REBALANCE_IN_PROGRESS"), C::RebalanceInProgress),
    (Prefix("AUTHENTICATION_REQUIRED"), C::AuthenticationRequired),
    (Prefix("SESSION_EXPIRED"), C::SessionExpired),
    (Prefix("INVALID_SESSION:"), C::SessionExpired),
    (Prefix("AUTHENTICATION_FAILED"), C::AuthenticationFailed),
    (Prefix("SCRAM_FAILED"), C::AuthenticationFailed),
    (Prefix("UNSUPPORTED_MECHANISM"), C::AuthenticationFailed),
    (Prefix("ILLEGAL_SASL_STATE"), C::AuthenticationFailed),
    (Prefix("PLAINTEXT_AUTH_REQUIRES_TLS"), C::AuthenticationRequiresTls),
    (Prefix("SASL/PLAIN requires a TLS connection"), C::AuthenticationRequiresTls),
    (Prefix("AUTHORIZATION_FAILED"), C::AuthorizationFailed),
    (Prefix("TRANSACTIONAL_ID_AUTHORIZATION_FAILED"), C::AuthorizationFailed),
    (Prefix("CLUSTER_AUTHORIZATION_FAILED"), C::AuthorizationFailed),
    (Prefix("TOPIC_AUTHORIZATION_FAILED"), C::AuthorizationFailed),
    (Prefix("GROUP_AUTHORIZATION_FAILED"), C::AuthorizationFailed),
    (Prefix("RATE_LIMIT_EXCEEDED"), C::RateLimitExceeded),
    (Prefix("MESSAGE_TOO_LARGE"), C::MessageTooLarge),
    (Prefix("RECORD_TOO_LARGE"), C::MessageTooLarge),
    (Prefix("INVALID_REQUEST"), C::InvalidRequest),
    (Prefix("INTERNAL_ERROR: response send failed"), C::AnswerTooLarge),
    (Prefix("INTERNAL_ERROR"), C::ServerInternal),
    (Prefix("UNSUPPORTED"), C::ServerUnsupported),
    (Prefix("SECURITY_DISABLED"), C::ServerUnsupported),
    (Prefix("Cluster metadata not available"), C::ServerUnsupported),
    (Prefix("INVALID_REPLICATION_FACTOR"), C::InvalidTopicConfig),
    (Prefix("INVALID_REQUIRED_ACKS"), C::InvalidRequest),
    (Prefix("INVALID_SESSION_TIMEOUT"), C::InvalidRequest),
    (Prefix("INVALID_PRODUCER_ID_MAPPING"), C::InvalidTxnState),
    (Prefix("Serialization error"), C::StorageError),
    (Prefix("I/O error"), C::StorageError),
    (Prefix("Invalid configuration"), C::StorageError),
    (Prefix("Invalid offset"), C::StorageError),
    (Prefix("Failed to find offset for timestamp"), C::StorageError),
    (Prefix("fsync"), C::StorageError),
];

/// The prefixes that hide the real code in the second token.
const WRAPPERS: &[&str] = &["SYNC_GROUP_FAILED: ", "HEARTBEAT_FAILED: ", "LEAVE_GROUP_FAILED: "];

/// The code of an error text of the broker; `ServerOther` if the text is unknown.
pub(crate) fn classify(message: &str) -> ErrorCode {
    let text = WRAPPERS.iter().find_map(|wrapper| message.strip_prefix(wrapper)).unwrap_or(message);
    TABLE.iter().find(|(pattern, _)| pattern.fits(text)).map_or(C::ServerOther, |(_, code)| *code)
}

/// What appends records.
const PUBLISHES: &[&str] =
    &["Publish", "PublishBatch", "IdempotentPublish", "IdempotentPublishBatch", "TransactionalPublish"];

/// The texts that mean one thing to some requests and another to the rest: for
/// those named here the call may succeed later, as the broker's view of the
/// cluster lags behind, or with fewer records; for all others it fails again.
const BY_REQUEST: &[(&str, &[&str])] = &[
    ("UNKNOWN_TOPIC_OR_PARTITION", PUBLISHES),
    ("UNKNOWN_TOPIC", &["CommitOffset"]),
    ("UNKNOWN_PARTITION", &["CommitOffset"]),
    ("Topic not found", &["Consume"]),
    ("INTERNAL_ERROR: response send failed", &["Consume"]),
];

/// Whether this request may succeed when it is repeated after such an answer;
/// `None` where that is the same for every request, and the code says it.
pub(crate) fn is_retriable(message: &str, request: &str) -> Option<bool> {
    let (_, requests) = BY_REQUEST.iter().find(|(text, _)| message.starts_with(text))?;
    Some(requests.contains(&request))
}

impl Pattern {
    fn fits(&self, text: &str) -> bool {
        match self {
            Prefix(prefix) => text.starts_with(prefix),
            Around(prefix, inner) => text.strip_prefix(prefix).is_some_and(|rest| rest.contains(inner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_broker_lead_to_their_codes() {
        let cases = [
            ("Topic 'a' already exists", C::TopicAlreadyExists),
            ("Topic not found: a", C::UnknownTopicOrPartition),
            ("Partition 9 not found for topic 'a'", C::UnknownTopicOrPartition),
            ("INVALID_PARTITION: 9", C::InvalidPartition),
            ("INVALID_PARTITIONS: must grow", C::InvalidPartitions),
            ("INVALID_PARTITION_COUNT: 0", C::InvalidPartitions),
            ("INVALID_TOPIC_NAME: empty", C::InvalidTopic),
            ("HEARTBEAT_FAILED: ILLEGAL_GENERATION: expected 2, got 1", C::IllegalGeneration),
            ("SYNC_GROUP_FAILED: REBALANCE_TIMEOUT: no leader", C::RebalanceTimeout),
            ("LEAVE_GROUP_FAILED: UNKNOWN_GROUP: g", C::UnknownGroup),
            ("TRANSACTION_ERROR: TooManyTransactions", C::TooManyTransactions),
            ("TRANSACTION_ERROR: Odd { .. }", C::TransactionError),
            ("TRANSACTION_TIMED_OUT", C::TransactionTimedOut),
            ("INTERNAL_ERROR: response send failed", C::AnswerTooLarge),
            ("INTERNAL_ERROR: Unexpected request type", C::ServerInternal),
            ("INVALID_SESSION: gone", C::SessionExpired),
            ("INVALID_SESSION_TIMEOUT: 1", C::InvalidRequest),
            ("something new", C::ServerOther),
        ];
        for (text, code) in cases {
            assert_eq!(classify(text), code, "{text}");
        }
    }
}
