//! The TLS handshake, and its failures in words.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ServerAddress;
use super::socket::Socket;
use super::stream::Stream;
use crate::config::TlsConfig;
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};

impl Stream for TlsStream<Socket> {
    const ENCRYPTED: bool = true;

    fn acknowledge_now(&self) {
        self.get_ref().0.acknowledge_now();
    }
}

/// Encrypts a fresh connection, with the certificates as they are on disk now.
pub(crate) async fn encrypt(socket: Socket, tls: &TlsConfig, server: &ServerAddress) -> Result<TlsStream<Socket>> {
    let name = tls.server_name().unwrap_or(server.host());
    let server_name = ServerName::try_from(name.to_owned())
        .map_err(|_| Error::ConfigError(Detail::new(format!("{name:?} can be no server name of TLS"))))?;
    let config = {
        let tls = tls.clone();
        let loaded = tokio::task::spawn_blocking(move || tls.load()).await;
        loaded.map_err(|_| failed(server.text(), "the runtime is shutting down"))??
    };
    TlsConnector::from(config).connect(server_name, socket).await.map_err(|error| refused(server.text(), name, error))
}

fn refused(address: &Arc<str>, name: &str, error: io::Error) -> Error {
    let why = match &error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            "the server closed the connection: check that it speaks TLS".to_owned()
        }
        _ => explain(&error, name).unwrap_or_else(|| error.to_string()),
    };
    failed(address, &why)
}

fn failed(address: &Arc<str>, why: &str) -> Error {
    let text = format!("TLS handshake with {address} failed: {why}");
    Error::ConnectionError(
        Detail::new(text).with_code(ErrorCode::TlsFailed).with_address(address).with_outcome(Outcome::NotSent),
    )
}

/// The cause of a failed handshake and what to do about it, if rustls gave the error.
pub(super) fn explain(error: &io::Error, name: &str) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        // A CA of the same name but with another key gives a bad signature.
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "the server's certificate is signed by an unknown CA: set tls.ca.cert.path to the CA that signed it".into()
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => format!("the server's certificate is not valid for {name}: correct the address or set tls.server.name"),
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "the server's certificate has expired: renew it, or check this machine's clock".into()
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "the server's certificate is not valid yet: check this machine's clock".into(),
        rustls::Error::InvalidMessage(_) => {
            "the server does not speak TLS: check the port, or connect without TLS".into()
        }
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::UnsupportedCertificate
            // Signed by a CA that has the name of the server's own, but another key.
            | AlertDescription::DecryptError,
        ) => format!(
            "the server did not accept the client's certificate ({error}): set tls.client.cert.path and tls.client.key.path to ones that its CA signed"
        ),
        other => other.to_string(),
    })
}
