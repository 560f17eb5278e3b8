//! The core's log, for languages.
//!
//! The core says what it does by events of `tracing`. Each library of ours has
//! its own copy of tracing's statics, so that the one subscriber here takes
//! nothing away from the program. It hands every event to the [`LogQueue`]s
//! that want its level; where there are none an event costs one comparison.

use std::collections::VecDeque;
use std::fmt::{Debug, Write};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::{Interest, Subscriber, set_global_default};
use tracing::{Event, Level, Metadata, callsite, span};

use crate::fork::{ForkMark, PerProcess};
use crate::queue::Signal;

/// The records that a queue holds at most; further ones are counted, not kept.
const CAPACITY: usize = 4096;

/// Where our own events come from; others, such as those of a dependency, may tell what ours never do.
const OURS: &str = "rivven_";

/// How much is logged, or how important a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum LogLevel {
    /// Nothing; no record has this level.
    Off,
    /// Something failed that nobody else is told of.
    Error,
    /// Something failed that the client tries to make good.
    Warn,
    /// A change worth knowing in normal operation.
    Info,
    /// Connections and logins as they come and go.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Every level, from nothing to everything; the place of each is its number.
    pub const ALL: [LogLevel; 6] =
        [LogLevel::Off, LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];

    /// The level in lower case: `warn`.
    pub fn name(self) -> &'static str {
        ["off", "error", "warn", "info", "debug", "trace"][self as usize]
    }

    fn filter(self) -> LevelFilter {
        match self {
            LogLevel::Off => LevelFilter::OFF,
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        }
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            _ => LogLevel::Trace,
        }
    }
}

/// A level that may be changed while others read it.
#[derive(Debug)]
struct SharedLevel(AtomicU8);

impl SharedLevel {
    fn new(level: LogLevel) -> Self {
        SharedLevel(AtomicU8::new(level as u8))
    }

    fn get(&self) -> LogLevel {
        LogLevel::ALL[usize::from(self.0.load(Ordering::Relaxed))]
    }

    fn set(&self, level: LogLevel) {
        self.0.store(level as u8, Ordering::Relaxed);
    }
}

/// One line of the log.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogRecord {
    /// How important it is.
    pub level: LogLevel,
    /// The part of the client that says it, such as `rivven_client::connection::connector`.
    pub target: &'static str,
    /// What happened, with the facts behind it as ` key=value`; without secrets or records.
    pub message: String,
    /// When it happened.
    pub time: SystemTime,
}

/// A listener to the log: records wait here until a thread of the user's takes them.
///
/// It holds up to 4096 records; further ones are counted, and one record at
/// the end says how many are missing. Dropping it ends its listening. In a
/// forked child a queue of the parent is closed and empty.
#[derive(Debug)]
pub struct LogQueue {
    parts: ManuallyDrop<Parts>,
    mark: ForkMark,
}

/// What must not be touched in a forked child, not even to free it.
#[derive(Debug)]
struct Parts {
    level: SharedLevel,
    entries: Mutex<Entries>,
    arrived: Condvar,
    signal: Signal,
}

#[derive(Debug, Default)]
struct Entries {
    records: VecDeque<LogRecord>,
    dropped: u64,
    closed: bool,
}

impl Entries {
    fn is_empty(&self) -> bool {
        // Records are dropped only beside others that are kept.
        self.records.is_empty()
    }

    fn push(&mut self, record: LogRecord) {
        if self.records.len() < CAPACITY {
            self.records.push_back(record);
        } else {
            self.dropped += 1;
        }
    }

    fn take(&mut self) -> Vec<LogRecord> {
        let mut records: Vec<_> = std::mem::take(&mut self.records).into();
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            records.push(loss(dropped));
        }
        records
    }
}

fn loss(count: u64) -> LogRecord {
    LogRecord {
        level: LogLevel::Warn,
        target: module_path!(),
        message: format!("log records were lost since nobody took them in time count={count}"),
        time: SystemTime::now(),
    }
}

impl LogQueue {
    /// Begins to listen to records of this level and more important ones.
    ///
    /// `signal` is raised when the queue turns from empty to non-empty, once
    /// per burst, on the thread that logs. It must not log itself.
    pub fn open(level: LogLevel, signal: Signal) -> Arc<Self> {
        let parts =
            Parts { level: SharedLevel::new(level), entries: Mutex::default(), arrived: Condvar::new(), signal };
        let queue = Arc::new(LogQueue { parts: ManuallyDrop::new(parts), mark: ForkMark::here() });
        LISTENERS.get().change(|listeners| listeners.push(Arc::downgrade(&queue)));
        queue
    }

    /// Listens to records of this level and more important ones from now on.
    pub fn set_level(&self, level: LogLevel) {
        let Some(parts) = self.parts() else { return };
        LISTENERS.get().change(|_| parts.level.set(level));
    }

    /// What it listens to; `Off` in a forked child.
    pub fn level(&self) -> LogLevel {
        self.parts().map_or(LogLevel::Off, |parts| parts.level.get())
    }

    /// The descriptor that is readable while there are records; `None` if the signal is none.
    pub fn descriptor(&self) -> Option<std::os::fd::RawFd> {
        self.parts()?.signal.descriptor()
    }

    /// Takes all records, oldest first.
    pub fn drain(&self) -> Vec<LogRecord> {
        let Some(parts) = self.parts() else { return Vec::new() };
        // First the signal: what arrives in between is taken now, or raises it again.
        parts.signal.clear();
        parts.lock().take()
    }

    /// Waits until there are records, the queue is closed, or `limit` is over.
    ///
    /// False if there is nothing to wait for any more: it is closed and empty.
    pub fn wait(&self, limit: Duration) -> bool {
        let Some(parts) = self.parts() else { return false };
        let until = Instant::now() + limit;
        let mut entries = parts.lock();
        while entries.is_empty() && !entries.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            entries = parts.arrived.wait_timeout(entries, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        !entries.is_empty()
    }

    /// Ends its listening and wakes those who wait; the records that are here can still be taken.
    pub fn close(&self) {
        let Some(parts) = self.parts() else { return };
        parts.lock().closed = true;
        parts.arrived.notify_all();
        self.set_level(LogLevel::Off);
    }

    fn parts(&self) -> Option<&Parts> {
        self.mark.is_here().then_some(&*self.parts)
    }

    fn push(&self, record: &LogRecord) {
        let Some(parts) = self.parts() else { return };
        let mut entries = parts.lock();
        if entries.closed {
            return;
        }
        let was_empty = entries.is_empty();
        entries.push(record.clone());
        drop(entries);
        if was_empty {
            parts.arrived.notify_all();
            parts.signal.raise();
        }
    }
}

impl Parts {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LogQueue {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // By now the listener has no owner, so that the change forgets it.
            LISTENERS.get().change(|_| ());
            // SAFETY: the parts are dropped here only, and `self` is not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.parts) };
        }
    }
}

/// The listeners of this process.
#[derive(Debug)]
struct Listeners {
    /// The greatest level that one of them wants.
    level: SharedLevel,
    queues: Mutex<Vec<Weak<LogQueue>>>,
}

/// A forked child has none, whatever its parent has.
static LISTENERS: PerProcess<Listeners> = PerProcess::new();

impl Default for Listeners {
    fn default() -> Self {
        Listeners { level: SharedLevel::new(LogLevel::Off), queues: Mutex::default() }
    }
}

impl Listeners {
    /// Changes something about the listeners, and has every event know who wants it now.
    ///
    /// The lock is held to the end, so that of two changes the later one has the last word.
    fn change(&self, change: impl FnOnce(&mut Vec<Weak<LogQueue>>)) {
        let mut queues = self.lock();
        change(&mut queues);
        let mut level = LogLevel::Off;
        // If its last other owner lets go of a queue right now it is dropped
        // here: after the lock, since its drop takes the lock.
        let mut alive = Vec::with_capacity(queues.len());
        queues.retain(|queue| {
            let Some(queue) = queue.upgrade() else { return false };
            level = level.max(queue.level());
            alive.push(queue);
            true
        });
        self.level.set(level);
        install();
        callsite::rebuild_interest_cache();
        drop(queues);
        drop(alive);
    }

    /// Those who want records of a level.
    fn of(&self, level: LogLevel) -> Vec<Arc<LogQueue>> {
        let mut queues: Vec<_> = self.lock().iter().filter_map(Weak::upgrade).collect();
        queues.retain(|queue| queue.level() >= level);
        queues
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<LogQueue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets the subscriber, once; where the program has set another one, nothing is heard here.
fn install() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if !DONE.swap(true, Ordering::Relaxed) {
        let _ = set_global_default(Hub);
    }
}

/// The subscriber: from events to the listeners of this process.
struct Hub;

impl Hub {
    fn wants(metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with(OURS)
            && LogLevel::from(*metadata.level()) <= LISTENERS.get().level.get()
    }
}

impl Subscriber for Hub {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Hub::wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LISTENERS.get().level.get().filter())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Hub::wants(metadata)
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let level = LogLevel::from(*metadata.level());
        let queues = LISTENERS.get().of(level);
        if queues.is_empty() {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let message = text.message + &text.fields;
        let record = LogRecord { level, target: metadata.target(), message, time: SystemTime::now() };
        queues.iter().for_each(|queue| queue.push(&record));
    }

    // Spans are never enabled.
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The text of an event.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string does not fail; a value that fails to show itself is left out.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    /// The subscriber is the process's: one test at a time may count on silence.
    static ALONE: Mutex<()> = Mutex::new(());

    fn alone() -> MutexGuard<'static, ()> {
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(level: LogLevel) -> Arc<LogQueue> {
        LogQueue::open(level, Signal::Call(Box::new(|| ())))
    }

    fn messages(queue: &LogQueue) -> Vec<String> {
        queue.drain().into_iter().map(|record| record.message).collect()
    }

    #[test]
    fn listeners_get_the_events_of_their_level_with_the_fields() {
        let _alone = alone();
        let (all, some) = (open(LogLevel::Trace), open(LogLevel::Warn));
        tracing::warn!(address = %"127.0.0.1:9", tries = 3, "gone");
        tracing::trace!(name = "a b", "seen");
        tracing::warn!(target: "elsewhere", "not ours");
        let records = all.drain();
        let seen: Vec<_> = records.iter().map(|record| (record.level, record.message.as_str())).collect();
        assert_eq!(
            seen,
            [(LogLevel::Warn, "gone address=127.0.0.1:9 tries=3"), (LogLevel::Trace, "seen name=\"a b\"")]
        );
        assert!(records.iter().all(|record| record.target == module_path!()));
        assert!(records[0].time <= records[1].time);
        assert_eq!(messages(&some), ["gone address=127.0.0.1:9 tries=3"]);
    }

    #[test]
    fn nothing_is_made_where_nobody_listens() {
        let _alone = alone();
        let made = AtomicUsize::new(0);
        let say = || tracing::info!(number = made.fetch_add(1, Ordering::Relaxed), "said");
        let queue = open(LogLevel::Info);
        say();
        queue.set_level(LogLevel::Warn);
        say();
        assert_eq!(LevelFilter::current(), LevelFilter::WARN);
        queue.set_level(LogLevel::Debug);
        say();
        assert_eq!(messages(&queue), ["said number=0", "said number=1"]);
        drop(queue);
        say();
        assert_eq!(LevelFilter::current(), LevelFilter::OFF);
        assert_eq!(made.into_inner(), 2);
    }

    #[test]
    fn what_nobody_takes_is_counted() {
        let _alone = alone();
        let queue = open(LogLevel::Info);
        for number in 0..CAPACITY + 5 {
            tracing::info!(number, "said");
        }
        let records = messages(&queue);
        assert_eq!(records.len(), CAPACITY + 1);
        assert!(records[CAPACITY].ends_with("count=5"), "{}", records[CAPACITY]);
        tracing::info!("again");
        assert_eq!(messages(&queue), ["again"]);
    }

    #[test]
    fn a_signal_comes_once_per_burst_and_a_descriptor_while_there_are_records() {
        let _alone = alone();
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let called = LogQueue::open(
            LogLevel::Info,
            Signal::Call(Box::new(move || {
                counter.fetch_add(1, Ordering::Relaxed);
            })),
        );
        let read = LogQueue::open(LogLevel::Info, Signal::with_descriptor().unwrap());
        let is_readable = || {
            let mut poll = libc::pollfd { fd: read.descriptor().unwrap(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one valid pollfd is given.
            unsafe { libc::poll(&mut poll, 1, 0) == 1 }
        };
        assert!(!is_readable());
        (0..3).for_each(|_| tracing::info!("said"));
        assert!(is_readable());
        assert_eq!((calls.load(Ordering::Relaxed), called.drain().len(), read.drain().len()), (1, 3, 3));
        assert!(!is_readable());
        tracing::info!("said");
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn waiting_ends_with_a_record_or_a_close() {
        let _alone = alone();
        let queue = open(LogLevel::Info);
        assert!(queue.wait(Duration::ZERO));
        let waiting = {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || {
                let mut records = Vec::new();
                while queue.wait(Duration::from_secs(3600)) {
                    records.extend(messages(&queue));
                }
                records
            })
        };
        tracing::info!("first");
        tracing::info!("second");
        queue.close();
        tracing::info!("after the end");
        assert_eq!(waiting.join().unwrap(), ["first", "second"]);
        assert!(!queue.wait(Duration::ZERO));
    }

    #[test]
    fn queues_open_and_close_while_others_log() {
        let _alone = alone();
        let kept = open(LogLevel::Info);
        std::thread::scope(|scope| {
            scope.spawn(|| (0..1000).for_each(|number| tracing::info!(number, "said")));
            scope.spawn(|| (0..200).for_each(|_| drop(open(LogLevel::Trace))));
            scope.spawn(|| (0..200).for_each(|_| open(LogLevel::Info).close()));
        });
        assert_eq!(kept.drain().len(), 1000);
        assert_eq!(LevelFilter::current(), LevelFilter::INFO);
    }

    #[test]
    fn a_forked_child_leaves_the_queues_of_its_parent_alone() {
        let _alone = alone();
        let queue = open(LogLevel::Info);
        let parts = queue.parts().unwrap();
        let held = parts.lock();
        // SAFETY: the child runs the code under test, which takes no lock of
        // the parent, and ends without cleaning up.
        let child = unsafe { libc::fork() };
        if child == 0 {
            tracing::info!("in the child");
            let silent = queue.drain().is_empty() && !queue.wait(Duration::from_secs(3600));
            queue.close();
            // SAFETY: the child does not use the queue any more.
            unsafe { Arc::decrement_strong_count(Arc::as_ptr(&queue)) };
            let own = open(LogLevel::Info);
            tracing::info!("in the child");
            let heard = messages(&own) == ["in the child"];
            // SAFETY: it ends the child.
            unsafe { libc::_exit(i32::from(!(silent && heard))) };
        }
        drop(held);
        let mut status = -1;
        // SAFETY: the status is valid to write.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0);
        tracing::info!("in the parent");
        assert_eq!(messages(&queue), ["in the parent"]);
    }
}
