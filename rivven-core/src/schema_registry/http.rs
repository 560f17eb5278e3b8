//! One request over HTTP and its answer, within bounds.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::future::pending;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Call, MAX_CHUNK_SIZE, MAX_RESPONSE_SIZE};
#[cfg(feature = "tls")]
use crate::config::TlsConfig;
#[cfg(feature = "tls")]
use crate::connection::encrypt;
use crate::connection::{Deadline, Socket, dial};
use crate::error::{Error, ErrorCode, Outcome, Result};

const CONTENT: &str = "application/vnd.schemaregistry.v1+json";
const ACCEPTED: &str = "application/vnd.schemaregistry.v1+json, application/json";

/// The most bytes of an answer's head.
const MAX_HEAD_SIZE: usize = 64 * 1024;

/// An answer, whole.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    location: Option<String>,
    pub(super) body: Bytes,
}

impl Reply {
    /// Where a redirect leads; empty if it does not say.
    pub(super) fn redirect(&self) -> Option<String> {
        self.status.is_redirection().then(|| self.location.clone().unwrap_or_default())
    }
}

/// Sends a request, on a connection of its own, and reads the answer.
pub(super) async fn exchange(call: &Call<'_>, method: Method, resource: &str, body: Vec<u8>) -> Result<Reply> {
    let request = request(call, method, resource, body)?;
    let deadline = Deadline::after(call.access.timeout);
    let socket = dial(call.base.server(), deadline).await.map_err(|error| not_connected(call, error))?;
    if call.base.is_encrypted() {
        return secured(call, socket, request, deadline).await;
    }
    within(call, deadline, converse(call, socket, request)).await
}

fn request(call: &Call<'_>, method: Method, resource: &str, body: Vec<u8>) -> Result<Request<Full<Bytes>>> {
    Request::builder()
        .method(method)
        .uri(call.base.path_to(resource))
        .header(HOST, call.base.host_header())
        .header(USER_AGENT, concat!("rivven-client/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, ACCEPTED)
        .header(CONTENT_TYPE, CONTENT)
        .header(CONNECTION, "close")
        .body(Full::new(body.into()))
        .map_err(|error| Error::Misuse(call.detail(ErrorCode::InvalidArgument, error)))
}

#[cfg(feature = "tls")]
async fn secured(call: &Call<'_>, socket: Socket, request: Request<Full<Bytes>>, deadline: Deadline) -> Result<Reply> {
    let server = call.base.server();
    // The configured server name is the broker's.
    let tls = call.access.tls.clone().unwrap_or_else(TlsConfig::system).expecting(Some(server.host().to_owned()));
    let stream = match deadline.bound(encrypt(socket, &tls, server)).await {
        Some(stream) => stream?,
        None => return Err(too_slow(call, deadline, "no answer to the TLS handshake", Outcome::NotSent)),
    };
    within(call, deadline, converse(call, stream, request)).await
}

#[cfg(not(feature = "tls"))]
async fn secured(call: &Call<'_>, _: Socket, _: Request<Full<Bytes>>, _: Deadline) -> Result<Reply> {
    Err(call.no_tls())
}

async fn within(call: &Call<'_>, deadline: Deadline, work: impl Future<Output = Result<Reply>>) -> Result<Reply> {
    let late = || too_slow(call, deadline, "the registry did not answer in time", Outcome::Unknown);
    deadline.bound(work).await.unwrap_or_else(|| Err(late()))
}

/// Sends the request and reads the answer, while the connection is driven beside.
async fn converse<S>(call: &Call<'_>, stream: S, request: Request<Full<Bytes>>) -> Result<Reply>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_SIZE)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(call, error))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| broken(call, error))?;
        read(call, response).await
    };
    // The connection may end before the last of the answer is taken out of it;
    // its failure is that of the answer too.
    let driver = async {
        let _ = connection.await;
        pending::<Infallible>().await
    };
    tokio::select! {
        reply = answer => reply,
        never = driver => match never {},
    }
}

async fn read(call: &Call<'_>, response: Response<Incoming>) -> Result<Reply> {
    let (head, body) = response.into_parts();
    let location = head.headers.get(LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Ok(Reply { status: head.status, location, body: read_body(call, body).await? })
}

/// Reads a body piece by piece: no announced length is believed, so none makes room for itself.
async fn read_body(call: &Call<'_>, mut body: Incoming) -> Result<Bytes> {
    if body.size_hint().lower() > MAX_RESPONSE_SIZE as u64 {
        return Err(too_large(call));
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // What is no data is trailers, which say nothing.
        let Ok(data) = frame.map_err(|error| broken(call, error))?.into_data() else { continue };
        if data.len() > MAX_CHUNK_SIZE || whole.len() + data.len() > MAX_RESPONSE_SIZE {
            return Err(too_large(call));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

fn too_large(call: &Call<'_>) -> Error {
    let text = format!("the answer is over {MAX_RESPONSE_SIZE} bytes: check that a schema registry listens there");
    Error::ProtocolError(call.detail(ErrorCode::ResponseTooLarge, text))
}

fn too_slow(call: &Call<'_>, deadline: Deadline, what: &str, outcome: Outcome) -> Error {
    let limit = deadline.limit();
    let text = format!("timed out after {limit:?}: {what}: check the registry or raise the request timeout");
    Error::TimeoutWithMessage(call.detail(ErrorCode::TimedOut, text).with_outcome(outcome))
}

/// The connector's error in the words of a registry.
fn not_connected(call: &Call<'_>, error: Error) -> Error {
    let code = error.code();
    let cause =
        error.detail().and_then(|detail| detail.source()).map_or_else(String::new, |cause| format!(": {cause}"));
    match error {
        Error::IoError(kind, _) if code == ErrorCode::ResolveFailed => {
            Error::IoError(kind, call.detail(code, format!("the name cannot be resolved{cause}: check the url")))
        }
        Error::IoError(kind, _) => {
            let text = format!("no connection{cause}: start the registry there or correct the url");
            Error::IoError(kind, call.detail(code, text))
        }
        _ => too_slow(call, Deadline::after(call.access.timeout), "no connection could be made", Outcome::NotSent),
    }
}

/// What hyper says of a conversation that failed.
fn broken(call: &Call<'_>, error: hyper::Error) -> Error {
    let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
    if error.is_parse() {
        let text = format!("the answer is not HTTP/1.1 ({error}{cause}): check the url");
        return Error::ProtocolError(call.detail(ErrorCode::MalformedResponse, text).with_source(error));
    }
    let text = format!("the connection ended before the whole answer came ({error}{cause}): try again");
    Error::ConnectionError(call.detail(ErrorCode::ConnectionLost, text).with_source(error))
}
