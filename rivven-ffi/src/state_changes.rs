//! Changes of servers
//!
//! A client or a producer tells by a queue which server stops working, why, and
//! when it works again.
//!
//!     rivven_client_subscribe_state_changes(client, queue, 1, &error);
//!
//!     if (rivven_events_kind(events, i) == RIVVEN_EVENT_KIND_SERVER_DEGRADED) {
//!         rivven_events_reason(events, i, &error);
//!         printf("%s: %s\n", rivven_events_server(events, i), rivven_error_message(error));
//!     }

use std::ffi::{CString, c_char};
use std::ptr;
use std::time::{Duration, UNIX_EPOCH};

use rivven_client::{Result, StateChange};

use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::{Failure, c_string, rivven_error_t};
use crate::events::{Event, rivven_event_kind, rivven_events_t};
use crate::guard::{fallible, read};
use crate::handle;
use crate::input::invalid;
use crate::producer::{on_producer, rivven_producer_t};
use crate::queue::rivven_queue_t;

/// A change of a server, in the form that C reads.
pub(crate) struct Change {
    /// The number that the program gave when it subscribed.
    opaque: u64,
    pub(crate) kind: rivven_event_kind,
    server: Option<CString>,
    attempts: u32,
    /// Since when it does not work.
    pub(crate) since_ms: i64,
    reason: Option<Failure>,
    /// How long it did not work.
    outage_ms: u64,
    missed: u64,
}

impl Change {
    fn none(opaque: u64, kind: rivven_event_kind) -> Self {
        Change { opaque, kind, server: None, attempts: 0, since_ms: 0, reason: None, outage_ms: 0, missed: 0 }
    }

    /// The event of a change; `None` for what this interface does not know yet.
    pub(crate) fn new(opaque: u64, change: StateChange) -> Option<Self> {
        Some(match change {
            StateChange::Degraded { server, since, reason, attempts } => Change {
                server: Some(c_string(server.to_string())),
                attempts,
                since_ms: whole_ms(since.duration_since(UNIX_EPOCH).unwrap_or_default()) as i64,
                reason: Some(reason.into()),
                ..Change::none(opaque, rivven_event_kind::ServerDegraded)
            },
            StateChange::Recovered { server, after, attempts } => Change {
                server: Some(c_string(server.to_string())),
                attempts,
                outage_ms: whole_ms(after),
                ..Change::none(opaque, rivven_event_kind::ServerRecovered)
            },
            StateChange::Missed { count } => {
                Change { missed: count, ..Change::none(opaque, rivven_event_kind::StateChangesMissed) }
            }
            _ => return None,
        })
    }
}

fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Reads a change of a server; `otherwise` is what stands for none.
unsafe fn change<T>(events: *const rivven_events_t, index: usize, otherwise: T, look: impl FnOnce(&Change) -> T) -> T {
    let look = |events: &Vec<Event>| match events.get(index)? {
        Event::Change(change) => Some(look(change)),
        _ => None,
    };
    // SAFETY: the caller gives NULL or events.
    unsafe { read(events, otherwise, look) }
}

/// Lets what changes about the servers of a client go to a queue, from now on until the client is closed.
///
/// It comes as events of `RIVVEN_EVENT_KIND_SERVER_DEGRADED`,
/// `RIVVEN_EVENT_KIND_SERVER_RECOVERED` and, where the library could not keep
/// them all, `RIVVEN_EVENT_KIND_STATE_CHANGES_MISSED`. Each has the `opaque`
/// that is given here, a number of the program's own, or a pointer cast to one.
/// The queue may be freed before or after the client. Each call subscribes once
/// more.
///
/// Fails with `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and
/// `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_subscribe_state_changes(
    client: *mut rivven_client_t,
    queue: *mut rivven_queue_t,
    opaque: u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        on_client(client, error, |client| {
            client.forward_state_changes(handle::share(queue.cast_const())?.queue()?, opaque)
        })
    }
}

/// Lets what changes about the servers of a producer go to a queue, as `rivven_client_subscribe_state_changes`.
///
/// The queue may be another one than that of its deliveries.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_producer_subscribe_state_changes(
    producer: *mut rivven_producer_t,
    queue: *mut rivven_queue_t,
    opaque: u64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        on_producer(producer, error, |producer| {
            producer.forward_state_changes(handle::share(queue.cast_const())?.queue()?, opaque)
        })
    }
}

/// Changes of servers: gives the number that the program gave when it subscribed; 0 for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_opaque(events: *const rivven_events_t, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or events.
    unsafe { change(events, index, 0, |change| change.opaque) }
}

/// Changes of servers: gives the server, `host:port` as it is dialled; NULL for other events and missed changes.
///
/// It lives as long as the events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_server(events: *const rivven_events_t, index: usize) -> *const c_char {
    let server = |change: &Change| change.server.as_ref().map_or(ptr::null(), |server| server.as_ptr());
    // SAFETY: the caller gives NULL or events.
    unsafe { change(events, index, ptr::null(), server) }
}

/// Changes of servers: gives how many attempts have failed, or failed meanwhile; 0 for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_attempts(events: *const rivven_events_t, index: usize) -> u32 {
    // SAFETY: the caller gives NULL or events.
    unsafe { change(events, index, 0, |change| change.attempts) }
}

/// Degraded server: fails with why it does not work, the last time that it was tried.
///
/// `RIVVEN_CODE_INVALID_ARGUMENT` for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_reason(
    events: *const rivven_events_t,
    index: usize,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    let reason = |events: &Vec<Event>| match events.get(index) {
        Some(Event::Change(Change { reason: Some(reason), .. })) => reason.clone(),
        _ => invalid(format!("event {index} is not about a degraded server: look at its kind")).into(),
    };
    // SAFETY: the caller gives events.
    unsafe { fallible(error, || -> Result<(), Failure> { Err(reason(handle::borrow(events)?)) }) }
}

/// Recovered server: gives how long it did not work, in milliseconds; 0 for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_outage_ms(events: *const rivven_events_t, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or events.
    unsafe { change(events, index, 0, |change| change.outage_ms) }
}

/// Missed changes: gives how many were not kept; 0 for other events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_events_missed(events: *const rivven_events_t, index: usize) -> u64 {
    // SAFETY: the caller gives NULL or events.
    unsafe { change(events, index, 0, |change| change.missed) }
}
