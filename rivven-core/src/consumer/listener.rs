//! Which partitions a consumer gets and loses, and who is told.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic.
    pub topic: String,
    /// The number of the partition.
    pub partition: u32,
}

impl TopicPartition {
    /// The partition of this number.
    pub fn new(topic: impl Into<String>, partition: u32) -> Self {
        TopicPartition { topic: topic.into(), partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// A partition as the consumer names it within itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) topic: Arc<str>,
    pub(super) partition: u32,
}

impl Key {
    pub(super) fn new(topic: &str, partition: u32) -> Self {
        Key { topic: topic.into(), partition }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

impl From<&Key> for TopicPartition {
    fn from(key: &Key) -> Self {
        TopicPartition::new(&*key.topic, key.partition)
    }
}

/// Is told when partitions of subscribed topics are taken away and given.
///
/// The methods run within [`poll`](crate::Consumer::poll) and
/// [`close`](crate::Consumer::close), on the task that calls those: they may
/// commit, and no record is handed out meanwhile. A poll that is dropped while
/// one of them runs calls it again the next time.
///
/// ```
/// use rivven_client::{RebalanceListener, TopicPartition};
///
/// struct Report;
///
/// #[async_trait::async_trait]
/// impl RebalanceListener for Report {
///     async fn on_partitions_revoked(&self, partitions: &[TopicPartition]) {
///         println!("to finish: {partitions:?}");
///     }
///
///     async fn on_partitions_assigned(&self, partitions: &[TopicPartition]) {
///         println!("to begin: {partitions:?}");
///     }
/// }
/// ```
#[async_trait]
pub trait RebalanceListener: Send + Sync {
    /// Partitions are about to be taken away; what was done with their records can still be committed.
    async fn on_partitions_revoked(&self, partitions: &[TopicPartition]);

    /// Partitions were given; reading them has not begun.
    async fn on_partitions_assigned(&self, partitions: &[TopicPartition]);

    /// Partitions have gone to others already, so nothing of theirs may be committed any more.
    async fn on_partitions_lost(&self, partitions: &[TopicPartition]) {
        self.on_partitions_revoked(partitions).await;
    }
}
