//! Which values of a consumer can be used, alone and together.

use std::fmt;
use std::time::Duration;

use super::{ConsumerConfig, MAX_FETCH_CONNECTIONS};
use crate::config::keys::Property;
use crate::connection::ServerAddress;
use crate::error::{Detail, Error, Result};
use crate::protocol::{check_group_name, check_topic_name};

impl ConsumerConfig {
    /// The addresses of the servers, once every value has been found acceptable.
    ///
    /// The fields are public, so the consumer itself looks at them again.
    pub(crate) fn checked_servers(&self) -> Result<Vec<ServerAddress>> {
        self.check_names()?;
        self.check_ranges()?;
        self.check_times()?;
        if self.bootstrap_servers.is_empty() {
            return Err(invalid("bootstrap_servers is empty: name at least one as host:port"));
        }
        ServerAddress::parse_all(&self.bootstrap_servers)
    }

    fn check_names(&self) -> Result<()> {
        check_group_name(&self.group_id).map_err(invalid)?;
        self.process.dead_letter_topic.iter().try_for_each(|topic| check_topic_name(topic).map_err(invalid))?;
        let assigned = || self.assignments.iter().map(|(topic, _)| topic);
        self.topics.iter().chain(assigned()).try_for_each(|topic| check_topic_name(topic).map_err(invalid))?;
        if self.assignments.is_empty() {
            return Ok(());
        }
        if let Some((topic, _)) = self.assignments.iter().find(|(_, partitions)| partitions.is_empty()) {
            return Err(invalid(format!("no partition of {topic} is assigned: name at least one")));
        }
        match self.topics.iter().find(|topic| !assigned().any(|assigned| assigned == *topic)) {
            Some(topic) => Err(invalid(format!(
                "the topic {topic} is subscribed to, but partitions of {} are assigned: assign partitions of both, or of none",
                self.assignments[0].0
            ))),
            None => Ok(()),
        }
    }

    fn check_ranges(&self) -> Result<()> {
        let within = |name, value| Property::check_range(name, value).map_err(invalid);
        within("max.poll.records", self.max_poll_records as u64)?;
        within("fetch.buffer.memory", self.fetch_buffer_memory as u64)?;
        within("max.reconnect.attempts", u64::from(self.max_reconnect_attempts))?;
        within("process.concurrency", self.process.concurrency as u64)?;
        if !(1..=MAX_FETCH_CONNECTIONS).contains(&self.connections_per_broker) {
            return Err(invalid(format!(
                "connections_per_broker is {}: set it from 1 to {MAX_FETCH_CONNECTIONS}",
                self.connections_per_broker
            )));
        }
        if self.isolation_level > 1 {
            return Err(invalid(format!(
                "isolation_level is {}: set it to 0 (read uncommitted) or 1 (read committed)",
                self.isolation_level
            )));
        }
        Ok(())
    }

    fn check_times(&self) -> Result<()> {
        let milliseconds = Duration::from_millis;
        let times = [
            ("max_poll_interval_ms", milliseconds(self.max_poll_interval_ms)),
            ("max_processing_interval", self.max_processing_interval),
            ("auto_commit_interval", self.auto_commit_interval.unwrap_or(Duration::MAX)),
            ("metadata_refresh_interval", self.metadata_refresh_interval),
            ("reconnect_backoff_ms", milliseconds(self.reconnect_backoff_ms)),
            ("reconnect_backoff_max_ms", milliseconds(self.reconnect_backoff_max_ms)),
            ("session_timeout_ms", milliseconds(self.session_timeout_ms)),
            ("rebalance_timeout_ms", milliseconds(self.rebalance_timeout_ms)),
            ("heartbeat_interval_ms", milliseconds(self.heartbeat_interval_ms)),
            ("fetch_max_wait", self.fetch_max_wait),
            ("process_retry_backoff", self.process.retry_backoff),
            ("process_retry_backoff_max", self.process.retry_backoff_max),
            ("request_timeout", self.request_timeout),
            ("connection_timeout", self.connection_timeout),
            ("close_timeout", self.close_timeout),
        ];
        if let Some((name, _)) = times.iter().find(|(_, time)| time.is_zero()) {
            return Err(invalid(format!("{name} is zero: give it a longer time")));
        }
        let wait_ms = u64::try_from(self.fetch_max_wait.as_millis()).unwrap_or(u64::MAX);
        Property::check_range("fetch.max.wait.ms", wait_ms.max(1)).map_err(invalid)?;
        if self.reconnect_backoff_max_ms < self.reconnect_backoff_ms {
            return Err(invalid(format!(
                "reconnect_backoff_max_ms is {}, which is less than reconnect_backoff_ms of {}: raise the one or lower the other",
                self.reconnect_backoff_max_ms, self.reconnect_backoff_ms
            )));
        }
        if self.process.retry_backoff_max < self.process.retry_backoff {
            return Err(invalid(format!(
                "process_retry_backoff_max is {:?}, which is less than process_retry_backoff of {:?}: raise the one or lower the other",
                self.process.retry_backoff_max, self.process.retry_backoff
            )));
        }
        Ok(())
    }
}

fn invalid(text: impl fmt::Display) -> Error {
    Error::ConfigError(Detail::new(format!("consumer: {text}")))
}
