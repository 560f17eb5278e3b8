//! The time that a call or an attempt has.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// The longest time: a year stands for ever and fits any clock.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// A moment, and how long it was away when it was set.
///
/// The length is what an error shows: it is the time that the user configured,
/// however much of it earlier steps have used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    limit: Duration,
    /// Whether the time begins only when nothing else has to be answered before.
    in_turn: bool,
}

impl Deadline {
    /// So long from now.
    pub(crate) fn after(limit: Duration) -> Self {
        Deadline { at: Instant::now() + limit.min(LONGEST), limit, in_turn: false }
    }

    /// So long from the moment when the request is the oldest of its connection.
    ///
    /// The broker serves the requests of a connection one after another, so a
    /// request behind slow ones is not late as long as those are not.
    pub(crate) fn in_turn(limit: Duration) -> Self {
        Deadline { in_turn: true, limit, ..Deadline::after(LONGEST) }
    }

    /// The request has become the oldest: the moment where its time begins only now.
    pub(super) fn begin(&mut self) -> Option<Instant> {
        self.in_turn.then(|| {
            *self = Deadline::after(self.limit);
            self.at
        })
    }

    /// The moment.
    pub(crate) fn at(self) -> Instant {
        self.at
    }

    /// How long it was away when it was set.
    pub(crate) fn limit(self) -> Duration {
        self.limit
    }

    /// Whether less than a twentieth of it is left.
    pub(crate) fn is_nearly_over(self) -> bool {
        self.remaining() < self.limit.min(LONGEST) / 20
    }

    /// How long it is away now.
    pub(crate) fn remaining(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// The same limit, ending that much later.
    pub(crate) fn extended(self, by: Duration) -> Self {
        Deadline { at: self.at + by.min(LONGEST), ..self }
    }

    /// The first of so many equal shares of what remains; it shows the same limit.
    pub(crate) fn share(self, shares: usize) -> Self {
        let shares = u32::try_from(shares).unwrap_or(u32::MAX).max(1);
        Deadline { at: Instant::now() + self.remaining() / shares, ..self }
    }

    /// The earlier of the two.
    pub(crate) fn min(self, other: Deadline) -> Self {
        if other.at < self.at { other } else { self }
    }

    /// The future's output, or `None` if the moment comes first.
    pub(crate) async fn bound<F: Future>(self, future: F) -> Option<F::Output> {
        timeout_at(self.at, future).await.ok()
    }
}
