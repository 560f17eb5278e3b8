//! The pipelined client: one connection that many tasks share.

use std::time::Duration;

use crate::compression::{Decompression, decode_messages};
use crate::config::PipelineConfig;
use crate::connection::{Connection, Deadline, ServerAddress, connect};
use crate::error::Result;
use crate::methods::operations;
use crate::protocol::{Operation, Request, Response};
use crate::transaction::{Begun, transaction_methods};

/// One connection to one broker for many requests at once.
///
/// Clones are cheap and share the connection, which ends when the last one is
/// dropped. Requests of all clones are in flight together, up to
/// `max_in_flight`, and those that are made close to each other are written
/// together; see [`PipelineConfig`]. The broker answers in order.
///
/// An I/O error, an answer that cannot be understood or a request that times
/// out [poisons](PipelinedClient::is_poisoned) the connection: every pending
/// call fails with an error whose outcome says whether the request may have
/// been executed. Dropping the future of a call only drops the interest in its
/// answer: no other call is harmed, and the request may still be executed.
///
/// ```no_run
/// use rivven_client::{PipelineConfig, PipelinedClient};
///
/// # async fn run() -> rivven_client::Result<()> {
/// let client = PipelinedClient::connect("127.0.0.1:9092", PipelineConfig::high_throughput()).await?;
/// let calls: Vec<_> = (0..1000)
///     .map(|n| {
///         let client = client.clone();
///         tokio::spawn(async move { client.publish("orders", format!("order {n}")).await })
///     })
///     .collect();
/// for call in calls {
///     println!("written at {}", call.await.expect("the task does not panic")?);
/// }
/// client.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PipelinedClient {
    connection: Connection,
    request_timeout: Duration,
    close_timeout: Duration,
    begun: Begun,
}

impl PipelinedClient {
    /// Connects to `host:port`, exchanges the handshake and logs in, as far as each is configured.
    ///
    /// IPv6 addresses stand in brackets; every address of a name is tried.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` for an address or a value that cannot be used; those of
    /// [`Client::connect`](crate::Client::connect); `TLS_FAILED`;
    /// `AUTHENTICATION_FAILED`.
    pub async fn connect(address: impl AsRef<str>, config: PipelineConfig) -> Result<Self> {
        let options = config.connect_options()?;
        let connection = connect(&ServerAddress::parse(address.as_ref())?, &options).await?;
        connection.counters().clear();
        let PipelineConfig { request_timeout, close_timeout, .. } = config;
        Ok(PipelinedClient { connection, request_timeout, close_timeout, begun: Begun::default() })
    }

    /// Sends any operation and waits for its answer, whose values are decompressed as
    /// [`Decompression::Auto`](crate::Decompression::Auto) says.
    ///
    /// # Errors
    ///
    /// What the named methods say, which all come here.
    pub async fn call<O: Operation>(&self, operation: &O) -> Result<O::Output> {
        let frame = operation.encode()?;
        let deadline = Deadline::after(self.request_timeout.saturating_add(operation.broker_wait()));
        let mut output = self.connection.call(&frame, O::decode, deadline).await?;
        decode_messages(O::messages(&mut output), Decompression::Auto)?;
        Ok(output)
    }

    /// Sends a request in its raw form and gives the answer as it came.
    ///
    /// # Errors
    ///
    /// The broker's own, where it answers with an error; `THROTTLED`; those of
    /// the connection.
    pub async fn send_request(&self, request: Request) -> Result<Response> {
        self.call(&request).await
    }

    /// Appends a record and gives its offset; the broker chooses the partition
    /// and creates an unknown topic.
    ///
    /// Which partition it chose is in the answer to [`Publish`](crate::ops::Publish),
    /// by [`call`](PipelinedClient::call).
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
    /// As [`publish`](PipelinedClient::publish).
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

    /// What this client and its clones have done since they connected.
    ///
    /// The handshake and the first login are not counted, later logins are.
    pub fn stats(&self) -> PipelineStatsSnapshot {
        let counters = self.connection.counters();
        // Answers before requests, so that no more answers than requests are seen.
        let (responses_received, timeouts) = (counters.answers.get(), counters.given_up.get());
        let (batches_flushed, requests_sent) = (counters.flushes.get(), counters.requests.get());
        PipelineStatsSnapshot { requests_sent, responses_received, batches_flushed, timeouts }
    }

    /// Whether the connection has failed, so that every further call fails: make a new client.
    pub fn is_poisoned(&self) -> bool {
        self.connection.is_poisoned()
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.connection.is_tls()
    }

    /// Waits for the pending answers, at most `close_timeout`, and closes the connection for all clones.
    ///
    /// What has no answer by then fails with `CLOSED`, as do calls that come
    /// later or still wait for a place in flight. Closing twice is no error.
    pub async fn close(&self) {
        self.connection.close(self.close_timeout).await;
    }
}

/// The counts of a [`PipelinedClient`] at one moment.
///
/// ```
/// use rivven_client::PipelineStatsSnapshot;
///
/// let stats = PipelineStatsSnapshot { requests_sent: 10, responses_received: 7, batches_flushed: 3, timeouts: 1 };
/// assert_eq!((stats.in_flight(), stats.success_rate()), (2, 0.7));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PipelineStatsSnapshot {
    /// Requests written to the socket; what still waits to be written is not among them.
    pub requests_sent: u64,
    /// Answers received, errors of the broker among them.
    pub responses_received: u64,
    /// Writes of everything that had gathered.
    pub batches_flushed: u64,
    /// Requests written that get no answer any more: they or a neighbour timed out, or the connection ended otherwise.
    pub timeouts: u64,
}

impl PipelineStatsSnapshot {
    /// The part of the requests sent that have an answer, 0.0 to 1.0; 1.0 if none was sent.
    pub fn success_rate(&self) -> f64 {
        match self.requests_sent {
            0 => 1.0,
            sent => (self.responses_received as f64 / sent as f64).min(1.0),
        }
    }

    /// How many requests wait for their answers.
    pub fn in_flight(&self) -> u64 {
        self.requests_sent.saturating_sub(self.responses_received).saturating_sub(self.timeouts)
    }
}
