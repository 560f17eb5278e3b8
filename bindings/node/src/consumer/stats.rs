//! The counts of a consumer as a plain object.

#![allow(missing_docs, reason = "each struct has the fields of the one that it is made from")]

use napi_derive::napi;
use rivven_client::ConsumerStatsSnapshot;

use crate::failure::Failure;
use crate::values::list;

/// What a consumer has done so far.
#[napi(object, object_from_js = false, use_nullable = true)]
pub(crate) struct ConsumerStats {
    pub polls: f64,
    pub records: f64,
    pub fetches: f64,
    pub empty_fetches: f64,
    pub records_fetched: f64,
    pub bytes_fetched: f64,
    pub errors: f64,
    pub reconnects: f64,
    pub throttled: f64,
    pub commits: f64,
    pub failed_commits: f64,
    pub rebalances: f64,
    pub records_waiting: f64,
    pub bytes_held: f64,
    pub lag: u64,
    pub last_error: Option<Failure>,
    pub partitions: Vec<PartitionStats>,
}

impl From<ConsumerStatsSnapshot> for ConsumerStats {
    fn from(stats: ConsumerStatsSnapshot) -> Self {
        ConsumerStats {
            lag: stats.lag(),
            polls: stats.polls as f64,
            records: stats.records as f64,
            fetches: stats.fetches as f64,
            empty_fetches: stats.empty_fetches as f64,
            records_fetched: stats.records_fetched as f64,
            bytes_fetched: stats.bytes_fetched as f64,
            errors: stats.errors as f64,
            reconnects: stats.reconnects as f64,
            throttled: stats.throttled as f64,
            commits: stats.commits as f64,
            failed_commits: stats.failed_commits as f64,
            rebalances: stats.rebalances as f64,
            records_waiting: stats.records_waiting as f64,
            bytes_held: stats.bytes_held as f64,
            last_error: stats.last_error.map(Failure::from),
            partitions: list(stats.partitions),
        }
    }
}

/// What is known of a partition.
#[napi(object, object_from_js = false, use_nullable = true)]
pub(crate) struct PartitionStats {
    pub topic: String,
    pub partition: u32,
    pub position: Option<u64>,
    pub committed: Option<u64>,
    pub latest: Option<u64>,
    pub lag: Option<u64>,
    pub paused: bool,
}

impl From<rivven_client::PartitionStats> for PartitionStats {
    fn from(stats: rivven_client::PartitionStats) -> Self {
        PartitionStats {
            topic: stats.partition.topic,
            partition: stats.partition.partition,
            position: stats.position,
            committed: stats.committed,
            latest: stats.latest,
            lag: stats.lag,
            paused: stats.paused,
        }
    }
}
