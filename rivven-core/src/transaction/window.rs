//! The records of a transaction on one connection: which are sent, in which order, and again.
//!
//! A state machine without I/O and clocks. Records of a partition number have consecutive sequence numbers, so they are
//! sent in their order, and what the broker did not take is sent again from there on once nothing is under way any more.
//!
//! A record whose answer was lost is not sent again. The broker would recognise it by its number, were it not that it
//! looks at the number and writes the record in two steps: where the lost request is still on its way, both are written,
//! and nothing says so. Such a transaction can only be aborted, which hides whatever was written of it.

use std::collections::VecDeque;

use crate::error::Outcome;
use crate::producer::Answer;

/// A record, by its place in the order in which records were taken.
pub(super) type Ticket = u64;

#[derive(Debug)]
struct Entry<T> {
    ticket: Ticket,
    partition: u32,
    item: T,
    under_way: bool,
}

/// What follows an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect<T> {
    /// The record is written.
    Written(T),
    /// It was not, and is sent again, as are those behind it.
    Again,
    /// The transaction cannot be committed any more; what is known of the record.
    Doomed { item: T, outcome: Outcome },
}

/// The records that are not settled, in their order.
#[derive(Debug)]
pub(super) struct Window<T> {
    max_in_flight: usize,
    entries: VecDeque<Entry<T>>,
    in_flight: usize,
    tickets: Ticket,
    /// Whether nothing is sent until all attempts have ended.
    draining: bool,
}

impl<T> Window<T> {
    pub(super) fn new(max_in_flight: usize) -> Self {
        Window { max_in_flight, entries: VecDeque::new(), in_flight: 0, tickets: 0, draining: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The record that has waited longest.
    pub(super) fn oldest(&self) -> Option<&T> {
        self.entries.front().map(|entry| &entry.item)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Takes a record for a partition number, to be sent behind all others.
    pub(super) fn push(&mut self, partition: u32, item: T) {
        self.tickets += 1;
        let ticket = self.tickets;
        self.entries.push_back(Entry { ticket, partition, item, under_way: false });
    }

    /// Whether there is something to send.
    pub(super) fn wants_to_send(&self) -> bool {
        self.may_send() && self.entries.iter().any(|entry| !entry.under_way)
    }

    fn may_send(&self) -> bool {
        !self.draining && self.in_flight < self.max_in_flight
    }

    /// The next record to send, which counts as sent: each attempt has to be answered, in their order.
    pub(super) fn send(&mut self) -> Option<(Ticket, &T)> {
        if !self.may_send() {
            return None;
        }
        let entry = self.entries.iter_mut().find(|entry| !entry.under_way)?;
        entry.under_way = true;
        self.in_flight += 1;
        Some((entry.ticket, &entry.item))
    }

    /// Notes what came of an attempt.
    pub(super) fn answered(&mut self, ticket: Ticket, answer: Answer) -> Effect<T> {
        let Some(index) = self.entries.iter().position(|entry| entry.ticket == ticket) else { return Effect::Again };
        self.in_flight -= 1;
        let effect = self.judge(index, answer);
        if matches!(effect, Effect::Again) {
            self.entries[index].under_way = false;
            self.draining = true;
        }
        if self.in_flight == 0 {
            self.draining = false;
        }
        effect
    }

    fn judge(&mut self, index: usize, answer: Answer) -> Effect<T> {
        let partition = self.entries[index].partition;
        let behind_a_failure =
            self.entries.range(..index).any(|entry| entry.partition == partition && !entry.under_way);
        match answer {
            Answer::Published { .. } => match self.entries.remove(index) {
                Some(entry) => Effect::Written(entry.item),
                None => Effect::Again,
            },
            Answer::NotExecuted => Effect::Again,
            Answer::OutOfOrder { .. } if behind_a_failure => Effect::Again,
            Answer::Unknown | Answer::Failed => self.doomed(index, Outcome::Unknown),
            Answer::OutOfOrder { .. } | Answer::UnknownProducer | Answer::Fenced | Answer::Refused => {
                self.doomed(index, Outcome::Rejected)
            }
        }
    }

    fn doomed(&mut self, index: usize, outcome: Outcome) -> Effect<T> {
        self.draining = true;
        match self.entries.remove(index) {
            Some(entry) => Effect::Doomed { item: entry.item, outcome },
            None => Effect::Again,
        }
    }

    /// Takes all records that are not under way, since none of them is sent any more.
    pub(super) fn take_waiting(&mut self) -> Vec<T> {
        let (under_way, waiting): (VecDeque<_>, VecDeque<_>) =
            self.entries.drain(..).partition(|entry| entry.under_way);
        self.entries = under_way;
        waiting.into_iter().map(|entry| entry.item).collect()
    }

    /// Takes every record, since nobody waits for answers any more.
    pub(super) fn take_all(&mut self) -> Vec<(T, Outcome)> {
        self.in_flight = 0;
        let known = |under_way| if under_way { Outcome::Unknown } else { Outcome::NotSent };
        self.entries.drain(..).map(|entry| (entry.item, known(entry.under_way))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: Answer = Answer::Published { offset: 0, duplicate: false };
    const OUT_OF_ORDER: Answer = Answer::OutOfOrder { expected: None };

    fn sent(window: &mut Window<&'static str>) -> Vec<(Ticket, &'static str)> {
        std::iter::from_fn(|| window.send().map(|(ticket, item)| (ticket, *item))).collect()
    }

    fn window(records: &[(u32, &'static str)]) -> Window<&'static str> {
        let mut window = Window::new(3);
        records.iter().for_each(|(partition, item)| window.push(*partition, *item));
        window
    }

    #[test]
    fn records_are_sent_in_their_order_as_far_as_there_is_room() {
        let mut window = window(&[(0, "a"), (1, "b"), (0, "c"), (0, "d")]);
        assert_eq!(sent(&mut window), [(1, "a"), (2, "b"), (3, "c")]);
        assert_eq!(window.answered(1, WRITTEN), Effect::Written("a"));
        assert_eq!(sent(&mut window), [(4, "d")]);
    }

    #[test]
    fn what_was_not_taken_is_sent_again_with_those_behind_it_that_were_refused_for_that() {
        let mut window = window(&[(0, "a"), (1, "b"), (0, "c"), (0, "d")]);
        sent(&mut window);
        assert_eq!(window.answered(1, Answer::NotExecuted), Effect::Again);
        assert!(!window.wants_to_send(), "attempts are still under way");
        assert_eq!(window.answered(2, WRITTEN), Effect::Written("b"));
        assert_eq!(window.answered(3, OUT_OF_ORDER), Effect::Again);
        assert_eq!(sent(&mut window), [(1, "a"), (3, "c"), (4, "d")]);
        assert_eq!(window.answered(1, WRITTEN), Effect::Written("a"));
        assert_eq!(window.answered(3, WRITTEN), Effect::Written("c"));
    }

    /// A record that was sent again after a cut was there twice: the broker was still at the first request.
    #[test]
    fn what_may_have_been_written_is_not_sent_again() {
        for answer in [Answer::Unknown, Answer::Failed] {
            let mut window = window(&[(0, "a"), (0, "b"), (0, "c"), (0, "d")]);
            sent(&mut window);
            assert_eq!(window.answered(1, answer), Effect::Doomed { item: "a", outcome: Outcome::Unknown });
            assert_eq!(window.take_waiting(), ["d"]);
            assert_eq!(window.answered(2, answer), Effect::Doomed { item: "b", outcome: Outcome::Unknown });
            assert_eq!(window.take_all(), [("c", Outcome::Unknown)]);
            assert_eq!((window.in_flight(), window.is_empty()), (0, true));
        }
    }

    #[test]
    fn a_number_that_is_refused_for_no_reason_of_ours_dooms_the_transaction() {
        for answer in [OUT_OF_ORDER, Answer::UnknownProducer, Answer::Fenced, Answer::Refused] {
            let mut window = window(&[(1, "a"), (0, "b")]);
            sent(&mut window);
            window.answered(1, Answer::NotExecuted);
            let doomed = Effect::Doomed { item: "b", outcome: Outcome::Rejected };
            assert_eq!(window.answered(2, answer), doomed, "{answer:?}");
            assert_eq!(window.take_all(), [("a", Outcome::NotSent)]);
        }
    }
}
