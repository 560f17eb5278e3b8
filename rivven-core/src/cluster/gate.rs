//! What begins before `close` is waited for, what comes later is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

use crate::error::{Error, Result};

/// Counts the calls under way and knows when no more are taken.
#[derive(Debug)]
pub(super) struct Gate {
    closed: watch::Sender<bool>,
    calls: AtomicUsize,
    idle: Notify,
}

/// A call that has begun.
#[derive(Debug)]
pub(super) struct Entered(Arc<Gate>);

impl Drop for Entered {
    fn drop(&mut self) {
        if self.0.calls.fetch_sub(1, Ordering::SeqCst) == 1 && *self.0.closed.borrow() {
            self.0.idle.notify_waiters();
        }
    }
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Gate { closed: watch::Sender::new(false), calls: AtomicUsize::new(0), idle: Notify::new() })
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
        if *self.closed.borrow() { Err(Error::closed("the client")) } else { Ok(()) }
    }

    /// Takes no more calls from now on.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Ends when the gate is closed or gone.
    pub(super) fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut closed = self.closed.subscribe();
        async move {
            let _ = closed.wait_for(|closed| *closed).await;
        }
    }

    /// The future's output, or the error `CLOSED` once the gate is closed.
    pub(super) async fn unless_closed<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.closing() => Err(Error::closed("the client")),
            result = future => result,
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
