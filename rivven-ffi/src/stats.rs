//! Statistics

use std::ffi::{CString, c_char};
use std::ptr;

use rivven_bridge::{Client, Stats as Ask};
use rivven_client::{CircuitState, ResilientStats, ServerStats};

use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{read, silent};
use crate::handle::{self, Opaque};
use crate::input::required;
use crate::strings::pointer;

/// What a circuit breaker lets through to its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum rivven_circuit_state {
    /// Everything: the server works.
    Closed = 0,
    /// Nothing: the server failed too often in a row.
    Open = 1,
    /// One request, which decides.
    HalfOpen = 2,
}

impl From<CircuitState> for rivven_circuit_state {
    fn from(state: CircuitState) -> Self {
        match state {
            CircuitState::Open => rivven_circuit_state::Open,
            CircuitState::HalfOpen => rivven_circuit_state::HalfOpen,
            _ => rivven_circuit_state::Closed,
        }
    }
}

/// The servers of a client and their connections, at one moment.
///
/// It belongs to the caller, who frees it with `rivven_stats_free`. It never
/// changes, so it may be read from any thread.
pub struct rivven_stats_t {
    _opaque: [u8; 0],
}

/// Statistics in the form that C reads.
pub(crate) struct Stats {
    total_servers: usize,
    healthy_servers: usize,
    active_connections: usize,
    available_connections: usize,
    servers: Vec<Server>,
}

/// A server in the form that C reads.
struct Server {
    address: CString,
    circuit_state: rivven_circuit_state,
    active_connections: usize,
    available_connections: usize,
    last_error: Option<CString>,
}

impl Opaque for rivven_stats_t {
    type Value = Stats;
    const MARKER: u64 = 0x7269_765f_7374_6174;
    const NAME: (&'static str, &'static str) = ("statistics", "rivven_client_stats");
}

impl Stats {
    fn new(client: &Client, stats: ResilientStats) -> Self {
        Stats {
            total_servers: stats.total_servers,
            healthy_servers: stats.healthy_servers,
            active_connections: stats.active_connections,
            available_connections: stats.available_connections,
            servers: stats.servers.into_iter().map(|server| Server::new(client, server)).collect(),
        }
    }
}

impl Server {
    fn new(client: &Client, server: ServerStats) -> Self {
        Server {
            address: c_string(server.address.as_ref().to_owned()),
            circuit_state: server.circuit_state.into(),
            active_connections: server.active_connections,
            available_connections: server.available_connections,
            last_error: server.last_error.map(|error| c_string(client.explain(&error))),
        }
    }
}

/// Reads a server; `otherwise` is what stands for none.
unsafe fn server<T>(stats: *const rivven_stats_t, index: usize, otherwise: T, look: impl FnOnce(&Server) -> T) -> T {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, otherwise, |stats| stats.servers.get(index).map(look)) }
}

/// Stores in `*stats` which servers the client knows and how their connections are.
///
/// Asks no server, and works without a connection. The caller frees it with
/// `rivven_stats_free`. Fails with `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED`
/// and `RIVVEN_CODE_INVALID_ARGUMENT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_stats(
    client: *mut rivven_client_t,
    stats: *mut *mut rivven_stats_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_client(client, error, |client| {
            required(stats, "stats")?;
            stats.write(handle::make(Stats::new(client, client.start(&Ask)?.wait()?)));
            Ok(())
        })
    }
}

/// Gives the number of servers: those configured and those that the cluster named; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_stats_total_servers(stats: *const rivven_stats_t) -> usize {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.total_servers)) }
}

/// Gives the number of servers that work: the breaker is closed and the last attempt did not fail.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_stats_healthy_servers(stats: *const rivven_stats_t) -> usize {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.healthy_servers)) }
}

/// Gives the number of connections that have calls under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_stats_active_connections(stats: *const rivven_stats_t) -> usize {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.active_connections)) }
}

/// Gives the number of connections that are open and idle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_stats_available_connections(stats: *const rivven_stats_t) -> usize {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.available_connections)) }
}

/// Gives the number of servers that the functions below tell of; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_stats_servers_len(stats: *const rivven_stats_t) -> usize {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { read(stats, 0, |stats| Some(stats.servers.len())) }
}

/// Gives the address of a server as it is dialled; NULL if there is none of that index.
///
/// It lives as long as the statistics.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_stats_server_address(stats: *const rivven_stats_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, ptr::null(), |server| server.address.as_ptr()) }
}

/// Gives the state of a server's circuit breaker.
///
/// `RIVVEN_CIRCUIT_STATE_CLOSED` if there is no server of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_stats_server_circuit_state(
    stats: *const rivven_stats_t,
    index: usize,
) -> rivven_circuit_state {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, rivven_circuit_state::Closed, |server| server.circuit_state) }
}

/// Gives the number of a server's connections that have calls under way.
///
/// 0 if there is no server of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_stats_server_active_connections(stats: *const rivven_stats_t, index: usize) -> usize {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0, |server| server.active_connections) }
}

/// Gives the number of a server's connections that are open and idle.
///
/// 0 if there is no server of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_stats_server_available_connections(
    stats: *const rivven_stats_t,
    index: usize,
) -> usize {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, 0, |server| server.available_connections) }
}

/// Gives the message of a server's last failure; NULL if it has worked since.
///
/// NULL if there is no server of that index. It lives as long as the statistics.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_stats_server_last_error(stats: *const rivven_stats_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or statistics.
    unsafe { server(stats, index, ptr::null(), |server| pointer(&server.last_error)) }
}

/// Frees statistics and the strings they gave; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_stats_free(stats: *mut rivven_stats_t) {
    // SAFETY: the caller gives NULL or statistics that are not used any more.
    silent(|| unsafe { handle::release(stats) });
}
