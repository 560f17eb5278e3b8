//! What a connection has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that the task of a connection keeps and anybody reads, without a lock.
///
/// The task alone adds to them, and does so before it gives the answer that
/// they count: whoever has an answer finds it counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Requests written whole.
    pub(crate) requests: Count,
    /// Answers received.
    pub(crate) answers: Count,
    /// Times that everything gathered was written.
    pub(crate) flushes: Count,
    /// Requests written whole that get no answer any more.
    pub(crate) given_up: Count,
}

impl Counters {
    /// Begins at zero; for a moment without requests, since the task is not asked.
    pub(crate) fn clear(&self) {
        for count in [&self.requests, &self.answers, &self.flushes, &self.given_up] {
            count.0.store(0, Ordering::Relaxed);
        }
    }
}

/// A count with one writer.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Adds, which only the task may do: it is no atomic step.
    pub(super) fn add(&self, more: usize) {
        self.0.store(self.0.load(Ordering::Relaxed) + more as u64, Ordering::Relaxed);
    }

    /// The count at this moment.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
