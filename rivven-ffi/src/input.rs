//! Arguments: checked here, before anything is done with them.

use std::ffi::{CStr, c_char};
use std::time::Duration;

use rivven_client::{Detail, Error, Result};

use crate::bytes::rivven_bytes_t;

/// The error `INVALID_ARGUMENT`.
pub(crate) fn invalid(text: String) -> Error {
    Error::Misuse(Detail::from(text))
}

/// The text of a string argument.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for NULL and for what is not UTF-8.
///
/// # Safety
///
/// The string is NULL or ends with a zero, and does not change before `'a` ends.
pub(crate) unsafe fn text<'a>(string: *const c_char, name: &str) -> Result<&'a str> {
    if string.is_null() {
        return Err(invalid(format!("{name} is NULL: pass a string")));
    }
    // SAFETY: the caller promises that it ends with a zero.
    let bytes = unsafe { CStr::from_ptr(string) };
    bytes.to_str().map_err(|error| invalid(format!("{name} is not valid UTF-8: {error}")))
}

/// The text of a string argument that may be NULL, for none.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for what is not UTF-8.
///
/// # Safety
///
/// As [`text`].
pub(crate) unsafe fn optional_text<'a>(string: *const c_char, name: &str) -> Result<Option<&'a str>> {
    // SAFETY: passed on to the caller.
    if string.is_null() { Ok(None) } else { unsafe { text(string, name).map(Some) } }
}

/// The texts of an array of strings.
///
/// # Errors
///
/// As [`array`], and as [`text`] for each.
///
/// # Safety
///
/// As [`array`], and as [`text`] for each.
pub(crate) unsafe fn texts<'a>(strings: *const *const c_char, count: usize, name: &str) -> Result<Vec<&'a str>> {
    // SAFETY: passed on to the caller.
    unsafe { array(strings, count, name)?.iter().map(|&string| text(string, &format!("a string of {name}"))).collect() }
}

/// The bytes behind a view, or `None` if it is nothing.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for NULL with a length, and for an impossible length.
///
/// # Safety
///
/// The view is valid and its bytes do not change before `'a` ends.
#[inline]
pub(crate) unsafe fn bytes<'a>(view: rivven_bytes_t, name: &str) -> Result<Option<&'a [u8]>> {
    let rivven_bytes_t { data, len } = view;
    match (data.is_null(), isize::try_from(len)) {
        (true, Ok(0)) => Ok(None),
        (true, _) => Err(invalid(format!("{name} is NULL with a length of {len}"))),
        (false, Err(_)) => Err(invalid(format!("{name} has an impossible length of {len}"))),
        // SAFETY: the caller promises so many readable bytes.
        (false, Ok(_)) => Ok(Some(unsafe { std::slice::from_raw_parts(data, len) })),
    }
}

/// An array argument; NULL is allowed for no elements.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for NULL with a count, and for an impossible count.
///
/// # Safety
///
/// The array has `count` elements, which do not change before `'a` ends.
pub(crate) unsafe fn array<'a, T>(data: *const T, count: usize, name: &str) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(invalid(format!("{name} is NULL with a count of {count}")));
    }
    match count.checked_mul(size_of::<T>()).map(isize::try_from) {
        // SAFETY: the caller promises so many readable elements.
        Some(Ok(_)) => Ok(unsafe { std::slice::from_raw_parts(data, count) }),
        _ => Err(invalid(format!("{name} has an impossible count of {count}"))),
    }
}

/// A number of 32 bits, or `None` for -1.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for everything else.
#[inline]
pub(crate) fn number_or_default(value: i64, name: &str) -> Result<Option<u32>> {
    match value {
        -1 => Ok(None),
        _ => match u32::try_from(value) {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(invalid(format!("{name} is {value}: pass 0 to {} or -1 for the broker's choice", u32::MAX))),
        },
    }
}

/// An isolation level, or `None` for -1.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for what the protocol cannot carry.
pub(crate) fn isolation(level: i32) -> Result<Option<u8>> {
    match level {
        -1 => Ok(None),
        _ => match u8::try_from(level) {
            Ok(level) => Ok(Some(level)),
            Err(_) => Err(invalid(format!("isolation_level is {level}: pass one of RIVVEN_ISOLATION_..."))),
        },
    }
}

/// A time in milliseconds that has to be given.
///
/// # Errors
///
/// `INVALID_ARGUMENT` if it is negative.
pub(crate) fn wait(value: i64, name: &str) -> Result<Duration> {
    milliseconds(value).ok_or_else(|| invalid(format!("{name} is {value}: pass 0 or more milliseconds")))
}

/// A time that the protocol carries as milliseconds in 32 bits.
///
/// # Errors
///
/// `INVALID_ARGUMENT` if it is negative or longer.
pub(crate) fn milliseconds_32(value: i64, name: &str) -> Result<u32> {
    u32::try_from(value).map_err(|_| invalid(format!("{name} is {value}: pass 0 to {} milliseconds", u32::MAX)))
}

/// A time in milliseconds, or `None` if it is negative.
pub(crate) fn milliseconds(value: i64) -> Option<Duration> {
    u64::try_from(value).ok().map(Duration::from_millis)
}

/// Refuses a call that does not say where its handle is to be stored.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for NULL.
pub(crate) fn required<T>(output: *mut *mut T, name: &str) -> Result<()> {
    if output.is_null() { Err(invalid(format!("{name} is NULL: pass the address of a pointer"))) } else { Ok(()) }
}

/// Stores an output, unless the caller does not want it.
///
/// # Safety
///
/// The output is NULL or can be written.
pub(crate) unsafe fn store<T>(output: *mut T, value: T) {
    if !output.is_null() {
        // SAFETY: the caller promises that it can be written.
        unsafe { output.write(value) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rivven_client::ErrorCode;
    use std::ptr;

    #[test]
    fn texts_are_checked() {
        // SAFETY: the strings end with a zero.
        unsafe {
            assert_eq!(text(c"a".as_ptr(), "x").unwrap(), "a");
            assert_eq!(text(ptr::null(), "x").unwrap_err().code(), ErrorCode::InvalidArgument);
            assert_eq!(text(c"\xff".as_ptr(), "x").unwrap_err().code(), ErrorCode::InvalidArgument);
        }
    }

    #[test]
    fn an_empty_view_is_not_nothing() {
        let view = |data, len| rivven_bytes_t { data, len };
        // SAFETY: the views are NULL, empty, or refused by their length.
        unsafe {
            assert_eq!(bytes(view(ptr::null(), 0), "x").unwrap(), None);
            assert_eq!(bytes(view(b"".as_ptr(), 0), "x").unwrap(), Some(&b""[..]));
            assert!(bytes(view(ptr::null(), 1), "x").is_err());
            assert!(bytes(view(b"".as_ptr(), usize::MAX), "x").is_err());
            assert!(array::<u64>(b"".as_ptr().cast(), usize::MAX / 4, "x").is_err());
        }
    }

    #[test]
    fn numbers_are_checked() {
        assert_eq!(number_or_default(-1, "x").unwrap(), None);
        assert_eq!(number_or_default(i64::from(u32::MAX), "x").unwrap(), Some(u32::MAX));
        assert!(number_or_default(-2, "x").is_err());
        assert!(number_or_default(1 << 32, "x").is_err());
        assert_eq!(isolation(-1).unwrap(), None);
        assert_eq!(isolation(255).unwrap(), Some(255));
        assert!(isolation(-2).is_err());
        assert!(isolation(256).is_err());
        assert_eq!(milliseconds_32(i64::from(u32::MAX), "x").unwrap(), u32::MAX);
        assert!(milliseconds_32(-1, "x").is_err());
        assert!(milliseconds_32(1 << 32, "x").is_err());
        assert_eq!(wait(7, "x").unwrap(), Duration::from_millis(7));
        assert!(wait(-1, "x").is_err());
        assert_eq!(milliseconds(-5), None);
        assert_eq!(milliseconds(0), Some(Duration::ZERO));
    }
}
