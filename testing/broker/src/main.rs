//! Hosts the published Rivven broker in one process for tests and benchmarks.
//!
//! The program starts a broker on loopback, says in one line of JSON on its
//! standard output where it listens, and ends when its standard input does.
//! `README.md` describes the command line and that line.

mod announcement;
mod args;
mod broker;
mod certificates;
mod endings;
mod host;
mod log;
mod ports;
mod sockets;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match prepare(&args).and_then(|()| host::run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rivven-test-broker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Sets up what a process has once: its log and its crypto provider.
fn prepare(args: &args::Args) -> anyhow::Result<()> {
    log::start(&args.log_level)?;
    // Two providers are linked in, so rustls cannot choose by itself. Nothing
    // else installs one in this process, hence the result is of no interest.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Ok(())
}
