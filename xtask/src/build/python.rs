//! The Python package, installed in a virtual environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::session::Session;

/// The folder of the package, which pip builds.
pub(crate) const PACKAGE: &str = "bindings/python";

/// Installs the package in the virtual environment of the target folder and gives its interpreter.
pub(crate) fn interpreter(session: &Session) -> Result<PathBuf> {
    let folder = session.scratch("venv");
    let python = folder.join("bin/python");
    session.once("python package", || {
        if !python.exists() {
            create_environment(session, &folder)?;
        }
        let mut install = session.command(&python);
        install.args(["-m", "pip", "install", "--force-reinstall"]).arg(session.root.join(PACKAGE));
        session.build("build and install the Python package", "a minute", &mut install)
    })?;
    Ok(python)
}

/// Creates a virtual environment with the interpreter `PYTHON`, or `python3`.
pub(crate) fn create_environment(session: &Session, folder: &Path) -> Result<()> {
    let mut create = session.command(std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into()));
    create.args(["-m", "venv", "--clear"]).arg(folder);
    session.run("create a Python environment", &mut create).map(drop)
}

/// The command that runs an example.
pub(super) fn example(session: &Session, name: &str) -> Result<Command> {
    let mut command = session.command(interpreter(session)?);
    command.arg(session.root.join("examples/python").join(name).with_extension("py"));
    Ok(command)
}
