//! The schema registry, a service of its own that speaks HTTP.

mod answer;
mod base;
mod http;
mod methods;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base::Base;
use hyper::Method;
use serde_json::json;

pub(crate) use methods::schema_methods;

use crate::cluster::Entered;
#[cfg(feature = "tls")]
use crate::config::TlsConfig;
use crate::error::{Detail, Error, Result};

/// The most bytes that are taken of one chunk of a registry's answer: 16 MiB.
pub const MAX_CHUNK_SIZE: usize = 16 * 1024 * 1024;

/// The most bytes of a registry's answer that are read: 16 MiB.
///
/// A longer one fails with `RESPONSE_TOO_LARGE` as soon as its length is known
/// or so much has come; room is made only for what has come.
pub const MAX_RESPONSE_SIZE: usize = 16 * 1024 * 1024;

/// The language of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SchemaType {
    /// Apache Avro.
    #[default]
    Avro,
    /// Protocol Buffers.
    Protobuf,
    /// JSON Schema.
    Json,
}

impl AsRef<str> for SchemaType {
    fn as_ref(&self) -> &str {
        match self {
            SchemaType::Avro => "AVRO",
            SchemaType::Protobuf => "PROTOBUF",
            SchemaType::Json => "JSON",
        }
    }
}

impl fmt::Display for SchemaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_ref())
    }
}

impl FromStr for SchemaType {
    type Err = Error;

    /// Reads `AVRO`, `PROTOBUF` or `JSON`, in any case.
    fn from_str(text: &str) -> Result<Self, Error> {
        [SchemaType::Avro, SchemaType::Protobuf, SchemaType::Json]
            .into_iter()
            .find(|known| known.as_ref().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                Error::Misuse(Detail::new(format!("there is no schema type {text:?}: pass AVRO, PROTOBUF or JSON")))
            })
    }
}

/// A schema as the registry gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schema {
    /// Its number in the registry, where the registry says it or it was asked for by it.
    pub id: Option<u32>,
    /// The subject, where it was asked for by one.
    pub subject: Option<String>,
    /// The version within the subject, where it was asked for by one.
    pub version: Option<u32>,
    /// Its language.
    pub schema_type: SchemaType,
    /// Its text.
    pub schema: String,
}

/// What a client gives to a call of a registry.
#[derive(Debug)]
pub(crate) struct Access {
    /// The time for the whole call.
    pub(crate) timeout: Duration,
    /// What an `https` registry is trusted by; the system's roots where nothing is set.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<TlsConfig>,
    /// Held for the time of the call, where closing the client waits for calls.
    #[expect(dead_code, reason = "its drop says that the call has ended")]
    pub(crate) entered: Option<Entered>,
}

/// A call under way.
#[derive(Debug)]
struct Call<'a> {
    access: Access,
    base: Base,
    /// What is attempted, for errors.
    what: &'a str,
}

impl<'a> Call<'a> {
    fn new(access: Access, url: &str, what: &'a str) -> Result<Self> {
        let call = Call { access, base: Base::parse(url)?, what };
        #[cfg(not(feature = "tls"))]
        if call.base.is_encrypted() {
            return Err(call.no_tls());
        }
        Ok(call)
    }

    #[cfg(not(feature = "tls"))]
    fn no_tls(&self) -> Error {
        let text = "this build has no TLS: build with the feature tls or use an http url";
        Error::Other(self.detail(crate::ErrorCode::Unsupported, text).with_outcome(crate::Outcome::NotSent))
    }
}

/// Registers a schema under a subject and gives its id.
pub(crate) async fn register(access: Access, url: &str, subject: &str, schema_type: &str, schema: &str) -> Result<u32> {
    let schema_type: SchemaType = schema_type.parse()?;
    let what = format!("register a schema of {subject:?}");
    let call = Call::new(access, url, &what)?;
    let resource = format!("subjects/{}/versions", base::escaped(subject)?);
    let body = json!({ "schema": schema, "schemaType": schema_type.as_ref() }).to_string();
    answer::id(&http::exchange(&call, Method::POST, &resource, body.into()).await?, &call)
}

/// Reads a schema by its id.
pub(crate) async fn by_id(access: Access, url: &str, id: u32) -> Result<Schema> {
    let what = format!("read the schema {id}");
    let call = Call::new(access, url, &what)?;
    let reply = http::exchange(&call, Method::GET, &format!("schemas/ids/{id}"), Vec::new()).await?;
    Ok(Schema { id: Some(id), ..answer::schema(&reply, &call)? })
}

/// Reads a version of a subject's schema, the latest without one.
pub(crate) async fn by_version(access: Access, url: &str, subject: &str, version: Option<u32>) -> Result<Schema> {
    let version = version.map_or_else(|| "latest".to_owned(), |number| number.to_string());
    let what = format!("read the version {version} of the schema of {subject:?}");
    let call = Call::new(access, url, &what)?;
    let resource = format!("subjects/{}/versions/{version}", base::escaped(subject)?);
    answer::schema(&http::exchange(&call, Method::GET, &resource, Vec::new()).await?, &call)
}
