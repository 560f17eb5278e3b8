//! Finds the programs that host a broker or a registry, and builds them if need be.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The workspace of the programs.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../broker");

/// A program of that workspace.
#[derive(Debug)]
pub(crate) struct Hosted {
    /// Names the program, for those who have built it elsewhere.
    variable: &'static str,
    /// The program and its package.
    name: &'static str,
    /// What it hosts.
    what: &'static str,
}

/// The program that hosts the broker.
pub(crate) const BROKER: Hosted =
    Hosted { variable: "RIVVEN_TEST_BROKER", name: "rivven-test-broker", what: "the test broker" };

/// The program that hosts the schema registry.
pub(crate) const REGISTRY: Hosted =
    Hosted { variable: "RIVVEN_TEST_REGISTRY", name: "rivven-test-registry", what: "the test registry" };

impl Hosted {
    /// The error that it did not start.
    pub(crate) fn not_started(&self, status: std::process::ExitStatus) -> io::Error {
        io::Error::other(format!("{} did not start: {status}, see standard error", self.what))
    }

    /// The path of a program that exists.
    pub(crate) fn find(&self) -> io::Result<PathBuf> {
        if let Some(path) = env::var_os(self.variable) {
            return Ok(path.into());
        }
        let workspace = Path::new(WORKSPACE).canonicalize()?;
        let program = workspace.join("target/debug").join(self.name);
        // Between threads; cargo itself locks its folder against other processes.
        static BUILD: Mutex<()> = Mutex::new(());
        let _build = BUILD.lock().unwrap_or_else(PoisonError::into_inner);
        if !program.exists() {
            self.build(&workspace)?;
        }
        Ok(program)
    }

    fn build(&self, workspace: &Path) -> io::Result<()> {
        eprintln!("building {}, which takes some minutes the first time", self.what);
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--locked", "--target-dir", "target", "--package", self.name]).current_dir(workspace);
        for (name, _) in env::vars_os() {
            if concerns_another_build(&name.to_string_lossy()) {
                cargo.env_remove(name);
            }
        }
        match cargo.status()? {
            status if status.success() => Ok(()),
            status => Err(io::Error::other(format!(
                "building {} failed: {status}, build it in testing/broker or set {}",
                self.what, self.variable
            ))),
        }
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
