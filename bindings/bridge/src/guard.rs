//! Panics end here.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rivven_client::{Detail, Error, ErrorCode, Result};

/// Runs the body of an exported function; a panic becomes the error `INTERNAL`.
///
/// A panic that left a function of the C interface would abort the process.
/// Handles stay usable: nothing in them is left half-changed by a panic, since
/// their locks ignore poisoning and guard single steps.
#[inline]
pub fn catch_panic<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(internal(&*panic)))
}

fn internal(panic: &(dyn Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::Other(
        Detail::from(format!("a defect of the client was contained: {text}: please report it"))
            .with_code(ErrorCode::Internal),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let error = catch_panic::<()>(|| panic!("boom {}", 1)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Internal);
        assert!(error.to_string().contains("boom 1"));
        assert_eq!(catch_panic(|| Ok(7)).unwrap(), 7);
    }
}
