//! Finds the program that hosts a broker, and builds it if need be.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Names the program, for those who have built it elsewhere.
const VARIABLE: &str = "RIVVEN_TEST_BROKER";

/// The package of the program, which is a workspace of its own.
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../broker");

/// The path of a program that exists.
pub(super) fn find() -> io::Result<PathBuf> {
    if let Some(path) = env::var_os(VARIABLE) {
        return Ok(path.into());
    }
    let package = Path::new(PACKAGE).canonicalize()?;
    let program = package.join("target/debug/rivven-test-broker");
    // Between threads; cargo itself locks its folder against other processes.
    static BUILD: Mutex<()> = Mutex::new(());
    let _build = BUILD.lock().unwrap_or_else(PoisonError::into_inner);
    if !program.exists() {
        build(&package)?;
    }
    Ok(program)
}

fn build(package: &Path) -> io::Result<()> {
    eprintln!("building the test broker, which takes some minutes the first time");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--locked", "--target-dir", "target"]).current_dir(package);
    for (name, _) in env::vars_os() {
        if concerns_another_build(&name.to_string_lossy()) {
            cargo.env_remove(name);
        }
    }
    match cargo.status()? {
        status if status.success() => Ok(()),
        status => Err(io::Error::other(format!(
            "building the test broker failed: {status}, build it in testing/broker or set {VARIABLE}"
        ))),
    }
}

/// Tells whether a variable was set for the client and its tests.
///
/// Flags, a sanitizer's for instance, are not meant for the broker. And cargo
/// describes the package under test to it; a dependency of the broker asks for
/// a new build whenever that description changes, so it and most of the rest
/// would be built again in turn by every package's tests and by hand.
fn concerns_another_build(name: &str) -> bool {
    const NAMES: [&str; 4] = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "OUT_DIR"];
    NAMES.contains(&name) || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}
