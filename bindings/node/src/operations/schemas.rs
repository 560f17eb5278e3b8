//! Operations on schemas, which a registry keeps.

use napi_derive::napi;
use rivven_bridge::{GetSchema, GetSchemaVersion, RegisterSchema};

use crate::client::NativeClient;
use crate::failure::Failure;

#[napi]
#[allow(unreachable_pub, reason = "the macro exports only what is pub")]
impl NativeClient {
    /// Registers a schema.
    #[napi]
    pub fn register_schema(
        &self,
        token: i64,
        url: String,
        subject: String,
        schema_type: String,
        schema: String,
    ) -> Option<Failure> {
        let (subject, schema_type, schema) = (&subject, &schema_type, &schema);
        self.submit(token, &RegisterSchema { url: &url, subject, schema_type, schema })
    }

    /// Reads a schema by its id.
    #[napi]
    pub fn get_schema(&self, token: i64, url: String, id: u32) -> Option<Failure> {
        self.submit(token, &GetSchema { url: &url, id })
    }

    /// Reads a version of the schema of a subject, the latest without one.
    #[napi]
    pub fn get_schema_version(
        &self,
        token: i64,
        url: String,
        subject: String,
        version: Option<u32>,
    ) -> Option<Failure> {
        self.submit(token, &GetSchemaVersion { url: &url, subject: &subject, version })
    }
}
