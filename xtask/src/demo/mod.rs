//! `cargo xtask demo`: the temperatures example in every language, against the real broker.

mod program;
mod readings;
mod report;

use clap::ValueEnum;

use crate::broker::TestBroker;
use crate::build;
use crate::language::Language;
use crate::session::Session;
use program::Measured;
use readings::Readings;

/// Write real temperature readings to a real broker and read them back, in every language
///
/// Builds the broker, the libraries and the examples, which takes some minutes the first time, then runs
/// `temperatures` once in each language and compares what each has read with the file. The broker commits
/// each record of a batch in turn, so a language takes ten seconds or more; its data is kept in memory
/// where the system has /dev/shm.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these languages; may be repeated, or separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LANGUAGE")]
    only: Vec<Language>,
    /// Only the first readings of the file, so many
    #[arg(long, value_name = "N")]
    rows: Option<usize>,
}

impl Arguments {
    /// All languages with so many readings.
    pub(crate) fn with_rows(rows: usize) -> Self {
        Arguments { only: Vec::new(), rows: Some(rows) }
    }

    fn languages(&self) -> Vec<Language> {
        Language::value_variants().iter().copied().filter(|l| self.only.is_empty() || self.only.contains(l)).collect()
    }
}

/// A language and what became of its program.
type Run = (Language, anyhow::Result<Measured>);

/// Runs the demo; false if a language is missing or has found anything wrong.
pub(crate) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<bool> {
    let readings = Readings::load(session, arguments.rows)?;
    let languages = arguments.languages();
    let built: Vec<_> =
        languages.iter().map(|&language| (language, build::example(session, language, "temperatures"))).collect();
    let broker = TestBroker::start(session)?;
    let runs: Vec<Run> = built
        .into_iter()
        .map(|(language, command)| {
            (language, command.and_then(|command| program::run(session, &broker, language, command, &readings)))
        })
        .collect();
    Ok(report::show(&runs, &readings))
}
