//! One server: its connections, its breaker, and whether it works.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep};

use super::Context;
use super::events::StateChange;
use super::gate::Stage;
use super::pool::{After, Answer, Id, Need, Plan, Pool, Turn, Upkeep};
use super::stats::ServerStats;
use crate::connection::{Connection, Deadline, ServerAddress, connect_within};
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::resilience::{Breaker, CircuitState, Pass};

/// How old a silent connection may become before it is pinged; the broker's limit is 120 s.
const SILENT: Duration = Duration::from_secs(40);

/// How many connections are made for one request before the server is found
/// to close each before it can be used.
const MAX_DIALLED: u32 = 3;

/// One server of a cluster.
#[derive(Debug)]
pub(super) struct Server {
    address: ServerAddress,
    context: Arc<Context>,
    breaker: Breaker,
    pool: Mutex<Pool<Link>>,
    /// Tells how many attempts to connect have ended, and how the last one did.
    attempts: watch::Sender<Attempts>,
    /// Whether `trouble` is set, for a look without the lock.
    degraded: AtomicBool,
    trouble: Mutex<Option<Trouble>>,
    /// Whether there has ever been a connection.
    known: AtomicBool,
    /// Before this moment no further attempt to connect is made.
    next_attempt_ms: AtomicU64,
}

#[derive(Debug, Clone, Default)]
struct Attempts {
    ended: u64,
    last_error: Option<Error>,
    /// Whether the server took no connection beside others that work.
    refused: bool,
}

/// A connection, and whether its end was counted.
#[derive(Debug, Clone)]
struct Link {
    connection: Connection,
    counted: Arc<AtomicBool>,
}

impl Link {
    fn is_open(&self) -> bool {
        self.connection.is_open()
    }
}

/// Since when a server does not work, and why.
#[derive(Debug)]
struct Trouble {
    since: SystemTime,
    began: Instant,
    attempts: u32,
    reason: Error,
}

/// What a caller without a connection has to do.
enum Wanted {
    /// Wait for the end of an attempt.
    Attempt,
    /// Open one.
    New(Plan),
    /// Wait for its turn.
    Turn(oneshot::Receiver<Turn<Link>>),
}

/// A connection on loan for one request.
#[derive(Debug)]
pub(super) struct Lease {
    server: Arc<Server>,
    id: Id,
    link: Link,
    after: After,
}

impl Lease {
    pub(super) fn connection(&self) -> &Connection {
        &self.link.connection
    }

    /// Whether this is the first to tell that the connection has ended.
    fn ended(&self) -> bool {
        !self.link.is_open() && !self.link.counted.swap(true, Ordering::AcqRel)
    }

    /// The request has its answer, so nothing is left under way of it.
    pub(super) fn finished(mut self) {
        if self.after == After::Spoiled {
            self.after = After::Use;
        }
    }

    /// Lets the connection end with what is under way on it.
    pub(super) fn retire(&self) {
        self.server.pool().retire(self.id);
    }
}

impl Drop for Lease {
    /// A request that nobody waits for any more may block its connection for
    /// as long as the broker lets it wait.
    fn drop(&mut self) {
        let now = self.server.context.now_ms();
        drop(self.server.pool().release(self.id, self.after, now, Link::is_open));
    }
}

/// A place in the queue for a connection; dropping it gives back what was handed over meanwhile.
struct Place<'a> {
    server: &'a Arc<Server>,
    need: Need,
    turn: oneshot::Receiver<Turn<Link>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.turn.close();
        match self.turn.try_recv() {
            Ok(Turn::Connection(id, connection)) => self.server.lease(id, connection, self.need).finished(),
            Ok(Turn::Open(plan)) => self.server.pool().give_up(plan, self.server.context.now_ms()),
            Err(_) => {}
        }
    }
}

impl Server {
    pub(super) fn new(address: ServerAddress, context: &Arc<Context>) -> Arc<Self> {
        let config = &context.config;
        let recovery_ms = config.circuit_breaker_recovery_timeout.as_millis() as u64;
        Arc::new(Server {
            address,
            context: Arc::clone(context),
            breaker: Breaker::new(config.circuit_breaker_failure_threshold, recovery_ms),
            pool: Mutex::new(Pool::new(config.pool_size_per_server)),
            attempts: watch::Sender::new(Attempts::default()),
            degraded: AtomicBool::new(false),
            trouble: Mutex::new(None),
            known: AtomicBool::new(false),
            next_attempt_ms: AtomicU64::new(0),
        })
    }

    pub(super) fn address(&self) -> &ServerAddress {
        &self.address
    }

    fn pool(&self) -> MutexGuard<'_, Pool<Link>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Permission for a request; `None` while the breaker is open.
    pub(super) fn enter(&self) -> Option<Pass> {
        self.breaker.enter(|| self.context.now_ms())
    }

    /// How long its breaker lets nothing through; zero if it may let the next request through.
    pub(super) fn shut_off_for(&self) -> Duration {
        Duration::from_millis(self.breaker.remaining_ms(self.context.now_ms()))
    }

    /// Whether it failed and has not worked since: it is used last then.
    pub(super) fn is_degraded(&self) -> bool {
        self.degraded.load(Ordering::Acquire)
    }

    /// A connection for a request.
    ///
    /// An attempt to connect that is begun for it has the connection timeout,
    /// or until `dial_limit`; a place in the queue for one is kept until `limit`.
    ///
    /// # Errors
    ///
    /// Why none could be made; `POOL_EXHAUSTED` if none became free in time,
    /// `CLOSED`.
    pub(super) async fn connection(
        self: &Arc<Self>,
        need: Need,
        dial_limit: Option<Deadline>,
        limit: Deadline,
    ) -> Result<Lease> {
        // Nearly always there is one. Whatever else has to be done has a large
        // future, which is on the heap and no part of every call's.
        let attempts = self.attempts.subscribe();
        match self.ask(need) {
            Ok(lease) => Ok(lease),
            Err(wanted) => Box::pin(self.connection_later(attempts, wanted, need, dial_limit, limit)).await,
        }
    }

    /// A connection that is there, or what has to be done to get one.
    fn ask(self: &Arc<Self>, need: Need) -> Result<Lease, Wanted> {
        let answer = self.pool().ask(need, self.context.now_ms(), Link::is_open);
        match answer {
            Answer::Ready { id, connection, grow } => {
                grow.into_iter().for_each(|plan| self.open(plan, None));
                Ok(self.lease(id, connection, need))
            }
            Answer::Opening => Err(Wanted::Attempt),
            Answer::Open(plan) => Err(Wanted::New(plan)),
            Answer::Wait(turn) => Err(Wanted::Turn(turn)),
        }
    }

    /// Waits for a connection; `attempts` was looked at before the pool was, so no end of one is missed.
    async fn connection_later(
        self: &Arc<Self>,
        mut attempts: watch::Receiver<Attempts>,
        mut wanted: Wanted,
        need: Need,
        dial_limit: Option<Deadline>,
        limit: Deadline,
    ) -> Result<Lease> {
        let mut dialled = 0;
        loop {
            let plan = match wanted {
                Wanted::Attempt => None,
                Wanted::New(plan) => Some(plan),
                Wanted::Turn(turn) => match self.wait(need, turn, limit).await? {
                    Some(Turn::Connection(id, connection)) => return Ok(self.lease(id, connection, need)),
                    Some(Turn::Open(plan)) => {
                        // What ended meanwhile is not the end of this attempt.
                        attempts.mark_unchanged();
                        Some(plan)
                    }
                    None => None,
                },
            };
            if dialled >= MAX_DIALLED
                && let Some(plan) = plan
            {
                self.pool().give_up(plan, self.context.now_ms());
                let error = self.short_lived();
                // Each of them worked, as far as anybody has counted.
                self.breaker.failed(Pass::Normal, self.context.now_ms());
                self.degrade(&error);
                return Err(error);
            }
            let opens = plan.is_some();
            plan.into_iter().for_each(|plan| self.open(plan, dial_limit));
            let _ = self.context.gate.before(self.patience(), attempts.changed()).await?;
            let ended = attempts.borrow_and_update();
            if let Some(error) = ended.last_error.clone() {
                return Err(error);
            }
            // One that was refused was no connection, however short.
            dialled += u32::from(opens && !ended.refused);
            drop(ended);
            match self.ask(need) {
                Ok(lease) => return Ok(lease),
                Err(again) => wanted = again,
            }
        }
    }

    fn lease(self: &Arc<Self>, id: Id, link: Link, need: Need) -> Lease {
        // Until it is known to have finished, what was to be alone is under way.
        let after = if need.alone { After::Spoiled } else { After::Use };
        Lease { server: Arc::clone(self), id, link, after }
    }

    /// Waits for a turn; `None` if an attempt to connect has failed for all who wait.
    async fn wait(
        self: &Arc<Self>,
        need: Need,
        turn: oneshot::Receiver<Turn<Link>>,
        limit: Deadline,
    ) -> Result<Option<Turn<Link>>> {
        let mut place = Place { server: self, need, turn };
        let mut attempts = self.attempts.subscribe();
        let turn = async {
            loop {
                // Another one may be opened when a pause is over, which the end of an attempt begins or ends.
                let now = self.context.now_ms();
                self.pool().look_again(now);
                let pause = self.pool().growth_pause_ms(now);
                tokio::select! {
                    turn = &mut place.turn => return turn,
                    () = sleep(Duration::from_millis(pause.unwrap_or_default())), if pause.is_some() => {}
                    _ = attempts.changed() => {}
                }
            }
        };
        match limit.bound(self.context.gate.before(Stage::Ended, turn)).await {
            Some(Ok(Ok(turn))) => Ok(Some(turn)),
            Some(Ok(Err(_))) => Ok(None),
            Some(Err(closed)) => Err(closed),
            None => Err(self.exhausted(limit)),
        }
    }

    fn short_lived(&self) -> Error {
        let address = self.address.text();
        let text = format!(
            "connect to {address}: the server closes connections right after the handshake: check it, its log and its limit of connections"
        );
        let detail = Detail::new(text).with_code(ErrorCode::ConnectionLost).with_address(address);
        Error::ConnectionError(detail.with_outcome(Outcome::NotSent))
    }

    fn exhausted(&self, limit: Deadline) -> Error {
        let (address, size) = (self.address.text(), self.context.config.pool_size_per_server);
        let text = format!(
            "none of the {size} connections to {address} became free within {:?}: raise pool.size.per.server or make fewer long calls at once",
            limit.limit()
        );
        let detail = Detail::new(text).with_code(ErrorCode::PoolExhausted).with_address(address);
        Error::PoolExhausted(detail.with_outcome(Outcome::NotSent))
    }

    /// Opens a connection on the client's runtime, whoever waits for it.
    ///
    /// After a failure the attempt is put off by a random pause that grows with
    /// every further one, however many callers ask.
    fn open(self: &Arc<Self>, plan: Plan, limit: Option<Deadline>) {
        // Should the task never run, or be dropped with its runtime, its end is told all the same.
        let attempt = Attempt { server: Arc::clone(self), plan, result: None, refused: false };
        self.context.spawn(attempt.run(limit));
    }

    /// How long what waits for a connection goes on while the client is closed:
    /// to the end where there are others, so that the server works; otherwise
    /// closing would take as long as it takes to find that it does not.
    fn patience(&self) -> Stage {
        if self.pool().has_connections() { Stage::Ended } else { Stage::Closing }
    }

    /// A new connection, and the login that it was made with.
    async fn dial(&self, limit: Option<Deadline>) -> Result<(Connection, u64)> {
        let wait = self.next_attempt_ms.load(Ordering::Acquire).saturating_sub(self.context.now_ms());
        let wait = limit.map_or(Duration::MAX, |limit| limit.remaining()).min(Duration::from_millis(wait));
        let dialling = async {
            sleep(wait).await;
            let (options, login) = self.context.connect_options();
            let limit = limit.unwrap_or_else(|| Deadline::after(options.timeout));
            Ok((connect_within(&self.address, &options, limit).await?, login))
        };
        self.context.gate.before(self.patience(), dialling).await?
    }

    /// Takes a new connection into the pool, unless it is out of date: those who wait ask again then.
    ///
    /// A login, or the end of `close`, while it was being made has looked
    /// through the pool already, or waits for the lock and finds it there.
    fn take_in(&self, plan: Plan, connection: Connection, login: u64) {
        let link = Link { connection, counted: Arc::default() };
        let (expires, now) = (self.expiry_ms(), self.context.now_ms());
        let mut pool = self.pool();
        let dropped = if self.context.is_current(login) {
            pool.opened(plan, link, now, expires)
        } else {
            pool.give_up(plan, now);
            vec![link]
        };
        drop((pool, dropped));
        self.known.store(true, Ordering::Release);
    }

    fn expiry_ms(&self) -> u64 {
        let lifetime = self.context.config.max_connection_lifetime;
        self.context.now_ms() + lifetime.mul_f64(0.9 + self.context.random() / 10.0).as_millis() as u64
    }

    /// A request was answered.
    pub(super) fn answered(&self, pass: Pass) {
        self.breaker.succeeded(pass);
        if self.is_degraded() {
            self.recover();
        }
    }

    /// No connection was had for a request; an attempt to connect was counted by itself.
    ///
    /// A refused login or a pool in use does not show that the server fails.
    pub(super) fn unreachable(&self, pass: Pass, error: &Error) {
        if pass == Pass::Probe && error.counts_against_server() {
            self.breaker.failed(pass, self.context.now_ms());
        } else {
            self.abandoned(pass);
        }
    }

    /// A request got no answer; what counts is that its connection ended, and that once.
    pub(super) fn unanswered(&self, pass: Pass, lease: &Lease, reason: &Error) {
        if lease.ended() || pass == Pass::Probe {
            self.breaker.failed(pass, self.context.now_ms());
            if self.breaker.state() != CircuitState::Closed {
                self.degrade(reason);
            }
        }
    }

    fn recover(&self) {
        let mut held = self.trouble();
        let Some(trouble) = held.take() else { return };
        self.degraded.store(false, Ordering::Release);
        self.next_attempt_ms.store(0, Ordering::Release);
        drop(held);
        let (after, attempts) = (trouble.began.elapsed(), trouble.attempts);
        tracing::info!(server = %self.address.text(), ?after, attempts, "server works again");
        self.context.announce(StateChange::Recovered { server: Arc::clone(self.address.text()), after, attempts });
    }

    /// Notes that the server does not work, and tells it.
    fn degrade(&self, reason: &Error) {
        let mut trouble = self.trouble();
        let is_news = trouble.as_ref().is_none_or(|trouble| trouble.reason.code() != reason.code());
        let now = trouble.get_or_insert_with(|| Trouble {
            since: SystemTime::now(),
            began: Instant::now(),
            attempts: 0,
            reason: reason.clone(),
        });
        now.attempts += 1;
        now.reason = reason.clone();
        let (since, attempts) = (now.since, now.attempts);
        let pause = self.context.backoff().pause(attempts, self.context.random());
        // Under the lock: a recovery in between would leave a mark that nothing takes away any more.
        self.degraded.store(true, Ordering::Release);
        self.next_attempt_ms.store(self.context.now_ms() + pause.as_millis() as u64, Ordering::Release);
        drop(trouble);
        let server = self.address.text();
        if is_news {
            tracing::warn!(%server, attempts, %reason, "server does not work");
        } else {
            tracing::debug!(%server, attempts, %reason, "server still does not work");
        }
        let server = Arc::clone(self.address.text());
        self.context.announce(StateChange::Degraded { server, since, reason: reason.clone(), attempts });
    }

    /// The attempt was given up and says nothing of the server.
    pub(super) fn abandoned(&self, pass: Pass) {
        self.breaker.abandoned(pass, self.context.now_ms());
    }

    /// The last failure, unless it has worked since.
    pub(super) fn last_error(&self) -> Option<Error> {
        self.trouble().as_ref().map(|trouble| trouble.reason.clone())
    }

    /// Lets every present connection but this one end with its last request.
    pub(super) fn retire_connections(&self, except: &Lease) {
        let kept = std::ptr::eq(&*except.server, self).then_some(except.id);
        drop(self.pool().retire_all(kept));
    }

    /// Whether the breaker lets nothing through.
    pub(super) fn is_shut_off(&self) -> bool {
        self.breaker.state() != CircuitState::Closed
    }

    /// Looks through the connections; gives those that want a ping.
    pub(super) fn upkeep(self: &Arc<Self>) -> Vec<Lease> {
        let idle = self.context.config.idle_timeout;
        let silent = SILENT.min(idle);
        let now = self.context.now_ms();
        let mut pool = self.pool();
        let Upkeep { dropped, silent, replace } =
            pool.upkeep(now, idle.as_millis() as u64, silent.as_millis() as u64, Link::is_open);
        let taken: Vec<_> = silent.into_iter().filter_map(|id| pool.take_idle(Some(id))).collect();
        drop((pool, dropped));
        replace.into_iter().for_each(|plan| self.open(plan, None));
        taken.into_iter().map(|(id, link)| self.ping_lease(id, link)).collect()
    }

    /// An idle connection for a ping, if there is one; none is made for it.
    pub(super) fn idle_connection(self: &Arc<Self>) -> Option<Lease> {
        let (id, link) = self.pool().take_idle(None)?;
        Some(self.ping_lease(id, link))
    }

    fn ping_lease(self: &Arc<Self>, id: Id, link: Link) -> Lease {
        Lease { server: Arc::clone(self), id, link, after: After::Ping }
    }

    /// Whether there were connections, and none is left or on its way.
    pub(super) fn lost_every_connection(&self) -> bool {
        self.known.load(Ordering::Acquire) && self.pool().is_empty()
    }

    /// Takes every connection, to close it.
    pub(super) fn take_connections(&self) -> Vec<Connection> {
        self.pool().take_all().into_iter().map(|link| link.connection).collect()
    }

    pub(super) fn stats(&self) -> ServerStats {
        let count = self.pool().count(Link::is_open);
        ServerStats {
            address: Arc::clone(self.address.text()),
            circuit_state: self.breaker.state(),
            active_connections: count.active,
            available_connections: count.idle,
            last_error: self.last_error(),
        }
    }
}

/// An attempt to connect; its end is told even if it is dropped.
struct Attempt {
    server: Arc<Server>,
    plan: Plan,
    result: Option<Result<(Connection, u64)>>,
    /// Whether the server took no connection beside others that work.
    refused: bool,
}

impl Attempt {
    async fn run(mut self, limit: Option<Deadline>) {
        let result = self.server.dial(limit).await;
        self.result = Some(result);
    }

    /// Notes what became of it; gives the error for those who wait.
    fn settle(&mut self) -> Option<Error> {
        let server = &self.server;
        let result = self.result.take().unwrap_or_else(|| Err(Error::runtime_gone(server.address.text())));
        match result {
            Ok((connection, login)) => {
                server.take_in(self.plan, connection, login);
                server.recover();
                None
            }
            Err(error) if self.plan.growth => {
                tracing::info!(server = %server.address.text(), %error, "no more connections for now");
                server.pool().not_opened(self.plan, server.context.now_ms());
                self.refused = true;
                None
            }
            Err(error) => {
                if error.counts_against_server() {
                    server.breaker.failed(Pass::Normal, server.context.now_ms());
                    server.degrade(&error);
                }
                server.pool().not_opened(self.plan, server.context.now_ms());
                Some(error)
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let last_error = self.settle();
        self.server.attempts.send_modify(|attempts| {
            attempts.ended += 1;
            attempts.last_error = last_error;
            attempts.refused = self.refused;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ResilientClientConfig;

    /// A failure and a recovery at the same time once left a server marked as
    /// failed without a failure, so that it was used last for ever.
    #[test]
    fn failures_and_recoveries_at_once_leave_no_mark_without_a_reason() {
        let context = Arc::new(Context::new(ResilientClientConfig::builder().build()));
        let server = Server::new(ServerAddress::parse("a:1").unwrap(), &context);
        let reason = Error::ConnectionError(Detail::from("lost"));
        let agree = || {
            let trouble = server.trouble();
            assert_eq!(server.is_degraded(), trouble.is_some());
        };
        std::thread::scope(|scope| {
            scope.spawn(|| (0..20_000).for_each(|_| server.degrade(&reason)));
            scope.spawn(|| (0..20_000).for_each(|_| server.recover()));
            (0..20_000).for_each(|_| agree());
        });
        agree();
    }
}
