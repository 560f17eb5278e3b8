//! The core's log for the thread that hands it to Python's `logging`.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use pyo3::prelude::*;
use rivven_bridge::{LogLevel, LogRecord, Signal};

/// How long a wait may be; it begins anew, so that no length is the right one.
const LONG: Duration = Duration::from_secs(3600);

/// The records of the core's log, for one thread that takes them.
#[pyclass(frozen, name = "_LogQueue", module = "rivven._rivven")]
pub(crate) struct LogQueue(Arc<rivven_bridge::LogQueue>);

/// Level, part of the client, message, and seconds since 1970.
type Line = (u8, &'static str, String, f64);

#[pymethods]
impl LogQueue {
    /// Listens to a level, by its number from 0 (off) to 5 (trace), and what is more important.
    #[new]
    fn new(level: usize) -> Self {
        LogQueue(rivven_bridge::LogQueue::open(self::level(level), Signal::Call(Box::new(|| ()))))
    }

    /// Listens to another level from now on.
    fn set_level(&self, level: usize) {
        self.0.set_level(self::level(level));
    }

    /// Waits for records, without the GIL, and gives them; None once the queue is closed and empty.
    fn wait(&self, py: Python<'_>) -> Option<Vec<Line>> {
        py.detach(|| {
            while self.0.wait(LONG) {
                let records = self.0.drain();
                if !records.is_empty() {
                    return Some(records.into_iter().map(line).collect());
                }
            }
            None
        })
    }

    /// Ends the listening and the wait.
    fn close(&self) {
        self.0.close();
    }
}

fn level(number: usize) -> LogLevel {
    LogLevel::ALL.get(number).copied().unwrap_or(LogLevel::Trace)
}

fn line(record: LogRecord) -> Line {
    let time = record.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    (record.level as u8, record.target, record.message, time)
}
