//! Which values of a producer can be used, alone and together.

use std::fmt;
use std::time::Duration;

use super::ProducerConfig;
use crate::compression::CompressionType;
use crate::config::keys::Property;
use crate::connection::ServerAddress;
use crate::error::{Detail, Error, Result};
use crate::protocol::MAX_WIRE_NAME;

/// The most requests in flight of an idempotent producer: the broker remembers as many of each partition.
const MAX_IDEMPOTENT_IN_FLIGHT: usize = 5;

/// The shortest timeout of a transaction.
const SHORTEST_TRANSACTION: Duration = Duration::from_secs(1);

impl ProducerConfig {
    /// The addresses of the servers, once every value has been found acceptable.
    ///
    /// The fields are public, so the producer itself looks at them again.
    pub(crate) fn checked_servers(&self) -> Result<Vec<ServerAddress>> {
        self.check_ranges()?;
        self.check_times()?;
        self.check_delivery()?;
        self.check_transactions()?;
        if self.bootstrap_servers.is_empty() {
            return Err(invalid("bootstrap_servers is empty: name at least one as host:port"));
        }
        ServerAddress::parse_all(&self.bootstrap_servers)
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

    fn check_transactions(&self) -> Result<()> {
        if self.transaction_timeout < SHORTEST_TRANSACTION {
            return Err(invalid(format!(
                "transaction_timeout is {:?}: give it at least {SHORTEST_TRANSACTION:?}, since the broker looks every 5 s",
                self.transaction_timeout
            )));
        }
        let Some(id) = &self.transactional_id else { return Ok(()) };
        if id.is_empty() || id.len() > MAX_WIRE_NAME {
            return Err(invalid(format!(
                "transactional_id has {} bytes: give it 1 to {MAX_WIRE_NAME}, or leave it out",
                id.len()
            )));
        }
        if self.acks == 0 {
            return Err(invalid(
                "transactional_id is set, but acks is 0: without answers nobody learns what was written; set acks to 1 or -1",
            ));
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
}

/// Whether a number is in the range of its key.
fn within(name: &str, value: usize) -> Result<()> {
    Property::check_range(name, value as u64).map_err(invalid)
}

fn invalid(text: impl fmt::Display) -> Error {
    Error::ConfigError(Detail::new(format!("producer: {text}")))
}
