//! The resilient client: many servers behind the operations of one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::auth::AuthSession;
use crate::cluster::{Cluster, Errand, ResilientStats, StateChanges};
use crate::config::{AuthConfig, ResilientClientConfig};
use crate::error::{Error, Result};
use crate::methods::operations;
use crate::ops::Publish;
use crate::protocol::Operation;
use crate::record_metadata::RecordMetadata;
#[cfg(feature = "schema-registry")]
use crate::schema_registry::{Access, schema_methods};
use crate::transaction::{Begun, transaction_methods};

/// The future of a call: it owns all that it needs and may outlive the operation.
pub type Answering<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// A client of a list of servers, which replaces connections that fail.
///
/// Clones share the connections. Making one does no I/O: it connects at the
/// first call, or when [`connect`](ResilientClient::connect) is awaited.
#[derive(Debug, Clone)]
pub struct ResilientClient {
    cluster: Arc<Cluster>,
    begun: Begun,
}

impl ResilientClient {
    /// A client that connects at first use; an invalid configuration shows then.
    pub fn new(config: ResilientClientConfig) -> Self {
        ResilientClient { cluster: Cluster::new(config), begun: Begun::default() }
    }

    /// Waits for a first ready connection.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG`; with one server its own error, as
    /// [`Client::connect`](crate::Client::connect) gives it; with several
    /// `ALL_SERVERS_UNAVAILABLE`.
    pub async fn connect(&self) -> Result<()> {
        self.cluster.connect().await
    }

    /// Sends any operation and waits for its answer, within `request_timeout`.
    ///
    /// The request is encoded before this returns, so the future borrows
    /// nothing and may be awaited anywhere.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](ResilientClient::connect) and of the operation.
    pub fn call<O: Operation>(&self, operation: &O) -> Answering<O::Output> {
        let (entered, errand) = (self.cluster.enter(), Errand::of(operation));
        Box::pin(async move { entered?.call(errand?).await })
    }

    /// Logs in, on the connection in use and on every later one.
    ///
    /// Credentials that the server refuses are not kept. A password itself
    /// ([`AuthMechanism::Plain`](crate::AuthMechanism::Plain)) is refused
    /// without TLS before a byte of it is sent.
    ///
    /// # Errors
    ///
    /// `AUTHENTICATION_FAILED`, `AUTHENTICATION_REQUIRES_TLS`, and those of
    /// [`connect`](ResilientClient::connect).
    pub fn log_in(&self, auth: &AuthConfig) -> Answering<AuthSession> {
        let (entered, credentials) = (self.cluster.enter(), auth.credentials());
        Box::pin(async move { entered?.log_in(credentials).await })
    }

    /// Logs in with the password itself; see [`log_in`](ResilientClient::log_in).
    ///
    /// # Errors
    ///
    /// As [`log_in`](ResilientClient::log_in).
    pub async fn authenticate(&self, username: impl AsRef<str>, password: impl AsRef<str>) -> Result<AuthSession> {
        self.log_in(&AuthConfig::plain(username.as_ref(), password.as_ref())).await
    }

    /// Logs in by SCRAM-SHA-256; see [`log_in`](ResilientClient::log_in).
    ///
    /// # Errors
    ///
    /// As [`log_in`](ResilientClient::log_in).
    pub async fn authenticate_scram(
        &self,
        username: impl AsRef<str>,
        password: impl AsRef<str>,
    ) -> Result<AuthSession> {
        self.log_in(&AuthConfig::new(username.as_ref(), password.as_ref())).await
    }

    /// Appends a record and gives its offset; the broker chooses the partition,
    /// by the key where there is one, and creates an unknown topic.
    ///
    /// Unlike [`Client::publish`](crate::Client::publish) it takes a key. Which
    /// partition the broker chose is in the answer to
    /// [`Publish`](crate::ops::Publish), by [`call`](ResilientClient::call).
    ///
    /// # Errors
    ///
    /// `INVALID_TOPIC` and `REQUEST_TOO_LARGE` before anything is sent,
    /// `TIMED_OUT` and `CONNECTION_LOST`, whose outcome says whether the record
    /// may be written, and the broker's own errors.
    pub async fn publish(&self, topic: impl AsRef<str>, key: Option<&[u8]>, value: impl AsRef<[u8]>) -> Result<u64> {
        self.append(topic.as_ref(), None, key, value.as_ref()).await
    }

    /// Appends a record like [`publish`](ResilientClient::publish) and says all that is known of where it went.
    ///
    /// # Errors
    ///
    /// As [`publish`](ResilientClient::publish).
    pub async fn publish_with_metadata(
        &self,
        topic: impl AsRef<str>,
        key: Option<&[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<RecordMetadata> {
        let (topic, value) = (topic.as_ref(), value.as_ref());
        let published = self.call(&Publish { topic, partition: None, key, value }).await?;
        Ok(RecordMetadata::of(topic, published))
    }

    /// Appends a record like [`publish`](ResilientClient::publish), for keys of any type.
    ///
    /// # Errors
    ///
    /// As [`publish`](ResilientClient::publish).
    pub async fn publish_with_key<K: AsRef<[u8]>>(
        &self,
        topic: impl AsRef<str>,
        key: Option<K>,
        value: impl AsRef<[u8]>,
    ) -> Result<u64> {
        self.append(topic.as_ref(), None, key.as_ref().map(K::as_ref), value.as_ref()).await
    }

    operations!();

    transaction_methods!();

    #[cfg(feature = "schema-registry")]
    schema_methods!();

    #[cfg(feature = "schema-registry")]
    fn registry_access(&self) -> Result<Access> {
        self.cluster.registry_access()
    }

    /// The servers and their connections, at this moment.
    pub async fn stats(&self) -> ResilientStats {
        self.cluster.stats()
    }

    /// A stream of what changes about the servers from now on: which one stops working, why, and when it works again.
    ///
    /// It ends when the client is closed.
    pub fn state_changes(&self) -> StateChanges {
        self.cluster.state_changes()
    }

    /// Waits for the pending answers, at most `limit`, and disconnects all clones.
    ///
    /// Every call that began before this one is waited for, unless no server
    /// is connected yet; those that begin afterwards fail with `CLOSED`, even before
    /// the future is awaited. Closing twice is no error.
    pub fn close(&self, limit: Duration) -> impl Future<Output = ()> + Send + use<> {
        Arc::clone(&self.cluster).close(limit)
    }

    /// The time that the configuration gives to [`close`](ResilientClient::close).
    pub fn close_timeout(&self) -> Duration {
        self.cluster.close_timeout()
    }

    /// An error's message for users who see the text alone.
    ///
    /// Of `AllServersUnavailable` it names each server with its last error;
    /// of all others it is the `Display` form.
    pub fn explain(&self, error: &Error) -> String {
        match error {
            Error::AllServersUnavailable => format!("{error}: {}", self.cluster.last_failures()),
            _ => error.to_string(),
        }
    }

    /// The error `CLOSED` if the client is closed.
    ///
    /// # Errors
    ///
    /// `CLOSED`.
    pub fn check_open(&self) -> Result<()> {
        self.cluster.check_open()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Ping;

    /// A future is copied when it is made and again when it is boxed, so its
    /// size is part of the price of every call.
    #[test]
    fn the_future_of_a_call_is_small() {
        let client = ResilientClient::new(ResilientClientConfig::builder().build());
        let size = size_of_val(&client.cluster.enter().unwrap().call(Errand::of(&Ping).unwrap()));
        assert!(size <= 2048, "{size} bytes");
    }
}
