//! `cargo xtask ci`: every gate.

mod dependencies;
mod guides;
mod hygiene;
mod lint;
mod outside;

use anyhow::Result;

use crate::checks::{self, Check, Tally};
use crate::session::Session;
use crate::{build, covers, demo, generated, soak, surface, test};

/// The readings of three months: enough for several batches, answers and partitions.
const DEMO_ROWS: usize = 2159;

/// The gates in the order they run in: what is quick to fail comes first.
const GATES: [Check; 30] = [
    Check { name: "hygiene", about: "no registry hosts or machine paths in tracked files", run: hygiene::run },
    Check { name: "format", about: "cargo fmt", run: lint::format },
    Check { name: "header", about: "include/rivven.h is what rivven-ffi says", run: header },
    Check { name: "snippets", about: "the snippets of the documents are what the examples say", run: snippets },
    Check { name: "surface", about: "every language offers every operation", run: surface },
    Check {
        name: "licences",
        about: "only licences of deny.toml, and no packages of npm or Python",
        run: dependencies::licences,
    },
    Check { name: "msrv", about: "no dependency wants a newer Rust than we promise", run: dependencies::rust_version },
    Check { name: "performance", about: "docs/PERFORMANCE.md is what the records say", run: performance },
    Check { name: "reliability", about: "docs/RELIABILITY.md is what the record says", run: reliability },
    Check { name: "clippy", about: "no warnings, in any target", run: lint::clippy },
    Check { name: "docs", about: "rustdoc without warnings", run: lint::docs },
    Check { name: "test-rust", about: "the tests of the workspace", run: test::rust },
    Check { name: "test-c", about: "the tests of the C and C++ interface", run: test::c },
    Check { name: "sanitizers", about: "the same under the sanitizers of the compiler", run: test::c_sanitized },
    Check { name: "valgrind", about: "the same under valgrind's memcheck", run: test::c_under_valgrind },
    Check { name: "test-python", about: "the tests of the Python package", run: test::python },
    Check { name: "test-node", about: "the tests of the Node package", run: test::node },
    Check { name: "types-node", about: "the types of the Node package", run: test::node_types },
    Check { name: "covers", about: "a test that ran shows every feature that is claimed", run: covers },
    Check { name: "test-broker", about: "the tests of the test broker itself", run: test::broker },
    Check { name: "differential", about: "the codec against the published one", run: test::differential },
    Check { name: "fuzz", about: "every decoder of the codec, for some seconds", run: test::fuzz },
    Check { name: "demo", about: "the examples of all languages, with three months", run: demo },
    Check { name: "guides", about: "what docs/getting-started.md shows, in all languages", run: guides::run },
    Check {
        name: "groups",
        about: "members of groups in all languages that come, leave and are killed",
        run: soak::groups_gate,
    },
    Check {
        name: "transforms",
        about: "work by transactions, whose process is killed and whose broker is restarted",
        run: soak::transforms_gate,
    },
    Check { name: "chaos", about: "everybody at work, and one fault a round", run: soak::chaos::gate },
    Check { name: "outside-python", about: "pip install from another folder", run: outside::python },
    Check { name: "outside-node", about: "npm install from another folder", run: outside::node },
    Check { name: "outside-c", about: "cargo xtask install and pkg-config from another folder", run: outside::native },
];

/// Check everything that has to hold before a change is merged
///
/// Gates run one after the other, whatever fails. The last line says how many tests and gates passed and
/// failed.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these gates; may be repeated, or separated by commas
    #[arg(long, value_delimiter = ',', value_name = "GATE")]
    only: Vec<String>,
    /// List the gates instead of running them
    #[arg(long)]
    list: bool,
}

/// Runs the gates; false if any failed.
pub(crate) fn run(session: &Session, arguments: &Arguments) -> Result<bool> {
    let gates = checks::select(&GATES, &arguments.only)?;
    if arguments.list {
        for gate in gates {
            println!("{:<16}{}", gate.name, gate.about);
        }
        return Ok(true);
    }
    // It takes longest and keeps one core busy for half of that.
    let _ahead = if arguments.only.is_empty() { build::broker_ahead(session)? } else { None };
    Ok(checks::run(session, &gates))
}

fn header(session: &Session) -> Result<Tally> {
    generated::header(session, &generated::Arguments::CHECK).map(Tally::gate)
}

fn snippets(session: &Session) -> Result<Tally> {
    generated::snippets(session, &generated::Arguments::CHECK).map(Tally::gate)
}

fn surface(session: &Session) -> Result<Tally> {
    surface::run(session).map(Tally::gate)
}

fn covers(session: &Session) -> Result<Tally> {
    covers::run(session, &covers::Arguments::CHECK).map(Tally::gate)
}

fn performance(session: &Session) -> Result<Tally> {
    generated::performance(session, &generated::Arguments::CHECK).map(Tally::gate)
}

fn reliability(session: &Session) -> Result<Tally> {
    generated::reliability(session, &generated::Arguments::CHECK).map(Tally::gate)
}

fn demo(session: &Session) -> Result<Tally> {
    demo::run(session, &demo::Arguments::with_rows(DEMO_ROWS)).map(Tally::gate)
}
