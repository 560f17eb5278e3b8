//! What a client knows of the transactions that it has begun, so that a misuse is told before anything is sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::ops::InTransaction;

/// How long the broker keeps an idle transaction where nothing else is asked for.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// How long before its timeout a transaction is left alone: a call that comes after it at the broker would keep the
/// broker from ever aborting the transaction.
pub(super) fn margin(timeout: Duration) -> Duration {
    (timeout / 10).min(Duration::from_secs(1))
}

/// The open transactions of a client; clones of the client share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Begun {
    open: Arc<Mutex<HashMap<Key, Open>>>,
}

/// A transaction is known by its producer and its name.
type Key = (u64, String);

#[derive(Debug)]
struct Open {
    epoch: u16,
    timeout: Duration,
    /// When the broker had the last call at the earliest.
    last: Instant,
    partitions: Vec<(String, u32)>,
    /// Whether an end was asked for whose outcome is not known.
    ending: bool,
}

impl Open {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.last) + margin(self.timeout) >= self.timeout
    }
}

impl Begun {
    fn open(&self) -> MutexGuard<'_, HashMap<Key, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks whether a transaction may be begun.
    ///
    /// # Errors
    ///
    /// `INVALID_TXN_STATE` if this client has begun it and it may go on.
    pub(crate) fn may_begin(&self, txn: InTransaction<'_>, now: Instant) -> Result<()> {
        match self.open().get(&key(txn)) {
            Some(open) if open.epoch == txn.producer_epoch && !open.ending && !open.is_over(now) => {
                let text = format!("begin transaction {}: it is open already: commit or abort it first", txn.txn_id);
                Err(misuse(text, ErrorCode::InvalidTxnState))
            }
            _ => Ok(()),
        }
    }

    /// Notes that a transaction was begun by a call that was made at this moment.
    pub(crate) fn began(&self, txn: InTransaction<'_>, timeout: Option<Duration>, now: Instant) {
        let timeout = timeout.unwrap_or(DEFAULT_TIMEOUT);
        let open = Open { epoch: txn.producer_epoch, timeout, last: now, partitions: Vec::new(), ending: false };
        let mut all = self.open();
        // What was never ended is forgotten once the broker has forgotten it.
        all.retain(|_, open| !open.is_over(now));
        all.insert(key(txn), open);
    }

    /// Looks whether a transaction may go on.
    ///
    /// # Errors
    ///
    /// `INVALID_TXN_ID` if this client has not begun it, or has ended it; `TRANSACTION_TIMED_OUT`; `PRODUCER_FENCED`
    /// for an identity with another epoch; `INVALID_TXN_STATE` after a commit or an abort of unknown outcome.
    pub(crate) fn may_go_on(&self, what: &str, txn: InTransaction<'_>, now: Instant) -> Result<()> {
        self.with(what, txn, now, |_| ())
    }

    /// The partitions of a topic that were added.
    ///
    /// # Errors
    ///
    /// As [`may_go_on`](Begun::may_go_on).
    pub(crate) fn partitions(&self, what: &str, txn: InTransaction<'_>, topic: &str, now: Instant) -> Result<Vec<u32>> {
        let of_topic = |open: &Open| {
            let added = open.partitions.iter().filter(|(name, _)| name == topic);
            added.map(|(_, partition)| *partition).collect()
        };
        self.with(what, txn, now, of_topic)
    }

    fn with<T>(&self, what: &str, txn: InTransaction<'_>, now: Instant, use_it: impl Fn(&Open) -> T) -> Result<T> {
        let all = self.open();
        let txn_id = txn.txn_id;
        let Some(open) = all.get(&key(txn)) else {
            let text = format!("{what} transaction {txn_id}: there is none of this producer: begin it first");
            return Err(misuse(text, ErrorCode::InvalidTxnId));
        };
        if open.epoch != txn.producer_epoch {
            let text = format!(
                "{what} transaction {txn_id}: the producer's identity was taken over: go on with the new one, and abort \
                 the transaction with the one that began it"
            );
            return Err(misuse(text, ErrorCode::ProducerFenced));
        }
        if open.ending {
            let text = format!(
                "{what} transaction {txn_id}: it is not known whether it has ended: commit or abort it once more"
            );
            return Err(misuse(text, ErrorCode::InvalidTxnState));
        }
        if open.is_over(now) {
            return Err(timed_out(what, txn_id, open.timeout));
        }
        Ok(use_it(open))
    }

    /// Looks whether a transaction may be ended; one that this client does not know the broker decides about.
    ///
    /// # Errors
    ///
    /// `TRANSACTION_TIMED_OUT`: the broker aborts it by itself.
    pub(crate) fn may_end(&self, what: &str, txn: InTransaction<'_>, now: Instant) -> Result<()> {
        let mut all = self.open();
        match all.get(&key(txn)) {
            Some(open) if open.epoch == txn.producer_epoch && open.is_over(now) => {
                let timeout = open.timeout;
                all.remove(&key(txn));
                Err(timed_out(what, txn.txn_id, timeout))
            }
            _ => Ok(()),
        }
    }

    /// Notes that partitions were added by a call that was made at this moment.
    pub(crate) fn added<T: AsRef<str>>(&self, txn: InTransaction<'_>, partitions: &[(T, u32)], now: Instant) {
        if let Some(open) = self.open().get_mut(&key(txn)) {
            open.last = open.last.max(now);
            for (topic, partition) in partitions {
                let place = (topic.as_ref().to_owned(), *partition);
                if !open.partitions.contains(&place) {
                    open.partitions.push(place);
                }
            }
        }
    }

    /// Notes that the broker had another call of the transaction, made at this moment.
    pub(crate) fn touched(&self, txn: InTransaction<'_>, now: Instant) {
        if let Some(open) = self.open().get_mut(&key(txn)) {
            open.last = open.last.max(now);
        }
    }

    /// Notes what came of a commit or an abort.
    pub(crate) fn ended(&self, txn: InTransaction<'_>, result: &Result<()>) {
        let mut all = self.open();
        match result {
            Err(error) if error.outcome() == Outcome::NotSent => {}
            Err(error) if error.outcome() == Outcome::Unknown => {
                all.get_mut(&key(txn)).into_iter().for_each(|open| open.ending = true);
            }
            // A refusal that can be waited out leaves it as it is.
            Err(error) if error.is_retriable() || error.code() == ErrorCode::ProducerFenced => {}
            _ => {
                all.remove(&key(txn));
            }
        }
    }
}

fn key(txn: InTransaction<'_>) -> Key {
    (txn.producer_id, txn.txn_id.to_owned())
}

fn misuse(text: String, code: ErrorCode) -> Error {
    Error::Misuse(Detail::new(text).with_code(code).with_outcome(Outcome::NotSent))
}

pub(super) fn timed_out(what: &str, txn_id: &str, timeout: Duration) -> Error {
    let text = format!(
        "{what} transaction {txn_id}: it was idle for its timeout of {timeout:?}, so the broker aborts it: begin another \
         one, with a longer timeout if the work takes so long"
    );
    misuse(text, ErrorCode::TransactionTimedOut)
}

/// The error of a record whose key leads to a partition that was not added, or whose topic has none.
pub(crate) fn not_added(txn_id: &str, topic: &str, partition: Option<u32>) -> Error {
    let place = partition.map_or_else(|| topic.to_owned(), |partition| format!("{topic}/{partition}"));
    let text = format!("publish to {place} in transaction {txn_id}: add the partition to the transaction first");
    misuse(text, ErrorCode::PartitionNotInTxn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TXN: InTransaction<'static> = InTransaction { txn_id: "t", producer_id: 1, producer_epoch: 0 };

    fn code<T>(result: Result<T>) -> Option<ErrorCode> {
        result.err().map(|error| error.code())
    }

    #[test]
    fn a_transaction_goes_on_from_its_begin_to_its_end() {
        let (begun, now) = (Begun::default(), Instant::now());
        assert_eq!(code(begun.may_go_on("x", TXN, now)), Some(ErrorCode::InvalidTxnId));
        begun.may_begin(TXN, now).unwrap();
        begun.began(TXN, None, now);
        assert_eq!(code(begun.may_begin(TXN, now)), Some(ErrorCode::InvalidTxnState));
        begun.added(TXN, &[("a", 1), ("b", 2), ("a", 0), ("a", 1)], now);
        assert_eq!(begun.partitions("x", TXN, "a", now).unwrap(), [1, 0]);
        let other = InTransaction { producer_id: 2, ..TXN };
        assert_eq!(code(begun.may_go_on("x", other, now)), Some(ErrorCode::InvalidTxnId));
        let fenced = InTransaction { producer_epoch: 1, ..TXN };
        assert_eq!(code(begun.may_go_on("x", fenced, now)), Some(ErrorCode::ProducerFenced));
        begun.ended(TXN, &Ok(()));
        assert_eq!(code(begun.may_go_on("x", TXN, now)), Some(ErrorCode::InvalidTxnId));
        begun.may_end("x", TXN, now).unwrap();
    }

    #[test]
    fn it_is_over_a_while_before_its_timeout_since_the_last_call() {
        let (begun, start) = (Begun::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        begun.began(TXN, Some(Duration::from_secs(20)), start);
        begun.may_go_on("x", TXN, at(18)).unwrap();
        assert_eq!(code(begun.may_go_on("x", TXN, at(19))), Some(ErrorCode::TransactionTimedOut));
        begun.touched(TXN, at(18));
        begun.may_go_on("x", TXN, at(36)).unwrap();
        assert_eq!(code(begun.may_end("x", TXN, at(37))), Some(ErrorCode::TransactionTimedOut));
        begun.may_begin(TXN, at(37)).unwrap();
    }

    #[test]
    fn an_end_of_unknown_outcome_may_be_asked_for_again_and_nothing_else() {
        let (begun, now) = (Begun::default(), Instant::now());
        begun.began(TXN, None, now);
        let error = |outcome| Error::ConnectionError(Detail::from("lost").with_outcome(outcome));
        begun.ended(TXN, &Err(error(Outcome::NotSent)));
        begun.may_go_on("x", TXN, now).unwrap();
        begun.ended(TXN, &Err(error(Outcome::Unknown)));
        assert_eq!(code(begun.may_go_on("x", TXN, now)), Some(ErrorCode::InvalidTxnState));
        begun.may_end("x", TXN, now).unwrap();
    }
}
