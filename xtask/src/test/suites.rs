//! The suites: what each builds and how its tests are run.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::native;
use super::runners::{self, Summary, tally};
use crate::build;
use crate::checks::Tally;
use crate::session::Session;

/// The tests of the default members of the workspace, with their documentation's.
pub(crate) fn rust(session: &Session) -> Result<Tally> {
    let mut command = session.cargo();
    command.args(["test", "--no-fail-fast"]);
    execute(session, "run the Rust tests", command, runners::cargo)
}

/// The tests of the C and C++ interface.
pub(crate) fn c(session: &Session) -> Result<Tally> {
    execute(session, "run the C and C++ tests", native::command(session, &[])?, runners::ctests)
}

/// The same under the sanitizers of the compiler.
pub(crate) fn c_sanitized(session: &Session) -> Result<Tally> {
    let command = native::command(session, &["--under", "sanitizers"])?;
    execute(session, "run the C and C++ tests under sanitizers", command, runners::ctests)
}

/// The same under valgrind, but for what it cannot run.
pub(crate) fn c_under_valgrind(session: &Session) -> Result<Tally> {
    let command = native::command(session, &["--under", "valgrind"])?;
    execute(session, "run the C and C++ tests under valgrind", command, runners::ctests)
}

/// The tests of the Python package, in the virtual environment that it is installed in.
pub(crate) fn python(session: &Session) -> Result<Tally> {
    let python = build::python::interpreter(session)?;
    let folder = session.root.join(build::python::PACKAGE);
    let mut install = session.command(&python);
    install.args(["-m", "pip", "install", "--requirement"]).arg(folder.join("tests/requirements.txt"));
    session.run("install what the Python tests need", &mut install)?;
    let mut command = session.command(&python);
    // Without the cache nothing is written outside the target folder.
    command.args(["-m", "pytest", "-p", "no:cacheprovider"]).current_dir(&folder);
    execute(session, "run the Python tests", command, runners::pytest)
}

/// The tests of the Node package.
pub(crate) fn node(session: &Session) -> Result<Tally> {
    build::node::package(session)?;
    let mut command = session.command("node");
    command.args(["--test", "--test-reporter=tap"]).current_dir(session.root.join(build::node::PACKAGE));
    execute(session, "run the Node tests", command, runners::tap)
}

/// The types of the Node package, by the TypeScript compiler.
pub(crate) fn node_types(session: &Session) -> Result<Tally> {
    let mut check = session.command("npm");
    check.args(["run", "test:types"]).current_dir(session.root.join(build::node::PACKAGE));
    session.run("check the types of the Node package", &mut check)?;
    Ok(Tally::PASSED)
}

/// The tests of the test broker, in its own workspace.
pub(crate) fn broker(session: &Session) -> Result<Tally> {
    let mut command = build::broker_cargo(session);
    command.args(["test", "--no-fail-fast"]);
    Ok(tally(&session.execute("run the tests of the test broker", "", &mut command)?, runners::cargo))
}

/// The codec against the published one, which is a dependency of the test broker's workspace.
///
/// Tested by itself: together with the broker, cargo would unite the features
/// of both and build the broker a second time.
pub(crate) fn differential(session: &Session) -> Result<Tally> {
    let mut command = build::broker_cargo(session);
    command.args(["test", "--package", "rivven-differential", "--no-fail-fast"]);
    let title = "compare the codec with the published one";
    Ok(tally(&session.execute(title, "a minute the first time", &mut command)?, runners::cargo))
}

/// The fuzz targets of the codec, for a bounded time, in their own workspace.
pub(crate) fn fuzz(session: &Session) -> Result<Tally> {
    let mut command = session.cargo();
    command.args(["test", "--no-fail-fast"]).current_dir(session.root.join("fuzz"));
    Ok(tally(&session.execute("fuzz the codec", "half a minute the first time", &mut command)?, runners::cargo))
}

/// Runs tests that find the brokers, good and bad, by their variables.
fn execute(session: &Session, title: &str, mut command: Command, summary: Summary) -> Result<Tally> {
    let brokers: [(&str, PathBuf); 2] =
        [("RIVVEN_TEST_BROKER", build::broker(session)?), ("RIVVEN_MISBEHAVE", build::misbehave(session)?)];
    command.envs(brokers);
    Ok(tally(&session.execute(title, "", &mut command)?, summary))
}
