//! Logins.

use napi_derive::napi;
use rivven_client::AuthConfig;

use crate::client::NativeClient;
use crate::failure::Failure;

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeClient {
    /// Logs in with the password itself.
    #[napi]
    pub fn authenticate(&self, token: i64, username: String, password: String) -> Option<Failure> {
        self.log_in(token, &AuthConfig::plain(username, password))
    }

    /// Logs in by SCRAM-SHA-256.
    #[napi]
    pub fn authenticate_scram(&self, token: i64, username: String, password: String) -> Option<Failure> {
        self.log_in(token, &AuthConfig::new(username, password))
    }
}
