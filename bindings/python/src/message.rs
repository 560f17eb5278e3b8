//! Records as Python sees them.

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple, PyType};
use rivven_client::{ConsumerRecord, MessageData, PartitionRecords, RecordView};

use crate::arguments::{Offset, Partition, Timestamp};

/// A record that was read from a partition.
///
/// `value` and `key` are bytes; a record without a key has the key None, and an
/// empty key is a key. `timestamp` is when the broker received the record, in
/// milliseconds since 1970. Messages are immutable, compare by content and can
/// be pickled. `memoryview(message)` shows the value where it is.
///
/// What a consumer gives lies where it was received, and bytes are made of it
/// when they are asked for; until the last message of what came together is gone
/// that counts against `fetch_buffer_memory`. `detach` those that are kept for long.
#[pyclass(frozen, module = "rivven")]
pub(crate) struct Message(Shown);

/// What a message shows.
///
/// It changes only while nobody but the iterator that has made the message has it.
struct Shown(UnsafeCell<Content>);

// SAFETY: contents may be looked at by several threads, and change only under the GIL while there is one reference to the
// message, so that nobody looks.
unsafe impl Sync for Shown {}

impl Shown {
    fn new(content: Content) -> Self {
        Shown(UnsafeCell::new(content))
    }

    fn get(&self) -> &Content {
        // SAFETY: whoever asks has a reference to the message, and the iterator changes nothing while somebody has.
        unsafe { &*self.0.get() }
    }
}

/// Where a message has what it shows from. Many messages are made, of which little is asked: what can be found when it is
/// asked for is not kept.
enum Content {
    /// Objects of its own.
    Own(Own),
    /// A record as it was received, and what was made of it.
    Received(Box<ConsumerRecord>, Py<PyString>, Made),
    /// The same among others, at this index, which exists.
    InPart(Py<Part>, usize, Made),
}

/// A record by itself.
struct Own {
    value: Py<PyBytes>,
    key: Option<Py<PyBytes>>,
    offset: u64,
    timestamp: i64,
    partition: u32,
    topic: Py<PyString>,
}

/// The bytes of value and key, once they were asked for.
#[derive(Default)]
struct Made {
    value: OnceLock<Py<PyBytes>>,
    key: OnceLock<Py<PyBytes>>,
}

/// Records of one partition that were received together, which their messages share, and the name of the topic.
#[pyclass(frozen, module = "rivven._rivven")]
pub(crate) struct Part(PartitionRecords, Py<PyString>);

impl Part {
    fn view(&self, index: usize) -> Option<RecordView<'_>> {
        self.0.view(index)
    }
}

/// Gives the records of parts one by one, as messages.
///
/// Its place is kept in atomics, so that no lock is taken for a message; under the GIL one thread at a time moves it.
pub(crate) struct Messages {
    parts: Vec<Py<Part>>,
    /// The present part, and the next record of it.
    part: AtomicUsize,
    next: AtomicUsize,
    given: Given,
}

/// The last two messages that were given.
///
/// In a loop its variable has the last one when the next one is asked for, and nobody has the one before that: instead
/// of making another object, that one is given again with other content.
#[derive(Default)]
struct Given(UnsafeCell<[Option<Py<Message>>; 2]>);

// SAFETY: the messages may be used by any thread, and their places are only looked at under the GIL, and by nothing that
// lets another thread have it meanwhile.
unsafe impl Sync for Given {}

impl Given {
    /// Takes a message out of its place.
    fn take(&self, _py: Python<'_>, place: usize) -> Option<Py<Message>> {
        // SAFETY: this thread has the GIL, and taking something out runs nothing else.
        unsafe { (&mut *self.0.get())[place % 2].take() }
    }

    /// Puts a message into its place; what was there.
    fn put(&self, _py: Python<'_>, place: usize, message: Py<Message>) -> Option<Py<Message>> {
        // SAFETY: as above; what was there is dropped by the caller.
        unsafe { (&mut *self.0.get())[place % 2].replace(message) }
    }

    /// A message with this content, in an object that nobody uses any more if there is one.
    fn give<'py>(&self, py: Python<'py>, place: usize, content: Content) -> PyResult<Bound<'py, Message>> {
        let message = match self.take(py, place).filter(|message| references(message) == 1) {
            Some(message) => {
                let message = message.into_bound(py);
                // SAFETY: this is the only reference, and only under the GIL could there be another one.
                drop(std::mem::replace(unsafe { &mut *message.get().0.0.get() }, content));
                message
            }
            None => Bound::new(py, Message::of(content))?,
        };
        drop(self.put(py, place, message.clone().unbind()));
        Ok(message)
    }
}

impl Messages {
    pub(crate) fn new(py: Python<'_>, parts: &[PartitionRecords]) -> PyResult<Self> {
        let shared = |records: &PartitionRecords| {
            let topic = PyString::intern(py, records.topic()).unbind();
            Py::new(py, Part(records.clone(), topic))
        };
        let parts = parts.iter().map(shared).collect::<PyResult<_>>()?;
        Ok(Messages { parts, part: AtomicUsize::new(0), next: AtomicUsize::new(0), given: Given::default() })
    }

    pub(crate) fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Message>>> {
        loop {
            let (place, next) = (self.part.load(Ordering::Relaxed), self.next.load(Ordering::Relaxed));
            let Some(part) = self.parts.get(place) else {
                drop((self.given.take(py, 0), self.given.take(py, 1)));
                return Ok(None);
            };
            if next < part.get().0.len() {
                self.next.store(next + 1, Ordering::Relaxed);
                let content = Content::InPart(part.clone_ref(py), next, Made::default());
                return self.given.give(py, next, content).map(Some);
            }
            self.part.store(place + 1, Ordering::Relaxed);
            self.next.store(0, Ordering::Relaxed);
        }
    }
}

impl Content {
    fn value<'a>(&'a self, py: Python<'a>) -> &'a [u8] {
        match self {
            Content::Own(own) => own.value.as_bytes(py),
            Content::Received(record, ..) => &record.value,
            Content::InPart(part, index, _) => part.get().view(*index).map_or(&[], |record| record.value),
        }
    }

    fn key<'a>(&'a self, py: Python<'a>) -> Option<&'a [u8]> {
        match self {
            Content::Own(own) => own.key.as_ref().map(|key| key.as_bytes(py)),
            Content::Received(record, ..) => record.key.as_deref(),
            Content::InPart(part, index, _) => part.get().view(*index).and_then(|record| record.key),
        }
    }
}

impl Message {
    fn of(content: Content) -> Self {
        Message(Shown::new(content))
    }

    fn content(&self) -> &Content {
        self.0.get()
    }

    /// A record out of an answer; its bytes are copied, so that the frame is not kept.
    pub(crate) fn from_record(py: Python<'_>, record: &MessageData, topic: &Bound<'_, PyString>) -> Self {
        Message::of(Content::Own(Own {
            value: PyBytes::new(py, &record.value).unbind(),
            key: record.key.as_ref().map(|key| PyBytes::new(py, key).unbind()),
            offset: record.offset,
            timestamp: record.timestamp,
            partition: record.partition,
            topic: topic.clone().unbind(),
        }))
    }

    /// A record of a consumer, which stays where it was received.
    pub(crate) fn received(record: ConsumerRecord, topic: &Bound<'_, PyString>) -> Self {
        Message::of(Content::Received(Box::new(record), topic.clone().unbind(), Made::default()))
    }

    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let numbers = (self.offset(), self.timestamp(), self.partition());
        let fields = (self.value(py), numbers.0, numbers.1, numbers.2, self.topic(py), self.key(py));
        fields.into_pyobject(py)
    }
}

/// How many there are.
fn references(message: &Py<Message>) -> isize {
    // SAFETY: the object is alive, and whoever asks has the GIL.
    unsafe { ffi::Py_REFCNT(message.as_ptr()) }
}

fn made(py: Python<'_>, slot: &OnceLock<Py<PyBytes>>, bytes: &[u8]) -> Py<PyBytes> {
    slot.get_or_init(|| PyBytes::new(py, bytes).unbind()).clone_ref(py)
}

#[pymethods]
impl Message {
    #[new]
    #[pyo3(signature = (value, offset, timestamp, partition, topic, key=None))]
    fn new(
        value: Py<PyBytes>,
        offset: Offset,
        timestamp: Timestamp,
        partition: Partition,
        topic: Py<PyString>,
        key: Option<Py<PyBytes>>,
    ) -> Self {
        let (offset, timestamp, partition) = (offset.0, timestamp.0, partition.0);
        Message::of(Content::Own(Own { value, key, offset, timestamp, partition, topic }))
    }

    /// The value, as bytes.
    #[getter]
    fn value(&self, py: Python<'_>) -> Py<PyBytes> {
        match self.content() {
            Content::Own(own) => own.value.clone_ref(py),
            Content::Received(.., Made { value, .. }) | Content::InPart(.., Made { value, .. }) => {
                made(py, value, self.content().value(py))
            }
        }
    }

    /// The key, as bytes; None if the record has none.
    #[getter]
    fn key(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        match self.content() {
            Content::Own(own) => own.key.as_ref().map(|key| key.clone_ref(py)),
            Content::Received(.., Made { key, .. }) | Content::InPart(.., Made { key, .. }) => {
                self.content().key(py).map(|bytes| made(py, key, bytes))
            }
        }
    }

    /// The position in the partition.
    #[getter]
    fn offset(&self) -> u64 {
        match self.content() {
            Content::Own(own) => own.offset,
            Content::Received(record, ..) => record.offset,
            Content::InPart(part, index, _) => part.get().0.offset(*index).unwrap_or_default(),
        }
    }

    /// When the broker received the record, in milliseconds since 1970.
    #[getter]
    fn timestamp(&self) -> i64 {
        match self.content() {
            Content::Own(own) => own.timestamp,
            Content::Received(record, ..) => record.timestamp,
            Content::InPart(part, index, _) => part.get().view(*index).map_or(0, |record| record.timestamp),
        }
    }

    /// The number of the partition.
    #[getter]
    fn partition(&self) -> u32 {
        match self.content() {
            Content::Own(own) => own.partition,
            Content::Received(record, ..) => record.partition,
            Content::InPart(part, ..) => part.get().0.partition(),
        }
    }

    /// The name of the topic.
    #[getter]
    fn topic(&self, py: Python<'_>) -> Py<PyString> {
        match self.content() {
            Content::Own(Own { topic, .. }) | Content::Received(_, topic, _) => topic.clone_ref(py),
            Content::InPart(part, ..) => part.get().1.clone_ref(py),
        }
    }

    /// Gives the value as text.
    ///
    /// Raises UnicodeDecodeError if it is not UTF-8.
    fn value_str<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decode(self.value(py).bind(py))
    }

    /// Gives the key as text, None if there is none.
    ///
    /// Raises UnicodeDecodeError if it is not UTF-8.
    fn key_str<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.key(py).map(|key| decode(key.bind(py))).transpose()
    }

    /// Gives the bytes of value and key together.
    fn size(&self, py: Python<'_>) -> usize {
        self.content().value(py).len() + self.content().key(py).map_or(0, <[u8]>::len)
    }

    /// Gives the same record with value and key copied, so that it keeps nothing else that was received.
    fn detach(&self, py: Python<'_>) -> Self {
        let (offset, timestamp, partition) = (self.offset(), self.timestamp(), self.partition());
        let (value, key, topic) = (self.value(py), self.key(py), self.topic(py));
        Message::of(Content::Own(Own { value, key, offset, timestamp, partition, topic }))
    }

    /// Shows the value where it is.
    ///
    /// # Safety
    ///
    /// As the interpreter calls it: `view` is a buffer to be filled.
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let value = slf.get().content().value(slf.py());
        let (start, length) = (value.as_ptr().cast_mut().cast(), value.len() as ffi::Py_ssize_t);
        // SAFETY: the message is immutable, and the buffer refers to it as long as it is used; it is read-only.
        match unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, length, 1, flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let topic = self.topic(py).bind(py).repr()?;
        Ok(format!("Message(topic={topic}, partition={}, offset={})", self.partition(), self.offset()))
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> PyResult<bool> {
        self.fields(py)?.eq(other.fields(py)?)
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.fields(py)?.hash()
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        Ok((py.get_type::<Self>(), self.fields(py)?))
    }
}

fn decode<'py>(bytes: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
    bytes.call_method1("decode", ("utf-8",))
}
