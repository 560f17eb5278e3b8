//! Who decides which partitions a consumer has, and how it learns of it.
//!
//! The program itself does by `assign`. For subscribed topics the group does, whose
//! task announces every change; a poll applies them one after another, so that
//! the listener runs where the program waits for records, and answers when that is done.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot, watch};

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
    Lost(Vec<Key>),
    /// The program is to know this.
    Failed(Error),
}

/// A change, and whom to tell that it has been applied.
#[derive(Debug)]
pub(super) struct Announced {
    pub(super) change: Change,
    pub(super) done: oneshot::Sender<()>,
    /// Whether the listener has been told, which a poll that was given up later need not repeat.
    pub(super) told: AtomicBool,
}

/// Where changes are announced.
#[derive(Debug, Clone)]
pub(super) struct Changes(mpsc::UnboundedSender<Announced>);

impl Announced {
    /// Whether the listener need not be told again.
    pub(super) fn was_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Whether the partitions were lost before they could be given back.
    pub(super) fn was_overtaken(&self) -> bool {
        matches!(self.change, Change::Revoked(_)) && self.done.is_closed()
    }
}

impl Changes {
    /// The two ends.
    pub(super) fn channel() -> (Self, mpsc::UnboundedReceiver<Announced>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Changes(sender), receiver)
    }

    /// Announces a change; the receiver ends when it has been applied, or never will be.
    pub(super) fn announce(&self, change: Change) -> oneshot::Receiver<()> {
        let (done, applied) = oneshot::channel();
        let _ = self.0.send(Announced { change, done, told: AtomicBool::new(false) });
        applied
    }
}

/// What decides now; dropping it leaves the group.
#[derive(Debug, Default)]
pub(super) enum Source {
    /// Nothing: the consumer has no partition.
    #[default]
    None,
    /// The program.
    Program,
    /// The group, for subscribed topics; without topics it is left.
    Group {
        topics: watch::Sender<Vec<String>>,
        /// Ends when the member has left.
        left: oneshot::Receiver<()>,
    },
}

impl Source {
    pub(super) fn is_program(&self) -> bool {
        matches!(self, Source::Program)
    }

    /// Whether the group decides, also while it is being left.
    pub(super) fn is_group(&self) -> bool {
        matches!(self, Source::Group { .. })
    }

    pub(super) fn is_subscribed(&self) -> bool {
        matches!(self, Source::Group { topics, .. } if !topics.borrow().is_empty())
    }

    /// Whether there is nothing to read.
    pub(super) fn is_none(&self) -> bool {
        !self.is_subscribed() && !self.is_program()
    }
}
