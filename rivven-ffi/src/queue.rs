//! Queues
//!
//! What happens in the background is told by a queue: what became of the
//! records of producers, what happened to consumers besides records, what
//! changes about servers, and the library's log. The program asks for it by
//! `rivven_queue_poll`, on a thread of its own choice, when it likes to or when
//! the queue's descriptor is readable.
//!
//!     struct pollfd ready = {rivven_queue_fd(queue), POLLIN, 0};
//!     while (poll(&ready, 1, -1) == 1) {
//!         if (rivven_queue_poll(queue, 0, &events, &error) != RIVVEN_CODE_OK) break;
//!         look_at(events);
//!         rivven_events_free(events);
//!     }

use std::collections::{BTreeMap, VecDeque};
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rivven_bridge::{Answer, Completion, ForkMark, LogLevel, LogQueue, Queue, Reports, Signal};
use rivven_client::{Error, Result};

use crate::code::rivven_code;
use crate::error::rivven_error_t;
use crate::events::{Event, rivven_events_t};
use crate::guard::{fallible, read, silent};
use crate::handle::{self, Opaque, lock};
use crate::input::{invalid, milliseconds, required};
use crate::state_changes::Change;

/// What errors call a queue.
const WHAT: &str = "the queue";

/// The token of the log; producers and consumers have tokens from 2. That of a change of a server is the program's.
const LOG: u64 = 0;

/// Where events wait for the program.
///
/// It may be used by any number of threads at once; each event goes to one
/// `rivven_queue_poll`. It holds what nobody asks for without limit: a program
/// that gives a queue to a producer or a consumer has to poll it.
///
/// In the child of a `fork` a queue of the parent fails with
/// `RIVVEN_CODE_FORKED`; free it there and make a new one.
pub struct rivven_queue_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_queue_t {
    type Value = Arc<Inbox>;
    const MARKER: u64 = 0x7269_765f_7175_6575;
    const NAME: (&'static str, &'static str) = ("queue", "rivven_queue_new");
}

/// A function of the program that takes deliveries.
///
/// It is called within `rivven_queue_poll` alone, on the thread that calls
/// that, once for all the deliveries of its producer that have come since the
/// last time: `deliveries` has one event for each batch, all of
/// `RIVVEN_EVENT_KIND_DELIVERIES`, and is valid for the time of the call. It
/// may call every function of the library, also those that free the queue, the
/// producer and its topics. It has to return: neither `longjmp` nor a C++
/// exception may leave it.
pub type rivven_deliveries_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, deliveries: *const rivven_events_t)>;

/// A function of the program that frees what it gave with a callback.
pub type rivven_user_data_free = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// A callback with its data, which is freed with it.
pub(crate) struct Callback {
    pub(crate) function: unsafe extern "C" fn(*mut c_void, *const rivven_events_t),
    pub(crate) user_data: *mut c_void,
    pub(crate) free: rivven_user_data_free,
}

// SAFETY: the program promises that its functions may be called with the data
// by the threads that poll the queue and free it or the producer.
unsafe impl Send for Callback {}
// SAFETY: as above.
unsafe impl Sync for Callback {}

impl Callback {
    fn call(&self, events: Vec<Event>) {
        let deliveries = handle::make::<rivven_events_t>(events);
        // SAFETY: the handle lives until both references to it are gone. The
        // second one has the memory stay if the callback frees what it was lent.
        unsafe {
            let kept = handle::share(deliveries.cast_const());
            (self.function)(self.user_data, deliveries);
            handle::release(deliveries);
            drop(kept);
        }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the program gave the function for this data.
            unsafe { free(self.user_data) };
        }
    }
}

/// What stands behind a queue; producers and consumers share it.
///
/// In a forked child nothing of it is touched, not even to free it.
pub(crate) struct Inbox {
    parts: ManuallyDrop<Parts>,
    mark: ForkMark,
}

struct Parts {
    queue: Arc<Queue>,
    /// The callbacks of producers, by token. No lock is held while one runs or is freed.
    callbacks: Mutex<BTreeMap<u64, Arc<Callback>>>,
    /// How many producers and consumers there were.
    sources: AtomicU64,
    log: Mutex<Option<Arc<LogQueue>>>,
}

impl Inbox {
    fn new() -> Result<Self> {
        let parts = Parts {
            queue: Queue::with_descriptor()?,
            callbacks: Mutex::default(),
            sources: AtomicU64::new(0),
            log: Mutex::default(),
        };
        Ok(Inbox { parts: ManuallyDrop::new(parts), mark: ForkMark::here() })
    }

    fn parts(&self) -> Result<&Parts> {
        self.mark.check(WHAT)?;
        Ok(&self.parts)
    }

    /// Where events are entered.
    pub(crate) fn queue(&self) -> Result<&Arc<Queue>> {
        Ok(&self.parts()?.queue)
    }

    /// Takes a producer on; where its reports go, and under which token.
    ///
    /// Reports of a token with a callback are for that callback alone: after
    /// it is gone they are dropped.
    pub(crate) fn add(&self, with_callback: bool) -> Result<(Reports, u64)> {
        let parts = self.parts()?;
        let number = parts.sources.fetch_add(1, Ordering::Relaxed) + 1;
        let token = number << 1 | u64::from(with_callback);
        Ok((Reports::To(Arc::clone(&parts.queue), token), token))
    }

    /// Takes a consumer on: where its events go, and under which token.
    pub(crate) fn add_consumer(&self) -> Result<(Arc<Queue>, u64)> {
        let parts = self.parts()?;
        let number = parts.sources.fetch_add(1, Ordering::Relaxed) + 1;
        Ok((Arc::clone(&parts.queue), number << 1))
    }

    /// Lets deliveries under a token go to a callback from now on.
    pub(crate) fn call(&self, token: u64, callback: Callback) {
        if let Ok(parts) = self.parts() {
            lock(&parts.callbacks).insert(token, Arc::new(callback));
        }
    }

    /// Ends the callback of a token, if it has one.
    pub(crate) fn forget(&self, token: u64) {
        let Ok(parts) = self.parts() else { return };
        let forgotten = lock(&parts.callbacks).remove(&token);
        drop(forgotten);
    }

    fn close(&self) {
        let Ok(parts) = self.parts() else { return };
        parts.queue.close();
        let callbacks = std::mem::take(&mut *lock(&parts.callbacks));
        let log = lock(&parts.log).take();
        drop((callbacks, log));
    }

    /// Waits for events; callbacks are called here, and the other events given.
    fn poll(&self, limit: Option<Duration>) -> Result<Vec<Event>> {
        let parts = self.parts()?;
        let until = limit.map(|limit| Instant::now() + limit);
        loop {
            let taken = parts.queue.take().ok_or_else(|| Error::closed(WHAT))?;
            let (events, called) = parts.dispatch(taken);
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if called || !events.is_empty() || left.is_some_and(|left| left.is_zero()) {
                return Ok(events);
            }
            parts.queue.wait(left);
        }
    }

    /// Listens to the log at this level and above.
    fn subscribe(&self, level: LogLevel) -> Result<()> {
        let parts = self.parts()?;
        let mut log = lock(&parts.log);
        match &*log {
            Some(log) => log.set_level(level),
            None => {
                let queue = Arc::clone(&parts.queue);
                let wake = move || queue.push(Completion { token: LOG, result: Ok(Answer::Done) });
                *log = Some(LogQueue::open(level, Signal::Call(Box::new(wake))));
            }
        }
        Ok(())
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: the parts are dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.parts) };
        }
    }
}

impl Parts {
    /// Calls the callbacks and gives the events that are for none; whether any was called.
    fn dispatch(&self, taken: VecDeque<Completion>) -> (Vec<Event>, bool) {
        let mut events = Vec::new();
        let mut calls: Vec<(u64, Vec<Event>)> = Vec::new();
        for Completion { token, result } in taken {
            match result {
                Ok(Answer::Deliveries(report)) if token & 1 == 0 => events.push(report.into()),
                Ok(Answer::Deliveries(report)) => match calls.iter_mut().find(|(other, _)| *other == token) {
                    Some((_, events)) => events.push(report.into()),
                    None => calls.push((token, vec![report.into()])),
                },
                Ok(Answer::StateChange(change)) => {
                    events.extend(change.and_then(|change| Change::new(token, change)).map(Event::Change));
                }
                Ok(Answer::ConsumerEvent(event)) => events.extend(event.map(Event::from)),
                _ => events.extend(self.log_lines().map(Event::from)),
            }
        }
        let called = calls.into_iter().fold(false, |called, (token, events)| self.call(token, events) || called);
        (events, called)
    }

    /// Calls a callback, unless it is gone by now, perhaps by the one before it.
    fn call(&self, token: u64, events: Vec<Event>) -> bool {
        let callback = lock(&self.callbacks).get(&token).cloned();
        callback.map(|callback| callback.call(events)).is_some()
    }

    fn log_lines(&self) -> impl Iterator<Item = rivven_bridge::LogRecord> + use<> {
        let log = lock(&self.log).clone();
        log.into_iter().flat_map(|log| log.drain())
    }
}

/// Makes a queue and stores it in `*queue`; the caller frees it with `rivven_queue_free`.
///
/// Fails with `RIVVEN_CODE_IO` if the process has no descriptor left, and with
/// `RIVVEN_CODE_INVALID_ARGUMENT` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_queue_new(
    queue: *mut *mut rivven_queue_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            required(queue, "queue")?;
            queue.write(handle::make(Arc::new(Inbox::new()?)));
            Ok(())
        })
    }
}

/// Gives a descriptor that is readable while the queue has events, for `poll`, `epoll` and the like.
///
/// It turns readable once for all that comes until the queue is polled, and may
/// do so once more for nothing. It belongs to the queue, which closes it:
/// nothing may be read from it. Take it out of an `epoll` before
/// `rivven_queue_free`: it stays open, and readable, until the last producer or
/// consumer that was given the queue has ended. -1 for NULL and in a forked child.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_queue_fd(queue: *const rivven_queue_t) -> i32 {
    // SAFETY: the caller gives NULL or a queue.
    unsafe { read(queue, -1, |inbox| inbox.parts().ok()?.queue.descriptor()) }
}

/// Takes all events and stores them in `*events`; the caller frees them with `rivven_events_free`.
///
/// Where there are none it waits for some for at most `timeout_ms`
/// milliseconds, without limit if that is negative, and stores an empty list
/// if none came. Callbacks are called in it; what they were given is not
/// stored, so that the list may be empty before the time is over.
///
/// A wait ends with `RIVVEN_CODE_CLOSED` if another thread frees the queue.
/// Fails with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_queue_poll(
    queue: *mut rivven_queue_t,
    timeout_ms: i64,
    events: *mut *mut rivven_events_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            let inbox = handle::share(queue.cast_const())?;
            required(events, "events")?;
            events.write(handle::make(inbox.poll(milliseconds(timeout_ms))?));
            Ok(())
        })
    }
}

/// Lets the library's log go to the queue, from now on; `RIVVEN_LOG_LEVEL_OFF` ends that.
///
/// `level` is one of `RIVVEN_LOG_LEVEL_...`: lines of this level and more
/// important ones come as events of `RIVVEN_EVENT_KIND_LOG`. They are those of
/// all handles of the process. Up to 4096 of them wait; one line says how many
/// are missing. Any number of queues may listen.
///
/// Fails with `RIVVEN_CODE_INVALID_ARGUMENT` and `RIVVEN_CODE_FORKED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_queue_subscribe_log(
    queue: *mut rivven_queue_t,
    level: i32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        fallible(error, || {
            let known = usize::try_from(level).ok().and_then(|level| LogLevel::ALL.get(level));
            let known = known.ok_or_else(|| invalid(format!("level is {level}: pass one of RIVVEN_LOG_LEVEL_...")))?;
            handle::share(queue.cast_const())?.subscribe(*known)
        })
    }
}

/// Frees a queue and the events in it; accepts NULL and never blocks.
///
/// Producers and consumers that were given the queue go on without it. No poll
/// begins a callback any more, and their user data is freed: in here, or where a
/// poll of another thread has taken deliveries for the callback when that has
/// returned, so what the callback needs belongs in its user data. Take the
/// descriptor out of an `epoll` before. In a forked child nothing of the
/// program's is called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_queue_free(queue: *mut rivven_queue_t) {
    // SAFETY: the caller gives NULL or a queue that is not used for a new call any more.
    silent(|| unsafe {
        if let Ok(inbox) = handle::share(queue.cast_const()) {
            handle::release(queue);
            inbox.close();
        }
    });
}
