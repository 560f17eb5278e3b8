//! What happens to a consumer, one after another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use rivven_bridge::{Answer, Call, ForkMark};
use rivven_client::ConsumerEvent;

use crate::answer::{self, Form};
use crate::client::Style;
use crate::consumer::Consuming;
use crate::inbox::{Owner, Then};
use crate::wait::wait;

/// The events of a consumer, in its style.
pub(crate) fn stream<'py>(py: Python<'py>, consumer: &Arc<Consuming>, style: Style) -> PyResult<Bound<'py, PyAny>> {
    let consumer = Arc::clone(consumer);
    match style {
        Style::Asyncio => py.import("rivven._events")?.getattr("ConsumerEvents")?.call1((EventStream { consumer },)),
        Style::Blocking => {
            let events = BlockingEvents { consumer, waiting: Mutex::default(), mark: ForkMark::here() };
            Ok(Bound::new(py, events)?.into_any())
        }
    }
}

/// What the events for asyncio are asked of.
#[pyclass(frozen, name = "_EventStream", module = "rivven._rivven")]
pub(crate) struct EventStream {
    consumer: Arc<Consuming>,
}

#[pymethods]
impl EventStream {
    /// Gives a future of the next event, None at the end.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let owner: Arc<dyn Owner> = self.consumer.clone();
        let begin = |queue: &_, token| self.consumer.bridge.submit_next_event(queue, token);
        self.consumer.inboxes.call(py, &owner, Then::GiveChange, begin)
    }
}

/// What happens to a consumer besides records, as `consumer.events()` gives it.
///
/// An iterator that waits for the next event, without the GIL, and ends when
/// the consumer is closed. Ctrl-C interrupts the wait; nothing is lost by that.
/// All iterators of a consumer share its events.
#[pyclass(frozen, name = "ConsumerEvents", module = "rivven.blocking")]
pub(crate) struct BlockingEvents {
    consumer: Arc<Consuming>,
    /// Asked for by a wait that was interrupted: the next wait takes it over.
    waiting: Mutex<Option<Call<Option<ConsumerEvent>>>>,
    mark: ForkMark,
}

#[pymethods]
impl BlockingEvents {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let begun = self.lock().take();
        let call = match begun {
            Some(call) => call,
            None if self.consumer.raising(py, self.consumer.is_closed())? => return Ok(None),
            None => self.consumer.raising(py, self.consumer.bridge.next_event())?,
        };
        let result = match wait(py, &call) {
            Ok(result) => result,
            Err(interrupt) => {
                *self.lock() = Some(call);
                return Err(interrupt);
            }
        };
        if result.is_err() && self.consumer.raising(py, self.consumer.is_closed())? {
            return Ok(None);
        }
        match self.consumer.raising(py, result)? {
            None => Ok(None),
            event => answer::to_python(py, &*self.consumer, Answer::ConsumerEvent(event), &Form::Plain).map(Some),
        }
    }
}

impl BlockingEvents {
    fn lock(&self) -> MutexGuard<'_, Option<Call<Option<ConsumerEvent>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BlockingEvents {
    /// In a forked child a call of the parent is not even freed.
    fn drop(&mut self) {
        if !self.mark.is_here() {
            std::mem::forget(self.lock().take());
        }
    }
}
