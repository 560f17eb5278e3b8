//! `cargo xtask test`: the tests of every language.

pub(crate) mod native;
mod runners;
mod suites;

use anyhow::Result;

use crate::checks::{self, Check};
use crate::session::Session;

pub(crate) use suites::{broker, c, c_sanitized, c_under_valgrind, differential, fuzz, node, node_types, python, rust};

/// The suites in the order they run in.
const SUITES: [Check; 7] = [
    Check { name: "rust", about: "the tests of the workspace", run: rust },
    Check { name: "c", about: "the tests of the C and C++ interface", run: c },
    Check { name: "python", about: "the tests of the Python package", run: python },
    Check { name: "node", about: "the tests of the Node package", run: node },
    Check { name: "broker", about: "the tests of the test broker itself", run: broker },
    Check { name: "differential", about: "the codec against the published one", run: differential },
    Check { name: "fuzz", about: "every decoder of the codec, for some seconds", run: fuzz },
];

/// Run the tests of every language
///
/// Builds the test broker, the misbehaving server and the packages first. The last line says how many tests
/// passed and failed; a suite that executes no test has failed.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these suites (rust, c, python, node, broker, differential, fuzz); may be repeated, or separated by commas
    #[arg(long, value_delimiter = ',', value_name = "SUITE")]
    only: Vec<String>,
}

/// Runs the suites; false if any test failed.
pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<bool> {
    Ok(checks::run(session, &checks::select(&SUITES, &arguments.only)?))
}
