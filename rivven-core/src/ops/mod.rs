//! The operations as values.
//!
//! Each is a struct whose fields are the arguments; every client has a `call`
//! that takes it. The named methods of the clients are written upon these.

/// Takes the output out of the one answer that belongs to an operation, or
/// gives back an answer that is none to it.
macro_rules! take {
    ($response:ident, $answer:pat => $output:expr) => {
        match $response {
            $answer => Ok($output),
            other => Err(other),
        }
    };
}

mod cluster;
mod groups;
mod offsets;
mod producers;
mod quotas;
mod raw;
mod records;
mod topics;
mod transactions;

pub use cluster::{ClusterMetadata, GetClusterMetadata, Ping};
pub use groups::{
    Assignment, DeleteGroup, DescribeGroup, GroupMembership, Heartbeat, JoinGroup, LeaveGroup, ListGroups, SyncGroup,
};
pub use offsets::{CommitOffset, GetOffset, GetOffsetBounds, GetOffsetForTimestamp};
pub(crate) use producers::ECHO;
pub use producers::{IdempotentPublish, IdempotentlyPublished, InitProducerId};
pub use quotas::{AlterQuotas, DescribeQuotas};
pub use records::{BatchItem, Consume, MessageBatch, Publish, PublishBatch, Published, PublishedBatch};
pub use topics::{
    AlterTopicConfig, AlterTopicConfigResult, CreatePartitions, CreateTopic, DeleteRecords, DeleteTopic,
    DescribeTopicConfigs, GetMetadata, ListTopics, TopicConfigs,
};
pub use transactions::{
    AbortTransaction, AddOffsetsToTxn, AddPartitionsToTxn, BeginTransaction, CommitTransaction, InTransaction,
    TransactionalPublish, TransactionallyPublished,
};
