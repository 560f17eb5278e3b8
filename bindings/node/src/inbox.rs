//! Answers on their way from the queue to the event loop.

use std::cell::RefCell;
use std::collections::VecDeque;

use rivven_bridge::{Completion, Queue};

/// So many answers go to JavaScript at once: settling them takes far less than a millisecond.
const MOST: usize = 16;

/// Answers that were taken from a queue and not given to JavaScript yet.
#[derive(Default)]
pub(crate) struct Inbox(RefCell<VecDeque<Completion>>);

impl Inbox {
    /// The oldest answers.
    ///
    /// After fewer than all that fit at once the queue is empty, so that it calls when there is something again.
    pub(crate) fn take(&self, queue: &Queue) -> Vec<Completion> {
        let mut waiting = self.0.borrow_mut();
        waiting.append(&mut queue.drain());
        let count = waiting.len().min(MOST);
        waiting.drain(..count).collect()
    }
}
