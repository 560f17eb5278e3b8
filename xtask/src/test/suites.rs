//! The suites: what each builds and how its tests are run.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::native;
use super::runners::{self, Summary, tally};
use crate::build;
use crate::checks::Tally;
use crate::covers::executed::{self, Passed};
use crate::session::{Finished, Session};

/// The folder of the tests of the C and C++ interface.
const C_TESTS: &str = "rivven-ffi/tests";

/// A reporter for Node that says which tests passed.
const NODE_REPORTER: &str = "xtask/src/test/passed.mjs";

/// The tests of the default members of the workspace, with their documentation's, and those of a client without features.
pub(crate) fn rust(session: &Session) -> Result<Tally> {
    let mut command = session.cargo();
    command.args(["test", "--no-fail-fast"]);
    let full = recorded(session, "rust", |session| {
        let finished = finish(session, "run the Rust tests", command)?;
        let passed = executed::cargo(&finished.output, &test_programs(session)?);
        Ok((tally(&finished, runners::cargo), passed))
    })?;
    let mut plain = session.cargo();
    plain.args(["test", "--package", "rivven-client", "--no-default-features", "--test", "compression"]);
    Ok(full.and(execute(session, "run the tests of compression without codecs", plain, runners::cargo)?))
}

/// The roots of the crates that cargo has made its test programs of; nothing is left to build.
fn test_programs(session: &Session) -> Result<BTreeMap<String, String>> {
    let mut list = session.cargo();
    list.args(["test", "--no-run", "--quiet", "--message-format", "json"]);
    // Where the tests could not be built there are no programs.
    Ok(executed::programs(&session.query(&mut list).unwrap_or_default(), &session.root))
}

/// The tests of the C and C++ interface.
pub(crate) fn c(session: &Session) -> Result<Tally> {
    recorded(session, "c", |session| {
        let finished = finish(session, "run the C and C++ tests", native::command(session, &[])?)?;
        let mut list = session.command("git");
        list.args(["ls-files", "--cached", "--others", "--exclude-standard", C_TESTS]);
        let sources: Vec<String> = session.query(&mut list)?.lines().map(str::to_owned).collect();
        Ok((tally(&finished, runners::ctests), executed::ctests(&finished.output, &sources)))
    })
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
    command.args(["-m", "pytest", "-p", "no:cacheprovider", "--verbose"]).current_dir(&folder);
    recorded(session, "python", |session| {
        let finished = finish(session, "run the Python tests", command)?;
        let passed = executed::pytest(&finished.output, build::python::PACKAGE);
        Ok((tally(&finished, runners::pytest), passed))
    })
}

/// The tests of the Node package.
pub(crate) fn node(session: &Session) -> Result<Tally> {
    build::node::package(session)?;
    let mut command = session.command("node");
    command.current_dir(session.root.join(build::node::PACKAGE));
    command.args(["--test", "--test-reporter=tap", "--test-reporter-destination=stdout"]);
    let report = session.scratch("node-passed");
    command.arg("--test-reporter").arg(session.root.join(NODE_REPORTER));
    command.arg("--test-reporter-destination").arg(&report);
    recorded(session, "node", |session| {
        let finished = finish(session, "run the Node tests", command)?;
        let passed = executed::node(&fs::read_to_string(&report)?, &session.root);
        Ok((tally(&finished, runners::tap), passed))
    })
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

/// Runs a suite and leaves behind which of its tests passed; none if it could not be run.
fn recorded(
    session: &Session,
    suite: &str,
    run: impl FnOnce(&Session) -> Result<(Tally, Vec<Passed>)>,
) -> Result<Tally> {
    executed::keep(session, suite, &[])?;
    let (tally, passed) = run(session)?;
    executed::keep(session, suite, &passed)?;
    Ok(tally)
}

/// Runs tests that find the servers, good and bad, by their variables.
fn execute(session: &Session, title: &str, command: Command, summary: Summary) -> Result<Tally> {
    Ok(tally(&finish(session, title, command)?, summary))
}

/// The same, without counting.
fn finish(session: &Session, title: &str, mut command: Command) -> Result<Finished> {
    let servers: [(&str, PathBuf); 3] = [
        ("RIVVEN_TEST_BROKER", build::broker(session)?),
        ("RIVVEN_TEST_REGISTRY", build::registry(session)?),
        ("RIVVEN_MISBEHAVE", build::misbehave(session)?),
    ];
    command.envs(servers);
    session.execute(title, "", &mut command)
}
