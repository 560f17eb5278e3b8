//! What begins before `close` is waited for, what comes later is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

use crate::error::{Error, Result};

/// How far the closing of a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Open,
    /// No more calls are taken; those that began go on where a server is known to work.
    Closing,
    /// The time of those is over too.
    Ended,
}

/// Counts the calls under way and knows when no more are taken.
#[derive(Debug)]
pub(super) struct Gate {
    stage: watch::Sender<Stage>,
    calls: AtomicUsize,
    idle: Notify,
}

/// A call that has begun.
#[derive(Debug)]
pub(super) struct Entered(Arc<Gate>);

impl Drop for Entered {
    fn drop(&mut self) {
        if self.0.calls.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.check_open().is_err() {
            self.0.idle.notify_waiters();
        }
    }
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Gate { stage: watch::Sender::new(Stage::Open), calls: AtomicUsize::new(0), idle: Notify::new() })
    }

    /// Begins a call.
    ///
    /// It counts before it looks: a `close` at the same time either sees it in
    /// the count or is seen by it.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Entered> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let entered = Entered(Arc::clone(self));
        self.check_open().map(|()| entered)
    }

    pub(super) fn check_open(&self) -> Result<()> {
        if *self.stage.borrow() == Stage::Open { Ok(()) } else { Err(Error::closed("the client")) }
    }

    /// Whether the time of those under way is over.
    pub(super) fn has_ended(&self) -> bool {
        *self.stage.borrow() == Stage::Ended
    }

    /// Takes no more calls from now on.
    pub(super) fn close(&self) {
        self.advance(Stage::Closing);
    }

    /// Ends whatever still waits.
    pub(super) fn end(&self) {
        self.advance(Stage::Ended);
    }

    fn advance(&self, to: Stage) {
        self.stage.send_if_modified(|stage| {
            let later = *stage < to;
            *stage = (*stage).max(to);
            later
        });
    }

    /// Ends when this stage is reached.
    pub(super) fn reached(&self, stage: Stage) -> impl Future<Output = ()> + Send + 'static {
        let mut present = self.stage.subscribe();
        async move {
            let _ = present.wait_for(|present| *present >= stage).await;
        }
    }

    /// The future's output, or the error `CLOSED` once this stage is reached.
    pub(super) async fn before<T>(&self, stage: Stage, future: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.reached(stage) => Err(Error::closed("the client")),
            output = future => Ok(output),
        }
    }

    /// Ends when no call is under way.
    pub(super) async fn drained(&self) {
        loop {
            let idle = self.idle.notified();
            if self.calls.load(Ordering::SeqCst) == 0 {
                return;
            }
            idle.await;
        }
    }
}
