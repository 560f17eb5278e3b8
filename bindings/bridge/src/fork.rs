//! What happens to handles in a forked child.
//!
//! The threads of the runtime do not exist in the child, so a handle of the
//! parent can never be served there. Every entry checks for that; a handle
//! made in the child works.

use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use rivven_client::{Error, Result};

/// Counts the forks between the first process and this one.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Marks the process in which a handle was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForkMark(u64);

impl ForkMark {
    /// The mark of the present process.
    pub fn here() -> Self {
        watch();
        ForkMark(GENERATION.load(Ordering::Relaxed))
    }

    /// Whether the present process is the one that made the mark.
    #[inline]
    pub fn is_here(self) -> bool {
        self.0 == GENERATION.load(Ordering::Relaxed)
    }

    /// The error `FORKED` in a child of the process that made the mark.
    #[inline]
    pub fn check(self, what: &str) -> Result<()> {
        if self.is_here() { Ok(()) } else { Err(Error::forked(what)) }
    }
}

/// One value for each process: a forked child makes its own.
///
/// It leaves the parent's alone, since a lock in it may have been held at the fork.
pub(crate) struct PerProcess<T>(AtomicPtr<Slot<T>>);

struct Slot<T> {
    mark: ForkMark,
    value: T,
}

impl<T: Default + Sync + 'static> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        PerProcess(AtomicPtr::new(ptr::null_mut()))
    }

    /// The value of this process.
    pub(crate) fn get(&self) -> &'static T {
        let here = ForkMark::here();
        loop {
            let seen = self.0.load(Ordering::Acquire);
            // SAFETY: a slot that was published is never freed.
            if let Some(slot) = unsafe { seen.as_ref() }
                && slot.mark == here
            {
                return &slot.value;
            }
            let fresh = Box::into_raw(Box::new(Slot { mark: here, value: T::default() }));
            if self.0.compare_exchange(seen, fresh, Ordering::AcqRel, Ordering::Acquire).is_err() {
                // SAFETY: `fresh` was not published, so this is its only owner.
                drop(unsafe { Box::from_raw(fresh) });
            }
        }
    }
}

/// Has the child of every later `fork` count itself.
fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler only increments an atomic, which is allowed in
        // the child of a process with threads, and it is never unloaded: the
        // libraries are linked with `-z nodelete`.
        unsafe { libc::pthread_atfork(None, None, Some(child)) };
    });
}

extern "C" fn child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}
