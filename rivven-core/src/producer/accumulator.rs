//! What all partitions of a producer share: how batches are made, their memory, and how they are settled.

use std::sync::Arc;
use std::time::Duration;

use super::batch::{Batch, Delivered, Settlement};
use super::memory::Memory;
use super::partition::Pack;
use super::reports::{DeliveryReport, DeliveryReports};
use super::stats::{Counters, ServerCounters};
use crate::config::ProducerConfig;
use crate::error::Error;
use crate::protocol::MAX_BATCH_SIZE;
use crate::resilience::{Backoff, Repeat, Retries, Rules};

/// What a batch takes of `buffer.memory` besides its records.
pub(super) const BATCH_COST: usize = 512;

/// What all partitions share.
#[derive(Debug)]
pub(super) struct Accumulator {
    pub(super) memory: Memory,
    /// The bytes of records at which a batch is full.
    pub(super) batch_size: usize,
    /// How long a batch waits for more records.
    pub(super) linger: Duration,
    /// How many batches of a partition may be under way at once.
    pub(super) in_flight: usize,
    /// Whether batches have numbers, by which the broker tells those that are sent again.
    pub(super) idempotent: bool,
    pub(super) rules: Rules,
    pub(super) counters: Counters,
    /// Who is told of settled batches besides those who await deliveries.
    pub(super) reports: Option<Arc<dyn DeliveryReports>>,
}

impl Accumulator {
    pub(super) fn new(config: &ProducerConfig, reports: Option<Arc<dyn DeliveryReports>>) -> Self {
        Accumulator {
            memory: Memory::new(config.buffer_memory),
            batch_size: config.batch_size.min(MAX_BATCH_SIZE),
            linger: Duration::from_millis(config.linger_ms),
            // Without numbers only one: another attempt would change the order.
            in_flight: if config.enable_idempotence { config.max_in_flight_requests } else { 1 },
            idempotent: config.enable_idempotence,
            rules: rules(config),
            counters: Counters::default(),
            reports,
        }
    }

    /// The attempts of a batch that was not sent yet.
    pub(super) fn retries(&self) -> Retries {
        Retries::new(self.rules, if self.idempotent { Repeat::Safe } else { Repeat::Appends })
    }

    /// Settles a batch as delivered by this server, unless it is settled; whether it was not.
    pub(super) fn deliver(&self, batch: &Arc<Batch>, delivered: Delivered, by: Option<&ServerCounters>) -> bool {
        let claimed = batch.claim();
        if claimed {
            self.counters.delivered(batch, by);
            self.settle(batch, Settlement::Delivered(delivered));
        }
        claimed
    }

    /// Settles a batch as failed, unless it is settled; whether it was not.
    pub(super) fn give_up(&self, batch: &Arc<Batch>, error: Error) -> bool {
        let claimed = batch.claim();
        if claimed {
            self.counters.failed(batch);
            self.settle(batch, Settlement::Failed(error));
        }
        claimed
    }

    /// Gives up a batch that waits: where an attempt may have been executed, that is its error.
    pub(super) fn fail(&self, pack: Pack, error: Error) {
        self.give_up(&pack.batch, pack.unknown.unwrap_or(error));
    }

    /// Settles a batch that was claimed, and gives its memory back.
    fn settle(&self, batch: &Arc<Batch>, settlement: Settlement) {
        self.memory.give(batch.charged());
        batch.settle(settlement, || {
            // Records of transactions have no tags, and nobody waits for reports of them.
            if let Some(reports) = self.reports.as_ref().filter(|_| !batch.tags().is_empty()) {
                reports.settled(DeliveryReport::new(Arc::clone(batch)));
            }
        });
    }
}

/// How the configuration says that batches are sent again.
fn rules(config: &ProducerConfig) -> Rules {
    Rules {
        max_retries: config.retries,
        backoff: Backoff {
            initial: Duration::from_millis(config.retry_backoff_ms),
            max: Duration::from_millis(config.retry_backoff_max_ms),
            multiplier: 2.0,
        },
        unknown_outcome: config.retry_unknown_outcome,
    }
}
