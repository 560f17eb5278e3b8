//! Waiting for an answer on a thread of the user's.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rivven_client::{Detail, Error, ErrorCode, Result};

/// An operation under way; its answer can be waited for in slices.
///
/// Dropping it loses the interest in the answer and nothing else.
#[derive(Debug)]
pub struct Call<T> {
    slot: Arc<Slot<T>>,
}

#[derive(Debug)]
struct Slot<T> {
    state: Mutex<State<T>>,
    settled: Condvar,
}

#[derive(Debug)]
enum State<T> {
    Open,
    Settled(Result<T>),
    /// The task ended without an answer: the runtime was shut down under it.
    Abandoned,
    Taken,
}

/// The other end of a [`Call`], held by the task that settles it.
#[derive(Debug)]
pub(crate) struct Settle<T>(Arc<Slot<T>>);

impl<T> Call<T> {
    pub(crate) fn new() -> (Self, Settle<T>) {
        let slot = Arc::new(Slot { state: Mutex::new(State::Open), settled: Condvar::new() });
        (Call { slot: Arc::clone(&slot) }, Settle(slot))
    }

    /// A call that is settled by a future without a task: whoever wakes the future goes on with it.
    pub(crate) fn driven(future: impl Future<Output = Result<T>> + Send + Unpin + 'static) -> Self
    where
        T: Send + 'static,
    {
        let (call, settle) = Call::new();
        Arc::new(Driven(Mutex::new(Some((future, settle))))).wake();
        call
    }

    /// Waits for the answer; the operation's own timeout bounds it.
    ///
    /// # Errors
    ///
    /// Those of the operation.
    pub fn wait(self) -> Result<T> {
        loop {
            if let Some(result) = self.wait_for(Duration::from_secs(3600)) {
                return result;
            }
        }
    }

    /// Waits for the answer at most so long; `None` if there is none yet.
    ///
    /// The answer is given once; asking again after it is `INVALID_STATE`.
    pub fn wait_for(&self, limit: Duration) -> Option<Result<T>> {
        let until = Instant::now() + limit;
        let mut state = self.slot.lock();
        while matches!(*state, State::Open) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = self.slot.settled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(match std::mem::replace(&mut *state, State::Taken) {
            State::Settled(result) => result,
            State::Abandoned => Err(abandoned()),
            State::Open | State::Taken => Err(taken()),
        })
    }
}

/// A future and what it settles, until it has.
struct Driven<T, F>(Mutex<Option<(F, Settle<T>)>>);

impl<T: Send + 'static, F: Future<Output = Result<T>> + Send + Unpin + 'static> Wake for Driven<T, F> {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let mut driven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((future, _)) = &mut *driven else { return };
        if let Poll::Ready(result) = Pin::new(future).poll(&mut Context::from_waker(&waker))
            && let Some((_, settle)) = driven.take()
        {
            settle.settle(result);
        }
    }
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, with: State<T>) {
        let mut state = self.lock();
        if matches!(*state, State::Open) {
            *state = with;
        }
        drop(state);
        self.settled.notify_all();
    }
}

impl<T> Settle<T> {
    pub(crate) fn settle(self, result: Result<T>) {
        self.0.settle(State::Settled(result));
    }
}

impl<T> Drop for Settle<T> {
    fn drop(&mut self) {
        self.0.settle(State::Abandoned);
    }
}

pub(crate) fn abandoned() -> Error {
    let text = "the background runtime ended before the answer came";
    Error::ConnectionError(Detail::from(text).with_code(ErrorCode::RuntimeGone))
}

fn taken() -> Error {
    Error::Misuse(Detail::from("the answer was taken already").with_code(ErrorCode::InvalidState))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_waited_for_in_slices() {
        let (call, settle) = Call::new();
        assert!(call.wait_for(Duration::from_millis(1)).is_none());
        let thread = std::thread::spawn(move || settle.settle(Ok(5)));
        assert_eq!(call.wait_for(Duration::from_secs(10)).unwrap().unwrap(), 5);
        assert_eq!(call.wait_for(Duration::ZERO).unwrap().unwrap_err().code(), ErrorCode::InvalidState);
        thread.join().unwrap();
    }

    #[test]
    fn a_future_settles_a_call_on_the_thread_that_wakes_it() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let call = Call::driven(Box::pin(async move { Ok(receiver.await.unwrap_or(0)) }));
        assert!(call.wait_for(Duration::from_millis(1)).is_none());
        sender.send(5).unwrap();
        assert_eq!(call.wait_for(Duration::ZERO).unwrap().unwrap(), 5);
        assert_eq!(Call::driven(std::future::ready(Ok(7))).wait().unwrap(), 7);
    }

    #[test]
    fn a_task_that_ends_without_an_answer_is_noticed() {
        let (call, settle) = Call::<()>::new();
        drop(settle);
        assert_eq!(call.wait().unwrap_err().code(), ErrorCode::RuntimeGone);
    }
}
