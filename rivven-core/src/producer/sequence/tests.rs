//! One case after the other, where the schedules show that all of them together hold.

use super::*;

const STORED: Answer = Answer::Published { offset: 100, duplicate: false };
const RECOGNISED: Answer = Answer::Published { offset: 100, duplicate: true };

/// A partition with the identity 1.
struct Bench {
    sequence: Sequence,
}

impl Bench {
    fn new(retry_unknown_outcome: bool) -> Self {
        let mut bench = Bench { sequence: Sequence::new(5, retry_unknown_outcome) };
        bench.adopt(1);
        bench
    }

    fn adopt(&mut self, id: u64) {
        assert!(self.sequence.adopt(Grant { identity: Identity { id, epoch: 0 }, serial: id }));
    }

    /// Batches of so many records, under way.
    fn stamp<const N: usize>(&mut self, counts: [u32; N]) -> [Ticket; N] {
        counts.map(|count| {
            assert_eq!(self.sequence.next(), Step::New);
            self.sequence.stamp(count).expect("it is next").0
        })
    }

    fn answer(&mut self, ticket: Ticket, answer: Answer) {
        self.sequence.answered(ticket, answer);
    }

    fn out_of_order(&mut self, ticket: Ticket, expected: i32) {
        self.answer(ticket, Answer::OutOfOrder { expected: Some(expected) });
    }

    fn steps<const N: usize>(&mut self, expected: [Step; N]) {
        assert_eq!(expected.map(|_| self.sequence.next()), expected);
    }

    fn settled<const N: usize>(&mut self, expected: [(Ticket, Result<Delivered, Failure>); N]) {
        let expected: Vec<_> = expected.into_iter().map(|(ticket, result)| Settled { ticket, result }).collect();
        assert_eq!(self.sequence.take_settled(), expected);
    }
}

fn stamp(id: u64, base: i32) -> Stamp {
    Stamp { identity: Identity { id, epoch: 0 }, base }
}

fn delivered(offset: Option<u64>) -> Result<Delivered, Failure> {
    Ok(Delivered { offset, duplicate: false, maybe_duplicate: false })
}

fn recognised(offset: Option<u64>) -> Result<Delivered, Failure> {
    Ok(Delivered { offset, duplicate: true, maybe_duplicate: false })
}

fn maybe_twice(offset: Option<u64>) -> Result<Delivered, Failure> {
    Ok(Delivered { offset, duplicate: false, maybe_duplicate: true })
}

fn failed(cause: Cause, outcome: Outcome) -> Result<Delivered, Failure> {
    Err(Failure { cause, outcome })
}

#[test]
fn nothing_is_numbered_without_an_identity_or_beyond_the_limit() {
    let mut sequence = Sequence::new(2, true);
    assert_eq!(sequence.next(), Step::AskIdentity { newer_than: 0 });
    assert_eq!(sequence.stamp(1), None);
    let grant = Grant { identity: Identity { id: 9, epoch: 0 }, serial: 4 };
    assert!(sequence.adopt(grant) && !sequence.adopt(grant));
    assert_eq!(sequence.stamp(3).map(|(_, stamp)| stamp), Some(stamp(9, 0)));
    assert_eq!(sequence.stamp(2).map(|(_, stamp)| stamp), Some(stamp(9, 3)));
    assert_eq!(sequence.next(), Step::Wait);
    assert_eq!(sequence.stamp(1), None);
}

#[test]
fn what_is_refused_for_the_moment_goes_out_again_in_order_with_those_behind_it() {
    let mut bench = Bench::new(true);
    let [a, b, c] = bench.stamp([2, 2, 2]);
    bench.answer(a, Answer::NotExecuted);
    bench.steps([Step::Wait]);
    bench.out_of_order(b, 0);
    bench.out_of_order(c, 0);
    bench.steps([Step::Resend { ticket: a }, Step::Resend { ticket: b }, Step::Resend { ticket: c }, Step::New]);
    [a, b, c].into_iter().for_each(|ticket| bench.answer(ticket, STORED));
    bench.settled([a, b, c].map(|ticket| (ticket, delivered(Some(100)))));
    bench.steps([Step::New]);
}

#[test]
fn after_a_lost_connection_a_batch_that_is_accepted_vouches_for_those_before_it() {
    let mut bench = Bench::new(true);
    let [a, b] = bench.stamp([2, 7]);
    bench.answer(a, Answer::Unknown);
    bench.answer(b, Answer::NotExecuted);
    bench.steps([Step::Resend { ticket: a }, Step::Resend { ticket: b }]);
    bench.answer(a, RECOGNISED);
    bench.settled([]);
    bench.answer(b, STORED);
    bench.settled([(a, recognised(None)), (b, delivered(Some(100)))]);
    assert!(bench.sequence.is_idempotent());
}

/// The broker stored two of four records and failed; the answer that said so may have been lost.
#[test]
fn a_batch_that_is_recognised_is_looked_at_to_its_end() {
    for answer in [Answer::Unknown, Answer::Failed] {
        let mut bench = Bench::new(true);
        let [a] = bench.stamp([4]);
        bench.answer(a, answer);
        bench.steps([Step::Resend { ticket: a }]);
        bench.answer(a, RECOGNISED);
        bench.steps([Step::SendRecord { ticket: a, index: 3, stamp: stamp(1, 3) }, Step::Wait]);
        bench.out_of_order(a, 2);
        bench.steps([Step::SendRecord { ticket: a, index: 2, stamp: stamp(1, 2) }]);
        bench.answer(a, Answer::Published { offset: 102, duplicate: false });
        bench.steps([Step::SendRecord { ticket: a, index: 3, stamp: stamp(1, 3) }]);
        bench.answer(a, Answer::Published { offset: 103, duplicate: false });
        bench.settled([(a, recognised(Some(100)))]);
    }
}

#[test]
fn a_failure_in_the_middle_is_mended_record_by_record() {
    let mut bench = Bench::new(true);
    let [a, b] = bench.stamp([3, 1]);
    bench.answer(a, Answer::Failed);
    bench.steps([Step::Wait]);
    bench.out_of_order(b, 1);
    bench.steps([Step::SendRecord { ticket: a, index: 1, stamp: stamp(1, 1) }, Step::Wait]);
    bench.answer(a, Answer::Failed);
    bench.steps([Step::SendRecord { ticket: a, index: 1, stamp: stamp(1, 1) }]);
    bench.answer(a, RECOGNISED);
    bench.steps([Step::SendRecord { ticket: a, index: 2, stamp: stamp(1, 2) }]);
    bench.answer(a, Answer::Published { offset: 101, duplicate: false });
    bench.settled([(a, recognised(None))]);
    bench.steps([Step::Resend { ticket: b }]);
}

#[test]
fn those_behind_a_refused_batch_take_up_its_numbers() {
    let mut bench = Bench::new(true);
    let [a, b, c] = bench.stamp([1, 5, 1]);
    bench.answer(a, STORED);
    bench.answer(b, Answer::Refused);
    bench.out_of_order(c, 1);
    bench.settled([(a, delivered(Some(100))), (b, failed(Cause::Refused, Outcome::Rejected))]);
    bench.steps([Step::Frame { ticket: c, stamp: stamp(1, 1) }, Step::New]);
    assert_eq!(bench.sequence.stamp(1).map(|(_, stamp)| stamp), Some(stamp(1, 2)));
}

#[test]
fn nothing_goes_out_behind_numbers_that_are_missing() {
    let mut bench = Bench::new(true);
    let [a, b, c] = bench.stamp([1, 1, 1]);
    bench.answer(a, Answer::NotExecuted);
    bench.answer(b, Answer::Refused);
    bench.out_of_order(c, 0);
    bench.steps([Step::Resend { ticket: a }, Step::Wait]);
    bench.answer(a, STORED);
    bench.steps([Step::Frame { ticket: c, stamp: stamp(1, 1) }]);
}

/// The broker could still execute the lost attempt, if it took longer than the
/// sender waited; under an identity that is left that does no harm.
#[test]
fn numbers_are_not_given_again_where_an_attempt_was_lost() {
    let mut bench = Bench::new(true);
    let [a, b] = bench.stamp([1, 1]);
    bench.answer(a, Answer::NotExecuted);
    bench.answer(b, Answer::Unknown);
    bench.sequence.give_up(a);
    bench.settled([(a, failed(Cause::GivenUp, Outcome::NotSent))]);
    bench.steps([Step::AskIdentity { newer_than: 1 }]);
    bench.adopt(2);
    bench.steps([Step::Frame { ticket: b, stamp: stamp(2, 0) }]);
    bench.answer(b, STORED);
    bench.settled([(b, delivered(Some(100)))]);
}

#[test]
fn a_batch_given_up_under_way_does_no_harm_if_its_answer_comes() {
    let mut bench = Bench::new(true);
    let [a] = bench.stamp([2]);
    bench.sequence.give_up(a);
    bench.settled([(a, failed(Cause::GivenUp, Outcome::Unknown))]);
    let [b] = bench.stamp([1]);
    bench.answer(a, STORED);
    bench.answer(b, STORED);
    bench.settled([(b, delivered(Some(100)))]);
    bench.steps([Step::New]);
}

#[test]
fn a_batch_given_up_with_its_outcome_unknown_ends_the_identity() {
    let mut bench = Bench::new(true);
    let [a] = bench.stamp([2]);
    bench.answer(a, Answer::Unknown);
    bench.sequence.give_up(a);
    bench.settled([(a, failed(Cause::GivenUp, Outcome::Unknown))]);
    bench.steps([Step::AskIdentity { newer_than: 1 }]);
}

#[test]
fn those_behind_a_batch_given_up_show_whether_it_was_stored() {
    for was_stored in [true, false] {
        let mut bench = Bench::new(false);
        let [a, b, c] = bench.stamp([2, 1, 1]);
        [a, b, c].into_iter().for_each(|ticket| bench.answer(ticket, Answer::Unknown));
        bench.sequence.give_up(a);
        bench.settled([(a, failed(Cause::GivenUp, Outcome::Unknown))]);
        bench.steps([Step::Resend { ticket: b }, Step::Resend { ticket: c }, Step::Wait]);
        if was_stored {
            [b, c].into_iter().for_each(|ticket| bench.answer(ticket, RECOGNISED));
            bench.settled([b, c].map(|ticket| (ticket, recognised(Some(100)))));
            bench.steps([Step::New]);
            continue;
        }
        [b, c].into_iter().for_each(|ticket| bench.out_of_order(ticket, 0));
        bench.steps([Step::AskIdentity { newer_than: 1 }]);
        bench.adopt(2);
        bench.steps([b, c].map(|ticket| Step::Frame { ticket, stamp: stamp(2, i32::from(ticket == c)) }));
        [b, c].into_iter().for_each(|ticket| bench.answer(ticket, STORED));
        bench.settled([b, c].map(|ticket| (ticket, delivered(Some(100)))));
    }
}

#[test]
fn after_a_restart_what_may_be_stored_is_sent_as_something_new_and_said() {
    let mut bench = Bench::new(true);
    let [a, b] = bench.stamp([2, 1]);
    bench.answer(a, Answer::Unknown);
    bench.answer(b, Answer::NotExecuted);
    assert!(bench.sequence.is_idempotent());
    bench.steps([Step::Resend { ticket: a }, Step::Resend { ticket: b }]);
    bench.answer(a, Answer::UnknownProducer);
    bench.steps([Step::Wait]);
    assert!(!bench.sequence.is_idempotent());
    bench.answer(b, Answer::UnknownProducer);
    bench.steps([Step::AskIdentity { newer_than: 1 }]);
    bench.adopt(2);
    bench.steps([Step::Frame { ticket: a, stamp: stamp(2, 0) }, Step::Frame { ticket: b, stamp: stamp(2, 2) }]);
    bench.answer(a, STORED);
    assert!(bench.sequence.is_idempotent());
    bench.answer(b, STORED);
    bench.settled([(a, maybe_twice(Some(100))), (b, delivered(Some(100)))]);
}

/// Between the two answers somebody else was given the id.
#[test]
fn under_a_lost_identity_nothing_is_taken_for_stored_because_it_is_recognised() {
    let mut bench = Bench::new(true);
    let [a, b] = bench.stamp([1, 1]);
    [a, b].into_iter().for_each(|ticket| bench.answer(ticket, Answer::Unknown));
    bench.steps([a, b].map(|ticket| Step::Resend { ticket }));
    bench.answer(a, Answer::UnknownProducer);
    bench.answer(b, RECOGNISED);
    bench.settled([]);
    bench.adopt(2);
    bench.steps([Step::Frame { ticket: a, stamp: stamp(2, 0) }, Step::Frame { ticket: b, stamp: stamp(2, 1) }]);
    [a, b].into_iter().for_each(|ticket| bench.answer(ticket, STORED));
    bench.settled([a, b].map(|ticket| (ticket, maybe_twice(Some(100)))));
}

#[test]
fn after_a_restart_what_may_be_stored_fails_if_it_must_not_be_repeated() {
    let mut bench = Bench::new(false);
    let [a, b] = bench.stamp([2, 1]);
    bench.answer(a, Answer::Unknown);
    bench.answer(b, Answer::NotExecuted);
    bench.steps([Step::Resend { ticket: a }, Step::Resend { ticket: b }]);
    bench.answer(a, Answer::UnknownProducer);
    bench.answer(b, Answer::UnknownProducer);
    bench.settled([(a, failed(Cause::IdentityLost, Outcome::Unknown))]);
    assert!(bench.sequence.is_idempotent());
    bench.adopt(2);
    bench.steps([Step::Frame { ticket: b, stamp: stamp(2, 0) }]);
}

#[test]
fn a_broker_that_does_not_know_what_it_acknowledged_has_lost_the_identity() {
    for expected in [Some(0), Some(1), Some(7), None] {
        let mut bench = Bench::new(true);
        let [a, b] = bench.stamp([2, 1]);
        bench.answer(a, STORED);
        bench.answer(b, Answer::OutOfOrder { expected });
        bench.steps([Step::AskIdentity { newer_than: 1 }]);
        assert!(bench.sequence.is_idempotent(), "nothing of unknown outcome is lost");
    }
}

/// The broker restarted and gave the same id to somebody else: everything would be lost silently.
#[test]
fn an_id_that_somebody_else_has_too_is_left() {
    let mut bench = Bench::new(true);
    let [a] = bench.stamp([1]);
    bench.answer(a, RECOGNISED);
    bench.settled([]);
    bench.steps([Step::AskIdentity { newer_than: 1 }]);
    bench.adopt(2);
    bench.steps([Step::Frame { ticket: a, stamp: stamp(2, 0) }]);
    let [b] = bench.stamp([1]);
    bench.answer(a, Answer::NotExecuted);
    bench.answer(b, STORED);
    bench.steps([Step::AskIdentity { newer_than: 2 }]);
    bench.settled([]);
    bench.adopt(3);
    bench.steps([Step::Frame { ticket: a, stamp: stamp(3, 0) }, Step::Frame { ticket: b, stamp: stamp(3, 1) }]);
    bench.answer(a, Answer::NotExecuted);
    bench.out_of_order(b, 1);
    bench.steps([Step::AskIdentity { newer_than: 3 }]);
}

#[test]
fn an_identity_taken_over_by_another_producer_ends_everything() {
    let mut bench = Bench::new(true);
    let [a, b, c] = bench.stamp([1, 1, 1]);
    [a, b, c].into_iter().for_each(|ticket| bench.answer(ticket, Answer::Unknown));
    bench.steps([Step::Resend { ticket: a }, Step::Resend { ticket: b }, Step::Resend { ticket: c }]);
    bench.answer(a, RECOGNISED);
    bench.answer(b, Answer::Fenced);
    bench.answer(c, Answer::Fenced);
    let fenced = failed(Cause::Fenced, Outcome::Unknown);
    bench.settled([(a, recognised(Some(100))), (b, fenced), (c, fenced)]);
    bench.steps([Step::Fenced]);
    assert_eq!(bench.sequence.stamp(1), None);
}

#[test]
fn the_offset_of_a_duplicate_is_exact_among_the_last_five_numbers() {
    for (behind, exact) in [(4, true), (5, false)] {
        let mut bench = Bench::new(true);
        let [a, b] = bench.stamp([1, behind]);
        bench.answer(a, Answer::Unknown);
        bench.answer(b, Answer::NotExecuted);
        bench.steps([Step::Resend { ticket: a }]);
        bench.answer(a, RECOGNISED);
        bench.settled([(a, recognised(exact.then_some(100)))]);
    }
}

#[test]
fn a_new_identity_is_taken_before_the_numbers_run_out() {
    let mut bench = Bench::new(true);
    bench.sequence.next = LAST_BASE;
    let [a] = bench.stamp([1 << 24]);
    bench.steps([Step::Wait]);
    bench.answer(a, STORED);
    bench.steps([Step::AskIdentity { newer_than: 1 }]);
    bench.adopt(2);
    assert_eq!(bench.sequence.stamp(1).map(|(_, stamp)| stamp), Some(stamp(2, 0)));
}
