//! Requests in words, for errors.

use super::{Request, RequestFrame};

/// What a request attempts, on what: `publish to orders/3`.
///
/// Errors are rare, so the text is made from the encoded request only then and
/// calls need not carry it along.
pub(crate) fn describe(frame: &RequestFrame) -> String {
    match frame.request() {
        Ok(request) => request.describe(),
        Err(_) => frame.name().to_owned(),
    }
}

impl Request {
    /// What the request attempts, on what: `publish to orders/3`.
    ///
    /// Holds names and numbers only, never records or credentials.
    pub fn describe(&self) -> String {
        use Request::*;
        match self {
            Authenticate { username, .. } => format!("log in as {username}"),
            SaslAuthenticate { .. } | ScramClientFirst { .. } | ScramClientFinal { .. } => "log in".into(),
            Publish { topic, partition, .. } => format!("publish to {}", place(topic, *partition)),
            PublishBatch { topic, partition, records, .. } => {
                format!("publish {} records to {}", records.len(), place(topic, *partition))
            }
            IdempotentPublish { topic, partition, .. } => {
                format!("publish idempotently to {}", place(topic, *partition))
            }
            IdempotentPublishBatch { topic, partition, records, .. } => {
                format!("publish {} records idempotently to {}", records.len(), place(topic, *partition))
            }
            TransactionalPublish { txn_id, topic, partition, .. } => {
                format!("publish to {} in transaction {txn_id}", place(topic, *partition))
            }
            Consume { topic, partition, offset, .. } => format!("consume {topic}/{partition} at {offset}"),
            CreateTopic { name, .. } => format!("create topic {name}"),
            ListTopics => "list topics".into(),
            DeleteTopic { name } => format!("delete topic {name}"),
            CommitOffset { consumer_group, topic, partition, offset } => {
                format!("commit offset {offset} of {topic}/{partition} for group {consumer_group}")
            }
            GetOffset { consumer_group, topic, partition } => {
                format!("get the offset of {topic}/{partition} for group {consumer_group}")
            }
            GetMetadata { topic } => format!("get the metadata of {topic}"),
            GetClusterMetadata { .. } => "get the cluster metadata".into(),
            Ping => "ping".into(),
            GetOffsetBounds { topic, partition } => {
                format!("get the offset bounds of {topic}/{partition}")
            }
            ListGroups => "list groups".into(),
            DescribeGroup { consumer_group } => format!("describe group {consumer_group}"),
            DeleteGroup { consumer_group } => format!("delete group {consumer_group}"),
            GetOffsetForTimestamp { topic, partition, timestamp_ms } => {
                format!("get the offset of {topic}/{partition} at {timestamp_ms} ms")
            }
            InitProducerId { .. } => "get a producer id".into(),
            BeginTransaction { txn_id, .. } => format!("begin transaction {txn_id}"),
            AddPartitionsToTxn { txn_id, .. } => format!("add partitions to transaction {txn_id}"),
            AddOffsetsToTxn { txn_id, group_id, .. } => {
                format!("add offsets of group {group_id} to transaction {txn_id}")
            }
            CommitTransaction { txn_id, .. } => format!("commit transaction {txn_id}"),
            AbortTransaction { txn_id, .. } => format!("abort transaction {txn_id}"),
            DescribeQuotas { .. } => "describe quotas".into(),
            AlterQuotas { .. } => "alter quotas".into(),
            AlterTopicConfig { topic, .. } => format!("alter the configuration of {topic}"),
            CreatePartitions { topic, new_partition_count, .. } => {
                format!("raise the partitions of {topic} to {new_partition_count}")
            }
            DeleteRecords { topic, .. } => format!("delete records of {topic}"),
            DescribeTopicConfigs { .. } => "describe topic configurations".into(),
            Handshake { .. } => "handshake".into(),
            JoinGroup { group_id, .. } => format!("join group {group_id}"),
            SyncGroup { group_id, .. } => format!("sync group {group_id}"),
            Heartbeat { group_id, .. } => format!("heartbeat to group {group_id}"),
            LeaveGroup { group_id, .. } => format!("leave group {group_id}"),
        }
    }
}

fn place(topic: &str, partition: Option<u32>) -> String {
    match partition {
        Some(partition) => format!("{topic}/{partition}"),
        None => topic.to_owned(),
    }
}
