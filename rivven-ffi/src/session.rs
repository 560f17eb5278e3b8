//! Login
//!
//! With `auth.username` and `auth.password` in the configuration a client logs
//! in by itself; these functions are for credentials that come later. Neither
//! the password nor anything that stands for it is in any error message.

use std::ffi::{CString, c_char};
use std::ptr;

use rivven_bridge::Client;
use rivven_client::{AuthConfig, AuthSession, Result};

use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{infallible, silent};
use crate::handle::{self, Opaque};
use crate::input::text;

/// What a login gave.
///
/// It belongs to the caller, who frees it with `rivven_session_free`; the login
/// holds all the same. It never changes, so it may be read from any thread.
pub struct rivven_session_t {
    _opaque: [u8; 0],
}

/// A session in the form that C reads.
pub(crate) struct Session {
    id: CString,
    expires_in: u64,
}

impl Opaque for rivven_session_t {
    type Value = Session;
    const MARKER: u64 = 0x7269_765f_7365_7373;
    const NAME: (&'static str, &'static str) = ("session", "rivven_client_authenticate");
}

impl From<AuthSession> for Session {
    fn from(session: AuthSession) -> Self {
        Session { id: c_string(session.session_id), expires_in: session.expires_in }
    }
}

/// Logs in and stores the session, unless the caller does not want it.
///
/// # Safety
///
/// The session is NULL or can be written.
unsafe fn log_in(client: &Client, auth: &AuthConfig, session: *mut *mut rivven_session_t) -> Result<()> {
    let given = client.log_in(auth)?.wait()?;
    if !session.is_null() {
        // SAFETY: the caller promises that it can be written.
        unsafe { session.write(handle::make(given.into())) };
    }
    Ok(())
}

/// Logs in with the password itself, on the connection in use and on every later one.
///
/// Without TLS it fails before a byte of the password is sent. The session
/// goes to `*session`, which may be NULL; the caller frees it with
/// `rivven_session_free`. Credentials that the broker refuses are not kept:
/// those used before, if there are any, stay in use for later connections.
///
/// Fails with `RIVVEN_CODE_AUTHENTICATION_FAILED` for a wrong password, an
/// unknown user (brokers do not tell which) and a broker that runs without
/// authentication, `RIVVEN_CODE_AUTHENTICATION_REQUIRES_TLS`, and as every
/// request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_authenticate(
    client: *mut rivven_client_t,
    username: *const c_char,
    password: *const c_char,
    session: *mut *mut rivven_session_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives strings that end with a zero, and room for the output.
    unsafe {
        on_client(client, error, |client| {
            let auth = AuthConfig::plain(text(username, "username")?, text(password, "password")?);
            log_in(client, &auth, session)
        })
    }
}

/// Logs in by SCRAM-SHA-256, on the connection in use and on every later one.
///
/// The password is never sent, so this may be used without TLS, and the broker
/// has to prove that it knows the password too. Everything else is as with
/// `rivven_client_authenticate`.
///
/// Fails with `RIVVEN_CODE_AUTHENTICATION_FAILED`, also if the broker's proof
/// is wrong, and as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_authenticate_scram(
    client: *mut rivven_client_t,
    username: *const c_char,
    password: *const c_char,
    session: *mut *mut rivven_session_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives strings that end with a zero, and room for the output.
    unsafe {
        on_client(client, error, |client| {
            let auth = AuthConfig::new(text(username, "username")?, text(password, "password")?);
            log_in(client, &auth, session)
        })
    }
}

/// Gives the broker's name for the session, which is informative only; NULL for NULL.
///
/// It lives as long as the session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_session_id(session: *const rivven_session_t) -> *const c_char {
    // SAFETY: the caller gives NULL or a session.
    infallible(ptr::null(), || Ok(unsafe { handle::borrow(session)? }.id.as_ptr()))
}

/// Gives how long the login holds, in seconds from when it was made; 0 for NULL.
///
/// The client renews it by itself before it expires.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_session_expires_in(session: *const rivven_session_t) -> u64 {
    // SAFETY: the caller gives NULL or a session.
    infallible(0, || Ok(unsafe { handle::borrow(session)? }.expires_in))
}

/// Frees a session; accepts NULL. The client stays logged in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_session_free(session: *mut rivven_session_t) {
    // SAFETY: the caller gives NULL or a session that is not used any more.
    silent(|| unsafe { handle::release(session) });
}
