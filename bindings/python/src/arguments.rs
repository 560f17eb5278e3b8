//! From Python's arguments to the core's.

use std::slice;
use std::time::Duration;

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBool, PyBytes, PyDict, PyList, PyString, PyTuple};
use rivven_client::Properties;

use crate::error;

/// A value or a key: any contiguous buffer, or a text that stands for its UTF-8.
pub(crate) enum Payload {
    Text(PyBackedStr),
    Buffer(PyUntypedBuffer),
}

impl<'py> FromPyObject<'_, 'py> for Payload {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyString>() {
            return Ok(Payload::Text(object.extract()?));
        }
        let buffer = PyUntypedBuffer::get(&object).map_err(|_| not_bytes(&object))?;
        if !buffer.is_c_contiguous() {
            return Err(PyBufferError::new_err("a value or key must be a contiguous buffer"));
        }
        Ok(Payload::Buffer(buffer))
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        match self {
            Payload::Text(text) => text.as_bytes(),
            Payload::Buffer(buffer) if buffer.len_bytes() == 0 => &[],
            // SAFETY: the exporter keeps so many contiguous bytes in place as
            // long as the buffer is held. They are read under the GIL, without
            // running Python code, before the call returns.
            Payload::Buffer(buffer) => unsafe {
                slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), buffer.len_bytes())
            },
        }
    }
}

fn not_bytes(object: &Bound<'_, PyAny>) -> PyErr {
    let name = object.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
    PyTypeError::new_err(format!("a value or key is a bytes-like object or a str, not {name}"))
}

/// The name or the password of a user; no exception about it shows it.
pub(crate) struct Credential(String);

impl<'py> FromPyObject<'_, 'py> for Credential {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let text = object.cast::<PyString>().map_err(|_| PyTypeError::new_err("a user name or a password is a str"))?;
        utf8(&text).map(Credential)
    }
}

impl From<Credential> for String {
    fn from(credential: Credential) -> Self {
        credential.0
    }
}

/// The text in Rust's form; its own exception would show the whole text, which may be a secret.
fn utf8(text: &Bound<'_, PyString>) -> PyResult<String> {
    text.to_str()
        .map(str::to_owned)
        .map_err(|_| PyValueError::new_err("the text has a lone surrogate, which UTF-8 cannot represent"))
}

/// The records of a batch, each a value or a tuple of value and key.
pub(crate) struct Batch(Vec<(Option<Payload>, Payload)>);

impl Batch {
    /// The records, keys first, as the core takes them.
    pub(crate) fn records(&self) -> impl ExactSizeIterator<Item = (Option<&Payload>, &Payload)> + Clone {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }
}

impl<'py> FromPyObject<'_, 'py> for Batch {
    type Error = PyErr;

    fn extract(messages: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if messages.is_instance_of::<PyString>() || messages.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err(
                "messages is a list of values or (value, key) tuples, not a single value",
            ));
        }
        messages.try_iter()?.map(|message| record(&message?)).collect::<PyResult<_>>().map(Batch)
    }
}

fn record(message: &Bound<'_, PyAny>) -> PyResult<(Option<Payload>, Payload)> {
    if message.is_instance_of::<PyTuple>() {
        let (value, key) = message.extract()?;
        return Ok((key, value));
    }
    Ok((None, message.extract()?))
}

/// A length of time: seconds as a number, or a `timedelta`.
pub(crate) struct Seconds(pub(crate) Duration);

impl<'py> FromPyObject<'_, 'py> for Seconds {
    type Error = PyErr;

    fn extract(time: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let Ok(seconds) = time.extract::<f64>() else {
            return time.extract().map(Seconds);
        };
        Duration::try_from_secs_f64(seconds)
            .map(Seconds)
            .map_err(|_| PyValueError::new_err(format!("{seconds} is no length of time in seconds")))
    }
}

/// The configuration key that the argument `address` stands for.
const SERVERS: &str = "bootstrap_servers";

/// The configuration that an address and keywords make.
pub(crate) fn properties(
    py: Python<'_>,
    address: &Bound<'_, PyAny>,
    config: Option<&Bound<'_, PyDict>>,
) -> PyResult<Properties> {
    let mut properties = Properties::new();
    let mut set = |name: &str, value: &Bound<'_, PyAny>| {
        let text = text(value)?;
        properties.set(name, &text).map(drop).map_err(|error| error::plain(py, &error))
    };
    set(SERVERS, address)?;
    for (name, value) in config.into_iter().flatten() {
        let name = name.extract::<PyBackedStr>()?;
        if &*name == SERVERS {
            return Err(PyTypeError::new_err(
                "the servers are given by the argument address: leave out bootstrap_servers",
            ));
        }
        if !value.is_none() {
            set(&name, &value)?;
        }
    }
    Ok(properties)
}

/// A value as files would spell it: entries between commas, `true` and `false`, paths as text.
fn text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        let entries = value.try_iter()?.map(|entry| text(&entry?)).collect::<PyResult<Vec<_>>>()?;
        return Ok(entries.join(","));
    }
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(value.is_true().to_string());
    }
    let path = value.getattr_opt("__fspath__")?.map(|path| path.call0()).transpose()?;
    let value = path.as_ref().unwrap_or(value);
    if value.is_instance_of::<PyBytes>() {
        return Err(PyTypeError::new_err("a value of the configuration is no bytes: pass a str"));
    }
    utf8(&value.str()?)
}
