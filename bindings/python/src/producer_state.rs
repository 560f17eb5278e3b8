//! The identity by which the broker knows a producer.

use pyo3::prelude::*;
use rivven_bridge::ProducerState as State;

use crate::error;

/// The identity of a producer and the numbers of its records, as `init_producer_id` gives it.
///
/// By it the broker tells records that are sent again. Records are counted for
/// each partition number, whatever the topic. Calls with the same object follow
/// one another, in the order in which they were made, from any thread or task;
/// it may be used with every client of the broker, in both styles. The broker
/// keeps identities in memory until it restarts. In a forked child process every
/// call with it fails with the code FORKED: take another identity there.
#[pyclass(frozen, module = "rivven")]
pub(crate) struct ProducerState(State);

impl ProducerState {
    pub(crate) fn new(state: State) -> Self {
        ProducerState(state)
    }

    /// What the bridge takes.
    pub(crate) fn state(&self) -> &State {
        &self.0
    }
}

#[pymethods]
impl ProducerState {
    /// The identity; another one after `abandon` and the next `publish_idempotent`.
    #[getter]
    fn producer_id(&self) -> u64 {
        self.0.producer_id()
    }

    /// The epoch of the identity, from 0 on: rises when the identity is taken over.
    #[getter]
    fn producer_epoch(&self) -> u16 {
        self.0.producer_epoch()
    }

    /// The number of the next record for the partition number that was used last, from 0 on.
    #[getter]
    fn next_sequence(&self) -> i32 {
        self.0.next_sequence()
    }

    /// Gives up a record of unknown outcome together with the identity.
    ///
    /// The next `publish_idempotent` takes a new identity and counts from 0. Of
    /// a transaction that is open nothing remains but to abort it.
    ///
    /// Raises RivvenException with the code INVALID_STATE while a call with it
    /// is under way, FORKED in a child process.
    fn abandon(&self, py: Python<'_>) -> PyResult<()> {
        self.0.abandon().map_err(|error| error::plain(py, &error))
    }

    fn __repr__(&self) -> String {
        let (id, epoch, next) = (self.0.producer_id(), self.0.producer_epoch(), self.0.next_sequence());
        format!("ProducerState(producer_id={id}, producer_epoch={epoch}, next_sequence={next})")
    }
}
