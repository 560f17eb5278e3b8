//! The two servers of the published crate behind one type.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use rivven_core::tls::{MtlsMode, TlsConfig, TlsConfigBuilder};
use rivven_core::{AuthConfig, AuthManager, GroupCommitWal, PrincipalType};
use rivvend::{Cli, ClusterServer, SecureServer, SecureServerConfig};

use crate::args::{Args, Mtls, Security, User};
use crate::certificates::Certificates;
use crate::ports::{Ports, loopback};

/// A broker that has opened its data but does not listen yet.
pub(crate) enum Broker {
    /// The server of the `rivvend` program.
    Plain(Box<ClusterServer>),
    /// The server with TLS and users, which the program does not offer.
    Secure(Box<SecureServer>),
}

/// Asks a broker to stop; may be called from any thread.
pub(crate) type Stop = Box<dyn Fn()>;

impl Broker {
    /// Opens the data and prepares the server that `args` ask for.
    pub(crate) async fn open(
        args: &Args,
        ports: Ports,
        data_dir: &Path,
        certificates: Option<&Certificates>,
    ) -> anyhow::Result<Self> {
        let cli = command_line(args, ports, data_dir)?;
        if !args.secure {
            return Ok(Self::Plain(Box::new(ClusterServer::new(cli).await?)));
        }
        let config = secure_config(args, ports.client_address(), certificates);
        let users = auth_manager(&args.security)?;
        let store = cli.to_core_config();
        let server = SecureServer::with_auth_manager(store, config, Some(users)).await?;
        Ok(Self::Secure(Box::new(server)))
    }

    /// A function that makes [`Broker::serve`] return.
    pub(crate) fn stop(&self) -> Stop {
        match self {
            Self::Plain(server) => {
                let handle = server.get_shutdown_handle();
                Box::new(move || handle.shutdown())
            }
            Self::Secure(server) => {
                let handle = server.get_shutdown_handle();
                Box::new(move || handle.shutdown())
            }
        }
    }

    /// What is left to do for a clean stop once the server is gone.
    pub(crate) fn epilogue(&self, data_dir: &Path) -> Epilogue {
        match self {
            Self::Plain(_) => Epilogue { log: None },
            Self::Secure(_) => Epilogue { log: Some(data_dir.join("wal")) },
        }
    }

    /// Listens and serves until stopped; fails if a port is taken.
    pub(crate) async fn serve(self) -> anyhow::Result<()> {
        match self {
            Self::Plain(server) => server.start().await,
            Self::Secure(server) => server.start().await,
        }
    }
}

/// The end of a clean stop.
///
/// The plain server removes its write-ahead log when it stops; the secure one
/// leaves it, and the next start would append all its records a second time.
/// The segment files are complete by then: a record is acknowledged after it
/// was written to both. Committed offsets that the secure server has not saved
/// yet (it does so every fifty commits) cannot be reached and are lost.
pub(crate) struct Epilogue {
    log: Option<PathBuf>,
}

impl Epilogue {
    /// Does it; the server must have been dropped.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self.log {
            Some(dir) => GroupCommitWal::checkpoint_dir(&dir).context("remove the log"),
            None => Ok(()),
        }
    }
}

/// The options as the `rivvend` program takes them.
fn command_line(args: &Args, ports: Ports, data_dir: &Path) -> anyhow::Result<Cli> {
    let data_dir = data_dir.to_str().context("the data folder's name is not UTF-8")?;
    let api = loopback(ports.api.unwrap_or(0));
    let cli = Cli::try_parse_from([
        "rivvend",
        "--no-dashboard",
        "--no-require-auth",
        &format!("--bind={}", ports.client_address()),
        &format!("--api-bind={api}"),
        // Release 0.0.22 takes this address but never binds it.
        &format!("--metrics-bind={}", loopback(0)),
        &format!("--data-dir={data_dir}"),
        &format!("--max-connections-per-ip={}", args.max_connections_per_ip),
        &format!("--rate-limit-per-ip={}", args.rate_limit_per_ip),
        &format!("--default-partitions={}", args.default_partitions),
        &format!("--idle-timeout-secs={}", args.idle_timeout_secs),
        &format!("--max-request-size={}", args.max_request_size),
        &format!("--log-level={}", args.log_level),
    ])?;
    cli.validate().map_err(anyhow::Error::msg)?;
    Ok(cli)
}

fn secure_config(args: &Args, bind_addr: SocketAddr, certificates: Option<&Certificates>) -> SecureServerConfig {
    SecureServerConfig {
        bind_addr,
        tls_config: certificates.map(|files| tls_config(files, args.security.mtls)),
        max_connections_per_ip: args.max_connections_per_ip,
        rate_limit_per_ip: args.rate_limit_per_ip,
        idle_timeout: Duration::from_secs(args.idle_timeout_secs),
        max_message_size: args.max_request_size,
        require_auth: args.security.requires_login(),
        ..SecureServerConfig::default()
    }
}

fn tls_config(files: &Certificates, mtls: Mtls) -> TlsConfig {
    let config = TlsConfigBuilder::new().with_cert_file(&files.server_cert).with_key_file(&files.server_key);
    let config = match mtls {
        Mtls::Off => config.with_mtls_mode(MtlsMode::Disabled),
        Mtls::Optional => config.with_client_ca_file(&files.ca_cert).with_mtls_mode(MtlsMode::Optional),
        Mtls::Required => config.with_client_ca_file(&files.ca_cert).with_mtls_mode(MtlsMode::Required),
    };
    config.build()
}

fn auth_manager(security: &Security) -> anyhow::Result<Arc<AuthManager>> {
    let manager = AuthManager::new(AuthConfig {
        require_authentication: security.requires_login(),
        session_timeout: Duration::from_secs(security.session_timeout_secs),
        ..AuthConfig::default()
    });
    for User { name, password, roles } in &security.users {
        let roles = roles.iter().cloned().collect();
        manager
            .create_principal(name, password, PrincipalType::User, roles)
            .with_context(|| format!("create user {name}"))?;
    }
    Ok(Arc::new(manager))
}
