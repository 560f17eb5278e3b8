//! The line on standard output.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::certificates::Certificates;
use crate::ports::Ports;

/// What a launcher learns once the broker accepts connections.
#[derive(Debug, Serialize)]
pub(crate) struct Announcement<'a> {
    address: String,
    port: u16,
    api_port: Option<u16>,
    pid: u32,
    data_dir: &'a Path,
    tls: bool,
    ca_cert: Option<&'a Path>,
    client_cert: Option<&'a Path>,
    client_key: Option<&'a Path>,
    other_ca_cert: Option<&'a Path>,
}

impl<'a> Announcement<'a> {
    /// Describes a broker that listens on `ports`.
    pub(crate) fn new(ports: Ports, data_dir: &'a Path, certificates: Option<&'a Certificates>) -> Self {
        Self {
            address: ports.client_address().to_string(),
            port: ports.client,
            api_port: ports.api,
            pid: std::process::id(),
            data_dir,
            tls: certificates.is_some(),
            ca_cert: certificates.map(|c| c.ca_cert.as_path()),
            client_cert: certificates.map(|c| c.client_cert.as_path()),
            client_key: certificates.map(|c| c.client_key.as_path()),
            other_ca_cert: certificates.map(|c| c.other_ca_cert.as_path()),
        }
    }

    /// Writes the line and flushes it, since standard output is a pipe.
    pub(crate) fn print(&self) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        let mut stdout = io::stdout().lock();
        stdout.write_all(&line)?;
        stdout.flush()
    }
}
