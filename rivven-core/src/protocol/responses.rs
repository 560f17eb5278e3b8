//! The forty-two responses.

use std::collections::HashMap;

use bytes::Bytes;

use super::codec::{Decode, Encode, Field};
use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::limits::RequestLimits;
use super::messages::{Message, Secret, messages, to_payload, twin};
use super::primitives::{Reader, put_varint, varint_len};
use super::structures::{
    BrokerInfo, DeleteRecordsResult, MessageData, QuotaEntry, TopicConfigDescription, TopicMetadata,
};

impl Response {
    /// Encodes the payload of the response, as a broker would.
    pub fn encode(&self) -> Bytes {
        self.with_twin(|twin| to_payload(twin, twin.encoded_len()))
    }
}

messages! {
    /// What a broker answers.
    ///
    /// `Debug` prints neither credentials nor the content of records.
    pub enum Response;

    /// The responses with borrowed fields.
    #[allow(unreachable_pub, reason = "only the way by which a response is encoded")]
    mod twins;

    /// The login succeeded; it holds for `expires_in` seconds.
    0 => Authenticated { session_id: String as Secret, expires_in: u64 },

    /// First answer of a SCRAM login, with salt and iterations.
    1 => ScramServerFirst { message: Bytes as Secret },

    /// Final answer of a SCRAM login: the signature of the server and a
    /// session, or an error text and none.
    2 => ScramServerFinal {
        message: Bytes as Secret, session_id: Option<String> as Secret, expires_in: Option<u64>
    },

    /// The record was appended.
    3 => Published { offset: u64, partition: u32 },

    /// The records that were read.
    4 => Messages { messages: Vec<MessageData> },

    /// The topic was created.
    5 => TopicCreated { name: String, partitions: u32 },

    /// The names of all topics.
    6 => Topics { topics: Vec<String> },

    /// The topic was deleted.
    7 => TopicDeleted,

    /// The offset was committed.
    8 => OffsetCommitted,

    /// The committed offset, if there is one.
    9 => Offset { offset: Option<u64> },

    /// The number of partitions of a topic.
    10 => Metadata { name: String, partitions: u32 },

    /// The brokers and topics of the cluster.
    11 => ClusterMetadata {
        controller_id: Option<String>, brokers: Vec<BrokerInfo>, topics: Vec<TopicMetadata>
    },

    /// The sign of life.
    12 => Pong,

    /// The first offset of a partition and the next one to be written.
    13 => OffsetBounds { earliest: u64, latest: u64 },

    /// The names of all groups with committed offsets.
    14 => Groups { groups: Vec<String> },

    /// The committed offsets of a group, by topic and partition.
    15 => GroupDescription { consumer_group: String, offsets: HashMap<String, HashMap<u32, u64>> },

    /// The offsets of the group were deleted.
    16 => GroupDeleted,

    /// The first offset at or after the time, if there is one.
    17 => OffsetForTimestamp { offset: Option<u64> },

    /// The request failed; `message` mostly begins with a code and a colon.
    18 => Error { message: String },

    /// The request succeeded. This broker never sends it.
    19 => Ok,

    /// The producer id to use, and its epoch.
    20 => ProducerIdInitialized { producer_id: u64, producer_epoch: u16 },

    /// The record was appended, now or, if `duplicate`, before.
    21 => IdempotentPublished { offset: u64, partition: u32, duplicate: bool },

    /// The transaction has begun.
    22 => TransactionStarted { txn_id: String },

    /// The partitions belong to the transaction.
    23 => PartitionsAddedToTxn { txn_id: String, partition_count: usize },

    /// The record was appended within the transaction.
    24 => TransactionalPublished { offset: u64, partition: u32, sequence: i32 },

    /// The offsets belong to the transaction.
    25 => OffsetsAddedToTxn { txn_id: String },

    /// The transaction was committed.
    26 => TransactionCommitted { txn_id: String },

    /// The transaction was aborted.
    27 => TransactionAborted { txn_id: String },

    /// The quotas that were asked for.
    28 => QuotasDescribed { entries: Vec<QuotaEntry> },

    /// The number of quotas that were changed.
    29 => QuotasAltered { altered_count: usize },

    /// The request was refused for `throttle_time_ms` milliseconds, by the
    /// quota `quota_type` of `entity`.
    30 => Throttled { throttle_time_ms: u64, quota_type: String, entity: String },

    /// The number of settings that were changed.
    31 => TopicConfigAltered { topic: String, changed_count: usize },

    /// The topic has this many partitions now.
    32 => PartitionsCreated { topic: String, new_partition_count: u32 },

    /// What became of each partition.
    33 => RecordsDeleted { topic: String, results: Vec<DeleteRecordsResult> },

    /// The settings that were asked for.
    34 => TopicConfigsDescribed { configs: Vec<TopicConfigDescription> },

    /// The answer to the handshake. If not `compatible`, the client must stop.
    35 => HandshakeResult { server_version: u32, compatible: bool, message: String },

    /// The membership, and the subscriptions of all members by member id.
    36 => JoinGroupResult {
        generation_id: u32, protocol_type: String, member_id: String, leader_id: String,
        members: Vec<(String, Vec<String>)>
    },

    /// The partitions that the member is to read, by topic.
    37 => SyncGroupResult { assignments: Vec<(String, Vec<u32>)> },

    /// The state of the membership: 0 is stable, 27 waits for the leader.
    38 => HeartbeatResult { error_code: i32 },

    /// The member has left.
    39 => LeaveGroupResult,

    /// The records were appended.
    40 => PublishedBatch { base_offset: u64, partition: u32, record_count: u32 },

    /// The records were appended, now or, if `duplicate`, before; then
    /// `base_offset` may be wrong.
    41 => IdempotentPublishedBatch {
        base_offset: u64, partition: u32, record_count: u32, duplicate: bool
    },
}
