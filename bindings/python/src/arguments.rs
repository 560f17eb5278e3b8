//! From Python's arguments to the core's.

use std::slice;
use std::time::Duration;

use pyo3::buffer::PyUntypedBuffer;
use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::{PyBufferError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBool, PyBytes, PyDict, PyList, PyString, PyTuple};
use rivven_client::Properties;

use crate::error;

/// A value or a key: any contiguous buffer, or a text that stands for its UTF-8.
pub(crate) enum Payload {
    Text(PyBackedStr),
    Bytes(PyBackedBytes),
    Buffer(PyUntypedBuffer),
}

impl<'py> FromPyObject<'_, 'py> for Payload {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Payload::Bytes(bytes.to_owned().into()));
        }
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
            Payload::Bytes(bytes) => bytes,
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
    /// Does something with the records.
    pub(crate) fn with<T>(&self, with: impl FnOnce(&[crate::borrowed::Record<'_>]) -> T) -> T {
        let records: Vec<_> =
            self.0.iter().map(|(key, value)| (key.as_ref().map(AsRef::as_ref), value.as_ref())).collect();
        with(&records)
    }

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

macro_rules! numbers {
    ($( $name:ident($type:ty) is $argument:literal; )+) => {
        $(
            #[doc = concat!("The argument `", $argument, "`, a whole number.")]
            #[derive(Clone, Copy)]
            pub(crate) struct $name(pub(crate) $type);

            impl<'py> FromPyObject<'_, 'py> for $name {
                type Error = PyErr;

                fn extract(number: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
                    let (least, most) = (i128::from(<$type>::MIN), i128::from(<$type>::MAX));
                    number.extract().map($name).map_err(|failure| of_range(failure, &number, $argument, least, most))
                }
            }
        )+
    };
}

numbers! {
    Partition(u32) is "partition";
    Partitions(u32) is "partitions";
    NewTotal(u32) is "new_total";
    Offset(u64) is "offset";
    BeforeOffset(u64) is "before_offset";
    NextOffset(i64) is "offset";
    Timestamp(i64) is "timestamp";
    TimestampMs(i64) is "timestamp_ms";
    MaxMessages(u32) is "max_messages";
    IsolationLevel(u8) is "isolation_level";
    Generation(u32) is "generation";
    SchemaId(u32) is "id";
    SchemaVersion(u32) is "version";
    QuotaValue(u64) is "quota_value";
    PreviousProducerId(u64) is "previous_producer_id";
    TimeoutMs(u64) is "timeout_ms";
}

/// The exception for what is no number, or one that the argument does not take.
fn of_range(failure: PyErr, number: &Bound<'_, PyAny>, argument: &str, least: i128, most: i128) -> PyErr {
    if !failure.is_instance_of::<PyOverflowError>(number.py()) {
        return failure;
    }
    let given = number.str().map_or_else(|_| "a huge number".to_owned(), |text| text.to_string());
    PyOverflowError::new_err(format!("{argument} is {given}, but has to be between {least} and {most}"))
}

/// The group of a call, which may be given by either name.
pub(crate) fn group<'a>(group: Option<&'a str>, group_id: Option<&'a str>) -> PyResult<&'a str> {
    match (group, group_id) {
        (Some(_), Some(_)) => Err(PyTypeError::new_err("group_id is another name of group: leave out one of them")),
        (group, group_id) => given(group.or(group_id), "group"),
    }
}

/// An argument that has to be given, though the one before it may be left out.
pub(crate) fn given<T>(argument: Option<T>, name: &str) -> PyResult<T> {
    argument.ok_or_else(|| PyTypeError::new_err(format!("missing required argument: '{name}'")))
}

/// What any iterable gives but a text, which would be taken letter by letter.
pub(crate) struct Each<T>(pub(crate) Vec<T>);

impl<'py, T: FromPyObjectOwned<'py>> FromPyObject<'_, 'py> for Each<T> {
    type Error = PyErr;

    fn extract(items: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if items.is_instance_of::<PyString>() || items.is_instance_of::<PyBytes>() {
            return Err(PyTypeError::new_err("a list is wanted, not a single text"));
        }
        items.try_iter()?.map(|item| item?.extract().map_err(Into::into)).collect::<PyResult<_>>().map(Each)
    }
}

/// Pairs: of a mapping, or of any iterable of tuples.
pub(crate) struct Pairs<T>(pub(crate) Vec<T>);

impl<'py, T: FromPyObjectOwned<'py>> FromPyObject<'_, 'py> for Pairs<T> {
    type Error = PyErr;

    fn extract(pairs: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let Each(pairs) = match pairs.getattr_opt("items")? {
            Some(items) => items.call0()?.extract()?,
            None => pairs.extract()?,
        };
        Ok(Pairs(pairs))
    }
}

/// The value of a setting of a topic; None stands for the default.
pub(crate) struct Setting(pub(crate) Option<String>);

impl<'py> FromPyObject<'_, 'py> for Setting {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let value = (!value.is_none()).then(|| text(&value)).transpose()?;
        Ok(Setting(value))
    }
}

/// Settings of a topic, as many or as a key whose value comes as the next argument.
pub(crate) enum Settings {
    Key(String),
    Many(Vec<(String, Setting)>),
}

impl<'py> FromPyObject<'_, 'py> for Settings {
    type Error = PyErr;

    fn extract(settings: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if settings.is_instance_of::<PyString>() {
            return settings.extract().map(Settings::Key);
        }
        settings.extract().map(|Pairs(settings)| Settings::Many(settings))
    }
}

impl Settings {
    /// The keys with their values; `value` is given for a single key and only for one.
    pub(crate) fn with_value(self, value: Option<Setting>) -> PyResult<Vec<(String, Setting)>> {
        match (self, value) {
            (Settings::Key(key), Some(value)) => Ok(vec![(key, value)]),
            (Settings::Many(settings), None) => Ok(settings),
            (Settings::Key(key), None) => Err(PyTypeError::new_err(format!(
                "the value of {key} is missing: pass it, or None to take the default back"
            ))),
            (Settings::Many(_), Some(_)) => {
                Err(PyTypeError::new_err("a value is for a single key: leave it out, as the settings have theirs"))
            }
        }
    }
}

/// A topic, or many of them.
pub(crate) enum Topics<'py> {
    One(Bound<'py, PyString>),
    Many(Vec<PyBackedStr>),
}

impl<'py> FromPyObject<'_, 'py> for Topics<'py> {
    type Error = PyErr;

    fn extract(topics: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(topic) = topics.cast::<PyString>() {
            return Ok(Topics::One(topic.to_owned()));
        }
        topics.extract().map(|Each(topics)| Topics::Many(topics))
    }
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

impl Seconds {
    /// The time in whole milliseconds, as the broker takes it.
    pub(crate) fn milliseconds(&self, argument: &str) -> PyResult<u32> {
        u32::try_from(self.0.as_millis())
            .map_err(|_| PyOverflowError::new_err(format!("{argument} has to be less than {} ms", u32::MAX)))
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
    if config.is_some_and(|config| config.contains(SERVERS).unwrap_or(false)) {
        return Err(PyTypeError::new_err("the servers are given by the argument address: leave out bootstrap_servers"));
    }
    let mut properties = configured(py, config)?;
    set(py, &mut properties, SERVERS, address)?;
    Ok(properties)
}

/// The configuration that keywords make.
pub(crate) fn configured(py: Python<'_>, config: Option<&Bound<'_, PyDict>>) -> PyResult<Properties> {
    let mut properties = Properties::new();
    configure(py, &mut properties, config)?;
    Ok(properties)
}

/// Sets what keywords say; None stands for the default.
pub(crate) fn configure(
    py: Python<'_>,
    properties: &mut Properties,
    config: Option<&Bound<'_, PyDict>>,
) -> PyResult<()> {
    for (name, value) in config.into_iter().flatten() {
        if !value.is_none() {
            set(py, properties, &name.extract::<PyBackedStr>()?, &value)?;
        }
    }
    Ok(())
}

/// Sets one key of a configuration.
pub(crate) fn set(py: Python<'_>, properties: &mut Properties, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let text = text(value)?;
    properties.set(name, &text).map(drop).map_err(|error| error::plain(py, &error))
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
