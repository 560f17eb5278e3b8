//! A batch and the deliveries of its records: what both sides of a hand-over see.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::record_metadata::{OFFSET_UNKNOWN, RecordMetadata, now_ms};

/// The partition of a batch whose topic is not known yet.
const UNASSIGNED: u32 = u32::MAX;

/// What became of the records of a batch.
#[derive(Debug, Clone)]
pub(super) enum Settlement {
    /// The broker has them.
    Delivered(Delivered),
    /// None was delivered, as far as is known.
    Failed(Error),
}

/// Where records went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delivered {
    /// The offset of the first record, or [`OFFSET_UNKNOWN`].
    pub(super) base_offset: u64,
    pub(super) duplicate: bool,
    pub(super) maybe_duplicate: bool,
    pub(super) offset_exact: bool,
    /// When that was known, in milliseconds since 1970.
    pub(super) timestamp: i64,
}

impl Delivered {
    /// At this offset, now.
    pub(super) fn at(base_offset: u64) -> Self {
        let offset_exact = base_offset != OFFSET_UNKNOWN;
        Delivered { base_offset, duplicate: false, maybe_duplicate: false, offset_exact, timestamp: now_ms() }
    }
}

/// A batch as its deliveries see it. What is sent of it lies elsewhere.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) topic: Arc<str>,
    partition: AtomicU32,
    /// When its first record was handed over.
    pub(super) created: Instant,
    records: AtomicU32,
    /// The bytes of `buffer.memory` that it holds.
    charged: AtomicUsize,
    /// What the caller wants to be told of each record with its report.
    tags: OnceLock<Vec<u64>>,
    /// Whether somebody is settling it, or has.
    claimed: AtomicBool,
    settlement: OnceLock<Settlement>,
    /// Whether the settlement has been reported, so that those who wait may go on.
    settled: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Batch {
    pub(super) fn new(topic: Arc<str>, partition: Option<u32>) -> Arc<Self> {
        Arc::new(Batch {
            topic,
            partition: AtomicU32::new(partition.unwrap_or(UNASSIGNED)),
            created: Instant::now(),
            records: AtomicU32::new(0),
            charged: AtomicUsize::new(0),
            tags: OnceLock::new(),
            claimed: AtomicBool::new(false),
            settlement: OnceLock::new(),
            settled: AtomicBool::new(false),
            waiting: Mutex::default(),
        })
    }

    /// Notes how much is in it, once nothing is added any more.
    pub(super) fn complete(&self, records: u32, charged: usize, tags: Vec<u64>) {
        let _ = self.tags.set(tags);
        self.records.store(records, Ordering::Relaxed);
        self.charged.store(charged, Ordering::Relaxed);
    }

    /// Notes which partition it goes to.
    pub(super) fn assign(&self, partition: u32) {
        self.partition.store(partition, Ordering::Release);
    }

    /// The partition, if it is known.
    pub(super) fn partition(&self) -> Option<u32> {
        Some(self.partition.load(Ordering::Acquire)).filter(|partition| *partition != UNASSIGNED)
    }

    pub(super) fn records(&self) -> u32 {
        self.records.load(Ordering::Relaxed)
    }

    /// The tags of the records, or nothing if they were handed over without.
    pub(super) fn tags(&self) -> &[u64] {
        self.tags.get().map_or(&[], Vec::as_slice)
    }

    pub(super) fn charged(&self) -> usize {
        self.charged.load(Ordering::Relaxed)
    }

    fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// Whether somebody is settling it, or has.
    pub(super) fn is_claimed(&self) -> bool {
        self.claimed.load(Ordering::Acquire)
    }

    pub(super) fn settlement(&self) -> Option<&Settlement> {
        self.settlement.get()
    }

    /// Takes the right to settle the batch; false if somebody has it already.
    pub(super) fn claim(&self) -> bool {
        !self.claimed.swap(true, Ordering::AcqRel)
    }

    /// Settles every record of the batch, reports that and wakes those who wait; for the one who has claimed it.
    ///
    /// The report comes first: whoever has waited for a flush finds it.
    pub(super) fn settle(&self, settlement: Settlement, report: impl FnOnce()) {
        let _ = self.settlement.set(settlement);
        report();
        self.settled.store(true, Ordering::Release);
        let waiting = std::mem::take(&mut *self.waiting());
        waiting.into_iter().for_each(Waker::wake);
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What became of a record, once that is known.
    pub(super) fn result(&self, index: u32) -> Option<Result<RecordMetadata>> {
        Some(match self.settlement.get()? {
            Settlement::Delivered(delivered) => Ok(self.metadata(delivered, u64::from(index))),
            Settlement::Failed(error) => Err(error.clone()),
        })
    }

    fn metadata(&self, delivered: &Delivered, index: u64) -> RecordMetadata {
        let Delivered { base_offset, duplicate, maybe_duplicate, offset_exact, timestamp } = *delivered;
        RecordMetadata {
            topic: Arc::clone(&self.topic),
            partition: self.partition.load(Ordering::Acquire),
            offset: if base_offset == OFFSET_UNKNOWN { OFFSET_UNKNOWN } else { base_offset + index },
            timestamp,
            duplicate,
            maybe_duplicate,
            offset_exact,
        }
    }

    /// Ready once the batch is settled. `place` is the waiter's among the others.
    fn poll_settled(&self, place: &mut Place, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_settled() {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting();
        // Whoever settles takes the waiters afterwards: it is seen here, or sees this one there.
        if self.is_settled() {
            return Poll::Ready(());
        }
        match waiting.get_mut(place.0 as usize) {
            Some(waiter) => waiter.clone_from(cx.waker()),
            None => {
                place.0 = waiting.len() as u32;
                waiting.push(cx.waker().clone());
            }
        }
        Poll::Pending
    }

    /// Waits until the batch is settled.
    pub(super) async fn settled(&self) {
        let mut place = Place::NONE;
        std::future::poll_fn(|cx| self.poll_settled(&mut place, cx)).await;
    }
}

/// Where a waiter is among those of its batch, of whom there are far fewer than 2^32.
#[derive(Debug)]
struct Place(u32);

impl Place {
    const NONE: Place = Place(u32::MAX);
}

/// A record that was handed over: awaiting it gives where the record went.
///
/// It may be awaited anywhere, inside of tokio or not, and be dropped without
/// consequence: the record is sent all the same. It costs no allocation; a
/// record is a number within its batch.
///
/// # Errors
///
/// What kept the record from being delivered. Its outcome
/// ([`Error::outcome`]) says whether the broker may have it all the same.
#[derive(Debug)]
#[must_use = "a record may fail to be delivered"]
pub struct Delivery {
    batch: Arc<Batch>,
    index: u32,
    place: Place,
}

impl Delivery {
    /// That of the record at this position of the batch.
    #[inline]
    pub(super) fn of(batch: &Arc<Batch>, index: u32) -> Self {
        Delivery { batch: Arc::clone(batch), index, place: Place::NONE }
    }

    /// What became of the record, if that is known already.
    pub fn result(&self) -> Option<Result<RecordMetadata>> {
        self.batch.result(self.index)
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Delivery { batch, index, place } = &mut *self;
        batch.poll_settled(place, cx).map(|()| batch.result(*index).unwrap_or(Err(Error::InvalidResponse)))
    }
}
