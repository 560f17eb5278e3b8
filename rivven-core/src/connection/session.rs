//! The login that a connection holds, and when it has to be renewed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::auth::{AuthSession, Credentials};

/// A login is renewed when so much of its time has passed.
const RENEW_AFTER: f64 = 0.9;

/// No login, or one that does not end.
const NEVER: u64 = u64::MAX;

/// The login of one connection; whoever holds the lock logs in.
#[derive(Debug)]
pub(super) struct Session {
    begun: Instant,
    /// When the login is due, in milliseconds since `begun`: a call looks at this and nothing else.
    due_ms: AtomicU64,
    /// How many logins there were.
    logins: AtomicU64,
    credentials: Mutex<Option<Credentials>>,
}

impl Session {
    pub(super) fn new() -> Self {
        let (due_ms, logins) = (AtomicU64::new(NEVER), AtomicU64::new(0));
        Session { begun: Instant::now(), due_ms, logins, credentials: Mutex::new(None) }
    }

    /// Whether the login has to be renewed before the next request.
    pub(super) fn is_due(&self) -> bool {
        let due = self.due_ms.load(Ordering::Acquire);
        due != NEVER && self.now_ms() >= due
    }

    /// How many logins there were.
    pub(super) fn logins(&self) -> u64 {
        self.logins.load(Ordering::Acquire)
    }

    /// Who is logged in.
    pub(super) fn credentials(&self) -> &Mutex<Option<Credentials>> {
        &self.credentials
    }

    /// Notes a login that has just succeeded.
    pub(super) fn renewed(&self, session: &AuthSession) {
        let holds = Duration::from_secs(session.expires_in).mul_f64(RENEW_AFTER).as_millis();
        let due = u64::try_from(holds).unwrap_or(NEVER).saturating_add(self.now_ms());
        self.due_ms.store(due, Ordering::Release);
        self.logins.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes that the server does not accept the login any more.
    pub(super) fn expire(&self) {
        self.due_ms.store(0, Ordering::Release);
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(NEVER)
    }
}
