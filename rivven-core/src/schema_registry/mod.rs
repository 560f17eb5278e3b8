//! The schema registry, a service of its own that speaks HTTP.

use std::fmt;
use std::str::FromStr;

use crate::error::{Detail, Error};

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
