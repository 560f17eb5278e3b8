//! The requests of one connection that have no answer yet: a state machine without I/O.
//!
//! The broker answers strictly in the order of the requests, so the table is a
//! queue. Positions count the bytes of the outgoing stream, which tells for
//! every request whether the broker can have seen it whole.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::deadline::Deadline;
use super::failure::{Cause, Failure, Phase};

/// The queue of unanswered requests; `R` is where an answer goes.
#[derive(Debug)]
pub(crate) struct Pending<R> {
    entries: VecDeque<Entry<R>>,
    last_id: u32,
    queued: u64,
    written: u64,
    /// How many of the oldest requests have been written whole.
    waiting: usize,
}

#[derive(Debug)]
struct Entry<R> {
    id: u32,
    start: u64,
    end: u64,
    deadline: Deadline,
    reply: R,
}

impl<R> Entry<R> {
    fn phase(&self, written: u64) -> Phase {
        if written >= self.end {
            Phase::Waiting
        } else if written > self.start {
            Phase::Writing
        } else {
            Phase::Queued
        }
    }
}

/// An answer came that no written request is waiting for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OutOfStep {
    /// The correlation id that was due, if any.
    pub(crate) expected: Option<u32>,
}

impl<R> Pending<R> {
    pub(crate) fn new() -> Self {
        Pending { entries: VecDeque::new(), last_id: 0, queued: 0, written: 0, waiting: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many requests have been written whole and wait for their answers.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether every queued byte has been written.
    #[cfg(test)]
    fn is_written(&self) -> bool {
        self.queued == self.written
    }

    /// Enters a request of `size` bytes on the wire and gives it a correlation id.
    ///
    /// 0 is never given: the broker answers with it what it cannot attribute.
    pub(crate) fn push(&mut self, size: usize, deadline: Deadline, reply: R) -> u32 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let start = self.queued;
        self.queued += size as u64;
        self.entries.push_back(Entry { id: self.last_id, start, end: self.queued, deadline, reply });
        self.last_id
    }

    /// Notes that `bytes` more of the outgoing stream were written; how many requests they completed.
    pub(crate) fn wrote(&mut self, bytes: usize) -> usize {
        self.written += bytes as u64;
        debug_assert!(self.written <= self.queued);
        let before = self.waiting;
        while self.entries.get(self.waiting).is_some_and(|entry| entry.end <= self.written) {
            self.waiting += 1;
        }
        self.waiting - before
    }

    /// Takes the request that the answer with this correlation id belongs to.
    pub(crate) fn answered(&mut self, id: u32) -> Result<R, OutOfStep> {
        match self.entries.front() {
            Some(entry) if entry.id == id => self.take_oldest(),
            _ => Err(self.out_of_step()),
        }
    }

    /// Takes the oldest request: the one that an error with correlation id 0 belongs to.
    pub(crate) fn take_oldest(&mut self) -> Result<R, OutOfStep> {
        match self.entries.pop_front() {
            Some(entry) if entry.phase(self.written) == Phase::Waiting => {
                self.waiting -= 1;
                Ok(entry.reply)
            }
            Some(entry) => {
                self.entries.push_front(entry);
                Err(self.out_of_step())
            }
            None => Err(self.out_of_step()),
        }
    }

    fn out_of_step(&self) -> OutOfStep {
        let due = self.entries.front().filter(|entry| entry.phase(self.written) == Phase::Waiting);
        OutOfStep { expected: due.map(|entry| entry.id) }
    }

    /// Begins the time of the oldest request if it has waited for its turn; when it is up then.
    pub(crate) fn begin_oldest(&mut self) -> Option<Instant> {
        self.entries.front_mut()?.deadline.begin()
    }

    /// The earliest deadline of all.
    ///
    /// Deadlines need not rise along the queue (a long poll may stand in front
    /// of a ping), so all are looked at; the caller asks once per timer.
    pub(crate) fn earliest_deadline(&self) -> Option<Instant> {
        self.entries.iter().map(|entry| entry.deadline.at()).min()
    }

    /// Whether some request's time is up.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.entries.iter().any(|entry| entry.deadline.at() <= now)
    }

    /// Empties the queue because requests are overdue; each gets its own failure.
    pub(crate) fn fail_overdue(&mut self, now: Instant, mut give: impl FnMut(R, Failure)) {
        self.waiting = 0;
        let written = self.written;
        for entry in self.entries.drain(..) {
            let phase = entry.phase(written);
            let cause = if entry.deadline.at() <= now {
                Cause::TimedOut { phase, after: entry.deadline.limit() }
            } else {
                Cause::NeighbourTimedOut
            };
            give(entry.reply, Failure { cause, outcome: phase.outcome() });
        }
    }

    /// Empties the queue because the connection ended; each gets the cause with its own outcome.
    pub(crate) fn fail_all(&mut self, cause: &Cause, mut give: impl FnMut(R, Failure)) {
        self.waiting = 0;
        let written = self.written;
        for entry in self.entries.drain(..) {
            let outcome = entry.phase(written).outcome();
            give(entry.reply, Failure { cause: cause.clone(), outcome });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::Outcome;

    fn three() -> (Pending<char>, Instant) {
        let mut pending = Pending::new();
        for (reply, seconds) in [('a', 9), ('b', 1), ('c', 5)] {
            pending.push(10, Deadline::after(Duration::from_secs(seconds)), reply);
        }
        (pending, Instant::now())
    }

    #[test]
    fn answers_are_taken_in_order_and_by_id() {
        let (mut pending, _) = three();
        pending.wrote(30);
        assert!(pending.is_written());
        assert_eq!(pending.answered(1), Ok('a'));
        assert_eq!(pending.answered(3), Err(OutOfStep { expected: Some(2) }));
        assert_eq!(pending.answered(2), Ok('b'));
        assert_eq!(pending.take_oldest(), Ok('c'));
        assert_eq!(pending.answered(4), Err(OutOfStep { expected: None }));
    }

    #[test]
    fn an_answer_to_an_unwritten_request_is_out_of_step() {
        let (mut pending, _) = three();
        pending.wrote(9);
        assert_eq!(pending.answered(1), Err(OutOfStep { expected: None }));
        assert_eq!(pending.take_oldest(), Err(OutOfStep { expected: None }));
        pending.wrote(1);
        assert_eq!(pending.answered(1), Ok('a'));
    }

    #[test]
    fn the_outcome_follows_from_the_bytes_written() {
        let (mut pending, _) = three();
        pending.wrote(15);
        let mut seen = Vec::new();
        pending.fail_all(&Cause::ClosedByOwner, |reply, failure| seen.push((reply, failure.outcome)));
        assert_eq!(seen, [('a', Outcome::Unknown), ('b', Outcome::NotSent), ('c', Outcome::NotSent)]);
        assert!(pending.is_empty());
    }

    #[test]
    fn an_overdue_request_is_told_apart_from_its_neighbours() {
        let (mut pending, start) = three();
        pending.wrote(30);
        assert!(pending.earliest_deadline().unwrap() <= start + Duration::from_secs(1));
        assert!(!pending.is_overdue(start));
        let now = start + Duration::from_secs(2);
        assert!(pending.is_overdue(now));
        let mut timed_out = Vec::new();
        pending.fail_overdue(now, |reply, failure| {
            timed_out.push((reply, matches!(failure.cause, Cause::TimedOut { phase: Phase::Waiting, .. })));
        });
        assert_eq!(timed_out, [('a', false), ('b', true), ('c', false)]);
    }

    /// A batch of thousands of records is served for many seconds, and those
    /// behind it were once taken for lost.
    #[test]
    fn a_request_in_turn_has_its_time_from_when_it_is_the_oldest() {
        let mut pending = Pending::new();
        let limit = Duration::from_secs(5);
        for reply in ['a', 'b'] {
            pending.push(10, Deadline::in_turn(limit), reply);
        }
        pending.wrote(20);
        let later = Instant::now() + Duration::from_secs(3600);
        assert!(!pending.is_overdue(later));
        assert!(pending.begin_oldest().unwrap() <= Instant::now() + limit);
        assert_eq!(pending.begin_oldest(), None, "it has begun");
        assert_eq!(pending.earliest_deadline().map(|at| at <= Instant::now() + limit), Some(true));
        pending.take_oldest().unwrap();
        assert!(!pending.is_overdue(later));
        assert!(pending.begin_oldest().is_some());
        assert!(pending.is_overdue(later));
    }

    #[test]
    fn what_is_written_whole_is_counted() {
        let (mut pending, _) = three();
        assert_eq!((pending.wrote(9), pending.waiting()), (0, 0));
        assert_eq!((pending.wrote(12), pending.waiting()), (2, 2));
        pending.take_oldest().unwrap();
        assert_eq!((pending.wrote(9), pending.waiting(), pending.len()), (1, 2, 2));
        pending.fail_all(&Cause::ClosedByOwner, |_, _| ());
        assert_eq!((pending.waiting(), pending.len()), (0, 0));
    }

    #[test]
    fn the_correlation_id_skips_zero() {
        let mut pending = Pending::new();
        pending.last_id = u32::MAX - 1;
        let ids: Vec<_> = (0..3).map(|_| pending.push(1, Deadline::after(Duration::ZERO), ())).collect();
        assert_eq!(ids, [u32::MAX, 1, 2]);
    }
}
