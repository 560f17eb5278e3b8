//! Events
//!
//!     for (size_t i = 0; i < rivven_events_len(events); i++) {
//!         if (rivven_events_kind(events, i) != RIVVEN_EVENT_KIND_DELIVERIES) continue;
//!         const uint64_t *opaques = rivven_events_opaques(events, i);
//!         for (size_t record = 0; record < rivven_events_count(events, i); record++) {
//!             done(opaques[record], rivven_events_result(events, i, record, NULL, NULL));
//!         }
//!     }
//!     rivven_events_free(events);

use std::ffi::{CString, c_char};
use std::ptr;
use std::time::UNIX_EPOCH;

use rivven_bridge::{LogLevel, LogRecord};
use rivven_client::{DeliveryReport, RecordMetadata};

use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque};
use crate::input::{invalid, store};
use crate::record_metadata::RIVVEN_OFFSET_UNKNOWN;
use crate::state_changes::Change;

/// What an event is about; later releases add some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum rivven_event_kind {
    /// There is no event of that index.
    None = 0,
    /// What became of the records of one batch of a producer.
    Deliveries = 1,
    /// A line of the library's log.
    Log = 2,
    /// A server does not work any more, or still does not after another attempt.
    ServerDegraded = 3,
    /// A server works again.
    ServerRecovered = 4,
    /// Changes of servers that the program took too late.
    StateChangesMissed = 5,
}

/// How important a line of the log is. As what a queue subscribes to it includes those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum rivven_log_level {
    /// Nothing; no line has this level.
    Off = 0,
    /// Something failed that nobody else is told of.
    Error = 1,
    /// Something failed that the library tries to make good.
    Warn = 2,
    /// A change worth knowing in normal operation.
    Info = 3,
    /// Connections and logins as they come and go.
    Debug = 4,
    /// Everything.
    Trace = 5,
}

impl From<LogLevel> for rivven_log_level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => rivven_log_level::Off,
            LogLevel::Error => rivven_log_level::Error,
            LogLevel::Warn => rivven_log_level::Warn,
            LogLevel::Info => rivven_log_level::Info,
            LogLevel::Debug => rivven_log_level::Debug,
            LogLevel::Trace => rivven_log_level::Trace,
        }
    }
}

/// What a queue had to tell, in its order.
///
/// It belongs to the caller, who frees it with `rivven_events_free`, and lives
/// independently of the queue and the producers. It never changes, so it may
/// be read from any thread. A callback is lent one for the time of the call.
pub struct rivven_events_t {
    _opaque: [u8; 0],
}

/// One thing that happened, in the form that C reads.
pub(crate) enum Event {
    Deliveries(Deliveries),
    Log(Line),
    Change(Change),
}

/// The report of a batch.
pub(crate) struct Deliveries {
    topic: CString,
    first: Option<RecordMetadata>,
    report: DeliveryReport,
}

/// A line of the log.
pub(crate) struct Line {
    level: rivven_log_level,
    target: CString,
    message: CString,
    time_ms: i64,
}

impl From<DeliveryReport> for Event {
    fn from(report: DeliveryReport) -> Self {
        let topic = c_string(report.topic().to_string());
        Event::Deliveries(Deliveries { topic, first: report.first(), report })
    }
}

impl From<LogRecord> for Event {
    fn from(record: LogRecord) -> Self {
        let since = record.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Event::Log(Line {
            level: record.level.into(),
            target: c_string(record.target.to_owned()),
            message: c_string(record.message),
            time_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        })
    }
}

impl Opaque for rivven_events_t {
    type Value = Vec<Event>;
    const MARKER: u64 = 0x7269_765f_6576_656e;
    const NAME: (&'static str, &'static str) = ("list of events", "rivven_queue_poll");
}

/// Reads the report of a batch; `otherwise` is what stands for none.
unsafe fn deliveries<T>(
    events: *const rivven_events_t,
    index: usize,
    otherwise: T,
    look: impl FnOnce(&Deliveries) -> Option<T>,
) -> T {
    let look = |events: &Vec<Event>| match events.get(index)? {
        Event::Deliveries(deliveries) => look(deliveries),
        _ => None,
    };
    // SAFETY: the caller gives NULL or events.
    unsafe { read(events, otherwise, look) }
}

/// Reads a line of the log; `otherwise` is what stands for none.
unsafe fn line<T>(events: *const rivven_events_t, index: usize, otherwise: T, look: impl FnOnce(&Line) -> T) -> T {
    let look = |events: &Vec<Event>| match events.get(index)? {
        Event::Log(line) => Some(look(line)),
        _ => None,
    };
    // SAFETY: the caller gives NULL or events.
    unsafe { read(events, otherwise, look) }
}

/// Reads where a record went; `otherwise` stands for one that was not delivered, and for none.
unsafe fn delivered<T>(
    events: *const rivven_events_t,
    index: usize,
    record: usize,
    otherwise: T,
    look: impl FnOnce(RecordMetadata) -> T,
) -> T {
    // SAFETY: the caller gives NULL or events.
    unsafe { deliveries(events, index, otherwise, |deliveries| deliveries.report.result(record).ok().map(look)) }
}

/// Gives the number of events; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_len(events: *const rivven_events_t) -> usize {
    // SAFETY: the caller gives NULL or events.
    unsafe { read(events, 0, |events| Some(events.len())) }
}

/// Gives what an event is about, which tells the functions that read it.
///
/// Kinds that a program does not know it passes over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_kind(events: *const rivven_events_t, index: usize) -> rivven_event_kind {
    let kind = |events: &Vec<Event>| match events.get(index)? {
        Event::Deliveries(_) => Some(rivven_event_kind::Deliveries),
        Event::Log(_) => Some(rivven_event_kind::Log),
        Event::Change(change) => Some(change.kind),
    };
    // SAFETY: the caller gives NULL or events.
    unsafe { read(events, rivven_event_kind::None, kind) }
}

/// Deliveries: gives the topic; NULL for other events. It lives as long as the events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_topic(events: *const rivven_events_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or events.
    unsafe { deliveries(events, index, ptr::null(), |deliveries| Some(deliveries.topic.as_ptr())) }
}

/// Deliveries: gives the partition; -1 if records failed before it was known, and for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_partition(events: *const rivven_events_t, index: usize) -> i64 {
    // SAFETY: the caller gives NULL or events.
    unsafe { deliveries(events, index, -1, |deliveries| deliveries.report.partition().map(i64::from)) }
}

/// Deliveries: gives the number of records, at least one; 0 for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_count(events: *const rivven_events_t, index: usize) -> usize {
    // SAFETY: the caller gives NULL or events.
    unsafe { deliveries(events, index, 0, |deliveries| Some(deliveries.report.len())) }
}

/// Deliveries: gives the opaque of each record, in the order of the records.
///
/// There are `rivven_events_count` of them, which live as long as the events.
/// NULL for other events. A record of `rivven_producer_send` has the opaque 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_opaques(events: *const rivven_events_t, index: usize) -> *const u64 {
    // SAFETY: the caller gives NULL or events.
    unsafe { deliveries(events, index, ptr::null(), |deliveries| Some(deliveries.report.tags().as_ptr())) }
}

/// Deliveries: gives the offset of the first record, if every record was delivered.
///
/// Those of the others follow it one by one. `RIVVEN_OFFSET_UNKNOWN` if records
/// failed, where no answer was waited for (`acks` of 0), and for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_first_offset(events: *const rivven_events_t, index: usize) -> u64 {
    let offset = |deliveries: &Deliveries| deliveries.first.as_ref().map(|first| first.offset);
    // SAFETY: the caller gives NULL or events.
    unsafe { deliveries(events, index, RIVVEN_OFFSET_UNKNOWN, offset) }
}

/// Deliveries: gives what became of one record: `RIVVEN_CODE_OK` if it was delivered.
///
/// Its offset goes to `*offset` then, `RIVVEN_OFFSET_UNKNOWN` where no answer
/// was waited for; `offset` may be NULL. Otherwise the function fails with what
/// kept the record from being delivered, and `rivven_error_outcome` tells
/// whether the broker may have it all the same. A `record` that is not below
/// `rivven_events_count` is `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_result(
    events: *const rivven_events_t,
    index: usize,
    record: usize,
    offset: *mut u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives events, and room for the outputs.
    unsafe {
        fallible(error, || {
            let Some(Event::Deliveries(deliveries)) = handle::borrow(events)?.get(index) else {
                return Err(invalid(format!("event {index} is not about deliveries: look at its kind")));
            };
            store(offset, deliveries.report.result(record)?.offset);
            Ok(())
        })
    }
}

/// Deliveries: tells whether the broker recognised a record as one that it had already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_is_duplicate(
    events: *const rivven_events_t,
    index: usize,
    record: usize,
) -> bool {
    // SAFETY: the caller gives NULL or events.
    unsafe { delivered(events, index, record, false, |metadata| metadata.duplicate) }
}

/// Deliveries: tells whether an earlier attempt may have written a record, too.
///
/// As `rivven_record_metadata_is_maybe_duplicate`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_is_maybe_duplicate(
    events: *const rivven_events_t,
    index: usize,
    record: usize,
) -> bool {
    // SAFETY: the caller gives NULL or events.
    unsafe { delivered(events, index, record, false, |metadata| metadata.maybe_duplicate) }
}

/// Deliveries: tells whether the offset of a record is its own for certain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_is_offset_exact(
    events: *const rivven_events_t,
    index: usize,
    record: usize,
) -> bool {
    // SAFETY: the caller gives NULL or events.
    unsafe { delivered(events, index, record, false, |metadata| metadata.offset_exact) }
}

/// Gives when an event happened, in milliseconds since 1970 by the clock of this machine.
///
/// For deliveries it is when the answer came, and 0 where records failed; for
/// a degraded server it is since when it does not work. 0 for the other changes
/// of servers, and if there is no event of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_timestamp_ms(events: *const rivven_events_t, index: usize) -> i64 {
    let time = |events: &Vec<Event>| match events.get(index)? {
        Event::Deliveries(deliveries) => deliveries.first.as_ref().map(|first| first.timestamp),
        Event::Log(line) => Some(line.time_ms),
        Event::Change(change) => Some(change.since_ms),
    };
    // SAFETY: the caller gives NULL or events.
    unsafe { read(events, 0, time) }
}

/// Log: gives the level; `RIVVEN_LOG_LEVEL_OFF` for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_log_level(events: *const rivven_events_t, index: usize) -> rivven_log_level {
    // SAFETY: the caller gives NULL or events.
    unsafe { line(events, index, rivven_log_level::Off, |line| line.level) }
}

/// Log: gives the part of the library that says it; NULL for other events.
///
/// It lives as long as the events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_log_target(events: *const rivven_events_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or events.
    unsafe { line(events, index, ptr::null(), |line| line.target.as_ptr()) }
}

/// Log: gives what happened, with the facts behind it as ` key=value`; NULL for other events.
///
/// UTF-8, without secrets or records. It lives as long as the events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_log_message(events: *const rivven_events_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or events.
    unsafe { line(events, index, ptr::null(), |line| line.message.as_ptr()) }
}

/// Frees events and what they gave; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_free(events: *mut rivven_events_t) {
    // SAFETY: the caller gives NULL or events that are not used any more.
    silent(|| unsafe { handle::release(events) });
}
