//! A proxy with faults for the tests of every language.
//!
//! `rivven-fault-proxy --upstream HOST:PORT [--plan JSON | --seed N]` says its
//! address in one line of JSON on standard output, obeys the commands on
//! standard input, answering each with a line of JSON, and ends when standard
//! input ends.

use std::io;
use std::process::ExitCode;

use rivven_testkit::program::{Options, obey_commands, run, say, unknown_command};
use rivven_testkit::{FaultProxy, Plan};
use serde_json::{Value, json};

const USAGE: &str = "rivven-fault-proxy --upstream HOST:PORT [--plan JSON | --seed N]";
const COMMANDS: &str = "stall, resume, cut, reset, plan JSON, seed N, upstream HOST:PORT, counters";

fn main() -> ExitCode {
    run("rivven-fault-proxy", || {
        let options = Options::parse(USAGE, &["--upstream", "--plan", "--seed"], &[])?;
        let proxy = FaultProxy::start(options.required("--upstream")?)?;
        if let Some(plan) = options.value("--plan") {
            set_plan(&proxy, plan)?;
        }
        if let Some(seed) = options.number("--seed")? {
            set_seed(&proxy, seed);
        }
        say(&json!({ "address": proxy.address(), "pid": std::process::id() }))?;
        obey_commands(|command, rest| obey(&proxy, command, rest))
    })
}

fn obey(proxy: &FaultProxy, command: &str, rest: &str) -> io::Result<Value> {
    match command {
        "stall" => proxy.stall(),
        "resume" => proxy.resume(),
        "cut" => proxy.cut_all(),
        "reset" => proxy.reset_all(),
        "plan" => set_plan(proxy, rest)?,
        "seed" => set_seed(proxy, rest.parse().map_err(io::Error::other)?),
        "upstream" => proxy.set_upstream(rest),
        "counters" => {}
        _ => return Err(unknown_command(command, COMMANDS)),
    }
    Ok(json!({
        "done": command,
        "connections": proxy.connections(),
        "open_connections": proxy.open_connections(),
        "bytes_to_broker": proxy.bytes_to_broker(),
        "bytes_to_client": proxy.bytes_to_client(),
    }))
}

/// One plan for all connections, or a list of plans, the last of which holds for all further connections.
fn set_plan(proxy: &FaultProxy, text: &str) -> io::Result<()> {
    let plans: Vec<Plan> = match serde_json::from_str(text)? {
        list @ Value::Array(_) => serde_json::from_value(list)?,
        one => vec![serde_json::from_value(one)?],
    };
    // The numbers of the list count from the connection that is made next.
    let first = proxy.connections();
    proxy.set_plan(move |number| {
        let index = number.saturating_sub(first) as usize;
        plans.get(index).or(plans.last()).cloned().unwrap_or_default()
    });
    Ok(())
}

/// A random plan for each connection.
fn set_seed(proxy: &FaultProxy, seed: u64) {
    proxy.set_plan(move |number| Plan::random(seed.wrapping_add(number)));
}
