//! Records as Python sees them.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple, PyType};
use rivven_client::MessageData;

use crate::arguments::{Offset, Partition, Timestamp};

/// A record that was read from a partition.
///
/// `value` and `key` are bytes; a record without a key has the key None, and an
/// empty key is a key. `timestamp` is when the broker received the record, in
/// milliseconds since 1970. Messages are immutable, compare by content and can
/// be pickled.
#[pyclass(frozen, get_all, module = "rivven")]
pub(crate) struct Message {
    /// The value, as bytes.
    value: Py<PyBytes>,
    /// The position in the partition.
    offset: u64,
    /// When the broker received the record, in milliseconds since 1970.
    timestamp: i64,
    /// The number of the partition.
    partition: u32,
    /// The name of the topic.
    topic: Py<PyString>,
    /// The key, as bytes; None if the record has none.
    key: Option<Py<PyBytes>>,
}

impl Message {
    /// A record out of an answer; its bytes are copied, so that the frame is not kept.
    pub(crate) fn from_record(py: Python<'_>, record: &MessageData, topic: &Bound<'_, PyString>) -> Self {
        Message {
            value: PyBytes::new(py, &record.value).unbind(),
            offset: record.offset,
            timestamp: record.timestamp,
            partition: record.partition,
            topic: topic.clone().unbind(),
            key: record.key.as_ref().map(|key| PyBytes::new(py, key).unbind()),
        }
    }

    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        (&self.value, self.offset, self.timestamp, self.partition, &self.topic, &self.key).into_pyobject(py)
    }
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
        Message { value, offset: offset.0, timestamp: timestamp.0, partition: partition.0, topic, key }
    }

    /// Gives the value as text.
    ///
    /// Raises UnicodeDecodeError if it is not UTF-8.
    fn value_str<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decode(self.value.bind(py))
    }

    /// Gives the key as text, None if there is none.
    ///
    /// Raises UnicodeDecodeError if it is not UTF-8.
    fn key_str<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.key.as_ref().map(|key| decode(key.bind(py))).transpose()
    }

    /// Gives the bytes of value and key together.
    fn size(&self, py: Python<'_>) -> usize {
        let key = self.key.as_ref().map_or(0, |key| key.as_bytes(py).len());
        self.value.as_bytes(py).len() + key
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
