//! Records worked on by handlers: partitions side by side, each in its order.
//!
//! A poll is under way all the time, so that rebalances are served and the program
//! counts as alive while handlers work. What it gives of a partition is worked
//! on by a [`lane`]; until that has ended no more is given of this partition, which
//! bounds what is in hand. Lanes say how far they have come, and commits follow
//! that.

mod dead_letters;
mod lane;

use std::any::Any;
use std::error::Error as StdError;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::inner::Inner;
use super::offsets::Offsets;
use super::records::ConsumerRecord;
use super::shared::Shared;
use crate::config::{OnFailure, ProcessConfig};
use crate::error::{Detail, Error, ErrorCode, Result};

use dead_letters::DeadLetters;
use lane::Lane;
pub(super) use lane::{Lanes, finish};

/// What [`Consumer::process`](crate::Consumer::process) has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ProcessReport {
    /// The records that a handler was done with.
    pub processed: u64,
    /// How often a record was handled again.
    pub retries: u64,
    /// The records that went to the dead letter topic.
    pub dead_lettered: u64,
    /// The records that were left out.
    pub skipped: u64,
}

#[derive(Debug, Default)]
struct Counts {
    processed: AtomicU64,
    retries: AtomicU64,
    dead_lettered: AtomicU64,
    skipped: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    fn report(&self) -> ProcessReport {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProcessReport {
            processed: read(&self.processed),
            retries: read(&self.retries),
            dead_lettered: read(&self.dead_lettered),
            skipped: read(&self.skipped),
        }
    }
}

/// Lets a handler work on records until the consumer is woken up or closed, or something fails.
pub(super) async fn process<H, F, E>(inner: &Inner, handler: H) -> Result<ProcessReport>
where
    H: Fn(ConsumerRecord) -> F + Send + Sync + 'static,
    F: Future<Output = std::result::Result<(), E>> + Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    let shared = &inner.shared;
    let Ok(_alone) = shared.processing.try_lock() else { return Err(already()) };
    let work = Arc::new(Work::new(shared, handler));
    let mut lanes = JoinSet::new();
    let polled = work.poll(inner, &mut lanes).await;
    shared.lanes.halt(&mut shared.state(), |_| true);
    // A close may not wait for all of them.
    work.commit_later();
    while lanes.join_next().await.is_some() {}
    let committed = shared.commit_present(Offsets::to_auto_commit).await;
    work.dead_letters.close().await;
    work.failure.get().cloned().map_or(Ok(()), Err)?;
    polled.and(committed).map(|()| work.counts.report())
}

/// What the lanes of one call have in common.
struct Work<H> {
    shared: Arc<Shared>,
    handler: H,
    permits: Semaphore,
    dead_letters: DeadLetters,
    counts: Counts,
    /// Why nothing more is handled.
    failure: OnceLock<Error>,
    failed: Notify,
}

impl<H> Work<H> {
    fn new(shared: &Arc<Shared>, handler: H) -> Self {
        Work {
            shared: Arc::clone(shared),
            handler,
            permits: Semaphore::new(shared.config.process.concurrency),
            dead_letters: DeadLetters::new(&shared.config),
            counts: Counts::default(),
            failure: OnceLock::new(),
            failed: Notify::new(),
        }
    }

    fn config(&self) -> &ProcessConfig {
        &self.shared.config.process
    }

    /// Commits what is done, unless a commit is under way: then it will be the next time.
    fn commit_later(&self) {
        if self.shared.committing.try_lock().is_ok() {
            self.shared.commit_later(self.shared.offsets_to_commit(|_| true, Offsets::to_auto_commit));
        }
    }

    /// Ends the work, for the first reason that there is.
    fn fail(&self, error: Error) {
        let _ = self.failure.set(error);
        self.failed.notify_one();
    }

    /// What becomes of a record that failed every time; whether the lane goes on.
    async fn give_up(&self, record: &ConsumerRecord, why: &str) -> bool {
        let place = format!("{}/{} at offset {}", record.topic, record.partition, record.offset);
        if self.dead_letters.are_wanted() {
            if let Err(error) = self.dead_letters.send(record, self.config().retries, why).await {
                self.fail(undeliverable(&place, &error, why));
                return false;
            }
            tracing::warn!(record = place, error = why, "a record went to the dead letter topic");
            count(&self.counts.dead_lettered);
        } else if self.config().on_failure == OnFailure::Skip {
            tracing::warn!(record = place, error = why, "a record was left out");
            count(&self.counts.skipped);
        } else {
            self.fail(stopped(&place, self.config().retries, why));
            return false;
        }
        true
    }

    /// The pause after so many failures in a row.
    fn pause(&self, failures: u32) -> Duration {
        self.config().backoff().pause(failures, self.shared.cluster.random())
    }
}

impl<H, F, E> Work<H>
where
    H: Fn(ConsumerRecord) -> F + Send + Sync + 'static,
    F: Future<Output = std::result::Result<(), E>> + Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    /// Polls, and begins lanes for what comes, until there is a reason to end.
    async fn poll(self: &Arc<Self>, inner: &Inner, lanes: &mut JoinSet<()>) -> Result<()> {
        let limit = Duration::from_millis(self.shared.config.max_poll_interval_ms);
        loop {
            let polled = tokio::select! {
                biased;
                () = self.failed.notified() => return Ok(()),
                polled = inner.poll_and(limit, |records| Lane::begin(&self.shared, records)) => polled,
            };
            while lanes.try_join_next().is_some() {}
            match polled {
                Ok((_, begun)) => begun.into_iter().for_each(|lane| {
                    lanes.spawn(Arc::clone(self).run(lane));
                }),
                Err(error) if matches!(error.code(), ErrorCode::WokenUp | ErrorCode::Closed) => return Ok(()),
                // Lanes will give memory back.
                Err(error) if error.code() == ErrorCode::QueueFull && !lanes.is_empty() => {}
                Err(error) => return Err(error),
            }
            if self.shared.config.auto_commit_interval.is_none() {
                self.commit_later();
            }
        }
    }

    /// Works on the records of a lane until they are done, or are to be given back.
    async fn run(self: Arc<Self>, mut lane: Lane) {
        while let Some(record) = lane.next() {
            if !self.settle(&lane, &record).await {
                return;
            }
            lane.done(record.offset);
        }
    }

    /// Has a record handled until it is done or given up; false if it is not done.
    async fn settle(&self, lane: &Lane, record: &ConsumerRecord) -> bool {
        let mut failures = 0;
        loop {
            let Some(permit) = lane.unless_halted(self.permits.acquire()).await else { return false };
            let handled = self.handle(record.clone()).await;
            drop(permit);
            let Err(why) = handled else {
                count(&self.counts.processed);
                return true;
            };
            if failures == self.config().retries {
                return self.give_up(record, &why).await;
            }
            failures += 1;
            if lane.unless_halted(sleep(self.pause(failures))).await.is_none() {
                return false;
            }
            count(&self.counts.retries);
        }
    }

    /// Calls the handler; an error or a panic is given as its text.
    async fn handle(&self, record: ConsumerRecord) -> std::result::Result<(), String> {
        // The handler's own state is its own matter, as with a task of its own that panics.
        let handled = AssertUnwindSafe(async { (self.handler)(record).await }).catch_unwind().await;
        handled.map_err(|panic| panic_text(&*panic))?.map_err(|error| error.into().to_string())
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the handler panicked: {}", text.unwrap_or("no message"))
}

fn already() -> Error {
    let text = "process: the consumer is processing already: end that first by wakeup";
    Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState))
}

fn attempts(retries: u32) -> String {
    if retries == 0 { "once".to_owned() } else { format!("{} times", u64::from(retries) + 1) }
}

fn stopped(place: &str, retries: u32, why: &str) -> Error {
    let text = format!(
        "process stopped at {place}, whose handler failed {}: {why}: fix the cause and process again, or set process.dead.letter.topic or process.on.failure",
        attempts(retries)
    );
    Error::Other(Detail::new(text).with_code(ErrorCode::ProcessingFailed))
}

fn undeliverable(place: &str, error: &Error, why: &str) -> Error {
    let text =
        format!("process stopped at {place}, whose handler failed: {why}; its dead letter was not delivered: {error}");
    Error::Other(Detail::new(text).with_code(ErrorCode::ProcessingFailed))
}
