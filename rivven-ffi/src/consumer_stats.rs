//! Statistics of consumers

use std::ffi::{CString, c_char};
use std::ptr;

use rivven_client::{ConsumerStatsSnapshot, PartitionStats};

use crate::code::rivven_code;
use crate::consumer::{on_consumer, rivven_consumer_t};
use crate::error::{c_string, rivven_error_t};
use crate::guard::{read, silent};
use crate::handle::{self, Opaque};
use crate::input::required;
use crate::record_metadata::RIVVEN_OFFSET_UNKNOWN;
use crate::strings::pointer;

/// What a consumer has done so far, and where its partitions are, at one moment.
///
/// It belongs to the caller, who frees it with `rivven_consumer_stats_free`.
/// It never changes, so it may be read from any thread.
pub struct rivven_consumer_stats_t {
    _opaque: [u8; 0],
}

/// Statistics in the form that C reads.
pub(crate) struct Statistics {
    snapshot: ConsumerStatsSnapshot,
    last_error: Option<CString>,
    topics: Vec<CString>,
}

impl Opaque for rivven_consumer_stats_t {
    type Value = Statistics;
    const MARKER: u64 = 0x7269_765f_6373_7461;
    const NAME: (&'static str, &'static str) = ("statistics of a consumer", "rivven_consumer_stats");
}

impl From<ConsumerStatsSnapshot> for Statistics {
    fn from(snapshot: ConsumerStatsSnapshot) -> Self {
        let last_error = snapshot.last_error.as_ref().map(|error| c_string(error.to_string()));
        let topics = snapshot.partitions.iter().map(|stats| c_string(stats.partition.topic.clone())).collect();
        Statistics { snapshot, last_error, topics }
    }
}

/// Reads a number.
unsafe fn number(stats: *const rivven_consumer_stats_t, look: impl FnOnce(&ConsumerStatsSnapshot) -> u64) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(look(&stats.snapshot))) }
}

/// Reads what is known of a partition; `otherwise` is what stands for none.
unsafe fn partition<T>(
    stats: *const rivven_consumer_stats_t,
    index: usize,
    otherwise: T,
    look: impl FnOnce(&PartitionStats) -> Option<T>,
) -> T {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, otherwise, |stats| stats.snapshot.partitions.get(index).and_then(look)) }
}

/// Stores in `*stats` what a consumer has done so far, and where its partitions are.
///
/// Asks no server. The caller frees it with `rivven_consumer_stats_free`. Fails
/// with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats(
    consumer: *mut rivven_consumer_t,
    stats: *mut *mut rivven_consumer_stats_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_consumer(consumer, error, |consumer| {
            required(stats, "stats")?;
            stats.write(handle::make(consumer.core()?.stats().into()));
            Ok(())
        })
    }
}

/// Gives the number of polls that have ended with a result; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_polls(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.polls) }
}

/// Gives the number of records that polls gave; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_records(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.records) }
}

/// Gives the number of requests for records that were answered; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_fetches(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.fetches) }
}

/// Gives the number of those whose answer held no record; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_empty_fetches(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.empty_fetches) }
}

/// Gives the number of records that were received, those that were not handed out included; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_records_fetched(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.records_fetched) }
}

/// Gives the bytes of those answers; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_bytes_fetched(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.bytes_fetched) }
}

/// Gives the number of failures of requests and connections, repeated ones included; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_errors(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.errors) }
}

/// Gives the number of connections that were lost; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_reconnects(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.reconnects) }
}

/// Gives the number of answers that the broker withheld for the sake of a quota; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_throttled(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.throttled) }
}

/// Gives the number of offsets that were committed; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_commits(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.commits) }
}

/// Gives the number of offsets that could not be committed; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_failed_commits(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.failed_commits) }
}

/// Gives how often partitions of subscribed topics were given or taken away; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_rebalances(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.rebalances) }
}

/// Gives the number of records that wait to be polled; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_records_waiting(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.records_waiting) }
}

/// Gives the bytes of `fetch.buffer.memory` in use, by batches that are not freed, too; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_bytes_held(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.bytes_held) }
}

/// Gives how many records there are behind the positions, as far as is known; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_lag(stats: *const rivven_consumer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { number(stats, |stats| stats.lag()) }
}

/// Gives the message of the last failure; NULL if there was none, and for NULL.
///
/// It lives as long as the statistics.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_last_error(stats: *const rivven_consumer_stats_t) -> *const c_char {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, ptr::null(), |stats| Some(pointer(&stats.last_error))) }
}

/// Gives the number of partitions that the consumer has; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_partitions_len(stats: *const rivven_consumer_stats_t) -> usize {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.snapshot.partitions.len())) }
}

/// Gives the topic of a partition; NULL if there is none of that index.
///
/// It lives as long as the statistics.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_topic(
    stats: *const rivven_consumer_stats_t,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, ptr::null(), |stats| stats.topics.get(index).map(|topic| topic.as_ptr())) }
}

/// Gives the number of a partition; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_partition(stats: *const rivven_consumer_stats_t, index: usize) -> u32 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { partition(stats, index, 0, |stats| Some(stats.partition.partition)) }
}

/// Gives the offset of the next record that a poll gives of a partition.
///
/// `RIVVEN_OFFSET_UNKNOWN` until it is known, and if there is no partition of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_position(stats: *const rivven_consumer_stats_t, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { partition(stats, index, RIVVEN_OFFSET_UNKNOWN, |stats| stats.position) }
}

/// Gives the committed offset of a partition, as far as this consumer knows.
///
/// `RIVVEN_OFFSET_UNKNOWN` until it is known, and if there is no partition of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_committed(stats: *const rivven_consumer_stats_t, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { partition(stats, index, RIVVEN_OFFSET_UNKNOWN, |stats| stats.committed) }
}

/// Gives the end of the log of a partition, of some seconds ago at most while it is read.
///
/// `RIVVEN_OFFSET_UNKNOWN` until it is known, and if there is no partition of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_latest(stats: *const rivven_consumer_stats_t, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { partition(stats, index, RIVVEN_OFFSET_UNKNOWN, |stats| stats.latest) }
}

/// Gives how many offsets lie between position and end of a partition.
///
/// `RIVVEN_OFFSET_UNKNOWN` until it is known, and if there is no partition of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_partition_lag(
    stats: *const rivven_consumer_stats_t,
    index: usize,
) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { partition(stats, index, RIVVEN_OFFSET_UNKNOWN, |stats| stats.lag) }
}

/// Tells whether a partition is paused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_is_paused(stats: *const rivven_consumer_stats_t, index: usize) -> bool {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { partition(stats, index, false, |stats| Some(stats.paused)) }
}

/// Frees statistics; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_consumer_stats_free(stats: *mut rivven_consumer_stats_t) {
    // SAFETY: the caller gives NULL or statistics that are not used any more.
    silent(|| unsafe { handle::release(stats) });
}
