//! Building what the other commands run.

pub(crate) mod native;
pub(crate) mod node;
pub(crate) mod python;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::language::Language;
use crate::session::{Session, not_started};

/// The folder of the test broker, a workspace of its own.
const BROKER: &str = "testing/broker";

/// Builds the test broker and gives its path; `RIVVEN_TEST_BROKER` names one that is ready.
pub(crate) fn broker(session: &Session) -> Result<PathBuf> {
    if let Some(ready) = ready_broker() {
        return Ok(ready);
    }
    session.once("broker", || {
        session.build("build the test broker", "two to four minutes", broker_cargo(session).arg("build"))
    })?;
    Ok(session.root.join(BROKER).join("target/debug/rivven-test-broker"))
}

/// Builds the test registry and gives its path; `RIVVEN_TEST_REGISTRY` names one that is ready.
pub(crate) fn registry(session: &Session) -> Result<PathBuf> {
    if let Some(ready) = std::env::var_os("RIVVEN_TEST_REGISTRY") {
        return Ok(ready.into());
    }
    session.once("registry", || {
        let mut build = broker_cargo(session);
        build.args(["build", "--package", "rivven-test-registry"]);
        session.build("build the test registry", "one to two minutes", &mut build)
    })?;
    Ok(session.root.join(BROKER).join("target/debug/rivven-test-registry"))
}

/// Begins to build the test broker and its tests while other things are done; whoever needs it waits for the rest.
pub(crate) fn broker_ahead(session: &Session) -> Result<Option<Ahead>> {
    if ready_broker().is_some() {
        return Ok(None);
    }
    let mut command = broker_cargo(session);
    // What fails here fails again, with its output, where the broker is needed.
    command.args(["test", "--no-run"]).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(Some(Ahead(command.spawn().with_context(|| not_started(&command))?)))
}

fn ready_broker() -> Option<PathBuf> {
    std::env::var_os("RIVVEN_TEST_BROKER").map(PathBuf::from)
}

/// A cargo that works on the test broker, which has a lock file and a target folder of its own.
pub(crate) fn broker_cargo(session: &Session) -> Command {
    let folder = session.root.join(BROKER);
    let mut cargo = session.cargo();
    cargo.env("CARGO_TARGET_DIR", folder.join("target")).current_dir(folder);
    cargo
}

/// A build under way, from [`broker_ahead`]; it is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Ahead(Child);

impl Drop for Ahead {
    fn drop(&mut self) {
        // Most often it has ended long ago, and there is nothing to stop.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
