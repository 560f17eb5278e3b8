//! The forty requests.

use bytes::Bytes;

use super::codec::{Decode, Encode, Field};
use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::frame::RequestFrame;
use super::limits::RequestLimits;
use super::messages::{Message, Name, Payload, Secret, messages, twin};
use super::primitives::{Reader, put_varint, varint_len};
use super::structures::{BatchRecord, QuotaAlteration, TopicConfigEntry};

impl Request {
    /// Encodes the request, ready to be sent.
    ///
    /// # Errors
    /// [`EncodeError`] if it exceeds a limit of the broker.
    pub fn encode(&self) -> Result<RequestFrame, EncodeError> {
        self.with_twin(|twin| RequestFrame::new(twin))
    }
}

messages! {
    /// What a client asks of a broker.
    ///
    /// `Debug` prints neither credentials nor the content of records.
    pub enum Request;

    /// The requests with borrowed fields, to be encoded without owning them.
    ///
    /// A `&str` stands for a `String`, a `&[u8]` for `Bytes`. Instead of a `Vec`
    /// there is a reference to any list with the same wire form: an array, a
    /// slice or a [`list`](crate::protocol::list) of borrowed items, tuples
    /// where the items are structures.
    ///
    /// ```
    /// use rivven_client::protocol::{RequestFrame, encode, list};
    ///
    /// let readings = ["21.5", "22.0"];
    /// let records = list(readings.iter().map(|reading| (None::<&[u8]>, reading.as_bytes())));
    /// let request = encode::PublishBatch {
    ///     topic: "readings",
    ///     partition: Some(0),
    ///     records: &records,
    ///     leader_epoch: None,
    /// };
    /// let frame = RequestFrame::new(&request)?;
    /// assert_eq!(frame.name(), "PublishBatch");
    /// # Ok::<(), rivven_client::protocol::EncodeError>(())
    /// ```
    pub mod encode;

    /// Logs in with a password in clear. With `require_tls` the broker refuses
    /// unless the connection is encrypted.
    0 => Authenticate { username: String, password: String as Secret, require_tls: bool },

    /// Logs in by SASL; the only mechanism is `PLAIN`.
    1 => SaslAuthenticate { mechanism: Bytes as Name, auth_bytes: Bytes as Secret },

    /// First message of a SCRAM-SHA-256 login.
    2 => ScramClientFirst { message: Bytes as Secret },

    /// Final message of a SCRAM-SHA-256 login, with the proof.
    3 => ScramClientFinal { message: Bytes as Secret },

    /// Appends a record. Without `partition` the broker chooses one.
    /// `leader_epoch` only matters in a cluster.
    4 => Publish {
        topic: String, partition: Option<u32>, key: Option<Bytes> as Payload, value: Bytes as Payload,
        leader_epoch: Option<u64>
    },

    /// Reads up to `max_messages` records from `offset` on, waiting up to
    /// `max_wait_ms` milliseconds for a first one. `isolation_level` 1 hides
    /// records of aborted transactions.
    5 => Consume {
        topic: String, partition: u32, offset: u64, max_messages: u32, isolation_level: Option<u8>,
        max_wait_ms: Option<u64>
    },

    /// Creates a topic. Without `partitions` the broker's default applies.
    6 => CreateTopic { name: String, partitions: Option<u32> },

    /// Asks for the names of all topics.
    7 => ListTopics,

    /// Deletes a topic.
    8 => DeleteTopic { name: String },

    /// Stores `offset` as the next one that the group is to read.
    9 => CommitOffset { consumer_group: String, topic: String, partition: u32, offset: u64 },

    /// Asks for the offset that a group has committed.
    10 => GetOffset { consumer_group: String, topic: String, partition: u32 },

    /// Asks for the number of partitions of a topic.
    11 => GetMetadata { topic: String },

    /// Asks for brokers and topics; for all topics if none is named.
    12 => GetClusterMetadata { topics: Vec<String> },

    /// Asks for a sign of life.
    13 => Ping,

    /// Asks for the first and the next offset of a partition.
    14 => GetOffsetBounds { topic: String, partition: u32 },

    /// Asks for the names of all groups with committed offsets.
    15 => ListGroups,

    /// Asks for all committed offsets of a group.
    16 => DescribeGroup { consumer_group: String },

    /// Deletes the committed offsets of a group.
    17 => DeleteGroup { consumer_group: String },

    /// Asks for the first offset at or after a time, in milliseconds since 1970.
    18 => GetOffsetForTimestamp { topic: String, partition: u32, timestamp_ms: i64 },

    /// Asks for a producer id, or for the next epoch of the one given.
    19 => InitProducerId { producer_id: Option<u64> },

    /// Appends a record once, however often the request is repeated with the
    /// same `sequence`.
    20 => IdempotentPublish {
        topic: String, partition: Option<u32>, key: Option<Bytes> as Payload, value: Bytes as Payload,
        producer_id: u64, producer_epoch: u16, sequence: i32, leader_epoch: Option<u64>
    },

    /// Begins a transaction that expires after `timeout_ms` milliseconds, one
    /// minute unless given.
    21 => BeginTransaction { txn_id: String, producer_id: u64, producer_epoch: u16, timeout_ms: Option<u64> },

    /// Announces the partitions, by topic and number, that a transaction will
    /// write to.
    22 => AddPartitionsToTxn {
        txn_id: String, producer_id: u64, producer_epoch: u16, partitions: Vec<(String, u32)>
    },

    /// Appends a record within a transaction.
    23 => TransactionalPublish {
        txn_id: String, topic: String, partition: Option<u32>, key: Option<Bytes> as Payload,
        value: Bytes as Payload, producer_id: u64, producer_epoch: u16, sequence: i32,
        leader_epoch: Option<u64>
    },

    /// Commits offsets, by topic and partition, together with a transaction.
    24 => AddOffsetsToTxn {
        txn_id: String, producer_id: u64, producer_epoch: u16, group_id: String,
        offsets: Vec<(String, u32, i64)>
    },

    /// Commits a transaction.
    25 => CommitTransaction { txn_id: String, producer_id: u64, producer_epoch: u16 },

    /// Aborts a transaction.
    26 => AbortTransaction { txn_id: String, producer_id: u64, producer_epoch: u16 },

    /// Asks for the quotas of entities, by type and name; of all if none is
    /// given.
    27 => DescribeQuotas { entities: Vec<(String, Option<String>)> },

    /// Sets or removes quotas.
    28 => AlterQuotas { alterations: Vec<QuotaAlteration> },

    /// Changes settings of a topic.
    29 => AlterTopicConfig { topic: String, configs: Vec<TopicConfigEntry> },

    /// Raises the number of partitions to `new_partition_count`.
    /// `assignments` lists the nodes for each; the broker ignores it.
    30 => CreatePartitions { topic: String, new_partition_count: u32, assignments: Vec<Vec<String>> },

    /// Deletes the records below an offset, by partition.
    31 => DeleteRecords { topic: String, partition_offsets: Vec<(u32, u64)> },

    /// Asks for the settings of topics; of all that have changed settings if
    /// none is named.
    32 => DescribeTopicConfigs { topics: Vec<String> },

    /// Introduces the client on a new connection.
    33 => Handshake { protocol_version: u32, client_id: String },

    /// Joins a group; with an empty `member_id` as a new member.
    34 => JoinGroup {
        group_id: String, member_id: String, session_timeout_ms: u32, rebalance_timeout_ms: u32,
        protocol_type: String, subscriptions: Vec<String>
    },

    /// Fetches the partitions assigned to a member. The leader of the group
    /// hands in the assignments: by member, topic and partitions.
    35 => SyncGroup {
        group_id: String, generation_id: u32, member_id: String,
        assignments: Vec<(String, Vec<(String, Vec<u32>)>)>
    },

    /// Keeps a membership alive.
    36 => Heartbeat { group_id: String, generation_id: u32, member_id: String },

    /// Leaves a group.
    37 => LeaveGroup { group_id: String, member_id: String },

    /// Appends records to one partition.
    38 => PublishBatch {
        topic: String, partition: Option<u32>, records: Vec<BatchRecord>, leader_epoch: Option<u64>
    },

    /// Appends records to one partition once, however often the identical
    /// request is repeated. The first has the sequence `base_sequence`.
    39 => IdempotentPublishBatch {
        topic: String, partition: Option<u32>, records: Vec<BatchRecord>, producer_id: u64,
        producer_epoch: u16, base_sequence: i32, leader_epoch: Option<u64>
    },
}
