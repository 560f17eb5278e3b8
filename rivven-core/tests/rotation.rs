//! Certificates that are replaced on disk while a client works.
#![cfg(feature = "tls")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair};
use rivven_client::{ResilientClient, ResilientClientConfig, Result, TlsConfig};
use rivven_testkit::{Mtls, TestBroker};

/// Issues a new client certificate into the files of the old one, the key first.
///
/// In between the two do not fit each other, and while a file is written it is
/// cut off: a client that connects just then cannot.
fn rotate(authority: &Issuer<'_, KeyPair>, cert: &Path, key: &Path) {
    let pair = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let issued = params.signed_by(&pair, authority).unwrap();
    fs::write(key, pair.serialize_pem()).unwrap();
    fs::write(cert, issued.pem()).unwrap();
}

/// Connections live so short that dozens are made during the test, each with
/// the certificate of its moment; calls go on over those that there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_fails_while_certificates_are_replaced() -> Result<()> {
    let broker = TestBroker::builder().secure().mtls(Mtls::Required).start().unwrap();
    let info = broker.info();
    let ca = fs::read_to_string(info.ca_cert.as_ref().unwrap()).unwrap();
    let ca_key = fs::read_to_string(info.ca_cert.as_ref().unwrap().with_file_name("ca-key.pem")).unwrap();
    let authority = Issuer::from_ca_cert_pem(&ca, KeyPair::from_pem(&ca_key).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("client.pem"), folder.path().join("client-key.pem"));
    rotate(&authority, &cert, &key);
    let tls = TlsConfig::builder()
        .ca_cert_path(info.ca_cert.as_ref().unwrap())
        .client_cert_path(&cert)
        .client_key_path(&key)
        .build()?;
    let client = ResilientClient::new(
        ResilientClientConfig::builder()
            .servers(vec![broker.address().to_owned()])
            .tls(tls, None)
            .max_connection_lifetime(Duration::from_millis(100))
            .health_check_interval(Duration::from_millis(20))
            .max_retries(0)
            .build(),
    );
    client.ping().await?;
    let done = Arc::new(AtomicBool::new(false));
    let rotations = Arc::new(AtomicU64::new(0));
    let rotator = std::thread::spawn({
        let (done, rotations, cert, key) = (Arc::clone(&done), Arc::clone(&rotations), cert.clone(), key.clone());
        move || {
            while !done.load(Ordering::Relaxed) {
                rotate(&authority, &cert, &key);
                rotations.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let load = (0..4).map(|_| {
        let (client, rotations) = (client.clone(), Arc::clone(&rotations));
        async move {
            while rotations.load(Ordering::Relaxed) < 500 {
                client.ping().await?;
                client.list_topics().await?;
            }
            Ok(())
        }
    });
    let results = join_all(load).await;
    done.store(true, Ordering::Relaxed);
    rotator.join().unwrap();
    results.into_iter().collect()
}
