//! How `process` works on records.

use std::time::Duration;

use super::ConsumerConfigBuilder;
use crate::config::properties::Properties;
use crate::resilience::Backoff;

/// How [`Consumer::process`](crate::Consumer::process) works on records; the keys are `process.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessConfig {
    /// The most handlers at work at once, 1 to 10 000, by default 16 (`process.concurrency`).
    ///
    /// A partition has one at a time.
    pub concurrency: usize,
    /// How often a record is handled again whose handler failed, by default 3 (`process.retries`).
    pub retries: u32,
    /// The pause before the first time, by default 100 ms (`process.retry.backoff.ms`).
    pub retry_backoff: Duration,
    /// The longest such pause, by default 10 s; each is twice as long as the one before
    /// (`process.retry.backoff.max.ms`).
    pub retry_backoff_max: Duration,
    /// Where a record goes that failed every time, by default nowhere (`process.dead.letter.topic`).
    pub dead_letter_topic: Option<String>,
    /// What becomes of it without such a topic, by default [`OnFailure::Stop`] (`process.on.failure`).
    pub on_failure: OnFailure,
}

/// What becomes of a record that failed every time and goes to no other topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnFailure {
    /// Nothing more is handled, and the record is not committed.
    #[default]
    Stop,
    /// It is left out.
    Skip,
}

impl ProcessConfig {
    /// The pauses before a record is handled again.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff { initial: self.retry_backoff, max: self.retry_backoff_max, multiplier: 2.0 }
    }

    pub(super) fn from_properties(properties: &Properties) -> Self {
        let duration = |name| properties.duration(name).unwrap_or_default();
        let integer = |name| properties.integer(name).unwrap_or_default();
        ProcessConfig {
            concurrency: usize::try_from(integer("process.concurrency")).unwrap_or(usize::MAX),
            retries: integer("process.retries") as u32,
            retry_backoff: duration("process.retry.backoff.ms"),
            retry_backoff_max: duration("process.retry.backoff.max.ms"),
            dead_letter_topic: properties.get("process.dead.letter.topic").map(str::to_owned),
            on_failure: match properties.get("process.on.failure") {
                Some("skip") => OnFailure::Skip,
                _ => OnFailure::Stop,
            },
        }
    }
}

/// For [`Consumer::process`](crate::Consumer::process).
impl ConsumerConfigBuilder {
    /// The most handlers at work at once, 1 to 10 000, by default 16; a partition has one at a time.
    pub fn process_concurrency(mut self, handlers: usize) -> Self {
        self.config.process.concurrency = handlers;
        self
    }

    /// How often a record is handled again whose handler failed, by default 3.
    pub fn process_retries(mut self, retries: u32) -> Self {
        self.config.process.retries = retries;
        self
    }

    /// The pause before the first time, by default 100 ms.
    pub fn process_retry_backoff(mut self, pause: Duration) -> Self {
        self.config.process.retry_backoff = pause;
        self
    }

    /// The longest such pause, by default 10 s; each is twice as long as the one before.
    pub fn process_retry_backoff_max(mut self, pause: Duration) -> Self {
        self.config.process.retry_backoff_max = pause;
        self
    }

    /// Where a record goes that failed every time, by default nowhere.
    pub fn process_dead_letter_topic(mut self, topic: impl Into<String>) -> Self {
        self.config.process.dead_letter_topic = Some(topic.into());
        self
    }

    /// What becomes of it without such a topic, by default [`OnFailure::Stop`].
    pub fn process_on_failure(mut self, then: OnFailure) -> Self {
        self.config.process.on_failure = then;
        self
    }
}
