//! Who a client logs in as.

use std::fmt;

use crate::auth::{Credentials, Mechanism};

/// User and password of a login; `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthConfig {
    /// The user (`auth.username`).
    pub username: String,
    /// The password (`auth.password`).
    pub password: String,
    /// How to log in (`auth.mechanism`).
    pub mechanism: AuthMechanism,
}

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

impl AuthConfig {
    /// A login by SCRAM-SHA-256.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        AuthConfig { username: username.into(), password: password.into(), mechanism: AuthMechanism::default() }
    }

    /// A login with the password itself; refused without TLS before a byte of it is sent.
    pub fn plain(username: impl Into<String>, password: impl Into<String>) -> Self {
        AuthConfig { mechanism: AuthMechanism::Plain, ..AuthConfig::new(username, password) }
    }

    pub(crate) fn credentials(&self) -> Credentials {
        let mechanism = match self.mechanism {
            AuthMechanism::ScramSha256 => Mechanism::ScramSha256,
            AuthMechanism::Plain => Mechanism::Plain,
        };
        Credentials::new(&self.username, &self.password, mechanism)
    }
}

impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthConfig")
            .field("username", &self.username)
            .field("password", &"[REDACTED]")
            .field("mechanism", &self.mechanism)
            .finish()
    }
}
