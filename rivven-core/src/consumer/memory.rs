//! The bytes of records that a consumer may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::connection::Spares;

/// Counts the bytes of answers until the last slice of each is dropped.
#[derive(Debug)]
pub(super) struct Memory {
    limit: usize,
    used: AtomicUsize,
    /// Told whenever some become free.
    freed: Notify,
    /// The process of the consumer. A forked child has a copy that nobody waits for, whose locks may be held for ever.
    process: u32,
}

impl Memory {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Memory { limit, used: AtomicUsize::new(0), freed: Notify::new(), process: std::process::id() })
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether an answer of about so many bytes may be asked for, with so many on their way already.
    ///
    /// Where nothing is held any answer may be, or one larger than the limit would never come.
    pub(super) fn admits(&self, expected: usize, under_way: usize) -> bool {
        let used = self.used();
        used + under_way == 0 || used.saturating_add(under_way).saturating_add(expected) <= self.limit
    }

    /// The same bytes, counted as long as any slice of them lives.
    ///
    /// Their memory goes to the connection then, for another answer.
    pub(super) fn charge(self: &Arc<Self>, bytes: Bytes, spares: &Arc<Spares>) -> Bytes {
        let counted = self.count(bytes.len());
        Bytes::from_owner(Charged { bytes, spares: Arc::clone(spares), counted })
    }

    /// Counts so many bytes until what it gives is dropped.
    pub(super) fn count(self: &Arc<Self>, bytes: usize) -> Counted {
        self.used.fetch_add(bytes, Ordering::AcqRel);
        Counted { bytes, memory: Arc::clone(self) }
    }

    /// Has those look again who wait for memory: what was set aside for others, or what others hold, is not needed any
    /// more.
    pub(super) fn look_again(&self) {
        self.freed.notify_waiters();
    }

    fn is_here(&self) -> bool {
        std::process::id() == self.process
    }

    /// Ends when bytes became free after it was called.
    pub(super) fn freed(&self) -> impl Future<Output = ()> {
        self.freed.notified()
    }
}

/// Bytes that count as long as it lives.
pub(super) struct Counted {
    bytes: usize,
    memory: Arc<Memory>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::AcqRel);
        if self.memory.is_here() {
            self.memory.freed.notify_waiters();
        }
    }
}

/// Bytes that are given back when they are dropped.
struct Charged {
    bytes: Bytes,
    spares: Arc<Spares>,
    counted: Counted,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Charged {
    fn drop(&mut self) {
        if self.counted.memory.is_here() {
            self.spares.give(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_until_their_last_slice_is_dropped() {
        let memory = Memory::new(100);
        let frame = memory.charge(Bytes::from(vec![1; 60]), &Arc::default());
        let slice = frame.slice(3..4);
        drop(frame);
        assert_eq!(memory.used(), 60);
        assert!(memory.admits(40, 0) && !memory.admits(41, 0) && !memory.admits(40, 1));
        drop(slice);
        assert_eq!(memory.used(), 0);
        assert!(memory.admits(1000, 0) && !memory.admits(1000, 1), "one that exceeds it all goes alone");
    }
}
