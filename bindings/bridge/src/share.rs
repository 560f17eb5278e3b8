//! What handles hold of the shared runtime.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use rivven_client::{Error, Properties, Result, StateChanges};

use crate::answer::Answer;
use crate::call::Call;
use crate::queue::{Completion, Due, Queue};
use crate::runtime::SharedRuntime;

/// A handle's share in the runtime, given back when the handle has been closed.
#[derive(Debug)]
pub(crate) struct Share(Mutex<Option<SharedRuntime>>);

impl Share {
    /// Takes a share, of a runtime with as many threads as are configured.
    ///
    /// # Errors
    ///
    /// As [`SharedRuntime::acquire`].
    pub(crate) fn acquire(properties: &Properties) -> Result<Arc<Self>> {
        let threads = properties.integer("runtime.threads").and_then(|threads| usize::try_from(threads).ok());
        Ok(Arc::new(Share(Mutex::new(Some(SharedRuntime::acquire(threads)?)))))
    }

    /// Runs a future whose output is then waited for; `CLOSED` of `what` once the share was given back.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        what: &str,
        future: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Call<T> {
        let (call, settle) = Call::new();
        match self.get() {
            Some(runtime) => runtime.spawn(async move { settle.settle(future.await) }),
            None => settle.settle(Err(Error::closed(what))),
        }
        call
    }

    /// Runs a future whose output goes to a queue; `CLOSED` of `what` once the share was given back.
    pub(crate) fn run_into<T>(
        &self,
        what: &str,
        queue: &Arc<Queue>,
        token: u64,
        future: impl Future<Output = Result<T>> + Send + 'static,
    ) where
        Answer: From<T>,
    {
        let due = Due::new(queue, token);
        match self.get() {
            Some(runtime) => runtime.spawn(async move { due.settle(future.await.map(Answer::from)) }),
            None => due.settle(Err(Error::closed(what))),
        }
    }

    /// Lets the changes of servers go to a queue under a token, until they end or the queue is gone.
    ///
    /// # Errors
    ///
    /// `CLOSED` of `what` once the share was given back.
    pub(crate) fn forward(&self, what: &str, mut changes: StateChanges, queue: &Arc<Queue>, token: u64) -> Result<()> {
        let runtime = self.get().ok_or_else(|| Error::closed(what))?;
        let queue = Arc::downgrade(queue);
        // The task has no share: it is not what keeps the runtime's threads.
        runtime.handle().spawn(async move {
            while let Some(change) = changes.next().await {
                let Some(queue) = queue.upgrade() else { return };
                queue.push(Completion { token, result: Ok(Answer::StateChange(Some(change))) });
            }
        });
        Ok(())
    }

    /// Closes a handle, gives its share back, and answers, in this order; a closed one answers at once.
    ///
    /// The task has no share of its own, so that the runtime of the last handle
    /// is on its way out when the answer comes; a task that runs is not
    /// interrupted by that.
    pub(crate) fn close<F>(
        self: &Arc<Self>,
        closing: impl FnOnce() -> F,
        answer: impl FnOnce(Result<()>) + Send + 'static,
    ) where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let Some(runtime) = self.get() else { return answer(Ok(())) };
        let (share, closing) = (Arc::clone(self), closing());
        let mut closed = Closed { result: Ok(()), answer: Some(answer) };
        runtime.handle().spawn(async move {
            closed.result = closing.await;
            drop(share.give_back());
            drop(closed);
        });
    }

    pub(crate) fn get(&self) -> Option<SharedRuntime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn give_back(&self) -> Option<SharedRuntime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The answer to a close, given when it is dropped.
///
/// A task that closes may be dropped by a close beside it that ended the
/// runtime: then the handle is closed all the same, and the answer is due.
struct Closed<F: FnOnce(Result<()>)> {
    result: Result<()>,
    answer: Option<F>,
}

impl<F: FnOnce(Result<()>)> Drop for Closed<F> {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            answer(std::mem::replace(&mut self.result, Ok(())));
        }
    }
}
