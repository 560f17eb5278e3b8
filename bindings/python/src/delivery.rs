//! What `send` gives: an awaitable that stands for a future and costs much less.
//!
//! It is no `asyncio.Future`, which would be made, completed and scheduled for
//! each record. The report of a batch settles all its records, and one call of
//! the event loop runs all that waits for them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyKeyboardInterrupt, PyRuntimeError, PyStopIteration, PySystemExit};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyType};
use rivven_client::{DeliveryReport, Error};

use crate::answer;
use crate::error;

/// A record on its way, as `send` of an asyncio producer gives it; awaiting it gives its RecordMetadata.
///
/// It has the methods of an asyncio.Future, but for those that set its result,
/// and works where a future does: await it, any number of times, or hand many to
/// `asyncio.gather`, `asyncio.wait` or `asyncio.wait_for`. Cancelling it
/// gives up the wait, not the record. It belongs to the event loop that it was
/// made in, and is for the thread of that loop only.
///
/// A failure of which nobody has learned when the object is gone goes to the
/// exception handler of the event loop.
#[pyclass(frozen, module = "rivven")]
pub(crate) struct Delivery {
    event_loop: Py<PyAny>,
    state: Mutex<State>,
    /// Whether the task that awaits it is to wait; asyncio takes that back.
    blocking: AtomicBool,
}

#[derive(Default)]
struct State {
    outcome: Option<Outcome>,
    /// Whether somebody has learned of the outcome.
    seen: bool,
    /// Who waits; mostly it is one.
    waiting: Option<Callback>,
    others: Vec<Callback>,
}

impl State {
    fn functions(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        self.waiting.iter().chain(&self.others).map(|callback| callback.function.clone_ref(py)).collect()
    }
}

/// A function to be called once the outcome is known, and the context that it runs in.
pub(crate) struct Callback {
    function: Py<PyAny>,
    context: Py<PyAny>,
}

/// What became of a record.
pub(crate) enum Outcome {
    /// What the report says of the record at this position.
    Delivered(Arc<Reported>, usize),
    Failed(Py<PyAny>),
    /// Nobody waits any more; with the message that was given.
    Cancelled(Option<Py<PyAny>>),
}

/// A report, and what its records have in common.
pub(crate) struct Reported {
    report: DeliveryReport,
    place: Py<PyTuple>,
}

impl Reported {
    pub(crate) fn new(py: Python<'_>, report: DeliveryReport) -> PyResult<Arc<Self>> {
        let place = match report.first() {
            Some(first) => answer::common_place(py, &first)?,
            None => PyTuple::empty(py),
        };
        Ok(Arc::new(Reported { place: place.unbind(), report }))
    }

    /// What became of the record at a position.
    pub(crate) fn outcome(this: &Arc<Self>, py: Python<'_>, at: usize) -> Outcome {
        match this.report.error() {
            None => Outcome::Delivered(Arc::clone(this), at),
            Some(error) => Outcome::failed(py, error),
        }
    }

    /// The RecordMetadata of the record at a position.
    fn metadata<'py>(&self, py: Python<'py>, at: usize) -> PyResult<Bound<'py, PyAny>> {
        let metadata = self.report.result(at).map_err(|error| error::plain(py, &error))?;
        answer::placed(py, metadata.offset, self.place.bind(py))
    }
}

impl Outcome {
    pub(crate) fn failed(py: Python<'_>, error: &Error) -> Self {
        Outcome::Failed(error::plain(py, error).into_value(py).into_any())
    }

    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Outcome::Delivered(reported, at) => Outcome::Delivered(Arc::clone(reported), *at),
            Outcome::Failed(exception) => Outcome::Failed(exception.clone_ref(py)),
            Outcome::Cancelled(message) => Outcome::Cancelled(message.as_ref().map(|text| text.clone_ref(py))),
        }
    }

    /// The RecordMetadata, or the exception.
    pub(crate) fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Outcome::Delivered(reported, at) => reported.metadata(py, *at),
            Outcome::Failed(exception) => Err(PyErr::from_value(exception.bind(py).clone())),
            Outcome::Cancelled(message) => Err(cancelled(py, message.as_ref())?),
        }
    }
}

fn cancelled(py: Python<'_>, message: Option<&Py<PyAny>>) -> PyResult<PyErr> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "asyncio", "CancelledError")?;
    Ok(PyErr::from_value(match message {
        Some(message) => class.call1((message,))?,
        None => class.call0()?,
    }))
}

fn not_yet(py: Python<'_>, what: &'static str) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match CLASS.import(py, "asyncio", "InvalidStateError").and_then(|class| class.call1((what,))) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failure) => failure,
    }
}

impl Delivery {
    pub(crate) fn new(event_loop: Py<PyAny>) -> Self {
        Delivery { event_loop, state: Mutex::default(), blocking: AtomicBool::new(false) }
    }

    /// One whose record was refused at once.
    pub(crate) fn refused(event_loop: Py<PyAny>, outcome: Outcome) -> Self {
        let state = State { outcome: Some(outcome), ..State::default() };
        Delivery { event_loop, state: Mutex::new(state), blocking: AtomicBool::new(false) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_done(&self) -> bool {
        self.state().outcome.is_some()
    }

    /// The outcome, for somebody who wants to know.
    fn outcome(&self, py: Python<'_>) -> Option<Outcome> {
        let mut state = self.state();
        state.seen |= state.outcome.is_some();
        state.outcome.as_ref().map(|outcome| outcome.clone_ref(py))
    }

    /// Sets the outcome, unless there is one; what is to be called then, in order.
    pub(crate) fn settle(&self, outcome: Outcome) -> Option<Callbacks> {
        let mut state = self.state();
        if state.outcome.is_some() {
            drop(state);
            drop(outcome);
            return None;
        }
        state.outcome = Some(outcome);
        let first = state.waiting.take()?;
        state.seen = true;
        Some((first, std::mem::take(&mut state.others)))
    }

    fn call_soon(slf: &Bound<'_, Self>, callback: &Callback) -> PyResult<()> {
        let py = slf.py();
        let context = PyDict::new(py);
        context.set_item(intern!(py, "context"), &callback.context)?;
        let arguments = (&callback.function, slf);
        slf.get().event_loop.bind(py).call_method(intern!(py, "call_soon"), arguments, Some(&context)).map(drop)
    }
}

impl Drop for Delivery {
    /// Tells the event loop of a failure that nobody has learned of.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (false, Some(Outcome::Failed(exception))) = (state.seen, &state.outcome) else { return };
        // Without an interpreter there is nobody left to be told.
        Python::try_attach(|py| {
            // Objects go at any time, also while an exception is raised.
            let raised = PyErr::take(py);
            let (event_loop, exception) = (self.event_loop.bind(py), exception.bind(py));
            let message = "a record was not delivered, and nobody has waited for it";
            if report(event_loop, message, exception).is_err() {
                // A loop that goes together with it has nothing left to be told by.
                PyErr::from_value(exception.clone()).write_unraisable(py, None);
            }
            if let Some(raised) = raised {
                raised.restore(py);
            }
        });
    }
}

/// Hands an exception for which nobody waits to the handler of the event loop, as asyncio does with its own.
fn report(event_loop: &Bound<'_, PyAny>, message: &str, exception: &Bound<'_, PyAny>) -> PyResult<()> {
    let context = PyDict::new(event_loop.py());
    context.set_item("message", message)?;
    context.set_item("exception", exception)?;
    event_loop.call_method1(intern!(event_loop.py(), "call_exception_handler"), (context,)).map(drop)
}

/// The first that is to be called, and those behind it.
pub(crate) type Callbacks = (Callback, Vec<Callback>);

impl Callback {
    /// Calls the function, in its context.
    pub(crate) fn run(&self, py: Python<'_>, delivery: &Py<Delivery>) -> PyResult<()> {
        self.context.bind(py).call_method1(intern!(py, "run"), (&self.function, delivery)).map(drop)
    }
}

#[pymethods]
impl Delivery {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let this = slf.get();
        if let Some(outcome) = this.outcome(slf.py()) {
            return Err(PyStopIteration::new_err(outcome.result(slf.py())?.unbind()));
        }
        // The task takes the mark back when it begins to wait.
        if this.blocking.swap(true, Ordering::Relaxed) {
            return Err(PyRuntimeError::new_err("await wasn't used with future"));
        }
        Ok(slf.clone())
    }

    /// Whether asyncio is to wait for it: by this a task knows what it awaits.
    #[getter(_asyncio_future_blocking)]
    fn is_blocking(&self) -> bool {
        self.blocking.load(Ordering::Relaxed)
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, blocking: bool) {
        self.blocking.store(blocking, Ordering::Relaxed);
    }

    /// Gives the event loop that it belongs to.
    fn get_loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.event_loop.clone_ref(py)
    }

    /// Tells whether the outcome is known, or the wait was given up.
    fn done(&self) -> bool {
        self.is_done()
    }

    /// Tells whether the wait was given up.
    fn cancelled(&self) -> bool {
        matches!(self.state().outcome, Some(Outcome::Cancelled(_)))
    }

    /// Gives the RecordMetadata, or raises what kept the record from being delivered.
    ///
    /// Raises asyncio.InvalidStateError while that is not known, and
    /// asyncio.CancelledError if the wait was given up.
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.outcome(py) {
            Some(outcome) => outcome.result(py),
            None => Err(not_yet(py, "Result is not set.")),
        }
    }

    /// Gives what kept the record from being delivered; None if it was.
    ///
    /// Raises as `result` does while nothing is known, or if the wait was given up.
    fn exception(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        match self.outcome(py) {
            Some(Outcome::Delivered(..)) => Ok(None),
            Some(Outcome::Failed(exception)) => Ok(Some(exception)),
            Some(Outcome::Cancelled(message)) => Err(cancelled(py, message.as_ref())?),
            None => Err(not_yet(py, "Exception is not set.")),
        }
    }

    /// Gives up the wait, not the record; False if the outcome is known already.
    #[pyo3(signature = (msg=None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        if slf.get().is_done() {
            return Ok(false);
        }
        let callbacks = slf.get().settle(Outcome::Cancelled(msg));
        // It is called by code that runs, so what waits is called later.
        for callback in callbacks.into_iter().flat_map(|(first, others)| std::iter::once(first).chain(others)) {
            Self::call_soon(slf, &callback)?;
        }
        Ok(true)
    }

    /// Has a function called by the event loop, with this object, once the outcome is known.
    ///
    /// It runs in `context`, by default a copy of the present one.
    #[pyo3(signature = (fn_, /, *, context=None), text_signature = "($self, fn, /, *, context=None)")]
    fn add_done_callback(slf: &Bound<'_, Self>, fn_: Py<PyAny>, context: Option<Py<PyAny>>) -> PyResult<()> {
        let context = context.map_or_else(|| present_context(slf.py()), Ok)?;
        let callback = Callback { function: fn_, context };
        let mut state = slf.get().state();
        if state.outcome.is_some() {
            state.seen = true;
            drop(state);
            return Self::call_soon(slf, &callback);
        }
        match &state.waiting {
            None => state.waiting = Some(callback),
            Some(_) => state.others.push(callback),
        }
        Ok(())
    }

    /// Takes a function back that was given to `add_done_callback`, and gives how often it was there.
    #[pyo3(signature = (fn_, /), text_signature = "($self, fn, /)")]
    fn remove_done_callback(&self, py: Python<'_>, fn_: &Bound<'_, PyAny>) -> PyResult<usize> {
        // Comparing may run code of the user's, so nothing is locked.
        let mut gone = Vec::new();
        for function in self.state().functions(py) {
            if function.bind(py).eq(fn_)? {
                gone.push(function);
            }
        }
        let is_gone = |callback: &Callback| gone.iter().any(|function| function.is(&callback.function));
        let mut state = self.state();
        let all = state.waiting.take().into_iter().chain(std::mem::take(&mut state.others));
        let (removed, kept): (Vec<_>, Vec<_>) = all.partition(is_gone);
        let mut kept = kept.into_iter();
        state.waiting = kept.next();
        state.others = kept.collect();
        drop(state);
        Ok(removed.len())
    }

    fn __repr__(&self) -> &'static str {
        match self.state().outcome {
            None => "<Delivery pending>",
            Some(Outcome::Delivered(..)) => "<Delivery delivered>",
            Some(Outcome::Failed(_)) => "<Delivery failed>",
            Some(Outcome::Cancelled(_)) => "<Delivery cancelled>",
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        // It is locked only for a moment and under the GIL, which the collector has.
        let Ok(state) = self.state.try_lock() else { return Ok(()) };
        for callback in state.waiting.iter().chain(&state.others) {
            visit.call(&callback.function)?;
            visit.call(&callback.context)?;
        }
        match &state.outcome {
            Some(Outcome::Failed(exception)) => visit.call(exception),
            Some(Outcome::Cancelled(Some(message))) => visit.call(message),
            _ => Ok(()),
        }
    }

    fn __clear__(&self) {
        let mut state = self.state();
        let gone = (state.waiting.take(), std::mem::take(&mut state.others));
        drop(state);
        drop(gone);
    }
}

/// A copy of the context of the code that runs.
fn present_context(py: Python<'_>) -> PyResult<Py<PyAny>> {
    static COPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    COPY.import(py, "contextvars", "copy_context")?.call0().map(Bound::unbind)
}

/// The result of a call for which nobody waits: as with asyncio's own, its exception goes to the event loop's handler.
///
/// Those that end the program are passed on.
pub(crate) fn contained(py: Python<'_>, event_loop: &Bound<'_, PyAny>, result: PyResult<()>) -> PyResult<()> {
    let Err(failure) = result else { return Ok(()) };
    if failure.is_instance_of::<PySystemExit>(py) || failure.is_instance_of::<PyKeyboardInterrupt>(py) {
        return Err(failure);
    }
    report(event_loop, "exception in a callback of a record that was sent", failure.into_value(py).bind(py))
}

/// The RecordMetadata of a record, or the exception in its place.
pub(crate) fn told<'py>(py: Python<'py>, outcome: &Outcome) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let none = || py.None().into_bound(py);
    match outcome {
        Outcome::Failed(exception) => Ok((exception.bind(py).clone(), none())),
        outcome => Ok((none(), outcome.result(py)?)),
    }
}
