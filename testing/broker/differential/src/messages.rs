//! The messages of both crates, side by side.
//!
//! The fields are listed by name and without exception, so that a field that
//! only one of the crates has, or that has another name there, does not
//! compile.

use std::fmt::Debug;

use bytes::Bytes;
use rivven_client::protocol as client;
use rivven_client::protocol::{DecodeError, EncodeError};
use rivven_protocol as published;
use rivven_protocol::{ProtocolError, WireFormat};

use crate::mirror::Mirror;
use crate::random::{Random, Source};

/// A message of the client's codec that the published crate has, too.
pub trait Pair: Sized + Clone + Debug + Eq {
    /// How many there are.
    const COUNT: u32;

    /// Name of the message.
    fn name(&self) -> &'static str;

    /// Makes the message with the given discriminant.
    fn random(discriminant: u32, source: &mut Source<'_>) -> Self;

    /// Encodes the message with the client's codec.
    fn client_encode(&self) -> Result<Bytes, EncodeError>;

    /// Decodes a message with the client's codec.
    fn client_decode(payload: &Bytes) -> Result<Self, DecodeError>;

    /// Encodes the message with the published crate: format, correlation id and
    /// payload, without the length.
    fn published_encode(&self, correlation_id: u32) -> Result<Vec<u8>, ProtocolError>;

    /// Decodes a message, and its correlation id, with the published crate.
    fn published_decode(frame: &[u8]) -> Result<(Self, u32), ProtocolError>;
}

macro_rules! messages {
    ($Enum:ident: $count:literal, |$message:ident| $encode:expr; $($Name:ident { $($field:ident),* })*) => {
        #[allow(deprecated, reason = "the published crate calls the login with a password so")]
        impl Mirror<published::$Enum> for client::$Enum {
            fn published(&self) -> published::$Enum {
                match self {
                    $(client::$Enum::$Name { $($field),* } => {
                        published::$Enum::$Name { $($field: $field.published()),* }
                    })*
                }
            }

            fn client(published: &published::$Enum) -> Self {
                match published {
                    $(published::$Enum::$Name { $($field),* } => {
                        client::$Enum::$Name { $($field: Mirror::client($field)),* }
                    })*
                }
            }
        }

        impl Pair for client::$Enum {
            const COUNT: u32 = $count;

            fn name(&self) -> &'static str {
                self.name()
            }

            fn random(discriminant: u32, source: &mut Source<'_>) -> Self {
                let mut _number = 0;
                $(
                    if discriminant == _number {
                        return client::$Enum::$Name { $($field: Random::random(source)),* };
                    }
                    _number += 1;
                )*
                panic!("there is no message {discriminant}");
            }

            fn client_encode(&self) -> Result<Bytes, EncodeError> {
                let $message = self;
                $encode
            }

            fn client_decode(payload: &Bytes) -> Result<Self, DecodeError> {
                Self::decode(payload)
            }

            fn published_encode(&self, correlation_id: u32) -> Result<Vec<u8>, ProtocolError> {
                self.published().to_wire(WireFormat::Postcard, correlation_id)
            }

            fn published_decode(frame: &[u8]) -> Result<(Self, u32), ProtocolError> {
                let (message, _, correlation_id) = published::$Enum::from_wire(frame)?;
                Ok((Self::client(&message), correlation_id))
            }
        }
    };
}

messages! {
    Request: 40, |request| request.encode().map(|frame| frame.payload().clone());
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

messages! {
    Response: 42, |response| Ok(response.encode());
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
