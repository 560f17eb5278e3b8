//! Statistics of producers

use std::ffi::{CString, c_char};
use std::ptr;

use rivven_client::{ProducerServerStats, ProducerStatsSnapshot};

use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
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

/// Statistics in the form that C reads.
pub(crate) struct Stats {
    total: ProducerStatsSnapshot,
    addresses: Vec<CString>,
}

impl From<ProducerStatsSnapshot> for Stats {
    fn from(total: ProducerStatsSnapshot) -> Self {
        let addresses = total.servers.iter().map(|server| c_string(server.address.to_string())).collect();
        Stats { total, addresses }
    }
}

impl Opaque for rivven_producer_stats_t {
    type Value = Stats;
    const MARKER: u64 = 0x7269_765f_7073_7473;
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
            stats.write(handle::make(producer.stats()?.into()));
            Ok(())
        })
    }
}

/// Gives the number of records that were handed over; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_records_sent(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.records_sent)) }
}

/// Gives the number of records that the broker has; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_records_delivered(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.records_delivered)) }
}

/// Gives the number of records that were given up; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_records_failed(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.records_failed)) }
}

/// Gives the number of records that are neither delivered nor given up; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_records_pending(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.pending())) }
}

/// Gives the number of records that were handed over and not sent yet; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_records_queued(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.records_queued)) }
}

/// Gives the number of requests with records, repeated ones included; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_batches_sent(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.batches_sent)) }
}

/// Gives the bytes of those requests; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_bytes_sent(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.bytes_sent)) }
}

/// Gives the number of requests that failed; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_errors(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.errors)) }
}

/// Gives the number of requests that were repeated; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_retries(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.retries)) }
}

/// Gives the bytes of `buffer.memory` in use; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_bytes_buffered(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.bytes_buffered)) }
}

/// Gives the mean number of records of a request; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_records_per_batch(stats: *const rivven_producer_stats_t) -> f64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0.0, |stats| Some(stats.total.records_per_batch)) }
}

/// Gives the share of settled records that were delivered, from 0 to 1; 1 before any is, 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_success_rate(stats: *const rivven_producer_stats_t) -> f64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0.0, |stats| Some(stats.total.success_rate())) }
}

/// Gives the median time from handing a record over to its delivery, in microseconds; 0 for NULL.
///
/// It is that of the first record of the batch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_latency_p50_us(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.latency_p50_us)) }
}

/// Gives the time that 95 of 100 records stay below, in microseconds; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_latency_p95_us(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.latency_p95_us)) }
}

/// Gives the time that 99 of 100 records stay below, in microseconds; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_latency_p99_us(stats: *const rivven_producer_stats_t) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total.latency_p99_us)) }
}

/// Reads what was sent to a server; `otherwise` is what stands for none.
unsafe fn server<T>(
    stats: *const rivven_producer_stats_t,
    index: usize,
    otherwise: T,
    look: impl FnOnce(&ProducerServerStats) -> T,
) -> T {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, otherwise, |stats| stats.total.servers.get(index).map(look)) }
}

/// Gives the number of servers that records were sent to, of which the functions below tell; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_servers_len(stats: *const rivven_producer_stats_t) -> usize {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.addresses.len())) }
}

/// Gives the address of a server as it is dialled; NULL if there is none of that index.
///
/// The servers are in the order of their addresses. It lives as long as the statistics.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_server_address(
    stats: *const rivven_producer_stats_t,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, ptr::null(), |stats| stats.addresses.get(index).map(|address| address.as_ptr())) }
}

/// Gives the number of records that a server has; 0 if there is no server of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_server_records_delivered(
    stats: *const rivven_producer_stats_t,
    index: usize,
) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0, |server| server.records_delivered) }
}

/// Gives the number of requests with records to a server, repeated ones included; 0 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_server_batches_sent(
    stats: *const rivven_producer_stats_t,
    index: usize,
) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0, |server| server.batches_sent) }
}

/// Gives the bytes of those requests; 0 if there is no server of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_server_bytes_sent(
    stats: *const rivven_producer_stats_t,
    index: usize,
) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0, |server| server.bytes_sent) }
}

/// Gives the number of requests to a server that failed; 0 if there is no server of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_server_errors(
    stats: *const rivven_producer_stats_t,
    index: usize,
) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0, |server| server.errors) }
}

/// Gives the number of those that were repeated, there or elsewhere; 0 if there is no server of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_server_retries(
    stats: *const rivven_producer_stats_t,
    index: usize,
) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0, |server| server.retries) }
}

/// Gives the number of records in requests that a server has not answered yet; 0 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_server_records_unanswered(
    stats: *const rivven_producer_stats_t,
    index: usize,
) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0, |server| server.records_unanswered) }
}

/// Gives the number of records that wait to be sent to a server; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_server_records_queued(
    stats: *const rivven_producer_stats_t,
    index: usize,
) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0, |server| server.records_queued) }
}

/// Gives the mean number of records of a request to a server; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_server_records_per_batch(
    stats: *const rivven_producer_stats_t,
    index: usize,
) -> f64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0.0, |server| server.records_per_batch) }
}

/// Gives the median time until a server had a record, as `rivven_producer_stats_latency_p50_us`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_server_latency_p50_us(
    stats: *const rivven_producer_stats_t,
    index: usize,
) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0, |server| server.latency_p50_us) }
}

/// Gives the time that 95 of 100 records of a server stay below, in microseconds; 0 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_server_latency_p95_us(
    stats: *const rivven_producer_stats_t,
    index: usize,
) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0, |server| server.latency_p95_us) }
}

/// Gives the time that 99 of 100 records of a server stay below, in microseconds; 0 if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_server_latency_p99_us(
    stats: *const rivven_producer_stats_t,
    index: usize,
) -> u64 {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0, |server| server.latency_p99_us) }
}

/// Frees statistics and the strings they gave; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_stats_free(stats: *mut rivven_producer_stats_t) {
    // SAFETY: the caller gives NULL or statistics that are not used any more.
    silent(|| unsafe { handle::release(stats) });
}
