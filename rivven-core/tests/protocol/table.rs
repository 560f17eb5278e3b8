//! The messages and their fields, listed once more and apart from the codec's
//! own tables, so that a slip there shows.

use std::fmt::Debug;

use arbtest::arbitrary::{Result, Unstructured};
use bytes::Bytes;
use rivven_client::protocol::{DecodeError, Request, Response};
use serde_json::Value;

use crate::values::TestValue;

/// A request or a response.
pub(crate) trait TestMessage: Sized + Clone + Debug + PartialEq {
    /// How many there are.
    const COUNT: u32;

    /// Decodes a payload.
    fn decode(payload: &Bytes) -> std::result::Result<Self, DecodeError>;

    /// Encodes the payload.
    fn payload(&self) -> Bytes;

    /// Name and discriminant.
    fn identity(&self) -> (&'static str, u32);

    /// Builds the message called `name` out of the fields of a vector.
    fn from_json(name: &str, fields: &Value) -> Self;

    /// Makes the message with the given discriminant, its fields at random.
    fn random(discriminant: u32, u: &mut Unstructured<'_>) -> Result<Self>;
}

macro_rules! table {
    ($Enum:ident: $count:literal, |$message:ident| $payload:expr; $($Name:ident { $($field:ident),* })*) => {
        impl TestMessage for $Enum {
            const COUNT: u32 = $count;

            fn decode(payload: &Bytes) -> std::result::Result<Self, DecodeError> {
                $Enum::decode(payload)
            }

            fn payload(&self) -> Bytes {
                let $message = self;
                $payload
            }

            fn identity(&self) -> (&'static str, u32) {
                (self.name(), self.discriminant())
            }

            fn from_json(name: &str, fields: &Value) -> Self {
                match name {
                    $(stringify!($Name) => {
                        $Enum::$Name { $($field: TestValue::from_json(&fields[stringify!($field)])),* }
                    })*
                    _ => panic!("unknown message {name}"),
                }
            }

            fn random(discriminant: u32, u: &mut Unstructured<'_>) -> Result<Self> {
                let mut _number = 0;
                $(
                    if discriminant == _number {
                        return Ok($Enum::$Name { $($field: TestValue::random(u)?),* });
                    }
                    _number += 1;
                )*
                panic!("unknown discriminant {discriminant}");
            }
        }
    };
}

table! {
    Request: 40, |request| request.encode().unwrap().payload().clone();
    Authenticate { username, password, require_tls }
    SaslAuthenticate { mechanism, auth_bytes }
    ScramClientFirst { message }
    ScramClientFinal { message }
    Publish { topic, partition, key, value, leader_epoch }
    Consume { topic, partition, offset, max_messages, isolation_level, max_wait_ms }
    CreateTopic { name, partitions }
    ListTopics {}
    DeleteTopic { name }
    CommitOffset { consumer_group, topic, partition, offset }
    GetOffset { consumer_group, topic, partition }
    GetMetadata { topic }
    GetClusterMetadata { topics }
    Ping {}
    GetOffsetBounds { topic, partition }
    ListGroups {}
    DescribeGroup { consumer_group }
    DeleteGroup { consumer_group }
    GetOffsetForTimestamp { topic, partition, timestamp_ms }
    InitProducerId { producer_id }
    IdempotentPublish { topic, partition, key, value, producer_id, producer_epoch, sequence, leader_epoch }
    BeginTransaction { txn_id, producer_id, producer_epoch, timeout_ms }
    AddPartitionsToTxn { txn_id, producer_id, producer_epoch, partitions }
    TransactionalPublish { txn_id, topic, partition, key, value, producer_id, producer_epoch, sequence, leader_epoch }
    AddOffsetsToTxn { txn_id, producer_id, producer_epoch, group_id, offsets }
    CommitTransaction { txn_id, producer_id, producer_epoch }
    AbortTransaction { txn_id, producer_id, producer_epoch }
    DescribeQuotas { entities }
    AlterQuotas { alterations }
    AlterTopicConfig { topic, configs }
    CreatePartitions { topic, new_partition_count, assignments }
    DeleteRecords { topic, partition_offsets }
    DescribeTopicConfigs { topics }
    Handshake { protocol_version, client_id }
    JoinGroup { group_id, member_id, session_timeout_ms, rebalance_timeout_ms, protocol_type, subscriptions }
    SyncGroup { group_id, generation_id, member_id, assignments }
    Heartbeat { group_id, generation_id, member_id }
    LeaveGroup { group_id, member_id }
    PublishBatch { topic, partition, records, leader_epoch }
    IdempotentPublishBatch { topic, partition, records, producer_id, producer_epoch, base_sequence, leader_epoch }
}

table! {
    Response: 42, |response| response.encode();
    Authenticated { session_id, expires_in }
    ScramServerFirst { message }
    ScramServerFinal { message, session_id, expires_in }
    Published { offset, partition }
    Messages { messages }
    TopicCreated { name, partitions }
    Topics { topics }
    TopicDeleted {}
    OffsetCommitted {}
    Offset { offset }
    Metadata { name, partitions }
    ClusterMetadata { controller_id, brokers, topics }
    Pong {}
    OffsetBounds { earliest, latest }
    Groups { groups }
    GroupDescription { consumer_group, offsets }
    GroupDeleted {}
    OffsetForTimestamp { offset }
    Error { message }
    Ok {}
    ProducerIdInitialized { producer_id, producer_epoch }
    IdempotentPublished { offset, partition, duplicate }
    TransactionStarted { txn_id }
    PartitionsAddedToTxn { txn_id, partition_count }
    TransactionalPublished { offset, partition, sequence }
    OffsetsAddedToTxn { txn_id }
    TransactionCommitted { txn_id }
    TransactionAborted { txn_id }
    QuotasDescribed { entries }
    QuotasAltered { altered_count }
    Throttled { throttle_time_ms, quota_type, entity }
    TopicConfigAltered { topic, changed_count }
    PartitionsCreated { topic, new_partition_count }
    RecordsDeleted { topic, results }
    TopicConfigsDescribed { configs }
    HandshakeResult { server_version, compatible, message }
    JoinGroupResult { generation_id, protocol_type, member_id, leader_id, members }
    SyncGroupResult { assignments }
    HeartbeatResult { error_code }
    LeaveGroupResult {}
    PublishedBatch { base_offset, partition, record_count }
    IdempotentPublishedBatch { base_offset, partition, record_count, duplicate }
}
