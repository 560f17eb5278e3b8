//! Measures the client: `rivven-bench --help` lists what.

mod allocations;
mod calls;
mod child;
mod consume;
mod latency;
mod measurement;
mod ping;
mod produce;
mod program;
mod progress;
mod raw;
mod reports;
mod scenario;
mod server;
mod supply;
mod transactions;
mod usage;
mod values;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures the Rivven client.
#[derive(Parser)]
#[command(name = "rivven-bench", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Produce(produce::Arguments),
    Latency(produce::LatencyArguments),
    Consume(consume::Arguments),
    E2eLatency(latency::Arguments),
    Ping(ping::Arguments),
    Raw(raw::Arguments),
    Program(program::Arguments),
    Calls(calls::Arguments),
    Transactions(transactions::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Produce(arguments) => produce::run(&arguments),
        Command::Latency(arguments) => produce::run_latency(&arguments),
        Command::Consume(arguments) => consume::run(&arguments),
        Command::E2eLatency(arguments) => latency::run(&arguments),
        Command::Ping(arguments) => ping::run(&arguments),
        Command::Raw(arguments) => raw::run(&arguments),
        Command::Program(arguments) => program::run(&arguments),
        Command::Calls(arguments) => calls::run(&arguments),
        Command::Transactions(arguments) => transactions::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
