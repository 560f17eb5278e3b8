//! What a consumer has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

use super::listener::TopicPartition;
use crate::error::Error;

/// Numbers that a consumer keeps, a few additions per answer.
#[derive(Debug, Default)]
pub(super) struct Counters {
    polls: AtomicU64,
    records: AtomicU64,
    fetches: AtomicU64,
    empty_fetches: AtomicU64,
    records_fetched: AtomicU64,
    bytes_fetched: AtomicU64,
    errors: AtomicU64,
    reconnects: AtomicU64,
    throttled: AtomicU64,
    commits: AtomicU64,
    failed_commits: AtomicU64,
    rebalances: AtomicU64,
}

fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

impl Counters {
    pub(super) fn polled(&self, records: usize) {
        add(&self.polls, 1);
        add(&self.records, records as u64);
    }

    pub(super) fn fetched(&self, records: u32, bytes: usize) {
        add(&self.fetches, 1);
        add(&self.empty_fetches, u64::from(records == 0));
        add(&self.records_fetched, u64::from(records));
        add(&self.bytes_fetched, bytes as u64);
    }

    pub(super) fn failed(&self) {
        add(&self.errors, 1);
    }

    pub(super) fn reconnected(&self) {
        add(&self.reconnects, 1);
    }

    pub(super) fn throttled(&self) {
        add(&self.throttled, 1);
    }

    pub(super) fn committed(&self, done: bool) {
        add(if done { &self.commits } else { &self.failed_commits }, 1);
    }

    pub(super) fn rebalanced(&self) {
        add(&self.rebalances, 1);
    }

    pub(super) fn snapshot(&self) -> ConsumerStatsSnapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ConsumerStatsSnapshot {
            polls: get(&self.polls),
            records: get(&self.records),
            fetches: get(&self.fetches),
            empty_fetches: get(&self.empty_fetches),
            records_fetched: get(&self.records_fetched),
            bytes_fetched: get(&self.bytes_fetched),
            errors: get(&self.errors),
            reconnects: get(&self.reconnects),
            throttled: get(&self.throttled),
            commits: get(&self.commits),
            failed_commits: get(&self.failed_commits),
            rebalances: get(&self.rebalances),
            ..ConsumerStatsSnapshot::default()
        }
    }
}

/// The counts of a consumer at one moment, since it was made.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ConsumerStatsSnapshot {
    /// Polls that have ended with a result.
    pub polls: u64,
    /// Records that polls gave.
    pub records: u64,
    /// Requests for records that were answered.
    pub fetches: u64,
    /// Those of them whose answer held no record.
    pub empty_fetches: u64,
    /// Records that were received, those that were not handed out included.
    pub records_fetched: u64,
    /// The size of those answers, in bytes, without the headers of their frames.
    pub bytes_fetched: u64,
    /// Failures of requests and connections, repeated ones included; a rebalance of the group is none.
    pub errors: u64,
    /// Connections that were lost.
    pub reconnects: u64,
    /// Answers that the broker withheld for the sake of a quota.
    pub throttled: u64,
    /// Offsets that were committed, each partition for itself.
    pub commits: u64,
    /// Offsets that could not be committed, each partition and attempt for itself.
    pub failed_commits: u64,
    /// How often partitions of subscribed topics were given or taken away.
    pub rebalances: u64,
    /// Records that wait to be polled, now.
    pub records_waiting: u64,
    /// The bytes of answers that are held now, by the program too: what `fetch_buffer_memory` bounds.
    pub bytes_held: u64,
    /// The last failure; `None` if there was none.
    pub last_error: Option<Error>,
    /// The assigned partitions, in the order of topics and numbers.
    pub partitions: Vec<PartitionStats>,
}

impl ConsumerStatsSnapshot {
    /// How many offsets lie between the positions and the ends of the logs, of all partitions of which both are known.
    pub fn lag(&self) -> u64 {
        self.partitions.iter().filter_map(|partition| partition.lag).sum()
    }
}

/// What is known of an assigned partition at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PartitionStats {
    /// Which.
    pub partition: TopicPartition,
    /// The offset of the next record that a poll gives; `None` until it is known.
    pub position: Option<u64>,
    /// The committed offset, of the next record to read, as far as this consumer knows; `None` if there is none.
    pub committed: Option<u64>,
    /// The end of the log, which is the offset of the next record to be written, of some seconds ago at most while the
    /// partition is read; `None` until it is known.
    pub latest: Option<u64>,
    /// How many offsets lie between the position and the end of the log; `None` until they are known.
    pub lag: Option<u64>,
    /// Whether it is paused.
    pub paused: bool,
}
