//! Logging in: who may ask what on a connection.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use ring::{digest, hmac, pbkdf2};
use rivven_client::protocol::{Request, Response};

use super::script::{Script, Tamper};
use crate::seed::Seeded;

const KEY_LEN: usize = 32;

/// Bytes of the server's part of a nonce, before they are written in base64.
const NONCE_LEN: usize = 24;

/// What holds for all logins.
#[derive(Debug)]
pub(super) struct Logins {
    script: Script,
    /// Exchanges begun, which seed the nonces.
    begun: AtomicU64,
    /// How often all sessions were ended.
    expired: AtomicU64,
}

/// The login of a connection.
#[derive(Debug)]
pub(super) enum Session {
    Anonymous,
    Challenged(Exchange),
    LoggedIn { until: Instant, expired: u64 },
}

/// A SCRAM exchange between its first and its final message.
#[derive(Debug)]
pub(super) struct Exchange {
    user: String,
    nonce: String,
    /// The client's first message without its header, and the server's first message.
    messages: String,
}

impl Logins {
    pub(super) fn new(script: Script) -> Self {
        Logins { script, begun: AtomicU64::new(0), expired: AtomicU64::new(0) }
    }

    /// Ends all sessions.
    pub(super) fn expire(&self) {
        self.expired.fetch_add(1, Ordering::Relaxed);
    }

    /// The answer to a request that is about the login or lacks one; none for a request that may pass.
    pub(super) fn check(&self, session: &mut Session, request: &Request) -> Option<Response> {
        if self.script.users.is_empty() || *request == Request::Ping {
            return None;
        }
        match (&*session, request) {
            (_, Request::ScramClientFirst { message }) => Some(self.first(session, message)),
            (_, Request::ScramClientFinal { message }) => Some(self.last(session, message)),
            (_, Request::Authenticate { username, password, require_tls }) => {
                Some(self.plain(session, username, password, *require_tls))
            }
            (_, Request::SaslAuthenticate { mechanism, .. }) if mechanism == "PLAIN" => {
                Some(error("SASL/PLAIN requires a TLS connection"))
            }
            (_, Request::SaslAuthenticate { .. }) => Some(error("UNSUPPORTED_MECHANISM: use SCRAM-SHA-256")),
            (Session::Anonymous, _) => Some(error("AUTHENTICATION_REQUIRED: Please authenticate first")),
            (Session::Challenged(_), _) => Some(error("AUTHENTICATION_REQUIRED: Complete SCRAM handshake first")),
            (Session::LoggedIn { until, expired }, _) => {
                if Instant::now() >= *until || *expired != self.expired.load(Ordering::Relaxed) {
                    *session = Session::Anonymous;
                    return Some(error("SESSION_EXPIRED: Please re-authenticate"));
                }
                matches!(request, Request::Handshake { .. }).then(|| error("INTERNAL_ERROR: Unexpected request type"))
            }
        }
    }

    fn plain(&self, session: &mut Session, user: &str, password: &str, require_tls: bool) -> Response {
        if require_tls {
            return error("PLAINTEXT_AUTH_REQUIRES_TLS: use TLS or SCRAM");
        }
        if self.script.users.get(user).is_none_or(|known| known != password) {
            return error("AUTHENTICATION_FAILED: Authentication failed");
        }
        let (session_id, expires_in) = self.open(session);
        Response::Authenticated { session_id, expires_in }
    }

    /// Logs a connection in; gives its session id and how many seconds it lasts.
    fn open(&self, session: &mut Session) -> (String, u64) {
        let lasts = Duration::from_millis(self.script.session_ms);
        *session = Session::LoggedIn { until: Instant::now() + lasts, expired: self.expired.load(Ordering::Relaxed) };
        ("session".into(), lasts.as_secs())
    }

    fn first(&self, session: &mut Session, message: &Bytes) -> Response {
        let text = String::from_utf8_lossy(message);
        let parsed = text.strip_prefix("n,,").and_then(|bare| {
            let user = attribute(bare, "n=")?.replace("=2C", ",").replace("=3D", "=");
            Some((bare, user, attribute(bare, "r=")?))
        });
        let Some((bare, user, client_nonce)) = parsed else { return error("SCRAM_FAILED: Invalid credentials") };
        let nonce = self.nonce(client_nonce);
        let first = self.server_first(&user, &nonce);
        let messages = format!("{bare},{first}");
        *session = Session::Challenged(Exchange { user, nonce, messages });
        Response::ScramServerFirst { message: first.into() }
    }

    fn nonce(&self, client: &str) -> String {
        let own = BASE64_STANDARD.encode(random(self.begun.fetch_add(1, Ordering::Relaxed), NONCE_LEN));
        match self.script.scram.tamper {
            Some(Tamper::ForeignNonce) => own,
            Some(Tamper::EchoedNonce) => client.to_owned(),
            _ => format!("{client}{own}"),
        }
    }

    fn server_first(&self, user: &str, nonce: &str) -> String {
        let salt = BASE64_STANDARD.encode(salt_of(user));
        let iterations = self.script.scram.iterations;
        match self.script.scram.tamper {
            Some(Tamper::BadSalt) => format!("r={nonce},s=?,i={iterations}"),
            Some(Tamper::NoSalt) => format!("r={nonce},i={iterations}"),
            Some(Tamper::BadIterations) => format!("r={nonce},s={salt},i=many"),
            _ => format!("r={nonce},s={salt},i={iterations}"),
        }
    }

    fn last(&self, session: &mut Session, message: &Bytes) -> Response {
        let Session::Challenged(exchange) = std::mem::replace(session, Session::Anonymous) else {
            return error("SCRAM_FAILED: Invalid state - send client-first first");
        };
        match self.verify(&exchange, &String::from_utf8_lossy(message)) {
            Ok(signature) => {
                let (session_id, expires_in) = self.open(session);
                let message = self.server_final(signature).into();
                Response::ScramServerFinal { message, session_id: Some(session_id), expires_in: Some(expires_in) }
            }
            Err(reason) => {
                let message = format!("e={reason}").into();
                Response::ScramServerFinal { message, session_id: None, expires_in: None }
            }
        }
    }

    /// Checks the client's proof and gives the server's signature.
    fn verify(&self, exchange: &Exchange, text: &str) -> Result<Vec<u8>, &'static str> {
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or("Invalid credentials")?;
        let proof = BASE64_STANDARD.decode(proof).map_err(|_| "Invalid credentials")?;
        if attribute(without_proof, "c=") != Some("biws") || attribute(without_proof, "r=") != Some(&exchange.nonce) {
            return Err("Invalid credentials");
        }
        let password = self.script.users.get(&exchange.user).ok_or("Authentication failed")?;
        let salted = salt_password(password, &salt_of(&exchange.user), self.script.scram.iterations);
        let messages = format!("{},{without_proof}", exchange.messages);
        let client_key = mac(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, &client_key);
        let signature = mac(stored_key.as_ref(), messages.as_bytes());
        let expected: Vec<u8> = client_key.iter().zip(&signature).map(|(key, sign)| key ^ sign).collect();
        if proof != expected {
            return Err("Authentication failed");
        }
        Ok(mac(&mac(&salted, b"Server Key"), messages.as_bytes()))
    }

    fn server_final(&self, mut signature: Vec<u8>) -> String {
        match self.script.scram.tamper {
            Some(Tamper::NoSignature) => return "x=welcome".into(),
            Some(Tamper::EmptyFinal) => return String::new(),
            Some(Tamper::WrongSignature) => signature[0] ^= 1,
            _ => {}
        }
        format!("v={}", BASE64_STANDARD.encode(signature))
    }
}

fn error(message: &str) -> Response {
    Response::Error { message: message.into() }
}

/// The value of an attribute; base64 may contain `=` as well.
fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(',').find_map(|part| part.strip_prefix(name))
}

/// The salt of a user, always the same, as that of a stored password is.
fn salt_of(user: &str) -> Vec<u8> {
    let seed = user.bytes().fold(1, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    random(seed, KEY_LEN)
}

fn random(seed: u64, len: usize) -> Vec<u8> {
    let mut seeded = Seeded::new(seed);
    std::iter::repeat_with(|| seeded.next_u64() as u8).take(len).collect()
}

fn salt_password(password: &str, salt: &[u8], iterations: u32) -> [u8; KEY_LEN] {
    let mut salted = [0; KEY_LEN];
    // A script may announce 0 iterations, with which no client gets as far as this.
    let iterations = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password.as_bytes(), &mut salted);
    salted
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}
