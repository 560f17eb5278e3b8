//! The functions of the module.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::arguments::properties;
use crate::client::{BlockingClient, Handle, RivvenClient, Style};
use crate::inbox::Then;
use crate::operations::Operations;

/// Connects to a Rivven broker; awaiting the result gives a RivvenClient.
///
/// `async with rivven.connect(...) as client:` works as well, with or without
/// an await of its own. `address` is one "host:port" or a list of them; the
/// first server that answers is used. Keywords are configuration keys with
/// underscores, such as `request_timeout_ms=5000`; a key that is None has its
/// default.
///
/// It waits for a first ready connection, for each server as long as
/// `connection_timeout_ms` (default 10000). Raises ConfigException for an
/// unknown key or a value that it does not take, ConnectionException or
/// TimeoutException if no server can be used.
#[pyfunction]
#[pyo3(signature = (address, **config))]
pub(crate) fn connect(
    py: Python<'_>,
    address: &Bound<'_, PyAny>,
    config: Option<&Bound<'_, PyDict>>,
) -> PyResult<Connecting> {
    let handle = Handle::new(py, &properties(py, address, config)?, Style::Asyncio)?;
    let client = Bound::new(py, Operations::of(handle).add_subclass(RivvenClient))?;
    let handle = client.as_super().get().handle();
    let then = Then::GiveObject(client.clone().into_any().unbind());
    let future = handle.submit(py, then, |queue, token| handle.client().submit_connect(queue, token))?;
    Ok(Connecting { future: future.unbind(), client: client.unbind() })
}

/// A client that connects, as `rivven.connect(...)` gives it: await it, or use it with `async with`.
///
/// It has the methods of the future that it stands for.
#[pyclass(frozen, module = "rivven._rivven", name = "_Connecting")]
pub(crate) struct Connecting {
    future: Py<PyAny>,
    client: Py<RivvenClient>,
}

#[pymethods]
impl Connecting {
    fn __await__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.future.bind(py).call_method0("__await__")
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.__await__(py)
    }

    /// All else that a future has.
    fn __getattr__<'py>(&self, py: Python<'py>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        self.future.bind(py).getattr(name)
    }

    fn __aenter__<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.future.bind(py).clone()
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__<'py>(&self, py: Python<'py>, _exception: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        self.client.bind(py).as_super().get().close(py, None)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.future)?;
        visit.call(&self.client)
    }
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
    Bound::new(py, Operations::of(handle).add_subclass(BlockingClient))
}

/// Gives the version of the package, such as "0.2.0".
#[pyfunction]
pub(crate) fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
