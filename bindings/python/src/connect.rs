//! The functions of the module.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments::properties;
use crate::client::{BlockingClient, Handle, RivvenClient, Style};
use crate::inbox::Then;
use crate::operations::Operations;

/// Connects to a Rivven broker; awaiting the result gives a RivvenClient.
///
/// `address` is one "host:port" or a list of them; the first server that
/// answers is used. Keywords are configuration keys with underscores, such as
/// `request_timeout_ms=5000`; a key that is None has its default.
///
/// It waits for a first ready connection, for each server as long as
/// `connection_timeout_ms` (default 10000). Raises ConfigException for an
/// unknown key or a value that it does not take, ConnectionException or
/// TimeoutException if no server can be used.
#[pyfunction]
#[pyo3(signature = (address, **config))]
pub(crate) fn connect<'py>(
    py: Python<'py>,
    address: &Bound<'py, PyAny>,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let handle = Handle::new(py, &properties(py, address, config)?, Style::Asyncio)?;
    let base = PyClassInitializer::from(Operations::new(handle));
    let client = Bound::new(py, base.add_subclass(RivvenClient))?;
    let handle = client.as_super().get().handle();
    let then = Then::GiveObject(client.clone().into_any().unbind());
    handle.submit(py, then, |queue, token| handle.client().submit_connect(queue, token))
}

/// Connects to a Rivven broker and gives a blocking Client.
///
/// `address` is one "host:port" or a list of them; the first server that
/// answers is used. Keywords are configuration keys with underscores, such as
/// `request_timeout_ms=5000`; a key that is None has its default.
///
/// It waits for a first ready connection, for each server as long as
/// `connection_timeout_ms` (default 10000). Raises ConfigException for an
/// unknown key or a value that it does not take, ConnectionException or
/// TimeoutException if no server can be used.
#[pyfunction]
#[pyo3(signature = (address, **config))]
pub(crate) fn connect_blocking<'py>(
    py: Python<'py>,
    address: &Bound<'py, PyAny>,
    config: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, BlockingClient>> {
    let handle = Handle::new(py, &properties(py, address, config)?, Style::Blocking)?;
    handle.wait(py, handle.client().connect())?;
    Bound::new(py, PyClassInitializer::from(Operations::new(handle)).add_subclass(BlockingClient))
}

/// Gives the version of the package, such as "0.2.0".
#[pyfunction]
pub(crate) fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
