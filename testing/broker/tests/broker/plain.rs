//! The broker without security.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use crate::process::{PING, PONG, Process, call, fail, receive, send, short};

const CREATE_TOPIC: u8 = 6;
const LIST_TOPICS: u8 = 7;
const PUBLISH: u8 = 4;
const CONSUME: u8 = 5;

const PUBLISHED: u8 = 3;
const TOPIC_CREATED: u8 = 5;

/// Creates topic `t` with one partition.
fn create_topic(stream: &mut TcpStream) {
    let answer = call(stream, &[&[CREATE_TOPIC], &short(b"t")[..], &[1, 1]].concat()).unwrap();
    assert_eq!(answer[0], TOPIC_CREATED);
}

/// Stores `value` in partition 0 of `t`.
fn publish(stream: &mut TcpStream, value: &[u8]) {
    let request = [&[PUBLISH], &short(b"t")[..], &[1, 0, 0], &short(value), &[0]].concat();
    assert_eq!(call(stream, &request).unwrap()[0], PUBLISHED);
}

/// A request for up to 100 records of partition 0 of `t`, waiting up to a minute.
fn long_poll(offset: u8) -> Vec<u8> {
    let wait = [1, 0xe0, 0xd4, 0x03]; // 60 000 ms
    [&[CONSUME], &short(b"t")[..], &[0, offset, 100, 0], &wait].concat()
}

fn topics(stream: &mut TcpStream) -> Vec<u8> {
    call(stream, &[LIST_TOPICS]).unwrap()
}

#[test]
fn says_in_one_line_where_it_listens() {
    let mut broker = Process::start(&[]);
    let port = broker.port();
    assert_eq!(broker.text("address"), format!("127.0.0.1:{port}"));
    assert_ne!(broker.info["api_port"], broker.info["port"]);
    assert!(broker.info["pid"].is_u64());
    assert!(Path::new(broker.text("data_dir")).is_dir());
    assert_eq!(broker.info["tls"], false);
    for key in ["ca_cert", "client_cert", "client_key", "other_ca_cert"] {
        assert!(broker.info[key].is_null());
    }
    broker.close_stdin();
    assert_eq!(broker.more_output(), "");
}

#[test]
fn answers_a_ping() {
    let broker = Process::start(&[]);
    let mut stream = broker.connect();
    stream.write_all(&PING).unwrap();
    assert_eq!(receive(&mut stream).unwrap(), PONG);
}

#[test]
fn ends_with_its_input_and_removes_its_data() {
    let mut broker = Process::start(&[]);
    create_topic(&mut broker.connect());
    broker.close_stdin();
    let (status, time) = broker.wait();
    assert!(status.success());
    assert!(time < Duration::from_secs(3), "took {time:?}");
    assert!(!Path::new(broker.text("data_dir")).exists());
}

#[test]
fn comes_back_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    let mut broker = Process::start(&["--data-dir", dir]);
    let mut stream = broker.connect();
    create_topic(&mut stream);
    let before = topics(&mut stream);
    broker.signal(libc::SIGKILL);
    assert!(!broker.wait().0.success());

    let port = broker.port().to_string();
    let broker = Process::start(&["--data-dir", dir, "--port", &port]);
    assert_eq!(broker.port().to_string(), port);
    assert_eq!(topics(&mut broker.connect()), before);
}

/// A record that was acknowledged is there once, even though a long poll was
/// under way that the broker by itself would have waited for.
#[test]
fn stops_cleanly_and_soon_after_sigterm() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    let mut broker = Process::start(&["--data-dir", dir]);
    let mut stream = broker.connect();
    create_topic(&mut stream);
    publish(&mut stream, b"acknowledged");
    let mut waiting = broker.connect();
    send(&mut waiting, &long_poll(1)).unwrap();

    broker.signal(libc::SIGTERM);
    let (status, time) = broker.wait();
    assert!(status.success());
    assert!(time < Duration::from_secs(4), "took {time:?}");
    assert_eq!(waiting.read(&mut [0]).unwrap_or(0), 0);

    let broker = Process::start(&["--data-dir", dir]);
    let records = call(&mut broker.connect(), &long_poll(0)).unwrap();
    let copies = records.windows(12).filter(|bytes| bytes == b"acknowledged").count();
    assert_eq!(copies, 1);
}

#[test]
fn fails_on_a_port_that_is_taken() {
    let broker = Process::start(&[]);
    let port = broker.port().to_string();
    assert!(fail(&["--port", &port]).contains(&port));
}

#[test]
fn passes_limits_on() {
    let broker = Process::start(&["--max-connections-per-ip", "1"]);
    let mut first = broker.connect();
    topics(&mut first);
    let mut second = broker.connect();
    assert!(call(&mut second, &[LIST_TOPICS]).is_err());
}
