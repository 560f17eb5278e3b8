//! Building what the other commands run.

pub(crate) mod native;
pub(crate) mod node;
pub(crate) mod python;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::language::Language;
use crate::session::Session;

/// The folder of the test broker, a workspace of its own.
pub(crate) const BROKER: &str = "testing/broker";

/// Builds the test broker and gives its path; `RIVVEN_TEST_BROKER` names one that is ready.
pub(crate) fn broker(session: &Session) -> Result<PathBuf> {
    if let Some(ready) = std::env::var_os("RIVVEN_TEST_BROKER") {
        return Ok(ready.into());
    }
    let folder = session.root.join(BROKER);
    let target = folder.join("target");
    session.once("broker", || {
        let mut build = session.cargo();
        build.arg("build").current_dir(&folder).env("CARGO_TARGET_DIR", &target);
        session.build("build the test broker", "two to four minutes", &mut build)
    })?;
    Ok(target.join("debug/rivven-test-broker"))
}

/// Builds the misbehaving server and gives its path; `RIVVEN_MISBEHAVE` names one that is ready.
pub(crate) fn misbehave(session: &Session) -> Result<PathBuf> {
    if let Some(ready) = std::env::var_os("RIVVEN_MISBEHAVE") {
        return Ok(ready.into());
    }
    session.once("misbehave", || {
        let mut build = session.cargo();
        build.args(["build", "--package", "rivven-testkit"]);
        session.build("build the misbehaving server", "half a minute", &mut build)
    })?;
    Ok(session.target.join("debug/rivven-misbehave"))
}

/// Builds an example and gives the command that runs it, to be completed with its arguments.
pub(crate) fn example(session: &Session, language: Language, name: &str) -> Result<Command> {
    match language {
        Language::Rust => rust_example(session, name),
        Language::C | Language::Cpp => native::example(session, language, name),
        Language::Python => python::example(session, name),
        Language::Node => node::example(session, name),
    }
}

fn rust_example(session: &Session, name: &str) -> Result<Command> {
    session.once("rust examples", || {
        let mut build = session.cargo();
        build.args(["build", "--release", "--package", "rivven-examples"]);
        session.build("build the Rust examples", "half a minute", &mut build)
    })?;
    Ok(session.command(session.target.join("release").join(name)))
}
