//! What a poll gives: a list that is made when it is looked at.

use std::sync::{Arc, OnceLock};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use rivven_client::{ConsumerRecord, ConsumerRecords, PartitionRecords};

use crate::answer;
use crate::message::{Message, Messages};

type Given<'py> = PyResult<Bound<'py, PyAny>>;

/// The records of one poll, in the order of the log within each partition.
///
/// It can be iterated, where each Message is made when its turn comes, and indexed as
/// a list of Message, which is made as a whole at the first look. What was received is held until it and its messages are gone.
#[pyclass(frozen, sequence, name = "ConsumerRecords", module = "rivven")]
pub(crate) struct Records {
    records: ConsumerRecords,
    list: OnceLock<Py<PyList>>,
}

impl Records {
    pub(crate) fn new(records: ConsumerRecords) -> Self {
        Records { records, list: OnceLock::new() }
    }

    fn messages(&self, py: Python<'_>) -> PyResult<Messages> {
        Messages::new(py, self.records.partitions())
    }

    fn list<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyList>> {
        if let Some(list) = self.list.get() {
            return Ok(list.bind(py));
        }
        let (mut list, messages) = (Vec::with_capacity(self.records.len()), self.messages(py)?);
        while let Some(message) = messages.next(py)? {
            list.push(message);
        }
        let list = PyList::new(py, list)?.unbind();
        // Under the GIL nobody else has made one, unless an object that was made has let others run.
        Ok(self.list.get_or_init(|| list).bind(py))
    }
}

/// Gives the messages of a poll one by one.
///
/// Each is made when it is asked for, of one that nobody uses any more if there is one: many that
/// live at once are looked at by the garbage collector, which takes as long as making them.
#[pyclass(frozen, module = "rivven._rivven")]
pub(crate) struct RecordsIterator(Messages);

#[pymethods]
impl RecordsIterator {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Message>>> {
        self.0.next(py)
    }
}

/// A list of messages; those of a topic share its name.
pub(crate) fn messages<'py>(
    py: Python<'py>,
    records: impl Iterator<Item = ConsumerRecord>,
) -> PyResult<Bound<'py, PyList>> {
    let mut last: Option<(Arc<str>, Bound<'py, PyString>)> = None;
    let message = |record: ConsumerRecord| {
        let known = last.take().filter(|(topic, _)| Arc::ptr_eq(topic, &record.topic));
        let (topic, name) = known.unwrap_or_else(|| (Arc::clone(&record.topic), PyString::new(py, &record.topic)));
        let message = Bound::new(py, Message::received(record, &name));
        last = Some((topic, name));
        message
    };
    PyList::new(py, records.map(message).collect::<PyResult<Vec<_>>>()?)
}

#[pymethods]
impl Records {
    /// The partitions whose end was reached with these records, as a list of TopicPartition.
    ///
    /// Each end is told once, until there are more records; see `report_partition_end`.
    #[getter]
    fn ended<'py>(&self, py: Python<'py>) -> Given<'py> {
        answer::partitions(py, self.records.ended())
    }

    /// Gives the records by partition: a dict from TopicPartition to a list of Message.
    fn partitions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let by_partition = PyDict::new(py);
        let list = self.list(py)?;
        let mut begin = 0;
        for part in self.records.partitions() {
            let key = answer::partition(py, part.topic(), part.partition())?;
            let messages = list.get_slice(begin, begin + part.len());
            begin += part.len();
            match by_partition.get_item(&key)? {
                Some(before) => before.call_method1("extend", (messages,)).map(drop)?,
                None => by_partition.set_item(key, messages)?,
            }
        }
        Ok(by_partition)
    }

    /// Gives the values alone, in the same order, as a list of bytes: at far less cost than by messages.
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let mut values = Vec::with_capacity(self.records.len());
        let parts = self.records.partitions().iter();
        values.extend(parts.flat_map(PartitionRecords::values).map(|(_, value)| PyBytes::new(py, value)));
        PyList::new(py, values)
    }

    fn __len__(&self) -> usize {
        self.records.len()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: &Bound<'py, PyAny>) -> Given<'py> {
        self.list(py)?.as_any().get_item(index)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> Given<'py> {
        match self.list.get() {
            Some(list) => Ok(list.bind(py).try_iter()?.into_any()),
            None => Ok(Bound::new(py, RecordsIterator(self.messages(py)?))?.into_any()),
        }
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.records)
    }
}
