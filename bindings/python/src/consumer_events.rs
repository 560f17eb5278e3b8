//! What happens to a consumer, one after another.

use std::ops::ControlFlow;
use std::sync::Arc;

use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::prelude::*;
use rivven_bridge::Answer;

use crate::answer::{self, Form};
use crate::client::Style;
use crate::consumer::Consuming;
use crate::inbox::Then;
use crate::processing::Interested;
use crate::wait::wait;

/// The events of a consumer, in its style.
pub(crate) fn stream<'py>(py: Python<'py>, consumer: &Arc<Consuming>, style: Style) -> PyResult<Bound<'py, PyAny>> {
    let consumer = Arc::clone(consumer);
    match style {
        Style::Asyncio => py.import("rivven._events")?.getattr("ConsumerEvents")?.call1((EventStream { consumer },)),
        Style::Blocking => Ok(Bound::new(py, BlockingEvents { consumer })?.into_any()),
    }
}

/// Takes the next event, if there is one; `None` where no more will come.
fn take<'py>(py: Python<'py>, consumer: &Consuming) -> PyResult<ControlFlow<Option<Bound<'py, PyAny>>>> {
    // Asked before, as an event may come and the consumer be closed meanwhile.
    let ended = consumer.raising(py, consumer.bridge.events_have_ended())?;
    let event = consumer.raising(py, consumer.bridge.take_event())?;
    let object = |event| answer::to_python(py, consumer, Answer::ConsumerEvent(Some(event)), &Form::Plain);
    match event.map(object).transpose()? {
        None if !ended => Ok(ControlFlow::Continue(())),
        event => Ok(ControlFlow::Break(event)),
    }
}

/// What the events for asyncio are asked of.
#[pyclass(frozen, name = "_EventStream", module = "rivven._rivven")]
pub(crate) struct EventStream {
    consumer: Arc<Consuming>,
}

#[pymethods]
impl EventStream {
    /// Takes the next event; gives None if it has yet to come, and raises StopAsyncIteration at the end.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match take(py, &self.consumer)? {
            ControlFlow::Break(None) => Err(PyStopAsyncIteration::new_err(())),
            ControlFlow::Break(event) => Ok(event),
            ControlFlow::Continue(()) => Ok(None),
        }
    }

    /// Gives a future that is done when there may be an event to take, and what gives the wait up.
    fn ready<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Interested)> {
        let bridge = &self.consumer.bridge;
        self.consumer.submit_wanted(py, Then::GiveChange, |queue, token| bridge.submit_event_ready(queue, token))
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
}

#[pymethods]
impl BlockingEvents {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Consuming { bridge, .. } = &*self.consumer;
        loop {
            if let ControlFlow::Break(event) = take(py, &self.consumer)? {
                return Ok(event);
            }
            let (call, _interest) = self.consumer.raising(py, bridge.event_ready())?;
            let waited = wait(py, &call)?;
            // A close ends the wait; what there is is given behind it.
            if !self.consumer.raising(py, bridge.events_have_ended())? {
                self.consumer.raising(py, waited)?;
            }
        }
    }
}
