//! Statistics of producers

use rivven_client::ProducerStatsSnapshot;

use crate::code::rivven_code;
use crate::error::rivven_error_t;
use crate::guard::{read, silent};
use crate::handle::{self, Opaque};
use crate::input::required;
use crate::producer::{on_producer, rivven_producer_t};

/// What a producer has done so far, at one moment.
///
/// It belongs to the caller, who frees it with `rivven_producer_stats_free`.
/// It never changes, so it may be read from any thread.
pub struct rivven_producer_stats_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_producer_stats_t {
    type Value = ProducerStatsSnapshot;
    const MARKER: u64 = 0x7269_765f_7073_7461;
    const NAME: (&'static str, &'static str) = ("statistics of a producer", "rivven_producer_stats");
}

/// Stores in `*stats` what a producer has done so far.
///
/// Asks no server. The caller frees it with `rivven_producer_stats_free`. Fails
/// with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats(
    producer: *mut rivven_producer_t,
    stats: *mut *mut rivven_producer_stats_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_producer(producer, error, |producer| {
            required(stats, "stats")?;
            stats.write(handle::make(producer.stats()?));
            Ok(())
        })
    }
}

/// Gives the number of records that were handed over; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_records_sent(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.records_sent)) }
}

/// Gives the number of records that the broker has; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_records_delivered(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.records_delivered)) }
}

/// Gives the number of records that were given up; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_records_failed(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.records_failed)) }
}

/// Gives the number of records that are neither delivered nor given up; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_records_pending(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.pending())) }
}

/// Gives the number of records that were handed over and not sent yet; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_records_queued(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.records_queued)) }
}

/// Gives the number of requests with records, repeated ones included; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_batches_sent(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.batches_sent)) }
}

/// Gives the bytes of those requests; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_bytes_sent(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.bytes_sent)) }
}

/// Gives the number of requests that failed; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_errors(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.errors)) }
}

/// Gives the number of requests that were repeated; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_retries(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.retries)) }
}

/// Gives the bytes of `buffer.memory` in use; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_bytes_buffered(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.bytes_buffered)) }
}

/// Gives the mean number of records of a request; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_records_per_batch(stats: *const rivven_producer_stats_t) -> f64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0.0, |stats| Some(stats.records_per_batch)) }
}

/// Gives the share of settled records that were delivered, from 0 to 1; 1 before any is, 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_success_rate(stats: *const rivven_producer_stats_t) -> f64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0.0, |stats| Some(stats.success_rate())) }
}

/// Gives the median time from handing a record over to its delivery, in microseconds; 0 for NULL.
///
/// It is that of the first record of the batch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_latency_p50_us(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.latency_p50_us)) }
}

/// Gives the time that 95 of 100 records stay below, in microseconds; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_latency_p95_us(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.latency_p95_us)) }
}

/// Gives the time that 99 of 100 records stay below, in microseconds; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_latency_p99_us(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.latency_p99_us)) }
}

/// Frees statistics; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_free(stats: *mut rivven_producer_stats_t) {
    // SAFETY: the caller gives NULL or statistics that are not used any more.
    silent(|| unsafe { handle::release(stats) });
}
