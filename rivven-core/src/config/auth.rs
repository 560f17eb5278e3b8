//! Who a client logs in as.

use std::fmt;

use crate::auth::{AuthMechanism, Credentials};

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
        Credentials::new(&self.username, &self.password, self.mechanism)
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
