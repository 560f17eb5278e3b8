//! The plain objects that answers are made of; `index.d.ts` describes their fields.

#![allow(missing_docs, reason = "each struct has the fields of the one that it is made from")]

use std::collections::HashMap;
use std::time::UNIX_EPOCH;

use napi_derive::napi;
use rivven_client::{CircuitState, ops, protocol};

use crate::failure::Failure;

/// A list of one thing as a list of another.
pub(crate) fn list<T: From<F>, F>(all: Vec<F>) -> Vec<T> {
    all.into_iter().map(T::from).collect()
}

#[napi(object, object_from_js = false)]
pub(crate) struct Published {
    pub partition: u32,
    pub offset: u64,
    pub maybe_duplicate: bool,
}

impl From<ops::Published> for Published {
    fn from(to: ops::Published) -> Self {
        Published { partition: to.partition, offset: to.offset, maybe_duplicate: to.maybe_duplicate }
    }
}

#[napi(object, object_from_js = false)]
pub(crate) struct PublishedBatch {
    pub partition: u32,
    pub base_offset: u64,
    pub count: u32,
    pub maybe_duplicate: bool,
}

impl From<ops::PublishedBatch> for PublishedBatch {
    fn from(to: ops::PublishedBatch) -> Self {
        let (base_offset, count) = (to.base_offset, to.record_count);
        PublishedBatch { partition: to.partition, base_offset, count, maybe_duplicate: to.maybe_duplicate }
    }
}

/// Of a record that has a number, by which the broker tells its attempts apart.
#[napi(object, object_from_js = false)]
pub(crate) struct PublishedOnce {
    pub partition: u32,
    pub offset: u64,
    pub duplicate: bool,
}

impl From<(u64, u32, bool)> for PublishedOnce {
    fn from((offset, partition, duplicate): (u64, u32, bool)) -> Self {
        PublishedOnce { partition, offset, duplicate }
    }
}

/// Of a record that has a number, which the broker gives back.
#[napi(object, object_from_js = false)]
pub(crate) struct PublishedInTransaction {
    pub partition: u32,
    pub offset: u64,
    pub sequence: i32,
}

impl From<(u64, u32, i32)> for PublishedInTransaction {
    fn from((offset, partition, sequence): (u64, u32, i32)) -> Self {
        PublishedInTransaction { partition, offset, sequence }
    }
}

#[napi(object, object_from_js = false)]
pub(crate) struct TopicMetadata {
    pub name: String,
    pub partitions: u32,
}

impl From<(String, u32)> for TopicMetadata {
    fn from((name, partitions): (String, u32)) -> Self {
        TopicMetadata { name, partitions }
    }
}

#[napi(object, object_from_js = false)]
pub(crate) struct TopicConfigValue {
    pub value: String,
    pub is_default: bool,
    pub is_read_only: bool,
    pub is_sensitive: bool,
}

impl From<protocol::TopicConfigValue> for TopicConfigValue {
    fn from(config: protocol::TopicConfigValue) -> Self {
        TopicConfigValue {
            value: config.value,
            is_default: config.is_default,
            is_read_only: config.is_read_only,
            is_sensitive: config.is_sensitive,
        }
    }
}

#[napi(object, object_from_js = false)]
pub(crate) struct TopicConfigAltered {
    pub topic: String,
    pub changed_count: f64,
}

impl From<ops::AlterTopicConfigResult> for TopicConfigAltered {
    fn from(altered: ops::AlterTopicConfigResult) -> Self {
        TopicConfigAltered { topic: altered.topic, changed_count: altered.changed_count as f64 }
    }
}

#[napi(object, object_from_js = false, use_nullable = true)]
pub(crate) struct DeletedRecords {
    pub partition: u32,
    pub low_watermark: u64,
    pub error: Option<String>,
}

impl From<protocol::DeleteRecordsResult> for DeletedRecords {
    fn from(result: protocol::DeleteRecordsResult) -> Self {
        DeletedRecords { partition: result.partition, low_watermark: result.low_watermark, error: result.error }
    }
}

#[napi(object, object_from_js = false, use_nullable = true)]
pub(crate) struct ClusterMetadata {
    pub controller_id: Option<String>,
    pub brokers: Vec<Broker>,
    pub topics: Vec<ClusterTopic>,
}

impl From<ops::ClusterMetadata> for ClusterMetadata {
    fn from(cluster: ops::ClusterMetadata) -> Self {
        let (brokers, topics) = (list(cluster.brokers), list(cluster.topics));
        ClusterMetadata { controller_id: cluster.controller_id, brokers, topics }
    }
}

#[napi(object, object_from_js = false, use_nullable = true)]
pub(crate) struct Broker {
    pub node_id: String,
    pub host: String,
    pub port: u16,
    pub rack: Option<String>,
}

impl From<protocol::BrokerInfo> for Broker {
    fn from(broker: protocol::BrokerInfo) -> Self {
        Broker { node_id: broker.node_id, host: broker.host, port: broker.port, rack: broker.rack }
    }
}

#[napi(object, object_from_js = false)]
pub(crate) struct ClusterTopic {
    pub name: String,
    pub is_internal: bool,
    pub partitions: Vec<ClusterPartition>,
}

impl From<protocol::TopicMetadata> for ClusterTopic {
    fn from(topic: protocol::TopicMetadata) -> Self {
        ClusterTopic { name: topic.name, is_internal: topic.is_internal, partitions: list(topic.partitions) }
    }
}

#[napi(object, object_from_js = false, use_nullable = true)]
pub(crate) struct ClusterPartition {
    pub partition: u32,
    pub leader: Option<String>,
    pub replicas: Vec<String>,
    pub isr: Vec<String>,
    pub offline: bool,
}

impl From<protocol::PartitionMetadata> for ClusterPartition {
    fn from(partition: protocol::PartitionMetadata) -> Self {
        let protocol::PartitionMetadata { partition, leader, replicas, isr, offline } = partition;
        ClusterPartition { partition, leader, replicas, isr, offline }
    }
}

#[napi(object, object_from_js = false)]
pub(crate) struct OffsetBounds {
    pub earliest: u64,
    pub latest: u64,
}

impl From<(u64, u64)> for OffsetBounds {
    fn from((earliest, latest): (u64, u64)) -> Self {
        OffsetBounds { earliest, latest }
    }
}

#[napi(object, object_from_js = false)]
pub(crate) struct GroupMembership {
    pub generation: u32,
    pub protocol_type: String,
    pub member: String,
    pub leader: String,
    pub members: Vec<GroupMember>,
}

impl From<ops::GroupMembership> for GroupMembership {
    fn from(joined: ops::GroupMembership) -> Self {
        GroupMembership {
            generation: joined.generation,
            protocol_type: joined.protocol_type,
            member: joined.member,
            leader: joined.leader,
            members: list(joined.members),
        }
    }
}

#[napi(object, object_from_js = false)]
pub(crate) struct GroupMember {
    pub member: String,
    pub subscriptions: Vec<String>,
}

impl From<(String, Vec<String>)> for GroupMember {
    fn from((member, subscriptions): (String, Vec<String>)) -> Self {
        GroupMember { member, subscriptions }
    }
}

#[napi(object, object_from_js = false)]
pub(crate) struct TopicPartitions {
    pub topic: String,
    pub partitions: Vec<u32>,
}

impl From<(String, Vec<u32>)> for TopicPartitions {
    fn from((topic, partitions): (String, Vec<u32>)) -> Self {
        TopicPartitions { topic, partitions }
    }
}

#[napi(object, object_from_js = false, use_nullable = true)]
pub(crate) struct QuotaEntry {
    pub entity_type: String,
    pub entity_name: Option<String>,
    pub quotas: HashMap<String, u64>,
}

impl From<protocol::QuotaEntry> for QuotaEntry {
    fn from(entry: protocol::QuotaEntry) -> Self {
        QuotaEntry { entity_type: entry.entity_type, entity_name: entry.entity_name, quotas: entry.quotas }
    }
}

#[napi(object, object_from_js = false)]
pub(crate) struct Session {
    pub session_id: String,
    pub expires_in: f64,
}

impl From<rivven_client::AuthSession> for Session {
    fn from(session: rivven_client::AuthSession) -> Self {
        Session { session_id: session.session_id, expires_in: session.expires_in as f64 }
    }
}

#[napi(object, object_from_js = false, use_nullable = true)]
pub(crate) struct Schema {
    pub id: Option<u32>,
    pub subject: Option<String>,
    pub version: Option<u32>,
    pub schema_type: String,
    pub schema: String,
}

impl From<rivven_client::Schema> for Schema {
    fn from(schema: rivven_client::Schema) -> Self {
        Schema {
            id: schema.id,
            subject: schema.subject,
            version: schema.version,
            schema_type: schema.schema_type.to_string(),
            schema: schema.schema,
        }
    }
}

#[napi(object, object_from_js = false)]
pub(crate) struct Stats {
    pub total_servers: f64,
    pub healthy_servers: f64,
    pub active_connections: f64,
    pub available_connections: f64,
    pub servers: Vec<Server>,
}

impl From<rivven_client::ResilientStats> for Stats {
    fn from(stats: rivven_client::ResilientStats) -> Self {
        Stats {
            total_servers: stats.total_servers as f64,
            healthy_servers: stats.healthy_servers as f64,
            active_connections: stats.active_connections as f64,
            available_connections: stats.available_connections as f64,
            servers: list(stats.servers),
        }
    }
}

#[napi(object, object_from_js = false, use_nullable = true)]
pub(crate) struct Server {
    pub address: String,
    pub circuit_state: &'static str,
    pub active_connections: f64,
    pub available_connections: f64,
    pub last_error: Option<Failure>,
}

impl From<rivven_client::ServerStats> for Server {
    fn from(server: rivven_client::ServerStats) -> Self {
        Server {
            address: server.address.to_string(),
            circuit_state: circuit_state(server.circuit_state),
            active_connections: server.active_connections as f64,
            available_connections: server.available_connections as f64,
            last_error: server.last_error.map(Failure::from),
        }
    }
}

fn circuit_state(state: CircuitState) -> &'static str {
    match state {
        CircuitState::Open => "open",
        CircuitState::HalfOpen => "half-open",
        _ => "closed",
    }
}

/// A change of a server; `type` says which of the fields there are.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub(crate) struct StateChange {
    pub r#type: &'static str,
    pub server: Option<String>,
    /// In milliseconds since 1970.
    pub since: Option<f64>,
    pub reason: Option<Failure>,
    pub after_ms: Option<f64>,
    pub attempts: Option<u32>,
    pub count: Option<f64>,
}

impl From<rivven_client::StateChange> for StateChange {
    fn from(change: rivven_client::StateChange) -> Self {
        let empty = StateChange::default();
        match change {
            rivven_client::StateChange::Degraded { server, since, reason, attempts } => StateChange {
                r#type: "degraded",
                server: Some(server.to_string()),
                since: Some(since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0),
                reason: Some(reason.into()),
                attempts: Some(attempts),
                ..empty
            },
            rivven_client::StateChange::Recovered { server, after, attempts } => StateChange {
                r#type: "recovered",
                server: Some(server.to_string()),
                after_ms: Some(after.as_secs_f64() * 1000.0),
                attempts: Some(attempts),
                ..empty
            },
            rivven_client::StateChange::Missed { count } => {
                StateChange { r#type: "missed", count: Some(count as f64), ..empty }
            }
            // One that this package does not know is one that is missed.
            _ => StateChange { r#type: "missed", count: Some(1.0), ..empty },
        }
    }
}

#[napi(object)]
pub(crate) struct TopicPartition {
    pub topic: String,
    pub partition: u32,
}

impl From<rivven_client::TopicPartition> for TopicPartition {
    fn from(of: rivven_client::TopicPartition) -> Self {
        TopicPartition { topic: of.topic, partition: of.partition }
    }
}

impl From<TopicPartition> for rivven_client::TopicPartition {
    fn from(of: TopicPartition) -> Self {
        rivven_client::TopicPartition::new(of.topic, of.partition)
    }
}
