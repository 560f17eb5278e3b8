//! The real schema registry, started as a program of its own.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::broker::Process;
use crate::broker::program::REGISTRY;

/// The published schema registry on a loopback port, in a process that ends with this value.
///
/// The program is the one that the environment variable `RIVVEN_TEST_REGISTRY`
/// names, or else that of `testing/broker`, which is built if it is missing.
/// Its schemas are lost with it.
#[derive(Debug)]
pub struct TestRegistry {
    info: Info,
    _process: Process,
}

/// What the program says about a registry.
#[derive(Debug, Deserialize)]
struct Info {
    address: String,
    url: String,
    ca_cert: Option<PathBuf>,
    other_ca_cert: Option<PathBuf>,
}

impl TestRegistry {
    /// Starts a registry that speaks HTTP.
    ///
    /// # Errors
    ///
    /// What the operating system reports; that the program is missing and cannot be built.
    pub fn start() -> io::Result<Self> {
        Self::launch(Vec::new())
    }

    /// Starts a registry that speaks HTTPS, with a certificate for localhost, 127.0.0.1 and ::1.
    ///
    /// # Errors
    ///
    /// As [`start`](TestRegistry::start).
    pub fn start_with_tls() -> io::Result<Self> {
        Self::launch(vec!["--tls".into()])
    }

    fn launch(args: Vec<OsString>) -> io::Result<Self> {
        let (process, info) = Process::start(&REGISTRY, args)?;
        Ok(TestRegistry { info, _process: process })
    }

    /// `host:port` of the registry.
    pub fn address(&self) -> &str {
        &self.info.address
    }

    /// The base URL for clients.
    pub fn url(&self) -> &str {
        &self.info.url
    }

    /// Certificate of the authority that clients should trust, in PEM; none without TLS.
    pub fn ca_cert(&self) -> Option<&Path> {
        self.info.ca_cert.as_deref()
    }

    /// Certificate of an authority that signed nothing of it, in PEM; none without TLS.
    pub fn other_ca_cert(&self) -> Option<&Path> {
        self.info.other_ca_cert.as_deref()
    }
}
