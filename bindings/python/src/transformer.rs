//! The transformer classes, asyncio and blocking.

use std::sync::Arc;

use pyo3::prelude::*;
use rivven_bridge::{Answer, Call, Queue, Transformer};
use rivven_client::Result;

use crate::client::Style;
use crate::consumer::{AsyncConsumer, BlockingConsumer, Consuming};
use crate::inbox::Then;
use crate::producer::{AsyncProducer, BlockingProducer, Producing};
use crate::transaction;

type Given<'py> = PyResult<Bound<'py, PyAny>>;

/// What the asyncio transformer and the blocking transformer have in common.
///
/// Where the former returns a future, the latter waits.
#[pyclass(frozen, subclass, name = "Transformer", module = "rivven._rivven")]
pub(crate) struct TransformerOperations {
    bridge: Transformer,
    producing: Arc<Producing>,
    consuming: Arc<Consuming>,
    style: Style,
}

impl TransformerOperations {
    fn open(py: Python<'_>, consuming: Arc<Consuming>, producing: &Arc<Producing>, style: Style) -> PyResult<Self> {
        let bridge = producing.raising(py, Transformer::new(&consuming.bridge, &producing.bridge))?;
        Ok(TransformerOperations { bridge, producing: Arc::clone(producing), consuming, style })
    }

    fn submit<'py>(&self, py: Python<'py>, begin: impl FnOnce(&Arc<Queue>, u64) -> Result<()>) -> Given<'py> {
        self.producing.submit(py, Then::GiveOf(Arc::clone(&self.producing)), begin)
    }

    /// Waits for an answer; who listens is told of the consumer's rebalances meanwhile.
    fn wait<'py, T: Send>(&self, py: Python<'py>, begun: Result<Call<T>>) -> Given<'py>
    where
        Answer: From<T>,
    {
        let answer = self.consuming.wait_and_tell(py, begun)?;
        transaction::to_python(py, &self.producing, answer.into(), self.style)
    }
}

#[pymethods]
impl TransformerOperations {
    /// Waits for records and begins a transaction for what is written of them.
    ///
    /// It gives (ConsumerRecords, Transaction), or None once the consumer was
    /// woken up or closed. A round that was neither committed nor failed is aborted
    /// first, and read again. After failures it pauses before it reads
    /// (`process_retry_backoff_ms`).
    ///
    /// Giving up the wait does not stop it: what it would have given is
    /// read again by the next call.
    ///
    /// Raises as a `poll` of the consumer and `begin_transaction` of the producer;
    /// call it again if the exception is `retriable`.
    fn next<'py>(&self, py: Python<'py>) -> Given<'py> {
        match self.style {
            Style::Asyncio => self.submit(py, |queue, token| self.bridge.submit_next(queue, token)),
            Style::Blocking => self.wait(py, self.bridge.next()),
        }
    }

    /// Lets what was written count, together with the positions behind the records.
    ///
    /// It gives False if that failed and the records will be read again.
    ///
    /// Raises RivvenException with the code INVALID_STATE if there is nothing to
    /// commit; what another attempt cannot mend, or what has failed `process_retries` (3)
    /// times in a row after the first, lost connections not counted. The records will be read
    /// again all the same.
    fn commit<'py>(&self, py: Python<'py>) -> Given<'py> {
        match self.style {
            Style::Asyncio => self.submit(py, |queue, token| self.bridge.submit_commit(queue, token)),
            Style::Blocking => self.wait(py, self.bridge.commit()),
        }
    }

    /// Drops what was written, since the work has failed for the reason `why`; the records will be read again.
    ///
    /// Raises RivvenException with the code INVALID_STATE if nothing is under way;
    /// PROCESSING_FAILED once it has failed `process_retries` (3) times in a row after the first.
    fn fail<'py>(&self, py: Python<'py>, why: &str) -> Given<'py> {
        match self.style {
            Style::Asyncio => self.submit(py, |queue, token| self.bridge.submit_fail(why, queue, token)),
            Style::Blocking => self.wait(py, self.bridge.fail(why)),
        }
    }

    /// Gives what was done so far, as a TransformReport, once the call under way has ended.
    fn report<'py>(&self, py: Python<'py>) -> Given<'py> {
        match self.style {
            Style::Asyncio => self.submit(py, |queue, token| self.bridge.submit_report(queue, token)),
            Style::Blocking => self.wait(py, self.bridge.report()),
        }
    }
}

/// Reads from a consumer and begins a transaction of a producer for each poll: `Transformer(consumer, producer)`.
///
/// `rivven.transform` does with it all that is to be done. Use it by itself
/// where that does not fit: ask for the `next` records, write what comes of them in
/// their transaction, and `commit` or `fail`. Calls follow one another. The
/// consumer has to be made with `enable_auto_commit=False`, the producer with a
/// `transactional_id`; both are kept until it is gone.
///
/// Raises ConfigException otherwise.
#[pyclass(frozen, extends = TransformerOperations, name = "Transformer", module = "rivven")]
pub(crate) struct AsyncTransformer;

#[pymethods]
impl AsyncTransformer {
    #[new]
    fn new(
        consumer: &Bound<'_, AsyncConsumer>,
        producer: &Bound<'_, AsyncProducer>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let (py, producing) = (consumer.py(), producer.as_super().get().producing());
        let consuming = consumer.as_super().get().hand_over(py)?;
        let base = TransformerOperations::open(py, consuming, producing, Style::Asyncio)?;
        Ok(PyClassInitializer::from(base).add_subclass(AsyncTransformer))
    }
}

/// Reads from a consumer and begins a transaction of a producer for each poll: `Transformer(consumer, producer)`.
///
/// `rivven.blocking.transform` does with it all that is to be done. Use it by itself
/// where that does not fit: ask for the `next` records, write what comes of them in
/// their transaction, and `commit` or `fail`. Calls follow one another. The
/// consumer has to be made with `enable_auto_commit=False`, the producer with a
/// `transactional_id`; both are kept until it is gone.
///
/// Raises ConfigException otherwise.
#[pyclass(frozen, extends = TransformerOperations, name = "Transformer", module = "rivven.blocking")]
pub(crate) struct BlockingTransformer;

#[pymethods]
impl BlockingTransformer {
    #[new]
    fn new(
        consumer: &Bound<'_, BlockingConsumer>,
        producer: &Bound<'_, BlockingProducer>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let (py, producing) = (consumer.py(), producer.as_super().get().producing());
        let consuming = consumer.as_super().get().hand_over(py)?;
        let base = TransformerOperations::open(py, consuming, producing, Style::Blocking)?;
        Ok(PyClassInitializer::from(base).add_subclass(BlockingTransformer))
    }
}
