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
    let mut broker = session.cargo();
    broker.args(["fmt", "--all", "--check", "--", "--color", "never"]).current_dir(session.root.join(build::BROKER));
    session.run("check the format of the test broker", &mut broker)?;
    Ok(Tally::PASSED)
}

/// Clippy over all members and targets, the extension modules included.
pub(super) fn clippy(session: &Session) -> Result<Tally> {
    let mut clippy = session.cargo();
    clippy.args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]);
    session.build("run clippy", "a minute", &mut clippy)?;
    Ok(Tally::PASSED)
}

/// The documentation of all members.
pub(super) fn docs(session: &Session) -> Result<Tally> {
    let mut doc = session.cargo();
    doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings");
    session.build("build the documentation", "half a minute", &mut doc)?;
    Ok(Tally::PASSED)
}
