//! Who sends the batches of some partitions, one connection each.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::partition::Partition;
use super::service::Service;
use super::stats::ServerCounters;
use crate::connection::ServerAddress;

/// What the partitions know of the one who sends their batches.
///
/// The task that does it is [`task`](super::task).
#[derive(Debug)]
pub(super) struct Sender {
    /// The server that leads its partitions; `None` where the cluster names no leaders.
    pub(super) destination: Option<ServerAddress>,
    /// The server of its last connection.
    server: Mutex<Option<Arc<ServerCounters>>>,
    /// Partitions that have something to send.
    ready: Mutex<Vec<Arc<Partition>>>,
    wake: Notify,
    partitions: Mutex<Vec<Weak<Partition>>>,
    /// Records in complete batches that are not settled.
    backlog: AtomicU64,
    max_backlog: AtomicU64,
    max_records: AtomicU32,
    full: AtomicBool,
    /// Those who wait until it is no longer full, one at a time at the front.
    turn: tokio::sync::Mutex<()>,
    room: Notify,
}

impl Sender {
    pub(super) fn new(destination: Option<ServerAddress>, service: &Service) -> Arc<Self> {
        Arc::new(Sender {
            destination,
            server: Mutex::default(),
            ready: Mutex::default(),
            wake: Notify::new(),
            partitions: Mutex::default(),
            backlog: AtomicU64::new(0),
            max_backlog: AtomicU64::new(service.max_backlog()),
            max_records: AtomicU32::new(service.max_records()),
            full: AtomicBool::new(false),
            turn: tokio::sync::Mutex::default(),
            room: Notify::new(),
        })
    }

    fn ready(&self) -> MutexGuard<'_, Vec<Arc<Partition>>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listed(&self) -> MutexGuard<'_, Vec<Weak<Partition>>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connected(&self) -> MutexGuard<'_, Option<Arc<ServerCounters>>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes which server it is connected to.
    pub(super) fn goes_to(&self, server: &Arc<ServerCounters>) {
        *self.connected() = Some(Arc::clone(server));
    }

    /// The address of the server that is to have what waits, if it is known.
    pub(super) fn address(&self) -> Option<Arc<str>> {
        let connected = self.connected().as_ref().map(|server| Arc::clone(server.address()));
        connected.or_else(|| self.destination.as_ref().map(|address| Arc::clone(address.text())))
    }

    /// Tells the sender to look at a partition.
    pub(super) fn submit(&self, partition: Arc<Partition>) {
        self.ready().push(partition);
        self.wake.notify_one();
    }

    /// Takes the partitions to look at.
    pub(super) fn take_ready(&self, into: &mut impl Extend<Arc<Partition>>) {
        into.extend(self.ready().drain(..));
    }

    /// Ends when there is something to look at.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Notes that a partition is this sender's from now on.
    pub(super) fn look_after(&self, partition: &Arc<Partition>) {
        let mut partitions = self.listed();
        partitions.retain(|other| other.strong_count() > 0);
        partitions.push(Arc::downgrade(partition));
    }

    /// The partitions that are this sender's.
    pub(super) fn partitions(self: &Arc<Self>) -> Vec<Arc<Partition>> {
        // A partition takes this lock under its own, so it is asked without it.
        let all: Vec<_> = self.listed().iter().filter_map(Weak::upgrade).collect();
        all.into_iter().filter(|partition| Arc::ptr_eq(&partition.home(), self)).collect()
    }

    /// The most records that a batch may have, so that none takes the broker too long.
    pub(super) fn max_records(&self) -> u32 {
        self.max_records.load(Ordering::Relaxed)
    }

    /// Whether what waits would take too long already.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    pub(super) fn backlog(&self) -> u64 {
        self.backlog.load(Ordering::Relaxed)
    }

    /// Notes that so many records wait to be sent.
    pub(super) fn add_backlog(&self, records: u64) {
        let backlog = self.backlog.fetch_add(records, Ordering::AcqRel) + records;
        if backlog > self.max_backlog.load(Ordering::Relaxed) {
            self.full.store(true, Ordering::Release);
            // Those records may have been settled since: whoever did must not be overlooked.
            self.check_room();
        }
    }

    /// Notes that so many records wait no longer.
    pub(super) fn take_backlog(&self, records: u64) {
        self.backlog.fetch_sub(records, Ordering::AcqRel);
        if self.is_full() {
            self.check_room();
        }
    }

    fn check_room(&self) {
        if self.backlog.load(Ordering::Acquire) <= self.max_backlog.load(Ordering::Relaxed) {
            self.full.store(false, Ordering::Release);
            self.room.notify_one();
        }
    }

    /// Notes how fast the broker is by now.
    pub(super) fn adapt(&self, service: &Service) {
        self.max_records.store(service.max_records(), Ordering::Relaxed);
        self.max_backlog.store(service.max_backlog(), Ordering::Relaxed);
        if self.is_full() {
            self.check_room();
        }
    }

    /// Waits until it is no longer full, first come first served.
    pub(super) async fn has_room(&self) {
        let _turn = self.turn.lock().await;
        while self.is_full() {
            self.room.notified().await;
        }
    }
}

/// How often a sender looks for batches whose time is up.
pub(super) fn sweep_interval(delivery_timeout: Duration) -> Duration {
    (delivery_timeout / 20).clamp(Duration::from_millis(10), Duration::from_secs(1))
}
