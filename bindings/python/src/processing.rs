//! Records being worked on by handlers, which run in the event loop or in threads of the program.

use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyString;
use rivven_bridge::{Answer, Completion, ForkMark, Handling, Interest, Processing, Queue};
use rivven_client::{Error, Result};

use crate::answer::{self, Form};
use crate::consumer::Consuming;
use crate::message::Message;
use crate::wait::SLICE;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A record that a handler is to work on; dropping it gives the processing up.
#[pyclass(frozen, name = "_Handling", module = "rivven._rivven")]
pub(crate) struct Handled(Mutex<Option<Handling>>);

impl Handled {
    pub(crate) fn new(handling: Handling) -> Self {
        Handled(Mutex::new(Some(handling)))
    }
}

#[pymethods]
impl Handled {
    /// Gives the record; None when it is settled.
    fn message<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Message>>> {
        let record = lock(&self.0).as_ref().map(|handling| handling.record.clone());
        let message = |record: rivven_client::ConsumerRecord| {
            let topic = PyString::intern(py, &record.topic);
            Bound::new(py, Message::received(record, &topic))
        };
        record.map(message).transpose()
    }

    /// The handler is done, or has failed, for a reason that is given.
    #[pyo3(signature = (why=None))]
    fn settle(&self, why: Option<String>) {
        if let Some(handling) = lock(&self.0).take() {
            handling.settle(why.map_or(Ok(()), Err));
        }
    }
}

/// What ends a wait, or processing, once it is asked to or gone.
#[pyclass(frozen, name = "_Interest", module = "rivven._rivven")]
pub(crate) struct Interested(Mutex<Option<Interest>>);

impl Interested {
    pub(crate) fn new(interest: Interest) -> Self {
        Interested(Mutex::new(Some(interest)))
    }
}

#[pymethods]
impl Interested {
    /// Gives up what has not ended.
    fn give_up(&self) {
        drop(lock(&self.0).take());
    }
}

/// The token of all that comes for a blocking consumer's handlers.
const TOKEN: u64 = 1;

/// Gives the records that a blocking consumer's handlers are to work on, until it ends.
#[pyclass(frozen, name = "_Handlings", module = "rivven._rivven")]
pub(crate) struct Handlings {
    consuming: Arc<Consuming>,
    processing: Mutex<Option<Processing>>,
    come: Mutex<VecDeque<Completion>>,
    /// Whether its end has come.
    ended: AtomicBool,
    /// Not dropped in a forked child: a thread of the parent may have been changing it.
    queue: ManuallyDrop<Arc<Queue>>,
    mark: ForkMark,
}

impl Handlings {
    pub(crate) fn begin(consuming: &Arc<Consuming>) -> Result<Self> {
        let queue = Queue::with_descriptor().map_err(Error::from)?;
        let processing = consuming.bridge.submit_process((&queue, TOKEN), &queue, TOKEN)?;
        Ok(Handlings {
            consuming: Arc::clone(consuming),
            processing: Mutex::new(Some(processing)),
            come: Mutex::default(),
            ended: AtomicBool::new(false),
            queue: ManuallyDrop::new(queue),
            mark: ForkMark::here(),
        })
    }

    fn take(&self) -> Option<Completion> {
        let mut come = lock(&self.come);
        if come.is_empty() {
            come.extend(self.queue.drain());
        }
        come.pop_front()
    }
}

#[pymethods]
impl Handlings {
    /// Waits for a record that a handler is to work on; gives the report at the end. Raises what it ended with.
    ///
    /// Who listens is told of rebalances meanwhile.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.consuming.raising(py, self.mark.check("the consumer"))?;
        loop {
            match self.take().map(|completion| completion.result) {
                Some(Ok(Answer::Handling(handling))) => return Ok(Bound::new(py, Handled::new(handling))?.into_any()),
                Some(result) => {
                    self.ended.store(true, Ordering::Relaxed);
                    let report = self.consuming.raising(py, result)?;
                    return answer::to_python(py, &*self.consuming, report, &Form::Plain);
                }
                None => self.consuming.idle(py, |limit| self.queue.wait(Some(limit)))?,
            }
        }
    }

    /// Gives up what has not ended, and waits until the consumer has let go.
    fn give_up(&self, py: Python<'_>) {
        drop(lock(&self.processing).take());
        while self.mark.is_here() && !self.ended.load(Ordering::Relaxed) {
            match self.take().map(|completion| completion.result) {
                Some(Ok(Answer::Handling(handling))) => drop(handling),
                Some(_) => self.ended.store(true, Ordering::Relaxed),
                None => py.detach(|| self.queue.wait(Some(SLICE))),
            }
        }
    }
}

impl Drop for Handlings {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: the queue is dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.queue) };
        }
    }
}
