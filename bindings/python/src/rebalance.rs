//! Rebalances, and who is told of them.

use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use rivven_bridge::{Answer, Completion, ForkMark, Queue, Rebalance, RebalanceKind};

use crate::answer;

/// A rebalance, which waits until it is done or dropped.
#[pyclass(frozen, name = "_Rebalance", module = "rivven._rivven")]
pub(crate) struct Rebalancing(Mutex<Option<Rebalance>>);

impl Rebalancing {
    pub(crate) fn new(rebalance: Rebalance) -> Self {
        Rebalancing(Mutex::new(Some(rebalance)))
    }
}

#[pymethods]
impl Rebalancing {
    /// Gives the name of the listener's method and what it is to be told.
    fn told<'py>(&self, py: Python<'py>) -> PyResult<Option<(&'static str, Bound<'py, PyAny>)>> {
        let rebalance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |rebalance: &Rebalance| {
            let name = match rebalance.kind {
                RebalanceKind::Revoked => "on_partitions_revoked",
                RebalanceKind::Assigned => "on_partitions_assigned",
                RebalanceKind::Lost => "on_partitions_lost",
            };
            Ok((name, rebalance.partitions.clone()))
        };
        let told: Option<PyResult<_>> = rebalance.as_ref().map(told);
        drop(rebalance);
        let Some((name, partitions)) = told.transpose()? else { return Ok(None) };
        Ok(Some((name, answer::partitions(py, &partitions)?)))
    }

    /// Lets the poll go on that it has interrupted.
    fn done(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Who is told of the rebalances of a blocking consumer, and where they come.
pub(crate) struct Listening {
    /// Not dropped in a forked child: a thread of the parent may have been changing it.
    queue: ManuallyDrop<Arc<Queue>>,
    mark: ForkMark,
    pub(crate) function: Py<PyAny>,
}

impl Listening {
    pub(crate) fn new(function: Py<PyAny>) -> rivven_client::Result<Self> {
        let queue = ManuallyDrop::new(Queue::with_descriptor()?);
        Ok(Listening { queue, mark: ForkMark::here(), function })
    }

    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Calls the function for what has come.
    pub(crate) fn tell(&self, py: Python<'_>) -> PyResult<()> {
        for Completion { result, .. } in self.queue.drain() {
            if let Ok(Answer::Rebalance(rebalance)) = result {
                self.function.bind(py).call1((Rebalancing::new(rebalance),))?;
            }
        }
        Ok(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: the queue is dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.queue) };
        }
    }
}
