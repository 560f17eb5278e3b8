//! From answers to Python objects.

use pyo3::exceptions::PyNotImplementedError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyString, PyType};
use rivven_bridge::Answer;
use rivven_client::ops::{MessageBatch, Published};

use crate::message::Message;

/// The object that a call gives; `topic` is the topic that it was about, if any.
pub(crate) fn to_python<'py>(
    py: Python<'py>,
    answer: Answer,
    topic: Option<&Bound<'py, PyString>>,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(match answer {
        Answer::Done => py.None().into_bound(py),
        Answer::Published(published) => metadata(py, published, topic)?,
        Answer::PublishedBatch(batch) => {
            (batch.base_offset, batch.partition, batch.record_count).into_pyobject(py)?.into_any()
        }
        Answer::Messages(batch) => messages(py, &batch, topic)?,
        Answer::Number(count) => count.into_pyobject(py)?.into_any(),
        Answer::Names(names) => names.into_pyobject(py)?,
        Answer::TopicMetadata(metadata) => metadata.into_pyobject(py)?.into_any(),
        Answer::OffsetBounds(bounds) => bounds.into_pyobject(py)?.into_any(),
        Answer::Session(session) => (session.session_id, session.expires_in).into_pyobject(py)?.into_any(),
        other => return Err(PyNotImplementedError::new_err(format!("no Python form of {other:?}"))),
    })
}

fn metadata<'py>(
    py: Python<'py>,
    published: Published,
    topic: Option<&Bound<'py, PyString>>,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.import(py, "rivven._records", "RecordMetadata")?;
    class.call1((published.offset, topic, published.partition))
}

fn messages<'py>(
    py: Python<'py>,
    batch: &MessageBatch,
    topic: Option<&Bound<'py, PyString>>,
) -> PyResult<Bound<'py, PyAny>> {
    let topic = topic.unwrap_or(intern!(py, ""));
    let messages: Vec<_> =
        batch.iter().map(|record| Bound::new(py, Message::from_record(py, record, topic))).collect::<PyResult<_>>()?;
    Ok(PyList::new(py, messages)?.into_any())
}
