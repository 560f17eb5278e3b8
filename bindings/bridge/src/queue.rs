//! The completion queue: the one way out of the core into a foreign language.
//!
//! Answers are entered by the runtime's threads and drained by a thread of the
//! user's. The queue says that it has something by a [`Signal`], once per
//! burst: when it turns from empty to non-empty, not per entry.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rivven_client::Result;

use crate::answer::Answer;
use crate::call::abandoned;
use crate::signal::Descriptor;

/// The answer to one submitted operation.
#[derive(Debug)]
pub struct Completion {
    /// The number that the operation was submitted with.
    pub token: u64,
    /// What came of it.
    pub result: Result<Answer>,
}

/// The place of an answer that is due.
///
/// Dropped without one, because its task panicked or was shut down, it enters
/// an error: whoever waits for the token never waits for ever.
#[derive(Debug)]
pub(crate) struct Due {
    queue: Option<Arc<Queue>>,
    token: u64,
    result: Option<Result<Answer>>,
}

impl Due {
    pub(crate) fn new(queue: &Arc<Queue>, token: u64) -> Self {
        Due { queue: Some(Arc::clone(queue)), token, result: None }
    }

    pub(crate) fn settle(mut self, result: Result<Answer>) {
        self.result = Some(result);
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn waive(mut self) {
        self.queue = None;
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        let Some(queue) = self.queue.take() else { return };
        let result = self.result.take().unwrap_or_else(|| Err(abandoned()));
        queue.push(Completion { token: self.token, result });
    }
}

/// How a queue says that it has turned from empty to non-empty.
pub enum Signal {
    /// A descriptor becomes readable (C, asyncio).
    Descriptor(Descriptor),
    /// A function is called, on a thread of the runtime; it must not block (Node).
    Call(Box<dyn Fn() + Send + Sync>),
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signal::Descriptor(_) => "Descriptor",
            Signal::Call(_) => "Call",
        })
    }
}

impl Signal {
    /// A descriptor to wait on.
    ///
    /// # Errors
    ///
    /// An I/O error if the process has no descriptor left.
    pub fn with_descriptor() -> io::Result<Self> {
        Descriptor::new().map(Signal::Descriptor)
    }

    pub(crate) fn descriptor(&self) -> Option<RawFd> {
        match self {
            Signal::Descriptor(descriptor) => Some(descriptor.as_raw_fd()),
            Signal::Call(_) => None,
        }
    }

    /// Waits until the descriptor is readable or the time is over; returns early where there is none.
    fn wait(&self, limit: Option<Duration>) {
        if let Signal::Descriptor(descriptor) = self {
            descriptor.wait(limit);
        }
    }

    pub(crate) fn raise(&self) {
        match self {
            Signal::Descriptor(descriptor) => descriptor.raise(),
            Signal::Call(call) => call(),
        }
    }

    pub(crate) fn clear(&self) {
        if let Signal::Descriptor(descriptor) = self {
            descriptor.clear();
        }
    }
}

/// A queue of completions; share it by `Arc`.
#[derive(Debug)]
pub struct Queue {
    entries: Mutex<Entries>,
    signal: Signal,
}

#[derive(Debug, Default)]
struct Entries {
    waiting: VecDeque<Completion>,
    closed: bool,
}

impl Queue {
    /// A queue with a descriptor to wait on.
    ///
    /// # Errors
    ///
    /// An I/O error if the process has no descriptor left.
    pub fn with_descriptor() -> io::Result<Arc<Self>> {
        Ok(Self::new(Signal::with_descriptor()?))
    }

    /// A queue that calls `signal` once per burst.
    pub fn with_call(signal: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Self::new(Signal::Call(Box::new(signal)))
    }

    fn new(signal: Signal) -> Arc<Self> {
        Arc::new(Queue { entries: Mutex::default(), signal })
    }

    /// The descriptor that is readable while the queue has entries; `None` for a queue that calls.
    pub fn descriptor(&self) -> Option<RawFd> {
        self.signal.descriptor()
    }

    /// Enters a completion; never blocks. A closed queue drops it.
    pub fn push(&self, completion: Completion) {
        let mut entries = self.lock();
        if entries.closed {
            // The completion is dropped behind the lock, whatever is behind it.
            drop(entries);
            return drop(completion);
        }
        let was_empty = entries.waiting.is_empty();
        entries.waiting.push_back(completion);
        drop(entries);
        if was_empty {
            self.signal.raise();
        }
    }

    /// Takes everything that has been entered, oldest first; `None` if the queue is closed.
    ///
    /// The descriptor is cleared before the entries are taken: what is entered
    /// in between is either taken now (and the descriptor may stay readable
    /// once for nothing) or finds an empty queue and raises it again.
    pub fn take(&self) -> Option<VecDeque<Completion>> {
        self.signal.clear();
        let mut entries = self.lock();
        if entries.closed {
            // Whoever else waits has to see the end as well.
            self.signal.raise();
            return None;
        }
        Some(std::mem::take(&mut entries.waiting))
    }

    /// Takes like [`take`](Queue::take); a closed queue is empty.
    pub fn drain(&self) -> VecDeque<Completion> {
        self.take().unwrap_or_default()
    }

    /// Waits until there may be something to take, at most so long.
    ///
    /// It ends early for nothing at times, and always on a queue that calls.
    pub fn wait(&self, limit: Option<Duration>) {
        self.signal.wait(limit);
    }

    /// Drops what is in the queue and whatever comes later, and wakes those who wait.
    pub fn close(&self) {
        let mut entries = self.lock();
        entries.closed = true;
        let dropped = std::mem::take(&mut entries.waiting);
        drop(entries);
        self.signal.raise();
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn done(token: u64) -> Completion {
        Completion { token, result: Ok(Answer::Done) }
    }

    fn is_readable(queue: &Queue) -> bool {
        let mut poll = libc::pollfd { fd: queue.descriptor().unwrap(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid pollfd is given.
        unsafe { libc::poll(&mut poll, 1, 0) == 1 }
    }

    #[test]
    fn a_descriptor_is_readable_while_there_are_entries() {
        let queue = Queue::with_descriptor().unwrap();
        assert!(!is_readable(&queue));
        queue.push(done(1));
        queue.push(done(2));
        assert!(is_readable(&queue));
        let tokens: Vec<_> = queue.drain().into_iter().map(|completion| completion.token).collect();
        assert_eq!(tokens, [1, 2]);
        assert!(!is_readable(&queue));
        queue.push(done(3));
        assert!(is_readable(&queue));
    }

    #[test]
    fn a_call_comes_once_per_burst() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let queue = Queue::with_call(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        (0..5).for_each(|token| queue.push(done(token)));
        assert_eq!((calls.load(Ordering::Relaxed), queue.drain().len()), (1, 5));
        queue.push(done(5));
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn an_answer_that_never_comes_is_an_error() {
        let queue = Queue::with_call(|| ());
        drop(Due::new(&queue, 1));
        Due::new(&queue, 2).settle(Ok(Answer::Done));
        let entries: Vec<_> = queue.drain().into_iter().map(|entry| (entry.token, entry.result.is_ok())).collect();
        assert_eq!(entries, [(1, false), (2, true)]);
    }

    #[test]
    fn a_closed_queue_takes_nothing_and_wakes_everybody() {
        let queue = Queue::with_descriptor().unwrap();
        let waiting: Vec<_> = (0..3).map(|_| Arc::clone(&queue)).collect();
        let threads = waiting.into_iter().map(|queue| {
            std::thread::spawn(move || {
                while queue.take().is_some() {
                    queue.wait(None);
                }
            })
        });
        let threads: Vec<_> = threads.collect();
        queue.wait(Some(Duration::from_millis(1)));
        queue.close();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        queue.push(done(1));
        assert!(queue.take().is_none() && queue.drain().is_empty());
    }

    #[test]
    fn nothing_is_missed_between_threads() {
        const COUNT: u64 = 100_000;
        let queue = Queue::with_descriptor().unwrap();
        let writer = {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || (0..COUNT).for_each(|token| queue.push(done(token))))
        };
        let mut next = 0;
        while next < COUNT {
            let mut poll = libc::pollfd { fd: queue.descriptor().unwrap(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one valid pollfd is given.
            assert_eq!(unsafe { libc::poll(&mut poll, 1, 10_000) }, 1, "no signal though entries are due");
            for completion in queue.drain() {
                assert_eq!(completion.token, next);
                next += 1;
            }
        }
        writer.join().unwrap();
    }
}
