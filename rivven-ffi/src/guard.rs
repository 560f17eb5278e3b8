//! The frame of every exported function: panics end here, errors become codes.

use rivven_bridge::catch_panic;
use rivven_client::Result;

use crate::code::rivven_code;
use crate::error::{Failure, rivven_error_t};
use crate::handle::{self, Opaque};

/// Runs the body of a function that can fail; a failure is stored in `error` unless that is NULL.
///
/// # Safety
///
/// `error` is NULL or can be written.
#[inline]
pub(crate) unsafe fn fallible<E: Into<Failure>>(
    error: *mut *mut rivven_error_t,
    body: impl FnOnce() -> Result<(), E>,
) -> rivven_code {
    let result = catch_panic(|| Ok(body())).map_err(Failure::from).and_then(|result| result.map_err(E::into));
    let Err(failure) = result else { return rivven_code::Ok };
    let code = failure.code();
    if !error.is_null() {
        // SAFETY: the caller promises that it can be written.
        unsafe { error.write(handle::make(failure)) };
    }
    code
}

/// Runs the body of a function that cannot fail but has a value for wrong arguments.
pub(crate) fn infallible<T>(otherwise: T, body: impl FnOnce() -> Result<T>) -> T {
    catch_panic(body).unwrap_or(otherwise)
}

/// Reads from a handle; `otherwise` is what stands for a wrong handle, and for what it does not have.
///
/// # Safety
///
/// As `handle::borrow`.
pub(crate) unsafe fn read<O: Opaque, T>(
    handle: *const O,
    otherwise: T,
    read: impl FnOnce(&O::Value) -> Option<T>,
) -> T {
    // SAFETY: passed on to the caller.
    infallible(None, || Ok(read(unsafe { handle::borrow(handle)? }))).unwrap_or(otherwise)
}

/// Runs the body of a function without result.
pub(crate) fn silent(body: impl FnOnce()) {
    infallible((), || {
        body();
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use rivven_client::Error;
    use std::ptr;

    #[test]
    fn a_panic_becomes_a_code_and_an_error() {
        let mut error = ptr::null_mut();
        // SAFETY: the error can be written, and is released once.
        unsafe {
            let code = fallible(&raw mut error, || -> Result<(), Error> { panic!("boom") });
            assert_eq!(code, rivven_code::Internal);
            assert_eq!(handle::borrow(error.cast_const()).unwrap().code(), rivven_code::Internal);
            handle::release(error);
            assert_eq!(fallible(ptr::null_mut(), || -> Result<(), Error> { panic!("boom") }), rivven_code::Internal);
        }
        assert_eq!(infallible(7, || panic!("boom")), 7);
    }
}
