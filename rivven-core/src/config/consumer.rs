//! The configuration of the consumer.

mod builder;
mod check;
mod process;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use builder::ConsumerConfigBuilder;
pub use process::{OnFailure, ProcessConfig};

use super::auth::AuthConfig;
use super::keys::Scope;
use super::producer::ProducerConfig;
use super::properties::Properties;
use super::resilient::ResilientClientConfig;
#[cfg(feature = "tls")]
use super::tls::TlsConfig;
use crate::compression::Decompression;
use crate::consumer::Assignor;
use crate::error::{Error, Result};

/// The most connections to one broker that a consumer reads by.
const MAX_FETCH_CONNECTIONS: usize = 16;

/// How a consumer works; made by [`builder`](Self::builder) or from [`Properties`].
///
/// Every value is checked when it is built, and once more by the consumer.
///
/// ```
/// use rivven_client::ConsumerConfig;
///
/// let config = ConsumerConfig::builder()
///     .bootstrap_servers(vec!["broker-1:9092".into(), "broker-2:9092".into()])
///     .group_id("billing")
///     .topic("orders")
///     .build()?;
/// assert_eq!((config.max_poll_records, config.isolation_level), (500, 0));
/// # Ok::<(), rivven_client::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConsumerConfig {
    /// The servers to try in turn, as `host:port`, by default `127.0.0.1:9092` (`bootstrap.servers`).
    pub bootstrap_servers: Vec<String>,
    /// The name that the consumer gives of itself (`client.id`).
    pub client_id: String,
    /// The group whose offsets are committed, by default `default-group` (`group.id`).
    ///
    /// The members of a group share the partitions of the topics that they subscribe to.
    pub group_id: String,
    /// The topics that are subscribed to from the start, by default none.
    pub topics: Vec<String>,
    /// The partitions that are read from the start, by topic; no group coordinates them.
    pub assignments: Vec<(String, Vec<u32>)>,
    /// The most records that one poll gives, 1 to 1 000 000, by default 500 (`max.poll.records`).
    pub max_poll_records: usize,
    /// How long a poll waits for records before it gives none, in milliseconds, by default 5000
    /// (`max.poll.interval.ms`).
    pub max_poll_interval_ms: u64,
    /// How long the program may take between polls before its partitions go to other members of the
    /// group, by default 300 s (`max.processing.interval.ms`).
    pub max_processing_interval: Duration,
    /// The time between commits of what the previous poll gave, by default 5 s; `None` for no such
    /// commits (`auto.commit.interval.ms`, `enable.auto.commit`).
    pub auto_commit_interval: Option<Duration>,
    /// Where reading begins without a committed offset, by default at the first record (`auto.offset.reset`).
    pub auto_offset_reset: AutoOffsetReset,
    /// 0 shows all records, 1 none of aborted transactions; by default 0 (`isolation.level`).
    ///
    /// Broker release 0.0.22 shows the records of open transactions at any level.
    pub isolation_level: u8,
    /// How often subscribed topics are looked at for new partitions, by default 300 s
    /// (`metadata.refresh.interval.ms`).
    pub metadata_refresh_interval: Duration,
    /// The pause before a lost connection is made anew for the first time, in milliseconds, by default 100
    /// (`reconnect.backoff.ms`).
    pub reconnect_backoff_ms: u64,
    /// The longest such pause, in milliseconds, by default 10 000 (`reconnect.backoff.max.ms`).
    pub reconnect_backoff_max_ms: u64,
    /// How often in a row connecting may fail before a poll returns the error, by default 10
    /// (`max.reconnect.attempts`). The next poll begins anew.
    pub max_reconnect_attempts: u32,
    /// After how long without a heartbeat the broker takes a member for dead, in milliseconds, by default
    /// 10 000 (`session.timeout.ms`).
    pub session_timeout_ms: u64,
    /// How long the members of a group have to join anew, in milliseconds, by default 30 000
    /// (`rebalance.timeout.ms`).
    pub rebalance_timeout_ms: u64,
    /// The time between heartbeats, in milliseconds, by default 3000 (`heartbeat.interval.ms`).
    ///
    /// Building makes it at most a third of `session_timeout_ms`.
    pub heartbeat_interval_ms: u64,
    /// How the group divides partitions among its members, by default by [range](Assignor::Range)
    /// (`partition.assignment.strategy`). The member that leads decides for all.
    pub partition_assignment_strategy: Assignor,
    /// The bytes of records that may be held, by default 64 MiB (`fetch.buffer.memory`).
    ///
    /// Records that the program keeps count until it has dropped the last of
    /// them of the same answer. Beyond it no more are asked for.
    pub fetch_buffer_memory: usize,
    /// How long the broker may wait for a first record, by default 500 ms, at most 30 s (`fetch.max.wait.ms`).
    ///
    /// A record that comes meanwhile ends the wait. Partitions that share a
    /// connection share the time, too.
    pub fetch_max_wait: Duration,
    /// The most connections to one broker, 1 to 16, by default 16 (`connections.per.broker`).
    pub connections_per_broker: usize,
    /// Whether a poll returns as soon as the end of a partition is reached, by default false
    /// (`report.partition.end`).
    pub report_partition_end: bool,
    /// Which values are decompressed, by default those with a checksum that verifies (`decompression`).
    pub decompression: Decompression,
    /// How records are worked on by handlers (`process.*`).
    pub process: ProcessConfig,
    /// The time from a request to its answer, by default 30 s (`request.timeout.ms`).
    pub request_timeout: Duration,
    /// The time to connect to one server, by default 10 s (`connection.timeout.ms`).
    pub connection_timeout: Duration,
    /// How long `close` may take, by default 5 s (`close.timeout.ms`).
    pub close_timeout: Duration,
    /// Who logs in on every connection, by default nobody (`auth.*`).
    pub auth: Option<ConsumerAuthConfig>,
    /// How connections are encrypted, by default not at all (`tls.*`).
    #[cfg(feature = "tls")]
    pub tls_config: Option<TlsConfig>,
    /// The name that certificates must be for instead of the dialled hosts (`tls.server.name`).
    #[cfg(feature = "tls")]
    pub tls_server_name: Option<String>,
}

/// User and password of a consumer; `Debug` hides the password.
pub type ConsumerAuthConfig = AuthConfig;

/// Where reading a partition begins for which the group has no committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum AutoOffsetReset {
    /// At the first record that there is.
    #[default]
    Earliest,
    /// Behind the last record: only what is written from then on is read.
    Latest,
    /// Nowhere: polls return the error `NO_OFFSET` until the program seeks.
    Error,
}

impl AutoOffsetReset {
    fn from_properties(properties: &Properties) -> Self {
        match properties.get("auto.offset.reset") {
            Some("latest") => AutoOffsetReset::Latest,
            Some("error") => AutoOffsetReset::Error,
            _ => AutoOffsetReset::Earliest,
        }
    }
}

impl Assignor {
    fn from_properties(properties: &Properties) -> Self {
        match properties.get("partition.assignment.strategy") {
            Some("roundrobin") => Assignor::RoundRobin,
            Some("sticky") => Assignor::Sticky,
            _ => Assignor::Range,
        }
    }
}

impl Default for ConsumerConfig {
    /// No topic: [`Consumer::subscribe`](crate::Consumer::subscribe) or
    /// [`assign`](crate::Consumer::assign) has to follow.
    fn default() -> Self {
        ConsumerConfig::plain(&Properties::new().within(Scope::Consumer))
    }
}

impl ConsumerConfig {
    /// Begins with every default and no topic.
    pub fn builder() -> ConsumerConfigBuilder {
        ConsumerConfig::default().to_builder()
    }

    /// Goes on from this configuration.
    pub fn to_builder(&self) -> ConsumerConfigBuilder {
        ConsumerConfigBuilder { config: self.clone() }
    }

    /// The configuration that properties stand for; keys of other scopes are not read.
    ///
    /// Topics and partitions are no properties.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` as [`ConsumerConfigBuilder::build`].
    pub fn from_properties(properties: &Properties) -> Result<Self> {
        #[cfg(not(feature = "tls"))]
        properties.refuse_tls()?;
        let config = ConsumerConfig {
            auth: AuthConfig::from_properties(properties)?,
            #[cfg(feature = "tls")]
            tls_config: TlsConfig::from_properties(properties)?,
            #[cfg(feature = "tls")]
            tls_server_name: properties.get("tls.server.name").map(str::to_owned),
            ..ConsumerConfig::plain(&properties.within(Scope::Consumer))
        };
        config.to_builder().build()
    }

    /// Everything but topics, login and encryption.
    fn plain(properties: &Properties) -> Self {
        let duration = |name| properties.duration(name).unwrap_or_default();
        let integer = |name| properties.integer(name).unwrap_or_default();
        let size = |name| usize::try_from(integer(name)).unwrap_or(usize::MAX);
        let text = |name| properties.get(name).unwrap_or_default().to_owned();
        ConsumerConfig {
            bootstrap_servers: properties.list("bootstrap.servers"),
            client_id: text("client.id"),
            group_id: text("group.id"),
            topics: Vec::new(),
            assignments: Vec::new(),
            max_poll_records: size("max.poll.records"),
            max_poll_interval_ms: integer("max.poll.interval.ms"),
            max_processing_interval: duration("max.processing.interval.ms"),
            auto_commit_interval: properties.flag("enable.auto.commit").then(|| duration("auto.commit.interval.ms")),
            auto_offset_reset: AutoOffsetReset::from_properties(properties),
            isolation_level: isolation_level(properties),
            metadata_refresh_interval: duration("metadata.refresh.interval.ms"),
            reconnect_backoff_ms: integer("reconnect.backoff.ms"),
            reconnect_backoff_max_ms: integer("reconnect.backoff.max.ms"),
            max_reconnect_attempts: integer("max.reconnect.attempts") as u32,
            session_timeout_ms: integer("session.timeout.ms"),
            rebalance_timeout_ms: integer("rebalance.timeout.ms"),
            heartbeat_interval_ms: integer("heartbeat.interval.ms"),
            partition_assignment_strategy: Assignor::from_properties(properties),
            fetch_buffer_memory: size("fetch.buffer.memory"),
            fetch_max_wait: duration("fetch.max.wait.ms"),
            // The key is shared with producers, which may have more.
            connections_per_broker: size("connections.per.broker").min(MAX_FETCH_CONNECTIONS),
            report_partition_end: properties.flag("report.partition.end"),
            decompression: Decompression::from_properties(properties),
            process: ProcessConfig::from_properties(properties),
            request_timeout: duration("request.timeout.ms"),
            connection_timeout: duration("connection.timeout.ms"),
            close_timeout: duration("close.timeout.ms"),
            auth: None,
            #[cfg(feature = "tls")]
            tls_config: None,
            #[cfg(feature = "tls")]
            tls_server_name: None,
        }
    }

    /// The configuration of the servers and connections behind the consumer.
    pub(crate) fn client_config(&self) -> ResilientClientConfig {
        let mut config = ResilientClientConfig::builder().build();
        config.servers.clone_from(&self.bootstrap_servers);
        config.client_id.clone_from(&self.client_id);
        config.connection_timeout = self.connection_timeout;
        config.request_timeout = self.request_timeout;
        config.close_timeout = self.close_timeout;
        // Besides those that read: two of the group, of which one may block, and one for everything else.
        config.pool_size_per_server = self.connections_per_broker + 4;
        config.retry_initial_delay = Duration::from_millis(self.reconnect_backoff_ms);
        config.retry_max_delay = Duration::from_millis(self.reconnect_backoff_max_ms);
        // Reading goes on as soon as it can, so a server is tried as often as the backoff says.
        config.circuit_breaker_recovery_timeout = Duration::from_secs(1);
        config.auth.clone_from(&self.auth);
        #[cfg(feature = "tls")]
        {
            let tls = self.tls_config.clone();
            config.tls = tls.map(|tls| tls.expecting(self.tls_server_name.clone()));
        }
        config
    }

    /// The configuration of a producer to the same servers, as the same user.
    pub(crate) fn producer_config(&self) -> ProducerConfig {
        ProducerConfig {
            bootstrap_servers: self.bootstrap_servers.clone(),
            client_id: self.client_id.clone(),
            connection_timeout: self.connection_timeout,
            request_timeout: self.request_timeout,
            close_timeout: self.close_timeout,
            auth: self.auth.clone(),
            #[cfg(feature = "tls")]
            tls: self.tls_config.clone().map(|tls| tls.expecting(self.tls_server_name.clone())),
            ..ProducerConfig::default()
        }
    }
}

fn isolation_level(properties: &Properties) -> u8 {
    u8::from(matches!(properties.get("isolation.level"), Some("read_committed" | "1")))
}

/// So that a consumer is made from what `build()` returns, with or without `?`.
impl TryFrom<Result<ConsumerConfig>> for ConsumerConfig {
    type Error = Error;

    fn try_from(built: Result<ConsumerConfig>) -> Result<Self> {
        built
    }
}
