//! Calls of a consumer in which the program is called back: its polls, and its end.

use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use rivven_bridge::{Answer, Completion, ForkMark, Queue, Rebalance};
use rivven_client::{Detail, Error, ErrorCode, Result};

use crate::handle::lock;
use crate::rebalances::RebalanceCallback;

/// What errors call a consumer.
const WHAT: &str = "the consumer";

/// The token of rebalances; calls have tokens from 1.
const REBALANCES: u64 = 0;

/// Where a consumer's calls wait for their answers, and rebalances for a call that waits.
///
/// All of them come by one queue. Whoever waits takes what is there: answers
/// of others he lays out for them, and rebalances he has the program called
/// for, on his own thread. In a forked child nothing of it is touched, not even to
/// free it.
pub(crate) struct Polls {
    parts: ManuallyDrop<Parts>,
    mark: ForkMark,
}

struct Parts {
    queue: Arc<Queue>,
    desk: Arc<Desk>,
    calls: AtomicU64,
    callback: Mutex<Option<Arc<RebalanceCallback>>>,
    /// The thread that the callback runs on.
    calling: Mutex<Option<ThreadId>>,
}

/// Where answers lie until those who wait for them take them.
#[derive(Default)]
struct Desk {
    answers: Mutex<Answers>,
    changed: Condvar,
}

#[derive(Default)]
struct Answers {
    /// Whether something may be in the queue.
    raised: bool,
    by_token: BTreeMap<u64, Result<Answer>>,
}

impl Polls {
    pub(crate) fn new() -> Self {
        let desk = Arc::<Desk>::default();
        let raised = Arc::clone(&desk);
        let parts = Parts {
            queue: Queue::with_call(move || raised.raise()),
            desk,
            calls: AtomicU64::new(REBALANCES),
            callback: Mutex::default(),
            calling: Mutex::default(),
        };
        Polls { parts: ManuallyDrop::new(parts), mark: ForkMark::here() }
    }

    fn parts(&self) -> Result<&Parts> {
        self.mark.check(WHAT)?;
        Ok(&self.parts)
    }

    /// Submits a call and waits for its answer; callbacks run here meanwhile.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` within a callback, whose end the answer would wait for.
    pub(crate) fn call(&self, submit: impl FnOnce(&Arc<Queue>, u64) -> Result<()>) -> Result<Answer> {
        let parts = self.parts()?;
        if *lock(&parts.calling) == Some(thread::current().id()) {
            return Err(within_callback());
        }
        let token = parts.calls.fetch_add(1, Ordering::Relaxed) + 1;
        submit(&parts.queue, token)?;
        loop {
            parts.serve();
            if let Some(answer) = parts.desk.take_or_wait(token) {
                return answer;
            }
        }
    }

    /// Sets the callback of rebalances; where they are to go, if there is one.
    pub(crate) fn set_callback(&self, callback: Option<RebalanceCallback>) -> Result<Option<(&Arc<Queue>, u64)>> {
        let parts = self.parts()?;
        let wanted = callback.is_some();
        let before = std::mem::replace(&mut *lock(&parts.callback), callback.map(Arc::new));
        // The program's function runs behind the lock.
        drop(before);
        Ok(wanted.then_some((&parts.queue, REBALANCES)))
    }
}

impl Drop for Polls {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: the parts are dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.parts) };
        }
    }
}

impl Parts {
    /// Lays out the answers that have come, and calls the program for rebalances.
    fn serve(&self) {
        let mut rebalances = Vec::new();
        for Completion { token, result } in self.queue.drain() {
            match result {
                Ok(Answer::Rebalance(rebalance)) => rebalances.push(rebalance),
                result => self.desk.lay_out(token, result),
            }
        }
        rebalances.into_iter().for_each(|rebalance| self.rebalanced(rebalance));
    }

    /// Calls the program; the poll that this interrupts goes on when the rebalance is dropped.
    fn rebalanced(&self, rebalance: Rebalance) {
        let Some(callback) = lock(&self.callback).clone() else { return };
        *lock(&self.calling) = Some(thread::current().id());
        callback.call(&rebalance);
        *lock(&self.calling) = None;
    }
}

impl Desk {
    fn raise(&self) {
        lock(&self.answers).raised = true;
        self.changed.notify_all();
    }

    fn lay_out(&self, token: u64, answer: Result<Answer>) {
        lock(&self.answers).by_token.insert(token, answer);
        self.changed.notify_all();
    }

    /// Takes an answer, or waits until something may be in the queue.
    fn take_or_wait(&self, token: u64) -> Option<Result<Answer>> {
        let mut answers = lock(&self.answers);
        loop {
            if let Some(answer) = answers.by_token.remove(&token) {
                return Some(answer);
            }
            // Raised after the queue was emptied, or it would have been found there.
            if std::mem::take(&mut answers.raised) {
                return None;
            }
            answers = self.changed.wait(answers).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn within_callback() -> Error {
    let text = "the call was made in the rebalance callback of the same consumer, whose return it would wait for: make it afterwards";
    Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState))
}
