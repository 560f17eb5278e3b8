//! The producer classes, asyncio and blocking.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use rivven_bridge::{Call, Producer, Queue, Reports, Topic};
use rivven_client::{Error, Properties, Result};

use crate::answer::{self, Form};
use crate::arguments::{self, Partition, Payload, Seconds};
use crate::borrowed::with_records;
use crate::callbacks::Callbacks;
use crate::client::{Style, listen_to_the_log};
use crate::error;
use crate::inbox::{Entered, Inboxes, Owner, Record, Then, running_loop};
use crate::sent::SentRecords;
use crate::transaction;
use crate::wait::wait;

type Given<'py> = PyResult<Bound<'py, PyAny>>;

/// A producer, and who waits for its reports.
pub(crate) struct Producing {
    /// Those that were sent to by name; they go before the producer does.
    topics: Mutex<Topics>,
    pub(crate) bridge: Producer,
    /// The event loops of an asyncio producer.
    inboxes: Inboxes,
    /// The functions of a blocking one.
    callbacks: OnceLock<Callbacks>,
}

/// Topics that were sent to by name.
#[derive(Default)]
struct Topics {
    by_name: HashMap<String, Arc<Topic>>,
    /// The last one with the object that named it: a program mostly names a topic by the same one.
    last: Option<(Py<PyString>, Arc<Topic>)>,
}

impl Owner for Producing {
    fn inboxes(&self) -> &Inboxes {
        &self.inboxes
    }

    fn is_closed(&self) -> Result<bool> {
        self.bridge.is_closed()
    }

    fn explain(&self, error: &Error) -> String {
        error.to_string()
    }
}

impl Producing {
    /// The topic of a name, looked up once.
    fn topic(&self, name: &Bound<'_, PyString>) -> PyResult<Arc<Topic>> {
        let py = name.py();
        // In a forked child it fails here, before anything of the parent is touched.
        self.raising(py, self.bridge.is_closed())?;
        let mut topics = self.topics();
        if let Some((_, topic)) = topics.last.as_ref().filter(|(last, _)| last.is(name)) {
            return Ok(Arc::clone(topic));
        }
        let text = name.to_str()?;
        let topic = match topics.by_name.get(text) {
            Some(topic) => Arc::clone(topic),
            None => {
                let topic = Arc::new(self.raising(py, self.bridge.topic(text))?);
                topics.by_name.insert(text.to_owned(), Arc::clone(&topic));
                topic
            }
        };
        let before = topics.last.replace((name.clone().unbind(), Arc::clone(&topic)));
        // Freeing an object may run code of the user's, so nothing is locked.
        drop(topics);
        drop(before);
        Ok(topic)
    }

    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn raising<T>(&self, py: Python<'_>, result: Result<T>) -> PyResult<T> {
        (self as &dyn Owner).raising(py, result)
    }

    /// Waits for what was begun.
    pub(crate) fn wait<T: Send>(&self, py: Python<'_>, begun: Result<Call<T>>) -> PyResult<T> {
        let call = self.raising(py, begun)?;
        let result = wait(py, &call)?;
        self.raising(py, result)
    }

    /// Begins what a new future of the running event loop is given the answer of.
    pub(crate) fn submit<'py>(
        self: &Arc<Self>,
        py: Python<'py>,
        then: Then,
        begin: impl FnOnce(&Arc<Queue>, u64) -> Result<()>,
    ) -> Given<'py> {
        let owner: Arc<dyn Owner> = Arc::clone(self) as _;
        self.inboxes.call(py, &owner, then, begin)
    }

    /// Enters a call that is to be begun, whose answer a new future of the running event loop is given.
    pub(crate) fn enter<'py>(self: &Arc<Self>, py: Python<'py>, then: Then) -> PyResult<Entered<'py>> {
        let owner: Arc<dyn Owner> = Arc::clone(self) as _;
        self.inboxes.enter(py, &owner, then)
    }

    /// What takes the reports of a blocking producer.
    fn callbacks(&self) -> Result<&Callbacks> {
        if let Some(callbacks) = self.callbacks.get() {
            return Ok(callbacks);
        }
        let callbacks = Callbacks::new().map_err(Error::from)?;
        Ok(self.callbacks.get_or_init(|| callbacks))
    }
}

impl Drop for Producing {
    fn drop(&mut self) {
        self.inboxes.retire();
    }
}

/// What the asyncio producer and the blocking producer have in common.
///
/// Where the former returns a future, the latter waits. It has their name, as
/// that is what errors of arguments say.
#[pyclass(frozen, subclass, name = "Producer", module = "rivven._rivven")]
pub(crate) struct ProducerOperations {
    /// The topic that records go to where none is named.
    topic: Option<(Py<PyString>, Arc<Topic>)>,
    shared: Arc<Producing>,
    style: Style,
}

impl ProducerOperations {
    /// Makes a producer that connects at its first use.
    fn open(
        py: Python<'_>,
        properties: &Properties,
        topic: Option<&Bound<'_, PyString>>,
        style: Style,
    ) -> PyResult<Self> {
        listen_to_the_log(py)?;
        let bridge = Producer::new(properties, Reports::ByTag).map_err(|error| error::plain(py, &error))?;
        let shared = Arc::new(Producing {
            topics: Mutex::default(),
            bridge,
            inboxes: Inboxes::default(),
            callbacks: OnceLock::new(),
        });
        Self::of_topic(shared, topic, style)
    }

    fn of_topic(shared: Arc<Producing>, topic: Option<&Bound<'_, PyString>>, style: Style) -> PyResult<Self> {
        let topic = topic.map(|name| Ok::<_, PyErr>((name.clone().unbind(), shared.topic(name)?))).transpose()?;
        Ok(ProducerOperations { topic, shared, style })
    }

    fn into_object(self, py: Python<'_>) -> Given<'_> {
        let style = self.style;
        let base = PyClassInitializer::from(self);
        match style {
            Style::Asyncio => Ok(Bound::new(py, base.add_subclass(AsyncProducer))?.into_any()),
            Style::Blocking => Ok(Bound::new(py, base.add_subclass(BlockingProducer))?.into_any()),
        }
    }

    /// The topic that is named, or else the one that the producer was made for.
    fn topic_of(&self, name: Option<&Bound<'_, PyString>>) -> PyResult<Arc<Topic>> {
        match (name, &self.topic) {
            (Some(name), _) => self.shared.topic(name),
            (None, Some((_, topic))) => Ok(Arc::clone(topic)),
            (None, None) => Err(no_topic()),
        }
    }

    /// The name of that topic.
    fn name_of<'py>(&self, py: Python<'py>, name: Option<Bound<'py, PyString>>) -> PyResult<Bound<'py, PyString>> {
        name.or_else(|| self.topic.as_ref().map(|(name, _)| name.bind(py).clone())).ok_or_else(no_topic)
    }

    fn wait<T: Send>(&self, py: Python<'_>, begun: Result<Call<T>>) -> PyResult<T> {
        self.shared.wait(py, begun)
    }

    fn submit<'py>(
        &self,
        py: Python<'py>,
        then: Then,
        begin: impl FnOnce(&Arc<Queue>, u64) -> Result<()>,
    ) -> Given<'py> {
        self.shared.submit(py, then, begin)
    }

    /// The producer that handles share.
    pub(crate) fn producing(&self) -> &Arc<Producing> {
        &self.shared
    }

    fn send_one<'py>(
        &self,
        py: Python<'py>,
        topic: Option<&Bound<'py, PyString>>,
        partition: Option<Partition>,
        (key, value): (Option<Payload>, Payload),
    ) -> Given<'py> {
        let topic = self.topic_of(topic)?;
        let (partition, key, value) =
            (partition.map(|number| number.0), key.as_ref().map(AsRef::as_ref), value.as_ref());
        match self.style {
            Style::Asyncio => {
                // A forked child is told before its loop is touched.
                self.shared.raising(py, self.shared.is_closed())?;
                let inbox = self.shared.inboxes.of(&running_loop(py)?)?;
                Ok(inbox.send(py, &self.shared, &topic, (partition, key, value))?.into_any())
            }
            Style::Blocking => {
                let metadata = self.wait(py, topic.send(partition, key, value))?;
                answer::record_metadata(py, &metadata)
            }
        }
    }

    /// Hands a record over, and has a function called when it is known what became of it.
    fn enqueue_with(&self, py: Python<'_>, topic: &Topic, record: Record<'_>, on_delivery: Py<PyAny>) -> PyResult<()> {
        let shared = &self.shared;
        shared.raising(py, shared.is_closed())?;
        let taken = match self.style {
            Style::Asyncio => shared.inboxes.of(&running_loop(py)?)?.enqueue(shared, topic, record, on_delivery),
            Style::Blocking => {
                shared.callbacks().and_then(|callbacks| callbacks.enqueue(shared, topic, record, on_delivery))
            }
        };
        shared.raising(py, taken)
    }

    /// Calls the functions of the records that are settled; how many.
    fn tell(&self, py: Python<'_>, limit: Duration) -> PyResult<usize> {
        self.shared.raising(py, self.shared.is_closed())?;
        self.shared.callbacks.get().map_or(Ok(0), |callbacks| callbacks.poll(py, limit))
    }

    /// The functions that wait for reports, unless other handles have them, too: none may be counted twice.
    fn own_callbacks(&self) -> Option<&Callbacks> {
        self.shared.callbacks.get().filter(|_| Arc::strong_count(&self.shared) == 1)
    }

    fn connect_object<'py>(slf: &Bound<'py, Self>, object: Bound<'py, PyAny>) -> Given<'py> {
        let this = slf.get();
        let py = slf.py();
        match this.style {
            Style::Asyncio => {
                let then = Then::GiveObject(object.unbind());
                this.submit(py, then, |queue, token| this.shared.bridge.submit_connect(queue, token))
            }
            Style::Blocking => {
                this.wait(py, this.shared.bridge.connect())?;
                Ok(object)
            }
        }
    }

    fn count<'py>(&self, py: Python<'py>, topic: &str, fresh: bool, form: Form) -> Given<'py> {
        let bridge = &self.shared.bridge;
        match self.style {
            Style::Asyncio => self
                .submit(py, Then::Give(form), |queue, token| bridge.submit_partition_count(topic, fresh, queue, token)),
            Style::Blocking => {
                let count = self.wait(py, bridge.partition_count(topic, fresh))?;
                answer::to_python(py, &*self.shared, count.into(), &form)
            }
        }
    }
}

fn no_topic() -> PyErr {
    PyTypeError::new_err("the producer was made without a topic: pass topic=")
}

#[pymethods]
impl ProducerOperations {
    /// The topic that records go to where none is named; None for a producer without one.
    #[getter]
    fn topic(&self, py: Python<'_>) -> Option<Py<PyString>> {
        self.topic.as_ref().map(|(name, _)| name.clone_ref(py))
    }

    /// Gives a producer for a topic that shares everything with this one.
    ///
    /// Its records go to the topic without looking for its name each time.
    /// Closing it closes both.
    fn topic_handle<'py>(&self, topic: &Bound<'py, PyString>) -> Given<'py> {
        Self::of_topic(Arc::clone(&self.shared), Some(topic), self.style)?.into_object(topic.py())
    }

    /// Waits for a first connection, with handshake and login.
    ///
    /// It is not needed: a producer connects when there is something to send.
    /// It waits at most `connection_timeout_ms` (default 10000).
    ///
    /// Raises ConnectionException or TimeoutException if no server can be used.
    fn connect<'py>(slf: &Bound<'py, Self>) -> Given<'py> {
        let none = slf.py().None().into_bound(slf.py());
        Self::connect_object(slf, none)
    }

    /// Sends a record and gives its RecordMetadata once it is delivered.
    ///
    /// `value` and `key` are any bytes-like object, or a str, which stands for
    /// its UTF-8. Without `partition` the key chooses it; records without a key
    /// go to one partition after another, a batch each. `topic` is needed where
    /// the producer was made without one. Records of a partition keep the order
    /// in which they were sent. Giving up the wait does not take the record back.
    ///
    /// Where `buffer_memory` is used up it waits for room. Raises RivvenException
    /// with the code QUEUE_FULL if there is none after `max_block_ms`,
    /// PURGED or CLOSED if the record was given up; SerializationException with
    /// REQUEST_TOO_LARGE; TimeoutException after `delivery_timeout_ms`. Its
    /// `outcome` tells whether the broker may have the record all the same.
    #[pyo3(signature = (value, key=None, *, topic=None, partition=None))]
    fn send<'py>(
        &self,
        py: Python<'py>,
        value: Payload,
        key: Option<Payload>,
        topic: Option<Bound<'py, PyString>>,
        partition: Option<Partition>,
    ) -> Given<'py> {
        self.send_one(py, topic.as_ref(), partition, (key, value))
    }

    /// Sends a record to this partition; otherwise like `send`.
    ///
    /// Raises ServerException with the code INVALID_PARTITION.
    #[pyo3(signature = (value, partition, key=None, *, topic=None))]
    fn send_to_partition<'py>(
        &self,
        py: Python<'py>,
        value: Payload,
        partition: Partition,
        key: Option<Payload>,
        topic: Option<Bound<'py, PyString>>,
    ) -> Given<'py> {
        self.send_one(py, topic.as_ref(), Some(partition), (key, value))
    }

    /// Sends many records and gives their RecordMetadata as SentRecords, a list that is made when it is looked at.
    ///
    /// `messages` is a list of values or (value, key) tuples, each as in `send`,
    /// as many as you like; a list of bytes is the fastest. What is given is
    /// in the same order.
    ///
    /// Raises the first error of any of them once all have ended; the others
    /// may have been delivered. Those behind one that was not taken are not sent.
    #[pyo3(signature = (messages, *, topic=None, partition=None))]
    fn send_batch<'py>(
        &self,
        py: Python<'py>,
        messages: &Bound<'py, PyAny>,
        topic: Option<Bound<'py, PyString>>,
        partition: Option<Partition>,
    ) -> Given<'py> {
        let (topic, partition) = (self.topic_of(topic.as_ref())?, partition.map(|number| number.0));
        match self.style {
            Style::Asyncio => {
                // Before the records are looked at, as the methods of the loop are Python code.
                let entered = self.shared.enter(py, Then::Give(Form::Plain))?;
                let begun = with_records(messages, |records| {
                    let (inbox, token) = (&entered.inbox, entered.token);
                    let line = inbox.line(&self.shared)?;
                    topic.submit_batch(partition, records.iter().copied(), line, inbox.queue(), token)
                });
                entered.begun(begun.and_then(|begun| self.shared.raising(py, begun)))
            }
            Style::Blocking => {
                let call = with_records(messages, |records| topic.send_batch(partition, records.iter().copied()))?;
                let sent = self.wait(py, call)?;
                Ok(Bound::new(py, SentRecords::new(sent))?.into_any())
            }
        }
    }

    /// Hands a record over and returns at once; nothing is to be awaited.
    ///
    /// The arguments are those of `send`, and `on_delivery`: a function that is
    /// called once it is known what became of the record, with an exception or
    /// None, and the RecordMetadata or None. It is called by the event loop in
    /// which the record was handed over; of a blocking producer by `poll`,
    /// `flush` and `close`, on the thread that calls them. Without it only
    /// `stats` tells, and `flush` waits for the record.
    ///
    /// Raises RivvenException with the code QUEUE_FULL at once where
    /// `buffer_memory` is used up, or records of an asyncio producer that were
    /// sent before wait for room: await `flush` or a `send`, and try again.
    #[pyo3(signature = (value, key=None, *, topic=None, partition=None, on_delivery=None))]
    fn enqueue(
        &self,
        py: Python<'_>,
        value: Payload,
        key: Option<Payload>,
        topic: Option<Bound<'_, PyString>>,
        partition: Option<Partition>,
        on_delivery: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let (partition, key) = (partition.map(|number| number.0), key.as_ref().map(AsRef::as_ref));
        let named;
        let topic = match (&topic, &self.topic) {
            (None, Some((_, topic))) => topic,
            _ => {
                named = self.topic_of(topic.as_ref())?;
                &named
            }
        };
        match on_delivery {
            None => self.shared.raising(py, topic.enqueue(partition, key, value.as_ref(), 0)),
            Some(on_delivery) => self.enqueue_with(py, topic, (partition, key, value.as_ref()), on_delivery),
        }
    }

    /// Begins a transaction, and gives it as a Transaction.
    ///
    /// It is for `with` as well (`async with` in asyncio, with or without an
    /// await of its own): then it is committed at the end of the block, and aborted if that raises.
    /// A producer with a `transactional_id` sends within transactions only, and has one at
    /// a time. Giving up the wait gives up the transaction.
    ///
    /// Raises RivvenException with the code INVALID_STATE if the producer was made without
    /// a `transactional_id` or has a transaction that is open, CLOSED; TimeoutException if the
    /// broker, which takes five, has no place for it within `max_block_ms`.
    pub(crate) fn begin_transaction<'py>(&self, py: Python<'py>) -> Given<'py> {
        transaction::begin(py, &self.shared, self.style)
    }

    /// Sends everything that was handed over before, without lingering, and waits until it is settled.
    ///
    /// It always ends, as every record is delivered or given up within
    /// `delivery_timeout_ms`; the functions `on_delivery` of these records have
    /// been called then. Raises RivvenException with the code CLOSED.
    fn flush<'py>(&self, py: Python<'py>) -> Given<'py> {
        let bridge = &self.shared.bridge;
        match self.style {
            Style::Asyncio => {
                // A forked child is told before its loop is touched.
                self.shared.raising(py, bridge.is_closed())?;
                let inbox = self.shared.inboxes.of(&running_loop(py)?)?;
                let line = self.shared.raising(py, inbox.line(&self.shared))?;
                self.submit(py, Then::Give(Form::Plain), |queue, token| bridge.submit_flush_in_line(line, queue, token))
            }
            Style::Blocking => {
                self.wait(py, bridge.flush())?;
                self.tell(py, Duration::ZERO)?;
                Ok(py.None().into_bound(py))
            }
        }
    }

    /// Takes no more records, delivers those that were sent before, and disconnects.
    ///
    /// `timeout` is in seconds or a timedelta, by default `close_timeout_ms` of
    /// the configuration (30 s). Closing twice is no error; sending afterwards
    /// fails with the code CLOSED.
    ///
    /// Raises TimeoutException if records were left; they end with the code CLOSED.
    #[pyo3(signature = (timeout=None))]
    fn close<'py>(&self, py: Python<'py>, timeout: Option<Seconds>) -> Given<'py> {
        let limit = timeout.map(|Seconds(limit)| limit);
        let bridge = &self.shared.bridge;
        match self.style {
            Style::Asyncio => self.submit(py, Then::Retire, |queue, token| bridge.submit_close(limit, queue, token)),
            Style::Blocking => {
                let closed = self.wait(py, bridge.close(limit));
                // Also what was given up is told.
                self.tell(py, Duration::ZERO)?;
                closed.map(|()| py.None().into_bound(py))
            }
        }
    }

    /// Gives up the records that were not sent yet, and gives their number; nothing is to be awaited.
    ///
    /// They end with the code PURGED, also those that wait for room. What is under way goes on.
    fn purge(&self, py: Python<'_>) -> PyResult<u64> {
        self.shared.raising(py, self.shared.bridge.purge())
    }

    /// Gives what the producer has done so far, as ProducerStats; nothing is to be awaited.
    fn stats<'py>(&self, py: Python<'py>) -> Given<'py> {
        let stats = self.shared.raising(py, self.shared.bridge.stats())?;
        answer::producer_stats(py, &stats)
    }

    /// Tells whether a record that is sent again is written once all the same; nothing is to be awaited.
    fn is_idempotent(&self, py: Python<'_>) -> PyResult<bool> {
        self.shared.raising(py, self.shared.bridge.is_idempotent())
    }

    /// Gives the number of partitions of a topic; the broker is asked if it is not known.
    ///
    /// Raises ServerException with the code UNKNOWN_TOPIC_OR_PARTITION if there
    /// is no such topic and it is not to be created.
    #[pyo3(signature = (topic=None))]
    fn get_partition_count<'py>(&self, py: Python<'py>, topic: Option<Bound<'py, PyString>>) -> Given<'py> {
        self.count(py, self.name_of(py, topic)?.to_str()?, false, Form::Plain)
    }

    /// Learns the number of partitions of a topic anew; records go to new ones from then on.
    ///
    /// Raises as `get_partition_count`.
    #[pyo3(signature = (topic=None))]
    fn refresh_metadata<'py>(&self, py: Python<'py>, topic: Option<Bound<'py, PyString>>) -> Given<'py> {
        self.count(py, self.name_of(py, topic)?.to_str()?, true, Form::Nothing)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        if let Some((name, _)) = &self.topic {
            visit.call(name)?;
        }
        self.own_callbacks().map_or(Ok(()), |callbacks| callbacks.traverse(&visit))
    }

    fn __clear__(&self) {
        if let Some(callbacks) = self.own_callbacks() {
            callbacks.clear();
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        match &self.topic {
            Some((name, _)) => Ok(format!("Producer(topic={})", name.bind(py).repr()?)),
            None => Ok("Producer()".to_owned()),
        }
    }
}

/// Makes the producer of a client, for a topic.
pub(crate) fn of_client<'py>(topic: &Bound<'py, PyString>, properties: &Properties, style: Style) -> Given<'py> {
    ProducerOperations::open(topic.py(), properties, Some(topic), style)?.into_object(topic.py())
}

/// A producer for asyncio, as `Producer(bootstrap_servers=...)` or `client.producer(topic)` gives it.
///
/// Keywords are configuration keys with underscores, such as `linger_ms=5`; a
/// key that is None has its default. It connects at its first use; awaiting it
/// waits for that, and gives the producer. `send` returns a future of the
/// running event loop at once: await it, or hand many to `asyncio.gather`.
/// One producer serves many tasks, and event loops in several threads. Used
/// with `async with` it is connected, and closed at the end of the block.
///
/// A producer that is not closed sends what is left in the background, as long
/// as the program runs. Failures are RivvenException and its subclasses. In a
/// forked child process every call fails with the code FORKED.
///
/// Raises ConfigException for an unknown key or a value that it does not take.
#[pyclass(frozen, extends = ProducerOperations, name = "Producer", module = "rivven")]
pub(crate) struct AsyncProducer;

#[pymethods]
impl AsyncProducer {
    #[new]
    #[pyo3(signature = (**config))]
    fn new(py: Python<'_>, config: Option<&Bound<'_, PyDict>>) -> PyResult<PyClassInitializer<Self>> {
        let base = ProducerOperations::open(py, &arguments::configured(py, config)?, None, Style::Asyncio)?;
        Ok(PyClassInitializer::from(base).add_subclass(AsyncProducer))
    }

    fn __await__<'py>(slf: &Bound<'py, Self>) -> Given<'py> {
        ProducerOperations::connect_object(slf.as_super(), slf.clone().into_any())?.call_method0("__await__")
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> Given<'py> {
        ProducerOperations::connect_object(slf.as_super(), slf.clone().into_any())
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__<'py>(slf: &Bound<'py, Self>, _exception: &Bound<'py, PyTuple>) -> Given<'py> {
        slf.as_super().get().close(slf.py(), None)
    }
}

/// A producer whose calls block, as `Producer(bootstrap_servers=...)` or `client.producer(topic)` gives it.
///
/// Keywords are configuration keys with underscores, such as `linger_ms=5`; a
/// key that is None has its default. It connects at its first use. A call
/// waits without the GIL and can be interrupted by Ctrl-C, which gives up the
/// wait, not the record. One producer serves many threads. Used with `with` it
/// is connected, and closed at the end of the block.
///
/// A producer that is not closed sends what is left in the background, as long
/// as the program runs. Failures are RivvenException and its subclasses. In a
/// forked child process every call fails with the code FORKED.
///
/// Raises ConfigException for an unknown key or a value that it does not take.
#[pyclass(frozen, extends = ProducerOperations, name = "Producer", module = "rivven.blocking")]
pub(crate) struct BlockingProducer;

#[pymethods]
impl BlockingProducer {
    #[new]
    #[pyo3(signature = (**config))]
    fn new(py: Python<'_>, config: Option<&Bound<'_, PyDict>>) -> PyResult<PyClassInitializer<Self>> {
        let base = ProducerOperations::open(py, &arguments::configured(py, config)?, None, Style::Blocking)?;
        Ok(PyClassInitializer::from(base).add_subclass(BlockingProducer))
    }

    /// Calls the functions `on_delivery` of the records that are settled, and gives their number.
    ///
    /// Where there are none it waits for some, at most `timeout` in seconds or
    /// as a timedelta. What a function raises is raised here; the others are
    /// called the next time.
    #[pyo3(signature = (timeout=Seconds(Duration::ZERO)), text_signature = "($self, timeout=0.0)")]
    fn poll(slf: &Bound<'_, Self>, timeout: Seconds) -> PyResult<usize> {
        slf.as_super().get().tell(slf.py(), timeout.0)
    }

    fn __enter__<'py>(slf: &Bound<'py, Self>) -> Given<'py> {
        ProducerOperations::connect_object(slf.as_super(), slf.clone().into_any())
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__<'py>(slf: &Bound<'py, Self>, _exception: &Bound<'py, PyTuple>) -> PyResult<()> {
        slf.as_super().get().close(slf.py(), None).map(drop)
    }
}
