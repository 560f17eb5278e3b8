//! The records of a transaction on one connection: which are sent, in which order, and again.
//!
//! A state machine without I/O and clocks. Records of a partition number have consecutive sequence numbers, so they are
//! sent in their order, and whatever fails is sent again from there on once nothing is under way any more. The broker
//! recognises what it has already by the number.

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
    /// Whether an attempt may have been executed.
    unknown: bool,
}

/// What follows an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect<T> {
    /// The record is written; `again` if more than one attempt may have done so.
    Written { item: T, again: bool },
    /// It is sent again, as are those behind it.
    Again,
    /// The transaction cannot be committed any more; what is known of this record.
    Doomed(Outcome),
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
        self.entries.push_back(Entry { ticket, partition, item, under_way: false, unknown: false });
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
                Some(entry) => Effect::Written { item: entry.item, again: entry.unknown },
                None => Effect::Again,
            },
            Answer::NotExecuted => Effect::Again,
            Answer::OutOfOrder { .. } if behind_a_failure => Effect::Again,
            Answer::Unknown | Answer::Failed => {
                self.entries[index].unknown = true;
                Effect::Again
            }
            Answer::OutOfOrder { .. } | Answer::UnknownProducer | Answer::Fenced | Answer::Refused => {
                self.entries[index].under_way = false;
                self.draining = true;
                let unknown = self.entries[index].unknown;
                Effect::Doomed(if unknown { Outcome::Unknown } else { Outcome::Rejected })
            }
        }
    }

    /// Takes all records that are not under way, with what is known of each, since none of them is sent any more.
    pub(super) fn take_waiting(&mut self) -> Vec<(T, Outcome)> {
        let (under_way, waiting) = self.entries.drain(..).partition(|entry: &Entry<T>| entry.under_way);
        self.entries = under_way;
        waiting.into_iter().map(Entry::end).collect()
    }

    /// Takes every record, since nobody waits for answers any more.
    pub(super) fn take_all(&mut self) -> Vec<(T, Outcome)> {
        self.in_flight = 0;
        let sent = |entry: Entry<T>| {
            let outcome = if entry.under_way { Outcome::Unknown } else { entry.outcome() };
            (entry.item, outcome)
        };
        self.entries.drain(..).map(sent).collect()
    }
}

impl<T> Entry<T> {
    fn outcome(&self) -> Outcome {
        if self.unknown { Outcome::Unknown } else { Outcome::NotSent }
    }

    fn end(self) -> (T, Outcome) {
        let outcome = self.outcome();
        (self.item, outcome)
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
        assert_eq!(window.answered(1, WRITTEN), Effect::Written { item: "a", again: false });
        assert_eq!(sent(&mut window), [(4, "d")]);
    }

    #[test]
    fn what_fails_is_sent_again_with_those_behind_it_that_were_refused_for_that() {
        let mut window = window(&[(0, "a"), (1, "b"), (0, "c"), (0, "d")]);
        sent(&mut window);
        assert_eq!(window.answered(1, Answer::Failed), Effect::Again);
        assert!(!window.wants_to_send(), "attempts are still under way");
        assert_eq!(window.answered(2, WRITTEN), Effect::Written { item: "b", again: false });
        assert_eq!(window.answered(3, OUT_OF_ORDER), Effect::Again);
        assert_eq!(sent(&mut window), [(1, "a"), (3, "c"), (4, "d")]);
        assert_eq!(window.answered(1, WRITTEN), Effect::Written { item: "a", again: true });
        assert_eq!(window.answered(3, WRITTEN), Effect::Written { item: "c", again: false });
    }

    #[test]
    fn a_lost_connection_answers_all_and_all_are_sent_again() {
        let mut window = window(&[(0, "a"), (0, "b")]);
        sent(&mut window);
        assert_eq!(window.answered(1, Answer::Unknown), Effect::Again);
        assert_eq!(window.answered(2, Answer::Unknown), Effect::Again);
        assert_eq!(sent(&mut window), [(1, "a"), (2, "b")]);
        assert_eq!(window.answered(1, WRITTEN), Effect::Written { item: "a", again: true });
    }

    #[test]
    fn a_number_that_is_refused_for_no_reason_of_ours_dooms_the_transaction() {
        for answer in [OUT_OF_ORDER, Answer::UnknownProducer, Answer::Fenced, Answer::Refused] {
            let mut window = window(&[(1, "a"), (0, "b")]);
            sent(&mut window);
            window.answered(1, Answer::Unknown);
            assert_eq!(window.answered(2, answer), Effect::Doomed(Outcome::Rejected), "{answer:?}");
            let left: Vec<_> = window.take_all().into_iter().collect();
            assert_eq!(left, [("a", Outcome::Unknown), ("b", Outcome::NotSent)]);
        }
    }

    #[test]
    fn what_waits_can_be_taken_and_what_is_under_way_is_of_unknown_outcome() {
        let mut window = window(&[(0, "a"), (0, "b"), (0, "c"), (0, "d")]);
        sent(&mut window);
        assert_eq!(window.take_waiting(), [("d", Outcome::NotSent)]);
        assert_eq!((window.in_flight(), window.is_empty()), (3, false));
        assert_eq!(window.take_all().len(), 3);
        assert_eq!((window.in_flight(), window.is_empty()), (0, true));
    }
}
