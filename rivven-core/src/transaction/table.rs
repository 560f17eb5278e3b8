//! What may be done with a transaction in which state.
//!
//! | state | write | commit | abort |
//! |---|---|---|---|
//! | open | goes on | begins | begins |
//! | doomed: something failed for good | `INVALID_TXN_STATE` and why | the same | begins |
//! | committing, ending, aborting | `INVALID_STATE` | `INVALID_STATE` | `INVALID_STATE` |
//! | committed | `INVALID_STATE` | `INVALID_STATE` | `INVALID_STATE` |
//! | aborted by the program | `INVALID_STATE` | `INVALID_STATE` | `INVALID_STATE` |
//! | aborted by itself: doomed or over its time | `INVALID_TXN_STATE` and why | the same | done already |
//! | of unknown outcome | `INVALID_STATE` | `INVALID_STATE` | `INVALID_STATE` |

use crate::error::{Detail, Error, ErrorCode, Outcome, Result};

/// How far a transaction is.
#[derive(Debug, Clone)]
enum State {
    Open,
    /// It cannot be committed any more, for this reason.
    Doomed(Error),
    /// Its records are waited for.
    Committing,
    /// The broker is told to commit, and nothing but its answer decides any more.
    Ending,
    Aborting,
    Committed,
    Aborted,
    /// It was aborted without being asked, for this reason.
    GivenUp(Error),
    /// It is not known whether it was committed.
    Unknown,
}

/// What an abort has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Abort {
    /// Tell the broker.
    Begin,
    /// Nothing: it was aborted by itself.
    Done,
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Committed,
    Aborted,
    Unknown,
}

/// The state of one transaction.
#[derive(Debug)]
pub(super) struct Table {
    txn_id: String,
    state: State,
}

impl Table {
    /// A transaction that was begun.
    pub(super) fn new(txn_id: &str) -> Self {
        Table { txn_id: txn_id.to_owned(), state: State::Open }
    }

    /// Whether records and offsets are taken.
    ///
    /// # Errors
    ///
    /// As the table above says.
    pub(super) fn may_write(&self, what: &str) -> Result<()> {
        match &self.state {
            State::Open => Ok(()),
            _ => Err(self.refusal(what)),
        }
    }

    /// Begins to commit.
    ///
    /// # Errors
    ///
    /// As the table above says.
    pub(super) fn commit(&mut self) -> Result<()> {
        self.may_write("commit")?;
        self.state = State::Committing;
        Ok(())
    }

    /// The broker is told to commit from now on.
    ///
    /// # Errors
    ///
    /// Why it can only be aborted.
    pub(super) fn end(&mut self) -> Result<()> {
        match &self.state {
            State::Doomed(_) | State::GivenUp(_) => Err(self.refusal("commit")),
            _ => {
                self.state = State::Ending;
                Ok(())
            }
        }
    }

    /// The broker has refused to commit, so it can only be aborted.
    pub(super) fn refused(&mut self, error: &Error) {
        self.state = State::Doomed(error.clone());
    }

    /// Begins to abort.
    ///
    /// # Errors
    ///
    /// As the table above says.
    pub(super) fn abort(&mut self) -> Result<Abort> {
        match &self.state {
            State::Open | State::Doomed(_) => {
                self.state = State::Aborting;
                Ok(Abort::Begin)
            }
            State::GivenUp(_) => {
                self.state = State::Aborted;
                Ok(Abort::Done)
            }
            _ => Err(self.refusal("abort")),
        }
    }

    /// It can only be aborted from now on; the first reason stays.
    pub(super) fn doom(&mut self, error: &Error) {
        if matches!(self.state, State::Open | State::Committing) {
            self.state = State::Doomed(error.clone());
        }
    }

    /// Why it can only be aborted, if so.
    pub(super) fn doomed(&self) -> Option<&Error> {
        match &self.state {
            State::Doomed(error) | State::GivenUp(error) => Some(error),
            _ => None,
        }
    }

    /// Whether records that are settled by now have been written, rather than dropped.
    ///
    /// # Errors
    ///
    /// Why it can only be aborted; `INVALID_STATE` where it is.
    pub(super) fn may_flush(&self) -> Result<()> {
        match &self.state {
            State::Doomed(error) | State::GivenUp(error) => Err(error.clone()),
            State::Aborting | State::Aborted => Err(self.refusal("flush")),
            _ => Ok(()),
        }
    }

    /// Whether records that were taken are still to be sent.
    pub(super) fn sends(&self) -> bool {
        matches!(self.state, State::Open | State::Committing)
    }

    /// It was aborted without being asked.
    pub(super) fn given_up(&mut self, error: &Error) {
        let error = self.doomed().cloned().unwrap_or_else(|| error.clone());
        self.state = State::GivenUp(error);
    }

    /// It has ended as it was asked to.
    pub(super) fn ended(&mut self, end: End) {
        self.state = match end {
            End::Committed => State::Committed,
            End::Aborted => State::Aborted,
            End::Unknown => State::Unknown,
        };
    }

    /// Whether the producer may not begin another one yet.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state, State::Committed | State::Aborted | State::GivenUp(_) | State::Unknown)
    }

    /// Whether it is being committed.
    pub(super) fn is_committing(&self) -> bool {
        matches!(self.state, State::Committing | State::Ending)
    }

    /// Whether it was committed for certain.
    pub(super) fn is_committed(&self) -> bool {
        matches!(self.state, State::Committed)
    }

    fn refusal(&self, what: &str) -> Error {
        let txn_id = &self.txn_id;
        let (code, text) = match &self.state {
            State::Doomed(error) => {
                (ErrorCode::InvalidTxnState, format!("something failed, so it can only be aborted: {error}"))
            }
            State::GivenUp(error) => (ErrorCode::InvalidTxnState, format!("it was aborted: {error}")),
            State::Open => (ErrorCode::InvalidState, "it is open".to_owned()),
            State::Committing | State::Ending => (ErrorCode::InvalidState, "it is being committed".to_owned()),
            State::Aborting => (ErrorCode::InvalidState, "it is being aborted".to_owned()),
            State::Committed => (ErrorCode::InvalidState, "it was committed: begin another one".to_owned()),
            State::Aborted => (ErrorCode::InvalidState, "it was aborted: begin another one".to_owned()),
            State::Unknown => {
                (ErrorCode::InvalidState, "it has ended, and it is not known whether it was committed".to_owned())
            }
        };
        let detail = Detail::new(format!("{what} transaction {txn_id}: {text}")).with_code(code);
        let detail = detail.with_outcome(Outcome::NotSent);
        match &self.state {
            State::Doomed(error) | State::GivenUp(error) => Error::Misuse(detail.with_source(error.clone())),
            _ => Error::Misuse(detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason() -> Error {
        Error::ServerError(Detail::from("gone").with_code(ErrorCode::UnknownProducerId))
    }

    /// Every state with the codes of write, commit and abort; `None` where the call is allowed.
    #[test]
    fn every_call_in_every_state() {
        use ErrorCode::{InvalidState as Misuse, InvalidTxnState as Doomed};
        let table: [(State, [Option<ErrorCode>; 3]); 9] = [
            (State::Open, [None, None, None]),
            (State::Doomed(reason()), [Some(Doomed), Some(Doomed), None]),
            (State::Committing, [Some(Misuse); 3]),
            (State::Ending, [Some(Misuse); 3]),
            (State::Aborting, [Some(Misuse); 3]),
            (State::Committed, [Some(Misuse); 3]),
            (State::Aborted, [Some(Misuse); 3]),
            (State::GivenUp(reason()), [Some(Doomed), Some(Doomed), None]),
            (State::Unknown, [Some(Misuse); 3]),
        ];
        for (state, expected) in table {
            let with = || Table { txn_id: "t".into(), state: state.clone() };
            let codes = [
                with().may_write("x").err().map(|error| error.code()),
                with().commit().err().map(|error| error.code()),
                with().abort().err().map(|error| error.code()),
            ];
            assert_eq!(codes, expected, "{state:?}");
        }
    }

    #[test]
    fn a_refusal_that_calls_for_an_abort_says_so_and_others_do_not() {
        let mut table = Table::new("t");
        table.doom(&reason());
        let doomed = table.commit().unwrap_err();
        assert!(doomed.is_abortable() && !doomed.is_retriable());
        assert_eq!(table.abort().unwrap(), Abort::Begin);
        table.ended(End::Aborted);
        assert!(!table.may_write("x").unwrap_err().is_abortable());
    }

    #[test]
    fn only_the_first_reason_counts_and_none_after_the_end() {
        let mut table = Table::new("t");
        table.doom(&reason());
        table.doom(&Error::closed("it"));
        assert_eq!(table.doomed().map(Error::code), Some(ErrorCode::UnknownProducerId));
        let mut table = Table::new("t");
        table.commit().unwrap();
        table.ended(End::Committed);
        table.doom(&reason());
        assert!(table.doomed().is_none() && !table.is_open());
    }

    #[test]
    fn once_the_broker_is_told_only_its_answer_counts() {
        let mut table = Table::new("t");
        table.commit().unwrap();
        table.end().unwrap();
        table.doom(&Error::closed("the producer"));
        assert!(table.doomed().is_none() && table.is_committing());
        assert_eq!(table.abort().unwrap_err().code(), ErrorCode::InvalidState);
        table.refused(&reason());
        assert_eq!(table.doomed().map(Error::code), Some(ErrorCode::UnknownProducerId));
        assert_eq!(table.end().unwrap_err().code(), ErrorCode::InvalidTxnState);
    }

    #[test]
    fn what_gave_itself_up_is_aborted_once_more_without_harm() {
        let mut table = Table::new("t");
        table.given_up(&reason());
        assert_eq!(table.abort().unwrap(), Abort::Done);
        assert_eq!(table.abort().unwrap_err().code(), ErrorCode::InvalidState);
    }
}
