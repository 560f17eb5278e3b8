//! The stream of what changes about the servers of a client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::broadcast;

use crate::error::Error;

/// How many changes a stream keeps for a reader that is slow.
const KEPT: usize = 1024;

/// A change of the state of a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum StateChange {
    /// A server does not work any more, or still does not after another attempt.
    Degraded {
        /// The address as it is dialled.
        server: Arc<str>,
        /// Since when.
        since: SystemTime,
        /// Why, the last time.
        reason: Error,
        /// How many attempts have failed since then.
        attempts: u32,
    },
    /// A server works again.
    Recovered {
        /// The address as it is dialled.
        server: Arc<str>,
        /// How long it did not.
        after: Duration,
        /// How many attempts failed meanwhile.
        attempts: u32,
    },
    /// The reader was so slow that changes were lost.
    Missed {
        /// How many.
        count: u64,
    },
}

/// The changes of the servers of one client, from when it was taken on.
///
/// Each stream has all of them; what a reader leaves for too long is replaced
/// by [`StateChange::Missed`].
#[derive(Debug)]
pub struct StateChanges(broadcast::Receiver<StateChange>);

impl StateChanges {
    /// Waits for the next change; `None` once the client is closed and all were taken.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<StateChange> {
        match self.0.recv().await {
            Ok(change) => Some(change),
            Err(broadcast::error::RecvError::Lagged(count)) => Some(StateChange::Missed { count }),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// Where changes are announced; the streams end when it is dropped.
#[derive(Debug)]
pub(crate) struct Announcer(broadcast::Sender<StateChange>);

impl Announcer {
    pub(crate) fn new() -> Self {
        Announcer(broadcast::Sender::new(KEPT))
    }

    /// A stream of the changes from now on.
    pub(crate) fn subscribe(&self) -> StateChanges {
        StateChanges(self.0.subscribe())
    }

    /// Announces a change to every stream; it is no error that there is none.
    pub(crate) fn announce(&self, change: StateChange) {
        let _ = self.0.send(change);
    }
}
