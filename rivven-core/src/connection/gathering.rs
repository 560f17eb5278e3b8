//! When requests are written: a state machine without I/O.
//!
//! A request that nobody else could join is never held back: not the first one
//! after a silence, and not the last one for which there is a place in flight.
//! Only while answers are due does a request wait for others, so that a single
//! caller pays nothing for the linger, and many share a write.

use std::time::Duration;

use tokio::time::Instant;

use super::DEFAULT_MAX_IN_FLIGHT;

/// How many requests a connection takes at once and how they are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flow {
    /// The most requests without answer.
    pub(crate) max_in_flight: u32,
    /// How long a request waits for others while answers are due.
    pub(crate) linger: Duration,
    /// How many requests are enough to wait for no more.
    pub(crate) max_batch: usize,
    /// The least room offered to one read, in bytes.
    pub(crate) read_buffer: usize,
    /// The buffer in which small requests are gathered, in bytes.
    pub(crate) write_buffer: usize,
}

impl Default for Flow {
    /// Everything is written at once.
    fn default() -> Self {
        Flow {
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
            linger: Duration::ZERO,
            max_batch: 1,
            read_buffer: 16 * 1024,
            write_buffer: 0,
        }
    }
}

/// The requests that wait for others to be written with.
#[derive(Debug)]
pub(super) struct Gathering {
    linger: Duration,
    enough: usize,
    places: usize,
    gathered: usize,
    due: Option<Instant>,
}

impl Gathering {
    pub(super) fn new(flow: &Flow) -> Self {
        Gathering {
            linger: flow.linger,
            enough: flow.max_batch,
            places: flow.max_in_flight as usize,
            gathered: 0,
            due: None,
        }
    }

    /// Whether requests wait for others.
    pub(super) fn is_waiting(&self) -> bool {
        self.gathered > 0
    }

    /// Notes one request more to be written.
    pub(super) fn join(&mut self) {
        if !self.linger.is_zero() {
            self.gathered += 1;
        }
    }

    /// Until when the gathered requests wait, or `None` if they are to be written now.
    ///
    /// `unanswered` counts all requests that have no answer, the gathered ones included.
    pub(super) fn waits_until(&mut self, unanswered: usize, now: Instant) -> Option<Instant> {
        let no_answer_is_due = unanswered <= self.gathered;
        let nobody_can_join = self.gathered >= self.enough || unanswered >= self.places;
        let due = *self.due.get_or_insert(now + self.linger);
        if no_answer_is_due || nobody_can_join || due <= now {
            self.release();
            return None;
        }
        Some(due)
    }

    /// Begins anew: what was gathered is on its way.
    pub(super) fn release(&mut self) {
        self.gathered = 0;
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINGER: Duration = Duration::from_millis(1);

    fn gathering(max_batch: usize, max_in_flight: u32) -> Gathering {
        Gathering::new(&Flow { linger: LINGER, max_batch, max_in_flight, ..Flow::default() })
    }

    fn joined(mut gathering: Gathering, requests: usize) -> Gathering {
        (0..requests).for_each(|_| gathering.join());
        gathering
    }

    #[test]
    fn without_a_linger_nothing_waits() {
        let gathering = joined(Gathering::new(&Flow::default()), 3);
        assert!(!gathering.is_waiting());
    }

    #[test]
    fn while_no_answer_is_due_nothing_waits() {
        for requests in 1..5 {
            let mut gathering = joined(gathering(64, 100), requests);
            assert_eq!(gathering.waits_until(requests, Instant::now()), None);
            assert!(!gathering.is_waiting());
        }
    }

    #[test]
    fn while_answers_are_due_the_first_request_sets_the_end() {
        let (start, mut gathering) = (Instant::now(), joined(gathering(64, 100), 1));
        assert_eq!(gathering.waits_until(2, start), Some(start + LINGER));
        let mut gathering = joined(gathering, 1);
        assert_eq!(gathering.waits_until(3, start + LINGER / 2), Some(start + LINGER));
        assert_eq!(gathering.waits_until(3, start + LINGER), None);
        let mut gathering = joined(gathering, 1);
        assert_eq!(gathering.waits_until(4, start + LINGER), Some(start + LINGER + LINGER));
    }

    #[test]
    fn the_last_answer_releases_what_waits() {
        let (start, mut gathering) = (Instant::now(), joined(gathering(64, 100), 2));
        assert!(gathering.waits_until(3, start).is_some());
        assert_eq!(gathering.waits_until(2, start), None);
    }

    #[test]
    fn a_full_batch_waits_for_nothing() {
        let (start, mut gathering) = (Instant::now(), joined(gathering(3, 100), 2));
        assert!(gathering.waits_until(10, start).is_some());
        assert_eq!(joined(gathering, 1).waits_until(11, start), None);
    }

    #[test]
    fn the_last_place_in_flight_is_not_waited_with() {
        let (start, mut gathering) = (Instant::now(), joined(gathering(64, 5), 3));
        assert!(gathering.waits_until(4, start).is_some());
        assert_eq!(joined(gathering, 1).waits_until(5, start), None);
    }
}
