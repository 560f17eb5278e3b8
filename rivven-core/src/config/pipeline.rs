//! The configuration of the pipelined client.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::auth::AuthConfig;
#[cfg(feature = "tls")]
use super::tls::TlsConfig;
use crate::connection::{ConnectOptions, DEFAULT_CONNECTION_TIMEOUT, Flow};
use crate::error::{Detail, Error, Result};

/// The most requests that may be in flight, or make up a batch.
const MAX_REQUESTS: usize = 1_000_000;

/// The longest linger, a minute, in microseconds.
const MAX_LINGER_US: u64 = 60_000_000;

/// The largest buffer.
const MAX_BUFFER: usize = 256 * 1024 * 1024;

/// Buffers where nothing is configured.
const DEFAULT_BUFFER: usize = 64 * 1024;

/// How a [`PipelinedClient`](crate::PipelinedClient) works: a preset, or made by [`builder`](Self::builder).
///
/// Values are checked by [`PipelinedClient::connect`](crate::PipelinedClient::connect).
///
/// ```
/// use rivven_client::PipelineConfig;
///
/// let config = PipelineConfig::builder().max_in_flight(500).batch_linger_us(200).build();
/// assert_eq!((config.max_in_flight, config.max_batch_size), (500, 64));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PipelineConfig {
    /// The most requests without answer, by default 100; further ones wait for a place.
    pub max_in_flight: usize,
    /// How long a request waits for others to be written with, in microseconds, by default 1000; 0 for not at all.
    ///
    /// Only while answers are due does a request wait: the first one after a
    /// silence is written at once, so that serial calls cost no linger. The
    /// wait ends early when the last answer has come, when
    /// [`max_batch_size`](Self::max_batch_size) requests have gathered, or when
    /// no place in flight is left for another. It is rounded up to whole
    /// milliseconds, the resolution of the timer.
    pub batch_linger_us: u64,
    /// How many gathered requests are written without waiting for more, by default 64.
    ///
    /// One write carries whatever has gathered, which may be more.
    pub max_batch_size: usize,
    /// The least room offered to one read of the socket, in bytes, by default 64 KiB.
    pub read_buffer_size: usize,
    /// The buffer in which small requests are gathered, in bytes, by default 64 KiB.
    ///
    /// It limits nothing: large requests are written from where they were encoded.
    pub write_buffer_size: usize,
    /// The time to resolve, connect, encrypt, exchange the handshake and log in, by default 10 s.
    pub connection_timeout: Duration,
    /// The time from a call to its answer, by default 30 s.
    pub request_timeout: Duration,
    /// How long `close` waits for pending answers, by default 5 s.
    pub close_timeout: Duration,
    /// Who logs in, by default nobody.
    pub auth: Option<PipelineAuthConfig>,
    /// How the connection is encrypted, by default not at all.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsConfig>,
}

/// User and password of a [`PipelinedClient`](crate::PipelinedClient); `Debug` hides the password.
pub type PipelineAuthConfig = AuthConfig;

impl Default for PipelineConfig {
    fn default() -> Self {
        PipelineConfig {
            max_in_flight: 100,
            batch_linger_us: 1000,
            max_batch_size: 64,
            read_buffer_size: DEFAULT_BUFFER,
            write_buffer_size: DEFAULT_BUFFER,
            connection_timeout: DEFAULT_CONNECTION_TIMEOUT,
            request_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            auth: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl PipelineConfig {
    /// Begins with every default.
    pub fn builder() -> PipelineConfigBuilder {
        PipelineConfig::default().to_builder()
    }

    /// Many requests in flight, written in large batches; patient timeouts.
    pub fn high_throughput() -> Self {
        PipelineConfig {
            max_in_flight: 1000,
            batch_linger_us: 5000,
            max_batch_size: 256,
            request_timeout: Duration::from_secs(60),
            close_timeout: Duration::from_secs(10),
            ..PipelineConfig::default()
        }
    }

    /// Few requests in flight, each written at once; short timeouts.
    pub fn low_latency() -> Self {
        PipelineConfig {
            max_in_flight: 32,
            batch_linger_us: 0,
            max_batch_size: 1,
            request_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(3),
            ..PipelineConfig::default()
        }
    }

    /// Goes on from this configuration.
    pub fn to_builder(&self) -> PipelineConfigBuilder {
        PipelineConfigBuilder { config: self.clone() }
    }

    fn linger(&self) -> Duration {
        Duration::from_micros(self.batch_linger_us)
    }

    /// How to connect, if the values can be used.
    pub(crate) fn connect_options(&self) -> Result<ConnectOptions> {
        within("max_in_flight", self.max_in_flight, 1..=MAX_REQUESTS)?;
        within("max_batch_size", self.max_batch_size, 1..=MAX_REQUESTS)?;
        within("read_buffer_size", self.read_buffer_size, 1..=MAX_BUFFER)?;
        within("write_buffer_size", self.write_buffer_size, 1..=MAX_BUFFER)?;
        within("batch_linger_us", self.batch_linger_us, 0..=MAX_LINGER_US)?;
        nonzero("connection_timeout", self.connection_timeout)?;
        nonzero("request_timeout", self.request_timeout)?;
        if self.linger() >= self.request_timeout {
            return Err(invalid("batch_linger_us is no shorter than request_timeout: lower it".into()));
        }
        Ok(ConnectOptions {
            timeout: self.connection_timeout,
            flow: Flow {
                max_in_flight: self.max_in_flight as u32,
                linger: self.linger(),
                max_batch: self.max_batch_size,
                read_buffer: self.read_buffer_size,
                write_buffer: self.write_buffer_size,
            },
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
            credentials: self.auth.as_ref().map(AuthConfig::credentials),
            ..ConnectOptions::default()
        })
    }
}

fn within<T: PartialOrd + std::fmt::Display>(name: &str, value: T, range: RangeInclusive<T>) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(invalid(format!("{name} is {value}: set it from {} to {}", range.start(), range.end())))
}

fn nonzero(name: &str, value: Duration) -> Result<()> {
    if value.is_zero() { Err(invalid(format!("{name} is zero: nothing can be done in no time"))) } else { Ok(()) }
}

fn invalid(text: String) -> Error {
    Error::ConfigError(Detail::new(format!("pipelined client: {text}")))
}

/// Builds a [`PipelineConfig`].
#[derive(Debug, Clone)]
pub struct PipelineConfigBuilder {
    config: PipelineConfig,
}

impl PipelineConfigBuilder {
    /// The most requests without answer, 1 to 1 000 000, by default 100.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.config.max_in_flight = requests;
        self
    }

    /// How long a request waits for others while answers are due, in microseconds, at most a minute, by default 1000.
    ///
    /// See [`PipelineConfig::batch_linger_us`] for when it does not wait.
    pub fn batch_linger_us(mut self, linger: u64) -> Self {
        self.config.batch_linger_us = linger;
        self
    }

    /// The same in milliseconds.
    pub fn batch_linger_ms(self, linger: u64) -> Self {
        self.batch_linger_us(linger.saturating_mul(1000))
    }

    /// How many gathered requests are written without waiting for more, 1 to 1 000 000, by default 64.
    pub fn max_batch_size(mut self, requests: usize) -> Self {
        self.config.max_batch_size = requests;
        self
    }

    /// The least room offered to one read of the socket, in bytes, 1 to 256 MiB, by default 64 KiB.
    pub fn read_buffer_size(mut self, bytes: usize) -> Self {
        self.config.read_buffer_size = bytes;
        self
    }

    /// The buffer in which small requests are gathered, in bytes, 1 to 256 MiB, by default 64 KiB.
    pub fn write_buffer_size(mut self, bytes: usize) -> Self {
        self.config.write_buffer_size = bytes;
        self
    }

    /// The time to connect and log in, by default 10 s.
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

    /// Logs in, by SCRAM-SHA-256.
    pub fn auth(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.config.auth = Some(AuthConfig::new(username, password));
        self
    }

    /// Encrypts the connection; `server_name` is what the certificate must be for instead of the dialled host.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: TlsConfig, server_name: Option<String>) -> Self {
        self.config.tls = Some(tls.expecting(server_name));
        self
    }

    /// The configuration.
    pub fn build(self) -> PipelineConfig {
        self.config
    }
}
