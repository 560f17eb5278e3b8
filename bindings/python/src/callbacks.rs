//! The reports of a blocking producer, which its own threads take by `poll`, `flush` and `close`.

use std::collections::VecDeque;
use std::io;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use rivven_bridge::{Answer, Completion, ForkMark, Queue, Topic};
use rivven_client::Result;

use crate::deliveries::{Deliveries, Waiter};
use crate::delivery::{Outcome, Reported, told};
use crate::inbox::Record;
use crate::producer::Producing;
use crate::wait::SLICE;

/// The functions that are to be called for records, and the reports of those.
pub(crate) struct Callbacks {
    /// Not dropped in a forked child: a thread of the parent may have been changing it.
    queue: ManuallyDrop<Arc<Queue>>,
    mark: ForkMark,
    deliveries: Mutex<Deliveries>,
    /// What is known and was not told yet.
    known: Mutex<VecDeque<(Waiter, Outcome)>>,
}

impl Callbacks {
    pub(crate) fn new() -> io::Result<Self> {
        let queue = ManuallyDrop::new(Queue::with_descriptor()?);
        Ok(Callbacks { queue, mark: ForkMark::here(), deliveries: Mutex::default(), known: Mutex::default() })
    }

    fn deliveries(&self) -> MutexGuard<'_, Deliveries> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<(Waiter, Outcome)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a record over, and notes the function that is to be called for it.
    pub(crate) fn enqueue(
        &self,
        producer: &Producing,
        topic: &Topic,
        (partition, key, value): Record<'_>,
        function: Py<PyAny>,
    ) -> Result<()> {
        let mut deliveries = self.deliveries();
        let number = deliveries.next(producer, &self.queue)?;
        // Under the lock: another thread may take the report at once.
        topic.enqueue(partition, key, value, number.tag)?;
        deliveries.enter(number, Waiter::Callback(function));
        Ok(())
    }

    /// Calls the functions of what is known, and waits at most so long until something is; how many were called.
    ///
    /// What a function raises is raised here; the others are called the next time.
    pub(crate) fn poll(&self, py: Python<'_>, limit: Duration) -> PyResult<usize> {
        let until = Instant::now().checked_add(limit);
        let mut called = 0;
        loop {
            self.take(py)?;
            while let Some((waiter, outcome)) = self.next() {
                called += 1;
                waiter.object().bind(py).call1(told(py, &outcome)?)?;
            }
            let left = until.map_or(SLICE, |until| until.saturating_duration_since(Instant::now()));
            if called > 0 || left.is_zero() {
                return Ok(called);
            }
            py.detach(|| self.queue.wait(Some(left.min(SLICE))));
            py.check_signals()?;
        }
    }

    fn next(&self) -> Option<(Waiter, Outcome)> {
        self.known().pop_front()
    }

    /// Takes the reports that have come.
    fn take(&self, py: Python<'_>) -> PyResult<()> {
        for Completion { result, .. } in self.queue.drain() {
            let Ok(Answer::Deliveries(report)) = result else { continue };
            let waiters = self.deliveries().reported(&report);
            let reported = Reported::new(py, report)?;
            let outcome = |(at, waiter)| (waiter, Reported::outcome(&reported, py, at));
            let known: Vec<_> = waiters.into_iter().map(outcome).collect();
            self.known().extend(known);
        }
        Ok(())
    }

    /// Shows the garbage collector the functions.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        // They are locked only for a moment and under the GIL, which the collector has.
        if let Ok(deliveries) = self.deliveries.try_lock() {
            deliveries.waiters().try_for_each(|waiter| visit.call(waiter.object()))?;
        }
        let Ok(known) = self.known.try_lock() else { return Ok(()) };
        known.iter().try_for_each(|(waiter, _)| visit.call(waiter.object()))
    }

    /// Forgets the functions.
    pub(crate) fn clear(&self) {
        let gone = (std::mem::take(&mut *self.deliveries()), std::mem::take(&mut *self.known()));
        drop(gone);
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: the queue is dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.queue) };
        }
    }
}
