//! Waiting for an answer on the thread that asked.

use std::time::Duration;

use pyo3::prelude::*;
use rivven_bridge::Call;
use rivven_client::Result;

/// How long a thread waits before it looks for signals such as Ctrl-C.
pub(crate) const SLICE: Duration = Duration::from_millis(100);

/// Waits without the GIL; a signal handler that raises ends the wait.
pub(crate) fn wait<T: Send>(py: Python<'_>, call: &Call<T>) -> PyResult<Result<T>> {
    loop {
        if let Some(result) = py.detach(|| call.wait_for(SLICE)) {
            return Ok(result);
        }
        py.check_signals()?;
    }
}
