//! What the handle of a transaction, its driver and its lanes have in common.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use super::begun::{margin, timed_out};
use super::table::{Abort, End, Table};
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::ops::InTransaction;
use crate::producer::{Backing, Entry, Sent};
use crate::protocol::RequestFrame;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a broker may be kept from requests whose connection was lost, besides the time that it takes for them.
///
/// A record that it writes after it has aborted the transaction would count. It takes milliseconds for one, but may be
/// kept waiting itself, and an abort after a lost connection is rare.
const QUIET: Duration = Duration::from_millis(500);

/// How many times as long as it took for others a broker may be at requests whose connection was lost.
const SLOWER: u32 = 4;

/// The identity that a transaction was begun with.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) txn_id: String,
    pub(super) producer_id: u64,
    pub(super) producer_epoch: u16,
}

impl Identity {
    pub(super) fn txn(&self) -> InTransaction<'_> {
        let Identity { txn_id, producer_id, producer_epoch } = self;
        InTransaction { txn_id, producer_id: *producer_id, producer_epoch: *producer_epoch }
    }
}

/// The one place that a producer has for a transaction.
#[derive(Debug)]
pub(crate) struct Place {
    free: Arc<Semaphore>,
    open: Mutex<Weak<Shared>>,
}

impl Default for Place {
    fn default() -> Self {
        Place { free: Arc::new(Semaphore::new(1)), open: Mutex::default() }
    }
}

impl Place {
    fn open(&self) -> Option<Arc<Shared>> {
        lock(&self.open).upgrade()
    }

    /// Takes the place once the transaction before has ended; one that was dropped is being aborted.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` if the program has one open.
    pub(super) async fn take(&self, txn_id: &str) -> Result<OwnedSemaphorePermit> {
        if self.open().is_some_and(|open| open.alive.load(Ordering::Acquire) && open.table().is_open()) {
            let text = format!("begin transaction {txn_id}: the producer has one open: commit or abort it first");
            return Err(Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState)));
        }
        Arc::clone(&self.free).acquire_owned().await.map_err(|_| Error::closed("the producer"))
    }

    pub(super) fn fill(&self, shared: &Arc<Shared>) {
        *lock(&self.open) = Arc::downgrade(shared);
    }

    /// Lets the open transaction be aborted, and waits for that.
    pub(crate) async fn close(&self) {
        if let Some(open) = self.open() {
            open.doom(&Error::closed("the producer"));
        }
        // Whoever has the place gives it back when its transaction has ended.
        let _ = self.free.acquire().await;
        self.free.close();
    }
}

/// Everything about an open transaction.
pub(super) struct Shared {
    pub(super) backing: Backing,
    pub(super) identity: Identity,
    pub(super) timeout: Duration,
    table: Mutex<Table>,
    /// Whether records are sent no more.
    stopped: watch::Sender<bool>,
    /// When the broker had the last call at the earliest.
    last: Mutex<Instant>,
    /// Records that are on their way.
    outstanding: AtomicUsize,
    settled: Notify,
    /// The server that has the transaction.
    server: OnceLock<Arc<str>>,
    /// A request that the broker has executed, to be sent once more when it has to be found out whether it still knows
    /// the producer.
    written: Mutex<Option<RequestFrame>>,
    /// Until then the broker may be at requests that were lost.
    quiet_at: Mutex<Option<Instant>>,
    /// Whether the program still has the transaction.
    pub(super) alive: AtomicBool,
}

impl Shared {
    pub(super) fn new(backing: Backing, identity: Identity, timeout: Duration, begun: Instant) -> Arc<Self> {
        Arc::new(Shared {
            backing,
            table: Mutex::new(Table::new(&identity.txn_id)),
            identity,
            timeout,
            stopped: watch::Sender::new(false),
            last: Mutex::new(begun),
            outstanding: AtomicUsize::new(0),
            settled: Notify::new(),
            server: OnceLock::new(),
            written: Mutex::default(),
            quiet_at: Mutex::default(),
            alive: AtomicBool::new(true),
        })
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.table)
    }

    pub(super) fn txn_id(&self) -> &str {
        &self.identity.txn_id
    }

    /// Whether records are still sent.
    pub(super) fn sends(&self) -> bool {
        self.table().sends()
    }

    /// Ends when no record is sent any more.
    pub(super) fn stops(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stopped = self.stopped.subscribe();
        async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        }
    }

    fn stop(&self) {
        self.stopped.send_replace(true);
        self.settled.notify_waiters();
    }

    /// The transaction cannot be committed any more.
    pub(super) fn doom(&self, error: &Error) {
        self.table().doom(error);
        if self.table().doomed().is_some() {
            tracing::debug!(transaction = %self.txn_id(), %error, "the transaction can only be aborted");
            self.stop();
        }
    }

    /// The broker has refused to commit.
    pub(super) fn refused(&self, error: &Error) {
        self.table().refused(error);
        self.stop();
    }

    /// Begins to abort, as the program wants it.
    pub(super) fn abort(&self) -> Result<Abort> {
        let abort = self.table().abort()?;
        self.stop();
        Ok(abort)
    }

    pub(super) fn ended(&self, end: End) {
        self.table().ended(end);
        self.stop();
    }

    /// Notes that the broker has executed a call that was made at this moment.
    pub(super) fn touched(&self, at: Instant) {
        let mut last = lock(&self.last);
        *last = (*last).max(at);
    }

    fn last(&self) -> Instant {
        *lock(&self.last)
    }

    /// From this moment on the transaction is not used any more, unless a call renews it.
    pub(super) fn over_at(&self) -> Instant {
        self.last() + self.timeout.saturating_sub(margin(self.timeout))
    }

    /// Whether the broker cannot have found the transaction over its time yet.
    pub(super) fn is_in_time(&self) -> bool {
        Instant::now() < self.last() + self.timeout
    }

    pub(super) fn timed_out(&self) -> Error {
        timed_out("go on with", self.txn_id(), self.timeout)
    }

    /// Whether this is the server that has the transaction.
    ///
    /// # Errors
    ///
    /// `INVALID_TXN_ID` if it is another: a transaction is local to the server that began it.
    pub(super) fn check_server(&self, address: &Arc<str>) -> Result<()> {
        let first = self.server.get_or_init(|| Arc::clone(address));
        if first == address {
            return Ok(());
        }
        let text = format!(
            "transaction {}: {first} has it and cannot be reached, and {address} does not know it: abort it and begin anew",
            self.txn_id()
        );
        Err(Error::ServerError(Detail::new(text).with_code(ErrorCode::InvalidTxnId).with_outcome(Outcome::NotSent)))
    }

    /// A record is on its way.
    pub(super) fn began(&self) {
        self.outstanding.fetch_add(1, Ordering::AcqRel);
    }

    /// A record that was on its way is written by this request.
    pub(super) fn written(&self, entry: &Entry, request: &RequestFrame, offset: u64, sent: Sent) {
        *lock(&self.written) = Some(request.clone());
        self.backing.written(entry, offset, sent);
        self.one_less();
    }

    /// A record that was on its way does not count.
    pub(super) fn fail(&self, entry: &Entry, outcome: Outcome) {
        self.refuse(entry, outcome);
        self.one_less();
    }

    /// A record does not count.
    pub(super) fn refuse(&self, entry: &Entry, outcome: Outcome) {
        let doomed = self.table().doomed().cloned();
        let error = doomed.unwrap_or_else(|| {
            let text = format!("publish to {} in transaction {}: it is aborted", entry.topic(), self.txn_id());
            Error::Other(Detail::new(text).with_code(ErrorCode::Purged))
        });
        self.backing.failed(entry, error.with_outcome(outcome));
    }

    fn one_less(&self) {
        if self.outstanding.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.settled.notify_waiters();
        }
    }

    /// Requests were lost that the broker may still be at; others like them took so long together.
    pub(super) fn lost_requests(&self, took: Duration) {
        let pause = QUIET.saturating_add(took.saturating_mul(SLOWER)).min(self.timeout / 4);
        let mut quiet_at = lock(&self.quiet_at);
        *quiet_at = (*quiet_at).max(Some(Instant::now() + pause));
    }

    /// Waits until the broker has had the time to finish what was lost, so that nothing of it is written after an abort.
    pub(super) async fn quiet(&self) {
        let quiet_at = *lock(&self.quiet_at);
        if let Some(quiet_at) = quiet_at {
            sleep_until(quiet_at).await;
        }
    }

    /// Ends when no record is on its way, or when none is sent any more.
    pub(super) async fn all_settled(&self) {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.outstanding.load(Ordering::Acquire) == 0 || *self.stopped.borrow() {
                return;
            }
            settled.await;
        }
    }

    /// A request that the broker has executed.
    pub(super) fn probe(&self) -> Option<RequestFrame> {
        lock(&self.written).clone()
    }
}
