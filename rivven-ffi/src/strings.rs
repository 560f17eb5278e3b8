//! Lists of strings

use std::ffi::{CString, c_char};
use std::ptr;

use crate::error::c_string;
use crate::guard::{infallible, silent};
use crate::handle::{self, Opaque};

/// A list of strings that a function gave.
///
/// It belongs to the caller, who frees it with `rivven_strings_free`. It never
/// changes, so it may be read from any thread.
pub struct rivven_strings_t {
    _opaque: [u8; 0],
}

impl Opaque for rivven_strings_t {
    type Value = Vec<CString>;
    const MARKER: u64 = 0x7269_765f_7374_7273;
    const NAME: (&'static str, &'static str) = ("list of strings", "a function of this library");
}

/// Makes the handle of a list.
pub(crate) fn list(strings: Vec<String>) -> *mut rivven_strings_t {
    handle::make(strings.into_iter().map(c_string).collect())
}

/// A string that C may look at; NULL for none.
pub(crate) fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

/// Gives the number of strings; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_strings_len(strings: *const rivven_strings_t) -> usize {
    // SAFETY: the caller gives NULL or a list.
    infallible(0, || Ok(unsafe { handle::borrow(strings)? }.len()))
}

/// Gives a string; NULL if `index` is not below the number of strings.
///
/// UTF-8; it lives as long as the list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_strings_get(strings: *const rivven_strings_t, index: usize) -> *const c_char {
    infallible(ptr::null(), || {
        // SAFETY: the caller gives NULL or a list.
        let strings = unsafe { handle::borrow(strings)? };
        Ok(strings.get(index).map_or(ptr::null(), |string| string.as_ptr()))
    })
}

/// Frees a list and its strings; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_strings_free(strings: *mut rivven_strings_t) {
    // SAFETY: the caller gives NULL or a list that is not used any more.
    silent(|| unsafe { handle::release(strings) });
}
