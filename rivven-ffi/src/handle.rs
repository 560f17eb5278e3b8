//! Handles: what stands behind the opaque pointers that C holds.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rivven_client::{Detail, Error, Result};

/// What a handle's marker becomes when it is freed.
const FREED: u64 = 0x7269_765f_6465_6164;

/// An opaque type of the header and what stands behind a pointer to it.
pub(crate) trait Opaque {
    /// What the handle holds.
    type Value;
    /// The number at the start of every handle of this type, by which it is recognised.
    const MARKER: u64;
    /// What error messages call it, and where it comes from.
    const NAME: (&'static str, &'static str);
}

/// The memory that a handle points to.
///
/// The marker comes first in every type, so that a pointer to a handle of
/// another type, or to one that was freed and whose memory was not used
/// again, is recognised. It is a safety net: a pointer to anything else
/// cannot be.
#[repr(C)]
struct Body<V> {
    marker: AtomicU64,
    value: V,
}

/// A reference of its own to a handle's value, which outlives the handle's release.
pub(crate) struct Shared<O: Opaque>(Arc<Body<O::Value>>);

impl<O: Opaque> Deref for Shared<O> {
    type Target = O::Value;

    fn deref(&self) -> &O::Value {
        &self.0.value
    }
}

/// Makes a handle, which the caller owns and [`release`]s.
pub(crate) fn make<O: Opaque>(value: O::Value) -> *mut O {
    let body = Body { marker: AtomicU64::new(O::MARKER), value };
    Arc::into_raw(Arc::new(body)).cast_mut().cast()
}

/// The value of a handle.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for NULL, a handle of another type or a freed one.
///
/// # Safety
///
/// A pointer that is not NULL points to readable memory, and a handle that it
/// points to is not released before the reference ends.
#[inline]
pub(crate) unsafe fn borrow<'a, O: Opaque>(handle: *const O) -> Result<&'a O::Value> {
    // SAFETY: the caller promises what `check` needs, and that the handle lives.
    unsafe { check(handle).map(|body| &(*body).value) }
}

/// A reference of its own to a handle's value, for calls that other threads may overtake with a release.
///
/// # Errors
///
/// As [`borrow`].
///
/// # Safety
///
/// As [`borrow`], until this returns.
pub(crate) unsafe fn share<O: Opaque>(handle: *const O) -> Result<Shared<O>> {
    // SAFETY: a pointer that `check` accepts came from `Arc::into_raw`, and the
    // caller's own reference keeps the count above zero during this call.
    unsafe {
        let body = check(handle)?;
        Arc::increment_strong_count(body);
        Ok(Shared(Arc::from_raw(body)))
    }
}

/// Drops the caller's reference; NULL and what is no such handle are left alone.
///
/// # Safety
///
/// A pointer that is not NULL points to readable memory.
pub(crate) unsafe fn release<O: Opaque>(handle: *mut O) {
    // SAFETY: the caller promises what `check` needs. The exchange succeeds for
    // one caller only, who owns the reference that `make` gave away.
    unsafe {
        let Ok(body) = check(handle.cast_const()) else { return };
        let freed = (*body).marker.compare_exchange(O::MARKER, FREED, Ordering::AcqRel, Ordering::Relaxed);
        if freed.is_ok() {
            drop(Arc::from_raw(body));
        }
    }
}

/// The value of a handle that is filled step by step.
///
/// It is meant for one thread at a time; the lock keeps those that disobey from
/// doing worse than waiting.
pub(crate) fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body of a handle, once the pointer has been found to lead to one.
///
/// # Safety
///
/// A pointer that is not NULL points to readable memory.
#[inline]
unsafe fn check<O: Opaque>(handle: *const O) -> Result<*const Body<O::Value>> {
    let body: *const Body<O::Value> = handle.cast();
    if body.is_null() {
        return Err(wrong::<O>("is NULL"));
    }
    if !body.is_aligned() {
        return Err(wrong::<O>("is no handle"));
    }
    // SAFETY: the memory is readable, the pointer aligned, and every bit pattern is a number.
    match unsafe { (*body).marker.load(Ordering::Acquire) } {
        marker if marker == O::MARKER => Ok(body),
        FREED => Err(wrong::<O>("was freed")),
        _ => Err(wrong::<O>("is a handle of another type or was freed")),
    }
}

fn wrong<O: Opaque>(problem: &str) -> Error {
    let (name, origin) = O::NAME;
    Error::Misuse(Detail::from(format!("the {name} {problem}: pass one that {origin} gave and that is not freed yet")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr;

    struct Number;

    impl Opaque for Number {
        type Value = Arc<u32>;
        const MARKER: u64 = 1;
        const NAME: (&'static str, &'static str) = ("number", "a test");
    }

    struct Other;

    impl Opaque for Other {
        type Value = u8;
        const MARKER: u64 = 2;
        const NAME: (&'static str, &'static str) = ("other", "a test");
    }

    #[test]
    fn a_shared_value_outlives_the_handle() {
        let value = Arc::new(7);
        let handle = make::<Number>(Arc::clone(&value));
        // SAFETY: the handle lives, and its memory lives as long as `shared`.
        unsafe {
            let shared = share(handle).unwrap();
            release(handle);
            assert_eq!(**shared, 7);
            assert!(borrow(handle).unwrap_err().to_string().contains("was freed"));
            release(handle);
            drop(shared);
        }
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn null_and_other_handles_are_refused() {
        let other = make::<Other>(3);
        // SAFETY: the pointers are NULL or point to a living handle.
        unsafe {
            assert!(borrow::<Number>(ptr::null()).is_err());
            assert!(borrow::<Number>(other.cast()).is_err());
            assert!(borrow::<Number>(other.cast::<u8>().add(1).cast()).is_err());
            release::<Number>(other.cast());
            assert_eq!(*borrow(other).unwrap(), 3);
            release(other);
            release::<Other>(ptr::null_mut());
        }
    }
}
