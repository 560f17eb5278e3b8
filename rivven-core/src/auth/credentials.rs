//! User, password and mechanism, and the keys derived from them.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::AuthMechanism;
use super::scram::{Challenge, Keys};

/// A text that is never printed and is wiped from memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Who logs in and how; clones share the derived keys.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) username: Arc<str>,
    pub(crate) password: Secret,
    pub(crate) mechanism: AuthMechanism,
    keys: Arc<Mutex<Option<DerivedKeys>>>,
}

struct DerivedKeys {
    salt: Vec<u8>,
    iterations: u32,
    keys: Keys,
}

impl Credentials {
    pub(crate) fn new(username: &str, password: &str, mechanism: AuthMechanism) -> Self {
        Credentials { username: username.into(), password: Secret::new(password), mechanism, keys: Arc::default() }
    }

    /// The keys for a server's challenge.
    ///
    /// The derivation takes a tenth of a second of CPU or more, so it runs off
    /// the I/O threads and its result is kept for the same salt and count.
    /// Several connections that log in at once wait for one derivation.
    pub(crate) async fn keys(&self, challenge: &Challenge) -> Keys {
        let mut kept = self.keys.lock().await;
        if let Some(derived) = kept.as_ref()
            && derived.salt == challenge.salt
            && derived.iterations == challenge.iterations
        {
            return derived.keys.clone();
        }
        let (salt, iterations) = (challenge.salt.clone(), challenge.iterations);
        let derive = {
            let (password, salt) = (self.password.clone(), salt.clone());
            move || Keys::derive(password.expose(), &salt, iterations)
        };
        let keys = match tokio::task::spawn_blocking(derive.clone()).await {
            Ok(keys) => keys,
            // Only a runtime that is shutting down refuses the work; the login ends with it anyway.
            Err(_) => derive(),
        };
        *kept = Some(DerivedKeys { salt, iterations, keys: keys.clone() });
        keys
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("password", &self.password)
            .field("mechanism", &self.mechanism)
            .finish()
    }
}
