//! From an address to a connection that is ready for requests.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};

use super::socket::Socket;
#[cfg(feature = "tls")]
use super::tls::encrypt;
use super::{Connection, Deadline, Flow, Handshake, ServerAddress};
use crate::auth::Credentials;
#[cfg(feature = "tls")]
use crate::config::TlsConfig;
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::protocol::{Operation, PROTOCOL_VERSION};

/// How a connection is made.
#[derive(Debug, Clone)]
pub(crate) struct ConnectOptions {
    /// The name that the client gives of itself.
    pub(crate) client_id: Arc<str>,
    /// The time for resolving, connecting and greeting together.
    pub(crate) timeout: Duration,
    /// How many requests are taken at once and how they are written.
    pub(crate) flow: Flow,
    /// How the connection is encrypted; plain where nothing is set.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<TlsConfig>,
    /// Who logs in, if anybody.
    pub(crate) credentials: Option<Credentials>,
}

/// The name in the handshake where none is configured.
pub(crate) const DEFAULT_CLIENT_ID: &str = "rivven-client";

/// The time to connect where none is configured.
pub(crate) const DEFAULT_CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

impl Default for ConnectOptions {
    fn default() -> Self {
        ConnectOptions {
            client_id: DEFAULT_CLIENT_ID.into(),
            timeout: DEFAULT_CONNECTION_TIMEOUT,
            flow: Flow::default(),
            #[cfg(feature = "tls")]
            tls: None,
            credentials: None,
        }
    }
}

/// Connects to a server within the time of the options, or until `limit` if that is earlier.
pub(crate) async fn connect_within(
    server: &ServerAddress,
    options: &ConnectOptions,
    limit: Deadline,
) -> Result<Connection> {
    establish(server, options, Deadline::after(options.timeout).min(limit)).await
}

/// Connects to a server within the time of the options.
pub(crate) async fn connect(server: &ServerAddress, options: &ConnectOptions) -> Result<Connection> {
    establish(server, options, Deadline::after(options.timeout)).await
}

/// Connects to a server, encrypts, exchanges the handshake and logs in, as far as each is configured.
async fn establish(server: &ServerAddress, options: &ConnectOptions, deadline: Deadline) -> Result<Connection> {
    let socket = dial(server, deadline).await?;
    let connection = start(socket, server, options, deadline).await?;
    introduce(&connection, options, deadline).await.map_err(Error::before_request)?;
    tracing::debug!(address = %server.text(), encrypted = connection.is_tls(), "connected");
    Ok(connection)
}

#[cfg(feature = "tls")]
async fn start(
    socket: Socket,
    server: &ServerAddress,
    options: &ConnectOptions,
    deadline: Deadline,
) -> Result<Connection> {
    let Some(tls) = &options.tls else { return Ok(plain(socket, server, options)) };
    match deadline.bound(encrypt(socket, tls, server)).await {
        Some(stream) => Ok(Connection::start(stream?, Arc::clone(server.text()), &options.flow)),
        None => Err(too_slow(server.text(), deadline, "the server accepted but did not answer the TLS handshake")),
    }
}

#[cfg(not(feature = "tls"))]
async fn start(socket: Socket, server: &ServerAddress, options: &ConnectOptions, _: Deadline) -> Result<Connection> {
    Ok(plain(socket, server, options))
}

fn plain(socket: Socket, server: &ServerAddress, options: &ConnectOptions) -> Connection {
    Connection::start(socket, Arc::clone(server.text()), &options.flow)
}

/// Tries every address that the name stands for, each with its share of the time.
pub(crate) async fn dial(server: &ServerAddress, deadline: Deadline) -> Result<Socket> {
    let candidates = resolve(server, deadline).await?;
    let mut last = None;
    for (tried, candidate) in candidates.iter().enumerate() {
        match deadline.share(candidates.len() - tried).bound(TcpStream::connect(candidate)).await {
            Some(Ok(tcp)) => return Socket::new(tcp).map_err(|error| refused(server, error)),
            Some(Err(error)) => last = Some(refused(server, error)),
            None => last = last.or(Some(too_slow(server.text(), deadline, "no answer to the connection attempt"))),
        }
    }
    Err(last.unwrap_or_else(|| unresolved(server, io::ErrorKind::NotFound.into())))
}

async fn resolve(server: &ServerAddress, deadline: Deadline) -> Result<Vec<SocketAddr>> {
    match deadline.bound(lookup_host((server.host(), server.port()))).await {
        Some(Ok(found)) => Ok(found.collect()),
        Some(Err(error)) => Err(unresolved(server, error)),
        None => Err(too_slow(server.text(), deadline, "the name was not resolved in time")),
    }
}

/// Exchanges the handshake and logs in, if anybody is to.
async fn introduce(connection: &Connection, options: &ConnectOptions, deadline: Deadline) -> Result<()> {
    greet(connection, options, deadline).await?;
    match &options.credentials {
        Some(credentials) => connection.log_in(credentials.clone(), deadline).await.map(drop),
        None => Ok(()),
    }
}

/// The version handshake; only a server that says it is incompatible is refused.
///
/// A broker with authentication on answers the handshake with an error at any
/// time, and an older one need not know it.
async fn greet(connection: &Connection, options: &ConnectOptions, deadline: Deadline) -> Result<()> {
    let request = Handshake { protocol_version: PROTOCOL_VERSION, client_id: &options.client_id };
    match connection.call(&request.encode()?, Handshake::decode, deadline).await {
        Ok(answer) => answer.check(connection.address()),
        Err(Error::ServerError(_)) => Ok(()),
        Err(error) if error.code() == ErrorCode::UnexpectedResponse => Ok(()),
        Err(Error::TimeoutWithMessage(_)) => {
            Err(too_slow(connection.address(), deadline, "the server accepted but did not answer the handshake"))
        }
        Err(error) => Err(error),
    }
}

fn refused(server: &ServerAddress, error: io::Error) -> Error {
    let advice = match error.kind() {
        io::ErrorKind::ConnectionRefused => "start rivvend there or correct bootstrap.servers",
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => "check the route and the firewall",
        _ => "check the address and the network",
    };
    let text = format!("connect to {} failed: {error}: {advice}", server.text());
    io_error(server, error, text, ErrorCode::ConnectionFailed)
}

/// The kind that the resolver gives says nothing: it has no name even.
fn unresolved(server: &ServerAddress, error: io::Error) -> Error {
    let error = io::Error::new(io::ErrorKind::NotFound, error);
    let text = format!("connect to {}: the name cannot be resolved: {error}: check bootstrap.servers", server.text());
    io_error(server, error, text, ErrorCode::ResolveFailed)
}

fn io_error(server: &ServerAddress, error: io::Error, text: String, code: ErrorCode) -> Error {
    let kind = error.kind();
    Error::IoError(kind, Detail::new(text).with_code(code).with_address(server.text()).with_source(error))
}

fn too_slow(address: &Arc<str>, deadline: Deadline, what: &str) -> Error {
    let timeout = deadline.limit();
    let text = format!(
        "connect to {address} timed out after {timeout:?}: {what}: check that a Rivven broker listens there or raise connection.timeout.ms"
    );
    Error::TimeoutWithMessage(
        Detail::new(text).with_code(ErrorCode::TimedOut).with_address(address).with_outcome(Outcome::NotSent),
    )
}
