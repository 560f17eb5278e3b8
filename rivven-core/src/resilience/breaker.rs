//! The circuit breaker of one server.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a circuit breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CircuitState {
    /// Everything: the server works.
    Closed,
    /// Nothing: the server failed too often in a row.
    Open,
    /// One request, which decides.
    HalfOpen,
}

/// Permission to try a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what becomes of the attempt has to be told to the breaker"]
pub(crate) enum Pass {
    /// One of many: the circuit is closed.
    Normal,
    /// The one that decides whether the circuit closes again.
    Probe,
}

/// Counts failures in a row and keeps requests away from a server that fails.
///
/// What counts as a failure: no connection could be made, or one ended while
/// requests were under way, whatever their number; a connection counts once. An
/// answer of the server never does, not even an error, and neither does a
/// failed login. Time is given by the caller, in milliseconds of any clock that
/// does not go back.
///
/// The state is one word: two bits of state, and below them the failures in a
/// row (closed) or the moment at which the state began (open, half open). A
/// request to a server that works costs one load before and one after it.
#[derive(Debug)]
pub(crate) struct Breaker {
    word: AtomicU64,
    threshold: u64,
    recovery_ms: u64,
}

const OPEN: u64 = 1 << 62;
const HALF_OPEN: u64 = 2 << 62;
const STATE: u64 = 3 << 62;
const VALUE: u64 = OPEN - 1;

impl Breaker {
    /// A closed breaker that opens after `threshold` failures in a row, for `recovery_ms`.
    pub(crate) fn new(threshold: u32, recovery_ms: u64) -> Self {
        Breaker { word: AtomicU64::new(0), threshold: u64::from(threshold.max(1)), recovery_ms }
    }

    /// Permission for an attempt; `None` while the server is to be left alone.
    ///
    /// A probe that is never told to [`succeeded`](Self::succeeded),
    /// [`failed`](Self::failed) or [`abandoned`](Self::abandoned) is given up
    /// after another recovery time.
    ///
    /// The time is asked for only where the circuit is not closed.
    #[inline(never)]
    pub(crate) fn enter(&self, now_ms: impl FnOnce() -> u64) -> Option<Pass> {
        let word = self.word.load(Ordering::Acquire);
        if word & STATE == 0 { Some(Pass::Normal) } else { self.enter_open(word, now_ms()) }
    }

    fn enter_open(&self, word: u64, now_ms: u64) -> Option<Pass> {
        let since = word & VALUE;
        if now_ms.saturating_sub(since) < self.recovery_ms {
            return None;
        }
        let half_open = HALF_OPEN | (now_ms & VALUE);
        let won = self.word.compare_exchange(word, half_open, Ordering::AcqRel, Ordering::Acquire).is_ok();
        won.then_some(Pass::Probe)
    }

    /// The server answered.
    #[inline(never)]
    pub(crate) fn succeeded(&self, pass: Pass) {
        let word = self.word.load(Ordering::Acquire);
        if word != 0 {
            self.settle(pass, |_| Some(0));
        }
    }

    /// The attempt failed.
    pub(crate) fn failed(&self, pass: Pass, now_ms: u64) {
        self.settle(pass, |failures| {
            let failures = failures.map_or(self.threshold, |failures| failures + 1);
            Some(if failures >= self.threshold { OPEN | (now_ms & VALUE) } else { failures })
        });
    }

    /// The attempt was given up without a result; another may be made at once.
    pub(crate) fn abandoned(&self, pass: Pass, now_ms: u64) {
        if pass == Pass::Probe {
            self.settle(pass, |_| Some(OPEN | (now_ms.saturating_sub(self.recovery_ms) & VALUE)));
        }
    }

    /// Changes the state if it is still the one that the pass was given in.
    ///
    /// `next` is given the failures in a row of a closed circuit. What becomes
    /// of a normal request says nothing of a circuit that opened meanwhile.
    fn settle(&self, pass: Pass, next: impl Fn(Option<u64>) -> Option<u64>) {
        let _ = self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, |word| match (word & STATE, pass) {
            (0, Pass::Normal) => next(Some(word)),
            (HALF_OPEN, Pass::Probe) => next(None),
            _ => None,
        });
    }

    /// How long nothing is let through any more, in milliseconds; of a circuit that is not open nothing.
    pub(crate) fn remaining_ms(&self, now_ms: u64) -> u64 {
        let word = self.word.load(Ordering::Acquire);
        if word & STATE == OPEN { (word & VALUE).saturating_add(self.recovery_ms).saturating_sub(now_ms) } else { 0 }
    }

    /// What it lets through.
    pub(crate) fn state(&self) -> CircuitState {
        match self.word.load(Ordering::Acquire) & STATE {
            0 => CircuitState::Closed,
            OPEN => CircuitState::Open,
            _ => CircuitState::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// A breaker that opened at 1000 after two failures, for 500 ms.
    fn open() -> Breaker {
        let breaker = Breaker::new(2, 500);
        for _ in 0..2 {
            let pass = breaker.enter(|| 1000).unwrap();
            breaker.failed(pass, 1000);
        }
        assert_eq!(breaker.state(), CircuitState::Open);
        breaker
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let breaker = Breaker::new(3, 500);
        for _ in 0..10 {
            for _ in 0..2 {
                breaker.failed(Pass::Normal, 0);
            }
            breaker.succeeded(Pass::Normal);
        }
        assert_eq!(breaker.state(), CircuitState::Closed);
        (0..3).for_each(|_| breaker.failed(Pass::Normal, 0));
        assert_eq!(breaker.state(), CircuitState::Open);
    }

    #[test]
    fn an_open_one_lets_nothing_through_before_the_recovery_time_and_then_one() {
        let breaker = open();
        assert_eq!((breaker.remaining_ms(1000), breaker.remaining_ms(1499), breaker.remaining_ms(1501)), (500, 1, 0));
        assert_eq!(breaker.enter(|| 1499), None);
        assert_eq!(breaker.enter(|| 1500), Some(Pass::Probe));
        assert_eq!((breaker.enter(|| 1501), breaker.state()), (None, CircuitState::HalfOpen));
        assert_eq!(breaker.remaining_ms(1501), 0);
        breaker.succeeded(Pass::Probe);
        assert_eq!((breaker.enter(|| 1502), breaker.state()), (Some(Pass::Normal), CircuitState::Closed));
    }

    #[test]
    fn a_probe_that_fails_opens_it_anew() {
        let breaker = open();
        let probe = breaker.enter(|| 2000).unwrap();
        breaker.failed(probe, 2100);
        assert_eq!((breaker.enter(|| 2599), breaker.state()), (None, CircuitState::Open));
        assert_eq!(breaker.enter(|| 2600), Some(Pass::Probe));
    }

    #[test]
    fn a_probe_that_is_abandoned_makes_room_for_another_at_once() {
        let breaker = open();
        let probe = breaker.enter(|| 2000).unwrap();
        breaker.abandoned(probe, 2001);
        assert_eq!(breaker.enter(|| 2001), Some(Pass::Probe));
    }

    #[test]
    fn a_probe_that_is_forgotten_is_given_up_after_another_recovery_time() {
        let breaker = open();
        assert_eq!(breaker.enter(|| 2000), Some(Pass::Probe));
        assert_eq!(breaker.enter(|| 2499), None);
        assert_eq!(breaker.enter(|| 2500), Some(Pass::Probe));
    }

    #[test]
    fn requests_from_before_decide_nothing() {
        let breaker = open();
        breaker.succeeded(Pass::Normal);
        assert_eq!(breaker.state(), CircuitState::Open);
        let _probe = breaker.enter(|| 2000);
        breaker.failed(Pass::Normal, 2000);
        breaker.succeeded(Pass::Normal);
        assert_eq!(breaker.state(), CircuitState::HalfOpen);
    }

    #[test]
    fn of_many_threads_one_gets_the_probe() {
        for _ in 0..200 {
            let (breaker, probes) = (open(), AtomicUsize::new(0));
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        if breaker.enter(|| 5000) == Some(Pass::Probe) {
                            probes.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            });
            assert_eq!(probes.into_inner(), 1);
        }
    }
}
