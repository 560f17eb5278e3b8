//! Rebalances on their way to the program, on whose thread its listener runs.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use rivven_client::{RebalanceListener, TopicPartition};
use tokio::sync::{Mutex, oneshot};

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
pub(crate) struct Relay {
    to: Option<(Weak<Queue>, u64)>,
    /// What the program is told of, also by a poll that was given up meanwhile: the next one waits on for it.
    told: Mutex<Option<Told>>,
}

/// A rebalance that the program was told of.
struct Told {
    kind: RebalanceKind,
    partitions: Vec<TopicPartition>,
    done: oneshot::Receiver<()>,
}

impl Relay {
    pub(crate) fn new(to: Option<(&Arc<Queue>, u64)>) -> Self {
        Relay { to: to.map(|(queue, token)| (Arc::downgrade(queue), token)), told: Mutex::default() }
    }

    async fn tell(&self, kind: RebalanceKind, partitions: &[TopicPartition]) {
        let mut told = self.told.lock().await;
        if told.as_ref().is_none_or(|told| told.kind != kind || told.partitions != partitions) {
            *told = self.begin(kind, partitions);
        }
        if let Some(told) = &mut *told {
            let _ = (&mut told.done).await;
        }
        *told = None;
    }

    fn begin(&self, kind: RebalanceKind, partitions: &[TopicPartition]) -> Option<Told> {
        let (queue, token) = self.to.as_ref()?;
        // A queue that is gone has nobody who could be told.
        let queue = queue.upgrade()?;
        let (settle, done) = oneshot::channel();
        let rebalance = Rebalance { kind, partitions: partitions.to_vec(), _done: settle };
        // If the program goes away, what is left in the queue goes with it and ends the wait.
        queue.push(Completion { token: *token, result: Ok(Answer::Rebalance(rebalance)) });
        Some(Told { kind, partitions: partitions.to_vec(), done })
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
