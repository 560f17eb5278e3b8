//! Who decides which partitions a consumer has, and how it learns of it.
//!
//! The program itself does by `assign`. For subscribed topics a task does, which
//! announces every change; a poll applies them one after another, so that
//! the listener runs where the program waits for records, and answers when that is done.

use tokio::sync::{mpsc, oneshot};

use super::listener::Key;
use crate::error::Error;

/// A change of the partitions that a consumer has.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// These are the consumer's from now on.
    Assigned(Vec<Key>),
    /// These are to be given back: what was done can still be committed.
    Revoked(Vec<Key>),
    /// These have gone to others already.
    #[allow(dead_code, reason = "a group says it")]
    Lost(Vec<Key>),
    /// There will be no more changes, because of this.
    #[allow(dead_code, reason = "a group says it")]
    Failed(Error),
}

/// A change, and whom to tell that it has been applied.
#[derive(Debug)]
pub(super) struct Announced {
    pub(super) change: Change,
    pub(super) done: oneshot::Sender<()>,
}

/// Where changes are announced.
#[derive(Debug, Clone)]
pub(super) struct Changes(mpsc::UnboundedSender<Announced>);

impl Changes {
    /// The two ends.
    pub(super) fn channel() -> (Self, mpsc::UnboundedReceiver<Announced>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Changes(sender), receiver)
    }

    /// Announces a change; the future ends when it has been applied, or never will be.
    pub(super) fn announce(&self, change: Change) -> impl Future<Output = ()> + Send + 'static {
        let (done, applied) = oneshot::channel();
        let _ = self.0.send(Announced { change, done });
        async move {
            let _ = applied.await;
        }
    }
}

/// What decides now; dropping it ends its task.
#[derive(Debug, Default)]
pub(super) enum Source {
    /// Nothing: the consumer has no partition.
    #[default]
    None,
    /// The program.
    Program,
    /// A task, for subscribed topics; it ends when the other end of the channel is dropped.
    Task {
        /// The topics.
        topics: Vec<String>,
        /// Ends the task.
        _stop: oneshot::Sender<()>,
    },
}
