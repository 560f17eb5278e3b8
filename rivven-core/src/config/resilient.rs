//! The configuration of the resilient client.

use std::time::Duration;

use super::properties::Properties;

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
}

impl ResilientClientConfig {
    /// Begins with every default and no server.
    pub fn builder() -> ResilientClientConfigBuilder {
        ResilientClientConfigBuilder { config: ResilientClientConfig::from(&Properties::new()) }
    }
}

impl From<&Properties> for ResilientClientConfig {
    fn from(properties: &Properties) -> Self {
        let duration = |name| properties.duration(name).unwrap_or_default();
        ResilientClientConfig {
            servers: properties.list("bootstrap.servers"),
            client_id: properties.get("client.id").unwrap_or_default().to_owned(),
            connection_timeout: duration("connection.timeout.ms"),
            request_timeout: duration("request.timeout.ms"),
            close_timeout: duration("close.timeout.ms"),
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

    /// The configuration.
    pub fn build(self) -> ResilientClientConfig {
        self.config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_keys() {
        let config = ResilientClientConfig::builder().build();
        assert_eq!(config.connection_timeout, Duration::from_secs(10));
        assert_eq!(config.request_timeout, crate::client::DEFAULT_REQUEST_TIMEOUT);
        assert_eq!(config.close_timeout, Duration::from_secs(5));
        assert_eq!(config.client_id, crate::connection::DEFAULT_CLIENT_ID);
        assert!(config.servers.is_empty());
    }
}
