//! Calls from other threads that wake the event loop.

use std::sync::Arc;

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status, sys};

/// Has the event loop call a function; weak: by itself it does not keep the process alive.
#[derive(Clone)]
pub(crate) struct Wake(Arc<ThreadsafeFunction<(), (), (), Status, false, true>>);

impl Wake {
    pub(crate) fn new(function: &Function<'_, (), ()>) -> napi::Result<Self> {
        Ok(Wake(Arc::new(function.build_threadsafe_function().weak::<true>().build()?)))
    }

    /// What a queue calls, from any thread, when there is something to drain.
    pub(crate) fn signal(&self) -> impl Fn() + Send + Sync + 'static {
        let Wake(function) = self.clone();
        move || {
            // An environment that is being torn down refuses: nobody waits for its answers.
            let _ = function.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// Keeps the event loop alive from now on.
    pub(crate) fn hold(&self, env: Env) {
        // SAFETY: the function is alive, as it was not aborted, and this is its environment's thread.
        self.if_alive(|function| unsafe { sys::napi_ref_threadsafe_function(env.raw(), function) });
    }

    /// Ends [`hold`](Wake::hold).
    pub(crate) fn release(&self, env: Env) {
        // SAFETY: as in `hold`.
        self.if_alive(|function| unsafe { sys::napi_unref_threadsafe_function(env.raw(), function) });
    }

    /// Calls with the function, unless its environment has ended.
    fn if_alive(&self, call: impl FnOnce(sys::napi_threadsafe_function) -> sys::napi_status) {
        self.0.handle.with_read_aborted(|aborted| {
            if !aborted {
                call(self.0.raw());
            }
        });
    }
}
