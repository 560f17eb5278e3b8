//! Errors
//!
//! A function that fails returns the code, and stores an error with everything
//! else where its last argument points. Who passes NULL there gets the code
//! alone.
//!
//!     rivven_error_t *error = NULL;
//!     if (rivven_client_ping(client, &error) != RIVVEN_CODE_OK) {
//!         fprintf(stderr, "%s\n", rivven_error_message(error));
//!         rivven_error_free(error);
//!     }

use std::ffi::{CString, c_char};
use std::ptr;

use rivven_client::{Error, Result};

use crate::code::{rivven_code, rivven_outcome, words};
use crate::guard::{infallible, silent};
use crate::handle::{self, Opaque};

/// What went wrong in one call.
///
/// It belongs to the caller, who frees it with `rivven_error_free`, and lives
/// independently of every other handle. It never changes, so it may be read
/// from any thread. All functions on it accept NULL, which stands for no error.
pub struct rivven_error_t {
    _opaque: [u8; 0],
}

/// An error in the form that C reads.
#[derive(Clone)]
pub(crate) struct Failure {
    code: rivven_code,
    outcome: rivven_outcome,
    message: CString,
    address: Option<CString>,
    registry_code: Option<u32>,
    retriable: bool,
    fatal: bool,
    abortable: bool,
}

impl Opaque for rivven_error_t {
    type Value = Failure;
    const MARKER: u64 = 0x7269_765f_6572_726f;
    const NAME: (&'static str, &'static str) = ("error", "a function of this library");
}

impl Failure {
    /// The failure for an error, in words that stand alone.
    pub(crate) fn new(error: &Error, message: String) -> Self {
        Failure {
            code: error.code().into(),
            outcome: error.outcome().into(),
            message: c_string(message),
            address: error.address().map(|address| c_string(address.to_owned())),
            registry_code: error.registry_code(),
            retriable: error.is_retriable(),
            fatal: error.is_fatal(),
            abortable: error.is_abortable(),
        }
    }

    pub(crate) fn code(&self) -> rivven_code {
        self.code
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::new(&error, error.to_string())
    }
}

/// A string for C; a zero within, which C would take for its end, becomes U+FFFD.
pub(crate) fn c_string(text: String) -> CString {
    CString::new(text).unwrap_or_else(|error| {
        CString::new(String::from_utf8_lossy(&error.into_vec()).replace('\0', "\u{fffd}")).unwrap_or_default()
    })
}

/// Reads an error; `otherwise` is what stands for no error.
unsafe fn read<T>(error: *const rivven_error_t, otherwise: T, read: impl FnOnce(&Failure) -> T) -> T {
    // SAFETY: the caller gives NULL or an error.
    infallible(otherwise, || -> Result<T> { Ok(read(unsafe { handle::borrow(error)? })) })
}

/// Gives the code: `RIVVEN_CODE_OK` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_error_code(error: *const rivven_error_t) -> rivven_code {
    // SAFETY: the caller gives NULL or an error.
    unsafe { read(error, rivven_code::Ok, |failure| failure.code) }
}

/// Gives the name of the code, as `rivven_code_name` does; never NULL, static.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_error_name(error: *const rivven_error_t) -> *const c_char {
    // SAFETY: the caller gives NULL or an error.
    unsafe { read(error, c"OK".as_ptr(), |failure| words(failure.code as i32).0.as_ptr()) }
}

/// Gives the message for people: what was attempted, on what, what happened, what to try.
///
/// UTF-8, never NULL, empty for no error; it lives as long as the error. The
/// wording may change between releases: programs decide by the code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_error_message(error: *const rivven_error_t) -> *const c_char {
    // SAFETY: the caller gives NULL or an error.
    unsafe { read(error, c"".as_ptr(), |failure| failure.message.as_ptr()) }
}

/// Gives the server concerned, `host:port` as it was dialled; NULL if none is.
///
/// It lives as long as the error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_error_address(error: *const rivven_error_t) -> *const c_char {
    // SAFETY: the caller gives NULL or an error.
    unsafe { read(error, ptr::null(), |failure| failure.address.as_ref().map_or(ptr::null(), |text| text.as_ptr())) }
}

/// Gives what is known of the request: not executed, unknown, or refused by the broker.
///
/// `RIVVEN_OUTCOME_NOT_SENT` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_error_outcome(error: *const rivven_error_t) -> rivven_outcome {
    // SAFETY: the caller gives NULL or an error.
    unsafe { read(error, rivven_outcome::NotSent, |failure| failure.outcome) }
}

/// Gives the schema registry's own number for the error, such as 42201; -1 where it gave none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_error_registry_code(error: *const rivven_error_t) -> i64 {
    // SAFETY: the caller gives NULL or an error.
    unsafe { read(error, -1, |failure| failure.registry_code.map_or(-1, i64::from)) }
}

/// Tells whether the same call may succeed when it is repeated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_error_is_retriable(error: *const rivven_error_t) -> bool {
    // SAFETY: the caller gives NULL or an error.
    unsafe { read(error, false, |failure| failure.retriable) }
}

/// Tells whether the handle that gave the error is of no use any more: make a new one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_error_is_fatal(error: *const rivven_error_t) -> bool {
    // SAFETY: the caller gives NULL or an error.
    unsafe { read(error, false, |failure| failure.fatal) }
}

/// Tells whether an open transaction has to be aborted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_error_is_abortable(error: *const rivven_error_t) -> bool {
    // SAFETY: the caller gives NULL or an error.
    unsafe { read(error, false, |failure| failure.abortable) }
}

/// Frees an error and the strings it gave; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_error_free(error: *mut rivven_error_t) {
    // SAFETY: the caller gives NULL or an error that is not used any more.
    silent(|| unsafe { handle::release(error) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_within_a_text_survives() {
        assert_eq!(c_string("a\0b".to_owned()).to_str().unwrap(), "a\u{fffd}b");
    }
}
