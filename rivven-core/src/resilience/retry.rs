//! Whether a call that failed is made again, and after what pause.

use std::time::Duration;

use super::Backoff;
use crate::error::{Error, ErrorCode, Outcome};

/// What a repetition of a request of unknown outcome would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// No harm.
    Safe,
    /// Perhaps append a record twice.
    Appends,
    /// Something else than the first one, perhaps.
    Never,
}

/// What the user configured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) max_retries: u32,
    pub(crate) backoff: Backoff,
    /// Whether records of unknown outcome are sent again.
    pub(crate) unknown_outcome: bool,
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Next {
    /// The error is the result.
    Stop,
    /// Another attempt after a pause.
    Retry(Duration),
    /// Another attempt after a pause, once the leaders have been asked for.
    Reroute(Duration),
}

/// The failures of one call so far.
#[derive(Debug)]
pub(crate) struct Retries {
    rules: Rules,
    repeat: Repeat,
    failures: u32,
    throttled: u32,
}

/// The first pause where the broker names a shorter one; the quota's window is 1 s.
const THROTTLE_FLOOR: Duration = Duration::from_millis(50);
const THROTTLE_WINDOW: Duration = Duration::from_secs(1);

impl Retries {
    pub(crate) fn new(rules: Rules, repeat: Repeat) -> Self {
        Retries { rules, repeat, failures: 0, throttled: 0 }
    }

    /// What follows this failure; `random` lies in [0, 1).
    ///
    /// Being throttled is waited out and counts as no failure; the deadline of
    /// the call bounds it.
    pub(crate) fn next(&mut self, error: &Error, random: f64) -> Next {
        if error.code() == ErrorCode::Throttled {
            return Next::Retry(self.throttle_pause(error));
        }
        if !self.may_repeat(error) || self.failures >= self.rules.max_retries {
            return Next::Stop;
        }
        self.failures += 1;
        let pause = self.rules.backoff.pause(self.failures, random);
        match error.code() {
            // The leader is known after asking, so the first time there is nothing to wait for.
            ErrorCode::NotLeaderForPartition | ErrorCode::FencedLeaderEpoch if self.failures == 1 => {
                Next::Reroute(Duration::ZERO)
            }
            ErrorCode::NotLeaderForPartition | ErrorCode::FencedLeaderEpoch => Next::Reroute(pause),
            // The server may not know yet what another does.
            ErrorCode::UnknownTopicOrPartition => Next::Reroute(pause),
            _ if error.outcome() == Outcome::Rejected => Next::Retry(pause),
            // The server could not be reached or was lost: another may lead its partitions by now.
            _ => Next::Reroute(pause),
        }
    }

    /// At least as long as the broker says, and longer each time up to the quota's window.
    fn throttle_pause(&mut self, error: &Error) -> Duration {
        let floor = (THROTTLE_FLOOR * 2u32.pow(self.throttled.min(5))).min(THROTTLE_WINDOW);
        self.throttled += 1;
        error.retry_after().unwrap_or_default().max(floor)
    }

    fn may_repeat(&self, error: &Error) -> bool {
        if !error.is_retriable() || needs_more_than_repeating(error.code()) {
            return false;
        }
        match (error.outcome(), self.repeat) {
            (Outcome::NotSent | Outcome::Rejected, _) | (Outcome::Unknown, Repeat::Safe) => true,
            (Outcome::Unknown, Repeat::Appends) => self.rules.unknown_outcome,
            (Outcome::Unknown, Repeat::Never) => false,
        }
    }
}

/// Errors after which the same call would fail again or do harm: a new producer
/// id, a new membership, another login or an abort has to come first, or fewer
/// records be asked for; and those by which the client itself says that waiting
/// is of no use.
fn needs_more_than_repeating(code: ErrorCode) -> bool {
    use ErrorCode as C;
    matches!(
        code,
        C::UnknownProducerId
            | C::OutOfOrderSequence
            | C::UnknownGroup
            | C::UnknownMemberId
            | C::IllegalGeneration
            | C::InconsistentGroupProtocol
            | C::RebalanceTimeout
            | C::RebalanceInProgress
            | C::AuthenticationRequired
            | C::SessionExpired
            | C::InvalidTxnId
            | C::InvalidTxnState
            | C::TransactionTimedOut
            | C::TransactionError
            | C::CommitFailed
            | C::AbortFailed
            | C::CircuitBreakerOpen
            | C::PoolExhausted
            | C::AnswerTooLarge
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Detail;

    const RULES: Rules = Rules {
        max_retries: 2,
        backoff: Backoff { initial: Duration::from_millis(100), max: Duration::from_secs(5), multiplier: 2.0 },
        unknown_outcome: true,
    };

    fn lost(outcome: Outcome) -> Error {
        Error::ConnectionError(Detail::from("lost").with_code(ErrorCode::ConnectionLost).with_outcome(outcome))
    }

    fn refused(code: ErrorCode) -> Error {
        Error::ServerError(Detail::from("no").with_code(code).with_outcome(Outcome::Rejected))
    }

    fn next(repeat: Repeat, rules: Rules, error: &Error) -> Next {
        Retries::new(rules, repeat).next(error, 0.0)
    }

    #[test]
    fn the_number_of_repetitions_is_bounded() {
        let mut retries = Retries::new(RULES, Repeat::Safe);
        let error = lost(Outcome::Unknown);
        assert_eq!(retries.next(&error, 0.0), Next::Reroute(Duration::from_millis(50)));
        assert_eq!(retries.next(&error, 0.0), Next::Reroute(Duration::from_millis(100)));
        assert_eq!(retries.next(&error, 0.0), Next::Stop);
    }

    #[test]
    fn an_unknown_outcome_is_repeated_where_that_is_allowed() {
        let error = lost(Outcome::Unknown);
        assert_ne!(next(Repeat::Safe, Rules { unknown_outcome: false, ..RULES }, &error), Next::Stop);
        assert_ne!(next(Repeat::Appends, RULES, &error), Next::Stop);
        assert_eq!(next(Repeat::Appends, Rules { unknown_outcome: false, ..RULES }, &error), Next::Stop);
        assert_eq!(next(Repeat::Never, RULES, &error), Next::Stop);
    }

    #[test]
    fn what_was_not_executed_is_repeated_whatever_it_is() {
        for repeat in [Repeat::Safe, Repeat::Appends, Repeat::Never] {
            assert_ne!(next(repeat, RULES, &lost(Outcome::NotSent)), Next::Stop);
            assert_ne!(next(repeat, RULES, &refused(ErrorCode::BufferFull)), Next::Stop);
        }
    }

    #[test]
    fn permanent_errors_and_those_that_need_more_are_final() {
        for code in ErrorCode::ALL {
            let repeated = next(Repeat::Safe, RULES, &refused(*code)) != Next::Stop;
            let expected = *code == ErrorCode::Throttled || code.is_retriable() && !needs_more_than_repeating(*code);
            assert_eq!(repeated, expected, "{code:?}");
        }
        assert_eq!(next(Repeat::Safe, RULES, &Error::ConfigError(Detail::from("bad"))), Next::Stop);
    }

    #[test]
    fn throttling_is_waited_out_with_a_growing_floor_and_costs_no_attempt() {
        let mut retries = Retries::new(Rules { max_retries: 0, ..RULES }, Repeat::Never);
        let error = |ms| {
            let wait = Duration::from_millis(ms);
            Error::throttled(wait, "request_rate", "anonymous", "ping", &"a:1".into())
        };
        let pauses: Vec<_> = (0..7).map(|_| retries.next(&error(1), 0.0)).collect();
        let expected = [50, 100, 200, 400, 800, 1000, 1000].map(|ms| Next::Retry(Duration::from_millis(ms)));
        assert_eq!(pauses, expected);
        assert_eq!(retries.next(&error(3000), 0.0), Next::Retry(Duration::from_secs(3)));
    }

    #[test]
    fn a_wrong_leader_is_corrected_at_once_and_then_with_pauses() {
        let mut retries = Retries::new(RULES, Repeat::Never);
        let error = refused(ErrorCode::NotLeaderForPartition);
        assert_eq!(retries.next(&error, 0.0), Next::Reroute(Duration::ZERO));
        assert_eq!(retries.next(&error, 0.0), Next::Reroute(Duration::from_millis(100)));
        assert_eq!(retries.next(&error, 0.0), Next::Stop);
    }
}
