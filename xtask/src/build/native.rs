//! Programs in C and C++, built against an installed library as users do it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::install::install;
use crate::language::Language;
use crate::session::Session;

/// How a program is linked with librivven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linkage {
    Shared,
    Static,
}

/// Builds an example in the target folder and gives the command that runs it.
pub(super) fn example(session: &Session, language: Language, name: &str) -> Result<Command> {
    let prefix = session.scratch("prefix");
    session.once("installed librivven", || install(session, &prefix))?;
    let source = session.root.join(source(language, name));
    let program = session.scratch("bin").join(format!("{name}-{language}"));
    compile(session, &prefix, &source, &program, Linkage::Shared)?;
    Ok(run(session, &prefix, &program))
}

/// The source of an example, from the root of the clone.
pub(crate) fn source(language: Language, name: &str) -> PathBuf {
    Path::new("examples").join(language.name()).join(name).with_extension(language.name())
}

/// Compiles one file against the library that is installed below `prefix`.
pub(crate) fn compile(session: &Session, prefix: &Path, source: &Path, program: &Path, linkage: Linkage) -> Result<()> {
    let folder = program.parent().context("a program has a folder")?;
    fs::create_dir_all(folder)?;
    let mut compiler = compiler(session, source);
    compiler.args(["-O2", "-Wall", "-Wextra", "-Werror"]).current_dir(folder);
    compiler.arg(source).arg("-o").arg(program).args(flags(session, prefix, linkage)?);
    let name = program.file_name().unwrap_or_default().display();
    session.run(&format!("compile {name}"), &mut compiler).map(drop)
}

/// The command that runs a program which was linked with the library below `prefix`.
pub(crate) fn run(session: &Session, prefix: &Path, program: &Path) -> Command {
    let mut command = session.command(program);
    command.env("LD_LIBRARY_PATH", prefix.join("lib"));
    command
}

/// The compiler of a source file: `CC` or `CXX`, or else the system's.
fn compiler(session: &Session, source: &Path) -> Command {
    let is_cpp = source.extension().is_some_and(|extension| extension == "cpp");
    let (variable, default, standard) = if is_cpp { ("CXX", "c++", "-std=c++17") } else { ("CC", "cc", "-std=c11") };
    let mut command = session.command(std::env::var_os(variable).unwrap_or_else(|| default.into()));
    command.arg(standard);
    command
}

/// What a compiler needs to link a program with the static library that is installed below `prefix`.
pub(crate) fn static_flags(session: &Session, prefix: &Path) -> Result<Vec<String>> {
    flags(session, prefix, Linkage::Static)
}

/// What pkg-config says is needed.
fn flags(session: &Session, prefix: &Path, linkage: Linkage) -> Result<Vec<String>> {
    let mut command = session.command("pkg-config");
    command.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")).args(["--cflags", "--libs"]);
    if linkage == Linkage::Static {
        command.arg("--static");
    }
    let flags = session.query(command.arg("rivven"))?;
    // Both libraries lie in one folder, where a linker prefers the shared one.
    let chosen = |flag: &str| match (flag, linkage) {
        ("-lrivven", Linkage::Static) => "-l:librivven.a".to_owned(),
        _ => flag.to_owned(),
    };
    Ok(flags.split_whitespace().map(chosen).collect())
}
