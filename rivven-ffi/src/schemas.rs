//! Schemas
//!
//! A schema registry is a service of its own, asked over HTTP at its `url`:
//! `http://localhost:8081`. The broker takes no part in it.

use std::ffi::{CString, c_char};
use std::ptr;

use rivven_bridge::{GetSchema, GetSchemaVersion, RegisterSchema};
use rivven_client::{Result, Schema as Given};

use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{read, silent};
use crate::handle::{self, Opaque};
use crate::input::{invalid, required, store, text};
use crate::strings::pointer;

/// For `rivven_client_get_schema_version`: the latest version.
pub const RIVVEN_SCHEMA_VERSION_LATEST: i64 = -1;

/// A schema as the registry gives it.
///
/// It belongs to the caller, who frees it with `rivven_schema_free`. It never
/// changes, so it may be read from any thread.
pub struct rivven_schema_t {
    _opaque: [u8; 0],
}

/// A schema in the form that C reads.
pub(crate) struct Schema {
    id: Option<u32>,
    subject: Option<CString>,
    version: Option<u32>,
    schema_type: CString,
    text: CString,
}

impl Opaque for rivven_schema_t {
    type Value = Schema;
    const MARKER: u64 = 0x7269_765f_7363_686d;
    const NAME: (&'static str, &'static str) = ("schema", "rivven_client_get_schema");
}

impl From<Given> for Schema {
    fn from(schema: Given) -> Self {
        Schema {
            id: schema.id,
            subject: schema.subject.map(c_string),
            version: schema.version,
            schema_type: c_string(schema.schema_type.to_string()),
            text: c_string(schema.schema),
        }
    }
}

/// Registers a schema under a subject and stores its id in `*id`, which may be NULL.
///
/// `schema_type` is `AVRO`, `PROTOBUF` or `JSON`, in any case; `schema` is its
/// text. Registering the same again gives the same id.
///
/// Fails with `RIVVEN_CODE_INVALID_ARGUMENT` for a URL or a type that is none,
/// with `RIVVEN_CODE_UNSUPPORTED` if the library was built without schema
/// registration, and with what the registry or the connection to it answers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_register_schema(
    client: *mut rivven_client_t,
    url: *const c_char,
    subject: *const c_char,
    schema_type: *const c_char,
    schema: *const c_char,
    id: *mut u32,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the caller gives strings that end with a zero, and room for the output.
    unsafe {
        on_client(client, error, |client| {
            let register = RegisterSchema {
                url: text(url, "url")?,
                subject: text(subject, "subject")?,
                schema_type: text(schema_type, "schema_type")?,
                schema: text(schema, "schema")?,
            };
            store(id, client.start(&register)?.wait()?);
            Ok(())
        })
    }
}

/// Reads a schema by its id and stores it in `*schema`.
///
/// The caller frees it with `rivven_schema_free`. Fails as
/// `rivven_client_register_schema`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_get_schema(
    client: *mut rivven_client_t,
    url: *const c_char,
    id: u32,
    schema: *mut *mut rivven_schema_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_client(client, error, |client| {
            required(schema, "schema")?;
            let given = client.start(&GetSchema { url: text(url, "url")?, id })?.wait()?;
            schema.write(handle::make(given.into()));
            Ok(())
        })
    }
}

/// Reads a version of the schema of a subject and stores it in `*schema`.
///
/// `version` is a number or `RIVVEN_SCHEMA_VERSION_LATEST`. The caller frees
/// the schema with `rivven_schema_free`. Fails as
/// `rivven_client_register_schema`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_get_schema_version(
    client: *mut rivven_client_t,
    url: *const c_char,
    subject: *const c_char,
    version: i64,
    schema: *mut *mut rivven_schema_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it.
    unsafe {
        on_client(client, error, |client| {
            required(schema, "schema")?;
            let (url, subject) = (text(url, "url")?, text(subject, "subject")?);
            let version = version_or_latest(version)?;
            let given = client.start(&GetSchemaVersion { url, subject, version })?.wait()?;
            schema.write(handle::make(given.into()));
            Ok(())
        })
    }
}

fn version_or_latest(version: i64) -> Result<Option<u32>> {
    match version {
        RIVVEN_SCHEMA_VERSION_LATEST => Ok(None),
        _ => match u32::try_from(version) {
            Ok(version) => Ok(Some(version)),
            Err(_) => Err(invalid(format!("version is {version}: pass a number or RIVVEN_SCHEMA_VERSION_LATEST"))),
        },
    }
}

/// Gives the number of a schema in the registry; -1 if the registry does not say it, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_schema_id(schema: *const rivven_schema_t) -> i64 {
    // SAFETY: the caller gives NULL or a schema.
    unsafe { read(schema, -1, |schema| schema.id.map(i64::from)) }
}

/// Gives the subject, where the schema was asked for by one; otherwise NULL.
///
/// It lives as long as the schema.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_schema_subject(schema: *const rivven_schema_t) -> *const c_char {
    // SAFETY: the caller gives NULL or a schema.
    unsafe { read(schema, ptr::null(), |schema| Some(pointer(&schema.subject))) }
}

/// Gives the version within the subject, where the schema was asked for by one; otherwise -1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_schema_version(schema: *const rivven_schema_t) -> i64 {
    // SAFETY: the caller gives NULL or a schema.
    unsafe { read(schema, -1, |schema| schema.version.map(i64::from)) }
}

/// Gives the language of a schema: `AVRO`, `PROTOBUF` or `JSON`; NULL for NULL.
///
/// It lives as long as the schema.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_schema_type(schema: *const rivven_schema_t) -> *const c_char {
    // SAFETY: the caller gives NULL or a schema.
    unsafe { read(schema, ptr::null(), |schema| Some(schema.schema_type.as_ptr())) }
}

/// Gives the text of a schema; NULL for NULL.
///
/// It lives as long as the schema.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_schema_text(schema: *const rivven_schema_t) -> *const c_char {
    // SAFETY: the caller gives NULL or a schema.
    unsafe { read(schema, ptr::null(), |schema| Some(schema.text.as_ptr())) }
}

/// Frees a schema and the strings it gave; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_schema_free(schema: *mut rivven_schema_t) {
    // SAFETY: the caller gives NULL or a schema that is not used any more.
    silent(|| unsafe { handle::release(schema) });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_checked() {
        assert_eq!(version_or_latest(RIVVEN_SCHEMA_VERSION_LATEST).unwrap(), None);
        assert_eq!(version_or_latest(3).unwrap(), Some(3));
        assert!(version_or_latest(-2).is_err());
        assert!(version_or_latest(1 << 32).is_err());
    }
}
