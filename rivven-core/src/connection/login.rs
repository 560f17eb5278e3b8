//! Driving a login over a connection.

use tokio::time::Instant;

use super::{Connection, Deadline};
use crate::auth::{AuthMechanism, AuthSession, Credentials, Exchange, NONCE_BYTES, ScramError};
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::protocol::{DecodeAnswer, EncodeError, RequestFrame, Response, encode};

/// Logs in on a connection that nobody else uses meanwhile.
///
/// The deadline bounds the exchange with the server, not the key derivation,
/// which takes seconds in an unoptimised build.
pub(super) async fn log_in(
    connection: &Connection,
    credentials: &Credentials,
    deadline: Deadline,
) -> Result<AuthSession> {
    let login = Login { connection, credentials, deadline };
    let session = match credentials.mechanism {
        AuthMechanism::ScramSha256 => login.scram().await,
        AuthMechanism::Plain => login.plain().await,
    };
    session.map_err(|error| explained(error, connection, credentials)).inspect(|session| {
        tracing::debug!(address = %connection.address(), user = %credentials.username, expires_in = session.expires_in, "logged in");
    })
}

/// A login under way.
struct Login<'a> {
    connection: &'a Connection,
    credentials: &'a Credentials,
    deadline: Deadline,
}

/// What the server answers to the client's proof.
struct ServerFinal {
    message: bytes::Bytes,
    session: Option<AuthSession>,
}

impl Login<'_> {
    /// The password in clear, only ever over TLS.
    async fn plain(&self) -> Result<AuthSession> {
        if !self.connection.is_tls() {
            return Err(self.refuse_plaintext());
        }
        let (username, password) = (&*self.credentials.username, self.credentials.password.expose());
        let request = RequestFrame::new(&encode::Authenticate { username, password, require_tls: true });
        self.call(request, session).await
    }

    async fn scram(mut self) -> Result<AuthSession> {
        let exchange = Exchange::start(&self.credentials.username, random()?);
        let first = exchange.client_first();
        let request = RequestFrame::new(&encode::ScramClientFirst { message: first.as_bytes() });
        let server_first = self.call(request, challenge).await?;
        let challenge = exchange.challenge(&server_first).map_err(|error| self.broken_off(error))?;
        let deriving = Instant::now();
        let keys = self.credentials.keys(&challenge).await;
        self.deadline = self.deadline.extended(deriving.elapsed());
        let (message, proof) = challenge.prove(&keys);
        let request = RequestFrame::new(&encode::ScramClientFinal { message: message.as_bytes() });
        let answer = self.call(request, outcome).await?;
        proof.verify(&answer.message).map_err(|error| self.broken_off(error))?;
        answer.session.ok_or_else(|| self.broken_off(ScramError::MalformedFinal))
    }

    async fn call<T>(&self, request: Result<RequestFrame, EncodeError>, decode: DecodeAnswer<T>) -> Result<T> {
        self.connection.call_alone(&request?, decode, self.deadline).await
    }

    fn broken_off(&self, error: ScramError) -> Error {
        let outcome = if error == ScramError::Refused { Outcome::Rejected } else { Outcome::NotSent };
        self.failed(&error.to_string(), ErrorCode::AuthenticationFailed, outcome)
    }

    fn refuse_plaintext(&self) -> Error {
        let text = "the password would be readable on the wire: configure TLS or use SCRAM-SHA-256";
        self.failed(text, ErrorCode::AuthenticationRequiresTls, Outcome::NotSent)
    }

    fn failed(&self, why: &str, code: ErrorCode, outcome: Outcome) -> Error {
        let address = self.connection.address();
        let text = format!("log in as {} at {address}: {why}", self.credentials.username);
        Error::AuthenticationFailed(Detail::new(text).with_code(code).with_address(address).with_outcome(outcome))
    }
}

/// A broker that has authentication switched off says `UNSUPPORTED` to every login.
fn explained(error: Error, connection: &Connection, credentials: &Credentials) -> Error {
    if error.code() != ErrorCode::ServerUnsupported {
        return error;
    }
    let address = connection.address();
    let text = format!(
        "log in as {} at {address}: the broker runs without authentication: remove auth.username or start it with authentication ({error})",
        credentials.username
    );
    Error::AuthenticationFailed(Detail::new(text).with_address(address).with_outcome(Outcome::Rejected))
}

fn session(response: Response) -> Result<AuthSession, Response> {
    match response {
        Response::Authenticated { session_id, expires_in } => Ok(AuthSession::new(session_id, expires_in)),
        other => Err(other),
    }
}

fn challenge(response: Response) -> Result<bytes::Bytes, Response> {
    match response {
        Response::ScramServerFirst { message } => Ok(message),
        other => Err(other),
    }
}

fn outcome(response: Response) -> Result<ServerFinal, Response> {
    match response {
        Response::ScramServerFinal { message, session_id, expires_in } => {
            let session = session_id.zip(expires_in).map(|(id, expires_in)| AuthSession::new(id, expires_in));
            Ok(ServerFinal { message, session })
        }
        other => Err(other),
    }
}

fn random() -> Result<[u8; NONCE_BYTES]> {
    let mut bytes = [0; NONCE_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::Other(
            Detail::new(format!("the operating system gave no random bytes: {error}")).with_code(ErrorCode::Io),
        )
    })?;
    Ok(bytes)
}
