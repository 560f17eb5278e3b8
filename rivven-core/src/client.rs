//! The basic client: one connection to one server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use crate::auth::{AuthMechanism, AuthSession, Credentials};
use crate::compression::{Decompression, decode_messages};
#[cfg(feature = "tls")]
use crate::config::TlsConfig;
use crate::connection::{ConnectOptions, Connection, Deadline, Handshake, ServerAddress, connect};
#[cfg(feature = "schema-registry")]
use crate::error::Error;
use crate::error::Result;
use crate::methods::operations;
use crate::protocol::{Operation, PROTOCOL_VERSION};
#[cfg(feature = "schema-registry")]
use crate::schema_registry::{Access, schema_methods};
use crate::transaction::{Begun, transaction_methods};

/// The time for an answer where none is configured.
pub(crate) const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long [`Client::close`] waits for pending answers.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// One connection to one broker.
///
/// Clones share the connection; requests of all clones are pipelined on it, and
/// the broker answers them in order. The connection ends when the last clone is
/// dropped. After a timeout or any defect of the connection the client is
/// [poisoned](Client::is_poisoned): make a new one, or use
/// [`ResilientClient`](crate::ResilientClient), which does.
///
/// Dropping the future of a call only drops the interest in its answer: other
/// calls are not harmed, and the request may still be executed.
#[derive(Debug, Clone)]
pub struct Client {
    connection: Connection,
    request_timeout_ms: Arc<AtomicU64>,
    #[cfg(all(feature = "schema-registry", feature = "tls"))]
    tls: Option<TlsConfig>,
    decompression: Arc<AtomicU8>,
    begun: Begun,
}

impl Client {
    /// Connects to `host:port` within 10 s and exchanges the handshake.
    ///
    /// IPv6 addresses stand in brackets; every address of a name is tried.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` for an address that cannot be read, `RESOLVE_FAILED`,
    /// `CONNECTION_FAILED` or `TIMED_OUT` if no server answers,
    /// `MALFORMED_RESPONSE` or `RESPONSE_TOO_LARGE` if it is no Rivven broker,
    /// `INCOMPATIBLE_VERSION`.
    pub async fn connect(address: impl AsRef<str>) -> Result<Self> {
        Self::open(address.as_ref(), &ConnectOptions::default()).await
    }

    /// Connects like [`connect`](Client::connect) within the time given.
    ///
    /// # Errors
    ///
    /// As [`connect`](Client::connect).
    pub async fn connect_with_timeout(address: impl AsRef<str>, timeout: Duration) -> Result<Self> {
        Self::open(address.as_ref(), &ConnectOptions { timeout, ..ConnectOptions::default() }).await
    }

    /// Connects like [`connect`](Client::connect), with TLS from the first byte.
    ///
    /// The server's certificate has to be valid for the host of the address,
    /// unless the configuration names another.
    ///
    /// # Errors
    ///
    /// As [`connect`](Client::connect); `TLS_FAILED` says what is wrong with
    /// which certificate.
    #[cfg(feature = "tls")]
    pub async fn connect_with_tls(address: impl AsRef<str>, tls: TlsConfig) -> Result<Self> {
        Self::open(address.as_ref(), &ConnectOptions { tls: Some(tls), ..ConnectOptions::default() }).await
    }

    /// Connects like [`connect_with_tls`](Client::connect_with_tls) and expects a certificate for `server_name`.
    ///
    /// # Errors
    ///
    /// As [`connect_with_tls`](Client::connect_with_tls).
    #[cfg(feature = "tls")]
    pub async fn connect_tls(address: impl AsRef<str>, tls: &TlsConfig, server_name: impl AsRef<str>) -> Result<Self> {
        let tls = tls.clone().expecting(Some(server_name.as_ref().to_owned()));
        Self::connect_with_tls(address, tls).await
    }

    /// Connects like [`connect_tls`](Client::connect_tls) within the time given.
    ///
    /// # Errors
    ///
    /// As [`connect_with_tls`](Client::connect_with_tls).
    #[cfg(feature = "tls")]
    pub async fn connect_tls_with_timeout(
        address: impl AsRef<str>,
        tls: &TlsConfig,
        server_name: impl AsRef<str>,
        timeout: Duration,
    ) -> Result<Self> {
        let tls = Some(tls.clone().expecting(Some(server_name.as_ref().to_owned())));
        Self::open(address.as_ref(), &ConnectOptions { tls, timeout, ..ConnectOptions::default() }).await
    }

    /// Logs in with the password itself.
    ///
    /// Without TLS this fails before a byte is sent, since the password would
    /// be readable on the wire: use [`authenticate_scram`](Client::authenticate_scram) there.
    ///
    /// # Errors
    ///
    /// `AUTHENTICATION_REQUIRES_TLS`, `AUTHENTICATION_FAILED`.
    pub async fn authenticate(&self, username: impl AsRef<str>, password: impl AsRef<str>) -> Result<AuthSession> {
        self.log_in(Credentials::new(username.as_ref(), password.as_ref(), AuthMechanism::Plain)).await
    }

    /// Logs in by SCRAM-SHA-256: the password is never sent, and the server proves that it knows it too.
    ///
    /// # Errors
    ///
    /// `AUTHENTICATION_FAILED`, also for a server that does not prove itself.
    pub async fn authenticate_scram(
        &self,
        username: impl AsRef<str>,
        password: impl AsRef<str>,
    ) -> Result<AuthSession> {
        self.log_in(Credentials::new(username.as_ref(), password.as_ref(), AuthMechanism::ScramSha256)).await
    }

    async fn log_in(&self, credentials: Credentials) -> Result<AuthSession> {
        self.connection.log_in(credentials, self.deadline(Duration::ZERO)).await
    }

    async fn open(address: &str, options: &ConnectOptions) -> Result<Self> {
        let connection = connect(&ServerAddress::parse(address)?, options).await?;
        let request_timeout_ms = Arc::new(AtomicU64::new(DEFAULT_REQUEST_TIMEOUT.as_millis() as u64));
        let decompression = Arc::new(AtomicU8::new(Decompression::default() as u8));
        Ok(Client {
            connection,
            request_timeout_ms,
            decompression,
            begun: Begun::default(),
            #[cfg(all(feature = "schema-registry", feature = "tls"))]
            tls: options.tls.clone(),
        })
    }

    /// Sends any operation and waits for its answer.
    ///
    /// # Errors
    ///
    /// What the named methods say, which all come here.
    pub async fn call<O: Operation>(&self, operation: &O) -> Result<O::Output> {
        let frame = operation.encode()?;
        let mut output = self.connection.call(&frame, O::decode, self.deadline(operation.broker_wait())).await?;
        decode_messages(
            O::messages(&mut output),
            Decompression::from_number(self.decompression.load(Ordering::Relaxed)),
        )?;
        Ok(output)
    }

    /// Repeats the handshake under another name of the client; `connect` has exchanged one.
    ///
    /// # Errors
    ///
    /// `SERVER_UNSUPPORTED` or the broker's own if it takes no handshake now.
    pub async fn handshake(&self, client_id: impl AsRef<str>) -> Result<()> {
        let request = Handshake { protocol_version: PROTOCOL_VERSION, client_id: client_id.as_ref() };
        let answer = self.call(&request).await?;
        answer.check(self.connection.address())
    }

    /// Appends a record and gives its offset; the broker chooses the partition
    /// and creates an unknown topic.
    ///
    /// Which partition it chose is in the answer to [`Publish`](crate::ops::Publish),
    /// by [`call`](Client::call).
    ///
    /// # Errors
    ///
    /// `INVALID_TOPIC` and `REQUEST_TOO_LARGE` before anything is sent,
    /// `TIMED_OUT` and `CONNECTION_LOST`, whose outcome says whether the record
    /// may be written, and the broker's own errors.
    pub async fn publish(&self, topic: impl AsRef<str>, value: impl AsRef<[u8]>) -> Result<u64> {
        self.append(topic.as_ref(), None, None, value.as_ref()).await
    }

    /// Appends a record with a key, by which the broker chooses the partition.
    ///
    /// # Errors
    ///
    /// As [`publish`](Client::publish).
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
        if !self.connection.is_open() && !self.connection.is_poisoned() {
            return Err(Error::closed("the client"));
        }
        Ok(Access {
            timeout: self.request_timeout(),
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
            entered: None,
        })
    }

    /// Sets the time for an answer, of this client and its clones; 30 s at first.
    ///
    /// A request that is not answered in time poisons the connection, since
    /// answers come in order.
    pub fn set_request_timeout(&self, timeout: Duration) {
        let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        self.request_timeout_ms.store(ms, Ordering::Relaxed);
    }

    fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms.load(Ordering::Relaxed))
    }

    /// Sets which values are taken for compression frames, of this client and its clones; `Auto` at first.
    ///
    /// A value that [`Decompression::Always`] cannot read fails the whole call.
    pub fn set_decompression(&self, decompression: Decompression) {
        self.decompression.store(decompression as u8, Ordering::Relaxed);
    }

    fn deadline(&self, broker_wait: Duration) -> Deadline {
        Deadline::after(self.request_timeout().saturating_add(broker_wait))
    }

    /// Whether the connection has failed, so that every further call fails.
    pub fn is_poisoned(&self) -> bool {
        self.connection.is_poisoned()
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.connection.is_tls()
    }

    /// Waits for the pending answers, at most 5 s, and closes the connection for all clones.
    ///
    /// Closing twice is no error; calls afterwards fail with `CLOSED`.
    pub async fn close(&self) {
        self.connection.close(CLOSE_TIMEOUT).await;
    }
}
