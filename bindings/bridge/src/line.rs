//! Records that wait for room, in the order in which they were handed over.
//!
//! A task of the runtime hands over what stands in line, one after the other,
//! and ends when the line is empty. As long as there is a line, whatever comes
//! has to stand in it, so that nothing overtakes.

use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rivven_client::{Deliveries, Error, ErrorCode, Result, TopicHandle};

use crate::answer::Answer;
use crate::fork::ForkMark;
use crate::queue::Due;
use crate::share::Share;

/// A line of one caller of a producer, as [`Producer::line`](crate::Producer::line) gives it.
///
/// Answers go to the queue that it was made with. It keeps nothing alive but
/// what stands in it. In a forked child it is empty, and dropping it leaks.
#[derive(Debug)]
pub struct Line {
    shared: ManuallyDrop<Arc<Shared>>,
    mark: ForkMark,
}

#[derive(Debug)]
struct Shared {
    runtime: Arc<Share>,
    standing: Mutex<Standing>,
}

#[derive(Debug, Default)]
struct Standing {
    waiting: VecDeque<(Instant, Item)>,
    /// Whether a task hands over what waits; it may have taken the last one already.
    moving: bool,
}

/// A record of its own, or one of many.
pub(crate) type Owned = (Option<Vec<u8>>, Vec<u8>);

/// What stands in line.
#[derive(Debug)]
pub(crate) enum Item {
    /// A record whose report comes with its tag; the answer is due only if it is refused.
    Record { topic: TopicHandle, partition: Option<u32>, record: Owned, tag: u64, due: Due },
    /// The rest of records some of which were taken; the answer is due when all of them are settled.
    Records { topic: TopicHandle, partition: Option<u32>, records: Vec<Owned>, taken: Deliveries, due: Due },
    /// A flush of what was before it.
    Flush { core: Arc<rivven_client::Producer>, due: Due },
}

impl Line {
    pub(crate) fn new(runtime: Arc<Share>, mark: ForkMark) -> Self {
        let shared = Shared { runtime, standing: Mutex::default() };
        Line { shared: ManuallyDrop::new(Arc::new(shared)), mark }
    }

    /// Whether nothing stands in line, so that records may be handed over without it.
    pub fn is_empty(&self) -> bool {
        !self.mark.is_here() || !self.shared.standing().moving
    }

    pub(crate) fn stand(&self, item: Item) {
        // Without a runtime the producer is closed, and nothing is due but its errors.
        let Some(runtime) = self.shared.runtime.get() else {
            return item.close();
        };
        let mut standing = self.shared.standing();
        standing.waiting.push_back((Instant::now(), item));
        if !std::mem::replace(&mut standing.moving, true) {
            drop(standing);
            runtime.spawn(move_on(Arc::clone(&self.shared)));
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.mark.is_here() {
            // SAFETY: it is dropped here only, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.shared) };
        }
    }
}

impl Shared {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task of a line; one that ends otherwise than by finding nothing gives up what waits.
struct Moving {
    line: Arc<Shared>,
    ended: bool,
}

impl Moving {
    /// The first in line, or the end of the task.
    fn next(&mut self) -> Option<(Instant, Item)> {
        let mut standing = self.line.standing();
        let next = standing.waiting.pop_front();
        standing.moving = next.is_some();
        self.ended = next.is_none();
        next
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        if !self.ended {
            let mut standing = self.line.standing();
            standing.moving = false;
            let left = std::mem::take(&mut standing.waiting);
            // Their answers are entered behind the lock.
            drop(standing);
            drop(left);
        }
    }
}

/// Hands over what stands in line until nothing does.
async fn move_on(line: Arc<Shared>) {
    let mut line = Moving { line, ended: false };
    let mut full: Option<(Duration, Error)> = None;
    while let Some((since, item)) = line.next() {
        match &full {
            // Who has waited as long as the one for whom there was no room does not wait as long again.
            Some((limit, error)) if item.needs_room() && since.elapsed() >= *limit => item.refuse(error.clone()),
            _ => {
                let begun = Instant::now();
                full = item.hand_over().await.map(|error| (begun.elapsed(), error));
            }
        }
    }
}

impl Item {
    fn needs_room(&self) -> bool {
        !matches!(self, Item::Flush { .. })
    }

    /// Hands it over; the error if there was no room for it in time.
    async fn hand_over(self) -> Option<Error> {
        let refusal = match self {
            Item::Record { topic, partition, record: (key, value), tag, due } => {
                match topic.hand_over_tagged(partition, key.as_deref(), &value, tag).await {
                    Ok(()) => {
                        due.waive();
                        None
                    }
                    Err(error) => {
                        due.settle(Err(error.clone()));
                        Some(error)
                    }
                }
            }
            Item::Records { topic, partition, records, mut taken, due } => {
                let refusal = topic.hand_over_batch(partition, &records, &mut taken).await.err();
                tokio::spawn(settle(taken, refusal.clone(), due));
                refusal
            }
            Item::Flush { core, due } => {
                let flush = core.flush();
                tokio::spawn(async move { due.settle(flush.await.map(Answer::from)) });
                None
            }
        };
        refusal.filter(|error| error.code() == ErrorCode::QueueFull)
    }

    /// The answer where nothing is handed over any more.
    fn close(self) {
        let (Item::Record { due, .. } | Item::Records { due, .. } | Item::Flush { due, .. }) = self;
        due.settle(Err(Error::closed("the producer")));
    }

    /// Says why it is not handed over.
    fn refuse(self, error: Error) {
        match self {
            Item::Record { due, .. } | Item::Flush { due, .. } => due.settle(Err(error)),
            // Some were taken: the answer comes when they are settled.
            Item::Records { taken, due, .. } => drop(tokio::spawn(settle(taken, Some(error), due))),
        }
    }
}

/// Waits until the records that were taken are settled, and answers.
pub(crate) async fn settle(taken: Deliveries, refusal: Option<Error>, due: Due) {
    taken.settled().await;
    due.settle(delivered(taken, refusal).map(Answer::Sent));
}

/// The records, if none was refused and all of them were delivered.
pub(crate) fn delivered(taken: Deliveries, refusal: Option<Error>) -> Result<Deliveries> {
    match refusal.or_else(|| taken.error()) {
        Some(error) => Err(error),
        None => Ok(taken),
    }
}
