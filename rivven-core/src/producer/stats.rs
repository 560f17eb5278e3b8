//! What a producer has done so far.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

use super::batch::Batch;
use super::partition::Pending;

/// The longest latency that is told apart, in microseconds: ten minutes.
const MAX_LATENCY_US: u64 = 600_000_000;

/// Numbers that a producer keeps, a few additions per batch.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Records that were settled in each way.
    delivered: AtomicU64,
    failed: AtomicU64,
    /// Records of transactions that are not settled, and those of them that are under way.
    in_transactions: AtomicU64,
    under_way_in_transactions: AtomicU64,
    /// The servers that batches were sent to.
    servers: Mutex<Vec<Arc<ServerCounters>>>,
}

/// What was sent to one server.
#[derive(Debug)]
pub(super) struct ServerCounters {
    address: Arc<str>,
    delivered: AtomicU64,
    batches_sent: AtomicU64,
    records_sent: AtomicU64,
    bytes_sent: AtomicU64,
    errors: AtomicU64,
    retries: AtomicU64,
    /// Records in requests without answer.
    unanswered: AtomicU64,
    latency: Mutex<Histogram<u64>>,
}

fn latencies() -> Histogram<u64> {
    let latencies = Histogram::new_with_bounds(1, MAX_LATENCY_US, 2);
    latencies.unwrap_or_else(|_| unreachable!("the bounds are acceptable"))
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl ServerCounters {
    fn new(address: Arc<str>) -> Self {
        ServerCounters {
            address,
            delivered: AtomicU64::default(),
            batches_sent: AtomicU64::default(),
            records_sent: AtomicU64::default(),
            bytes_sent: AtomicU64::default(),
            errors: AtomicU64::default(),
            retries: AtomicU64::default(),
            unanswered: AtomicU64::default(),
            latency: Mutex::new(latencies()),
        }
    }

    pub(super) fn address(&self) -> &Arc<str> {
        &self.address
    }

    /// A batch is sent for the first time or again.
    pub(super) fn sent(&self, records: u32, bytes: usize) {
        add(&self.batches_sent, 1);
        add(&self.records_sent, u64::from(records));
        add(&self.bytes_sent, bytes as u64);
        add(&self.unanswered, u64::from(records));
    }

    /// An attempt has ended, well or not.
    pub(super) fn ended(&self, records: u32, failed: bool) {
        self.unanswered.fetch_sub(u64::from(records), Ordering::Relaxed);
        add(&self.errors, u64::from(failed));
    }

    /// A batch is to be sent again.
    pub(super) fn repeated(&self) {
        add(&self.retries, 1);
    }

    fn delivered(&self, batch: &Batch) {
        let records = u64::from(batch.records());
        add(&self.delivered, records);
        self.latency().saturating_record_n(batch.created.elapsed().as_micros() as u64, records);
    }

    fn latency(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.latency.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The numbers now, with so many records waiting.
    fn snapshot(&self, queued: u64) -> ProducerServerStats {
        let latency = self.latency();
        ProducerServerStats {
            address: Arc::clone(&self.address),
            records_delivered: get(&self.delivered),
            batches_sent: get(&self.batches_sent),
            bytes_sent: get(&self.bytes_sent),
            errors: get(&self.errors),
            retries: get(&self.retries),
            records_unanswered: get(&self.unanswered),
            records_queued: queued,
            records_per_batch: mean(get(&self.records_sent), get(&self.batches_sent)),
            latency_p50_us: latency.value_at_quantile(0.5),
            latency_p95_us: latency.value_at_quantile(0.95),
            latency_p99_us: latency.value_at_quantile(0.99),
        }
    }
}

fn mean(sum: u64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { sum as f64 / count as f64 }
}

/// Records that are not settled, and the memory that they hold.
#[derive(Debug, Default)]
pub(super) struct Load {
    pub(super) pending: u64,
    /// Those of them that were not sent yet.
    pub(super) queued: u64,
    /// The same by the address of the server that is to have them, where that is known.
    pub(super) queued_for: HashMap<Arc<str>, u64>,
    pub(super) buffered_bytes: usize,
}

impl Counters {
    fn servers(&self) -> MutexGuard<'_, Vec<Arc<ServerCounters>>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counters of a server.
    pub(super) fn server(&self, address: &Arc<str>) -> Arc<ServerCounters> {
        let mut servers = self.servers();
        match servers.binary_search_by(|server| server.address.cmp(address)) {
            Ok(found) => Arc::clone(&servers[found]),
            Err(place) => {
                let server = Arc::new(ServerCounters::new(Arc::clone(address)));
                servers.insert(place, Arc::clone(&server));
                server
            }
        }
    }

    /// A record of a transaction was taken.
    pub(super) fn taken(&self) {
        add(&self.in_transactions, 1);
    }

    /// A record of a transaction is settled.
    pub(super) fn settled(&self) {
        self.in_transactions.fetch_sub(1, Ordering::Relaxed);
    }

    /// A record of a transaction goes to a server.
    pub(super) fn begun(&self, server: &ServerCounters, bytes: usize) {
        server.sent(1, bytes);
        add(&self.under_way_in_transactions, 1);
    }

    /// An attempt at a record of a transaction has ended.
    pub(super) fn ended(&self, server: &ServerCounters, failed: bool) {
        server.ended(1, failed);
        self.under_way_in_transactions.fetch_sub(1, Ordering::Relaxed);
    }

    /// The records of transactions that are not settled.
    pub(super) fn pending(&self) -> Pending {
        let under_way = get(&self.under_way_in_transactions);
        Pending { waiting: get(&self.in_transactions).saturating_sub(under_way), under_way }
    }

    /// A batch is settled, delivered by this server.
    pub(super) fn delivered(&self, batch: &Batch, by: Option<&ServerCounters>) {
        add(&self.delivered, u64::from(batch.records()));
        by.into_iter().for_each(|server| server.delivered(batch));
    }

    /// A batch is settled and not delivered.
    pub(super) fn failed(&self, batch: &Batch) {
        add(&self.failed, u64::from(batch.records()));
    }

    /// The numbers now.
    pub(super) fn snapshot(&self, load: &Load) -> ProducerStatsSnapshot {
        let (delivered, failed) = (get(&self.delivered), get(&self.failed));
        let servers = self.servers().clone();
        let sum = |of: fn(&ServerCounters) -> &AtomicU64| servers.iter().map(|server| get(of(server))).sum();
        let mut latency = latencies();
        // All have the same bounds, so adding cannot fail.
        servers.iter().for_each(|server| {
            let _ = latency.add(&*server.latency());
        });
        let batches = sum(|server| &server.batches_sent);
        ProducerStatsSnapshot {
            records_sent: delivered + failed + load.pending,
            records_delivered: delivered,
            records_failed: failed,
            batches_sent: batches,
            bytes_sent: sum(|server| &server.bytes_sent),
            errors: sum(|server| &server.errors),
            retries: sum(|server| &server.retries),
            records_queued: load.queued,
            bytes_buffered: load.buffered_bytes as u64,
            records_per_batch: mean(sum(|server| &server.records_sent), batches),
            latency_p50_us: latency.value_at_quantile(0.5),
            latency_p95_us: latency.value_at_quantile(0.95),
            latency_p99_us: latency.value_at_quantile(0.99),
            servers: servers
                .iter()
                .map(|server| server.snapshot(load.queued_for.get(&server.address).copied().unwrap_or(0)))
                .collect(),
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
    /// Each server that batches were sent to, by address.
    pub servers: Vec<ProducerServerStats>,
}

/// What a producer has sent to one server, at one moment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProducerServerStats {
    /// The address as it is dialled.
    pub address: Arc<str>,
    /// Records that the server has.
    pub records_delivered: u64,
    /// Requests with records, repeated ones included.
    pub batches_sent: u64,
    /// Bytes of those requests.
    pub bytes_sent: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Requests that were repeated, here or at another server.
    pub retries: u64,
    /// Records in requests that the server has not answered yet.
    pub records_unanswered: u64,
    /// Records that wait to be sent to the server.
    pub records_queued: u64,
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
