//! Gates that cargo itself carries out.

use anyhow::Result;

use crate::build;
use crate::checks::Tally;
use crate::session::Session;

/// The format of the workspace and of the test broker's.
pub(super) fn format(session: &Session) -> Result<Tally> {
    session.run(
        "check the format of the workspace",
        session.cargo().args(["fmt", "--all", "--check", "--", "--color", "never"]),
    )?;
    let mut broker = build::broker_cargo(session);
    broker.args(["fmt", "--all", "--check", "--", "--color", "never"]);
    session.run("check the format of the test broker", &mut broker)?;
    Ok(Tally::PASSED)
}

/// The packages that link only inside their host's interpreter and have no Rust tests.
///
/// `--all-targets` means their tests too, which lack what the export macros leave out of a test build.
const EXTENSIONS: [&str; 2] = ["rivven-node", "rivven-python"];

/// Clippy over all members and all targets that they have.
pub(super) fn clippy(session: &Session) -> Result<Tally> {
    let excluded = EXTENSIONS.map(|name| ["--exclude", name]).concat();
    let mut members = session.cargo();
    members.args(["clippy", "--workspace", "--all-targets"]).args(excluded).args(["--", "--deny", "warnings"]);
    session.build("run clippy", "a minute", &mut members)?;
    let selected = EXTENSIONS.map(|name| ["--package", name]).concat();
    let mut extensions = session.cargo();
    extensions.arg("clippy").args(selected).args(["--", "--deny", "warnings"]);
    session.build("run clippy on the extension modules", "a minute", &mut extensions)?;
    // The client alone, without the features that the bindings switch on.
    let mut plain = session.cargo();
    plain.args(["clippy", "--package", "rivven-client", "--lib", "--no-default-features", "--", "--deny", "warnings"]);
    session.build("run clippy on the client without features", "some seconds", &mut plain)?;
    Ok(Tally::PASSED)
}

/// The documentation of all members.
pub(super) fn docs(session: &Session) -> Result<Tally> {
    let mut doc = session.cargo();
    doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings");
    session.build("build the documentation", "half a minute", &mut doc)?;
    Ok(Tally::PASSED)
}
