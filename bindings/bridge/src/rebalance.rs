//! Rebalances on their way to the program, on whose thread its listener runs.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use rivven_client::{RebalanceListener, TopicPartition};
use tokio::sync::oneshot;

use crate::answer::Answer;
use crate::queue::{Completion, Queue};

/// What happens to partitions of a consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebalanceKind {
    /// They are about to be taken away; what was done can still be committed.
    Revoked,
    /// They were given; reading them has not begun.
    Assigned,
    /// They have gone to others already.
    Lost,
}

/// A change of a consumer's partitions; dropping it says that the program is done with it.
///
/// Until then the poll that it interrupts waits, or the close.
#[derive(Debug)]
pub struct Rebalance {
    /// What happens.
    pub kind: RebalanceKind,
    /// To which partitions.
    pub partitions: Vec<TopicPartition>,
    _done: oneshot::Sender<()>,
}

/// Lets a consumer wait until its program is done with a rebalance.
pub(crate) struct Relay(Option<(Weak<Queue>, u64)>);

impl Relay {
    pub(crate) fn new(to: Option<(&Arc<Queue>, u64)>) -> Self {
        Relay(to.map(|(queue, token)| (Arc::downgrade(queue), token)))
    }

    async fn tell(&self, kind: RebalanceKind, partitions: &[TopicPartition]) {
        let Some((queue, token)) = &self.0 else { return };
        // A queue that is gone has nobody who could be told.
        let Some(queue) = queue.upgrade() else { return };
        let (done, told) = oneshot::channel();
        let rebalance = Rebalance { kind, partitions: partitions.to_vec(), _done: done };
        queue.push(Completion { token: *token, result: Ok(Answer::Rebalance(rebalance)) });
        // If the program goes away, what is left in the queue goes with it and ends this.
        drop(queue);
        let _ = told.await;
    }
}

#[async_trait]
impl RebalanceListener for Relay {
    async fn on_partitions_revoked(&self, partitions: &[TopicPartition]) {
        self.tell(RebalanceKind::Revoked, partitions).await;
    }

    async fn on_partitions_assigned(&self, partitions: &[TopicPartition]) {
        self.tell(RebalanceKind::Assigned, partitions).await;
    }

    async fn on_partitions_lost(&self, partitions: &[TopicPartition]) {
        self.tell(RebalanceKind::Lost, partitions).await;
    }
}
