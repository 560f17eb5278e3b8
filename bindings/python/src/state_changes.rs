//! The changes of a client's servers, one after another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use rivven_bridge::{Answer, Call, ForkMark, NextStateChange};
use rivven_client::StateChange;

use crate::answer::{self, Form};
use crate::client::{Handle, Shared, Style};
use crate::inbox::{Owner, Then};
use crate::wait::wait;

/// A stream of the changes from now on, in the style of the client.
pub(crate) fn stream<'py>(py: Python<'py>, handle: &Handle) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let client = Arc::clone(handle.shared());
    let next = client.raising(py, client.bridge.state_changes())?;
    match handle.style() {
        Style::Asyncio => {
            let class = CLASS.import(py, "rivven._state_changes", "StateChanges")?;
            class.call1((Stream { client, next },))
        }
        Style::Blocking => {
            let changes = BlockingStateChanges { client, next, waiting: Mutex::default(), mark: ForkMark::here() };
            Ok(Bound::new(py, changes)?.into_any())
        }
    }
}

/// What the stream for asyncio asks for its changes.
#[pyclass(frozen, name = "_Stream", module = "rivven._rivven")]
pub(crate) struct Stream {
    client: Arc<Shared>,
    next: NextStateChange,
}

#[pymethods]
impl Stream {
    /// Gives a future of the next change, None at the end.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let begin = |queue: &_, token| self.client.bridge.submit(&self.next, queue, token);
        let owner: Arc<dyn Owner> = self.client.clone();
        self.client.inboxes.call(py, &owner, Then::GiveChange, begin)
    }
}

/// The changes of a client's servers, as `client.state_changes()` gives them.
///
/// An iterator of ServerDegraded, ServerRecovered and StateChangesMissed that
/// waits for the next one, without the GIL, and ends when the client is closed.
/// Ctrl-C interrupts the wait; nothing is lost by that. Several threads that
/// share one take turns.
#[pyclass(frozen, name = "StateChanges", module = "rivven.blocking")]
pub(crate) struct BlockingStateChanges {
    client: Arc<Shared>,
    next: NextStateChange,
    /// Asked for by a wait that was interrupted: the next wait takes it over.
    waiting: Mutex<Option<Call<Option<StateChange>>>>,
    mark: ForkMark,
}

#[pymethods]
impl BlockingStateChanges {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let begun = self.lock().take();
        let call = match begun {
            Some(call) => call,
            None => self.client.raising(py, self.client.bridge.start(&self.next))?,
        };
        let result = match wait(py, &call) {
            Ok(result) => result,
            Err(interrupt) => {
                *self.lock() = Some(call);
                return Err(interrupt);
            }
        };
        if result.is_err() && self.client.raising(py, self.client.bridge.is_closed())? {
            return Ok(None);
        }
        match self.client.raising(py, result)? {
            None => Ok(None),
            change => answer::to_python(py, &*self.client, Answer::StateChange(change), &Form::Plain).map(Some),
        }
    }
}

impl BlockingStateChanges {
    fn lock(&self) -> MutexGuard<'_, Option<Call<Option<StateChange>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BlockingStateChanges {
    /// In a forked child a call of the parent is not even freed.
    fn drop(&mut self) {
        if !self.mark.is_here() {
            std::mem::forget(self.lock().take());
        }
    }
}
