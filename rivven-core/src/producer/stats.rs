//! What a producer has done so far.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hdrhistogram::Histogram;

use super::batch::{Batch, Settlement};

/// The longest latency that is told apart, in microseconds: ten minutes.
const MAX_LATENCY_US: u64 = 600_000_000;

/// Numbers that a producer keeps, a few additions per batch.
#[derive(Debug)]
pub(super) struct Counters {
    /// Records that were settled in each way.
    delivered: AtomicU64,
    failed: AtomicU64,
    batches_sent: AtomicU64,
    records_in_batches: AtomicU64,
    bytes_sent: AtomicU64,
    errors: AtomicU64,
    retries: AtomicU64,
    latency: Mutex<Histogram<u64>>,
}

impl Default for Counters {
    fn default() -> Self {
        let latency = Histogram::new_with_bounds(1, MAX_LATENCY_US, 2);
        let latency = latency.unwrap_or_else(|_| unreachable!("the bounds are acceptable"));
        Counters {
            delivered: AtomicU64::default(),
            failed: AtomicU64::default(),
            batches_sent: AtomicU64::default(),
            records_in_batches: AtomicU64::default(),
            bytes_sent: AtomicU64::default(),
            errors: AtomicU64::default(),
            retries: AtomicU64::default(),
            latency: Mutex::new(latency),
        }
    }
}

impl Counters {
    /// A batch is sent for the first time or again.
    pub(super) fn sent(&self, records: u32, bytes: usize) {
        self.batches_sent.fetch_add(1, Ordering::Relaxed);
        self.records_in_batches.fetch_add(u64::from(records), Ordering::Relaxed);
        self.bytes_sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// An attempt has failed.
    pub(super) fn failed_attempt(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// A batch is to be sent again.
    pub(super) fn repeated(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn settled(&self, batch: &Arc<Batch>, settlement: &Settlement) {
        let records = u64::from(batch.records());
        let delivered = match settlement {
            Settlement::Delivered(_) => records,
            Settlement::Failed(_) => 0,
        };
        self.delivered.fetch_add(delivered, Ordering::Relaxed);
        self.failed.fetch_add(records - delivered, Ordering::Relaxed);
        if delivered > 0 {
            let latency = batch.created.elapsed().as_micros() as u64;
            let mut latencies = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
            latencies.saturating_record_n(latency, delivered);
        }
    }

    /// The numbers now, with so many records pending, of which some wait, and so many bytes held.
    pub(super) fn snapshot(&self, pending: u64, queued: u64, buffered_bytes: usize) -> ProducerStatsSnapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (delivered, failed, batches) = (get(&self.delivered), get(&self.failed), get(&self.batches_sent));
        let latency = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        ProducerStatsSnapshot {
            records_sent: delivered + failed + pending,
            records_delivered: delivered,
            records_failed: failed,
            batches_sent: batches,
            bytes_sent: get(&self.bytes_sent),
            errors: get(&self.errors),
            retries: get(&self.retries),
            records_queued: queued,
            bytes_buffered: buffered_bytes as u64,
            records_per_batch: if batches == 0 { 0.0 } else { get(&self.records_in_batches) as f64 / batches as f64 },
            latency_p50_us: latency.value_at_quantile(0.5),
            latency_p95_us: latency.value_at_quantile(0.95),
            latency_p99_us: latency.value_at_quantile(0.99),
        }
    }
}

/// What a producer has done so far, at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ProducerStatsSnapshot {
    /// Records that were handed over.
    pub records_sent: u64,
    /// Records that the broker has.
    pub records_delivered: u64,
    /// Records that were given up.
    pub records_failed: u64,
    /// Requests with records, repeated ones included.
    pub batches_sent: u64,
    /// Bytes of those requests.
    pub bytes_sent: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Requests that were repeated.
    pub retries: u64,
    /// Records that were handed over and not sent yet.
    pub records_queued: u64,
    /// Bytes of `buffer.memory` in use.
    pub bytes_buffered: u64,
    /// The mean number of records of a request.
    pub records_per_batch: f64,
    /// The median time from handing a record over to its delivery, in microseconds.
    /// It is that of the first record of the batch.
    pub latency_p50_us: u64,
    /// The time that 95 of 100 records stay below, in microseconds.
    pub latency_p95_us: u64,
    /// The time that 99 of 100 records stay below, in microseconds.
    pub latency_p99_us: u64,
}

impl ProducerStatsSnapshot {
    /// Records that were handed over and are neither delivered nor given up.
    pub fn pending(&self) -> u64 {
        self.records_sent.saturating_sub(self.records_delivered + self.records_failed)
    }

    /// The share of settled records that were delivered, from 0 to 1; 1 before any is settled.
    pub fn success_rate(&self) -> f64 {
        match self.records_delivered + self.records_failed {
            0 => 1.0,
            settled => self.records_delivered as f64 / settled as f64,
        }
    }
}
