//! `cargo xtask install`: the C library, its headers and its pkg-config file.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::session::Session;

/// The name by which programs ask for the library, as rivven-ffi's build script gives it.
const SONAME: &str = "librivven.so.1";

/// Install the library for C and C++: lib/librivven, include/rivven.h, rivven.hpp and rivven.pc
///
/// Programs are then built with `pkg-config --cflags --libs rivven`, where PKG_CONFIG_PATH has to name
/// lib/pkgconfig of the prefix unless it is one that the system knows.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder to install to, such as /usr/local
    #[arg(long, value_name = "DIR")]
    prefix: PathBuf,
}

/// Installs and says where.
pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<bool> {
    let prefix = std::path::absolute(&arguments.prefix)?;
    install(session, &prefix)?;
    println!("installed; for pkg-config: PKG_CONFIG_PATH={}", prefix.join("lib/pkgconfig").display());
    Ok(true)
}

/// Builds the library and installs it below an absolute path.
pub(crate) fn install(session: &Session, prefix: &Path) -> Result<()> {
    session.once("librivven", || {
        let mut build = session.cargo();
        build.args(["build", "--release", "--package", "rivven-ffi"]);
        session.build("build librivven", "half a minute", &mut build)
    })?;
    let built = session.target.join("release");
    let (libraries, headers) = (prefix.join("lib"), prefix.join("include"));
    place(&built.join("librivven.so"), &libraries.join(SONAME))?;
    place(&built.join("librivven.a"), &libraries.join("librivven.a"))?;
    link(SONAME, &libraries.join("librivven.so"))?;
    for header in ["rivven.h", "rivven.hpp"] {
        place(&session.root.join("include").join(header), &headers.join(header))?;
    }
    describe(session, prefix)
}

/// Writes the file that pkg-config reads.
fn describe(session: &Session, prefix: &Path) -> Result<()> {
    let template = fs::read_to_string(session.root.join("rivven-ffi/rivven.pc.in")).context("rivven.pc.in")?;
    let prefix_text = prefix.to_str().context("the prefix is not UTF-8")?;
    let text = template.replace("@PREFIX@", prefix_text).replace("@VERSION@", env!("CARGO_PKG_VERSION"));
    let file = prefix.join("lib/pkgconfig/rivven.pc");
    create_parent(&file)?;
    fs::write(&file, text).with_context(|| format!("write {}", file.display()))
}

/// Copies a file by way of a rename: a process that has the old one loaded keeps it whole.
fn place(from: &Path, to: &Path) -> Result<()> {
    create_parent(to)?;
    let mut fresh = to.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = Path::new(&fresh);
    fs::copy(from, fresh).with_context(|| format!("copy {} to {}", from.display(), fresh.display()))?;
    fs::rename(fresh, to).with_context(|| format!("write {}", to.display()))
}

fn link(target: &str, link: &Path) -> Result<()> {
    match fs::remove_file(link) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    symlink(target, link).with_context(|| format!("link {}", link.display()))
}

fn create_parent(file: &Path) -> Result<()> {
    let folder = file.parent().context("a file has a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))
}
