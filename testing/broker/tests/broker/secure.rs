//! The broker with TLS, client certificates and users.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned};

use crate::process::{PING, PONG, Process, call, fail, receive, short};

const SASL_AUTHENTICATE: u8 = 1;
const LIST_TOPICS: u8 = 7;

const AUTHENTICATED: u8 = 0;
const TOPICS: u8 = 6;

const USER: [&str; 2] = ["--user", "ann:Secr3t:word:admin"];

type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// Who a client trusts and what it shows.
struct Identity<'a> {
    ca: &'a str,
    certificate: Option<(&'a str, &'a str)>,
}

/// Connects with TLS 1.3 to `localhost`; the handshake is made by the first use.
fn connect(broker: &Process, identity: Identity<'_>) -> TlsStream {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(identity.ca).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity.certificate {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
            let key = PrivateKeyDer::from_pem_file(key).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(connection, broker.connect())
}

/// Connects without a certificate.
fn connect_with_ca(broker: &Process, ca: &str) -> TlsStream {
    connect(broker, Identity { ca: broker.text(ca), certificate: None })
}

fn ping(stream: &mut TlsStream) -> io::Result<Vec<u8>> {
    stream.write_all(&PING)?;
    receive(stream)
}

#[test]
fn speaks_tls_1_3_under_its_ca() {
    let broker = Process::start(&["--secure"]);
    assert_eq!(broker.info["tls"], true);
    assert!(broker.info["api_port"].is_null());
    let mut stream = connect_with_ca(&broker, "ca_cert");
    assert_eq!(ping(&mut stream).unwrap(), PONG);
    assert_eq!(stream.conn.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(call(&mut stream, &[LIST_TOPICS]).unwrap()[0], TOPICS);
}

#[test]
fn is_not_trusted_under_another_ca() {
    let broker = Process::start(&["--secure"]);
    assert!(ping(&mut connect_with_ca(&broker, "other_ca_cert")).is_err());
}

#[test]
fn can_show_an_expired_certificate() {
    let broker = Process::start(&["--secure", "--expired-cert"]);
    assert!(ping(&mut connect_with_ca(&broker, "ca_cert")).is_err());
}

#[test]
fn can_have_another_name() {
    let broker = Process::start(&["--secure", "--san", "broker.example"]);
    assert!(ping(&mut connect_with_ca(&broker, "ca_cert")).is_err());
}

#[test]
fn required_mtls_refuses_a_client_without_certificate() {
    let broker = Process::start(&["--secure", "--mtls", "required"]);
    assert!(ping(&mut connect_with_ca(&broker, "ca_cert")).is_err());
    assert_eq!(ping(&mut connect_with_certificate(&broker)).unwrap(), PONG);
}

#[test]
fn optional_mtls_takes_both() {
    let broker = Process::start(&["--secure", "--mtls", "optional"]);
    assert_eq!(ping(&mut connect_with_ca(&broker, "ca_cert")).unwrap(), PONG);
    assert_eq!(ping(&mut connect_with_certificate(&broker)).unwrap(), PONG);
}

fn connect_with_certificate(broker: &Process) -> TlsStream {
    let certificate = Some((broker.text("client_cert"), broker.text("client_key")));
    connect(broker, Identity { ca: broker.text("ca_cert"), certificate })
}

#[test]
fn keeps_its_ca_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    let mut broker = Process::start(&["--secure", "--data-dir", dir]);
    let ca = std::fs::read(broker.text("ca_cert")).unwrap();
    broker.signal(libc::SIGKILL);
    broker.wait();
    let broker = Process::start(&["--secure", "--data-dir", dir]);
    assert_eq!(std::fs::read(broker.text("ca_cert")).unwrap(), ca);
    assert_eq!(ping(&mut connect_with_ca(&broker, "ca_cert")).unwrap(), PONG);
}

#[test]
fn lets_its_users_log_in() {
    let broker = Process::start(&["--secure", USER[0], USER[1]]);
    let mut stream = connect_with_ca(&broker, "ca_cert");
    let refusal = call(&mut stream, &[LIST_TOPICS]).unwrap();
    assert!(String::from_utf8_lossy(&refusal).contains("AUTHENTICATION_REQUIRED"));

    let login = short(b"\0ann\0Secr3t:word");
    let login = [&[SASL_AUTHENTICATE], &short(b"PLAIN")[..], &login].concat();
    assert_eq!(call(&mut stream, &login).unwrap()[0], AUTHENTICATED);
    assert_eq!(call(&mut stream, &[LIST_TOPICS]).unwrap()[0], TOPICS);
}

#[test]
fn can_have_users_that_need_not_log_in() {
    let broker = Process::start(&["--secure", USER[0], USER[1], "--auth", "off"]);
    let mut stream = connect_with_ca(&broker, "ca_cert");
    assert_eq!(call(&mut stream, &[LIST_TOPICS]).unwrap()[0], TOPICS);
}

#[test]
fn refuses_options_that_make_no_sense() {
    let refused: [&[&str]; 3] =
        [&["--mtls", "required"], &["--secure", "--user", "ann:nobody"], &["--secure", "--user", "ann:weak:admin"]];
    for args in refused {
        assert_ne!(fail(args), "");
    }
}

#[test]
fn can_do_without_tls() {
    let broker = Process::start(&["--secure", "--tls", "off"]);
    assert_eq!(broker.info["tls"], false);
    assert!(broker.info["ca_cert"].is_null());
    assert_eq!(call(&mut broker.connect(), &[LIST_TOPICS]).unwrap()[0], TOPICS);
}
