//! What all servers of a client share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;
use tokio::runtime::Handle;

use super::events::{Announcer, StateChange, StateChanges};
use super::gate::Gate;
use crate::auth::Credentials;
use crate::config::{AuthConfig, ResilientClientConfig};
use crate::connection::ConnectOptions;
use crate::resilience::{Backoff, Rules};

/// The configuration of a client and what it runs on.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) config: ResilientClientConfig,
    pub(super) gate: Arc<Gate>,
    options: Mutex<ConnectOptions>,
    /// How often the credentials have been replaced.
    logins: AtomicU64,
    changes: Mutex<Option<Announcer>>,
    /// Whether no server could be reached when one was last needed.
    unavailable: AtomicBool,
    runtime: OnceCell<Handle>,
    epoch: Instant,
}

impl Context {
    pub(super) fn new(config: ResilientClientConfig) -> Self {
        let options = ConnectOptions {
            client_id: config.client_id.as_str().into(),
            timeout: config.connection_timeout,
            #[cfg(feature = "tls")]
            tls: config.tls.clone(),
            credentials: config.auth.as_ref().map(AuthConfig::credentials),
            ..ConnectOptions::default()
        };
        Context {
            config,
            gate: Gate::new(),
            options: Mutex::new(options),
            logins: AtomicU64::new(0),
            changes: Mutex::new(Some(Announcer::new())),
            unavailable: AtomicBool::new(false),
            runtime: Handle::try_current().map_or_else(|_| OnceCell::new(), OnceCell::with_value),
            epoch: Instant::now(),
        }
    }

    /// Runs a task on the client's runtime: the one that it was made in, or else that of its first call.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.get_or_init(Handle::current).spawn(task));
    }

    /// Milliseconds since the client was made.
    pub(super) fn now_ms(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }

    /// A random number in [0, 1), for pauses.
    pub(super) fn random(&self) -> f64 {
        // Without the system's source pauses are not random, and nothing else is wrong.
        getrandom::u32().map_or(0.5, |number| f64::from(number) / (f64::from(u32::MAX) + 1.0))
    }

    pub(super) fn backoff(&self) -> Backoff {
        let config = &self.config;
        Backoff {
            initial: config.retry_initial_delay,
            max: config.retry_max_delay,
            multiplier: config.retry_multiplier,
        }
    }

    pub(super) fn rules(&self) -> Rules {
        Rules {
            max_retries: self.config.max_retries,
            backoff: self.backoff(),
            unknown_outcome: self.config.retry_unknown_outcome,
        }
    }

    /// The time that a ping has.
    pub(super) fn ping_limit(&self) -> Duration {
        self.config.connection_timeout.min(self.config.request_timeout)
    }

    /// How to connect, and the number of the login that this is with.
    pub(super) fn connect_options(&self) -> (ConnectOptions, u64) {
        let options = self.options();
        (options.clone(), self.logins.load(Ordering::Acquire))
    }

    /// Who logs in on later connections.
    pub(super) fn keep_credentials(&self, credentials: Credentials) {
        let mut options = self.options();
        options.credentials = Some(credentials);
        self.logins.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether a connection that was made with this login may be used.
    pub(super) fn is_current(&self, login: u64) -> bool {
        self.logins.load(Ordering::Acquire) == login && !self.gate.has_ended()
    }

    fn options(&self) -> MutexGuard<'_, ConnectOptions> {
        self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changes(&self) -> MutexGuard<'_, Option<Announcer>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn announce(&self, change: StateChange) {
        if let Some(announcer) = &*self.changes() {
            announcer.announce(change);
        }
    }

    /// Notes that a server was reached.
    pub(super) fn reached(&self) {
        // Nearly always it is known, and nothing is written that all threads read.
        if self.unavailable.load(Ordering::Relaxed) {
            self.unavailable.store(false, Ordering::Relaxed);
        }
    }

    /// Notes that no server could be reached; whether one could when it was last tried.
    pub(super) fn unreached(&self) -> bool {
        !self.unavailable.swap(true, Ordering::Relaxed)
    }

    /// The changes from now on; none once the client is closed.
    pub(super) fn state_changes(&self) -> StateChanges {
        self.changes().as_ref().map_or_else(|| Announcer::new().subscribe(), Announcer::subscribe)
    }

    /// Takes no more calls, and ends the streams of changes.
    pub(super) fn close(&self) {
        self.gate.close();
        self.changes().take();
    }
}
