//! The structures that messages are made of.

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;

use super::codec::{Decode, Encode};
use super::error::{DecodeError, EncodeError};
use super::limits::{MAX_RESPONSE_MESSAGES, RequestLimits};
use super::messages::{Payload, structures};
use super::primitives::Reader;

structures! {
    /// A record as it is read from a partition.
    pub struct MessageData at most MAX_RESPONSE_MESSAGES {
        /// Position in the partition.
        offset: u64,
        /// Number of the partition.
        partition: u32,
        /// The key; an empty one is a key, too.
        key: Option<Bytes> as Payload,
        /// The value.
        value: Bytes as Payload,
        /// When the broker received the record, in milliseconds since 1970.
        timestamp: i64,
        /// Headers by name. No request can set them, so they are empty.
        headers: Vec<(String, Bytes)> as Payload,
    }

    /// A record of a batch to be published.
    pub struct BatchRecord {
        /// The key; an empty one is a key, too.
        key: Option<Bytes> as Payload,
        /// The value.
        value: Bytes as Payload,
    }

    /// A broker of the cluster.
    pub struct BrokerInfo {
        /// Name of the node.
        node_id: String,
        /// Host to connect to: the address the broker listens on, which need
        /// not be one that can be dialled.
        host: String,
        /// Port to connect to.
        port: u16,
        /// Rack, if one is configured.
        rack: Option<String>,
    }

    /// A topic and its partitions.
    pub struct TopicMetadata {
        /// Name of the topic.
        name: String,
        /// Whether the topic belongs to the broker rather than to users.
        is_internal: bool,
        /// Its partitions.
        partitions: Vec<PartitionMetadata>,
    }

    /// Where a partition lives.
    pub struct PartitionMetadata {
        /// Number of the partition.
        partition: u32,
        /// Node that leads it, if any.
        leader: Option<String>,
        /// Nodes that hold it.
        replicas: Vec<String>,
        /// Nodes that hold it and are in sync with the leader.
        isr: Vec<String>,
        /// Whether no node serves it.
        offline: bool,
    }

    /// A change of one quota.
    pub struct QuotaAlteration {
        /// `user`, `client-id`, `consumer-group` or `default`.
        entity_type: String,
        /// Name of the entity; none for the default of its type.
        entity_name: Option<String>,
        /// `produce_bytes_rate`, `consume_bytes_rate` or `request_rate`.
        quota_key: String,
        /// The new value; none removes the quota.
        quota_value: Option<u64>,
    }

    /// The quotas of an entity.
    pub struct QuotaEntry {
        /// `user`, `client-id`, `consumer-group` or `default`.
        entity_type: String,
        /// Name of the entity; none for the default of its type.
        entity_name: Option<String>,
        /// Quotas by key.
        quotas: HashMap<String, u64>,
    }

    /// A change of one setting of a topic.
    pub struct TopicConfigEntry {
        /// Name of the setting, `retention.ms` for instance.
        key: String,
        /// The new value; none goes back to the default.
        value: Option<String>,
    }

    /// The value of a setting of a topic.
    pub struct TopicConfigValue {
        /// The value as text.
        value: String,
        /// Whether it is the broker's default.
        is_default: bool,
        /// Whether it cannot be changed.
        is_read_only: bool,
        /// Whether it should not be shown.
        is_sensitive: bool,
    }

    /// The settings of a topic.
    pub struct TopicConfigDescription {
        /// Name of the topic.
        topic: String,
        /// Settings by name.
        configs: HashMap<String, TopicConfigValue>,
    }

    /// What became of a partition whose records were to be deleted.
    pub struct DeleteRecordsResult {
        /// Number of the partition.
        partition: u32,
        /// Offset below which records are gone.
        low_watermark: u64,
        /// The broker's error text, if it refused.
        error: Option<String>,
    }
}

impl fmt::Display for TopicConfigValue {
    /// Writes the value itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.value)
    }
}
