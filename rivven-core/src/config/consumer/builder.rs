//! How a configuration of the consumer is put together.

use std::time::Duration;

use super::{AutoOffsetReset, ConsumerConfig};
use crate::compression::Decompression;
use crate::config::auth::AuthConfig;
#[cfg(feature = "tls")]
use crate::config::tls::TlsConfig;
use crate::consumer::Assignor;
use crate::error::Result;

/// Builds a [`ConsumerConfig`].
#[derive(Debug, Clone)]
pub struct ConsumerConfigBuilder {
    pub(super) config: ConsumerConfig,
}

impl ConsumerConfigBuilder {
    /// The servers to try in turn, as `host:port`, by default `127.0.0.1:9092`.
    pub fn bootstrap_servers(mut self, servers: Vec<String>) -> Self {
        self.config.bootstrap_servers = servers;
        self
    }

    /// The one server to use.
    pub fn bootstrap_server(self, server: impl Into<String>) -> Self {
        self.bootstrap_servers(vec![server.into()])
    }

    /// The name that the consumer gives of itself, by default `rivven-client`.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.config.client_id = client_id.into();
        self
    }

    /// The group whose offsets are committed, by default `default-group`.
    pub fn group_id(mut self, group_id: impl Into<String>) -> Self {
        self.config.group_id = group_id.into();
        self
    }

    /// One more topic to subscribe to.
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.config.topics.push(topic.into());
        self
    }

    /// The topics to subscribe to.
    pub fn topics(mut self, topics: Vec<String>) -> Self {
        self.config.topics = topics;
        self
    }

    /// Partitions of a topic to read; no group coordinates them.
    pub fn assign(mut self, topic: impl Into<String>, partitions: Vec<u32>) -> Self {
        self.config.assignments.push((topic.into(), partitions));
        self
    }

    /// The most records that one poll gives, 1 to 1 000 000, by default 500.
    pub fn max_poll_records(mut self, records: usize) -> Self {
        self.config.max_poll_records = records;
        self
    }

    /// How long a poll waits for records before it gives none, in milliseconds, by default 5000.
    pub fn max_poll_interval_ms(mut self, interval: u64) -> Self {
        self.config.max_poll_interval_ms = interval;
        self
    }

    /// How long the program may take between polls before its partitions go to others, by default 300 s.
    pub fn max_processing_interval(mut self, interval: Duration) -> Self {
        self.config.max_processing_interval = interval;
        self
    }

    /// The time between commits of what the previous poll gave, by default 5 s; `None` for no such commits.
    pub fn auto_commit_interval(mut self, interval: Option<Duration>) -> Self {
        self.config.auto_commit_interval = interval;
        self
    }

    /// Whether what the previous poll gave is committed by itself; by default it is, every 5 s.
    pub fn enable_auto_commit(mut self, enabled: bool) -> Self {
        let interval = || self.config.auto_commit_interval.or(ConsumerConfig::default().auto_commit_interval);
        self.config.auto_commit_interval = enabled.then(interval).flatten();
        self
    }

    /// Where reading begins without a committed offset, by default at the first record.
    pub fn auto_offset_reset(mut self, reset: AutoOffsetReset) -> Self {
        self.config.auto_offset_reset = reset;
        self
    }

    /// 0 shows all records, 1 none of aborted transactions; by default 0.
    pub fn isolation_level(mut self, level: u8) -> Self {
        self.config.isolation_level = level;
        self
    }

    /// Shows no records of aborted transactions: isolation level 1.
    pub fn read_committed(self) -> Self {
        self.isolation_level(1)
    }

    /// How often subscribed topics are looked at for new partitions, by default 300 s.
    pub fn metadata_refresh_interval(mut self, interval: Duration) -> Self {
        self.config.metadata_refresh_interval = interval;
        self
    }

    /// The pause before a lost connection is made anew for the first time, in milliseconds, by default 100.
    pub fn reconnect_backoff_ms(mut self, backoff: u64) -> Self {
        self.config.reconnect_backoff_ms = backoff;
        self
    }

    /// The longest such pause, in milliseconds, by default 10 000; each is twice as long as the one before.
    pub fn reconnect_backoff_max_ms(mut self, backoff: u64) -> Self {
        self.config.reconnect_backoff_max_ms = backoff;
        self
    }

    /// How often in a row connecting may fail before a poll returns the error, by default 10.
    pub fn max_reconnect_attempts(mut self, attempts: u32) -> Self {
        self.config.max_reconnect_attempts = attempts;
        self
    }

    /// After how long without a heartbeat the broker takes a member for dead, in milliseconds, by default 10 000.
    pub fn session_timeout_ms(mut self, timeout: u64) -> Self {
        self.config.session_timeout_ms = timeout;
        self
    }

    /// How long the members of a group have to join anew, in milliseconds, by default 30 000.
    pub fn rebalance_timeout_ms(mut self, timeout: u64) -> Self {
        self.config.rebalance_timeout_ms = timeout;
        self
    }

    /// The time between heartbeats, in milliseconds, by default 3000; at most a third of the session timeout.
    pub fn heartbeat_interval_ms(mut self, interval: u64) -> Self {
        self.config.heartbeat_interval_ms = interval;
        self
    }

    /// How the group divides partitions among its members, by default by range.
    pub fn partition_assignment_strategy(mut self, assignor: Assignor) -> Self {
        self.config.partition_assignment_strategy = assignor;
        self
    }

    /// The bytes of records that may be held, those that the program keeps included, by default 64 MiB.
    pub fn fetch_buffer_memory(mut self, bytes: usize) -> Self {
        self.config.fetch_buffer_memory = bytes;
        self
    }

    /// How long the broker may wait for a first record, by default 500 ms, at most 30 s.
    pub fn fetch_max_wait(mut self, wait: Duration) -> Self {
        self.config.fetch_max_wait = wait;
        self
    }

    /// The most connections to one broker, 1 to 16, by default 16.
    pub fn connections_per_broker(mut self, connections: usize) -> Self {
        self.config.connections_per_broker = connections;
        self
    }

    /// Whether a poll returns as soon as the end of a partition is reached, by default false.
    pub fn report_partition_end(mut self, report: bool) -> Self {
        self.config.report_partition_end = report;
        self
    }

    /// Which values are decompressed, by default those with a checksum that verifies.
    pub fn decompression(mut self, decompression: Decompression) -> Self {
        self.config.decompression = decompression;
        self
    }

    /// The time from a request to its answer, by default 30 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.config.request_timeout = timeout;
        self
    }

    /// The time to connect to one server, by default 10 s.
    pub fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.config.connection_timeout = timeout;
        self
    }

    /// How long `close` may take, by default 5 s.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.config.close_timeout = timeout;
        self
    }

    /// Logs in on every connection, by SCRAM-SHA-256.
    pub fn auth(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.config.auth = Some(AuthConfig::new(username, password));
        self
    }

    /// Encrypts every connection; `server_name` is what the certificates must be for instead of the dialled hosts.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: TlsConfig, server_name: Option<String>) -> Self {
        self.config.tls_config = Some(tls);
        self.config.tls_server_name = server_name;
        self
    }

    /// The configuration, if its values can be used together.
    ///
    /// A `heartbeat_interval_ms` of more than a third of `session_timeout_ms` is lowered to that.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` for
    ///
    /// - no server, or one that is no address;
    /// - a name of a group or a topic that breaks the broker's rules;
    /// - topics to subscribe to together with partitions of others;
    /// - a number out of its range, or a time of zero;
    /// - a `reconnect_backoff_max_ms` below `reconnect_backoff_ms`, and likewise of `process`.
    pub fn build(mut self) -> Result<ConsumerConfig> {
        self.config.checked_servers()?;
        let third = (self.config.session_timeout_ms / 3).max(1);
        self.config.heartbeat_interval_ms = self.config.heartbeat_interval_ms.min(third);
        Ok(self.config)
    }
}
