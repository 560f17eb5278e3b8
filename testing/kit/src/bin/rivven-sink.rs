//! A broker that keeps nothing, for benchmarks in every language.
//!
//! `rivven-sink [--partitions N] [--sequenced] [--records N] [--record-size BYTES]`
//! says its address in one line of JSON on standard output. On the line `report`
//! on standard input it says what it has received, on `reset` it begins anew; it
//! ends with a last report when standard input ends.

use std::io;
use std::process::ExitCode;

use rivven_testkit::program::{Options, obey_commands, run, say, unknown_command};
use rivven_testkit::{Sink, SinkOptions};
use serde_json::{Value, json};

const USAGE: &str = "rivven-sink [--partitions N] [--sequenced] [--records N] [--record-size BYTES]";

fn main() -> ExitCode {
    run("rivven-sink", || {
        let sink = Sink::start(options()?)?;
        say(&json!({ "address": sink.address(), "pid": std::process::id() }))?;
        obey_commands(|command, _| obey(&sink, command))?;
        say(&serde_json::to_value(sink.report())?)
    })
}

fn options() -> io::Result<SinkOptions> {
    let given = Options::parse(USAGE, &["--partitions", "--records", "--record-size"], &["--sequenced"])?;
    let default = SinkOptions::default();
    Ok(SinkOptions {
        partitions: given.number("--partitions")?.unwrap_or(default.partitions),
        sequenced: given.has("--sequenced"),
        records: given.number("--records")?.unwrap_or(default.records),
        record_size: given.number("--record-size")?.unwrap_or(default.record_size),
    })
}

fn obey(sink: &Sink, command: &str) -> io::Result<Value> {
    match command {
        "report" => Ok(serde_json::to_value(sink.report())?),
        "reset" => {
            sink.reset();
            Ok(json!({ "done": command }))
        }
        _ => Err(unknown_command(command, "report, reset")),
    }
}
