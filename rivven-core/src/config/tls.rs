//! How connections are encrypted.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::properties::Properties;
use crate::error::{Detail, Error, Result};

/// Certificates and keys for TLS; made by [`TlsConfig::builder`].
///
/// Files are read again for every new connection, so that certificates can be
/// replaced on disk while a client runs. Clones are cheap. `Debug` shows paths,
/// never keys.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    parts: Arc<Parts>,
}

#[derive(Debug, Clone, Default)]
struct Parts {
    roots: Vec<Pem>,
    system_roots: bool,
    client_cert: Option<Pem>,
    client_key: Option<Pem>,
    server_name: Option<String>,
}

/// PEM text in a file or in memory.
#[derive(Clone)]
enum Pem {
    File(PathBuf),
    Memory(Arc<[u8]>),
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

impl Pem {
    fn place(&self) -> String {
        match self {
            Pem::File(path) => path.display().to_string(),
            Pem::Memory(_) => "PEM bytes".to_owned(),
        }
    }

    fn read(&self, what: &str) -> Result<Vec<u8>> {
        match self {
            Pem::Memory(bytes) => Ok(bytes.to_vec()),
            Pem::File(path) => fs::read(path).map_err(|error| {
                let text = format!("the {what} {} cannot be read: {error}", path.display());
                Error::ConfigError(Detail::new(text).with_source(error))
            }),
        }
    }

    fn certificates(&self, what: &str) -> Result<Vec<CertificateDer<'static>>> {
        let pem = self.read(what)?;
        let found: Vec<_> =
            CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| self.unusable(what))?;
        if found.is_empty() { Err(self.unusable(what)) } else { Ok(found) }
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>> {
        let pem = zeroize::Zeroizing::new(self.read("client key")?);
        PrivateKeyDer::from_pem_slice(&pem).map_err(|_| self.unusable("client key"))
    }

    fn unusable(&self, what: &str) -> Error {
        invalid(format!("the {what} {} holds none in PEM form", self.place()))
    }
}

fn invalid(text: String) -> Error {
    Error::ConfigError(Detail::new(text))
}

impl TlsConfig {
    /// Begins with the system's root certificates and no client certificate.
    pub fn builder() -> TlsConfigBuilder {
        TlsConfigBuilder { parts: Parts::default() }
    }

    /// The server name to expect instead of the dialled host, where one is set.
    pub fn server_name(&self) -> Option<&str> {
        self.parts.server_name.as_deref()
    }

    /// What the keys `tls.*` stand for; `None` if they ask for no encryption.
    pub(super) fn from_properties(properties: &Properties) -> Result<Option<Self>> {
        let path = |name| properties.explicit(name);
        let (ca, cert, key) = (path("tls.ca.cert.path"), path("tls.client.cert.path"), path("tls.client.key.path"));
        let name = path("tls.server.name");
        let any = [ca, cert, key, name].iter().any(Option::is_some);
        let enabled = properties.explicit("tls.enabled").map_or(any, |flag| flag == "true");
        if !enabled {
            return Ok(None);
        }
        let file = |path: &str| Pem::File(path.into());
        let parts = Parts {
            roots: ca.map(file).into_iter().collect(),
            system_roots: false,
            client_cert: cert.map(file),
            client_key: key.map(file),
            server_name: name.map(str::to_owned),
        };
        TlsConfigBuilder { parts }.build().map(Some)
    }

    /// The system's root certificates alone; they are read when they are needed.
    #[cfg(feature = "schema-registry")]
    pub(crate) fn system() -> Self {
        TlsConfig { parts: Arc::default() }
    }

    /// The same, expecting certificates for another server name if one is given.
    pub(crate) fn expecting(mut self, server_name: Option<String>) -> Self {
        if server_name.is_some() {
            Arc::make_mut(&mut self.parts).server_name = server_name;
        }
        self
    }

    /// Reads the files and makes what rustls needs.
    pub(crate) fn load(&self) -> Result<Arc<ClientConfig>> {
        let provider = Arc::new(ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> =
            WebPkiServerVerifier::builder_with_provider(Arc::new(self.parts.roots()?), Arc::clone(&provider))
                .build()
                .map_err(|error| invalid(format!("the root certificates cannot be used: {error}")))?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(format!("TLS cannot be set up: {error}")))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match (&self.parts.client_cert, &self.parts.client_key) {
            (Some(cert), Some(key)) => {
                builder.with_client_auth_cert(cert.certificates("client certificate")?, key.key()?).map_err(
                    |error| invalid(format!("the client certificate {cert:?} and the key {key:?} do not fit: {error}")),
                )?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }
}

impl Parts {
    fn roots(&self) -> Result<RootCertStore> {
        let mut store = RootCertStore::empty();
        for pem in &self.roots {
            for certificate in pem.certificates("CA certificate")? {
                store.add(certificate).map_err(|_| pem.unusable("CA certificate"))?;
            }
        }
        if self.system_roots || self.roots.is_empty() {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        if store.is_empty() {
            return Err(invalid(
                "there are no root certificates: the system has none, set tls.ca.cert.path".to_owned(),
            ));
        }
        Ok(store)
    }
}

/// Builds a [`TlsConfig`].
#[derive(Debug, Clone)]
pub struct TlsConfigBuilder {
    parts: Parts,
}

impl TlsConfigBuilder {
    /// Trusts the certificates of a PEM file, instead of the system's (`tls.ca.cert.path`).
    pub fn ca_cert_path(mut self, path: impl AsRef<Path>) -> Self {
        self.parts.roots.push(Pem::File(path.as_ref().to_owned()));
        self
    }

    /// Trusts certificates in PEM form, instead of the system's.
    pub fn ca_cert_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.parts.roots.push(Pem::Memory(pem.as_ref().into()));
        self
    }

    /// Trusts the system's root certificates besides those given.
    ///
    /// They are trusted anyway where none are given. They come from the
    /// operating system's store; `SSL_CERT_FILE` and `SSL_CERT_DIR` override it.
    pub fn system_roots(mut self, trusted: bool) -> Self {
        self.parts.system_roots = trusted;
        self
    }

    /// The client's certificate chain, a PEM file (`tls.client.cert.path`); needs a key too.
    pub fn client_cert_path(mut self, path: impl AsRef<Path>) -> Self {
        self.parts.client_cert = Some(Pem::File(path.as_ref().to_owned()));
        self
    }

    /// The client's certificate chain in PEM form; needs a key too.
    pub fn client_cert_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.parts.client_cert = Some(Pem::Memory(pem.as_ref().into()));
        self
    }

    /// The key of the client's certificate, a PEM file (`tls.client.key.path`).
    pub fn client_key_path(mut self, path: impl AsRef<Path>) -> Self {
        self.parts.client_key = Some(Pem::File(path.as_ref().to_owned()));
        self
    }

    /// The key of the client's certificate in PEM form.
    pub fn client_key_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.parts.client_key = Some(Pem::Memory(pem.as_ref().into()));
        self
    }

    /// The name that the server's certificate must have, instead of the dialled host (`tls.server.name`).
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.parts.server_name = Some(name.into());
        self
    }

    /// Checks the settings and the files.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` if a file cannot be read or used, a key does not fit
    /// its certificate, only one of the two is set, or no root is trusted.
    pub fn build(self) -> Result<TlsConfig> {
        match (&self.parts.client_cert, &self.parts.client_key) {
            (Some(_), None) => return Err(invalid("a client certificate is set without its key".to_owned())),
            (None, Some(_)) => return Err(invalid("a client key is set without its certificate".to_owned())),
            _ => {}
        }
        let config = TlsConfig { parts: Arc::new(self.parts) };
        config.load()?;
        Ok(config)
    }
}
