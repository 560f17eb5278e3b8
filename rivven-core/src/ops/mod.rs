//! The operations as values.
//!
//! Each is a struct whose fields are the arguments; every client has a `call`
//! that takes it. The named methods of the clients are written upon these.

mod cluster;
mod raw;
mod records;
mod topics;

pub use cluster::Ping;
pub use records::{BatchItem, Consume, GetOffsetBounds, MessageBatch, Publish, PublishBatch, Published, PublishedBatch};
pub use topics::{CreateTopic, DeleteTopic, GetMetadata, ListTopics};
