//! From the core's errors to exceptions.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyModule;
use rivven_client::{Error, ErrorCode};

/// The exception class of every code: the one table of it.
///
/// Whatever a broker answers is a `ServerException`, even where the client
/// knows the answer before it asks. A connection that was closed by its owner
/// or belongs to the parent process is no `ConnectionException`, since trying
/// again does not help.
fn class_of(code: ErrorCode) -> &'static str {
    use ErrorCode as C;
    match code {
        C::ConnectionFailed
        | C::ConnectionLost
        | C::ResolveFailed
        | C::ResponseTooLarge
        | C::MalformedResponse
        | C::UnexpectedResponse
        | C::IncompatibleVersion
        | C::TlsFailed
        | C::AllServersUnavailable
        | C::CircuitBreakerOpen
        | C::PoolExhausted
        | C::Io => "ConnectionException",
        C::TimedOut => "TimeoutException",
        C::InvalidConfig | C::AuthenticationRequiresTls => "ConfigException",
        C::Serialization | C::RequestTooLarge => "SerializationException",
        C::AuthenticationFailed => "ServerException",
        code if code.value() >= C::ServerOther.value() => "ServerException",
        _ => "RivvenException",
    }
}

/// The exception for an error whose text is `message`.
pub(crate) fn exception(py: Python<'_>, error: &Error, message: &str) -> PyErr {
    match build(py, error, message) {
        Ok(exception) => PyErr::from_value(exception),
        Err(failure) => failure,
    }
}

/// The exception for an error that no client has to explain.
pub(crate) fn plain(py: Python<'_>, error: &Error) -> PyErr {
    exception(py, error, &error.to_string())
}

/// Makes the exception without its constructor, which is Python.
///
/// A daemon thread that runs Python code when the interpreter ends is ended
/// there and then, up to 3.13, and that cannot pass through the frames of Rust:
/// the process would be aborted.
fn build<'py>(py: Python<'py>, error: &Error, message: &str) -> PyResult<Bound<'py, PyAny>> {
    let class = classes(py)?.getattr(class_of(error.code()))?;
    let exception = class.call_method1(intern!(py, "__new__"), (&class,))?;
    exception.setattr(intern!(py, "args"), (message,))?;
    exception.setattr(intern!(py, "code"), error.code().name())?;
    exception.setattr(intern!(py, "retriable"), error.is_retriable())?;
    exception.setattr(intern!(py, "fatal"), error.is_fatal())?;
    exception.setattr(intern!(py, "abortable"), error.is_abortable())?;
    exception.setattr(intern!(py, "outcome"), error.outcome().name())?;
    exception.setattr(intern!(py, "address"), error.address())?;
    exception.setattr(intern!(py, "registry_code"), error.registry_code())?;
    Ok(exception)
}

/// The module in which the exception classes are written.
fn classes(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    Ok(MODULE.get_or_try_init(py, || py.import("rivven._errors").map(Bound::unbind))?.bind(py))
}
