//! The configuration of the resilient client.

use std::time::Duration;

use super::auth::AuthConfig;
use super::properties::Properties;
#[cfg(feature = "tls")]
use super::tls::TlsConfig;
use crate::compression::Decompression;
use crate::connection::ServerAddress;
use crate::error::{Detail, Error, Result};

/// How a [`ResilientClient`](crate::ResilientClient) works; made by [`builder`](Self::builder) or from [`Properties`].
///
/// Values are checked at the first call of the client.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ResilientClientConfig {
    /// The servers to try in turn, as `host:port`; required (`bootstrap.servers`).
    pub servers: Vec<String>,
    /// The name that the client gives of itself (`client.id`).
    pub client_id: String,
    /// The time to connect to one server, by default 10 s (`connection.timeout.ms`).
    pub connection_timeout: Duration,
    /// The time from a call to its answer, by default 30 s (`request.timeout.ms`).
    pub request_timeout: Duration,
    /// How long `close` waits for pending answers, by default 5 s (`close.timeout.ms`).
    pub close_timeout: Duration,
    /// The most connections to one server, by default 10 (`pool.size.per.server`).
    pub pool_size_per_server: usize,
    /// The age at which a connection is replaced by a new one, by default 300 s (`max.connection.lifetime.ms`).
    pub max_connection_lifetime: Duration,
    /// How long a connection beyond the first is kept without use, by default 60 s (`idle.timeout.ms`).
    pub idle_timeout: Duration,
    /// How often a call that failed is repeated, by default 3 times (`max.retries`).
    pub max_retries: u32,
    /// The pause before the first repetition, by default 100 ms (`retry.initial.delay.ms`).
    pub retry_initial_delay: Duration,
    /// The longest pause between repetitions, by default 5 s (`retry.max.delay.ms`).
    pub retry_max_delay: Duration,
    /// By how much each pause is longer than the one before, by default 2 (`retry.multiplier`).
    pub retry_multiplier: f64,
    /// Whether a record of unknown outcome is sent again, by default true (`retry.unknown.outcome`).
    pub retry_unknown_outcome: bool,
    /// After how many failures in a row a server is left alone for a while, by default 5
    /// (`circuit.breaker.failure.threshold`).
    pub circuit_breaker_failure_threshold: u32,
    /// How long, by default 30 s (`circuit.breaker.recovery.timeout.ms`).
    pub circuit_breaker_recovery_timeout: Duration,
    /// Whether servers are pinged in the background, by default true (`health.check.enabled`).
    pub health_check_enabled: bool,
    /// The pause between such pings, by default 5 s (`health.check.interval.ms`).
    pub health_check_interval: Duration,
    /// Which values are decompressed when they are read (`decompression`).
    pub decompression: Decompression,
    /// Who logs in on every connection, by default nobody (`auth.*`).
    pub auth: Option<ResilientAuthConfig>,
    /// How connections are encrypted, by default not at all (`tls.*`).
    #[cfg(feature = "tls")]
    pub tls: Option<TlsConfig>,
}

/// User and password of a [`ResilientClient`](crate::ResilientClient).
pub type ResilientAuthConfig = AuthConfig;

impl ResilientClientConfig {
    /// Begins with every default and no server.
    pub fn builder() -> ResilientClientConfigBuilder {
        ResilientClientConfigBuilder { config: ResilientClientConfig::plain(&Properties::new()) }
    }

    /// The configuration that properties stand for.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` for values that contradict each other and for
    /// certificates that cannot be used.
    pub fn from_properties(properties: &Properties) -> Result<Self> {
        #[cfg(not(feature = "tls"))]
        properties.refuse_tls()?;
        Ok(ResilientClientConfig {
            auth: AuthConfig::from_properties(properties)?,
            #[cfg(feature = "tls")]
            tls: TlsConfig::from_properties(properties)?,
            ..ResilientClientConfig::plain(properties)
        })
    }

    /// The addresses of the servers, once every value has been found acceptable.
    ///
    /// The builder cannot fail, so this is looked at by the first call.
    pub(crate) fn checked_servers(&self) -> Result<Vec<ServerAddress>> {
        let problems = [
            (
                self.servers.is_empty(),
                "servers (bootstrap.servers) is empty: name at least one as host:port".to_owned(),
            ),
            (self.pool_size_per_server == 0, "pool_size_per_server is 0: allow at least one connection".to_owned()),
            (
                !(1.0..=100.0).contains(&self.retry_multiplier),
                format!("retry_multiplier is {}: give a number from 1 to 100", self.retry_multiplier),
            ),
            (
                self.retry_max_delay < self.retry_initial_delay,
                format!(
                    "retry_max_delay is {:?}, which is less than retry_initial_delay of {:?}: raise the one or lower the other",
                    self.retry_max_delay, self.retry_initial_delay
                ),
            ),
            (
                self.circuit_breaker_failure_threshold == 0,
                "circuit_breaker_failure_threshold is 0: allow at least one failure".to_owned(),
            ),
            (
                self.health_check_enabled && self.health_check_interval.is_zero(),
                "health_check_interval is 0: give a longer time or switch health checks off".to_owned(),
            ),
        ];
        if let Some((_, problem)) = problems.into_iter().find(|(applies, _)| *applies) {
            return Err(Error::ConfigError(Detail::new(problem)));
        }
        ServerAddress::parse_all(&self.servers)
    }

    /// Everything but login and encryption.
    fn plain(properties: &Properties) -> Self {
        let duration = |name| properties.duration(name).unwrap_or_default();
        let integer = |name| properties.integer(name).unwrap_or_default();
        ResilientClientConfig {
            servers: properties.list("bootstrap.servers"),
            client_id: properties.get("client.id").unwrap_or_default().to_owned(),
            connection_timeout: duration("connection.timeout.ms"),
            request_timeout: duration("request.timeout.ms"),
            close_timeout: duration("close.timeout.ms"),
            pool_size_per_server: integer("pool.size.per.server") as usize,
            max_connection_lifetime: duration("max.connection.lifetime.ms"),
            idle_timeout: duration("idle.timeout.ms"),
            max_retries: integer("max.retries") as u32,
            retry_initial_delay: duration("retry.initial.delay.ms"),
            retry_max_delay: duration("retry.max.delay.ms"),
            retry_multiplier: properties.decimal("retry.multiplier").unwrap_or_default(),
            retry_unknown_outcome: properties.flag("retry.unknown.outcome"),
            circuit_breaker_failure_threshold: integer("circuit.breaker.failure.threshold") as u32,
            circuit_breaker_recovery_timeout: duration("circuit.breaker.recovery.timeout.ms"),
            health_check_enabled: properties.flag("health.check.enabled"),
            health_check_interval: duration("health.check.interval.ms"),
            decompression: Decompression::from_properties(properties),
            auth: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

/// Builds a [`ResilientClientConfig`].
#[derive(Debug, Clone)]
pub struct ResilientClientConfigBuilder {
    config: ResilientClientConfig,
}

impl ResilientClientConfigBuilder {
    /// The servers to try in turn, as `host:port`; required.
    pub fn servers(mut self, servers: Vec<String>) -> Self {
        self.config.servers = servers;
        self
    }

    /// The name that the client gives of itself, by default `rivven-client`.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.config.client_id = client_id.into();
        self
    }

    /// The time to connect to one server, by default 10 s.
    pub fn connection_timeout(mut self, timeout: Duration) -> Self {
        self.config.connection_timeout = timeout;
        self
    }

    /// The time from a call to its answer, by default 30 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.config.request_timeout = timeout;
        self
    }

    /// How long `close` waits for pending answers, by default 5 s.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.config.close_timeout = timeout;
        self
    }

    /// The most connections to one server, by default 10.
    ///
    /// Each serves one purpose and carries many requests at once; more than one
    /// of a purpose is opened while those there are busy.
    pub fn pool_size_per_server(mut self, connections: usize) -> Self {
        self.config.pool_size_per_server = connections;
        self
    }

    /// The age at which a connection is replaced by a new one, by default 300 s; no call is interrupted.
    pub fn max_connection_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.max_connection_lifetime = lifetime;
        self
    }

    /// How long a connection beyond the first is kept without use, by default 60 s.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.config.idle_timeout = timeout;
        self
    }

    /// How often a call that failed is repeated within `request_timeout`, by default 3 times.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.config.max_retries = retries;
        self
    }

    /// The pause before the first repetition, by default 100 ms; half of each pause is random.
    pub fn retry_initial_delay(mut self, delay: Duration) -> Self {
        self.config.retry_initial_delay = delay;
        self
    }

    /// The longest pause between repetitions, by default 5 s.
    pub fn retry_max_delay(mut self, delay: Duration) -> Self {
        self.config.retry_max_delay = delay;
        self
    }

    /// By how much each pause is longer than the one before, 1 to 100, by default 2.
    pub fn retry_multiplier(mut self, multiplier: f64) -> Self {
        self.config.retry_multiplier = multiplier;
        self
    }

    /// Whether a record of which it is unknown whether it was written is sent again, by default true.
    ///
    /// The result then says `maybe_duplicate`. Switched off, the call fails with
    /// an error whose outcome is unknown.
    pub fn retry_unknown_outcome(mut self, retry: bool) -> Self {
        self.config.retry_unknown_outcome = retry;
        self
    }

    /// After how many failures in a row a server is left alone for a while, by default 5.
    pub fn circuit_breaker_failure_threshold(mut self, failures: u32) -> Self {
        self.config.circuit_breaker_failure_threshold = failures;
        self
    }

    /// How long such a server is left alone before one request tries it again, by default 30 s.
    pub fn circuit_breaker_recovery_timeout(mut self, timeout: Duration) -> Self {
        self.config.circuit_breaker_recovery_timeout = timeout;
        self
    }

    /// Whether servers in use, and those that failed, are pinged in the background; by default they are.
    pub fn health_check_enabled(mut self, enabled: bool) -> Self {
        self.config.health_check_enabled = enabled;
        self
    }

    /// The pause between such pings, by default 5 s.
    pub fn health_check_interval(mut self, interval: Duration) -> Self {
        self.config.health_check_interval = interval;
        self
    }

    /// Which values are decompressed when they are read, by default those with a checksum that verifies.
    pub fn decompression(mut self, decompression: Decompression) -> Self {
        self.config.decompression = decompression;
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

    /// The configuration.
    pub fn build(self) -> ResilientClientConfig {
        self.config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: F021 rust, F022 rust, F023 rust, F024 rust, F025 rust, F026 rust, F027 rust
    // covers: F028 rust, F029 rust, F030 rust, F031 rust
    #[test]
    fn the_defaults_are_those_of_the_keys() {
        let config = ResilientClientConfig::builder().build();
        assert_eq!(config.connection_timeout, Duration::from_secs(10));
        assert_eq!(config.request_timeout, crate::client::DEFAULT_REQUEST_TIMEOUT);
        assert_eq!(config.close_timeout, Duration::from_secs(5));
        assert_eq!(config.client_id, crate::connection::DEFAULT_CLIENT_ID);
        assert!(config.servers.is_empty());
        let from_keys = ResilientClientConfig::from_properties(&Properties::new()).unwrap();
        assert_eq!(format!("{config:?}"), format!("{from_keys:?}"));
    }

    // covers: F015 rust
    #[test]
    fn a_password_is_not_shown() {
        let config = ResilientClientConfig::builder().auth("alice", "hunter2").build();
        let shown = format!("{config:?}");
        assert!(shown.contains("[REDACTED]") && !shown.contains("hunter2"), "{shown}");
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn a_build_without_tls_refuses_to_connect_in_clear_instead() {
        for (key, value) in [("tls.enabled", "true"), ("tls.ca.cert.path", "ca.pem")] {
            let mut properties = Properties::new();
            properties.set(key, value).unwrap();
            assert!(ResilientClientConfig::from_properties(&properties).is_err(), "{key}");
        }
    }

    #[test]
    fn half_a_login_is_refused() {
        for key in ["auth.username", "auth.password"] {
            let mut properties = Properties::new();
            properties.set(key, "alice").unwrap();
            assert!(ResilientClientConfig::from_properties(&properties).is_err(), "{key}");
        }
    }
}
