//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, ValueEnum};

/// Hosts the published Rivven broker until standard input ends.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Port for clients; a free one is chosen if it is not given
    #[arg(long)]
    pub(crate) port: Option<u16>,

    /// Folder of the data; a temporary one, removed at the end, if it is not given
    #[arg(long)]
    pub(crate) data_dir: Option<PathBuf>,

    /// Connections allowed from one address
    #[arg(long, default_value_t = 100)]
    pub(crate) max_connections_per_ip: u32,

    /// Requests per second allowed from one address, 0 for no limit
    #[arg(long, default_value_t = 0)]
    pub(crate) rate_limit_per_ip: u32,

    /// Partitions of a topic that is created without a number
    #[arg(long, default_value_t = 3)]
    pub(crate) default_partitions: u32,

    /// Seconds after which a silent connection is closed
    #[arg(long, default_value_t = 120)]
    pub(crate) idle_timeout_secs: u64,

    /// Largest request in bytes
    #[arg(long, default_value_t = 10_485_760)]
    pub(crate) max_request_size: usize,

    /// What the broker logs to standard error, a level or a tracing filter
    #[arg(long, default_value = "warn")]
    pub(crate) log_level: String,

    /// Host the broker's secure server: TLS, client certificates, users
    #[arg(long)]
    pub(crate) secure: bool,

    #[command(flatten)]
    pub(crate) security: Security,
}

/// Switches of the secure server.
#[derive(Debug, clap::Args)]
#[group(requires = "secure")]
pub(crate) struct Security {
    /// Whether the client port speaks TLS
    #[arg(long, value_enum, default_value_t = Switch::On)]
    pub(crate) tls: Switch,

    /// What is expected of client certificates
    #[arg(long, value_enum, default_value_t = Mtls::Off)]
    pub(crate) mtls: Mtls,

    /// Whether clients have to log in; on if there are users
    #[arg(long, value_enum)]
    pub(crate) auth: Option<Switch>,

    /// A user as NAME:PASSWORD:ROLE[,ROLE]; roles are admin, producer, consumer, read-only
    #[arg(long = "user", value_name = "USER")]
    pub(crate) users: Vec<User>,

    /// Seconds a login lasts
    #[arg(long, default_value_t = 3600)]
    pub(crate) session_timeout_secs: u64,

    /// A name or address in the server certificate, instead of localhost, 127.0.0.1 and ::1
    #[arg(long = "san", value_name = "NAME")]
    pub(crate) sans: Vec<String>,

    /// Make the server certificate one that has expired
    #[arg(long)]
    pub(crate) expired_cert: bool,
}

impl Security {
    /// Tells whether clients have to log in.
    pub(crate) fn requires_login(&self) -> bool {
        match self.auth {
            Some(auth) => auth == Switch::On,
            None => !self.users.is_empty(),
        }
    }
}

/// A setting that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

/// What the server expects of client certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mtls {
    /// None is asked for.
    Off,
    /// One is checked if the client has it.
    Optional,
    /// A client without one is refused.
    Required,
}

/// A user of the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) roles: Vec<String>,
}

impl FromStr for User {
    type Err = String;

    /// Cuts at the first and the last colon, so a password may contain some.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once(':').and_then(|(name, rest)| {
            let (password, roles) = rest.rsplit_once(':')?;
            Some((name, password, roles))
        });
        let (name, password, roles) = parts.ok_or("expected NAME:PASSWORD:ROLE[,ROLE]")?;
        Ok(Self {
            name: name.to_owned(),
            password: password.to_owned(),
            roles: roles.split(',').map(str::to_owned).collect(),
        })
    }
}
