//! Bytes
//!
//! Keys and values are bytes of any kind, zeros included. Going in they are
//! copied before the function returns; coming out they are views into a batch.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use crate::guard::infallible;

/// A view of bytes that belong to somebody else.
///
/// `data` NULL with `len` 0 is nothing: no key, or an empty value. `data` not
/// NULL with `len` 0 is empty, which for a key is not the same as no key.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct rivven_bytes_t {
    /// The first byte.
    pub data: *const u8,
    /// The number of bytes.
    pub len: usize,
}

/// Nothing.
pub(crate) const NOTHING: rivven_bytes_t = rivven_bytes_t { data: ptr::null(), len: 0 };

impl From<&[u8]> for rivven_bytes_t {
    fn from(bytes: &[u8]) -> Self {
        rivven_bytes_t { data: bytes.as_ptr(), len: bytes.len() }
    }
}

/// Makes a view of `len` bytes at `data`.
///
/// The bytes have to live as long as the view is used. Nothing is copied.
#[unsafe(no_mangle)]
pub extern "C" fn rivven_bytes_from(data: *const c_void, len: usize) -> rivven_bytes_t {
    rivven_bytes_t { data: data.cast(), len }
}

/// Makes a view of the characters of a string, without the zero at its end.
///
/// The string has to live as long as the view is used. NULL gives nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_bytes_from_string(string: *const c_char) -> rivven_bytes_t {
    infallible(NOTHING, || {
        if string.is_null() {
            return Ok(NOTHING);
        }
        // SAFETY: the caller gives a string that ends with a zero.
        Ok(unsafe { CStr::from_ptr(string) }.to_bytes().into())
    })
}
