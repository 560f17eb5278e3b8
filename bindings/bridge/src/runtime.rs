//! The one background runtime that all handles of a process share.
//!
//! It starts with the first handle and ends with the last. Its threads are
//! named `rivven-*`; no code of the user ever runs on them.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rivven_client::{Detail, Error, ErrorCode, Result};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::fork::{ForkMark, PerProcess};

/// A share in the runtime; it lives as long as any share does.
#[derive(Debug, Clone)]
pub struct SharedRuntime(Arc<Owner>);

#[derive(Debug)]
struct Owner {
    runtime: Option<Runtime>,
    threads: usize,
    mark: ForkMark,
}

/// The runtime of this process, if a share in it lives.
static RUNNING: PerProcess<Mutex<Weak<Owner>>> = PerProcess::new();

/// The number of worker threads where none is configured.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(1, 4))
}

impl SharedRuntime {
    /// Takes a share, starting the runtime if there is none.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` if it runs with another number of threads than asked
    /// for, `IO` if the threads cannot be started.
    pub fn acquire(threads: Option<usize>) -> Result<Self> {
        let mut current = RUNNING.get().lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(owner) = current.upgrade() {
            return match threads {
                Some(wanted) if wanted != owner.threads => Err(other_size(wanted, owner.threads)),
                _ => Ok(SharedRuntime(owner)),
            };
        }
        let owner = Arc::new(Owner::start(threads.unwrap_or_else(default_threads))?);
        *current = Arc::downgrade(&owner);
        Ok(SharedRuntime(owner))
    }

    /// The handle by which tasks are spawned.
    pub fn handle(&self) -> &Handle {
        match &self.0.runtime {
            Some(runtime) => runtime.handle(),
            None => unreachable!("the runtime is taken only when its last share is dropped"),
        }
    }

    /// Runs a future on the runtime's threads; the share lives until it ends.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let share = self.clone();
        self.handle().spawn(async move {
            future.await;
            drop(share);
        });
    }
}

impl Owner {
    fn start(threads: usize) -> Result<Self> {
        let counter = AtomicUsize::new(0);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name_fn(move || format!("rivven-{}", counter.fetch_add(1, Ordering::Relaxed)))
            .on_thread_start(leave_signals_alone)
            .enable_all()
            .build()?;
        Ok(Owner { runtime: Some(runtime), threads, mark: ForkMark::here() })
    }
}

impl Drop for Owner {
    /// Never blocks, as it may run on a worker, in a callback or at exit.
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        if self.mark.is_here() {
            runtime.shutdown_background();
        } else {
            // The threads are the parent's: there is nothing to shut down.
            std::mem::forget(runtime);
        }
    }
}

/// Has signals that are sent to the process delivered to threads of the program.
///
/// Those that a thread causes itself stay as they are, and the one of profilers, which is for every thread.
fn leave_signals_alone() {
    const OWN: [libc::c_int; 7] =
        [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGPROF];
    // SAFETY: the set is filled before it is read, and only this thread's mask is changed.
    unsafe {
        let mut signals = std::mem::zeroed();
        libc::sigfillset(&mut signals);
        OWN.iter().for_each(|signal| {
            libc::sigdelset(&mut signals, *signal);
        });
        libc::pthread_sigmask(libc::SIG_BLOCK, &signals, std::ptr::null_mut());
    }
}

fn other_size(wanted: usize, running: usize) -> Error {
    Error::ConfigError(
        Detail::from(format!(
            "runtime.threads is {wanted}, but the runtime that all clients of the process share was started with {running}: set it on the first client only"
        ))
        .with_code(ErrorCode::InvalidConfig),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_lives_as_long_as_a_share_and_keeps_its_size() {
        let first = SharedRuntime::acquire(Some(1)).unwrap();
        let second = SharedRuntime::acquire(None).unwrap();
        assert!(Arc::ptr_eq(&first.0, &second.0));
        assert_eq!(SharedRuntime::acquire(Some(3)).unwrap_err().code(), ErrorCode::InvalidConfig);
        drop((first, second));
        let third = SharedRuntime::acquire(Some(3)).unwrap();
        assert_eq!(third.0.threads, 3);
    }

    #[test]
    fn the_last_share_may_be_dropped_on_a_worker() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let runtime = Owner::start(1).unwrap();
        let share = SharedRuntime(Arc::new(runtime));
        share.spawn(async move { sender.send(()).unwrap() });
        drop(share);
        receiver.recv().unwrap();
    }
}
