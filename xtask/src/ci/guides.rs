//! The examples that the documents in `docs/` show, and those of producers and consumers, against real brokers.

use std::process::Output;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::broker::TestBroker;
use crate::build;
use crate::checks::Tally;
use crate::language::Language;
use crate::session::Session;

/// A port that nobody listens on, so that the second server of a list is needed.
const NOBODY: &str = "127.0.0.1:1";

/// The user of the broker with TLS, and the password.
const PASSWORD: &str = "Correct-Horse-7";
const USER: &str = concat!("alice:", "Correct-Horse-7", ":admin");

/// What `guide` prints in every language.
const GUIDE: &str = "0 oslo -3\n1 rome 14\nTOPIC_ALREADY_EXISTS\n0 topics\n";

/// What `admin` prints, with the name of the language for `LANGUAGE`.
const ADMIN: &str = "retention.ms 86400000\npartitions 4\n2 three\n\
                     admin-LANGUAGE-readers admin-LANGUAGE/0 2\npartition 0 begins at 2\n";

/// How what `producer` prints ends.
const PRODUCER: &str = " orders are delivered, 0 are not\n";

/// What `consumer` prints.
const CONSUMER: &str = "1000 orders are read\n1000 orders are shipped\n";

/// What `transactions` prints.
const TRANSACTIONS: &str = "2 invoices are committed\n300 orders are billed\n";

/// Those that take nothing for granted: without arguments they say how they are called.
const WITH_USAGE: [&str; 3] = ["guide", "admin", "temperatures"];

/// Runs `guide`, `admin`, `producer`, `consumer` and `transactions` in every language, which have to print what is expected.
pub(super) fn run(session: &Session) -> Result<Tally> {
    let secure = TestBroker::start_with(session, &["--secure", "--user", USER])?;
    let ca_file = secure.ca_cert.as_deref().context("the broker has no TLS")?;
    let mut tally = Tally::default();
    for language in Language::value_variants() {
        // One of its own, since `guide` and `admin` show all topics and groups that there are.
        let plain = TestBroker::start(session)?;
        let guide = [NOBODY, &plain.address, &secure.address, ca_file, PASSWORD];
        expect(session, *language, "guide", &guide, GUIDE)?;
        let admin = ADMIN.replace("LANGUAGE", language.name());
        expect(session, *language, "admin", &[&plain.address], &admin)?;
        let sent = output(session, *language, "producer", &[&plain.address])?;
        ensure!(sent.ends_with(PRODUCER), "producer in {language} ended with\n{sent}");
        expect(session, *language, "consumer", &[&plain.address], CONSUMER)?;
        expect(session, *language, "transactions", &[&plain.address], TRANSACTIONS)?;
        for name in WITH_USAGE {
            expect_usage(session, *language, name)?;
        }
        tally.passed += 5 + WITH_USAGE.len();
    }
    Ok(tally)
}

/// Builds and runs an example, whose output has to be this.
fn expect(session: &Session, language: Language, name: &str, arguments: &[&str], wanted: &str) -> Result<()> {
    let output = output(session, language, name, arguments)?;
    ensure!(output == wanted, "{name} in {language}: expected\n{wanted}got\n{output}");
    Ok(())
}

/// Builds and runs an example without arguments, which has to say how it is called and to end with the code 2.
fn expect_usage(session: &Session, language: Language, name: &str) -> Result<()> {
    let Output { status, stdout, stderr } = build::example(session, language, name)?.output()?;
    let (code, said) = (status.code(), String::from_utf8_lossy(&stderr));
    let says_it = stdout.is_empty() && said.lines().count() == 1 && said.starts_with(&format!("usage: {name}"));
    ensure!(code == Some(2) && says_it, "{name} in {language} without arguments ended with {code:?} and\n{said}");
    Ok(())
}

/// Builds and runs an example; what it prints.
fn output(session: &Session, language: Language, name: &str, arguments: &[&str]) -> Result<String> {
    let mut command = build::example(session, language, name)?;
    session.run(&format!("run the example {name} in {language}"), command.args(arguments))
}
