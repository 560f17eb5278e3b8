//! Events for languages in which whoever waits may give up waiting: what has come then is kept.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rivven_client::{ConsumerEvent, ConsumerEvents};
use tokio::sync::Mutex as AsyncMutex;

/// What has happened to a consumer and nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Events {
    /// Locked by whoever waits.
    stream: AsyncMutex<ConsumerEvents>,
    /// What came to the last wait; it comes before the rest of the stream.
    come: Mutex<Option<ConsumerEvent>>,
    /// Whether a wait has found that no more will come.
    ended: AtomicBool,
}

impl Events {
    pub(crate) fn new(stream: ConsumerEvents) -> Self {
        Events { stream: AsyncMutex::new(stream), come: Mutex::default(), ended: AtomicBool::new(false) }
    }

    fn come(&self) -> MutexGuard<'_, Option<ConsumerEvent>> {
        self.come.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there may be an event to take, or no more will come.
    pub(crate) async fn ready(&self) {
        let mut stream = self.stream.lock().await;
        if self.come().is_none() {
            let event = stream.next().await;
            self.ended.store(event.is_none(), Ordering::Release);
            *self.come() = event;
        }
    }

    /// Whether nobody has to wait any more: what is left can be taken.
    pub(crate) fn have_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Takes the next event, if there is one.
    pub(crate) fn take(&self) -> Option<ConsumerEvent> {
        // Who waits has the lock; then the stream has none, or puts it there.
        let mut stream = self.stream.try_lock().ok();
        let come = self.come().take();
        come.or_else(|| stream.as_mut()?.try_next())
    }

    /// Waits for the next event and takes it; `None` once the consumer is gone.
    pub(crate) async fn next(&self) -> Option<ConsumerEvent> {
        let mut stream = self.stream.lock().await;
        let come = self.come().take();
        match come {
            Some(event) => Some(event),
            None => stream.next().await,
        }
    }
}
