//! Tells whoever is at records that some of them may not be wanted any more.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// How often partitions were let go of, paused or sought elsewhere, and the consumer was closed.
#[derive(Debug, Default)]
pub(super) struct Departures {
    count: AtomicU64,
    noted: Notify,
}

impl Departures {
    pub(super) fn note(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
        self.noted.notify_waiters();
    }

    /// How many there were so far.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Ends with the first one after it was called.
    pub(super) fn next(&self) -> impl Future<Output = ()> {
        self.noted.notified()
    }
}
