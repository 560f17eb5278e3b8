//! What a registry's answers mean.

use hyper::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::http::Reply;
use super::{Call, Schema, SchemaType};
use crate::error::{Detail, Error, ErrorCode, Result};

/// The most characters of a registry's message that an error repeats.
const MESSAGE_LIMIT: usize = 500;

/// The most characters that an error repeats of an answer that is none of a registry.
const EXCERPT_LIMIT: usize = 60;

/// The number that the registry gives to a version that was disabled.
const VERSION_DISABLED: u32 = 42205;

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

/// A schema on the wire; the type is left out of Avro by some registries.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    schema: String,
    schema_type: Option<String>,
    id: Option<u32>,
    subject: Option<String>,
    version: Option<u32>,
}

#[derive(Deserialize)]
struct Refusal {
    error_code: u32,
    message: String,
}

/// The id of a schema that was registered.
pub(super) fn id(reply: &Reply, call: &Call<'_>) -> Result<u32> {
    success::<Registered>(reply, call).map(|registered| registered.id)
}

/// A schema that was asked for.
pub(super) fn schema(reply: &Reply, call: &Call<'_>) -> Result<Schema> {
    let found: Described = success(reply, call)?;
    let schema_type = match found.schema_type.as_deref() {
        None => SchemaType::Avro,
        Some(name) => name.parse().map_err(|_| {
            let name = shortened(name, EXCERPT_LIMIT);
            call.failed(ErrorCode::Unsupported, format!("its type {name:?} is not known to this client"))
        })?,
    };
    Ok(Schema { id: found.id, subject: found.subject, version: found.version, schema_type, schema: found.schema })
}

fn success<T: DeserializeOwned>(reply: &Reply, call: &Call<'_>) -> Result<T> {
    if !reply.status.is_success() {
        return Err(refused(reply, call));
    }
    serde_json::from_slice(&reply.body).map_err(|_| {
        let text = format!("{} is no answer of a schema registry: check the url", shown(reply));
        Error::ProtocolError(call.detail(ErrorCode::MalformedResponse, text))
    })
}

fn refused(reply: &Reply, call: &Call<'_>) -> Error {
    if let Some(location) = reply.redirect() {
        let location = shortened(&location, EXCERPT_LIMIT * 4);
        let text = format!("{} redirects to {location:?}: use the url that it leads to", reply.status.as_u16());
        return call.failed(ErrorCode::SchemaRegistryRefused, text);
    }
    match serde_json::from_slice::<Refusal>(&reply.body) {
        Ok(refusal) => {
            let message = shortened(&refusal.message, MESSAGE_LIMIT);
            let code = code_of(reply.status, refusal.error_code);
            let detail = call.detail(code, format!("{message} (error {})", refusal.error_code));
            Error::ServerError(detail.with_registry_code(Some(refusal.error_code)))
        }
        // Not the words of a registry: a 404 does not mean a schema then.
        Err(_) => call.failed(general_code(reply.status), format!("answered with {}: check the url", shown(reply))),
    }
}

fn code_of(status: StatusCode, error_code: u32) -> ErrorCode {
    match status {
        StatusCode::NOT_FOUND => ErrorCode::SchemaNotFound,
        StatusCode::CONFLICT => ErrorCode::SchemaIncompatible,
        StatusCode::UNPROCESSABLE_ENTITY if error_code != VERSION_DISABLED => ErrorCode::SchemaInvalid,
        other => general_code(other),
    }
}

fn general_code(status: StatusCode) -> ErrorCode {
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => ErrorCode::SchemaRegistryError,
        status if status.is_server_error() => ErrorCode::SchemaRegistryError,
        _ => ErrorCode::SchemaRegistryRefused,
    }
}

/// The status and the first words of an answer.
fn shown(reply: &Reply) -> String {
    // Enough for the words to be shown, however they are spaced.
    let beginning = &reply.body[..reply.body.len().min(1024)];
    let words = String::from_utf8_lossy(beginning).split_whitespace().collect::<Vec<_>>().join(" ");
    format!("status {} and the text {:?}", reply.status.as_u16(), shortened(&words, EXCERPT_LIMIT))
}

/// At most so many characters, on one line.
fn shortened(text: &str, limit: usize) -> String {
    let mut characters = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    let mut short: String = characters.by_ref().take(limit).collect();
    if characters.next().is_some() {
        short.push_str("...");
    }
    short
}

impl Call<'_> {
    /// The registry answered with an error.
    fn failed(&self, code: ErrorCode, text: String) -> Error {
        Error::ServerError(self.detail(code, text))
    }

    /// What was attempted and what came of it.
    pub(super) fn detail(&self, code: ErrorCode, text: impl std::fmt::Display) -> Detail {
        let address = self.base.server().text();
        Detail::new(format!("{} at {address}: {text}", self.what)).with_code(code).with_address(address)
    }
}
