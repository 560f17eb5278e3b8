//! The commands that developers and CI run: `cargo xtask --help` lists them.

mod bench;
mod broker;
mod build;
mod checks;
mod ci;
mod covers;
mod ctests;
mod demo;
mod generated;
mod header;
mod install;
mod language;
mod performance;
mod progress;
mod session;
mod snippets;
mod soak;
mod surface;
mod table;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::session::Session;

/// Builds, tests and shows the Rivven client.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    /// Print plain lines instead of spinners and bars, as is done without a terminal
    #[arg(long, global = true)]
    plain: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Test(test::Arguments),
    Ci(ci::Arguments),
    Ctests(test::native::Arguments),
    Install(install::Arguments),
    Bench(bench::Arguments),
    /// Generate include/rivven.h from the sources of rivven-ffi
    Header(generated::Arguments),
    /// Renew the snippets of README.md and docs/ from the examples
    Snippets(generated::Arguments),
    Covers(covers::Arguments),
    /// Show which operation is there in which language; fail if one is missing
    Surface,
    /// Generate docs/PERFORMANCE.md from the records in docs/performance
    Performance(generated::Arguments),
    Soak(soak::Arguments),
    Chaos(soak::chaos::Arguments),
    /// Generate docs/RELIABILITY.md from the record in docs/reliability
    Reliability(generated::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the command found nothing wrong; an error says why it could not be carried out.
fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let session = Session::new(arguments.plain)?;
    match arguments.command {
        Command::Demo(arguments) => demo::run(&session, &arguments),
        Command::Test(arguments) => test::run(&session, &arguments),
        Command::Ci(arguments) => ci::run(&session, &arguments),
        Command::Ctests(arguments) => test::native::run(&session, &arguments),
        Command::Install(arguments) => install::run(&session, &arguments),
        Command::Bench(arguments) => bench::run(&session, &arguments),
        Command::Header(arguments) => generated::header(&session, &arguments),
        Command::Snippets(arguments) => generated::snippets(&session, &arguments),
        Command::Covers(arguments) => covers::run(&session, &arguments),
        Command::Surface => surface::run(&session),
        Command::Performance(arguments) => generated::performance(&session, &arguments),
        Command::Soak(arguments) => soak::run(&session, &arguments),
        Command::Chaos(arguments) => soak::chaos::run(&session, &arguments),
        Command::Reliability(arguments) => generated::reliability(&session, &arguments),
    }
}
