//! What `send_batch` gives: a list that is made when it is looked at.

use std::sync::OnceLock;

use pyo3::basic::CompareOp;
use pyo3::exceptions::PyIndexError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyTuple, PyType};
use rivven_client::{Deliveries, Error, RecordMetadata, Result};

use crate::{answer, error};

/// Where the records of a batch went: as good as a list of their RecordMetadata, in their order.
///
/// It costs next to nothing until it is looked at: only then, and at once if it
/// is changed, the list is made that it stands for. It has all that a list has,
/// equals a list with the same offsets and is pickled and copied as one. Where it
/// has to be a list, as in `json.dumps`, write `list(sent)`.
#[pyclass(frozen, sequence, module = "rivven")]
pub(crate) struct SentRecords {
    deliveries: Deliveries,
    list: OnceLock<Py<PyList>>,
}

impl SentRecords {
    pub(crate) fn new(deliveries: Deliveries) -> Self {
        SentRecords { deliveries, list: OnceLock::new() }
    }

    /// The list that it stands for.
    fn list<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyList>> {
        if let Some(list) = self.list.get() {
            return Ok(list.bind(py));
        }
        let mut place = None;
        let records = (0..self.deliveries.len()).map(|index| self.record(py, index, &mut place));
        let list = PyList::new(py, records.collect::<PyResult<Vec<_>>>()?)?.unbind();
        // Under the GIL nobody else has made one, unless an object that was made has let others run.
        Ok(self.list.get_or_init(|| list).bind(py))
    }

    /// The metadata of one record; `place` is that of the one before it.
    fn record<'py>(&self, py: Python<'py>, index: usize, place: &mut Place<'py>) -> PyResult<Bound<'py, PyAny>> {
        let settled = || self.deliveries.result(index).unwrap_or(Err(Error::InvalidResponse));
        let metadata = py_result(py, settled())?;
        let known = place.as_ref().filter(|(of, _)| answer::same_place(of, &metadata)).map(|(_, place)| place.clone());
        let made = match known {
            Some(known) => known,
            None => answer::common_place(py, &metadata)?,
        };
        let record = answer::placed(py, metadata.offset, &made)?;
        *place = Some((metadata, made));
        Ok(record)
    }
}

/// A record, and what others of its batch have in common with it.
type Place<'py> = Option<(RecordMetadata, Bound<'py, PyTuple>)>;

fn py_result<T>(py: Python<'_>, result: Result<T>) -> PyResult<T> {
    result.map_err(|error| error::plain(py, &error))
}

/// A list in the place of an object that stands for one.
fn plain<'py>(other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    match other.cast::<SentRecords>() {
        Ok(sent) => Ok(sent.get().list(other.py())?.clone().into_any()),
        Err(_) => Ok(other.clone()),
    }
}

#[pymethods]
impl SentRecords {
    fn __len__(&self, py: Python<'_>) -> usize {
        self.list.get().map_or(self.deliveries.len(), |list| list.bind(py).len())
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (Ok(number), None) = (index.extract::<isize>(), self.list.get()) else {
            return self.list(py)?.as_any().get_item(index);
        };
        let from_the_end = if number < 0 { self.deliveries.len() } else { 0 };
        match number.checked_add_unsigned(from_the_end).and_then(|number| usize::try_from(number).ok()) {
            Some(index) if index < self.deliveries.len() => self.record(py, index, &mut None),
            _ => Err(PyIndexError::new_err("list index out of range")),
        }
    }

    fn __setitem__(&self, py: Python<'_>, index: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.list(py)?.as_any().set_item(index, value)
    }

    fn __delitem__(&self, py: Python<'_>, index: &Bound<'_, PyAny>) -> PyResult<()> {
        self.list(py)?.as_any().del_item(index)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.list(py)?.try_iter()
    }

    fn __contains__(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.list(py)?.contains(value)
    }

    fn __reversed__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.list(py)?.call_method0("__reversed__")
    }

    fn __richcmp__<'py>(
        &self,
        py: Python<'py>,
        other: &Bound<'py, PyAny>,
        operation: CompareOp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let other = plain(other)?;
        match other.is_instance_of::<PyList>() {
            true => self.list(py)?.rich_compare(other, operation),
            false => Ok(py.NotImplemented().into_bound(py)),
        }
    }

    fn __add__<'py>(&self, py: Python<'py>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.list(py)?.add(plain(other)?)
    }

    fn __radd__<'py>(&self, py: Python<'py>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        other.add(self.list(py)?)
    }

    fn __iadd__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        self.list(py)?.call_method1("extend", (plain(other)?,)).map(drop)
    }

    fn __mul__<'py>(&self, py: Python<'py>, times: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.list(py)?.mul(times)
    }

    fn __rmul__<'py>(&self, py: Python<'py>, times: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.list(py)?.mul(times)
    }

    /// All else that a list has.
    fn __getattr__<'py>(&self, py: Python<'py>, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.list(py)?.getattr(name.cast()?)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, (Bound<'py, PyList>,))> {
        Ok((py.get_type::<PyList>(), (self.list(py)?.clone(),)))
    }

    /// The list may hold anything, also this; clearing the list breaks such a cycle.
    fn __traverse__(&self, visit: PyVisit<'_>) -> std::result::Result<(), PyTraverseError> {
        self.list.get().map_or(Ok(()), |list| visit.call(list))
    }

    fn __repr__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.list(py)?.repr().map(Bound::into_any)
    }
}
