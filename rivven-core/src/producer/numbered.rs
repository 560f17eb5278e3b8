//! The batches of an idempotent producer in one partition: those that have numbers, and what is sent of them.

use std::collections::BTreeMap;

use super::batch::Batch;
use super::partition::Pack;
use super::sequence::{Answer, Cause, Delivered, Grant, Sequence, Settled, Stamp, Step, Ticket};
use crate::error::{Detail, Error, ErrorCode, Outcome};
use crate::protocol::{FramedBatch, RequestFrame};

/// A batch that has a number.
#[derive(Debug)]
struct Kept {
    pack: Pack,
    /// `None` only until it has been framed for the first time.
    framed: Option<FramedBatch>,
    error: Option<Error>,
    writes: Writes,
}

/// How many attempts may have written records, from the first one on that may have written some of them.
///
/// A connection that was lost or stalled may deliver a request after all, and while the broker writes its records one
/// by one another attempt comes. The broker looks at the numbers of both before it writes either, and writes both: the
/// whole batch, or the last record alone that was sent again by itself. What it recognises was written before. A batch
/// that failed may have been written in part.
#[derive(Debug, Default)]
struct Writes(u32);

impl Writes {
    fn note(&mut self, answer: Answer) {
        self.0 += u32::from(match answer {
            Answer::Unknown | Answer::Failed => true,
            Answer::Published { duplicate: false, .. } => self.0 > 0,
            _ => false,
        });
    }

    /// Whether it is known what became of all that was sent.
    fn is_none(&self) -> bool {
        self.0 == 0
    }

    /// Whether a record may have been written by two of them.
    fn may_be_double(&self) -> bool {
        self.0 > 1
    }
}

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) pack: Pack,
    pub(super) result: Result<Delivered, Error>,
}

/// What is to be sent next.
#[derive(Debug)]
pub(super) enum Due {
    /// A new batch, if there is one.
    New,
    /// This request, of so many records.
    Request { ticket: Ticket, frame: RequestFrame, records: u32 },
    /// Nothing before the partition has a newer identity than this.
    Identity { newer_than: u64 },
    /// Nothing for now.
    Nothing,
    /// Nothing ever again.
    Fenced,
}

/// The numbered batches of a partition.
#[derive(Debug)]
pub(super) struct Numbered {
    sequence: Sequence,
    kept: BTreeMap<Ticket, Kept>,
}

impl Numbered {
    pub(super) fn new(max_in_flight: usize, retry_unknown_outcome: bool) -> Self {
        Numbered { sequence: Sequence::new(max_in_flight, retry_unknown_outcome), kept: BTreeMap::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub(super) fn is_idempotent(&self) -> bool {
        self.sequence.is_idempotent() && self.kept.values().all(|kept| kept.writes.is_none())
    }

    /// What is to be sent next. A request counts as sent.
    pub(super) fn next(&mut self, topic: &str, partition: u32) -> Due {
        match self.sequence.next() {
            Step::New => Due::New,
            Step::Wait => Due::Nothing,
            Step::Fenced => Due::Fenced,
            Step::AskIdentity { newer_than } => Due::Identity { newer_than },
            Step::Resend { ticket } => self.request(ticket, |framed| Some(framed.frame.clone())),
            Step::Frame { ticket, stamp } => self.request(ticket, |framed| {
                *framed = framed.restamped(topic, partition, wire(stamp));
                Some(framed.frame.clone())
            }),
            Step::SendRecord { ticket, index, stamp } => {
                match self.request(ticket, |framed| framed.single(index, topic, partition, wire(stamp))) {
                    Due::Request { ticket, frame, .. } => Due::Request { ticket, frame, records: 1 },
                    other => other,
                }
            }
        }
    }

    fn request(&mut self, ticket: Ticket, make: impl FnOnce(&mut FramedBatch) -> Option<RequestFrame>) -> Due {
        let kept = self.kept.get_mut(&ticket);
        let made = kept.and_then(|kept| Some((make(kept.framed.as_mut()?)?, kept.pack.records)));
        match made {
            Some((frame, records)) => Due::Request { ticket, frame, records },
            None => unreachable!("a batch is kept, framed, until it is settled"),
        }
    }

    /// Numbers a new batch, which counts as sent; it has to be [`keep`](Numbered::keep)t.
    pub(super) fn stamp(&mut self, records: u32) -> Option<(Ticket, crate::protocol::Stamp)> {
        self.sequence.stamp(records).map(|(ticket, stamp)| (ticket, wire(stamp)))
    }

    /// Keeps a batch until it is settled.
    pub(super) fn keep(&mut self, ticket: Ticket, pack: Pack, framed: FramedBatch) {
        self.kept.insert(ticket, Kept { pack, framed: Some(framed), error: None, writes: Writes::default() });
    }

    /// Takes up an identity.
    pub(super) fn adopt(&mut self, grant: Grant) {
        self.sequence.adopt(grant);
    }

    /// The batch of an attempt that failed, to decide about another one.
    pub(super) fn pack(&mut self, ticket: Ticket) -> Option<&mut Pack> {
        self.kept.get_mut(&ticket).map(|kept| &mut kept.pack)
    }

    /// Notes what came of an attempt, and its error.
    pub(super) fn answered(&mut self, ticket: Ticket, answer: Answer, error: Option<Error>) {
        if let Some(kept) = self.kept.get_mut(&ticket) {
            kept.error = error.or(kept.error.take());
            kept.writes.note(answer);
        }
        self.sequence.answered(ticket, answer);
    }

    /// Gives a batch up, with an error if it has none of its own.
    pub(super) fn give_up(&mut self, ticket: Ticket, error: Error) {
        if let Some(kept) = self.kept.get_mut(&ticket) {
            kept.error = Some(error);
        }
        self.sequence.give_up(ticket);
    }

    /// Gives up the batches for which `is_due` holds, with an error that `why` makes of each; what is settled by that.
    pub(super) fn give_up_all(&mut self, is_due: impl Fn(&Batch) -> bool, why: impl Fn(&Batch) -> Error) -> Vec<Ended> {
        let due = self.kept.iter().filter(|(_, kept)| is_due(&kept.pack.batch));
        let given_up: Vec<_> = due.map(|(ticket, kept)| (*ticket, why(&kept.pack.batch))).collect();
        given_up.into_iter().for_each(|(ticket, error)| self.give_up(ticket, error));
        self.take_ended()
    }

    /// The batches that have been settled since the last time.
    pub(super) fn take_ended(&mut self) -> Vec<Ended> {
        let settled = self.sequence.take_settled();
        settled.into_iter().filter_map(|settled| self.ended(settled)).collect()
    }

    fn ended(&mut self, Settled { ticket, result }: Settled) -> Option<Ended> {
        let Kept { pack, error, writes, .. } = self.kept.remove(&ticket)?;
        let delivered = |delivered: Delivered| Delivered {
            maybe_duplicate: delivered.maybe_duplicate || writes.may_be_double(),
            ..delivered
        };
        let result = result.map(delivered).map_err(|failure| match (failure.cause, error) {
            (Cause::Refused | Cause::GivenUp, Some(error)) => error.with_outcome(failure.outcome),
            (Cause::Fenced, Some(error)) if error.code() == ErrorCode::ProducerFenced => error,
            (Cause::Fenced, _) => fenced(&pack.batch.topic, failure.outcome),
            (_, _) => identity_lost(&pack.batch.topic, failure.outcome),
        });
        Some(Ended { pack, result })
    }

    /// Everything that is kept, because nobody sends any more.
    pub(super) fn take_all(&mut self) -> Vec<Pack> {
        std::mem::take(&mut self.kept).into_values().map(|kept| kept.pack).collect()
    }
}

fn wire(stamp: Stamp) -> crate::protocol::Stamp {
    crate::protocol::Stamp {
        producer_id: stamp.identity.id,
        producer_epoch: stamp.identity.epoch,
        base_sequence: stamp.base,
    }
}

/// What an error says to the numbering.
pub(crate) fn answer_of(error: &Error) -> Answer {
    use ErrorCode as C;
    match error.code() {
        C::OutOfOrderSequence => Answer::OutOfOrder { expected: expected_in(&error.to_string()) },
        C::UnknownProducerId => Answer::UnknownProducer,
        C::ProducerFenced => Answer::Fenced,
        C::Throttled
        | C::RateLimitExceeded
        | C::NotLeaderForPartition
        | C::FencedLeaderEpoch
        | C::AuthenticationRequired
        | C::SessionExpired => Answer::NotExecuted,
        _ if error.outcome() == Outcome::NotSent => Answer::NotExecuted,
        _ if !matches!(error, Error::ServerError(_)) => Answer::Unknown,
        _ if !error.is_retriable() && error.code() != C::ServerInternal => Answer::Refused,
        _ => Answer::Failed,
    }
}

/// The number that the broker expects: `expected [sequence ]<n>, got <m>`.
fn expected_in(text: &str) -> Option<i32> {
    let (_, rest) = text.split_once("expected ")?;
    let rest = rest.strip_prefix("sequence ").unwrap_or(rest);
    rest.split_once(',')?.0.trim().parse().ok()
}

/// The error of a producer whose identity another one has taken over.
pub(super) fn fenced(topic: &str, outcome: Outcome) -> Error {
    let text = format!("produce to {topic}: another producer has taken over the identity: make a new producer");
    Error::ServerError(Detail::new(text).with_code(ErrorCode::ProducerFenced).with_outcome(outcome))
}

fn identity_lost(topic: &str, outcome: Outcome) -> Error {
    let text = format!(
        "produce to {topic}: the broker has forgotten the producer's identity, so sending the records again might write them twice: look whether they are there, or set retry.unknown.outcome"
    );
    Error::ServerError(Detail::new(text).with_code(ErrorCode::UnknownProducerId).with_outcome(outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_number_is_read_in_both_wordings() {
        assert_eq!(expected_in("x: OUT_OF_ORDER_SEQUENCE: expected sequence 3, got 5 (a:1)"), Some(3));
        assert_eq!(expected_in("x: OUT_OF_ORDER_SEQUENCE: expected 12, got 5"), Some(12));
        assert_eq!(expected_in("OUT_OF_ORDER_SEQUENCE: other words"), None);
    }

    /// The first attempt came late, and the last record, which was sent again by itself, was checked while that one had
    /// written all others: it was there twice and nothing said so.
    #[test]
    fn only_what_was_written_once_for_certain_is_called_so() {
        let answered = |duplicate| Answer::Published { offset: 0, duplicate };
        let (written, recognised) = (answered(false), answered(true));
        let out_of_order = Answer::OutOfOrder { expected: Some(1) };
        for (answers, double) in [
            (&[written][..], false),
            (&[Answer::Unknown, recognised], false),
            (&[Answer::Unknown, recognised, recognised], false),
            (&[Answer::NotExecuted, Answer::Unknown, out_of_order], false),
            (&[Answer::Unknown, written], true),
            (&[Answer::Failed, written], true),
            (&[Answer::Unknown, recognised, written], true),
            (&[Answer::Unknown, out_of_order, recognised, written], true),
            (&[Answer::Unknown, Answer::Failed, recognised], true),
            (&[Answer::Unknown, Answer::Unknown, recognised], true),
        ] {
            let mut writes = Writes::default();
            answers.iter().for_each(|answer| writes.note(*answer));
            assert_eq!(writes.may_be_double(), double, "{answers:?}");
        }
    }

    #[test]
    fn errors_are_told_apart_as_the_numbering_needs_it() {
        let server = |code: ErrorCode| {
            let detail = Detail::from("no").with_code(code).with_outcome(code.outcome());
            answer_of(&Error::ServerError(detail))
        };
        for code in [ErrorCode::Throttled, ErrorCode::RateLimitExceeded, ErrorCode::NotLeaderForPartition] {
            assert_eq!(server(code), Answer::NotExecuted);
        }
        for code in [ErrorCode::InvalidTopic, ErrorCode::InvalidPartition, ErrorCode::AuthorizationFailed] {
            assert_eq!(server(code), Answer::Refused);
        }
        for code in [ErrorCode::WalError, ErrorCode::BufferFull, ErrorCode::ServerOther, ErrorCode::ServerInternal] {
            assert_eq!(server(code), Answer::Failed);
        }
        assert_eq!(server(ErrorCode::UnknownProducerId), Answer::UnknownProducer);
        assert_eq!(server(ErrorCode::ProducerFenced), Answer::Fenced);
        let lost = |outcome| Error::ConnectionError(Detail::from("lost").with_outcome(outcome));
        assert_eq!(answer_of(&lost(Outcome::Unknown)), Answer::Unknown);
        assert_eq!(answer_of(&lost(Outcome::NotSent)), Answer::NotExecuted);
    }
}
