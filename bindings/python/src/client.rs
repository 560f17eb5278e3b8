//! The client classes, asyncio and blocking.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use rivven_bridge::{Answer, Ask, Call, Client, Queue};
use rivven_client::{AuthConfig, AuthMechanism, Error, Properties, Result};

use crate::answer::Form;
use crate::inbox::{Inboxes, Owner, Then, running_loop};
use crate::operations::Operations;
use crate::wait::wait;
use crate::{answer, error};

/// A client, and the event loops that wait for its answers.
pub(crate) struct Shared {
    pub(crate) bridge: Client,
    pub(crate) inboxes: Inboxes,
}

impl Owner for Shared {
    fn inboxes(&self) -> &Inboxes {
        &self.inboxes
    }

    fn is_closed(&self) -> Result<bool> {
        self.bridge.is_closed()
    }

    fn explain(&self, error: &Error) -> String {
        self.bridge.explain(error)
    }
}

impl Shared {
    /// The result with its error as an exception.
    pub(crate) fn raising<T>(&self, py: Python<'_>, result: Result<T>) -> PyResult<T> {
        (self as &dyn Owner).raising(py, result)
    }
}

impl Drop for Shared {
    /// A stream of state changes may have used the client after its handle was gone.
    fn drop(&mut self) {
        self.inboxes.retire();
    }
}

/// A handle of a client; dropping it lets the client go.
pub(crate) struct Handle {
    shared: Arc<Shared>,
    style: Style,
    remembered: Arc<Remembered>,
}

/// The configuration with the last login, which the client's producers have too.
pub(crate) struct Remembered(Mutex<Properties>);

impl Remembered {
    fn lock(&self) -> MutexGuard<'_, Properties> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same configuration with another login.
    fn with(&self, auth: &AuthConfig) -> Result<Properties> {
        let mechanism = match auth.mechanism {
            AuthMechanism::Plain => "plain",
            _ => "scram-sha-256",
        };
        let mut properties = self.lock().clone();
        properties.set("auth.username", &auth.username)?.set("auth.password", &auth.password)?;
        properties.set("auth.mechanism", mechanism)?;
        Ok(properties)
    }

    /// Remembers a configuration whose login was good.
    pub(crate) fn replace(&self, properties: &Properties) {
        *self.lock() = properties.clone();
    }
}

/// How calls give their answers.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    /// By a future of the running event loop.
    Asyncio,
    /// The calling thread waits.
    Blocking,
}

impl Handle {
    /// Makes a client that is not yet connected.
    pub(crate) fn new(py: Python<'_>, properties: &Properties, style: Style) -> PyResult<Self> {
        listen_to_the_log(py)?;
        let bridge = Client::new(properties).map_err(|error| error::plain(py, &error))?;
        let shared = Arc::new(Shared { bridge, inboxes: Inboxes::default() });
        Ok(Handle { shared, style, remembered: Arc::new(Remembered(Mutex::new(properties.clone()))) })
    }

    /// The configuration of what is made by this client.
    pub(crate) fn properties(&self) -> Properties {
        self.remembered.lock().clone()
    }

    /// How calls give their answers.
    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// The client itself.
    pub(crate) fn client(&self) -> &Client {
        &self.shared.bridge
    }

    /// The client, and what waits for its answers.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Calls an operation, whose answer the caller gets in a form.
    pub(crate) fn call<'py, O>(&self, py: Python<'py>, operation: &O, form: Form) -> PyResult<Bound<'py, PyAny>>
    where
        O: Ask,
        Answer: From<O::Output>,
    {
        match self.style {
            Style::Asyncio => {
                self.submit(py, Then::Give(form), |queue, token| self.client().submit(operation, queue, token))
            }
            Style::Blocking => {
                let answer = self.wait(py, self.client().start(operation))?;
                answer::to_python(py, &*self.shared, answer.into(), &form)
            }
        }
    }

    /// Logs in, on the connection in use and on every later one, those of later producers included.
    pub(crate) fn log_in<'py>(&self, py: Python<'py>, auth: &AuthConfig) -> PyResult<Bound<'py, PyAny>> {
        let properties = self.remembered.with(auth).map_err(|error| error::plain(py, &error))?;
        match self.style {
            Style::Asyncio => {
                let then = Then::Remember(Arc::clone(&self.remembered), properties);
                self.submit(py, then, |queue, token| self.client().submit_log_in(auth, queue, token))
            }
            Style::Blocking => {
                let session = self.wait(py, self.client().log_in(auth))?;
                self.remembered.replace(&properties);
                answer::to_python(py, &*self.shared, session.into(), &Form::Plain)
            }
        }
    }

    /// Begins something whose answer goes to a future of the running event loop.
    pub(crate) fn submit<'py>(
        &self,
        py: Python<'py>,
        then: Then,
        begin: impl FnOnce(&Arc<Queue>, u64) -> Result<()>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let owner: Arc<dyn Owner> = self.shared.clone();
        self.shared.inboxes.call(py, &owner, then, begin)
    }

    /// Waits for the answer to what was begun.
    pub(crate) fn wait<T: Send>(&self, py: Python<'_>, begun: Result<Call<T>>) -> PyResult<T> {
        let call = self.shared.raising(py, begun)?;
        let result = wait(py, &call)?;
        self.shared.raising(py, result)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.inboxes.retire();
    }
}

/// Has the core's log go to Python's `logging`, as far as the logger `rivven` wants it.
pub(crate) fn listen_to_the_log(py: Python<'_>) -> PyResult<()> {
    static FOLLOW: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    FOLLOW.import(py, "rivven._log", "follow")?.call0().map(drop)
}

/// A client for asyncio, as `await rivven.connect(...)` gives it.
///
/// Each method returns a future of the running event loop at once; await it,
/// or hand many to `asyncio.gather`. Cancelling a future gives up the wait,
/// not the operation. One client serves many tasks, and event loops in several
/// threads. Used with `async with` it is closed at the end of the block.
///
/// Failures are RivvenException and its subclasses. In a forked child process
/// every call fails with the code FORKED: connect anew there.
#[pyclass(frozen, extends = Operations, module = "rivven")]
pub(crate) struct RivvenClient;

#[pymethods]
impl RivvenClient {
    #[new]
    #[pyo3(signature = (*_arguments, **_config))]
    fn new(_arguments: &Bound<'_, PyTuple>, _config: Option<&Bound<'_, PyDict>>) -> PyResult<PyClassInitializer<Self>> {
        Err(PyTypeError::new_err("a client is made by `await rivven.connect(address)`, not by its class"))
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let future = running_loop(slf.py())?.call_method0("create_future")?;
        future.call_method1("set_result", (slf,))?;
        Ok(future)
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__<'py>(slf: &Bound<'py, Self>, _exception: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        slf.as_super().get().close(slf.py(), None)
    }
}

/// A client whose calls block, as `rivven.blocking.connect(...)` gives it.
///
/// Each method waits for its answer, without the GIL, and can be interrupted
/// by Ctrl-C, which gives up the wait, not the operation. One client serves
/// many threads. Used with `with` it is closed at the end of the block.
///
/// Failures are RivvenException and its subclasses. In a forked child process
/// every call fails with the code FORKED: connect anew there.
#[pyclass(frozen, extends = Operations, name = "Client", module = "rivven.blocking")]
pub(crate) struct BlockingClient;

#[pymethods]
impl BlockingClient {
    #[new]
    #[pyo3(signature = (*_arguments, **_config))]
    fn new(_arguments: &Bound<'_, PyTuple>, _config: Option<&Bound<'_, PyDict>>) -> PyResult<PyClassInitializer<Self>> {
        Err(PyTypeError::new_err("a client is made by `rivven.blocking.connect(address)`, not by its class"))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__<'py>(slf: &Bound<'py, Self>, _exception: &Bound<'py, PyTuple>) -> PyResult<()> {
        slf.as_super().get().close(slf.py(), None).map(drop)
    }
}
