//! Installing from another folder, as users do, and running the quickstart there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use tempfile::TempDir;

use crate::broker::TestBroker;
use crate::build;
use crate::build::native::Linkage;
use crate::checks::Tally;
use crate::install::install;
use crate::language::Language;
use crate::session::Session;

/// `pip install` into a new virtual environment.
pub(super) fn python(session: &Session) -> Result<Tally> {
    let folder = TempDir::new()?;
    let environment = folder.path().join("venv");
    build::python::create_environment(session, &environment)?;
    let interpreter = environment.join("bin/python");
    let mut install = session.command(&interpreter);
    install.args(["-m", "pip", "install"]).arg(session.root.join(build::python::PACKAGE)).current_dir(&folder);
    session.build("install the Python package outside the clone", "a minute", &mut install)?;

    let example = copy(session, "examples/python/quickstart.py", folder.path())?;
    let mut command = session.command(interpreter);
    command.arg(example).current_dir(&folder);
    quickstart(session, "python", command)
}

/// `npm install` in an empty folder.
pub(super) fn node(session: &Session) -> Result<Tally> {
    let folder = TempDir::new()?;
    let mut install = build::node::npm_install(session);
    install.arg(session.root.join(build::node::PACKAGE)).current_dir(&folder);
    session.build("install the Node package outside the clone", "a minute", &mut install)?;

    let example = copy(session, "examples/node/quickstart.mjs", folder.path())?;
    let mut command = session.command("node");
    command.arg(example).current_dir(&folder);
    quickstart(session, "node", command)
}

/// `cargo xtask install`, and programs linked with both libraries.
pub(super) fn native(session: &Session) -> Result<Tally> {
    let folder = TempDir::new()?;
    let prefix = folder.path().join("prefix");
    install(session, &prefix)?;
    let mut tally = Tally::default();
    for language in [Language::C, Language::Cpp] {
        let example = build::native::source(language, "quickstart");
        let source = copy(session, &example, folder.path())?;
        for (name, linkage) in [("shared", Linkage::Shared), ("static", Linkage::Static)] {
            let name = format!("{language} {name}");
            let program = folder.path().join(name.replace(' ', "-"));
            build::native::compile(session, &prefix, &source, &program, linkage)?;
            let mut command = match linkage {
                Linkage::Shared => build::native::run(session, &prefix, &program),
                Linkage::Static => session.command(&program),
            };
            command.current_dir(&folder);
            tally.passed += quickstart(session, &name, command)?.passed;
        }
    }
    Ok(tally)
}

/// Copies an example, which then finds no package but the installed one.
fn copy(session: &Session, example: impl AsRef<Path>, folder: &Path) -> Result<PathBuf> {
    let source = session.root.join(example);
    let copy = folder.join(source.file_name().unwrap_or_default());
    fs::copy(source, &copy)?;
    Ok(copy)
}

/// Runs a quickstart, which has to print three records as `offset key value`.
fn quickstart(session: &Session, name: &str, mut command: Command) -> Result<Tally> {
    let broker = TestBroker::start(session)?;
    let output = session.run(&format!("run the quickstart outside the clone: {name}"), command.arg(&broker.address))?;
    let is_record = |line: &str| {
        let mut fields = line.splitn(3, ' ');
        fields.next().is_some_and(|offset| offset.parse::<u64>().is_ok()) && fields.count() == 2
    };
    ensure!(output.lines().count() == 3 && output.lines().all(is_record), "three records expected, got\n{output}");
    Ok(Tally::PASSED)
}
