//! `cargo xtask ctests`: the tests of the C and C++ interface alone.

use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use crate::build;
use crate::ctests::{self, Options, Under};
use crate::session::Session;

/// Run the tests of the C and C++ interface alone, also under sanitizers or valgrind
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only the tests whose names contain this
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// What the programs run under
    #[arg(long, value_enum, default_value_t)]
    under: Tool,
}

/// What finds defects that a test does not show by itself.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Tool {
    #[default]
    Nothing,
    Sanitizers,
    Valgrind,
}

/// Runs the tests; an error names those that failed.
pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<bool> {
    build::broker(session)?;
    build::registry(session)?;
    let under = match arguments.under {
        Tool::Nothing => Under::Nothing,
        Tool::Sanitizers => Under::Sanitizers,
        Tool::Valgrind => Under::Valgrind,
    };
    ctests::run(&session.root, &Options { only: arguments.only.clone(), under })?;
    Ok(true)
}

/// This very program with the command `ctests`, so that its output is kept like that of other runners.
pub(super) fn command(session: &Session, arguments: &[&str]) -> Result<Command> {
    let mut command = session.command(std::env::current_exe()?);
    command.arg("ctests").args(arguments);
    Ok(command)
}
