//! The configuration of the producer.

use std::fmt;
use std::time::Duration;

use super::auth::AuthConfig;
use super::keys::{Kind, Property, Scope};
use super::properties::Properties;
use super::resilient::{self, ResilientClientConfig};
#[cfg(feature = "tls")]
use super::tls::TlsConfig;
use crate::compression::CompressionType;
use crate::connection::ServerAddress;
use crate::error::{Detail, Error, Result};
use crate::producer::Partitioning;

/// The most requests in flight of an idempotent producer: the broker remembers as many of each partition.
const MAX_IDEMPOTENT_IN_FLIGHT: usize = 5;

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
        resilient::refuse_tls(properties)?;
        let config = ProducerConfig {
            auth: resilient::auth(properties)?,
            #[cfg(feature = "tls")]
            tls: TlsConfig::from_properties(properties)?,
            ..ProducerConfig::plain(&properties.within(Scope::Producer))
        };
        config.checked_servers().map(|_| config)
    }

    /// The addresses of the servers, once every value has been found acceptable.
    ///
    /// The fields are public, so the producer itself looks at them again.
    pub(crate) fn checked_servers(&self) -> Result<Vec<ServerAddress>> {
        self.check_ranges()?;
        self.check_times()?;
        self.check_delivery()?;
        if self.bootstrap_servers.is_empty() {
            return Err(invalid("bootstrap_servers is empty: name at least one as host:port"));
        }
        resilient::addresses(&self.bootstrap_servers)
    }

    fn check_ranges(&self) -> Result<()> {
        within("batch.size", self.batch_size)?;
        within("buffer.memory", self.buffer_memory)?;
        within("max.in.flight.requests", self.max_in_flight_requests)?;
        within("connections.per.broker", self.connections_per_broker)?;
        if self.batch_size > self.buffer_memory {
            return Err(invalid(format!(
                "batch_size is {}, which is more than buffer_memory of {}: lower the one or raise the other",
                self.batch_size, self.buffer_memory
            )));
        }
        Ok(())
    }

    fn check_times(&self) -> Result<()> {
        let times = [
            ("request_timeout", self.request_timeout),
            ("delivery_timeout", self.delivery_timeout),
            ("connection_timeout", self.connection_timeout),
            ("metadata_max_age", self.metadata_max_age),
            ("max_block", self.max_block),
            ("close_timeout", self.close_timeout),
            ("retry_backoff_ms", Duration::from_millis(self.retry_backoff_ms)),
            ("retry_backoff_max_ms", Duration::from_millis(self.retry_backoff_max_ms)),
        ];
        if let Some((name, _)) = times.iter().find(|(_, time)| time.is_zero()) {
            return Err(invalid(format!("{name} is zero: give it a longer time")));
        }
        if self.retry_backoff_max_ms < self.retry_backoff_ms {
            return Err(invalid(format!(
                "retry_backoff_max_ms is {}, which is less than retry_backoff_ms of {}: raise the one or lower the other",
                self.retry_backoff_max_ms, self.retry_backoff_ms
            )));
        }
        let needed = self.request_timeout.saturating_add(Duration::from_millis(self.linger_ms));
        if self.delivery_timeout < needed {
            return Err(invalid(format!(
                "delivery_timeout is {:?}, which is less than request_timeout of {:?} and linger_ms of {} together: raise the one or lower the others",
                self.delivery_timeout, self.request_timeout, self.linger_ms
            )));
        }
        Ok(())
    }

    fn check_delivery(&self) -> Result<()> {
        if !(-1..=1).contains(&self.acks) {
            return Err(invalid(format!("acks is {}: set it to 0, 1 or -1", self.acks)));
        }
        if self.enable_idempotence && self.acks == 0 {
            return Err(invalid(
                "enable_idempotence is true, but acks is 0: without answers nobody learns what to send again; set acks to 1 or -1",
            ));
        }
        if self.enable_idempotence && self.max_in_flight_requests > MAX_IDEMPOTENT_IN_FLIGHT {
            return Err(invalid(format!(
                "max_in_flight_requests is {}, but enable_idempotence is true and allows {MAX_IDEMPOTENT_IN_FLIGHT} at most: lower the one or set the other to false",
                self.max_in_flight_requests
            )));
        }
        match self.compression_type {
            CompressionType::None => Ok(()),
            CompressionType::Gzip => Err(invalid(
                "compression_type is gzip, which the protocol does not have: choose snappy, lz4, zstd or none",
            )),
            other if cfg!(not(feature = "compression")) => Err(invalid(format!(
                "compression_type is {}, but the client was built without compression: build it with the feature compression, or choose none",
                other.as_ref()
            ))),
            _ => Ok(()),
        }
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

/// Whether a number is in the range of its key.
fn within(name: &str, value: usize) -> Result<()> {
    match Property::find(name).map(|key| (key, key.kind)) {
        Some((key, Kind::Integer { min, max })) if !(min..=max).contains(&(value as u64)) => {
            Err(invalid(format!("{} is {value}: set it from {min} to {max}", key.snake_name())))
        }
        _ => Ok(()),
    }
}

fn invalid(text: impl fmt::Display) -> Error {
    Error::ConfigError(Detail::new(format!("producer: {text}")))
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
    /// - a `batch_size` over `buffer_memory`;
    /// - a `delivery_timeout` below `request_timeout` and `linger_ms` together;
    /// - a `retry_backoff_max_ms` below `retry_backoff_ms`.
    pub fn build(self) -> Result<ProducerConfig> {
        self.config.checked_servers().map(|_| self.config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    fn properties(values: &[(&str, &str)]) -> Properties {
        let mut properties = Properties::new();
        for (key, value) in values {
            properties.set(key, value).unwrap();
        }
        properties
    }

    fn shown(config: &ProducerConfig) -> String {
        format!("{config:?}")
    }

    /// A value other than the default for every key of producers, and for those that they share with clients.
    const VALUES: &[(&str, &str)] = &[
        ("bootstrap.servers", "a:1, b:2"),
        ("client.id", "tests"),
        ("batch.size", "100"),
        ("linger.ms", "1"),
        ("buffer.memory", "1000"),
        ("compression.type", "zstd"),
        ("enable.idempotence", "true"),
        ("retries", "2"),
        ("retry.backoff.ms", "3"),
        ("retry.backoff.max.ms", "4"),
        ("retry.unknown.outcome", "false"),
        ("max.in.flight.requests", "4"),
        ("acks", "all"),
        ("request.timeout.ms", "6"),
        ("delivery.timeout.ms", "7"),
        ("connection.timeout.ms", "8"),
        ("metadata.max.age.ms", "9"),
        ("max.block.ms", "10"),
        ("close.timeout.ms", "11"),
        ("connections.per.broker", "12"),
        ("allow.auto.create.topics", "false"),
        ("partitioner", "round-robin"),
        ("auth.username", "alice"),
        ("auth.password", "hunter2"),
    ];

    // covers: F057 rust
    #[cfg(feature = "compression")]
    #[test]
    fn the_builder_agrees_with_the_keys() {
        let built = ProducerConfig::builder()
            .bootstrap_servers(vec!["a:1".into(), "b:2".into()])
            .client_id("tests")
            .batch_size(100)
            .linger_ms(1)
            .buffer_memory(1000)
            .compression_type(CompressionType::Zstd)
            .enable_idempotence(true)
            .retries(2)
            .retry_backoff_ms(3)
            .retry_backoff_max_ms(4)
            .retry_unknown_outcome(false)
            .max_in_flight_requests(4)
            .acks(-1)
            .request_timeout(Duration::from_millis(6))
            .delivery_timeout(Duration::from_millis(7))
            .connection_timeout(Duration::from_millis(8))
            .metadata_max_age(Duration::from_millis(9))
            .max_block(Duration::from_millis(10))
            .close_timeout(Duration::from_millis(11))
            .connections_per_broker(12)
            .allow_auto_create_topics(false)
            .partitioner(Partitioning::RoundRobin)
            .auth("alice", "hunter2")
            .build()
            .unwrap();
        assert_eq!(shown(&built), shown(&ProducerConfig::from_properties(&properties(VALUES)).unwrap()));
    }

    #[test]
    fn every_key_of_producers_is_read() {
        let mut of_producers = Property::all().iter().filter(|key| key.scope == Scope::Producer);
        assert!(of_producers.all(|key| VALUES.iter().any(|(name, _)| *name == key.name)));
        for (key, value) in VALUES.iter().filter(|(key, _)| !key.starts_with("auth.")) {
            let config = ProducerConfig::plain(&properties(&[(key, value)]).within(Scope::Producer));
            assert_ne!(shown(&config), shown(&ProducerConfig::default()), "{key}");
        }
    }

    #[test]
    fn properties_without_values_are_the_default_and_those_of_clients_are_not_in_the_way() {
        let default = shown(&ProducerConfig::default());
        let of_clients = properties(&[("pool.size.per.server", "3"), ("max.retries", "7"), ("runtime.threads", "2")]);
        for properties in [Properties::new(), of_clients] {
            assert_eq!(shown(&ProducerConfig::from_properties(&properties).unwrap()), default);
        }
    }

    // covers: F056 rust
    #[test]
    fn a_producer_has_longer_to_close_than_a_client_of_the_same_properties() {
        let of_client = |properties: &Properties| {
            crate::config::ResilientClientConfig::from_properties(properties).unwrap().close_timeout
        };
        let of_producer = |properties: &Properties| ProducerConfig::from_properties(properties).unwrap().close_timeout;
        let unset = Properties::new();
        assert_eq!((of_client(&unset), of_producer(&unset)), (Duration::from_secs(5), Duration::from_secs(30)));
        let set = properties(&[("close.timeout.ms", "700"), ("linger.ms", "3")]);
        assert_eq!(of_client(&set), Duration::from_millis(700));
        assert_eq!(of_producer(&set), Duration::from_millis(700));
    }

    #[cfg(feature = "compression")]
    #[test]
    fn every_compression_but_gzip_is_taken() {
        for (name, expected) in
            [("snappy", CompressionType::Snappy), ("lz4", CompressionType::Lz4), ("zstd", CompressionType::Zstd)]
        {
            let config = ProducerConfig::from_properties(&properties(&[("compression.type", name)])).unwrap();
            assert_eq!(config.compression_type, expected);
            assert!(config.to_builder().build().is_ok());
        }
        assert_eq!(Properties::new().set("compression.type", "gzip").unwrap_err().code(), ErrorCode::InvalidConfig);
    }

    #[cfg(not(feature = "compression"))]
    #[test]
    fn a_build_without_compression_refuses_to_send_plain_values_instead() {
        let error = ProducerConfig::high_throughput().to_builder().build().unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidConfig);
    }

    #[test]
    fn values_at_their_limits_are_taken() {
        let plain = || ProducerConfig::builder();
        for builder in [
            plain().batch_size(10 * 1024 * 1024),
            plain().batch_size(1).buffer_memory(1),
            plain().connections_per_broker(64).max_in_flight_requests(1_000_000),
            plain().request_timeout(Duration::from_secs(119)).linger_ms(1000),
            plain().retry_backoff_ms(1000).retry_backoff_max_ms(1000),
            plain().delivery_timeout(Duration::MAX).request_timeout(Duration::MAX).linger_ms(u64::MAX),
            plain().retries(u32::MAX),
        ] {
            assert!(builder.build().is_ok());
        }
    }

    /// That both ways of configuring refuse these values, in words that contain these.
    fn refused(builder: ProducerConfigBuilder, values: &[(&str, &str)], words: &[&str]) {
        let by_properties = ProducerConfig::from_properties(&properties(values)).unwrap_err();
        for error in [builder.build().unwrap_err(), by_properties] {
            assert_eq!(error.code(), ErrorCode::InvalidConfig);
            for word in words {
                assert!(error.to_string().contains(word), "{word}: {error}");
            }
        }
    }

    // covers: F067 rust
    #[test]
    fn values_that_contradict_each_other_are_both_named() {
        let plain = || ProducerConfig::builder();
        refused(
            plain().enable_idempotence(true).max_in_flight_requests(6),
            &[("enable.idempotence", "true"), ("max.in.flight.requests", "6")],
            &["max_in_flight_requests is 6", "enable_idempotence is true", "5"],
        );
        refused(
            plain().enable_idempotence(true).acks(0),
            &[("enable.idempotence", "true"), ("acks", "0")],
            &["enable_idempotence is true", "acks is 0"],
        );
        refused(
            plain().batch_size(2000).buffer_memory(1999),
            &[("batch.size", "2000"), ("buffer.memory", "1999")],
            &["batch_size is 2000", "buffer_memory of 1999"],
        );
        refused(
            plain().retry_backoff_ms(1001),
            &[("retry.backoff.ms", "1001")],
            &["retry_backoff_max_ms is 1000", "retry_backoff_ms of 1001"],
        );
        refused(
            plain().delivery_timeout(Duration::from_secs(31)).linger_ms(1001),
            &[("delivery.timeout.ms", "31000"), ("linger.ms", "1001")],
            &["delivery_timeout is 31s", "request_timeout of 30s", "linger_ms of 1001"],
        );
    }

    // covers: F003 rust
    #[test]
    fn values_that_are_none_are_refused_by_name() {
        let plain = || ProducerConfig::builder();
        for (builder, words) in [
            (plain().bootstrap_servers(vec![]), "bootstrap_servers is empty"),
            (plain().bootstrap_servers(vec!["broker:port".into()]), "broker:port"),
            (plain().batch_size(0), "batch_size is 0: set it from 1 to 10485760"),
            (plain().batch_size(10 * 1024 * 1024 + 1), "batch_size is 10485761"),
            (plain().buffer_memory(0), "buffer_memory is 0"),
            (plain().max_in_flight_requests(0), "max_in_flight_requests is 0"),
            (plain().max_in_flight_requests(1_000_001), "max_in_flight_requests is 1000001"),
            (plain().connections_per_broker(0), "connections_per_broker is 0"),
            (plain().connections_per_broker(65), "connections_per_broker is 65: set it from 1 to 64"),
            (plain().acks(2), "acks is 2"),
            (plain().acks(-2), "acks is -2"),
            (plain().compression_type(CompressionType::Gzip), "compression_type is gzip"),
            (plain().request_timeout(Duration::ZERO), "request_timeout is zero"),
            (plain().delivery_timeout(Duration::ZERO), "delivery_timeout is zero"),
            (plain().connection_timeout(Duration::ZERO), "connection_timeout is zero"),
            (plain().metadata_max_age(Duration::ZERO), "metadata_max_age is zero"),
            (plain().max_block(Duration::ZERO), "max_block is zero"),
            (plain().close_timeout(Duration::ZERO), "close_timeout is zero"),
            (plain().retry_backoff_ms(0), "retry_backoff_ms is zero"),
            (plain().retry_backoff_max_ms(0), "retry_backoff_max_ms is zero"),
        ] {
            let error = builder.build().unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidConfig, "{words}");
            assert!(error.to_string().contains(words), "{words}: {error}");
        }
    }

    // covers: F002 rust
    #[test]
    fn values_that_are_none_are_no_properties_either() {
        for (key, values) in [
            ("batch.size", &["0", "10485761"][..]),
            ("buffer.memory", &["0"]),
            ("max.in.flight.requests", &["0"]),
            ("connections.per.broker", &["0", "65"]),
            ("acks", &["2", "-2", "none"]),
            ("compression.type", &["gzip", "LZ4"]),
            ("delivery.timeout.ms", &["0"]),
            ("max.block.ms", &["0"]),
            ("retry.backoff.ms", &["0"]),
            ("retries", &["-1", "4294967296"]),
            ("partitioner", &["murmur"]),
        ] {
            for value in values {
                assert_eq!(Properties::new().set(key, value).unwrap_err().code(), ErrorCode::InvalidConfig, "{key}");
            }
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let shown = shown(&ProducerConfig::builder().auth("alice", "hunter2").build().unwrap());
        assert!(shown.contains("alice") && shown.contains("[REDACTED]") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn half_a_login_is_refused() {
        for key in ["auth.username", "auth.password"] {
            assert!(ProducerConfig::from_properties(&properties(&[(key, "alice")])).is_err(), "{key}");
        }
    }
}
