//! The named methods that every client has, written once upon its `registry_access`.

/// Expands, inside the `impl` of a client with a method `registry_access`, to the calls of a schema registry.
macro_rules! schema_methods {
    () => {
        /// Registers a schema under a subject and gives its id.
        ///
        /// `url` is the registry's base: `http://host:8081`, with a path where
        /// there is one; the port is 80 or 443 by default. `https` needs the
        /// feature `tls`; it trusts what this client trusts, without a
        /// configuration the system's root certificates, shows the client's
        /// certificate if it has one, and expects a certificate for the host of
        /// `url` whatever `tls.server.name` says. The type is a
        /// [`SchemaType`](crate::SchemaType) or `"AVRO"`, `"PROTOBUF"` or
        /// `"JSON"` in any case. The same schema gives the same id again.
        ///
        /// The registry is a server of its own: the call opens a connection for
        /// itself, which needs no broker, and has the client's request timeout
        /// (30 s by default) in all. Answers of at most 16 MiB are read. No
        /// redirect is followed.
        ///
        /// # Errors
        ///
        /// Nothing is sent after `INVALID_ARGUMENT`, `UNSUPPORTED` for `https`
        /// without the feature, `RESOLVE_FAILED`, `CONNECTION_FAILED` and
        /// `TLS_FAILED`. The registry answers with `SCHEMA_INVALID`,
        /// `SCHEMA_INCOMPATIBLE`, `SCHEMA_REGISTRY_REFUSED`, which is also a
        /// redirect, and `SCHEMA_REGISTRY_ERROR`; its own number is in
        /// [`Error::registry_code`](crate::Error::registry_code). `TIMED_OUT`,
        /// `CONNECTION_LOST`, `RESPONSE_TOO_LARGE` and `MALFORMED_RESPONSE`
        /// leave open whether the schema is registered: repeat the call.
        pub async fn register_schema(
            &self,
            url: impl AsRef<str>,
            subject: impl AsRef<str>,
            schema_type: impl AsRef<str>,
            schema: impl AsRef<str>,
        ) -> $crate::Result<u32> {
            let access = self.registry_access()?;
            $crate::schema_registry::register(
                access,
                url.as_ref(),
                subject.as_ref(),
                schema_type.as_ref(),
                schema.as_ref(),
            )
            .await
        }

        /// Reads a schema by the id that registering gave.
        ///
        /// # Errors
        ///
        /// `SCHEMA_NOT_FOUND`, and those of reaching the registry as in
        /// [`register_schema`](Self::register_schema).
        pub async fn get_schema(&self, url: impl AsRef<str>, id: u32) -> $crate::Result<$crate::Schema> {
            $crate::schema_registry::by_id(self.registry_access()?, url.as_ref(), id).await
        }

        /// Reads a version of a subject's schema, the latest without one.
        ///
        /// # Errors
        ///
        /// `SCHEMA_NOT_FOUND`, and those of reaching the registry as in
        /// [`register_schema`](Self::register_schema).
        pub async fn get_schema_version(
            &self,
            url: impl AsRef<str>,
            subject: impl AsRef<str>,
            version: Option<u32>,
        ) -> $crate::Result<$crate::Schema> {
            let access = self.registry_access()?;
            $crate::schema_registry::by_version(access, url.as_ref(), subject.as_ref(), version).await
        }
    };
}

pub(crate) use schema_methods;
