//! SCRAM-SHA-256 (RFC 5802, RFC 7677) from the client's side, without I/O.
//!
//! No channel binding; name and password are taken as they are, without
//! SASLprep, as the broker does.
//!
//! An exchange goes [`Exchange::start`] -> [`Exchange::challenge`] ->
//! [`Challenge::prove`] -> [`Proof::verify`]. Each step refuses what a server
//! that does not know the password could try.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

/// Fewer rounds would make the password cheap to guess (RFC 7677, section 4).
const MIN_ITERATIONS: u32 = 4096;

/// More would let a server keep a core busy for long; the broker asks for 600 000.
const MAX_ITERATIONS: u32 = 10_000_000;

/// Random bytes in the client's nonce.
pub(crate) const NONCE_BYTES: usize = 24;

/// `n,,` in base64: no channel binding, no other identity.
const CHANNEL_BINDING: &str = "c=biws";

/// Why an exchange was broken off; never holds anything of the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScramError {
    /// The server's first message lacks a part or cannot be read.
    MalformedChallenge,
    /// The server's nonce does not continue ours.
    ForeignNonce,
    /// The server asks for so many rounds, outside of what is safe.
    Iterations(u64),
    /// The server's final message is neither a signature nor an error.
    MalformedFinal,
    /// The server does not know the password.
    WrongSignature,
    /// The server refused the login.
    Refused,
}

impl fmt::Display for ScramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScramError::MalformedChallenge => f.write_str("the server's challenge cannot be read"),
            ScramError::ForeignNonce => f.write_str("the server's nonce does not continue the client's"),
            ScramError::Iterations(count) => write!(
                f,
                "the server asks for {count} rounds of key derivation, accepted are {MIN_ITERATIONS} to {MAX_ITERATIONS}"
            ),
            ScramError::MalformedFinal => f.write_str("the server's final message cannot be read"),
            ScramError::WrongSignature => f.write_str("the server did not prove that it knows the password"),
            ScramError::Refused => f.write_str("the server refused the user or the password"),
        }
    }
}

/// The client's side after its first message.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    nonce: String,
    bare: String,
}

impl Exchange {
    /// Begins an exchange with fresh random bytes.
    pub(crate) fn start(username: &str, random: [u8; NONCE_BYTES]) -> Self {
        Self::with_nonce(username, STANDARD.encode(random))
    }

    fn with_nonce(username: &str, nonce: String) -> Self {
        let escaped = username.replace('=', "=3D").replace(',', "=2C");
        Exchange { bare: format!("n={escaped},r={nonce}"), nonce }
    }

    /// The message to send first.
    pub(crate) fn client_first(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// Reads the server's first message.
    pub(crate) fn challenge(&self, server_first: &[u8]) -> Result<Challenge, ScramError> {
        let text = std::str::from_utf8(server_first).map_err(|_| ScramError::MalformedChallenge)?;
        let attribute = |name| attribute(text, name).ok_or(ScramError::MalformedChallenge);
        let nonce = attribute("r=")?;
        if nonce.strip_prefix(self.nonce.as_str()).is_none_or(str::is_empty) {
            return Err(ScramError::ForeignNonce);
        }
        let salt = STANDARD.decode(attribute("s=")?).map_err(|_| ScramError::MalformedChallenge)?;
        if salt.is_empty() {
            return Err(ScramError::MalformedChallenge);
        }
        let asked: u64 = attribute("i=")?.parse().map_err(|_| ScramError::MalformedChallenge)?;
        let iterations = u32::try_from(asked)
            .ok()
            .filter(|count| (MIN_ITERATIONS..=MAX_ITERATIONS).contains(count))
            .ok_or(ScramError::Iterations(asked))?;
        let without_proof = format!("{CHANNEL_BINDING},r={nonce}");
        let auth_message = format!("{},{text},{without_proof}", self.bare);
        Ok(Challenge { salt, iterations, without_proof, auth_message })
    }
}

/// What the server asks for.
#[derive(Debug, Clone)]
pub(crate) struct Challenge {
    pub(crate) salt: Vec<u8>,
    pub(crate) iterations: u32,
    without_proof: String,
    auth_message: String,
}

impl Challenge {
    /// The client's final message, and what the server's has to be.
    pub(crate) fn prove(&self, keys: &Keys) -> (String, Proof) {
        let stored_key = Sha256::digest(keys.client);
        let signature = hmac(&stored_key, self.auth_message.as_bytes());
        let mut proof = keys.client;
        proof.iter_mut().zip(signature).for_each(|(byte, mask)| *byte ^= mask);
        let client_final = format!("{},p={}", self.without_proof, STANDARD.encode(proof));
        (client_final, Proof { server_key: keys.server, auth_message: self.auth_message.clone() })
    }
}

/// What the server has to answer to the client's proof.
pub(crate) struct Proof {
    server_key: [u8; 32],
    auth_message: String,
}

impl Proof {
    /// Compares the server's final message in constant time.
    pub(crate) fn verify(&self, server_final: &[u8]) -> Result<(), ScramError> {
        let text = std::str::from_utf8(server_final).map_err(|_| ScramError::MalformedFinal)?;
        if text.starts_with("e=") {
            return Err(ScramError::Refused);
        }
        let signature = attribute(text, "v=").ok_or(ScramError::MalformedFinal)?;
        let signature = STANDARD.decode(signature).map_err(|_| ScramError::MalformedFinal)?;
        let expected = mac(&self.server_key, self.auth_message.as_bytes());
        expected.verify_slice(&signature).map_err(|_| ScramError::WrongSignature)
    }
}

/// The two keys that a password and a salt give.
#[derive(Clone)]
pub(crate) struct Keys {
    client: [u8; 32],
    server: [u8; 32],
}

impl Keys {
    /// PBKDF2-HMAC-SHA-256: some tenths of a second of CPU at 600 000 rounds.
    pub(crate) fn derive(password: &str, salt: &[u8], iterations: u32) -> Self {
        let mut salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations);
        let keys = Keys { client: hmac(&salted, b"Client Key"), server: hmac(&salted, b"Server Key") };
        salted.zeroize();
        keys
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.client.zeroize();
        self.server.zeroize();
    }
}

fn mac(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes every key"));
    mac.update(message);
    mac
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    mac(key, message).finalize().into_bytes().into()
}

/// The value behind a two-character prefix; base64 values contain `=` themselves.
fn attribute<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.split(',').find_map(|part| part.strip_prefix(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../../../testing/vectors/scram.json")).unwrap()
    }

    fn text<'a>(value: &'a Value, field: &str) -> &'a str {
        value[field].as_str().unwrap_or_else(|| panic!("{field} is missing"))
    }

    #[test]
    fn the_exchanges_of_the_vectors_are_reproduced() {
        for exchange in vectors()["exchanges"].as_array().unwrap() {
            let ours = Exchange::with_nonce(text(exchange, "username"), text(exchange, "client_nonce").to_owned());
            assert_eq!(ours.client_first(), text(exchange, "client_first"));
            let challenge = ours.challenge(text(exchange, "server_first").as_bytes()).unwrap();
            assert_eq!(u64::from(challenge.iterations), exchange["iterations"].as_u64().unwrap());
            let keys = Keys::derive(text(exchange, "password"), &challenge.salt, challenge.iterations);
            let (client_final, proof) = challenge.prove(&keys);
            assert_eq!(client_final, text(exchange, "client_final"));
            proof.verify(text(exchange, "server_final").as_bytes()).unwrap();
            assert_eq!(proof.verify(b"v=AAAA"), Err(ScramError::WrongSignature));
            assert_eq!(proof.verify(b"e=Authentication failed"), Err(ScramError::Refused));
            for neither in [&b""[..], b"v", b"x=1", b"v=%", b"\xff"] {
                assert_eq!(proof.verify(neither), Err(ScramError::MalformedFinal));
            }
        }
    }

    #[test]
    fn the_challenges_of_the_vectors_are_refused() {
        let nonce = STANDARD.encode([0x11; NONCE_BYTES]);
        for case in vectors()["server_first_must_reject"].as_array().unwrap() {
            let refused = Exchange::with_nonce("user", nonce.clone()).challenge(text(case, "message").as_bytes());
            assert!(refused.is_err(), "{}", text(case, "why"));
        }
    }

    #[test]
    fn a_server_that_cheats_is_refused() {
        let exchange = Exchange::start("user", [0x11; NONCE_BYTES]);
        let nonce = STANDARD.encode([0x11; NONCE_BYTES]);
        let cases = [
            (format!("r={nonce},s=AAAA,i=4096"), ScramError::ForeignNonce),
            (format!("r=x{nonce},s=AAAA,i=4096"), ScramError::ForeignNonce),
            (format!("r={nonce}x,s=AAAA,i=1"), ScramError::Iterations(1)),
            (format!("r={nonce}x,s=AAAA,i=4000000000"), ScramError::Iterations(4_000_000_000)),
            (format!("r={nonce}x,s=AAAA,i=-1"), ScramError::MalformedChallenge),
            (format!("r={nonce}x,s=,i=4096"), ScramError::MalformedChallenge),
            (format!("r={nonce}x,i=4096"), ScramError::MalformedChallenge),
        ];
        for (message, error) in cases {
            assert_eq!(exchange.challenge(message.as_bytes()).unwrap_err(), error, "{message}");
        }
        assert_eq!(exchange.challenge(b"\xff").unwrap_err(), ScramError::MalformedChallenge);
    }

    /// Damages a good message, or makes one up.
    fn damaged(u: &mut arbtest::arbitrary::Unstructured<'_>, good: &str) -> arbtest::arbitrary::Result<Vec<u8>> {
        let mut bytes = good.as_bytes().to_vec();
        for _ in 0..u.int_in_range(0..=4)? {
            let at = u.int_in_range(0..=bytes.len().saturating_sub(1))?;
            match u.int_in_range(0..=3)? {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, u.arbitrary()?),
                2 => bytes.extend_from_slice(u.arbitrary::<&[u8]>()?),
                _ if !bytes.is_empty() => bytes[at] = u.arbitrary()?,
                _ => {}
            }
        }
        Ok(bytes)
    }

    #[test]
    fn no_message_of_a_server_does_harm() {
        let exchange = Exchange::start("user", [0x11; NONCE_BYTES]);
        let good = format!("r={}server,s=AAECAwQFBgc=,i=4096", STANDARD.encode([0x11; NONCE_BYTES]));
        let keys = Keys { client: [1; 32], server: [2; 32] };
        let (_, proof) = exchange.challenge(good.as_bytes()).unwrap().prove(&keys);
        let signature = hmac(&keys.server, proof.auth_message.as_bytes());
        let last = format!("v={}", STANDARD.encode(signature));
        assert_eq!(proof.verify(last.as_bytes()), Ok(()));
        arbtest::arbtest(|u| {
            if let Ok(challenge) = exchange.challenge(&damaged(u, &good)?) {
                assert!(
                    (MIN_ITERATIONS..=MAX_ITERATIONS).contains(&challenge.iterations) && !challenge.salt.is_empty()
                );
            }
            let answer = damaged(u, &last)?;
            if proof.verify(&answer).is_ok() {
                let value = std::str::from_utf8(&answer).ok().and_then(|text| attribute(text, "v="));
                assert_eq!(STANDARD.decode(value.unwrap()).unwrap(), signature, "only the true signature is accepted");
            }
            Ok(())
        });
    }
}
