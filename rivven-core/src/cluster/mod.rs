//! The servers behind a client: which of them is asked, and by which connection.

mod events;
mod stats;

pub(crate) use events::Announcer;
pub use events::{StateChange, StateChanges};
pub use stats::{ResilientStats, ServerStats};

use std::sync::{Arc, Mutex as BlockingMutex, MutexGuard, PoisonError};
use std::time::Duration;

use once_cell::sync::OnceCell;
use tokio::sync::{Mutex, watch};

use crate::auth::{AuthSession, Credentials};
use crate::config::{AuthConfig, ResilientClientConfig};
use crate::connection::{ConnectOptions, Connection, Deadline, ServerAddress, connect_within};
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::protocol::{DecodeAnswer, RequestFrame, describe};
#[cfg(feature = "schema-registry")]
use crate::schema_registry::Access;

/// The servers of one client and the connection to the one in use.
///
/// The first server that answers is kept until its connection fails, since
/// independent servers hold different data; then the list is tried from the
/// next one on.
#[derive(Debug)]
pub(crate) struct Cluster {
    config: ResilientClientConfig,
    options: BlockingMutex<ConnectOptions>,
    servers: OnceCell<Vec<ServerAddress>>,
    link: Mutex<Link>,
    /// Why no server could be connected, the last time that none could.
    failures: BlockingMutex<Vec<Error>>,
    closed: watch::Sender<bool>,
    changes: BlockingMutex<Option<Announcer>>,
    /// How many calls have begun and not ended.
    calls: watch::Sender<usize>,
}

/// A call that has begun; [`close`](Cluster::close) waits for it.
#[derive(Debug)]
pub(crate) struct Entered(Arc<Cluster>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.calls.send_modify(|calls| *calls -= 1);
    }
}

impl Entered {
    /// Logs in, now and on every later connection.
    pub(crate) async fn log_in(self, credentials: Credentials) -> Result<AuthSession> {
        self.0.log_in(credentials).await
    }

    /// Sends a request to a connected server, within the request timeout.
    pub(crate) async fn call<T>(
        self,
        frame: &RequestFrame,
        decode: DecodeAnswer<T>,
        broker_wait: Duration,
    ) -> Result<T> {
        self.0.call(frame, decode, broker_wait).await
    }
}

/// The connection in use, and where in the list it leads.
#[derive(Debug, Default)]
struct Link {
    connection: Option<Connection>,
    server: usize,
}

impl Cluster {
    pub(crate) fn new(config: ResilientClientConfig) -> Self {
        let options = ConnectOptions {
            client_id: config.client_id.as_str().into(),
            timeout: config.connection_timeout,
            #[cfg(feature = "tls")]
            tls: config.tls.clone(),
            credentials: config.auth.as_ref().map(AuthConfig::credentials),
            ..ConnectOptions::default()
        };
        Cluster {
            config,
            options: BlockingMutex::new(options),
            servers: OnceCell::new(),
            link: Mutex::default(),
            failures: BlockingMutex::default(),
            closed: watch::Sender::new(false),
            changes: BlockingMutex::new(Some(Announcer::new())),
            calls: watch::Sender::new(0),
        }
    }

    /// The time that `close` has.
    pub(crate) fn close_timeout(&self) -> Duration {
        self.config.close_timeout
    }

    /// Waits until a server is connected; all of them together have the connection timeout.
    pub(crate) async fn connect(&self) -> Result<()> {
        self.connection(Deadline::after(self.config.connection_timeout)).await.map(drop)
    }

    /// Logs in, now and on every later connection.
    ///
    /// Credentials that the server refuses are not kept.
    pub(crate) async fn log_in(&self, credentials: Credentials) -> Result<AuthSession> {
        let deadline = Deadline::after(self.config.request_timeout);
        let session = self.connection(deadline).await?.log_in(credentials.clone(), deadline).await?;
        self.options().credentials = Some(credentials);
        Ok(session)
    }

    fn options(&self) -> MutexGuard<'_, ConnectOptions> {
        self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call, now and not when its future is first polled: whatever
    /// begins before `close` is waited for.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Entered> {
        self.check_open()?;
        self.calls.send_modify(|calls| *calls += 1);
        Ok(Entered(Arc::clone(self)))
    }

    /// How a schema registry is reached; `close` waits for the call, as for any other.
    #[cfg(feature = "schema-registry")]
    pub(crate) fn registry_access(self: &Arc<Self>) -> Result<Access> {
        Ok(Access {
            timeout: self.config.request_timeout,
            #[cfg(feature = "tls")]
            tls: self.config.tls.clone(),
            entered: Some(self.enter()?),
        })
    }

    async fn call<T>(&self, frame: &RequestFrame, decode: DecodeAnswer<T>, broker_wait: Duration) -> Result<T> {
        let deadline = Deadline::after(self.config.request_timeout.saturating_add(broker_wait));
        let connection = match deadline.bound(self.connection(deadline)).await {
            Some(connection) => connection?,
            None => return Err(self.no_connection(frame)),
        };
        connection.call(frame, decode, deadline).await
    }

    /// The connection in use, made anew if it has failed.
    ///
    /// Closing ends an attempt to connect at once, but leaves an open
    /// connection to the calls that began before it.
    async fn connection(&self, deadline: Deadline) -> Result<Connection> {
        let servers = self.servers.get_or_try_init(|| parse(&self.config.servers))?;
        let mut link = self.link.lock().await;
        match link.connection.take() {
            Some(connection) if connection.is_open() => {
                link.connection = Some(connection.clone());
                return Ok(connection);
            }
            Some(_) => link.server += 1,
            None => {}
        }
        let mut closed = self.closed.subscribe();
        let connection = tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => return Err(Error::closed("the client")),
            connection = self.connect_to_any(servers, &mut link.server, deadline) => connection?,
        };
        link.connection = Some(connection.clone());
        Ok(connection)
    }

    /// Tries every server, each with its share of the time but never more than the connection timeout.
    async fn connect_to_any(
        &self,
        servers: &[ServerAddress],
        next: &mut usize,
        deadline: Deadline,
    ) -> Result<Connection> {
        let mut failures = Vec::new();
        for tried in 0..servers.len() {
            let options = self.options().clone();
            let share = deadline.share(servers.len() - tried);
            match connect_within(&servers[*next % servers.len()], &options, share).await {
                Ok(connection) => return Ok(connection),
                Err(error) => failures.push(error),
            }
            *next += 1;
        }
        Err(self.none_of(failures))
    }

    /// The error where no server could be connected: of a single server its own.
    fn none_of(&self, mut failures: Vec<Error>) -> Error {
        if failures.len() == 1 {
            return failures.remove(0);
        }
        tracing::warn!(failures = %listed(&failures), "all servers unavailable");
        *self.failures.lock().unwrap_or_else(PoisonError::into_inner) = failures;
        Error::AllServersUnavailable
    }

    /// Why no server could be connected, the last time that none could, server by server.
    pub(crate) fn last_failures(&self) -> String {
        listed(&self.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn no_connection(&self, frame: &RequestFrame) -> Error {
        let limit = self.config.request_timeout;
        let text = format!(
            "{} timed out after {limit:?} while connecting to {}: check the servers or raise request.timeout.ms",
            describe(frame),
            self.config.servers.join(", "),
        );
        Error::TimeoutWithMessage(Detail::new(text).with_code(ErrorCode::TimedOut).with_outcome(Outcome::NotSent))
    }

    /// Takes no more calls from now on; the future waits at most so long for
    /// those under way and disconnects.
    pub(crate) fn close(self: Arc<Self>, limit: Duration) -> impl Future<Output = ()> + Send {
        self.closed.send_replace(true);
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).take();
        let deadline = Deadline::after(limit);
        async move {
            let _ = deadline.bound(self.calls.subscribe().wait_for(|calls| *calls == 0)).await;
            // Nobody holds the lock for long: attempts to connect have ended.
            let connection = self.link.lock().await.connection.take();
            if let Some(connection) = connection {
                connection.close(deadline.remaining()).await;
            }
        }
    }

    /// The changes of the servers from now on; none once the client is closed.
    pub(crate) fn state_changes(&self) -> StateChanges {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.as_ref().map_or_else(|| Announcer::new().subscribe(), Announcer::subscribe)
    }

    /// The servers and their connections, now.
    pub(crate) fn stats(&self) -> ResilientStats {
        ResilientStats {
            total_servers: self.config.servers.len(),
            healthy_servers: 0,
            active_connections: 0,
            available_connections: 0,
            servers: Vec::new(),
        }
    }

    /// The error `CLOSED` once [`close`](Cluster::close) was called.
    pub(crate) fn check_open(&self) -> Result<()> {
        if *self.closed.borrow() { Err(Error::closed("the client")) } else { Ok(()) }
    }
}

fn parse(servers: &[String]) -> Result<Vec<ServerAddress>> {
    if servers.is_empty() {
        return Err(Error::ConfigError(Detail::from(
            "bootstrap.servers is empty: name at least one server as host:port",
        )));
    }
    servers.iter().map(|server| ServerAddress::parse(server)).collect()
}

fn listed(failures: &[Error]) -> String {
    failures.iter().map(Error::to_string).collect::<Vec<_>>().join("; ")
}
