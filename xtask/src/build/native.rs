//! Programs in C and C++, built against an installed library as users do it.

use std::process::Command;

use anyhow::{Result, bail};

use crate::language::Language;
use crate::session::Session;

/// Builds an example in the target folder and gives the command that runs it.
pub(super) fn example(_session: &Session, _language: Language, _name: &str) -> Result<Command> {
    bail!("not yet")
}
