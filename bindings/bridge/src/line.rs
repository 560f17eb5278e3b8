//! Records that wait for room, in the order in which they were handed over.
//!
//! A task of the runtime hands over what stands in line, one after the other,
//! and ends when the line is empty. As long as there is a line, whatever comes
//! has to stand in it, so that nothing overtakes.

use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rivven_client::{Deliveries, Detail, Error, ErrorCode, Outcome, Result, TopicHandle};
use tokio::sync::oneshot;

use crate::answer::Answer;
use crate::fork::ForkMark;
use crate::queue::Due;
use crate::runtime::SharedRuntime;
use crate::share::Share;

/// What errors call a producer.
const WHAT: &str = "the producer";

/// The lines of a producer.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    all: Mutex<Vec<Weak<Shared>>>,
    /// How many places of records there are in them.
    places: AtomicUsize,
    /// Whether nothing comes into them any more.
    closed: AtomicBool,
}

impl Lines {
    fn all(&self) -> MutexGuard<'_, Vec<Weak<Shared>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn living(&self) -> Vec<Arc<Shared>> {
        self.all().iter().filter_map(Weak::upgrade).collect()
    }

    /// Whether records stand in one of them.
    pub(crate) fn are_busy(&self) -> bool {
        self.places.load(Ordering::Acquire) > 0
    }

    /// Whether something may still come into them.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Relaxed) { Err(Error::closed(WHAT)) } else { Ok(()) }
    }

    /// Lets nothing come into them any more; the ends of those that are not empty, which come when all is handed over.
    pub(crate) fn close(&self) -> Vec<oneshot::Receiver<()>> {
        self.closed.store(true, Ordering::Relaxed);
        self.living().iter().filter_map(|line| line.end()).collect()
    }

    /// Gives up every record that stands in them; the number of those.
    pub(crate) fn give_up(&self, error: &Error) -> u64 {
        self.living().iter().map(|line| line.give_up(error)).sum()
    }
}

/// The place of records in a line, until it is left.
#[derive(Debug)]
struct Place(Arc<Lines>);

impl Place {
    fn new(lines: &Arc<Lines>) -> Self {
        lines.places.fetch_add(1, Ordering::Relaxed);
        Place(Arc::clone(lines))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.places.fetch_sub(1, Ordering::Release);
    }
}

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
    lines: Arc<Lines>,
    runtime: Arc<Share>,
    standing: Mutex<Standing>,
}

#[derive(Debug, Default)]
struct Standing {
    waiting: VecDeque<Waiting>,
    /// What is handed over just now.
    first: Option<First>,
    /// Whether a task hands over what waits; it may have taken the last one already.
    moving: bool,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    item: Item,
    /// Left before anybody learns what became of the records.
    place: Option<Place>,
}

/// The item that a task hands over.
#[derive(Debug)]
struct First {
    /// How many of its records have no room yet.
    records: usize,
    /// Takes why they are given up.
    give_up: oneshot::Sender<Error>,
}

/// A record of its own, or one of many.
pub(crate) type Owned = (Option<Vec<u8>>, Vec<u8>);

pub(crate) fn owned<'a>(records: impl Iterator<Item = (Option<&'a [u8]>, &'a [u8])>) -> Vec<Owned> {
    records.map(|(key, value)| (key.map(<[u8]>::to_vec), value.to_vec())).collect()
}

/// The error of a record that would overtake others.
pub(crate) fn overtaking(topic: &str) -> Error {
    let text = format!("produce to {topic}: records that were sent before wait for room");
    Error::Other(Detail::from(text).with_code(ErrorCode::QueueFull).with_outcome(Outcome::NotSent))
}

/// What stands in line.
#[derive(Debug)]
pub(crate) enum Item {
    /// A record whose report comes with its tag; the answer is due only if it is refused.
    Record { topic: TopicHandle, partition: Option<u32>, record: Owned, tag: u64, due: Due },
    /// The rest of records some of which were taken; the answer is due when all of them are settled.
    Records { topic: TopicHandle, partition: Option<u32>, records: Vec<Owned>, taken: Deliveries, due: Due },
    /// A flush of what was before it.
    Flush { core: Arc<rivven_client::Producer>, due: Due },
    /// The end of a line; who waits for it is told.
    End(oneshot::Sender<()>),
}

impl Line {
    pub(crate) fn new(lines: &Arc<Lines>, runtime: Arc<Share>, mark: ForkMark) -> Self {
        let shared = Arc::new(Shared { lines: Arc::clone(lines), runtime, standing: Mutex::default() });
        let mut all = lines.all();
        all.retain(|line| line.strong_count() > 0);
        all.push(Arc::downgrade(&shared));
        Line { shared: ManuallyDrop::new(shared), mark }
    }

    /// Whether nothing stands in line, so that records may be handed over without it.
    pub fn is_empty(&self) -> bool {
        !self.mark.is_here() || !self.shared.standing().moving
    }

    pub(crate) fn stand(&self, item: Item) {
        let runtime = self.shared.runtime.get();
        // Without a runtime the producer is closed, and nothing is due but its errors.
        let (Some(runtime), Ok(())) = (&runtime, self.shared.lines.check_open()) else {
            return item.refuse(Error::closed(WHAT), runtime.as_ref());
        };
        let mut standing = self.shared.standing();
        let place = (item.records() > 0).then(|| Place::new(&self.shared.lines));
        standing.waiting.push_back(Waiting { since: Instant::now(), item, place });
        if !std::mem::replace(&mut standing.moving, true) {
            drop(standing);
            runtime.spawn(move_on(Arc::clone(&self.shared), runtime.clone()));
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

    /// Notes that one of the records that are handed over has room.
    fn one_handed_over(&self) {
        if let Some(first) = &mut self.standing().first {
            first.records -= 1;
        }
    }

    /// Marks the end of the line, unless it is empty.
    fn end(&self) -> Option<oneshot::Receiver<()>> {
        let mut standing = self.standing();
        if !standing.moving {
            return None;
        }
        let (reached, end) = oneshot::channel();
        standing.waiting.push_back(Waiting { since: Instant::now(), item: Item::End(reached), place: None });
        Some(end)
    }

    /// Gives up the records that stand in line; the number of those.
    fn give_up(&self, error: &Error) -> u64 {
        let mut standing = self.standing();
        let first = standing.first.take();
        let all = std::mem::take(&mut standing.waiting);
        let (given_up, others) = all.into_iter().partition::<VecDeque<_>, _>(|waiting| waiting.place.is_some());
        standing.waiting = others;
        // What is due is entered behind the lock.
        drop(standing);
        let items: Vec<_> = given_up.into_iter().map(|waiting| waiting.item).collect();
        let mut count = items.iter().map(Item::records).sum::<usize>();
        if let Some(First { records, give_up }) = first {
            count += records;
            let _ = give_up.send(error.clone());
        }
        let runtime = self.runtime.get();
        items.into_iter().for_each(|item| item.refuse(error.clone(), runtime.as_ref()));
        count as u64
    }
}

/// The task of a line; one that ends otherwise than by finding nothing gives up what waits.
struct Moving {
    line: Arc<Shared>,
    runtime: SharedRuntime,
    ended: bool,
}

/// Says why a record is given up, if it is.
type GivenUp = oneshot::Receiver<Error>;

impl Moving {
    /// The first in line, or the end of the task.
    fn next(&mut self) -> Option<(Waiting, GivenUp)> {
        let mut standing = self.line.standing();
        let Some(next) = standing.waiting.pop_front() else {
            (standing.first, standing.moving, self.ended) = (None, false, true);
            return None;
        };
        let (give_up, given_up) = oneshot::channel();
        standing.first = Some(First { records: next.item.records(), give_up });
        Some((next, given_up))
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
async fn move_on(line: Arc<Shared>, runtime: SharedRuntime) {
    let mut moving = Moving { line, runtime, ended: false };
    let mut full: Option<(Duration, Error)> = None;
    while let Some((Waiting { since, item, place }, given_up)) = moving.next() {
        match &full {
            // Who has waited as long as the one for whom there was no room does not wait as long again.
            Some((limit, error)) if place.is_some() && since.elapsed() >= *limit => {
                drop(place);
                item.refuse(error.clone(), Some(&moving.runtime));
            }
            _ => {
                let begun = Instant::now();
                full = item.hand_over(&moving, place, given_up).await.map(|error| (begun.elapsed(), error));
            }
        }
    }
}

/// Does something, unless it is given up before.
async fn unless(given_up: GivenUp, handing: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::select! {
        // What is purged does not take the room that others leave.
        biased;
        Ok(error) = given_up => Err(error),
        result = handing => result,
    }
}

impl Item {
    /// How many records have no room yet.
    fn records(&self) -> usize {
        match self {
            Item::Record { .. } => 1,
            Item::Records { records, .. } => records.len(),
            Item::Flush { .. } | Item::End(_) => 0,
        }
    }

    /// Hands it over; the error if there was no room for it in time.
    async fn hand_over(self, moving: &Moving, place: Option<Place>, given_up: GivenUp) -> Option<Error> {
        let refusal = match self {
            Item::Record { topic, partition, record: (key, value), tag, due } => {
                let handing = topic.hand_over_tagged(partition, key.as_deref(), &value, tag);
                let handed_over = unless(given_up, handing).await;
                drop(place);
                match handed_over {
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
                let handing = async {
                    for record in &records {
                        topic.hand_over_batch(partition, slice::from_ref(record), &mut taken).await?;
                        moving.line.one_handed_over();
                    }
                    Ok(())
                };
                let refusal = unless(given_up, handing).await.err();
                drop(place);
                moving.runtime.spawn(settle(taken, refusal.clone(), due));
                refusal
            }
            Item::Flush { core, due } => {
                let flush = core.flush();
                moving.runtime.spawn(async move { due.settle(flush.await.map(Answer::from)) });
                None
            }
            Item::End(reached) => {
                let _ = reached.send(());
                None
            }
        };
        refusal.filter(|error| error.code() == ErrorCode::QueueFull)
    }

    /// Says why it is not handed over.
    fn refuse(self, error: Error, runtime: Option<&SharedRuntime>) {
        match (self, runtime) {
            // Some were taken: the answer comes when they are settled.
            (Item::Records { taken, due, .. }, Some(runtime)) => runtime.spawn(settle(taken, Some(error), due)),
            (Item::Record { due, .. } | Item::Records { due, .. } | Item::Flush { due, .. }, _) => {
                due.settle(Err(error));
            }
            (Item::End(_), _) => {}
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
