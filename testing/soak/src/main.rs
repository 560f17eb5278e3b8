//! `rivven-soak`: lets clients run while everything fails, and says what became of every record.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use rivven_soak::chaos::{self, Language, Round};
use rivven_soak::groups::{Coming, Found, Setting, round};
use rivven_soak::member::{self, Membership};
use rivven_soak::report::Report;
use rivven_soak::runs::{PRESETS, Size, disturbed, killed, preset};
use rivven_soak::transforms::{self, Work};
use rivven_soak::writer::{self, Writing};

/// Lets clients run while brokers and connections fail, and counts what becomes of every record.
#[derive(Parser)]
#[command(name = "rivven-soak", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Producer(Options),
    Groups(GroupOptions),
    Transforms(TransformOptions),
    Chaos(ChaosOptions),
    /// A member of a group, which says what happens to it
    Member(Membership),
    /// A producer of records with numbers, which says what became of each
    Writer(Writing),
    /// Works on readings by transactions until it is killed
    Work(Work),
}

/// Groups of 1, 2, 3 and 10 members that come together or one by one, are joined and left, and lose one by a kill
#[derive(clap::Args)]
struct GroupOptions {
    /// How often each group is formed
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// How many of those at once
    #[arg(long, default_value_t = 5)]
    at_once: usize,
    /// How many seconds nothing may change once a group has settled
    #[arg(long, default_value_t = 60)]
    quiet: u64,
    /// How many seconds longer than promised a group may take to settle, for machines that are busy otherwise
    #[arg(long, default_value_t = 0)]
    slack: u64,
    /// Another kind of member as LANGUAGE=COMMAND; then there are groups of all kinds, too
    #[arg(long, value_name = "LANGUAGE=COMMAND")]
    member: Vec<String>,
    /// Write what was found to this file, also where that was too much
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
}

/// Producers, a reader and transactions that meet one fault a round
#[derive(clap::Args)]
struct ChaosOptions {
    /// How many rounds there are to be in the file
    #[arg(long, default_value_t = 200)]
    rounds: u64,
    /// What happens follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many rounds at once
    #[arg(long, default_value_t = 1)]
    at_once: u64,
    /// Only rounds whose fault is called so, or the like
    #[arg(long, value_name = "FAULT", default_value = "")]
    fault: String,
    /// Another kind of reader as LANGUAGE=COMMAND
    #[arg(long, value_name = "LANGUAGE=COMMAND")]
    member: Vec<String>,
    /// A writer in each of these languages as LANGUAGE=COMMAND, in the same order
    #[arg(long, value_name = "LANGUAGE=COMMAND")]
    writer: Vec<String>,
    /// Write what was found to this file, round by round; rounds that it has are not made again
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
}

/// Work done by transactions, whose process is killed again and again
#[derive(clap::Args)]
struct TransformOptions {
    /// How often the process is killed
    #[arg(long, default_value_t = 50)]
    kills: u64,
    /// How often the broker is restarted in a second run; none leaves that out
    #[arg(long, default_value_t = 5)]
    restarts: u64,
    /// What the moments follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write what was found to this file, also where that was too much
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
}

/// A producer, plain and idempotent: faults, kills, and the presets at full speed
#[derive(clap::Args)]
struct Options {
    /// The records of each run with faults
    #[arg(long, default_value_t = 200_000)]
    records: u64,
    /// The faults of a run: restarts of the broker, connections that are cut, reset, stalled or slow
    #[arg(long, default_value_t = 50)]
    faults: usize,
    /// How often the broker is killed
    #[arg(long, default_value_t = 10)]
    kills: usize,
    /// How many seconds each preset sends
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// What the faults follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the runs whose names contain this
    #[arg(long, value_name = "RUN", default_value = "")]
    only: String,
    /// Write what was found to this file, also where that was too much
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
}

/// Where the clients' logs go, a file for each process, if this variable names a directory.
const LOG: &str = "RIVVEN_SOAK_LOG";

/// Lets the client write what it does to a file of this process, if that is wanted.
fn keep_log() -> Result<()> {
    let Some(directory) = std::env::var_os(LOG) else { return Ok(()) };
    let arguments: Vec<String> = std::env::args().skip(1).take(3).collect();
    let name = arguments.join("-").replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let path = PathBuf::from(directory).join(format!("{name}-{}.log", std::process::id()));
    let file = fs::File::create(&path).with_context(|| format!("{LOG}: {}", path.display()))?;
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(file).with_ansi(false).init();
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = keep_log() {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    let result = match Arguments::parse().command {
        Command::Producer(options) => producer(&options).await,
        Command::Groups(options) => groups(&options).await,
        Command::Chaos(options) => chaos(&options).await,
        Command::Transforms(options) => transforms(&options).await,
        Command::Work(work) => transforms::work(&work).await,
        Command::Member(membership) => member::run(&membership).await,
        Command::Writer(writing) => writer::run(&writing).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn producer(options: &Options) -> Result<()> {
    let Options { records, faults, kills, seed, .. } = *options;
    let mut reports: Vec<Report> = Vec::new();
    let is_wanted = |run: &str| run.contains(&options.only);
    let size = Size { records, faults, seed };
    if is_wanted("faults, plain") {
        reports.push(disturbed(size, false).await?);
    }
    if is_wanted("faults, idempotent") {
        reports.push(disturbed(Size { seed: seed + 1, ..size }, true).await?);
    }
    if is_wanted("kills") {
        reports.push(killed(Size { faults: kills, ..size }).await?);
    }
    for name in PRESETS.iter().filter(|name| is_wanted(&format!("preset {name}"))) {
        reports.push(preset(name, Duration::from_secs(options.seconds), u64::MAX).await?);
    }
    let text = serde_json::to_string_pretty(&reports)? + "\n";
    fs::write(&options.json, text).with_context(|| format!("write {}", options.json.display()))?;
    for report in &reports {
        match report.faults.is_empty() {
            true => report.check_undisturbed()?,
            false => report.check()?,
        }
    }
    Ok(())
}

async fn chaos(options: &ChaosOptions) -> Result<()> {
    let languages = languages(options)?;
    let mut rounds: Vec<Round> = match fs::read_to_string(&options.json) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("read {}", options.json.display()))?,
        Err(_) => Vec::new(),
    };
    ensure!((0..chaos::FAULTS).any(|number| chaos::fault_of(number).contains(&options.fault)), "no fault is called so");
    let number = rounds.iter().map(|round| round.number + 1).max().unwrap_or(0);
    let mut numbers = (number..).filter(|number| chaos::fault_of(*number).contains(&options.fault));
    while (rounds.len() as u64) < options.rounds {
        let missing = (options.rounds - rounds.len() as u64).min(options.at_once.max(1));
        let some = numbers.by_ref().take(missing as usize);
        for round in join_all(some.map(|number| chaos::round(number, options.seed, &languages))).await {
            let round = round?;
            match round.counts() {
                true => rounds.push(round),
                false => eprintln!("round {} does not count: too little was on its way", round.number),
            }
        }
        let text = serde_json::to_string_pretty(&rounds)? + "\n";
        fs::write(&options.json, text).with_context(|| format!("write {}", options.json.display()))?;
    }
    chaos::check(&rounds)
}

/// The languages that have a reader and a writer.
fn languages(options: &ChaosOptions) -> Result<Vec<Language>> {
    let (members, writers) = (kinds("member", &options.member)?, kinds("writer", &options.writer)?);
    let names = |kinds: &[(String, Vec<String>)]| kinds.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    ensure!(names(&members) == names(&writers), "--member and --writer name the same languages in the same order");
    let language = |((name, member), (_, writer))| Language { name, member, writer };
    Ok(members.into_iter().zip(writers).map(language).collect())
}

/// The kinds of a party: this program first, then others as LANGUAGE=COMMAND.
fn kinds(party: &str, others: &[String]) -> Result<Vec<(String, Vec<String>)>> {
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    let rust = ("rust".to_owned(), vec![own, party.to_owned()]);
    let others = others.iter().map(|member| {
        let (language, command) = member.split_once('=').with_context(|| format!("--{party} is LANGUAGE=COMMAND"))?;
        Ok((language.to_owned(), command.split(' ').map(str::to_owned).collect()))
    });
    [Ok(rust)].into_iter().chain(others).collect()
}

async fn transforms(options: &TransformOptions) -> Result<()> {
    let TransformOptions { kills, restarts, seed, .. } = *options;
    let mut found = vec![transforms::run(kills, 0, seed).await?];
    if restarts > 0 {
        found.push(transforms::run(kills, restarts, seed + 1).await?);
    }
    let text = serde_json::to_string_pretty(&found)? + "\n";
    fs::write(&options.json, text).with_context(|| format!("write {}", options.json.display()))?;
    found.iter().try_for_each(transforms::Found::check)
}

/// The times of the groups: a heartbeat is early, and a dead member is noticed soon.
const HEARTBEAT: Duration = Duration::from_millis(500);
const SESSION: Duration = Duration::from_secs(6);

async fn groups(options: &GroupOptions) -> Result<()> {
    let all = kinds("member", &options.member)?;
    let rust = all[0].clone();
    let (quiet, slack) = (Duration::from_secs(options.quiet), Duration::from_secs(options.slack));
    let setting = |members| Setting { members, heartbeat: HEARTBEAT, session: SESSION, quiet, slack };
    let (rust, mixed) = (setting(vec![rust]), setting(all.clone()));
    let mut groups = Vec::new();
    for number in 0..options.rounds {
        for members in [1, 2, 3, 10] {
            groups.push((format!("together-{members}-{number}"), members, Coming::Together, &rust));
            groups.push((format!("in-turn-{members}-{number}"), members, Coming::OneByOne, &rust));
        }
        if all.len() > 1 {
            groups.push((format!("mixed-{number}"), all.len(), Coming::Together, &mixed));
        }
    }
    let at_once = options.at_once * groups.len() / options.rounds.max(1);
    let rounds = groups.iter().map(|(name, members, coming, setting)| round(name, *members, *coming, setting));
    let found: Vec<Result<Found>> = stream::iter(rounds).buffer_unordered(at_once.max(1)).collect().await;
    let found = found.into_iter().collect::<Result<Vec<_>>>()?;
    let text = serde_json::to_string_pretty(&found)? + "\n";
    fs::write(&options.json, text).with_context(|| format!("write {}", options.json.display()))?;
    found.iter().try_for_each(Found::check)
}
