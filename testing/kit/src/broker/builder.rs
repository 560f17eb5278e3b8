//! The options of a broker.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::TestBroker;

/// Options of a [`TestBroker`]; those not set are the program's own.
#[derive(Debug, Clone, Default)]
pub struct TestBrokerBuilder {
    pub(super) port: Option<u16>,
    pub(super) data_dir: Option<PathBuf>,
    secure: bool,
    /// Options with their values, as the program takes them.
    more: Vec<String>,
}

/// What a broker expects of client certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mtls {
    /// None is asked for.
    Off,
    /// One is checked if the client has it.
    Optional,
    /// A client without one is refused.
    Required,
}

impl TestBrokerBuilder {
    /// Port for clients; a free one by default.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Folder of the data, which stays; a temporary one by default.
    pub fn data_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(dir.into());
        self
    }

    /// Partitions of a topic that is created without a number; 3 by default.
    pub fn default_partitions(self, partitions: u32) -> Self {
        self.option("default-partitions", partitions)
    }

    /// Time after which a silent connection is closed, in whole seconds; 120 s by default.
    pub fn idle_timeout(self, timeout: Duration) -> Self {
        self.option("idle-timeout-secs", timeout.as_secs())
    }

    /// Largest request in bytes; 10 MiB by default.
    pub fn max_request_size(self, bytes: usize) -> Self {
        self.option("max-request-size", bytes)
    }

    /// Connections allowed from one address; 100 by default.
    pub fn max_connections_per_ip(self, connections: u32) -> Self {
        self.option("max-connections-per-ip", connections)
    }

    /// Requests per second allowed from one address; without limit by default.
    pub fn rate_limit_per_ip(self, requests: u32) -> Self {
        self.option("rate-limit-per-ip", requests)
    }

    /// What the broker logs to standard error; `warn` by default.
    pub fn log_level(self, level: &str) -> Self {
        self.option("log-level", level)
    }

    /// The secure server, with TLS; the options below imply it.
    pub fn secure(mut self) -> Self {
        self.secure = true;
        self
    }

    /// The secure server without TLS.
    pub fn without_tls(self) -> Self {
        self.secure().option("tls", "off")
    }

    /// What is expected of client certificates; nothing by default.
    pub fn mtls(self, mtls: Mtls) -> Self {
        let mtls = match mtls {
            Mtls::Off => "off",
            Mtls::Optional => "optional",
            Mtls::Required => "required",
        };
        self.secure().option("mtls", mtls)
    }

    /// Adds a user; clients then have to log in.
    ///
    /// The broker wants eight characters in a password, with an upper-case
    /// letter, a lower-case letter, a digit and another character. Its roles are
    /// `admin`, `producer`, `consumer` and `read-only`.
    pub fn user(self, name: &str, password: &str, roles: &[&str]) -> Self {
        self.secure().option("user", format!("{name}:{password}:{}", roles.join(",")))
    }

    /// Makes clients log in even if there are no users.
    pub fn with_login(self) -> Self {
        self.secure().option("auth", "on")
    }

    /// Lets clients in without login even if there are users.
    pub fn without_login(self) -> Self {
        self.secure().option("auth", "off")
    }

    /// How long a login lasts, in whole seconds; an hour by default.
    pub fn session_timeout(self, timeout: Duration) -> Self {
        self.secure().option("session-timeout-secs", timeout.as_secs())
    }

    /// A name or address in the server certificate, instead of localhost, 127.0.0.1 and ::1.
    pub fn san(self, name: &str) -> Self {
        self.secure().option("san", name)
    }

    /// Makes the server certificate one that has expired.
    pub fn expired_certificate(mut self) -> Self {
        self.more.push("--expired-cert".to_owned());
        self.secure()
    }

    /// Starts the broker and returns when it accepts connections.
    ///
    /// # Errors
    ///
    /// What the operating system reports; that the program is missing and cannot
    /// be built; that it ended at once, for instance as the port is taken.
    pub fn start(self) -> io::Result<TestBroker> {
        TestBroker::launch(self)
    }

    fn option(mut self, name: &str, value: impl ToString) -> Self {
        self.more.push(format!("--{name}={}", value.to_string()));
        self
    }

    /// The command line.
    pub(super) fn args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = self.more.iter().map(OsString::from).collect();
        if self.secure {
            args.push("--secure".into());
        }
        if let Some(port) = self.port {
            args.push(format!("--port={port}").into());
        }
        if let Some(dir) = &self.data_dir {
            args.push("--data-dir".into());
            args.push(dir.into());
        }
        args
    }
}
