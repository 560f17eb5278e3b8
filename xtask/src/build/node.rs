//! The Node package.

use std::process::Command;

use anyhow::Result;

use crate::session::Session;

/// The folder of the package, which npm builds when it installs it.
pub(crate) const PACKAGE: &str = "bindings/node";

/// Builds the package where it lies.
pub(crate) fn package(session: &Session) -> Result<()> {
    session.once("node package", || {
        let mut install = npm_install(session);
        install.current_dir(session.root.join(PACKAGE));
        session.build("build the Node package", "a minute", &mut install)
    })
}

/// The command `npm install` without what CI has no use for.
pub(crate) fn npm_install(session: &Session) -> Command {
    let mut command = session.command("npm");
    command.args(["install", "--no-audit", "--no-fund", "--foreground-scripts"]);
    command
}

/// The command that runs an example.
pub(super) fn example(session: &Session, name: &str) -> Result<Command> {
    let folder = session.root.join("examples/node");
    package(session)?;
    session.once("node examples", || {
        let mut install = npm_install(session);
        install.current_dir(&folder);
        session.run("install what the Node examples need", &mut install).map(drop)
    })?;
    let mut command = session.command("node");
    command.arg(folder.join(name).with_extension("mjs"));
    Ok(command)
}
