//! Client
//!
//! Calls block the thread that makes them until the answer is there or the
//! time that the configuration gives has passed.

use rivven_bridge::Client;
use rivven_client::{Result, ops};

use crate::code::rivven_code;
use crate::config::{rivven_config_t, snapshot};
use crate::error::{Failure, rivven_error_t};
use crate::guard::{fallible, silent};
use crate::handle::{self, Opaque};
use crate::input::{milliseconds, required};

/// A connection to a cluster, made at need and replaced when it fails.
///
/// It may be used by any number of threads at once; their requests share the
/// connection. All clients of a process share some background threads, which
/// start with the first client and end with the last; none of them calls into
/// the program.
///
/// In the child of a `fork` every call on a client of the parent fails with
/// `RIVVEN_CODE_FORKED`; free it there and make a new one.
pub struct rivven_client_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_client_t {
    type Value = Client;
    const MARKER: u64 = 0x7269_765f_636c_6965;
    const NAME: (&'static str, &'static str) = ("client", "rivven_client_new");
}

/// Runs the body of a function on a client, which stays alive until the body ends.
///
/// # Safety
///
/// As `handle::share` and `fallible`.
pub(crate) unsafe fn on_client(
    client: *mut rivven_client_t,
    error: *mut *mut rivven_error_t,
    body: impl FnOnce(&Client) -> Result<()>,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe {
        fallible(error, || {
            let client = handle::share(client.cast_const())?;
            body(&client).map_err(|error| Failure::new(&error, client.explain(&error)))
        })
    }
}

/// Makes a client and stores it in `*client`; the caller frees it with `rivven_client_free`.
///
/// Does no network I/O: the client connects when `rivven_client_connect` or a first
/// request is called. The configuration is copied.
///
/// Fails with `RIVVEN_CODE_INVALID_CONFIG` for keys that contradict each other,
/// for certificate and key files that cannot be read, are none or do not fit
/// together, and if `runtime.threads` contradicts what an earlier client of the
/// process asked for; with `RIVVEN_CODE_IO` if the background threads cannot be
/// started, `RIVVEN_CODE_INVALID_ARGUMENT` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_new(
    config: *const rivven_config_t,
    client: *mut *mut rivven_client_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        fallible(error, || -> Result<()> {
            required(client, "client")?;
            client.write(handle::make(Client::new(&snapshot(config)?)?));
            Ok(())
        })
    }
}

/// Waits for a first ready connection, at most `connection.timeout.ms` for each server.
///
/// Calling it is a choice: without it the first request connects. On a client
/// that is connected it returns at once.
///
/// Fails with `RIVVEN_CODE_INVALID_CONFIG` for an address that cannot be read
/// or if `bootstrap.servers` is not set; with one server with its error
/// (`RIVVEN_CODE_RESOLVE_FAILED`, `RIVVEN_CODE_CONNECTION_FAILED`,
/// `RIVVEN_CODE_CONNECTION_LOST`, `RIVVEN_CODE_TIMED_OUT`,
/// `RIVVEN_CODE_TLS_FAILED`, `RIVVEN_CODE_AUTHENTICATION_FAILED` and
/// `RIVVEN_CODE_AUTHENTICATION_REQUIRES_TLS` for the login of the configuration,
/// or `RIVVEN_CODE_MALFORMED_RESPONSE` and `RIVVEN_CODE_RESPONSE_TOO_LARGE` if it
/// is no Rivven broker), with several with
/// `RIVVEN_CODE_ALL_SERVERS_UNAVAILABLE`, whose message names each; with
/// `RIVVEN_CODE_CLOSED` after `rivven_client_close`. It may be called again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_connect(
    client: *mut rivven_client_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { on_client(client, error, |client| client.connect()?.wait()) }
}

/// Asks the broker for a sign of life.
///
/// Every request, this one and those below, fails as `rivven_client_connect`
/// does where no connection can be made; with `RIVVEN_CODE_TIMED_OUT` after
/// `request.timeout.ms`; with `RIVVEN_CODE_CONNECTION_LOST` if the connection
/// ends; with `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED`, and
/// `RIVVEN_CODE_INVALID_ARGUMENT` for wrong arguments, before anything is
/// sent. `rivven_error_outcome` tells whether the broker may have executed it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_ping(
    client: *mut rivven_client_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { on_client(client, error, |client| client.start(&ops::Ping)?.wait()) }
}

/// Closes the connections, after waiting for requests under way for at most `timeout_ms`.
///
/// A negative `timeout_ms` stands for `close.timeout.ms`. Requests that are
/// still without answer after it fail with `RIVVEN_CODE_CLOSED`, in the
/// threads that wait for them, and so does every later call. Closing twice is
/// no error. The handle has to be freed nevertheless.
///
/// Fails with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT` only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_close(
    client: *mut rivven_client_t,
    timeout_ms: i64,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: passed on to the caller.
    unsafe { on_client(client, error, |client| client.close(milliseconds(timeout_ms))?.wait()) }
}

/// Drops the caller's reference to a client; accepts NULL and never blocks.
///
/// A call that is under way in another thread keeps a reference of its own and
/// goes on to its end. After the last reference, a client that was not closed
/// is closed in the background within `close.timeout.ms`. The pointer must not
/// be used for a new call, in any thread, once this was called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_free(client: *mut rivven_client_t) {
    // SAFETY: the caller gives NULL or a client that is not used for a new call any more.
    silent(|| unsafe { handle::release(client) });
}
