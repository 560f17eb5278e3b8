//! Who a client logs in as.

use std::fmt;

use super::properties::Properties;
use crate::auth::{AuthMechanism, Credentials};
use crate::error::{Detail, Error, Result};

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

    /// The login that properties stand for, if any.
    pub(super) fn from_properties(properties: &Properties) -> Result<Option<Self>> {
        let mechanism = match properties.get("auth.mechanism") {
            Some("plain") => AuthMechanism::Plain,
            _ => AuthMechanism::ScramSha256,
        };
        let half = |text| Err(Error::ConfigError(Detail::from(text)));
        match (properties.get("auth.username"), properties.get("auth.password")) {
            (None, None) => Ok(None),
            (Some(username), Some(password)) => {
                Ok(Some(AuthConfig { mechanism, ..AuthConfig::new(username, password) }))
            }
            (Some(_), None) => half("auth.username is set without auth.password"),
            (None, Some(_)) => half("auth.password is set without auth.username"),
        }
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
