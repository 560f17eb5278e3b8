//! The producer classes, asyncio and blocking.

use std::collections::HashMap;
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use rivven_bridge::{Call, Producer, Queue, Reports, Topic};
use rivven_client::{Error, Properties, Result};

use crate::answer::{self, Form};
use crate::arguments::{self, Batch, Partition, Payload, Seconds};
use crate::client::{Style, listen_to_the_log};
use crate::deliveries::{self, Wanted};
use crate::error;
use crate::inbox::{Inboxes, Owner, Then, running_loop};
use crate::wait::wait;

type Given<'py> = PyResult<Bound<'py, PyAny>>;

/// A producer, and the event loops that wait for its reports.
pub(crate) struct Producing {
    /// Those that were sent to by name; they go before the producer does.
    topics: Mutex<HashMap<String, Arc<Topic>>>,
    pub(crate) bridge: Producer,
    inboxes: Inboxes,
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
    fn topic(&self, name: &str) -> Result<Arc<Topic>> {
        // In a forked child it fails here, before anything of the parent is touched.
        self.bridge.is_closed()?;
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(topic) = topics.get(name) {
            return Ok(Arc::clone(topic));
        }
        let topic = Arc::new(self.bridge.topic(name)?);
        topics.insert(name.to_owned(), Arc::clone(&topic));
        Ok(topic)
    }

    fn raising<T>(&self, py: Python<'_>, result: Result<T>) -> PyResult<T> {
        (self as &dyn Owner).raising(py, result)
    }
}

impl Drop for Producing {
    fn drop(&mut self) {
        self.inboxes.retire();
    }
}

/// What the asyncio producer and the blocking producer have in common.
///
/// Where the former returns a future, the latter waits.
#[pyclass(frozen, subclass, name = "_ProducerOperations", module = "rivven._rivven")]
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
        let shared = Arc::new(Producing { topics: Mutex::default(), bridge, inboxes: Inboxes::default() });
        Self::of_topic(shared, topic, style)
    }

    fn of_topic(shared: Arc<Producing>, topic: Option<&Bound<'_, PyString>>, style: Style) -> PyResult<Self> {
        let topic = topic
            .map(|name| {
                let topic = shared.raising(name.py(), shared.topic(name.to_str()?))?;
                Ok::<_, PyErr>((name.clone().unbind(), topic))
            })
            .transpose()?;
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
            (Some(name), _) => self.shared.raising(name.py(), self.shared.topic(name.to_str()?)),
            (None, Some((_, topic))) => Ok(Arc::clone(topic)),
            (None, None) => Err(no_topic()),
        }
    }

    /// The name of that topic.
    fn name_of<'py>(&self, py: Python<'py>, name: Option<Bound<'py, PyString>>) -> PyResult<Bound<'py, PyString>> {
        name.or_else(|| self.topic.as_ref().map(|(name, _)| name.bind(py).clone())).ok_or_else(no_topic)
    }

    fn wait<T: Send>(&self, py: Python<'_>, begun: Result<Call<T>>) -> PyResult<T> {
        let call = self.shared.raising(py, begun)?;
        let result = wait(py, &call)?;
        self.shared.raising(py, result)
    }

    fn submit<'py>(
        &self,
        py: Python<'py>,
        then: Then,
        begin: impl FnOnce(&Arc<Queue>, u64) -> Result<()>,
    ) -> Given<'py> {
        let owner: Arc<dyn Owner> = self.shared.clone();
        self.shared.inboxes.call(py, &owner, then, begin)
    }

    fn send_one<'py>(
        &self,
        py: Python<'py>,
        topic: Option<&Bound<'py, PyString>>,
        partition: Option<Partition>,
        record: (Option<Payload>, Payload),
    ) -> Given<'py> {
        let (topic, partition) = (self.topic_of(topic)?, partition.map(|number| number.0));
        match self.style {
            Style::Asyncio => self.send_records(py, &topic, partition, slice::from_ref(&record), Wanted::One),
            Style::Blocking => {
                let (key, value) = &record;
                let call = topic.send(partition, key.as_ref().map(AsRef::as_ref), value.as_ref());
                let metadata = self.wait(py, call)?;
                answer::record_metadata(py, &metadata, &PyString::new(py, &metadata.topic))
            }
        }
    }

    /// Sends records, whose outcome goes to a future of the running event loop.
    fn send_records<'py>(
        &self,
        py: Python<'py>,
        topic: &Arc<Topic>,
        partition: Option<u32>,
        records: &[(Option<Payload>, Payload)],
        wanted: fn(Py<PyAny>) -> Wanted,
    ) -> Given<'py> {
        let closed = self.shared.raising(py, self.shared.is_closed())?;
        let event_loop = running_loop(py)?;
        let future = event_loop.call_method0(pyo3::intern!(py, "create_future"))?;
        let waiting = future.clone().unbind();
        if closed {
            let owner: &dyn Owner = &*self.shared;
            deliveries::complete(py, &waiting, || Err(owner.exception(py, &Error::closed("the producer"))))?;
        } else if records.is_empty() {
            deliveries::complete(py, &waiting, || deliveries::list(py, &[]))?;
        } else {
            let future = wanted(waiting);
            let given = deliveries::Given { producer: &self.shared, topic, partition, records, future };
            self.shared.inboxes.of(&event_loop)?.send(py, given)?;
        }
        Ok(future)
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

    /// Sends many records and gives a list of their RecordMetadata, in the same order.
    ///
    /// `messages` is a list of values or (value, key) tuples, each as in `send`,
    /// as many as you like.
    ///
    /// Raises the first error of any of them once all have ended; the others
    /// may have been delivered. Those behind one that was not taken are not sent.
    #[pyo3(signature = (messages, *, topic=None, partition=None))]
    fn send_batch<'py>(
        &self,
        py: Python<'py>,
        messages: Batch,
        topic: Option<Bound<'py, PyString>>,
        partition: Option<Partition>,
    ) -> Given<'py> {
        let (topic, partition) = (self.topic_of(topic.as_ref())?, partition.map(|number| number.0));
        match self.style {
            Style::Asyncio => self.send_records(py, &topic, partition, messages.as_slice(), Wanted::List),
            Style::Blocking => {
                let owned = |payload: &Payload| payload.as_ref().to_vec();
                let records = messages.records().map(|(key, value)| (key.map(owned), owned(value))).collect();
                let sent = self.wait(py, topic.send_batch(partition, records))?;
                deliveries::list(py, &sent)
            }
        }
    }

    /// Hands a record over and returns at once; nothing is to be awaited.
    ///
    /// The arguments are those of `send`. What becomes of the record only
    /// `stats` tells, and `flush` waits for it; use `send` to know.
    ///
    /// Raises RivvenException with the code QUEUE_FULL at once where
    /// `buffer_memory` is used up: await `flush` or a `send`, and try again.
    #[pyo3(signature = (value, key=None, *, topic=None, partition=None))]
    fn enqueue(
        &self,
        py: Python<'_>,
        value: Payload,
        key: Option<Payload>,
        topic: Option<Bound<'_, PyString>>,
        partition: Option<Partition>,
    ) -> PyResult<()> {
        let (partition, key) = (partition.map(|number| number.0), key.as_ref().map(AsRef::as_ref));
        let taken = match (&topic, &self.topic) {
            (None, Some((_, topic))) => topic.enqueue(partition, key, value.as_ref(), 0),
            _ => self.topic_of(topic.as_ref())?.enqueue(partition, key, value.as_ref(), 0),
        };
        self.shared.raising(py, taken)
    }

    /// Sends everything that was handed over before, without lingering, and waits until it is settled.
    ///
    /// It always ends, as every record is delivered or given up within
    /// `delivery_timeout_ms`. Raises RivvenException with the code CLOSED.
    fn flush<'py>(&self, py: Python<'py>) -> Given<'py> {
        let bridge = &self.shared.bridge;
        match self.style {
            Style::Asyncio => {
                // A forked child is told before its loop is touched.
                self.shared.raising(py, bridge.is_closed())?;
                let inbox = self.shared.inboxes.of(&running_loop(py)?)?;
                self.submit(py, Then::Give(Form::Plain), |queue, token| match inbox.flush_later(token) {
                    true => Ok(()),
                    false => bridge.submit_flush(queue, token),
                })
            }
            Style::Blocking => {
                self.wait(py, bridge.flush())?;
                Ok(py.None().into_bound(py))
            }
        }
    }

    /// Takes no more records, delivers those that were handed over, and disconnects.
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
                self.wait(py, bridge.close(limit))?;
                Ok(py.None().into_bound(py))
            }
        }
    }

    /// Gives up the records that were not sent yet, and gives their number; nothing is to be awaited.
    ///
    /// They end with the code PURGED. What is under way goes on.
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

    fn __enter__<'py>(slf: &Bound<'py, Self>) -> Given<'py> {
        ProducerOperations::connect_object(slf.as_super(), slf.clone().into_any())
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__<'py>(slf: &Bound<'py, Self>, _exception: &Bound<'py, PyTuple>) -> PyResult<()> {
        slf.as_super().get().close(slf.py(), None).map(drop)
    }
}
