//! The configuration of the producer.

mod check;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::auth::AuthConfig;
use super::keys::Scope;
use super::properties::Properties;
use super::resilient::ResilientClientConfig;
#[cfg(feature = "tls")]
use super::tls::TlsConfig;
use crate::compression::CompressionType;
use crate::error::{Error, Result};
use crate::producer::Partitioning;

/// How a producer works: a preset, or made by [`builder`](Self::builder) or from [`Properties`].
///
/// Every value is checked when it is built, and once more by the producer.
///
/// ```
/// use rivven_client::{CompressionType, ProducerConfig};
///
/// let config = ProducerConfig::high_throughput()
///     .to_builder()
///     .bootstrap_servers(vec!["broker-1:9092".into(), "broker-2:9092".into()])
///     .compression_type(CompressionType::None)
///     .build()?;
/// assert_eq!((config.batch_size, config.linger_ms), (65536, 10));
/// # Ok::<(), rivven_client::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProducerConfig {
    /// The servers to try in turn, as `host:port`, by default `127.0.0.1:9092` (`bootstrap.servers`).
    pub bootstrap_servers: Vec<String>,
    /// The name that the producer gives of itself (`client.id`).
    pub client_id: String,
    /// The bytes of records that make a batch full, 1 to 10 MiB, by default 16 KiB (`batch.size`).
    ///
    /// A full batch is sent without waiting for more. A longer record goes alone.
    pub batch_size: usize,
    /// How long a batch that is not full waits for more records, in milliseconds, by default 0 (`linger.ms`).
    ///
    /// With 0 a batch is sent when its connection is free, and fills while it is busy.
    pub linger_ms: u64,
    /// The bytes that records may hold until they are delivered, by default 32 MiB (`buffer.memory`).
    ///
    /// Further records wait for room, for at most [`max_block`](Self::max_block).
    pub buffer_memory: usize,
    /// How each value is compressed, by default not at all (`compression.type`).
    ///
    /// Every value is compressed for itself: small ones gain little, and cost
    /// processor time; see [`compression`](crate::compression).
    pub compression_type: CompressionType,
    /// Whether the broker drops a record that is sent again, by default false (`enable.idempotence`).
    pub enable_idempotence: bool,
    /// How often a batch that failed is sent again, by default 3 times (`retries`).
    pub retries: u32,
    /// The pause before a batch is sent again for the first time, in milliseconds, by default 100 (`retry.backoff.ms`).
    pub retry_backoff_ms: u64,
    /// The longest such pause, in milliseconds, by default 1000 (`retry.backoff.max.ms`).
    pub retry_backoff_max_ms: u64,
    /// Whether a batch of which it is unknown whether it was written is sent again, by default true
    /// (`retry.unknown.outcome`).
    pub retry_unknown_outcome: bool,
    /// The most batches without answer on one connection, by default 5 (`max.in.flight.requests`).
    pub max_in_flight_requests: usize,
    /// When a record counts as delivered, by default 1: when the broker has answered (`acks`).
    ///
    /// This is not told to the broker, which stores and answers every request in
    /// the same way. With 0 the producer does not wait for the answer: a record
    /// counts as delivered when it is written to the connection, its offset is
    /// not known, and it may be lost without an error. With 1 and -1, which are
    /// the same, it counts as delivered when the broker has answered.
    pub acks: i8,
    /// The time from a request to its answer, by default 30 s (`request.timeout.ms`).
    pub request_timeout: Duration,
    /// The time from handing a record over to its delivery, by default 120 s (`delivery.timeout.ms`).
    ///
    /// It contains all repetitions, so it is at least `request_timeout` and `linger_ms` together.
    pub delivery_timeout: Duration,
    /// The time to connect to one server, by default 10 s (`connection.timeout.ms`).
    pub connection_timeout: Duration,
    /// The age at which what is known of a topic is asked for anew, by default 300 s (`metadata.max.age.ms`).
    pub metadata_max_age: Duration,
    /// How long sending waits for room and for what has to be known of the topic, by default 60 s (`max.block.ms`).
    pub max_block: Duration,
    /// How long `close` waits for the records to be delivered, by default 30 s (`close.timeout.ms`).
    pub close_timeout: Duration,
    /// The most connections to one broker, 1 to 64, by default 8 (`connections.per.broker`).
    ///
    /// The broker writes the records of a connection one after the other, those
    /// of several at once. Every partition keeps to one connection.
    pub connections_per_broker: usize,
    /// Whether an unknown topic is created, by default true (`allow.auto.create.topics`).
    ///
    /// It gets the broker's number of partitions. Otherwise sending to it fails.
    pub allow_auto_create_topics: bool,
    /// The name under which the producer's transactions are known, by default none (`transactional.id`).
    ///
    /// With it the producer sends records within transactions only.
    pub transactional_id: Option<String>,
    /// How long a transaction may be idle before it is aborted, by default 60 s, at least 1 s (`transaction.timeout.ms`).
    ///
    /// The broker measures it from the last call of the transaction, and the producer gives up a little earlier.
    pub transaction_timeout: Duration,
    /// Which partition a record goes to that names none, by default as [`Partitioning::Sticky`] (`partitioner`).
    pub partitioner: Partitioning,
    /// Who logs in on every connection, by default nobody (`auth.*`).
    pub auth: Option<ProducerAuthConfig>,
    /// How connections are encrypted, by default not at all (`tls.*`).
    #[cfg(feature = "tls")]
    pub tls: Option<TlsConfig>,
}

/// User and password of a producer; `Debug` hides the password.
pub type ProducerAuthConfig = AuthConfig;

impl Default for ProducerConfig {
    /// One batch at a time is gathered without waiting, and delivered with the broker's answer.
    fn default() -> Self {
        ProducerConfig::plain(&Properties::new().within(Scope::Producer))
    }
}

impl ProducerConfig {
    /// The configuration of the servers and connections behind the producer.
    pub(crate) fn client_config(&self) -> ResilientClientConfig {
        let mut config = ResilientClientConfig::builder().build();
        config.servers.clone_from(&self.bootstrap_servers);
        config.client_id.clone_from(&self.client_id);
        config.connection_timeout = self.connection_timeout;
        config.request_timeout = self.request_timeout;
        config.close_timeout = self.close_timeout;
        // Besides those that write one for each of the other purposes, for which the pool keeps room.
        config.pool_size_per_server = self.connections_per_broker + 3;
        config.retry_initial_delay = Duration::from_millis(self.retry_backoff_ms);
        config.retry_max_delay = Duration::from_millis(self.retry_backoff_max_ms);
        // Records wait at the client, so a server is tried as often as it can be.
        config.circuit_breaker_recovery_timeout = Duration::from_secs(1);
        config.auth.clone_from(&self.auth);
        #[cfg(feature = "tls")]
        config.tls.clone_from(&self.tls);
        config
    }

    /// Begins with every default.
    pub fn builder() -> ProducerConfigBuilder {
        ProducerConfig::default().to_builder()
    }

    /// Large batches, which wait for records and are compressed by LZ4; many of them in flight.
    pub fn high_throughput() -> Self {
        ProducerConfig {
            batch_size: 64 * 1024,
            linger_ms: 10,
            compression_type: CompressionType::Lz4,
            max_in_flight_requests: 10,
            ..ProducerConfig::default()
        }
    }

    /// Every record at once and alone, one request in flight.
    pub fn low_latency() -> Self {
        ProducerConfig { batch_size: 1, max_in_flight_requests: 1, ..ProducerConfig::default() }
    }

    /// No record twice and none lost: idempotent, and repeated until `delivery_timeout` ends.
    pub fn exactly_once() -> Self {
        ProducerConfig { enable_idempotence: true, acks: -1, retries: i32::MAX as u32, ..ProducerConfig::default() }
    }

    /// Goes on from this configuration.
    pub fn to_builder(&self) -> ProducerConfigBuilder {
        ProducerConfigBuilder { config: self.clone() }
    }

    /// The configuration that properties stand for; keys of other scopes are not read.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` as [`ProducerConfigBuilder::build`].
    pub fn from_properties(properties: &Properties) -> Result<Self> {
        #[cfg(not(feature = "tls"))]
        properties.refuse_tls()?;
        let config = ProducerConfig {
            auth: AuthConfig::from_properties(properties)?,
            #[cfg(feature = "tls")]
            tls: TlsConfig::from_properties(properties)?,
            ..ProducerConfig::plain(&properties.within(Scope::Producer))
        };
        config.checked_servers().map(|_| config)
    }

    /// Everything but login and encryption.
    fn plain(properties: &Properties) -> Self {
        let duration = |name| properties.duration(name).unwrap_or_default();
        let integer = |name| properties.integer(name).unwrap_or_default();
        let size = |name| usize::try_from(integer(name)).unwrap_or(usize::MAX);
        ProducerConfig {
            bootstrap_servers: properties.list("bootstrap.servers"),
            client_id: properties.get("client.id").unwrap_or_default().to_owned(),
            batch_size: size("batch.size"),
            linger_ms: integer("linger.ms"),
            buffer_memory: size("buffer.memory"),
            compression_type: properties.get("compression.type").and_then(|name| name.parse().ok()).unwrap_or_default(),
            enable_idempotence: properties.flag("enable.idempotence"),
            retries: integer("retries") as u32,
            retry_backoff_ms: integer("retry.backoff.ms"),
            retry_backoff_max_ms: integer("retry.backoff.max.ms"),
            retry_unknown_outcome: properties.flag("retry.unknown.outcome"),
            max_in_flight_requests: size("max.in.flight.requests"),
            acks: acks(properties),
            request_timeout: duration("request.timeout.ms"),
            delivery_timeout: duration("delivery.timeout.ms"),
            connection_timeout: duration("connection.timeout.ms"),
            metadata_max_age: duration("metadata.max.age.ms"),
            max_block: duration("max.block.ms"),
            close_timeout: duration("close.timeout.ms"),
            connections_per_broker: size("connections.per.broker"),
            allow_auto_create_topics: properties.flag("allow.auto.create.topics"),
            transactional_id: properties.get("transactional.id").map(str::to_owned),
            transaction_timeout: duration("transaction.timeout.ms"),
            partitioner: Partitioning::from_properties(properties),
            auth: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

/// So that a producer is made from what `build()` returns, with or without `?`.
impl TryFrom<Result<ProducerConfig>> for ProducerConfig {
    type Error = Error;

    fn try_from(built: Result<ProducerConfig>) -> Result<Self> {
        built
    }
}

fn acks(properties: &Properties) -> i8 {
    match properties.get("acks") {
        Some("0") => 0,
        Some("-1" | "all") => -1,
        _ => 1,
    }
}

/// Builds a [`ProducerConfig`].
#[derive(Debug, Clone)]
pub struct ProducerConfigBuilder {
    config: ProducerConfig,
}

impl ProducerConfigBuilder {
    /// The servers to try in turn, as `host:port`, by default `127.0.0.1:9092`.
    pub fn bootstrap_servers(mut self, servers: Vec<String>) -> Self {
        self.config.bootstrap_servers = servers;
        self
    }

    /// The name that the producer gives of itself, by default `rivven-client`.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.config.client_id = client_id.into();
        self
    }

    /// The bytes of records that make a batch full, 1 to 10 MiB, by default 16 KiB; a longer record goes alone.
    pub fn batch_size(mut self, bytes: usize) -> Self {
        self.config.batch_size = bytes;
        self
    }

    /// How long a batch that is not full waits for more records, in milliseconds, by default 0.
    ///
    /// With 0 a batch is sent when its connection is free, and fills while it is busy.
    pub fn linger_ms(mut self, linger: u64) -> Self {
        self.config.linger_ms = linger;
        self
    }

    /// The bytes that records may hold until they are delivered, by default 32 MiB; further ones wait for room.
    pub fn buffer_memory(mut self, bytes: usize) -> Self {
        self.config.buffer_memory = bytes;
        self
    }

    /// How each value is compressed, by default not at all; Gzip is refused.
    ///
    /// Every value is compressed for itself: small ones gain little, and cost
    /// processor time; see [`compression`](crate::compression).
    pub fn compression_type(mut self, compression: CompressionType) -> Self {
        self.config.compression_type = compression;
        self
    }

    /// Whether the broker drops a record that is sent again, by default false.
    ///
    /// It needs `acks` other than 0 and at most 5 requests in flight.
    pub fn enable_idempotence(mut self, enabled: bool) -> Self {
        self.config.enable_idempotence = enabled;
        self
    }

    /// How often a batch that failed is sent again within `delivery_timeout`, by default 3 times.
    pub fn retries(mut self, retries: u32) -> Self {
        self.config.retries = retries;
        self
    }

    /// The pause before a batch is sent again for the first time, in milliseconds, by default 100.
    pub fn retry_backoff_ms(mut self, backoff: u64) -> Self {
        self.config.retry_backoff_ms = backoff;
        self
    }

    /// The longest such pause, in milliseconds, by default 1000; each is twice as long as the one before.
    pub fn retry_backoff_max_ms(mut self, backoff: u64) -> Self {
        self.config.retry_backoff_max_ms = backoff;
        self
    }

    /// Whether a batch of which it is unknown whether it was written is sent again, by default true.
    ///
    /// What is known of its records then says `maybe_duplicate`. Switched off,
    /// they fail with an error whose outcome is unknown.
    pub fn retry_unknown_outcome(mut self, retry: bool) -> Self {
        self.config.retry_unknown_outcome = retry;
        self
    }

    /// The most batches without answer on one connection, by default 5.
    pub fn max_in_flight_requests(mut self, requests: usize) -> Self {
        self.config.max_in_flight_requests = requests;
        self
    }

    /// When a record counts as delivered: written to the connection (0), or answered by the broker (1, -1); by default 1.
    ///
    /// This is not told to the broker: see [`ProducerConfig::acks`] for what it means.
    pub fn acks(mut self, acks: i8) -> Self {
        self.config.acks = acks;
        self
    }

    /// The time from a request to its answer, by default 30 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.config.request_timeout = timeout;
        self
    }

    /// The time from handing a record over to its delivery, all repetitions included, by default 120 s.
    ///
    /// It is at least `request_timeout` and `linger_ms` together.
    pub fn delivery_timeout(mut self, timeout: Duration) -> Self {
        self.config.delivery_timeout = timeout;
        self
    }

    /// The time to connect to one server, by default 10 s.
    pub fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.config.connection_timeout = timeout;
        self
    }

    /// The age at which what is known of a topic is asked for anew, by default 300 s.
    pub fn metadata_max_age(mut self, age: Duration) -> Self {
        self.config.metadata_max_age = age;
        self
    }

    /// How long sending waits for room in `buffer_memory` and for what has to be known of the topic, by default 60 s.
    pub fn max_block(mut self, time: Duration) -> Self {
        self.config.max_block = time;
        self
    }

    /// How long `close` waits for the records to be delivered, by default 30 s.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.config.close_timeout = timeout;
        self
    }

    /// The most connections to one broker, 1 to 64, by default 8.
    pub fn connections_per_broker(mut self, connections: usize) -> Self {
        self.config.connections_per_broker = connections;
        self
    }

    /// Whether an unknown topic is created, with the broker's number of partitions; by default it is.
    pub fn allow_auto_create_topics(mut self, allow: bool) -> Self {
        self.config.allow_auto_create_topics = allow;
        self
    }

    /// The name under which the producer's transactions are known, by default none; with it there is nothing else.
    pub fn transactional_id(mut self, id: impl Into<String>) -> Self {
        self.config.transactional_id = Some(id.into());
        self
    }

    /// How long a transaction may be idle before it is aborted, by default 60 s, at least 1 s.
    pub fn transaction_timeout(mut self, timeout: Duration) -> Self {
        self.config.transaction_timeout = timeout;
        self
    }

    /// Which partition a record goes to that names none: a [`Partitioning`] or a [`Partitioner`](crate::Partitioner).
    pub fn partitioner(mut self, partitioner: impl Into<Partitioning>) -> Self {
        self.config.partitioner = partitioner.into();
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
        self.config.tls = Some(tls.expecting(server_name));
        self
    }

    /// The configuration, if its values can be used together.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` for
    ///
    /// - no server, or one that is no address;
    /// - a number out of its range, or a time of zero;
    /// - Gzip, and any compression in a build without the feature `compression`;
    /// - `enable_idempotence` with `acks` 0 or with more than 5 requests in flight;
    /// - a `transactional_id` with `acks` 0, or one that is empty or longer than 256 bytes; a `transaction_timeout`
    ///   below 1 s;
    /// - a `batch_size` over `buffer_memory`;
    /// - a `delivery_timeout` below `request_timeout` and `linger_ms` together;
    /// - a `retry_backoff_max_ms` below `retry_backoff_ms`.
    pub fn build(self) -> Result<ProducerConfig> {
        self.config.checked_servers().map(|_| self.config)
    }
}
