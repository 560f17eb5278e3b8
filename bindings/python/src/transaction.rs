//! The transaction classes, asyncio and blocking.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::IntoPyObjectExt;
use pyo3::call::PyCallArgs;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyTuple};
use rivven_bridge::{Answer, Transaction};
use rivven_client::{Result, Transaction as Core};

use crate::answer::{self, Form};
use crate::arguments::{Each, Offset, Partition, Payload};
use crate::borrowed::with_records;
use crate::client::Style;
use crate::consumer::{AsyncConsumer, BlockingConsumer, Consuming, offsets_of};
use crate::inbox::Then;
use crate::producer::{AsyncProducer, BlockingProducer, Producing};
use crate::records::Records;

type Given<'py> = PyResult<Bound<'py, PyAny>>;

/// What the asyncio transaction and the blocking transaction have in common.
///
/// Where the former returns a future, the latter waits. It has their name, as
/// that is what errors of arguments say.
#[pyclass(frozen, subclass, name = "Transaction", module = "rivven._rivven")]
pub(crate) struct TransactionOperations {
    bridge: Transaction,
    /// Its producer, which goes after it.
    producing: Arc<Producing>,
    style: Style,
    /// Whether the program has asked for its end.
    ended: AtomicBool,
}

/// What an answer gives that belongs to a producer, in the style of that.
pub(crate) fn to_python<'py>(py: Python<'py>, producing: &Arc<Producing>, answer: Answer, style: Style) -> Given<'py> {
    match answer {
        Answer::Transaction(transaction) => TransactionOperations::object(py, transaction.claimed(), producing, style),
        Answer::Round(None) => Ok(py.None().into_bound(py)),
        Answer::Round(Some(round)) => {
            let transaction = TransactionOperations::object(py, round.transaction, producing, style)?;
            (Bound::new(py, Records::new(round.records))?, transaction).into_bound_py_any(py)
        }
        answer => answer::to_python(py, &**producing, answer, &Form::Plain),
    }
}

/// Begins a transaction, in the style of its producer.
pub(crate) fn begin<'py>(py: Python<'py>, producing: &Arc<Producing>, style: Style) -> Given<'py> {
    let bridge = &producing.bridge;
    match style {
        Style::Asyncio => {
            let then = Then::GiveOf(Arc::clone(producing));
            let future = producing.submit(py, then, |queue, token| bridge.submit_begin_transaction(queue, token))?;
            Ok(Bound::new(py, Beginning { future: future.unbind() })?.into_any())
        }
        Style::Blocking => {
            let transaction = producing.wait(py, bridge.begin_transaction())?;
            TransactionOperations::object(py, transaction, producing, style)
        }
    }
}

/// What a function of the module `rivven._transaction` gives, a coroutine mostly.
fn by_python<'py>(py: Python<'py>, name: &str, arguments: impl PyCallArgs<'py>) -> Given<'py> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("rivven._transaction").map(Bound::unbind))?;
    module.bind(py).getattr(name)?.call1(arguments)
}

impl TransactionOperations {
    fn object<'py>(py: Python<'py>, bridge: Transaction, producing: &Arc<Producing>, style: Style) -> Given<'py> {
        let producing = Arc::clone(producing);
        let base = PyClassInitializer::from(Self { bridge, producing, style, ended: AtomicBool::new(false) });
        match style {
            Style::Asyncio => Ok(Bound::new(py, base.add_subclass(AsyncTransaction))?.into_any()),
            Style::Blocking => Ok(Bound::new(py, base.add_subclass(BlockingTransaction))?.into_any()),
        }
    }

    fn core(&self, py: Python<'_>) -> PyResult<&Core> {
        self.producing.raising(py, self.bridge.core())
    }

    /// Does something that takes time, in the style of the transaction.
    fn run<'py, T, F>(&self, py: Python<'py>, what: impl FnOnce(Arc<Core>) -> F) -> Given<'py>
    where
        T: Send + 'static,
        Answer: From<T>,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        match self.style {
            Style::Asyncio => self
                .producing
                .submit(py, Then::Give(Form::Plain), |queue, token| self.bridge.submit(queue, token, what)),
            Style::Blocking => {
                let answer = self.producing.wait(py, self.bridge.start(what))?;
                answer::to_python(py, &*self.producing, answer.into(), &Form::Plain)
            }
        }
    }

    /// The same for what adds to the transaction: a commit waits for it.
    fn add<'py, T, F>(&self, py: Python<'py>, what: impl FnOnce(Arc<Core>) -> F) -> Given<'py>
    where
        T: Send + 'static,
        Answer: From<T>,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let addition = self.producing.raising(py, self.bridge.addition())?;
        self.run(py, |core| {
            let adding = what(core);
            async move {
                let _until_it_has_ended = addition;
                adding.await
            }
        })
    }

    fn send_positions<'py>(&self, py: Python<'py>, consuming: Arc<Consuming>) -> Given<'py> {
        self.add(py, |core| async move { core.send_consumer_offsets(consuming.bridge.core()?).await })
    }
}

#[pymethods]
impl TransactionOperations {
    /// The `transactional_id` of its producer.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<&str> {
        Ok(self.core(py)?.id())
    }

    /// The identity under which it was begun; each transaction has its own.
    #[getter]
    fn producer_id(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.core(py)?.producer_id())
    }

    /// Whether it still takes records: it has not ended, and nothing has failed for good.
    #[getter]
    fn is_open(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.core(py)?.is_open())
    }

    /// Whether the program has asked for its end.
    #[getter]
    fn _ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Sends a record and gives its RecordMetadata once it is written.
    ///
    /// It counts once the transaction is committed. `value` and `key` are any
    /// bytes-like object, or a str, which stands for its UTF-8. Without
    /// `partition` the key chooses it. Where `buffer_memory` is used up it waits
    /// for room. Giving up the wait does not take the record back.
    ///
    /// Raises RivvenException with the code INVALID_STATE once the transaction
    /// has ended, QUEUE_FULL if there is no room for `max_block_ms`; with
    /// `abortable` set once the transaction can only be aborted; and why the record could not
    /// be written, such as INVALID_TOPIC, INVALID_PARTITION or REQUEST_TOO_LARGE.
    #[pyo3(signature = (topic, value, key=None, *, partition=None))]
    fn send<'py>(
        &self,
        py: Python<'py>,
        topic: &str,
        value: Payload,
        key: Option<Payload>,
        partition: Option<Partition>,
    ) -> Given<'py> {
        let (partition, key, value) =
            (partition.map(|number| number.0), key.as_ref().map(AsRef::as_ref), value.as_ref());
        match self.style {
            Style::Asyncio => self.producing.submit(py, Then::Give(Form::Plain), |queue, token| {
                self.bridge.submit_send(topic, partition, key, value, (queue, token))
            }),
            Style::Blocking => {
                let metadata = self.producing.wait(py, self.bridge.send(topic, partition, key, value))?;
                answer::record_metadata(py, &metadata)
            }
        }
    }

    /// Hands a record over and returns at once; nothing is to be awaited.
    ///
    /// What becomes of it `flush` and `commit` tell, which wait for it. The
    /// arguments are those of `send`.
    ///
    /// Raises as `send`, with QUEUE_FULL at once where `buffer_memory` is used
    /// up, or records that were sent before wait for room: await a `flush` or a
    /// `send`, and try again.
    #[pyo3(signature = (topic, value, key=None, *, partition=None))]
    fn enqueue(
        &self,
        py: Python<'_>,
        topic: &str,
        value: Payload,
        key: Option<Payload>,
        partition: Option<Partition>,
    ) -> PyResult<()> {
        let (partition, key) = (partition.map(|number| number.0), key.as_ref().map(AsRef::as_ref));
        self.producing.raising(py, self.bridge.enqueue(topic, partition, key, value.as_ref()))
    }

    /// Sends many records and gives a list of their RecordMetadata once all are written.
    ///
    /// `messages` is a list of values or (value, key) tuples, each as in `send`.
    /// What is given is in the same order.
    ///
    /// Raises the first error of any of them once all have ended; as `send`.
    fn send_batch<'py>(&self, py: Python<'py>, topic: &str, messages: &Bound<'py, PyAny>) -> Given<'py> {
        match self.style {
            Style::Asyncio => {
                // Before the records are looked at, as the methods of the loop are Python code.
                let entered = self.producing.enter(py, Then::Give(Form::Plain))?;
                let to = (entered.inbox.queue(), entered.token);
                let begun = with_records(messages, |records| self.bridge.submit_batch(topic, records, to));
                entered.begun(begun.and_then(|begun| self.producing.raising(py, begun)))
            }
            Style::Blocking => {
                let call = with_records(messages, |records| self.bridge.send_batch(topic, records))?;
                let sent = self.producing.wait(py, call)?;
                answer::to_python(py, &*self.producing, sent.into(), &Form::Plain)
            }
        }
    }

    /// Waits until every record that was handed over before is written.
    ///
    /// Raises why one of them could not be; then the transaction can only be aborted.
    fn flush<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.run(py, |core| async move { core.flush().await })
    }

    /// Lets offsets of a group count together with the records: the next ones to read.
    ///
    /// `offsets` are (topic, partition, offset) tuples.
    ///
    /// Raises RivvenException with the code INVALID_ARGUMENT for none, or one
    /// beyond 2^63 - 1; INVALID_GROUP_ID; as `send`.
    fn send_offsets<'py>(
        &self,
        py: Python<'py>,
        group: &str,
        offsets: Each<(String, Partition, Offset)>,
    ) -> Given<'py> {
        let (group, offsets) = (group.to_owned(), offsets_of(offsets));
        self.add(py, |core| async move { core.send_offsets(group, &offsets).await })
    }

    /// Waits until all records are written, and lets them and the offsets count.
    ///
    /// If the answer is lost, it is found out what became of the commit, as far
    /// as there is a way. Giving up the wait does not stop it.
    ///
    /// Raises RivvenException with the code INVALID_STATE once the transaction
    /// has ended or is ending; with `abortable` set if something has failed: it has been
    /// aborted, and nothing counts; COMMIT_FAILED with the outcome UNKNOWN if nothing could be found out.
    fn commit<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.ended.store(true, Ordering::Relaxed);
        let committing = self.producing.raising(py, self.bridge.committing())?;
        self.run(py, |_| committing)
    }

    /// Drops what is not written yet, and lets nothing of the transaction count.
    ///
    /// Raises RivvenException with the code INVALID_STATE once the transaction
    /// has ended or is ending; TRANSACTION_TIMED_OUT if the broker got to know of
    /// it too late and shows the records for ever; why the broker could not be told,
    /// which then aborts it after `transaction_timeout_ms`.
    fn abort<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.ended.store(true, Ordering::Relaxed);
        self.run(py, |core| async move { core.abort().await })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let core = self.core(py)?;
        let id = PyString::new(py, core.id()).repr()?;
        Ok(format!("Transaction(id={id}, producer_id={})", core.producer_id()))
    }
}

/// A transaction for asyncio, as `await producer.begin_transaction()` gives it.
///
/// Its records, of any topics, and offsets of groups count together once it is
/// committed, or not at all. Used with `async with` it is committed at the end of the
/// block, and aborted if that raises, unless the program has ended it. One
/// that is dropped without an end is aborted in the background, and the next one of
/// its producer waits for that. One transaction serves many tasks.
///
/// When something has failed for good it is aborted at once: every call but `abort`
/// then raises an exception with `abortable` set. Failures are RivvenException and its
/// subclasses. In a forked child process every call fails with the code FORKED.
#[pyclass(frozen, extends = TransactionOperations, name = "Transaction", module = "rivven")]
pub(crate) struct AsyncTransaction;

#[pymethods]
impl AsyncTransaction {
    /// Begins a transaction of a producer; like `producer.begin_transaction()`.
    #[staticmethod]
    fn begin<'py>(producer: &Bound<'py, AsyncProducer>) -> Given<'py> {
        producer.as_super().get().begin_transaction(producer.py())
    }

    /// Lets a consumer's positions count together with the records, for its group.
    ///
    /// They are those behind the records that it has given, unless the program
    /// has stored others. Commit the transaction before the next poll, and make
    /// the consumer with `enable_auto_commit=False`.
    ///
    /// Raises ServerException with the code NOT_ASSIGNED if partitions were taken
    /// away; as `send`.
    fn send_consumer_offsets<'py>(slf: &Bound<'py, Self>, consumer: &Bound<'py, AsyncConsumer>) -> Given<'py> {
        let consuming = consumer.as_super().get().with_group()?;
        slf.as_super().get().send_positions(slf.py(), consuming)
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> Given<'py> {
        by_python(slf.py(), "enter", (slf,))
    }

    #[pyo3(signature = (*exception))]
    fn __aexit__<'py>(slf: &Bound<'py, Self>, exception: &Bound<'py, PyTuple>) -> Given<'py> {
        by_python(slf.py(), "leave", (slf, failed(exception)))
    }
}

/// Whether a block was left by an exception.
fn failed(exception: &Bound<'_, PyTuple>) -> bool {
    exception.get_item(0).is_ok_and(|class| !class.is_none())
}

/// A transaction whose calls block, as `producer.begin_transaction()` gives it.
///
/// Its records, of any topics, and offsets of groups count together once it is
/// committed, or not at all. Used with `with` it is committed at the end of the
/// block, and aborted if that raises, unless the program has ended it. One
/// that is dropped without an end is aborted in the background, and the next one of
/// its producer waits for that. One transaction serves many threads.
///
/// When something has failed for good it is aborted at once: every call but `abort`
/// then raises an exception with `abortable` set. Failures are RivvenException and its
/// subclasses. In a forked child process every call fails with the code FORKED.
#[pyclass(frozen, extends = TransactionOperations, name = "Transaction", module = "rivven.blocking")]
pub(crate) struct BlockingTransaction;

#[pymethods]
impl BlockingTransaction {
    /// Begins a transaction of a producer; like `producer.begin_transaction()`.
    #[staticmethod]
    fn begin<'py>(producer: &Bound<'py, BlockingProducer>) -> Given<'py> {
        producer.as_super().get().begin_transaction(producer.py())
    }

    /// Lets a consumer's positions count together with the records, for its group.
    ///
    /// They are those behind the records that it has given, unless the program
    /// has stored others. Commit the transaction before the next poll, and make
    /// the consumer with `enable_auto_commit=False`.
    ///
    /// Raises ServerException with the code NOT_ASSIGNED if partitions were taken
    /// away; as `send`.
    fn send_consumer_offsets<'py>(slf: &Bound<'py, Self>, consumer: &Bound<'py, BlockingConsumer>) -> Given<'py> {
        let consuming = consumer.as_super().get().with_group()?;
        slf.as_super().get().send_positions(slf.py(), consuming)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*exception))]
    fn __exit__<'py>(slf: &Bound<'py, Self>, exception: &Bound<'py, PyTuple>) -> PyResult<()> {
        by_python(slf.py(), "leave_blocking", (slf, failed(exception))).map(drop)
    }
}

/// A transaction that begins, as `producer.begin_transaction()` gives it: await it, or use it with `async with`.
///
/// It has the methods of the future that it stands for.
#[pyclass(frozen, module = "rivven._rivven", name = "_Beginning")]
pub(crate) struct Beginning {
    future: Py<PyAny>,
}

#[pymethods]
impl Beginning {
    fn __await__<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.future.bind(py).call_method0("__await__")
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> Given<'py> {
        self.__await__(py)
    }

    /// All else that a future has.
    fn __getattr__<'py>(&self, py: Python<'py>, name: &Bound<'py, PyString>) -> Given<'py> {
        self.future.bind(py).getattr(name)
    }

    fn __aenter__<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.future.bind(py).clone()
    }

    #[pyo3(signature = (*exception))]
    fn __aexit__<'py>(&self, py: Python<'py>, exception: &Bound<'py, PyTuple>) -> Given<'py> {
        let transaction = self.future.bind(py).call_method0("result")?;
        by_python(py, "leave", (transaction, failed(exception)))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        visit.call(&self.future)
    }
}
