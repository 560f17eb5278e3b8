//! The identity of a producer that numbers its records itself, and what is known of the last one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::ops::InTransaction;

/// An identity by which the broker tells records that are sent again, with the numbers given so far.
///
/// [`Client::init_producer_id`](crate::Client::init_producer_id) gives one; the broker keeps it in memory until it
/// restarts. Records are counted for each partition number, whatever the topic, since the broker counts so. One record
/// after the other is published with it, which the exclusive borrow sees to.
#[derive(Debug)]
#[non_exhaustive]
pub struct ProducerState {
    /// The identity.
    pub producer_id: u64,
    /// Its epoch: rises when the identity is taken over.
    pub producer_epoch: u16,
    /// The number of the next record for the partition number that was used last; from 0 on.
    pub next_sequence: i32,
    next: HashMap<u32, i32>,
    hasher: RandomState,
    open: Option<Open>,
    abandoned: bool,
}

/// A record whose fate is not known.
#[derive(Debug)]
struct Open {
    topic: String,
    partition: u32,
    sequence: i32,
    /// Of key and value.
    hash: u64,
    /// Whether the number may have been used by it.
    sent: bool,
}

/// A record that is about to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbered {
    pub(crate) partition: u32,
    pub(crate) sequence: i32,
    /// Whether it may have been written before.
    again: bool,
}

impl ProducerState {
    pub(crate) fn new((producer_id, producer_epoch): (u64, u16)) -> Self {
        ProducerState {
            producer_id,
            producer_epoch,
            next_sequence: 0,
            next: HashMap::new(),
            hasher: RandomState::new(),
            open: None,
            abandoned: false,
        }
    }

    /// Gives up a record of unknown outcome together with the identity: the next idempotent publish takes a new one.
    ///
    /// In a transaction nothing remains then but to abort it.
    pub fn abandon(&mut self) {
        (self.open, self.abandoned) = (None, true);
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// Goes on under a new identity, if the old one was abandoned.
    pub(crate) fn renew(&mut self, identity: (u64, u16)) {
        *self = ProducerState::new(identity);
    }

    /// Looks whether it may be used in a transaction.
    ///
    /// # Errors
    ///
    /// `INVALID_TXN_STATE` if it was abandoned.
    pub(crate) fn check_usable(&self, what: &str, txn_id: &str) -> Result<()> {
        if !self.abandoned {
            return Ok(());
        }
        let text = format!(
            "{what} transaction {txn_id}: the producer's identity was abandoned: abort the transaction if it is open, and \
             take a new identity by init_producer_id"
        );
        let detail = Detail::new(text).with_code(ErrorCode::InvalidTxnState).with_outcome(Outcome::NotSent);
        Err(Error::Misuse(detail))
    }

    pub(crate) fn within<'a>(&self, txn_id: &'a str) -> InTransaction<'a> {
        InTransaction { txn_id, producer_id: self.producer_id, producer_epoch: self.producer_epoch }
    }

    /// The partition of the record whose fate is not known, if it is this one.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` if it is another.
    pub(crate) fn again(
        &self,
        topic: &str,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
    ) -> Result<Option<u32>> {
        let Some(open) = &self.open else { return Ok(None) };
        let same = open.topic == topic
            && partition.is_none_or(|partition| partition == open.partition)
            && open.hash == self.hash(key, value);
        if same { Ok(Some(open.partition)) } else { Err(open.bars()) }
    }

    fn hash(&self, key: Option<&[u8]>, value: &[u8]) -> u64 {
        self.hasher.hash_one((key, value))
    }

    /// The partition of several that has the fewest records so far, the first of those.
    pub(crate) fn least_used(&self, partitions: impl Iterator<Item = u32>) -> Option<u32> {
        partitions.min_by_key(|partition| (self.next_of(*partition), *partition))
    }

    fn next_of(&self, partition: u32) -> i32 {
        self.next.get(&partition).copied().unwrap_or(0)
    }

    /// Numbers a record; its fate is unknown until [`settle`](ProducerState::settle) is called.
    pub(crate) fn number(&mut self, topic: &str, partition: u32, key: Option<&[u8]>, value: &[u8]) -> Numbered {
        let (sequence, hash) = (self.next_of(partition), self.hash(key, value));
        let again = self.open.as_ref().is_some_and(|open| open.sent);
        self.open = Some(Open { topic: topic.to_owned(), partition, sequence, hash, sent: true });
        Numbered { partition, sequence, again }
    }

    /// Notes what became of the record that was numbered; `duplicate` if the broker had the number already and no
    /// earlier attempt of this call explains it.
    ///
    /// # Errors
    ///
    /// The error given; `UNKNOWN_PRODUCER_ID` if the broker had a number that was never sent.
    pub(crate) fn settle<T>(
        &mut self,
        record: Numbered,
        result: Result<T>,
        duplicate: impl Fn(&T) -> bool,
    ) -> Result<T> {
        match &result {
            Ok(answer) if duplicate(answer) && !record.again => {
                let open = self.open.take();
                return Err(shared_identity(self.producer_id, open.as_ref()));
            }
            Ok(_) => {
                self.next_sequence = record.sequence.wrapping_add(1);
                self.next.insert(record.partition, self.next_sequence);
                self.open = None;
            }
            // An earlier attempt may have used the number, whatever became of this one.
            Err(error) if error.outcome() != Outcome::Unknown && !record.again => self.open = None,
            Err(_) => {}
        }
        result
    }
}

impl Open {
    fn bars(&self) -> Error {
        let Open { topic, partition, sequence, .. } = self;
        let text = format!(
            "publish to {topic}/{partition}: it is not known whether the record with the number {sequence} was written: \
             publish the same record once more to find out, or call abandon()"
        );
        Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState))
    }
}

/// The broker knows a number that was never sent: it has restarted, and given the identity to another producer.
fn shared_identity(producer_id: u64, open: Option<&Open>) -> Error {
    let place = open.map_or_else(String::new, |open| format!(" to {}/{}", open.topic, open.partition));
    let text = format!(
        "publish{place}: the broker has had the number of the record from another producer with the identity \
         {producer_id} and wrote nothing: call abandon() for a new identity and publish it again"
    );
    Error::ServerError(Detail::new(text).with_code(ErrorCode::UnknownProducerId).with_outcome(Outcome::Rejected))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_KEY: Option<&[u8]> = None;

    fn lost() -> Result<bool> {
        Err(Error::ConnectionError(Detail::from("lost").with_outcome(Outcome::Unknown)))
    }

    fn refused() -> Result<bool> {
        Err(Error::ServerError(Detail::from("no").with_code(ErrorCode::BufferFull).with_outcome(Outcome::Rejected)))
    }

    fn publish(state: &mut ProducerState, partition: u32, value: &str, result: Result<bool>) -> Result<(i32, bool)> {
        state.again("t", Some(partition), NO_KEY, value.as_bytes())?;
        let record = state.number("t", partition, NO_KEY, value.as_bytes());
        state.settle(record, result, |duplicate| *duplicate).map(|duplicate| (record.sequence, duplicate))
    }

    #[test]
    fn each_partition_number_is_counted_for_itself() {
        let mut state = ProducerState::new((7, 0));
        for (partition, expected) in [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1)] {
            assert_eq!(publish(&mut state, partition, "x", Ok(false)).unwrap(), (expected, false));
            assert_eq!(state.next_sequence, expected + 1);
        }
        assert_eq!(state.least_used([0, 1, 2].into_iter()), Some(2));
    }

    #[test]
    fn after_an_unknown_outcome_only_the_same_record_may_follow() {
        let mut state = ProducerState::new((7, 0));
        publish(&mut state, 1, "one", lost()).unwrap_err();
        let other = publish(&mut state, 1, "two", Ok(false)).unwrap_err();
        assert_eq!(other.code(), ErrorCode::InvalidState);
        assert_eq!(state.again("t", None, NO_KEY, b"one").unwrap(), Some(1));
        state.again("u", None, NO_KEY, b"one").unwrap_err();
        state.again("t", None, Some(b""), b"one").unwrap_err();
        state.again("t", Some(0), NO_KEY, b"one").unwrap_err();
        // That it was refused this time says nothing of the first attempt.
        publish(&mut state, 1, "one", refused()).unwrap_err();
        publish(&mut state, 1, "two", Ok(false)).unwrap_err();
        assert_eq!(publish(&mut state, 1, "one", Ok(true)).unwrap(), (0, true));
        assert_eq!(publish(&mut state, 1, "two", Ok(false)).unwrap(), (1, false));
    }

    #[test]
    fn a_record_that_was_refused_frees_its_number() {
        let mut state = ProducerState::new((7, 0));
        publish(&mut state, 0, "one", refused()).unwrap_err();
        assert_eq!(publish(&mut state, 0, "two", Ok(false)).unwrap(), (0, false));
    }

    #[test]
    fn a_duplicate_that_was_never_sent_is_an_error() {
        let mut state = ProducerState::new((7, 0));
        let error = publish(&mut state, 0, "one", Ok(true)).unwrap_err();
        assert_eq!((error.code(), error.outcome()), (ErrorCode::UnknownProducerId, Outcome::Rejected));
    }

    #[test]
    fn an_abandoned_identity_is_replaced_and_counts_from_zero() {
        let mut state = ProducerState::new((7, 0));
        publish(&mut state, 0, "one", Ok(false)).unwrap();
        publish(&mut state, 0, "two", lost()).unwrap_err();
        state.abandon();
        assert!(state.is_abandoned());
        state.renew((8, 0));
        assert_eq!(publish(&mut state, 0, "three", Ok(false)).unwrap(), (0, false));
    }
}
