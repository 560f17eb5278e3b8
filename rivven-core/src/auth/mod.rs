//! Logging in: who, how, and the steps of SCRAM as plain functions.

mod credentials;
mod scram;

pub(crate) use credentials::Credentials;
pub(crate) use scram::{Exchange, NONCE_BYTES, ScramError};

/// How a client logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum AuthMechanism {
    /// `scram-sha-256`, the default: the password is never sent, and the server proves that it knows it too.
    #[default]
    ScramSha256,
    /// `plain`: the password itself; refused without TLS before a byte of it is sent.
    Plain,
}

/// What a successful login gives.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthSession {
    /// The broker's name for the session; informative only.
    pub session_id: String,
    /// How long the login holds, in seconds.
    pub expires_in: u64,
}

impl AuthSession {
    pub(crate) fn new(session_id: String, expires_in: u64) -> Self {
        AuthSession { session_id, expires_in }
    }
}

impl std::fmt::Debug for AuthSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthSession").field("session_id", &"[REDACTED]").field("expires_in", &self.expires_in).finish()
    }
}
