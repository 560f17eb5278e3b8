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
use std::time::{Duration, UNIX_EPOCH};

use rivven_bridge::{LogLevel, LogRecord};
use rivven_client::{ConsumerEvent, DeliveryReport, Error, RecordMetadata, TopicPartition};

use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque};
use crate::input::{invalid, store};
use crate::partitions::{partitions, rivven_partitions_t};
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
    /// A consumer met offsets without records, from `rivven_events_from` up to `rivven_events_to`.
    ///
    /// The records there were deleted; a single offset may also belong to the end of a transaction.
    Gap = 6,
    /// The broker cannot give the records of a range any more, and a consumer reads on behind it.
    DamagedRange = 7,
    /// The log ends at `rivven_events_to`, below what was to be read, `rivven_events_from`: the broker has lost records.
    LogTruncated = 8,
    /// The record at `rivven_events_from` is larger than the broker can send; polls fail until the program seeks behind it.
    Unreadable = 9,
    /// There are records, and none has come for `rivven_events_duration_ms`.
    Stalled = 10,
    /// The broker withholds records for the sake of a quota, for `rivven_events_duration_ms`.
    Throttled = 11,
    /// Offsets could not be committed in the background; they will be with the next commit.
    CommitFailed = 12,
    /// A consumer has only `rivven_events_count` connections to a broker, which takes no more.
    FewerConnections = 13,
    /// Partitions of subscribed topics were given to a consumer.
    Assigned = 14,
    /// Partitions of subscribed topics were taken away.
    Revoked = 15,
    /// Partitions have gone to other consumers before it could be said.
    Lost = 16,
    /// The program has not polled for longer than `max.processing.interval.ms`.
    PollTooLate = 17,
    /// So many events of a consumer, `rivven_events_count`, came too fast and are not told.
    Missed = 18,
    /// Something else happened to a consumer.
    Other = 19,
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
    Consumer(Happening),
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

/// Something that happened to a consumer; what does not belong to its kind is unset.
pub(crate) struct Happening {
    kind: rivven_event_kind,
    partition: Option<(CString, u32)>,
    from: u64,
    to: u64,
    duration: Duration,
    count: usize,
    reason: Option<(rivven_code, CString)>,
    partitions: Lent,
}

/// A list of partitions that is lent to the program.
struct Lent(*mut rivven_partitions_t);

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: the handle was made for this value alone.
        unsafe { handle::release(self.0) };
    }
}

impl Happening {
    fn new(kind: rivven_event_kind) -> Self {
        Happening {
            kind,
            partition: None,
            from: RIVVEN_OFFSET_UNKNOWN,
            to: RIVVEN_OFFSET_UNKNOWN,
            duration: Duration::ZERO,
            count: 0,
            reason: None,
            partitions: Lent(ptr::null_mut()),
        }
    }

    fn at(kind: rivven_event_kind, partition: TopicPartition) -> Self {
        Happening { partition: Some((c_string(partition.topic), partition.partition)), ..Happening::new(kind) }
    }

    fn range(kind: rivven_event_kind, partition: TopicPartition, from: u64, to: u64) -> Self {
        Happening { from, to, ..Happening::at(kind, partition) }
    }

    fn of(kind: rivven_event_kind, list: &[TopicPartition]) -> Self {
        Happening { count: list.len(), partitions: Lent(partitions(list)), ..Happening::new(kind) }
    }

    fn because(self, error: &Error) -> Self {
        Happening { reason: Some((error.code().into(), c_string(error.to_string()))), ..self }
    }
}

impl From<ConsumerEvent> for Event {
    fn from(event: ConsumerEvent) -> Self {
        use rivven_event_kind as Kind;
        Event::Consumer(match event {
            ConsumerEvent::Gap { partition, from, to } => Happening::range(Kind::Gap, partition, from, to),
            ConsumerEvent::DamagedRange { partition, from, to } => {
                Happening::range(Kind::DamagedRange, partition, from, to)
            }
            ConsumerEvent::LogTruncated { partition, position, latest } => {
                Happening::range(Kind::LogTruncated, partition, position, latest)
            }
            ConsumerEvent::Unreadable { partition, offset } => {
                Happening { from: offset, ..Happening::at(Kind::Unreadable, partition) }
            }
            ConsumerEvent::Stalled { partition, since, reason } => {
                let reason = Some((rivven_code::Ok, c_string(reason)));
                Happening { duration: since, reason, ..Happening::at(Kind::Stalled, partition) }
            }
            ConsumerEvent::Throttled { partition, pause } => {
                Happening { duration: pause, ..Happening::at(Kind::Throttled, partition) }
            }
            ConsumerEvent::CommitFailed { error } => Happening::new(Kind::CommitFailed).because(&error),
            ConsumerEvent::FewerConnections { connections, reason } => {
                Happening { count: connections, ..Happening::new(Kind::FewerConnections) }.because(&reason)
            }
            ConsumerEvent::Assigned { partitions } => Happening::of(Kind::Assigned, &partitions),
            ConsumerEvent::Revoked { partitions } => Happening::of(Kind::Revoked, &partitions),
            ConsumerEvent::Lost { partitions } => Happening::of(Kind::Lost, &partitions),
            ConsumerEvent::PollTooLate { since } => Happening { duration: since, ..Happening::new(Kind::PollTooLate) },
            ConsumerEvent::Missed { count } => {
                Happening { count: usize::try_from(count).unwrap_or(usize::MAX), ..Happening::new(Kind::Missed) }
            }
            _ => Happening::new(Kind::Other),
        })
    }
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

/// Reads what happened to a consumer; `otherwise` is what stands for other events.
unsafe fn happening<T>(
    events: *const rivven_events_t,
    index: usize,
    otherwise: T,
    look: impl FnOnce(&Happening) -> Option<T>,
) -> T {
    let look = |events: &Vec<Event>| match events.get(index)? {
        Event::Consumer(happening) => look(happening),
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
        Event::Consumer(happening) => Some(happening.kind),
    };
    // SAFETY: the caller gives NULL or events.
    unsafe { read(events, rivven_event_kind::None, kind) }
}

/// Gives the topic of deliveries, or of the partition that something happened to; NULL for other events.
///
/// It lives as long as the events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_topic(events: *const rivven_events_t, index: usize) -> *const c_char {
    let topic = |events: &Vec<Event>| match events.get(index)? {
        Event::Deliveries(deliveries) => Some(deliveries.topic.as_ptr()),
        Event::Consumer(happening) => happening.partition.as_ref().map(|(topic, _)| topic.as_ptr()),
        Event::Log(_) | Event::Change(_) => None,
    };
    // SAFETY: the caller gives NULL or events.
    unsafe { read(events, ptr::null(), topic) }
}

/// Gives the partition of deliveries, or the one that something happened to; -1 for other events.
///
/// Deliveries have -1, too, if the records failed before it was known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_partition(events: *const rivven_events_t, index: usize) -> i64 {
    let partition = |events: &Vec<Event>| match events.get(index)? {
        Event::Deliveries(deliveries) => deliveries.report.partition().map(i64::from),
        Event::Consumer(happening) => happening.partition.as_ref().map(|(_, partition)| i64::from(*partition)),
        Event::Log(_) | Event::Change(_) => None,
    };
    // SAFETY: the caller gives NULL or events.
    unsafe { read(events, -1, partition) }
}

/// Gives the number of records of deliveries, at least one, and of what else a kind says; 0 for other events.
///
/// For `RIVVEN_EVENT_KIND_ASSIGNED`, `..._REVOKED` and `..._LOST` it is that of the partitions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_count(events: *const rivven_events_t, index: usize) -> usize {
    let count = |events: &Vec<Event>| match events.get(index)? {
        Event::Deliveries(deliveries) => Some(deliveries.report.len()),
        Event::Consumer(happening) => Some(happening.count),
        Event::Log(_) | Event::Change(_) => None,
    };
    // SAFETY: the caller gives NULL or events.
    unsafe { read(events, 0, count) }
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
/// of servers, for what happened to consumers, and if there is no event of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_timestamp_ms(events: *const rivven_events_t, index: usize) -> i64 {
    let time = |events: &Vec<Event>| match events.get(index)? {
        Event::Deliveries(deliveries) => deliveries.first.as_ref().map(|first| first.timestamp),
        Event::Log(line) => Some(line.time_ms),
        Event::Change(change) => Some(change.since_ms),
        Event::Consumer(_) => None,
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

/// Consumers: gives the first offset that a kind is about; `RIVVEN_OFFSET_UNKNOWN` for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_from(events: *const rivven_events_t, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or events.
    unsafe { happening(events, index, RIVVEN_OFFSET_UNKNOWN, |happening| Some(happening.from)) }
}

/// Consumers: gives the offset behind those that a kind is about; `RIVVEN_OFFSET_UNKNOWN` for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_to(events: *const rivven_events_t, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or events.
    unsafe { happening(events, index, RIVVEN_OFFSET_UNKNOWN, |happening| Some(happening.to)) }
}

/// Consumers: gives the time that a kind is about, in milliseconds; 0 for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_duration_ms(events: *const rivven_events_t, index: usize) -> i64 {
    let milliseconds = |happening: &Happening| i64::try_from(happening.duration.as_millis()).ok();
    // SAFETY: the caller gives NULL or events.
    unsafe { happening(events, index, 0, milliseconds) }
}

/// Consumers: gives the partitions that were given or taken away; NULL for other events.
///
/// The list belongs to the events and lives as long as they do: it is not to be freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_partitions(
    events: *const rivven_events_t,
    index: usize,
) -> *const rivven_partitions_t {
    // SAFETY: the caller gives NULL or events.
    unsafe { happening(events, index, ptr::null(), |happening| Some(happening.partitions.0.cast_const())) }
}

/// Consumers: gives why something happened; NULL where that is not known, and for other events.
///
/// UTF-8, without secrets or records. It lives as long as the events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_cause(events: *const rivven_events_t, index: usize) -> *const c_char {
    let reason = |happening: &Happening| happening.reason.as_ref().map(|(_, text)| text.as_ptr());
    // SAFETY: the caller gives NULL or events.
    unsafe { happening(events, index, ptr::null(), reason) }
}

/// Consumers: gives the code of the failure behind it; `RIVVEN_CODE_OK` where there is none, and for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_cause_code(events: *const rivven_events_t, index: usize) -> rivven_code {
    let code = |happening: &Happening| happening.reason.as_ref().map(|(code, _)| *code);
    // SAFETY: the caller gives NULL or events.
    unsafe { happening(events, index, rivven_code::Ok, code) }
}

/// Frees events and what they gave; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_free(events: *mut rivven_events_t) {
    // SAFETY: the caller gives NULL or events that are not used any more.
    silent(|| unsafe { handle::release(events) });
}
