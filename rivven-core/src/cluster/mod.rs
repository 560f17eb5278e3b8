//! The servers behind a client: which of them is asked, by which connection, and what is done when it fails.
//!
//! [`Cluster`] makes a call: it chooses a server, tries it, and decides about
//! another attempt. `server` keeps one server's breaker and connections, `pool`
//! hands those out, `metadata` knows who leads which partition, `health` looks
//! after all of them in the background.

mod context;
mod errand;
mod events;
mod gate;
mod health;
mod held;
mod lane;
mod metadata;
mod pool;
mod server;
mod stats;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::join_all;
use once_cell::sync::OnceCell;
use tokio::time::sleep;

use context::Context;
pub(crate) use errand::Errand;
pub use events::{StateChange, StateChanges};
use gate::Entered as Counted;
pub(crate) use held::Held;
use metadata::{Metadata, Snapshot, leader_named_in};
use pool::Need;
use server::{Lease, Server};
pub use stats::{ResilientStats, ServerStats};

use crate::auth::{AuthSession, Credentials};
use crate::compression::decode_messages;
use crate::config::ResilientClientConfig;
use crate::connection::{Deadline, ServerAddress};
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::ops::{ClusterMetadata, GetClusterMetadata};
use crate::protocol::{Operation, Purpose, describe};
use crate::resilience::{CircuitState, Next, Pass, Retries};
#[cfg(feature = "schema-registry")]
use crate::schema_registry::Access;

/// How long brokers may take to choose another leader: what is known since then may be wrong.
const ELECTION: Duration = Duration::from_secs(1);

/// How much later whoever waits for an attempt to connect gives up than the attempt itself.
const GRACE: Duration = Duration::from_millis(250);

/// How old the knowledge of leaders may become.
const METADATA_MAX_AGE: Duration = Duration::from_secs(300);

/// The servers of one client.
///
/// Requests go to the first server of the list that works, since independent
/// servers hold different data, unless the cluster names the leader of their
/// partition. A server that failed is used last until it has been reached again.
#[derive(Debug)]
pub(crate) struct Cluster {
    context: Arc<Context>,
    servers: RwLock<Arc<Vec<Arc<Server>>>>,
    metadata: Metadata,
    started: OnceCell<()>,
}

/// A call that has begun; [`close`](Cluster::close) waits for it.
#[derive(Debug)]
pub(crate) struct Entered {
    cluster: Arc<Cluster>,
    _counted: Counted,
}

impl Entered {
    /// Logs in, now and on every later connection.
    pub(crate) async fn log_in(self, credentials: Credentials) -> Result<AuthSession> {
        self.cluster.log_in(credentials).await
    }

    /// Makes a call, within the request timeout, as often as it takes and is allowed.
    pub(crate) async fn call<T>(self, errand: Errand<T>) -> Result<T> {
        self.cluster.call(&errand).await
    }
}

/// A server that is being tried; the breaker is told if the attempt is given up.
struct Trial {
    server: Arc<Server>,
    pass: Pass,
    settled: bool,
}

impl Trial {
    /// Tells what became of the request; an answer of the server is a success whatever it says.
    fn settle<T>(mut self, lease: &Lease, result: &Result<T>) {
        self.settled = true;
        match result {
            Err(error) if error.counts_against_server() => self.server.unanswered(self.pass, lease, error),
            _ => self.server.answered(self.pass),
        }
    }

    /// The handshake alone shows that the server works.
    fn works(mut self) {
        self.settled = true;
        self.server.answered(self.pass);
    }

    fn unreachable(mut self, error: &Error) {
        self.settled = true;
        self.server.unreachable(self.pass, error);
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if !self.settled {
            self.server.abandoned(self.pass);
        }
    }
}

impl Cluster {
    pub(crate) fn new(config: ResilientClientConfig) -> Arc<Self> {
        Arc::new(Cluster {
            context: Arc::new(Context::new(config)),
            servers: RwLock::default(),
            metadata: Metadata::new(),
            started: OnceCell::new(),
        })
    }

    /// The time that `close` has.
    pub(crate) fn close_timeout(&self) -> Duration {
        self.context.config.close_timeout
    }

    /// The servers, those of the configuration first.
    fn servers(&self) -> Arc<Vec<Arc<Server>>> {
        Arc::clone(&self.servers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Checks the configuration and begins to look after the servers, at the first call.
    fn start(self: &Arc<Self>) -> Result<()> {
        let start = || {
            let addresses = self.context.config.checked_servers()?;
            let servers = addresses.into_iter().map(|address| Server::new(address, &self.context)).collect();
            *self.servers.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(servers);
            self.context.spawn(health::watch(Arc::downgrade(self), Arc::clone(&self.context)));
            Ok(())
        };
        self.started.get_or_try_init(start).copied()
    }

    /// Begins a call, now and not when its future is first polled: whatever
    /// begins before `close` is waited for.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Entered> {
        let counted = self.context.gate.enter()?;
        Ok(Entered { cluster: Arc::clone(self), _counted: counted })
    }

    /// How a schema registry is reached; `close` waits for the call, as for any other.
    #[cfg(feature = "schema-registry")]
    pub(crate) fn registry_access(self: &Arc<Self>) -> Result<Access> {
        Ok(Access {
            timeout: self.context.config.request_timeout,
            #[cfg(feature = "tls")]
            tls: self.context.config.tls.clone(),
            entered: Some(self.enter()?),
        })
    }

    /// Waits until a server is connected; all of them together have the connection timeout.
    pub(crate) async fn connect(self: &Arc<Self>) -> Result<()> {
        self.context.gate.check_open()?;
        self.start()?;
        let deadline = Deadline::after(self.context.config.connection_timeout);
        let need = Need { purpose: Purpose::Metadata, alone: false };
        let candidates = self.in_order();
        let mut failures = Vec::new();
        for (tried, server) in candidates.iter().enumerate() {
            let share = deadline.share(candidates.len() - tried);
            // One that others make, or that is in use, is waited for no longer; its own attempt says itself what it came to.
            let reached = self.reach(server, need, Some(share), Deadline::after(Duration::MAX));
            let reached = share.extended(GRACE).bound(reached).await;
            match reached.unwrap_or_else(|| Err(self.not_connected(server))) {
                Ok((_lease, trial)) => {
                    trial.works();
                    return Ok(());
                }
                Err(error) if error.code() == ErrorCode::Closed => return Err(error),
                Err(error) => failures.push(error),
            }
        }
        Err(self.none_of(failures))
    }

    /// Logs in, now and on every later connection; the present ones are replaced.
    ///
    /// Credentials that the server refuses are not kept.
    async fn log_in(self: &Arc<Self>, credentials: Credentials) -> Result<AuthSession> {
        self.start()?;
        let deadline = Deadline::after(self.context.config.request_timeout);
        let need = Need { purpose: Purpose::Metadata, alone: false };
        let reached = deadline.bound(self.any_server(need, deadline)).await;
        let (lease, trial) = reached.unwrap_or_else(|| Err(self.no_connection("log in")))?;
        let session = lease.connection().log_in(credentials.clone(), deadline).await;
        trial.settle(&lease, &session);
        if session.is_ok() {
            self.context.keep_credentials(credentials);
            self.servers().iter().for_each(|server| server.retire_connections(&lease));
        }
        session
    }

    async fn call<T>(self: &Arc<Self>, errand: &Errand<T>) -> Result<T> {
        self.start()?;
        let deadline = Deadline::after(self.context.config.request_timeout.saturating_add(errand.broker_wait));
        let mut retries = Retries::new(self.context.rules(), errand.repeat);
        let mut unknown: Option<Error> = None;
        let mut last: Option<Error> = None;
        let (mut leader, mut asked_anew) = (None, false);
        loop {
            let seen = self.metadata.snapshot();
            let error = match self.attempt(errand, &seen, leader.take(), deadline).await {
                Ok(output) => return self.complete(errand, output, unknown.is_some()),
                Err(error)
                    if error.code() == ErrorCode::CircuitBreakerOpen
                        && !std::mem::replace(&mut asked_anew, true)
                        && self.is_led_by_another(errand, &seen, deadline).await =>
                {
                    continue;
                }
                // That the breaker has opened meanwhile hides the cause, which this call has seen itself.
                Err(error) if error.code() == ErrorCode::CircuitBreakerOpen => {
                    return Err(final_error(last.unwrap_or(error), unknown));
                }
                Err(error) => error,
            };
            let (pause, reroute) = match retries.next(&error, self.context.random()) {
                Next::Stop => return Err(final_error(error, unknown)),
                _ if self.is_hopeless(&error) => return Err(final_error(error, unknown)),
                Next::Retry(pause) => (pause, false),
                Next::Reroute(pause) => (pause, errand.leader_of.is_some()),
            };
            let pause = if error.outcome() == Outcome::Unknown { pause.max(errand.echo) } else { pause };
            if pause >= deadline.remaining() || self.context.gate.check_open().is_err() {
                return Err(final_error(error, unknown));
            }
            tracing::debug!(what = %describe(&errand.frame), ?pause, %error, "trying again");
            leader = leader_named_in(&error.to_string()).map(str::to_owned);
            if error.outcome() == Outcome::Unknown {
                unknown.get_or_insert(error.clone());
            }
            last = Some(error);
            sleep(pause).await;
            if reroute && self.is_worth_asking(&last) {
                let _ = deadline.bound(Box::pin(self.refresh(&seen))).await;
            }
        }
    }

    /// Whether somebody may know the leaders after this error: not the server that cannot be reached, against which each
    /// question would count.
    fn is_worth_asking(&self, error: &Option<Error>) -> bool {
        let Some(error) = error.as_ref().filter(|error| error.is_of_connection()) else { return true };
        let failed = |server: &Arc<Server>| server.is_degraded() || error.address() == Some(&**server.address().text());
        !self.servers().iter().all(failed)
    }

    /// Whether another server leads the partition by now than the one that is left alone.
    async fn is_led_by_another<T>(self: &Arc<Self>, errand: &Errand<T>, seen: &Snapshot, deadline: Deadline) -> bool {
        let Some((topic, Some(partition))) = &errand.leader_of else { return false };
        let is_old = seen.age_of_leaders().is_some_and(|age| age >= ELECTION);
        if !is_old || self.servers().iter().all(|server| server.is_degraded()) {
            return false;
        }
        let _ = deadline.bound(Box::pin(self.refresh(seen))).await;
        self.metadata.snapshot().leader(topic, *partition) != seen.leader(topic, *partition)
    }

    /// Whether no server may be tried, so that trying again at once is of no use.
    fn is_hopeless(&self, error: &Error) -> bool {
        matches!(error, Error::AllServersUnavailable) && self.servers().iter().all(|server| server.is_shut_off())
    }

    fn complete<T>(&self, errand: &Errand<T>, mut output: T, repeated: bool) -> Result<T> {
        if repeated {
            (errand.mark_maybe_duplicate)(&mut output);
        }
        decode_messages((errand.messages)(&mut output), self.context.config.decompression)?;
        Ok(output)
    }

    /// Asks one server, the leader if it is known.
    async fn attempt<T>(
        self: &Arc<Self>,
        errand: &Errand<T>,
        seen: &Snapshot,
        named: Option<String>,
        deadline: Deadline,
    ) -> Result<T> {
        let leader = errand.leader_of.as_ref().and_then(|(topic, partition)| {
            let named = named.and_then(|id| seen.node(&id));
            named.or_else(|| seen.leader(topic, (*partition)?))
        });
        let reached = async {
            match leader {
                Some(address) => {
                    let server = self.server_at(address);
                    self.reach(&server, errand.need, None, deadline).await
                }
                None => self.any_server(errand.need, deadline).await,
            }
        };
        let Some(reached) = deadline.bound(reached).await else {
            return Err(self.no_connection(&describe(&errand.frame)));
        };
        let (lease, trial) = reached?;
        if deadline.is_nearly_over() {
            // Its end would be that of the connection, and of all who share it.
            return Err(self.no_connection(&describe(&errand.frame)));
        }
        let result = lease.connection().call(&errand.frame, errand.decode, deadline).await;
        trial.settle(&lease, &result);
        if matches!(&result, Err(error) if error.code() == ErrorCode::RateLimitExceeded) {
            // The broker closes the connection a second later, and serves nothing on it until then.
            lease.retire();
        }
        lease.finished();
        result
    }

    /// The servers in the order in which they are tried: those that failed last.
    fn in_order(&self) -> Vec<Arc<Server>> {
        let mut servers = self.servers().to_vec();
        servers.sort_by_key(|server| server.is_degraded());
        servers
    }

    /// A connection to the first server that can be reached.
    async fn any_server(&self, need: Need, deadline: Deadline) -> Result<(Lease, Trial)> {
        let servers = self.servers();
        let mut failures = Vec::new();
        let mut first = None;
        // Nearly always the first one works, and nothing has to be sorted.
        if let Some(server) = servers.first().filter(|server| !server.is_degraded()) {
            match self.reach(server, need, None, deadline).await {
                Err(error) if leads_elsewhere(&error) => failures.push(error),
                reached => return reached,
            }
            first = Some(server);
        }
        for server in self.in_order().iter().filter(|server| first.is_none_or(|first| !Arc::ptr_eq(first, server))) {
            match self.reach(server, need, None, deadline).await {
                Err(error) if leads_elsewhere(&error) => failures.push(error),
                reached => return reached,
            }
        }
        Err(self.none_of(failures))
    }

    /// A connection to this server, unless its breaker is open.
    async fn reach(
        &self,
        server: &Arc<Server>,
        need: Need,
        dial_limit: Option<Deadline>,
        limit: Deadline,
    ) -> Result<(Lease, Trial)> {
        let Some(pass) = server.enter() else { return Err(breaker_open(server)) };
        let trial = Trial { server: Arc::clone(server), pass, settled: false };
        match server.connection(need, dial_limit, limit).await {
            Ok(lease) => {
                self.context.reached();
                Ok((lease, trial))
            }
            Err(error) => {
                trial.unreachable(&error);
                Err(error)
            }
        }
    }

    /// The server at an address, added to the list if it is a new one.
    fn server_at(&self, address: &ServerAddress) -> Arc<Server> {
        let find = |servers: &[Arc<Server>]| servers.iter().find(|server| server.address() == address).cloned();
        if let Some(known) = find(&self.servers()) {
            return known;
        }
        let mut servers = self.servers.write().unwrap_or_else(PoisonError::into_inner);
        find(&servers).unwrap_or_else(|| {
            let server = Server::new(address.clone(), &self.context);
            Arc::make_mut(&mut servers).push(Arc::clone(&server));
            server
        })
    }

    /// Learns the leaders anew, unless somebody has since `seen`.
    async fn refresh(self: &Arc<Self>, seen: &Snapshot) {
        self.metadata.refresh(seen, self.ask_for_metadata()).await;
        for address in self.metadata.snapshot().nodes() {
            self.server_at(address);
        }
    }

    async fn ask_for_metadata(&self) -> Option<(ClusterMetadata, ServerAddress)> {
        let deadline = Deadline::after(self.context.config.request_timeout);
        let need = Need { purpose: Purpose::Metadata, alone: false };
        let (lease, trial) = deadline.bound(self.any_server(need, deadline)).await?.ok()?;
        let frame = GetClusterMetadata { topics: &[] }.encode().ok()?;
        let result = lease.connection().call(&frame, GetClusterMetadata::decode, deadline).await;
        let address = trial.server.address().clone();
        trial.settle(&lease, &result);
        Some((result.ok()?, address))
    }

    /// Learns the leaders anew in the background if the knowledge of them is old.
    fn refresh_if_old(self: &Arc<Self>) {
        let seen = self.metadata.snapshot();
        if seen.age_of_leaders().is_some_and(|age| age >= METADATA_MAX_AGE) {
            let cluster = Arc::clone(self);
            self.context.spawn(async move { cluster.refresh(&seen).await });
        }
    }

    /// The error where no server could be reached: of a single server its own, and the first one where it is of no use to
    /// try any of them again, such as a login that all refuse.
    fn none_of(&self, mut failures: Vec<Error>) -> Error {
        if failures.len() == 1 {
            return failures.remove(0);
        }
        if self.context.unreached() {
            tracing::warn!(failures = %listed(&failures), "all servers unavailable");
        } else {
            tracing::debug!(failures = %listed(&failures), "all servers still unavailable");
        }
        if !failures.is_empty() && !failures.iter().any(Error::is_retriable) {
            return failures.remove(0);
        }
        Error::AllServersUnavailable
    }

    fn not_connected(&self, server: &Server) -> Error {
        let (address, limit) = (server.address().text(), self.context.config.connection_timeout);
        let text = format!(
            "connect to {address} timed out after {limit:?}: its connections are in use, or others wait for it"
        );
        let detail = Detail::new(text).with_code(ErrorCode::TimedOut).with_address(address);
        Error::TimeoutWithMessage(detail.with_outcome(Outcome::NotSent))
    }

    fn no_connection(&self, what: &str) -> Error {
        let config = &self.context.config;
        let text = format!(
            "{what} timed out after {:?} while connecting to {}: check the servers or raise request.timeout.ms",
            config.request_timeout,
            config.servers.join(", "),
        );
        Error::TimeoutWithMessage(Detail::new(text).with_code(ErrorCode::TimedOut).with_outcome(Outcome::NotSent))
    }

    /// The last error of every server that has one, for people.
    pub(crate) fn last_failures(&self) -> String {
        let failures: Vec<_> = self.servers().iter().filter_map(|server| server.last_error()).collect();
        listed(&failures)
    }

    /// The changes of the servers from now on; none once the client is closed.
    pub(crate) fn state_changes(&self) -> StateChanges {
        self.context.state_changes()
    }

    /// The servers and their connections, now.
    pub(crate) fn stats(self: &Arc<Self>) -> ResilientStats {
        let _ = self.start();
        let servers: Vec<_> = self.servers().iter().map(|server| server.stats()).collect();
        let works = |server: &&ServerStats| server.circuit_state == CircuitState::Closed && server.last_error.is_none();
        ResilientStats {
            total_servers: servers.len(),
            healthy_servers: servers.iter().filter(works).count(),
            active_connections: servers.iter().map(|server| server.active_connections).sum(),
            available_connections: servers.iter().map(|server| server.available_connections).sum(),
            servers,
        }
    }

    /// Takes no more calls from now on; the future waits at most so long for
    /// those under way and disconnects.
    pub(crate) fn close(self: Arc<Self>, limit: Duration) -> impl Future<Output = ()> + Send {
        self.context.close();
        let deadline = Deadline::after(limit);
        async move {
            let _ = deadline.bound(self.context.gate.drained()).await;
            self.context.gate.end();
            let connections: Vec<_> = self.servers().iter().flat_map(|server| server.take_connections()).collect();
            let closing = connections.iter().map(|connection| connection.close(deadline.remaining()));
            join_all(closing).await;
        }
    }

    /// The error `CLOSED` once [`close`](Cluster::close) was called.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.context.gate.check_open()
    }
}

impl Drop for Cluster {
    /// Ends attempts to connect and the tasks in the background.
    fn drop(&mut self) {
        self.context.close();
        self.context.gate.end();
    }
}

/// The error of a call: where an earlier attempt may have been executed, that is what counts.
fn final_error(last: Error, unknown: Option<Error>) -> Error {
    unknown.filter(|_| last.outcome() != Outcome::Unknown).unwrap_or(last)
}

/// Whether another server is to be tried after this error.
///
/// Not if the client is closed, nor where the server works and only its
/// connections are in use: another one may hold other data, and the time is over.
fn leads_elsewhere(error: &Error) -> bool {
    !matches!(error.code(), ErrorCode::Closed | ErrorCode::PoolExhausted)
}

fn breaker_open(server: &Server) -> Error {
    let address = server.address().text();
    let why = server.last_error().map_or(String::new(), |error| format!(" (last failure: {error})"));
    let left = server.shut_off_for();
    let until =
        if left.is_zero() { "until another call has tried it".to_owned() } else { format!("for {left:?} more") };
    let text = format!("{address} failed too often in a row and is left alone {until}{why}: check the server");
    let detail = Detail::new(text).with_code(ErrorCode::CircuitBreakerOpen).with_address(address);
    Error::CircuitBreakerOpen(detail.with_outcome(Outcome::NotSent).with_retry_after(left))
}

fn listed(failures: &[Error]) -> String {
    failures.iter().map(Error::to_string).collect::<Vec<_>>().join("; ")
}
