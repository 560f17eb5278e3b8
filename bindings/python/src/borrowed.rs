//! The records of a list, read where they are.

use std::slice;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::arguments::Batch;

/// Key and value of a record, whose objects somebody else keeps.
pub(crate) type Record<'a> = (Option<&'a [u8]>, &'a [u8]);

/// Does something with the records of a batch, keys first, which must not run Python code.
///
/// Where they are a list of `bytes` and `str` nothing is made or counted for a
/// record, so that many cost little more than their bytes.
pub(crate) fn with_records<T>(messages: &Bound<'_, PyAny>, with: impl FnOnce(&[Record<'_>]) -> T) -> PyResult<T> {
    let records = messages.cast_exact::<PyList>().ok().map(plain_records).transpose()?.flatten();
    match records {
        Some(records) => Ok(with(&records)),
        None => Ok(messages.extract::<Batch>()?.with(with)),
    }
}

/// The records of a list that has nothing but `bytes`, `str` and tuples of them; `None` if it has anything else.
///
/// They are good as long as the list and its tuples are not changed, thus as no
/// Python code runs. None does here: these types are looked at without.
fn plain_records<'a>(list: &'a Bound<'_, PyList>) -> PyResult<Option<Vec<Record<'a>>>> {
    let mut records = Vec::with_capacity(list.len());
    for index in 0..list.len() {
        // SAFETY: it is a list and the index is below its length; the item lives as long as the list has it.
        let record = unsafe { plain_record(list.py(), ffi::PyList_GetItem(list.as_ptr(), index as ffi::Py_ssize_t)) }?;
        let Some(record) = record else { return Ok(None) };
        records.push(record);
    }
    Ok(Some(records))
}

/// # Safety
///
/// The object has to live, and not to change, as long as the record is used.
unsafe fn plain_record<'a>(py: Python<'_>, object: *mut ffi::PyObject) -> PyResult<Option<Record<'a>>> {
    // SAFETY: the objects are alive, and the indexes within the tuple, which keeps its items.
    unsafe {
        if ffi::PyTuple_Check(object) == 0 {
            return Ok(plain_bytes(py, object)?.map(|value| (None, value)));
        }
        if ffi::PyTuple_Size(object) != 2 {
            return Ok(None);
        }
        let Some(value) = plain_bytes(py, ffi::PyTuple_GetItem(object, 0))? else { return Ok(None) };
        let key = ffi::PyTuple_GetItem(object, 1);
        if key == ffi::Py_None() {
            return Ok(Some((None, value)));
        }
        Ok(plain_bytes(py, key)?.map(|key| (Some(key), value)))
    }
}

/// What a `bytes` or a `str` holds; `None` of anything else.
///
/// # Safety
///
/// As for [`plain_record`].
#[inline]
unsafe fn plain_bytes<'a>(py: Python<'_>, object: *mut ffi::PyObject) -> PyResult<Option<&'a [u8]>> {
    // SAFETY: the object is alive; both functions say how many bytes there are at the pointer,
    // which belong to the object and never change.
    unsafe {
        let mut size = 0;
        let start = if ffi::PyBytes_CheckExact(object) != 0 {
            size = ffi::PyBytes_Size(object);
            ffi::PyBytes_AsString(object).cast_const()
        } else if ffi::PyUnicode_CheckExact(object) != 0 {
            ffi::PyUnicode_AsUTF8AndSize(object, &mut size)
        } else {
            return Ok(None);
        };
        match start.is_null() {
            true => Err(PyErr::fetch(py)),
            false => Ok(Some(slice::from_raw_parts(start.cast(), size as usize))),
        }
    }
}
