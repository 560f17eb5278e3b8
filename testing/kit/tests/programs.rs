//! The programs, as tests of other languages use them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rivven_client::{Request, Response};
use serde_json::{Value, json};

mod raw;
use raw::Raw;

struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    fn start(program: &str, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        let mut child = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        Program { child, stdin, stdout: BufReader::new(stdout) }
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn tell(&mut self, command: &str) -> Value {
        writeln!(self.stdin.as_mut().unwrap(), "{command}").unwrap();
        self.read()
    }

    /// Ends standard input; gives what the program says at its end.
    fn end(mut self) -> String {
        self.stdin = None;
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success());
        rest
    }
}

fn address(line: &Value) -> String {
    line["address"].as_str().unwrap().to_owned()
}

#[test]
fn a_scripted_broker_and_a_proxy_tell_a_story() {
    let script = json!({
        "nodes": 2,
        "topics": {"orders": 2},
        "records": [{"topic": "orders", "partition": 1, "key": "k", "values": ["first", "second"]}],
        "rules": [{"on": "Ping", "times": 1, "do": {"answer": {"error": "WAL_ERROR: disk full"}}}],
    });
    let mut broker = Program::start(env!("CARGO_BIN_EXE_rivven-scripted-broker"), &["--json", &script.to_string()]);
    let line = broker.read();
    let upstream = address(&line);
    assert_eq!(line["addresses"].as_array().unwrap().len(), 2);
    let args = ["--upstream", &upstream, "--plan", r#"{"to_client": {"split": 2}}"#];
    let mut proxy = Program::start(env!("CARGO_BIN_EXE_rivven-fault-proxy"), &args);
    let mut raw = Raw::connect(&address(&proxy.read()));

    assert_eq!(raw.ask(&Request::Ping), Response::Error { message: "WAL_ERROR: disk full".into() });
    assert_eq!(raw.ask(&Request::Ping), Response::Pong);
    let rule = json!({"on": "Ping", "times": 1, "then_close": true, "do": {"raw": "00ff"}});
    assert_eq!(broker.tell(&format!("rule {rule}")), json!({"done": "rule"}));
    raw.send(1, &Request::Ping);
    assert_eq!(raw.rest().unwrap(), [0, 0xff]);
    assert_eq!(broker.tell("wait Ping 3"), json!({"received": true}));
    let requests = broker.tell("requests Ping");
    assert_eq!(requests["requests"].as_array().unwrap().len(), 3);
    assert_eq!(broker.tell("append orders 1 two words"), json!({"offset": 2}));
    let records = broker.tell("records orders 1");
    assert_eq!(records["records"][0], json!({"offset": 0, "key": "k", "value": "first"}));
    assert_eq!(records["records"][2]["value"], "two words");
    assert_eq!(broker.tell("move-leader orders 0 1"), json!({"done": "move-leader"}));
    assert!(broker.tell("kill 7")["error"].as_str().unwrap().contains("no node 7"));
    assert_eq!(broker.tell("kill 0"), json!({"done": "kill"}));
    assert!(TcpStream::connect(&upstream).is_err());
    assert_eq!(broker.tell("revive 0"), json!({"done": "revive"}));

    let mut raw = Raw::connect(&upstream);
    assert_eq!(raw.ask(&Request::Ping), Response::Pong);
    let counters = proxy.tell("counters");
    assert_eq!((&counters["connections"], &counters["done"]), (&json!(1), &json!("counters")));
    assert!(proxy.tell("dance")["error"].as_str().unwrap().contains("counters"));
    assert_eq!((proxy.end(), broker.end()), (String::new(), String::new()));
}

#[test]
fn a_proxy_obeys_its_commands() {
    let mut broker = Program::start(env!("CARGO_BIN_EXE_rivven-scripted-broker"), &[]);
    let upstream = address(&broker.read());
    let mut proxy = Program::start(env!("CARGO_BIN_EXE_rivven-fault-proxy"), &["--upstream", &upstream]);
    let address = address(&proxy.read());
    let mut raw = Raw::connect(&address);
    proxy.tell("stall");
    raw.send(1, &Request::Ping);
    assert_eq!(proxy.tell("counters")["bytes_to_broker"], 0);
    proxy.tell("resume");
    assert!(raw.frame().is_some());
    assert_eq!(proxy.tell("cut")["open_connections"], 0);
    assert_eq!(raw.rest().unwrap(), b"");
    let mut raw = Raw::connect(&address);
    assert_eq!(raw.ask(&Request::Ping), Response::Pong);
    assert_eq!(proxy.tell("reset")["open_connections"], 0);
    assert!(raw.rest().is_err());
    proxy.tell(r#"plan [{"to_client": {"cut_after": 3}}, {}]"#);
    let mut raw = Raw::connect(&address);
    raw.send(1, &Request::Ping);
    assert_eq!(raw.rest().unwrap().len(), 3);
    assert_eq!(Raw::connect(&address).ask(&Request::Ping), Response::Pong);
    assert!(proxy.tell(r#"plan {"to_client": {"colour": 3}}"#)["error"].is_string());
}

#[test]
fn a_wrong_command_line_is_explained() {
    for args in [&["--upstream"][..], &["--colour", "red"], &[]] {
        let program = Command::new(env!("CARGO_BIN_EXE_rivven-fault-proxy")).args(args).output().unwrap();
        assert!(!program.status.success());
        assert!(String::from_utf8(program.stderr).unwrap().contains("usage: rivven-fault-proxy --upstream"));
    }
}

#[test]
fn every_misbehaviour_has_a_program() {
    for (name, _) in rivven_testkit::Misbehaviour::ALL {
        let mut program = Program::start(env!("CARGO_BIN_EXE_rivven-misbehave"), &[name]);
        assert!(address(&program.read()).starts_with("127.0.0.1:"));
        assert_eq!(program.end(), "");
    }
}

#[test]
fn a_sink_reports() {
    let mut sink = Program::start(env!("CARGO_BIN_EXE_rivven-sink"), &["--sequenced", "--records", "5"]);
    let mut raw = Raw::connect(&address(&sink.read()));
    let publish = |value: u64| Request::Publish {
        topic: "t".into(),
        partition: Some(1),
        key: None,
        value: value.to_le_bytes().to_vec().into(),
        leader_epoch: None,
    };
    raw.ask(&publish(1));
    let report = sink.tell("report");
    assert_eq!((&report["records"], &report["bytes"], &report["missing"]), (&json!(1), &json!(8), &json!(1)));
    assert_eq!(sink.tell("reset"), json!({"done": "reset"}));
    raw.ask(&publish(0));
    let last: Value = serde_json::from_str(&sink.end()).unwrap();
    assert_eq!((&last["records"], &last["missing"], &last["order_violations"]), (&json!(1), &json!(0), &json!(0)));
    assert_eq!(last["partitions"][0]["partition"], 1);
}
