//! Records one by one.

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;
use std::vec::IntoIter;

use futures_util::Stream;
use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::Owner;
use super::pace::Pace;
use super::records::{ConsumerRecord, ConsumerRecords, PartitionRecords};
use crate::connection::Deadline;
use crate::error::Result;

/// The part of a poll whose records are being given.
struct Part {
    /// Which one it is of the poll.
    place: usize,
    records: PartitionRecords,
    next: usize,
}

type Polling = Pin<Box<dyn Future<Output = Result<(ConsumerRecords, Pace)>> + Send>>;

/// The poll of a stream.
///
/// It has its turn among polls also while nobody awaits the stream, so others may take it away: it has lost nothing then.
#[derive(Default)]
pub(super) struct Parked {
    polling: Mutex<Option<Polling>>,
    awaiting: Arc<Awaiting>,
}

/// Whoever awaits a stream, if anybody does.
#[derive(Default)]
pub(super) struct Awaiting {
    waker: AtomicWaker,
    /// Since when the poll could go on.
    called: Mutex<Option<Instant>>,
}

impl Awaiting {
    fn called(&self) -> MutexGuard<'_, Option<Instant>> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long the poll could have gone on, and nobody came back for it.
    pub(super) fn called_for(&self) -> Option<Duration> {
        self.called().map(|since| since.elapsed())
    }
}

impl Wake for Awaiting {
    fn wake(self: Arc<Self>) {
        self.called().get_or_insert_with(Instant::now);
        self.waker.wake();
    }
}

impl Parked {
    fn polling(&self) -> MutexGuard<'_, Option<Polling>> {
        self.polling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long nobody came back for the poll, which could have gone on.
    pub(super) fn left_for(&self) -> Option<Duration> {
        self.awaiting.called_for()
    }

    /// Takes the poll away, unless somebody is at it at this moment; whoever awaits the stream begins another one.
    pub(super) fn release(&self) {
        let taken = match self.polling.try_lock() {
            Ok(mut polling) => polling.take(),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        };
        if taken.is_some() {
            drop(taken);
            self.awaiting.waker.wake();
        }
    }
}

/// The records of a consumer, one by one and without end; made by [`Consumer::stream`](crate::Consumer::stream).
///
/// A record counts as done when the next one is asked for, and not before: that
/// is what is committed. Records that were not given when the stream is dropped
/// are given by the next poll. An error does not end it, but the end of the
/// consumer does. Of a partition that is paused, sought elsewhere or gone it
/// gives nothing more.
pub struct RecordStream {
    owner: Arc<Owner>,
    part: Option<Part>,
    /// The parts behind it.
    rest: IntoIter<(usize, PartitionRecords)>,
    /// How far the program has come with all of them.
    pace: Option<Pace>,
    /// How often partitions had been departed from when it was looked last whether these are to be given.
    departures: Option<u64>,
    parked: Arc<Parked>,
}

/// Releases the poll of a stream when a wait ends.
struct Release(Arc<Parked>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl RecordStream {
    pub(super) fn new(owner: Arc<Owner>) -> Self {
        let parked = owner.inner.park();
        RecordStream { owner, part: None, rest: Vec::new().into_iter(), pace: None, departures: None, parked }
    }

    /// Waits until there is a record to [take](RecordStream::try_next), at most so long.
    ///
    /// `false` if there is none by then, or as soon as the end of a partition is
    /// reached, where that is reported. It asks for more records only when all
    /// that have come were taken. Dropping the future loses no record.
    ///
    /// # Errors
    ///
    /// As [`poll`](crate::Consumer::poll).
    pub async fn ready(&mut self, limit: Duration) -> Result<bool> {
        if self.has_next() {
            return Ok(true);
        }
        self.finish();
        // Nobody goes on with a poll of a wait that was given up.
        let _release = Release(Arc::clone(&self.parked));
        let deadline = Deadline::after(limit);
        poll_fn(|cx| self.poll_more(deadline.remaining(), cx)).await
    }

    /// Whether there is a record to [take](RecordStream::try_next), or one has come that no wait is needed for.
    ///
    /// `false` also where there is something else to do first, as [`ready`](RecordStream::ready) does it.
    pub fn ready_now(&mut self) -> bool {
        if self.has_next() {
            return true;
        }
        self.finish();
        // Without records nothing is taken, not even an end that was reached: whoever waits is to learn of it.
        let inner = Arc::clone(&self.owner.inner);
        if let Some((records, pace)) = inner.poll_now(false, |records| Pace::new(&inner, records)) {
            self.resume(&records, pace);
        }
        self.has_next()
    }

    /// The next record of those that have come; it says that the program is done with those before.
    pub fn try_next(&mut self) -> Option<ConsumerRecord> {
        self.look_again();
        loop {
            if let Some(Part { place, records, next }) = &mut self.part
                && let Some(record) = records.record(*next)
            {
                *next += 1;
                self.pace.iter_mut().for_each(|pace| pace.reached(*place, record.offset));
                return Some(record);
            }
            let Some((place, records)) = self.rest.next() else {
                self.finish();
                return None;
            };
            self.part = Some(Part { place, records, next: 0 });
        }
    }

    /// Takes as many of the records that have come, at most so many.
    ///
    /// The program is done with them as with those of a poll: when it asks for more, or closes the consumer.
    pub fn take_ready(&mut self, most: usize) -> Vec<ConsumerRecord> {
        let mut taken = Vec::new();
        while taken.len() < most && self.has_next() {
            taken.extend(self.try_next());
        }
        // Nothing is committed by itself but by what asks for more.
        self.pace.iter().for_each(Pace::done_with_reached);
        taken
    }

    /// Goes on with records of [`poll_paced`](crate::Consumer::poll_paced) of the same consumer, of which none was reached.
    pub fn resume(&mut self, records: &ConsumerRecords, pace: Pace) {
        (self.pace, self.departures) = (Some(pace), None);
        self.part = None;
        self.rest = records.partitions().iter().cloned().enumerate().collect::<Vec<_>>().into_iter();
    }

    /// Leaves out what is not to be given any more, if anything has happened that may concern it.
    fn look_again(&mut self) {
        let departures = Some(self.owner.inner.shared.departures.count());
        let Some(pace) = self.pace.as_mut().filter(|_| self.departures != departures) else { return };
        self.departures = departures;
        let given = pace.look_again();
        let is_given = |place: usize| given.get(place) == Some(&true);
        self.part.take_if(|part| !is_given(part.place));
        let rest = mem::take(&mut self.rest).filter(|(place, _)| is_given(*place));
        self.rest = rest.collect::<Vec<_>>().into_iter();
    }

    fn has_next(&mut self) -> bool {
        self.look_again();
        let left = self.part.as_ref().is_some_and(|part| part.next < part.records.len());
        left || self.rest.len() > 0
    }

    /// The program has asked for more than has come.
    fn finish(&mut self) {
        self.part = None;
        self.pace.take().into_iter().for_each(Pace::finish);
    }

    /// Polls the consumer for at most so long; whether there are records.
    fn poll_more(&mut self, limit: Duration, cx: &mut Context<'_>) -> Poll<Result<bool>> {
        let owner = Arc::clone(&self.owner);
        let awaiting = Arc::clone(&self.parked.awaiting);
        awaiting.waker.register(cx.waker());
        *awaiting.called() = None;
        let mut parked = self.parked.polling();
        let polling = parked.get_or_insert_with(|| {
            let stream = Arc::clone(&awaiting);
            Box::pin(async move {
                owner.inner.poll_of(Some(stream), limit, |records| Pace::new(&owner.inner, records)).await
            })
        });
        let polled = ready!(polling.as_mut().poll(&mut Context::from_waker(&Waker::from(awaiting))));
        *parked = None;
        drop(parked);
        let (records, pace) = polled?;
        self.resume(&records, pace);
        Poll::Ready(Ok(!records.is_empty()))
    }
}

impl Stream for RecordStream {
    type Item = Result<ConsumerRecord>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let limit = Duration::from_millis(self.owner.inner.shared.config.max_poll_interval_ms);
        loop {
            if let Some(record) = self.try_next() {
                return Poll::Ready(Some(Ok(record)));
            }
            match ready!(self.poll_more(limit, cx)) {
                Ok(_) => {}
                Err(_) if self.owner.inner.shared.check_open().is_err() => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl std::fmt::Debug for RecordStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordStream").finish_non_exhaustive()
    }
}
