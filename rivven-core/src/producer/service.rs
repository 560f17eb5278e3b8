//! How long the broker takes for a record, and what follows from that.

use std::time::Duration;

use crate::protocol::MAX_LIST_ENTRIES;

/// What a record is expected to take before any was answered: what a broker on a disk needs.
const EXPECTED: Duration = Duration::from_millis(2);

/// The most records of the first batches, so that it is soon known how fast the broker is.
const FIRST_RECORDS: u32 = 64;

/// How much a new measurement counts.
const WEIGHT: f64 = 0.2;

/// The time that the broker takes for a record on one connection, as measured so far.
///
/// The broker writes the records of a connection one after another, so the
/// time of a batch grows with its records: 1.8 ms each on a disk, microseconds
/// on a broker that answers at once.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    /// Seconds per record.
    measured: Option<f64>,
    request_timeout: Duration,
    delivery_timeout: Duration,
}

impl Service {
    pub(crate) fn new(request_timeout: Duration, delivery_timeout: Duration) -> Self {
        Service { measured: None, request_timeout, delivery_timeout }
    }

    fn per_record(&self) -> f64 {
        self.measured.unwrap_or(EXPECTED.as_secs_f64()).max(1e-9)
    }

    /// Notes that so many records were served in this time.
    pub(crate) fn measure(&mut self, records: u32, time: Duration) {
        let now = time.as_secs_f64() / f64::from(records.max(1));
        self.measured = Some(self.measured.map_or(now, |before| before + WEIGHT * (now - before)));
    }

    /// The time that so many records take.
    pub(crate) fn of(&self, records: u32) -> Duration {
        Duration::try_from_secs_f64(self.per_record() * f64::from(records)).unwrap_or(Duration::MAX)
    }

    /// How long an answer may be awaited once the request is the oldest.
    pub(crate) fn limit(&self, records: u32) -> Duration {
        self.request_timeout.saturating_add(self.of(records))
    }

    /// The most records without answer on a connection: what takes a quarter of the request timeout.
    pub(crate) fn max_unanswered(&self) -> u32 {
        (self.request_timeout.as_secs_f64() / 4.0 / self.per_record()).clamp(1.0, f64::from(u32::MAX)) as u32
    }

    /// The most records of a batch.
    pub(crate) fn max_records(&self) -> u32 {
        let most = if self.measured.is_none() { FIRST_RECORDS } else { MAX_LIST_ENTRIES as u32 };
        most.min(self.max_unanswered())
    }

    /// The most records that may wait: what takes half of the delivery timeout.
    pub(crate) fn max_backlog(&self) -> u64 {
        (self.delivery_timeout.as_secs_f64() / 2.0 / self.per_record()).max(1.0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> Service {
        Service::new(Duration::from_secs(30), Duration::from_secs(120))
    }

    /// A batch of 5 461 small records was once answered after 22 s, and one
    /// behind it after 35 s: a timeout of 30 s fired on a healthy broker.
    #[test]
    fn a_slow_broker_gets_smaller_batches_and_more_time() {
        let mut service = service();
        assert_eq!(service.max_records(), FIRST_RECORDS);
        for _ in 0..50 {
            service.measure(64, Duration::from_millis(64 * 4));
        }
        assert_eq!(service.max_unanswered(), 1875);
        assert_eq!(service.max_records(), 1875);
        assert_eq!(service.max_backlog(), 15_000);
        assert_eq!(service.limit(1000), Duration::from_secs(34));
    }

    #[test]
    fn a_fast_broker_gets_the_largest_batches() {
        let mut service = service();
        service.measure(64, Duration::from_micros(200));
        assert_eq!(service.max_records(), 10_000);
        assert!(service.max_backlog() > 10_000_000);
        assert!(service.limit(10_000) < Duration::from_secs(31));
    }

    #[test]
    fn there_is_always_room_for_one_record() {
        let mut service = Service::new(Duration::from_millis(1), Duration::from_millis(1));
        service.measure(1, Duration::from_secs(3600));
        assert_eq!((service.max_unanswered(), service.max_records(), service.max_backlog()), (1, 1, 1));
    }
}
