//! Hosts the published Rivven schema registry in one process for tests.
//!
//! The program starts a registry on loopback, which keeps its schemas in
//! memory, says in one line of JSON on its standard output where it listens,
//! and ends when its standard input does. `README.md` of the test broker
//! describes the command line and that line.

#[path = "../../src/certificates.rs"]
mod certificates;
#[path = "../../src/endings.rs"]
mod endings;

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

use anyhow::Context;
use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use clap::Parser;
use rivven_schema::{RegistryConfig, SchemaRegistry, SchemaServer, ServerConfig};
use tempfile::TempDir;
use tracing_subscriber::EnvFilter;

use certificates::{Certificates, ServerCertificate};
use endings::Endings;

/// Hosts the published Rivven schema registry until standard input ends.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Port for clients; a free one is chosen if it is not given
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Speak HTTPS, with certificates made for the occasion
    #[arg(long)]
    tls: bool,

    /// What the registry logs to standard error, a level or a tracing filter
    #[arg(long, default_value = "warn")]
    log_level: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match host(&Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rivven-test-registry: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn host(args: &Args) -> anyhow::Result<()> {
    prepare(args)?;
    let mut endings = Endings::watch()?;
    let secrets = args.tls.then(Secrets::make).transpose()?;
    let registry = SchemaRegistry::new(RegistryConfig::memory()).await.context("open the registry")?;
    let router = SchemaServer::new(registry, ServerConfig::default()).router();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).context("listen")?;
    listener.set_nonblocking(true)?;
    announce(&listener, secrets.as_ref())?;
    tokio::select! {
        served = serve(listener, router, secrets.as_ref()) => served.context("serve"),
        _ = endings.next() => Ok(()),
    }
}

/// Sets up what a process has once: its log and its crypto provider.
fn prepare(args: &Args) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&args.log_level)?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).init();
    // Two providers are linked in, so rustls cannot choose by itself. Nothing
    // else installs one in this process, hence the result is of no interest.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Ok(())
}

/// Certificates in a folder that is removed at the end.
struct Secrets {
    certificates: Certificates,
    _folder: TempDir,
}

impl Secrets {
    fn make() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("rivven-test-registry-").tempdir()?;
        let server = ServerCertificate { sans: &[], expired: false };
        Ok(Self { certificates: Certificates::make(folder.path(), server)?, _folder: folder })
    }
}

/// Says where the registry listens; connections wait in the backlog until it serves.
fn announce(listener: &TcpListener, secrets: Option<&Secrets>) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let scheme = if secrets.is_some() { "https" } else { "http" };
    let line = serde_json::json!({
        "address": address.to_string(),
        "port": address.port(),
        "url": format!("{scheme}://{address}"),
        "pid": std::process::id(),
        "tls": secrets.is_some(),
        "ca_cert": secrets.map(|secrets| &secrets.certificates.ca_cert),
        "other_ca_cert": secrets.map(|secrets| &secrets.certificates.other_ca_cert),
    });
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}

async fn serve(listener: TcpListener, router: Router, secrets: Option<&Secrets>) -> anyhow::Result<()> {
    let service = router.into_make_service();
    match secrets {
        Some(Secrets { certificates, .. }) => {
            let tls = RustlsConfig::from_pem_file(&certificates.server_cert, &certificates.server_key).await?;
            axum_server::from_tcp_rustls(listener, tls).serve(service).await?;
        }
        None => axum_server::from_tcp(listener).serve(service).await?,
    }
    Ok(())
}
