//! A scripted broker for the tests of every language.
//!
//! `rivven-scripted-broker [--script FILE.json | --json JSON]` says the
//! addresses of its nodes in one line of JSON on standard output, obeys the
//! commands on standard input, answering each with a line of JSON, and ends when
//! standard input ends. With `--script -` the first line of standard input is
//! the script.

use std::io;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use rivven_testkit::program::{Options, obey_commands, run, say, unknown_command};
use rivven_testkit::{Kind, ReceivedRequest, Rule, Script, ScriptedBroker};
use serde_json::{Value, json};

const USAGE: &str = "rivven-scripted-broker [--script FILE.json|- | --json JSON]";
const COMMANDS: &str = "rule JSON, clear-rules, release, kill NODE, revive NODE, fail-over NODE, \
    move-leader TOPIC PARTITION NODE, close-connections NODE, reset-connections NODE, advertise NODE HOST PORT, \
    append TOPIC PARTITION VALUE, append-marker TOPIC PARTITION, records TOPIC PARTITION, \
    committed NODE GROUP TOPIC PARTITION, expire-sessions, expire-member GROUP MEMBER, requests [KIND], \
    clear-requests, wait KIND COUNT";

/// How long `wait` waits.
const WAIT: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    run("rivven-scripted-broker", || {
        let broker = script(&Options::parse(USAGE, &["--script", "--json"], &[])?)?.start()?;
        say(&json!({ "address": broker.address(), "addresses": broker.addresses(), "pid": std::process::id() }))?;
        obey_commands(|command, rest| obey(&broker, command, rest))
    })
}

fn script(options: &Options) -> io::Result<Script> {
    match (options.value("--script"), options.value("--json")) {
        (Some("-"), _) => {
            let mut line = String::new();
            io::stdin().read_line(&mut line)?;
            Script::from_json(&line)
        }
        (Some(file), _) => Script::from_json(&std::fs::read_to_string(file)?),
        (None, Some(json)) => Script::from_json(json),
        (None, None) => Ok(Script::default()),
    }
}

fn obey(broker: &ScriptedBroker, command: &str, rest: &str) -> io::Result<Value> {
    let words = Words::new(broker, command, rest);
    match command {
        "rule" => broker.add_rule(serde_json::from_str::<Rule>(rest)?),
        "clear-rules" => broker.clear_rules(),
        "release" => broker.release(),
        "kill" => broker.kill(words.node(0)?),
        "revive" => broker.revive(words.node(0)?)?,
        "fail-over" => broker.fail_over(words.node(0)?),
        "move-leader" => {
            if !broker.move_leader(words.text(0)?, words.number(1)?, words.node(2)?) {
                return Err(words.wrong("there is no such partition"));
            }
        }
        "close-connections" => broker.close_connections(words.node(0)?),
        "reset-connections" => broker.reset_connections(words.node(0)?),
        "advertise" => broker.advertise(words.node(0)?, words.text(1)?, words.number(2)?),
        "expire-sessions" => broker.expire_sessions(),
        "expire-member" => {
            if !broker.expire_member(words.text(0)?, words.text(1)?) {
                return Err(words.wrong("there is no such member"));
            }
        }
        "clear-requests" => broker.clear_requests(),
        _ => return inspect(broker, &words),
    }
    Ok(json!({ "done": command }))
}

/// The commands that tell something.
fn inspect(broker: &ScriptedBroker, words: &Words<'_>) -> io::Result<Value> {
    let value = match words.command {
        "append" => {
            let value = words.rest_from(2)?;
            json!({ "offset": broker.append(words.text(0)?, words.number(1)?, None, value.as_bytes()) })
        }
        "append-marker" => json!({ "offset": broker.append_marker(words.text(0)?, words.number(1)?) }),
        "records" => json!({ "records": records(broker, words.text(0)?, words.number(1)?) }),
        "committed" => {
            let (node, partition) = (words.node(0)?, words.number(3)?);
            json!({ "offset": broker.committed_offset(node, words.text(1)?, words.text(2)?, partition) })
        }
        "requests" => {
            let received = match words.text(0) {
                Ok(_) => broker.requests_of(words.kind(0)?),
                Err(_) => broker.requests(),
            };
            json!({ "requests": received.iter().map(request).collect::<Vec<_>>() })
        }
        "wait" => json!({ "received": broker.wait_received(words.kind(0)?, words.number(1)?, WAIT) }),
        command => return Err(unknown_command(command, COMMANDS)),
    };
    Ok(value)
}

fn records(broker: &ScriptedBroker, topic: &str, partition: u32) -> Vec<Value> {
    let record = |record: rivven_client::MessageData| {
        json!({
            "offset": record.offset,
            "key": record.key.map(|key| String::from_utf8_lossy(&key).into_owned()),
            "value": String::from_utf8_lossy(&record.value),
        })
    };
    broker.records(topic, partition).into_iter().map(record).collect()
}

fn request(received: &ReceivedRequest) -> Value {
    json!({
        "node": received.node,
        "connection": received.connection,
        "id": received.correlation_id,
        "kind": received.kind(),
        "about": received.request.describe(),
    })
}

/// The arguments of a command.
struct Words<'a> {
    broker: &'a ScriptedBroker,
    command: &'a str,
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn new(broker: &'a ScriptedBroker, command: &'a str, rest: &'a str) -> Self {
        Words { broker, command, rest }
    }

    fn text(&self, index: usize) -> io::Result<&'a str> {
        self.rest.split_whitespace().nth(index).ok_or_else(|| self.wrong("an argument is missing"))
    }

    /// Everything from an argument on.
    fn rest_from(&self, index: usize) -> io::Result<&'a str> {
        let rest = self.rest.splitn(index + 1, char::is_whitespace).nth(index);
        rest.ok_or_else(|| self.wrong("an argument is missing"))
    }

    fn number<T: FromStr>(&self, index: usize) -> io::Result<T> {
        let text = self.text(index)?;
        text.parse().map_err(|_| self.wrong(&format!("{text} is no number")))
    }

    fn node(&self, index: usize) -> io::Result<usize> {
        let node = self.number(index)?;
        match self.broker.addresses().get(node) {
            Some(_) => Ok(node),
            None => Err(self.wrong(&format!("there is no node {node}"))),
        }
    }

    fn kind(&self, index: usize) -> io::Result<Kind> {
        Ok(serde_json::from_value(self.text(index)?.into())?)
    }

    fn wrong(&self, what: &str) -> io::Error {
        io::Error::other(format!("{}: {what}", self.command))
    }
}
