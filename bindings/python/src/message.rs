//! Records as Python sees them.

use std::ffi::c_int;
use std::sync::OnceLock;

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
pub(crate) struct Message {
    content: Content,
    offset: u64,
    timestamp: i64,
    partition: u32,
    topic: Py<PyString>,
}

/// Value and key.
enum Content {
    /// Objects of their own.
    Objects(Py<PyBytes>, Option<Py<PyBytes>>),
    /// Where they were received, and what was made of them.
    Received(Box<ConsumerRecord>, Made),
    /// The same among others, at this index.
    InPart(Py<Part>, usize, Made),
}

/// The bytes of value and key, once they were asked for.
#[derive(Default)]
struct Made {
    value: OnceLock<Py<PyBytes>>,
    key: OnceLock<Py<PyBytes>>,
}

/// Records of one partition that were received together, which their messages share.
#[pyclass(frozen, module = "rivven._rivven")]
pub(crate) struct Part(PartitionRecords);

/// Gives the records of parts one by one, as messages.
pub(crate) struct Messages {
    /// Those behind the present one, the last one first.
    rest: Vec<PartitionRecords>,
    part: Option<(Py<Part>, Py<PyString>)>,
    next: usize,
}

impl Messages {
    pub(crate) fn new(parts: &[PartitionRecords]) -> Self {
        Messages { rest: parts.iter().rev().cloned().collect(), part: None, next: 0 }
    }

    pub(crate) fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, Message>>> {
        loop {
            if let Some((part, topic)) = &self.part
                && let Some(message) = Message::in_part(part.bind(py), self.next, topic.bind(py))
            {
                self.next += 1;
                return Bound::new(py, message).map(Some);
            }
            let Some(records) = self.rest.pop() else { return Ok(None) };
            let topic = PyString::intern(py, records.topic()).unbind();
            self.part = Some((Bound::new(py, Part(records))?.unbind(), topic));
            self.next = 0;
        }
    }
}

impl Content {
    fn value<'a>(&'a self, py: Python<'a>) -> &'a [u8] {
        match self {
            Content::Objects(value, _) => value.as_bytes(py),
            Content::Received(record, _) => &record.value,
            Content::InPart(part, index, _) => view(part, *index).map_or(&[], |record| record.value),
        }
    }

    fn key<'a>(&'a self, py: Python<'a>) -> Option<&'a [u8]> {
        match self {
            Content::Objects(_, key) => key.as_ref().map(|key| key.as_bytes(py)),
            Content::Received(record, _) => record.key.as_deref(),
            Content::InPart(part, index, _) => view(part, *index).and_then(|record| record.key),
        }
    }
}

fn view(part: &Py<Part>, index: usize) -> Option<RecordView<'_>> {
    part.get().0.view(index)
}

impl Message {
    /// A record out of an answer; its bytes are copied, so that the frame is not kept.
    pub(crate) fn from_record(py: Python<'_>, record: &MessageData, topic: &Bound<'_, PyString>) -> Self {
        let key = record.key.as_ref().map(|key| PyBytes::new(py, key).unbind());
        Message {
            content: Content::Objects(PyBytes::new(py, &record.value).unbind(), key),
            offset: record.offset,
            timestamp: record.timestamp,
            partition: record.partition,
            topic: topic.clone().unbind(),
        }
    }

    /// A record of a consumer, which stays where it was received.
    pub(crate) fn received(record: ConsumerRecord, topic: &Bound<'_, PyString>) -> Self {
        Message {
            offset: record.offset,
            timestamp: record.timestamp,
            partition: record.partition,
            topic: topic.clone().unbind(),
            content: Content::Received(Box::new(record), Made::default()),
        }
    }

    /// The record at an index of a part, which it uses; nothing is copied.
    fn in_part(part: &Bound<'_, Part>, index: usize, topic: &Bound<'_, PyString>) -> Option<Self> {
        let RecordView { offset, timestamp, partition, .. } = part.get().0.view(index)?;
        let content = Content::InPart(part.clone().unbind(), index, Made::default());
        Some(Message { content, offset, timestamp, partition, topic: topic.clone().unbind() })
    }

    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let fields = (self.value(py), self.offset, self.timestamp, self.partition, &self.topic, self.key(py));
        fields.into_pyobject(py)
    }
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
        let content = Content::Objects(value, key);
        Message { content, offset: offset.0, timestamp: timestamp.0, partition: partition.0, topic }
    }

    /// The value, as bytes.
    #[getter]
    fn value(&self, py: Python<'_>) -> Py<PyBytes> {
        match &self.content {
            Content::Objects(value, _) => value.clone_ref(py),
            Content::Received(_, Made { value, .. }) | Content::InPart(_, _, Made { value, .. }) => {
                made(py, value, self.content.value(py))
            }
        }
    }

    /// The key, as bytes; None if the record has none.
    #[getter]
    fn key(&self, py: Python<'_>) -> Option<Py<PyBytes>> {
        match &self.content {
            Content::Objects(_, key) => key.as_ref().map(|key| key.clone_ref(py)),
            Content::Received(_, Made { key, .. }) | Content::InPart(_, _, Made { key, .. }) => {
                self.content.key(py).map(|bytes| made(py, key, bytes))
            }
        }
    }

    /// The position in the partition.
    #[getter]
    fn offset(&self) -> u64 {
        self.offset
    }

    /// When the broker received the record, in milliseconds since 1970.
    #[getter]
    fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// The number of the partition.
    #[getter]
    fn partition(&self) -> u32 {
        self.partition
    }

    /// The name of the topic.
    #[getter]
    fn topic(&self, py: Python<'_>) -> Py<PyString> {
        self.topic.clone_ref(py)
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
        self.content.value(py).len() + self.content.key(py).map_or(0, <[u8]>::len)
    }

    /// Gives the same record with value and key copied, so that it keeps nothing else that was received.
    fn detach(&self, py: Python<'_>) -> Self {
        Message { content: Content::Objects(self.value(py), self.key(py)), topic: self.topic.clone_ref(py), ..*self }
    }

    /// Shows the value where it is.
    ///
    /// # Safety
    ///
    /// As the interpreter calls it: `view` is a buffer to be filled.
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let value = slf.get().content.value(slf.py());
        let (start, length) = (value.as_ptr().cast_mut().cast(), value.len() as ffi::Py_ssize_t);
        // SAFETY: the message is immutable, and the buffer refers to it as long as it is used; it is read-only.
        match unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, length, 1, flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let topic = self.topic.bind(py).repr()?;
        Ok(format!("Message(topic={topic}, partition={}, offset={})", self.partition, self.offset))
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
