//! Calls of a consumer in which the program is called back: its polls, its end, and where its handlers run.

use std::collections::{BTreeMap, VecDeque};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use rivven_bridge::{Answer, Completion, ForkMark, Handling, Processing, Queue, Rebalance};
use rivven_client::{Detail, Error, ErrorCode, ProcessReport, Result};

use crate::handle::lock;
use crate::processing::Handler;
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
    /// The threads that callbacks and handlers run on.
    calling: Mutex<Vec<ThreadId>>,
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
    /// What handlers are to work on, by the token of the processing.
    work: BTreeMap<u64, Work>,
}

/// What is there of one processing.
#[derive(Default)]
struct Work {
    handlings: VecDeque<Handling>,
    ended: Option<Result<ProcessReport>>,
}

/// What there is to do for who runs handlers.
enum Next {
    Handle(Handling),
    End(Result<ProcessReport>),
}

impl Work {
    fn next(&mut self) -> Option<Next> {
        let handling = self.handlings.pop_front().filter(|_| self.ended.is_none());
        handling.map(Next::Handle).or_else(|| self.ended.clone().map(Next::End))
    }
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

    /// Fails where no call may be made.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` within a callback, and `FORKED`.
    pub(crate) fn check(&self) -> Result<()> {
        self.parts()?.check_outside()
    }

    /// Submits a call and waits for its answer; callbacks run here meanwhile.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` within a callback, whose end the answer would wait for.
    pub(crate) fn call(&self, submit: impl FnOnce(&Arc<Queue>, u64) -> Result<()>) -> Result<Answer> {
        let parts = self.parts()?;
        parts.check_outside()?;
        let token = parts.calls.fetch_add(1, Ordering::Relaxed) + 1;
        submit(&parts.queue, token)?;
        loop {
            parts.serve();
            if let Some(answer) = parts.desk.take_or_wait(|answers| answers.by_token.remove(&token)) {
                return answer;
            }
        }
    }

    /// Begins to process, by a function that is given where records and the end are to come.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` within a callback, for whose end the records would wait; those of the function.
    pub(crate) fn process(
        &self,
        begin: impl FnOnce(&Arc<Queue>, u64) -> Result<Processing>,
    ) -> Result<(u64, Processing)> {
        let parts = self.parts()?;
        parts.check_outside()?;
        let token = parts.calls.fetch_add(1, Ordering::Relaxed) + 1;
        lock(&parts.desk.answers).work.insert(token, Work::default());
        let begun = begin(&parts.queue, token);
        if begun.is_err() {
            self.forget(token);
        }
        begun.map(|processing| (token, processing))
    }

    /// Runs handlers on this thread until the processing has ended.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` within a callback or handler; what the processing ended with.
    pub(crate) fn run(&self, processing: u64, handler: &Handler) -> Result<ProcessReport> {
        let parts = self.parts()?;
        parts.check_outside()?;
        loop {
            parts.serve();
            let next = |answers: &mut Answers| answers.work.get_mut(&processing)?.next();
            match parts.desk.take_or_wait(next) {
                Some(Next::Handle(handling)) => parts.calling(|| handler.call(handling)),
                Some(Next::End(result)) => return result,
                None => {}
            }
        }
    }

    /// Nobody runs handlers of a processing any more.
    pub(crate) fn forget(&self, processing: u64) {
        if let Ok(parts) = self.parts() {
            let gone = lock(&parts.desk.answers).work.remove(&processing);
            // What it holds is dropped behind the lock.
            drop(gone);
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
        self.calling(|| callback.call(&rebalance));
    }

    /// Calls the program, which cannot make calls meanwhile that would wait for its return.
    fn calling(&self, call: impl FnOnce()) {
        let this = thread::current().id();
        lock(&self.calling).push(this);
        call();
        lock(&self.calling).retain(|thread| *thread != this);
    }

    fn check_outside(&self) -> Result<()> {
        if lock(&self.calling).contains(&thread::current().id()) { Err(within_callback()) } else { Ok(()) }
    }
}

impl Desk {
    fn raise(&self) {
        lock(&self.answers).raised = true;
        self.changed.notify_all();
    }

    fn lay_out(&self, token: u64, answer: Result<Answer>) {
        let mut answers = lock(&self.answers);
        match (answers.work.get_mut(&token), answer) {
            (Some(work), Ok(Answer::Handling(handling))) => work.handlings.push_back(handling),
            (Some(work), Ok(Answer::Processed(report))) => work.ended = Some(Ok(report)),
            (Some(work), Err(error)) => work.ended = Some(Err(error)),
            // One that nobody runs any more is dropped.
            (_, Ok(Answer::Handling(_) | Answer::Processed(_))) => {}
            (_, answer) => drop(answers.by_token.insert(token, answer)),
        }
        drop(answers);
        self.changed.notify_all();
    }

    /// Takes what is waited for, or waits until something may be in the queue.
    fn take_or_wait<T>(&self, mut take: impl FnMut(&mut Answers) -> Option<T>) -> Option<T> {
        let mut answers = lock(&self.answers);
        loop {
            if let Some(taken) = take(&mut answers) {
                return Some(taken);
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
    let text = "the call was made in a rebalance callback or a handler of the same consumer, whose return it would wait for: make it afterwards";
    Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState))
}
