//! How far a program has come with the records of a poll that it takes one by one.

use std::fmt;
use std::sync::{Arc, Weak};

use super::inner::Inner;
use super::listener::Key;
use super::partition::Progress;
use super::records::{ConsumerRecords, PartitionRecords};

/// Says how far the program has come with the records of one poll; made by [`Consumer::pace`](crate::Consumer::pace).
///
/// Until something is said the program has none of them. Dropping it gives those
/// that were not reached back, and a later poll gives them again; it holds no
/// record itself.
pub struct Pace {
    inner: Weak<Inner>,
    parts: Vec<Part>,
    /// The part that was reached, and the offset of the record there.
    reached: Option<(usize, u64)>,
}

/// What is known of the records of one partition that came together.
struct Part {
    key: Key,
    progress: Arc<Progress>,
    course: u64,
    first: u64,
    last: u64,
    /// Whether it was left out: what the program had not reached was given back.
    left_out: bool,
}

impl Pace {
    pub(super) fn new(inner: &Arc<Inner>, records: &ConsumerRecords) -> Self {
        let mut state = inner.shared.state();
        let progress = state.stream(records.partitions());
        let part = |(records, progress): (&PartitionRecords, Arc<Progress>)| {
            let (key, course) = (records.key(), records.course());
            let (first, last) = (records.first_offset()?, records.last_offset()?);
            Some(Part { key, progress, course, first, last, left_out: false })
        };
        let parts = records.partitions().iter().zip(progress).filter_map(part).collect();
        drop(state);
        Pace { inner: Arc::downgrade(inner), parts, reached: None }
    }

    /// The program has the record at an offset of a [part](ConsumerRecords::partitions), and is done with all before it.
    pub fn reached(&mut self, part: usize, offset: u64) {
        let Some(at) = self.parts.get(part) else { return };
        let from = self.reached.map_or(0, |(part, _)| part);
        self.parts.iter().take(part).skip(from).for_each(|part| part.progress.done(part.last + 1));
        at.progress.has(offset);
        self.reached = Some((part, offset));
    }

    /// The program is done with the record that it has reached, too.
    pub(super) fn done_with_reached(&self) {
        let reached = self.reached.and_then(|(part, offset)| Some((self.parts.get(part)?, offset)));
        reached.into_iter().for_each(|(part, offset)| part.progress.done(offset + 1));
    }

    /// The program is done with all of them.
    pub fn finish(mut self) {
        self.parts.drain(..).for_each(|part| part.progress.done(part.last + 1));
    }

    /// The program has all of them, as if a poll had just given them: it is done with them when it asks for more.
    pub fn hand_out(mut self) {
        let Some(inner) = self.inner.upgrade() else { return };
        let mut state = inner.shared.state();
        // The last part of a partition says how far that is.
        self.parts.drain(..).rev().for_each(|part| state.hand_out(&part.key, &part.progress, part.last + 1));
    }

    /// Leaves out partitions that are gone or paused, or where the program has gone elsewhere, and at the end of the
    /// consumer all; gives for each part whether its records are still to be given.
    pub(super) fn look_again(&mut self) -> Vec<bool> {
        let Some(inner) = self.inner.upgrade() else { return Vec::new() };
        let is_open = inner.shared.check_open().is_ok();
        let mut state = inner.shared.state();
        let gives = |part: &Part| !part.left_out && is_open && state.gives(&part.key, part.course);
        let given: Vec<bool> = self.parts.iter().map(gives).collect();
        let back: Vec<_> = self.left().into_iter().filter(|(part, _)| !gives(part)).collect();
        back.iter().for_each(|(part, next)| state.let_go(&part.key, part.course, &part.progress, *next));
        drop(state);
        for (part, _) in self.parts.iter_mut().zip(&given).filter(|(part, gives)| !**gives && !part.left_out) {
            // What is said of it from now on is said to nobody.
            (part.left_out, part.progress) = (true, Progress::at(part.first));
        }
        given
    }

    /// The partitions that the program is not done with, and where each goes on whose records were not all reached.
    fn left(&self) -> Vec<(&Part, Option<u64>)> {
        let (begun, offset) = self.reached.unwrap_or((usize::MAX, 0));
        let mut left: Vec<(&Part, Option<u64>)> = Vec::new();
        for (place, part) in self.parts.iter().enumerate() {
            let next = match place.cmp(&begun) {
                _ if part.left_out => continue,
                _ if self.reached.is_none() => Some(part.first),
                std::cmp::Ordering::Less => continue,
                std::cmp::Ordering::Equal => Some(offset + 1).filter(|next| *next <= part.last),
                std::cmp::Ordering::Greater => Some(part.first),
            };
            match left.iter_mut().find(|(known, _)| known.key == part.key) {
                Some((_, known)) => *known = known.or(next),
                None => left.push((part, next)),
            }
        }
        left
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        let Some(inner) = self.inner.upgrade() else { return };
        let mut state = inner.shared.state();
        for (part, next) in self.left() {
            state.let_go(&part.key, part.course, &part.progress, next);
        }
    }
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").field("parts", &self.parts.len()).field("reached", &self.reached).finish_non_exhaustive()
    }
}
