//! How long to pause before another attempt.

use std::time::Duration;

/// Pauses that grow by a factor up to a longest one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    /// The first pause.
    pub(crate) initial: Duration,
    /// The longest pause.
    pub(crate) max: Duration,
    /// By how much each pause is longer than the one before.
    pub(crate) multiplier: f64,
}

impl Backoff {
    /// The pause after so many failures in a row, the first counting as 1.
    ///
    /// Half of it is fixed and half is random, so that clients that failed
    /// together do not come back together; `random` lies in [0, 1).
    pub(crate) fn pause(&self, failures: u32, random: f64) -> Duration {
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.initial.as_secs_f64() * self.multiplier.powi(exponent);
        let full = seconds.min(self.max.as_secs_f64());
        Duration::try_from_secs_f64(full * (0.5 + random / 2.0)).unwrap_or(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: F025 rust, F026 rust, F027 rust
    #[test]
    fn pauses_grow_up_to_the_longest_and_are_at_least_half() {
        let backoff = Backoff { initial: Duration::from_millis(100), max: Duration::from_secs(5), multiplier: 2.0 };
        let shortest: Vec<_> = (1..=8).map(|failures| backoff.pause(failures, 0.0).as_millis()).collect();
        assert_eq!(shortest, [50, 100, 200, 400, 800, 1600, 2500, 2500]);
        assert!(backoff.pause(1, 0.999) < Duration::from_millis(100));
        assert_eq!(backoff.pause(u32::MAX, 0.0), Duration::from_millis(2500));
    }

    #[test]
    fn extreme_settings_stay_within_the_longest_pause() {
        let backoff = Backoff { initial: Duration::MAX, max: Duration::MAX, multiplier: 100.0 };
        assert!(backoff.pause(9, 0.9) <= Duration::MAX);
        let none = Backoff { initial: Duration::ZERO, max: Duration::ZERO, multiplier: 1.0 };
        assert_eq!(none.pause(3, 0.5), Duration::ZERO);
    }
}
