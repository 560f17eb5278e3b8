//! A misbehaving server for the tests of every language.
//!
//! `rivven-misbehave MODE` says its address in one line of JSON on standard
//! output, and ends when its standard input ends.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use rivven_testkit::{MisbehavingServer, Misbehaviour};

fn main() -> ExitCode {
    match run(std::env::args().nth(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rivven-misbehave: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mode: Option<String>) -> io::Result<()> {
    let known = Misbehaviour::ALL.iter().find(|(name, _)| mode.as_deref() == Some(name));
    let Some((_, misbehaviour)) = known else {
        let names: Vec<_> = Misbehaviour::ALL.iter().map(|(name, _)| *name).collect();
        return Err(io::Error::other(format!("the mode is one of {}", names.join(", "))));
    };
    let server = MisbehavingServer::start(*misbehaviour)?;
    println!("{}", serde_json::json!({ "address": server.address(), "pid": std::process::id() }));
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}
