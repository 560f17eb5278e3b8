//! The native half of a listener to the log.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use napi::bindgen_prelude::Function;
use napi_derive::napi;
use rivven_bridge::{LogLevel, LogQueue, LogRecord, Signal};

use crate::wake::Wake;

/// A queue of log records; none once it is closed.
#[napi]
pub(crate) struct NativeLog {
    queue: RefCell<Option<Arc<LogQueue>>>,
}

/// One line of the log; `time` in milliseconds since 1970.
#[napi(object, object_from_js = false)]
pub(crate) struct Line {
    /// How important it is.
    pub level: &'static str,
    /// The part of the client that says it.
    pub target: &'static str,
    /// What happened.
    pub message: String,
    /// When.
    pub time: f64,
}

impl From<LogRecord> for Line {
    fn from(record: LogRecord) -> Self {
        let time = record.time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0;
        Line { level: record.level.name(), target: record.target, message: record.message, time }
    }
}

/// Gives the names of the levels, from nothing to everything.
#[napi]
pub(crate) fn log_levels() -> Vec<&'static str> {
    LogLevel::ALL.map(LogLevel::name).to_vec()
}

/// Begins to listen; `wake` is called on the event loop when there are records. An unknown level is nothing.
#[napi]
pub(crate) fn open_log(level: String, wake: Function<'_, (), ()>) -> napi::Result<NativeLog> {
    let level = LogLevel::ALL.into_iter().find(|known| known.name() == level).unwrap_or(LogLevel::Off);
    let queue = LogQueue::open(level, Signal::Call(Box::new(Wake::new(&wake)?.signal())));
    Ok(NativeLog { queue: RefCell::new(Some(queue)) })
}

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeLog {
    /// Takes every record that has come.
    #[napi(catch_unwind)]
    pub fn drain(&self) -> Vec<Line> {
        let records = self.queue.borrow().as_ref().map(|queue| queue.drain());
        records.unwrap_or_default().into_iter().map(Line::from).collect()
    }

    /// Ends the listening and lets the function go.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.queue.take();
    }
}
