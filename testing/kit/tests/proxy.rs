//! Every fault of the proxy, seen by raw sockets in front of an echo server.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rivven_testkit::{Direction, FaultProxy, Faults, Plan};

/// Long enough that only what never happens exceeds it.
const NEVER: Duration = Duration::from_secs(20);

/// Long enough to see that nothing comes; what comes nevertheless fails the test, never the reverse.
const QUIET: Duration = Duration::from_millis(50);

/// Sends back whatever comes, and ends each connection when the client does.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || io::copy(&mut stream.try_clone().unwrap(), &mut stream));
        }
    });
    address
}

fn proxy(plan: Plan) -> FaultProxy {
    let proxy = FaultProxy::start(echo()).unwrap();
    proxy.set_plan(move |_| plan.clone());
    proxy
}

fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(NEVER)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn to_client(faults: Faults) -> Plan {
    Plan::default().to_client(faults)
}

/// What comes until the connection ends.
fn read_all(mut stream: &TcpStream) -> (Vec<u8>, io::Result<()>) {
    let mut received = Vec::new();
    let outcome = stream.read_to_end(&mut received).map(drop);
    (received, outcome)
}

fn read(mut stream: &TcpStream, count: usize) -> Vec<u8> {
    let mut received = vec![0; count];
    stream.read_exact(&mut received).unwrap();
    received
}

#[track_caller]
fn assert_quiet(mut stream: &TcpStream) {
    stream.set_read_timeout(Some(QUIET)).unwrap();
    let outcome = stream.read(&mut [0]);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(NEVER)).unwrap();
}

fn message() -> Vec<u8> {
    (0..100).collect()
}

#[test]
fn forwards_everything_and_counts_it() {
    let proxy = proxy(Plan::default());
    let mut stream = connect(&proxy);
    let sent: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let copy = sent.clone();
    let writer = stream.try_clone().unwrap();
    let writing = thread::spawn(move || {
        (&writer).write_all(&copy).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    writing.join().unwrap();
    assert!(received == sent);
    assert_eq!((proxy.bytes_to_broker(), proxy.bytes_to_client()), (3_000_000, 3_000_000));
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn cuts_after_exactly_so_many_bytes() {
    for cut in [0, 1, 37, 100] {
        let proxy = proxy(to_client(Faults::default().cut_after(cut)));
        let mut stream = connect(&proxy);
        // A connection that is cut at once may be gone already.
        let _ = stream.write_all(&message());
        let (received, outcome) = read_all(&stream);
        outcome.unwrap();
        assert_eq!(received, &message()[..cut as usize]);
    }
}

#[test]
fn cuts_the_way_to_the_broker_after_exactly_so_many_bytes() {
    let proxy = proxy(Plan::default().to_broker(Faults::default().cut_after(10)));
    let mut stream = connect(&proxy);
    stream.write_all(&message()).unwrap();
    let (_, outcome) = read_all(&stream);
    outcome.unwrap();
    assert_eq!(proxy.bytes_to_broker(), 10);
}

#[test]
fn resets_after_so_many_bytes() {
    let proxy = proxy(to_client(Faults::default().reset_after(5)));
    let mut stream = connect(&proxy);
    stream.write_all(&message()).unwrap();
    let (_, outcome) = read_all(&stream);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn half_closes_and_leaves_the_other_direction_open() {
    let proxy = proxy(to_client(Faults::default().half_close_after(5)));
    let mut stream = connect(&proxy);
    stream.write_all(&message()).unwrap();
    let (received, outcome) = read_all(&stream);
    outcome.unwrap();
    assert_eq!(received, &message()[..5]);
    stream.write_all(&message()).unwrap();
    await_that(|| proxy.bytes_to_broker() == 200);
}

/// Waits for a counter that another thread moves.
#[track_caller]
fn await_that(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + NEVER;
    while !condition() {
        assert!(Instant::now() < deadline, "what was awaited did not happen");
        thread::yield_now();
    }
}

#[test]
fn stalls_by_plan_until_told_to_resume() {
    let proxy = proxy(to_client(Faults::default().stall_after(30)));
    let mut stream = connect(&proxy);
    stream.write_all(&message()).unwrap();
    assert_eq!(read(&stream, 30), &message()[..30]);
    assert_quiet(&stream);
    proxy.resume();
    assert_eq!(read(&stream, 70), &message()[30..]);
}

#[test]
fn stalls_on_demand_and_loses_nothing() {
    let proxy = proxy(Plan::default());
    let mut stream = connect(&proxy);
    stream.write_all(b"before").unwrap();
    assert_eq!(read(&stream, 6), b"before");
    proxy.stall();
    stream.write_all(b"while").unwrap();
    assert_quiet(&stream);
    assert_eq!((proxy.bytes_to_broker(), proxy.bytes_to_client()), (6, 6));
    proxy.resume();
    assert_eq!(read(&stream, 5), b"while");
}

#[test]
fn a_stalled_connection_can_be_cut() {
    let proxy = proxy(Plan::default());
    let mut stream = connect(&proxy);
    proxy.stall();
    stream.write_all(b"x").unwrap();
    await_that(|| proxy.open_connections() == 1);
    proxy.cut_all();
    assert_eq!(proxy.open_connections(), 0);
    let (received, outcome) = read_all(&stream);
    assert!(received.is_empty());
    outcome.unwrap();
}

#[test]
fn cuts_and_resets_all_on_demand() {
    let proxy = proxy(Plan::default());
    let streams = [connect(&proxy), connect(&proxy), connect(&proxy)];
    await_that(|| proxy.open_connections() == 3);
    proxy.reset_all();
    for stream in &streams {
        assert_eq!(read_all(stream).1.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    let later = connect(&proxy);
    await_that(|| proxy.open_connections() == 1);
    proxy.cut_all();
    read_all(&later).1.unwrap();
}

#[test]
fn delays_every_byte() {
    let proxy = proxy(to_client(Faults::default().delay_ms(60)));
    let mut stream = connect(&proxy);
    let start = Instant::now();
    stream.write_all(&message()).unwrap();
    assert_eq!(read(&stream, 100), message());
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[test]
fn throttles() {
    let proxy = proxy(to_client(Faults::default().throttle(1000)));
    let mut stream = connect(&proxy);
    let start = Instant::now();
    stream.write_all(&message()).unwrap();
    assert_eq!(read(&stream, 100), message());
    // 100 bytes at 1000 per second, the last portion of 10 of which need not be waited for.
    assert!(start.elapsed() >= Duration::from_millis(90));
}

#[test]
fn splits_into_single_bytes() {
    let proxy = proxy(to_client(Faults::default().split(1).split_pause_ms(10)));
    let mut stream = connect(&proxy);
    let start = Instant::now();
    stream.write_all(&message()[..10]).unwrap();
    assert_eq!(read(&stream, 10), &message()[..10]);
    // There are nine pauses between ten pieces.
    assert!(start.elapsed() >= Duration::from_millis(90));
}

#[test]
fn splits_into_pieces_without_altering_the_stream() {
    let proxy = proxy(to_client(Faults { seed: 4, ..Faults::default().split(7) }));
    let mut stream = connect(&proxy);
    stream.write_all(&message()).unwrap();
    assert_eq!(read(&stream, 100), message());
}

#[test]
fn coalesces_what_comes_in_short_order() {
    let proxy = proxy(to_client(Faults::default().coalesce_ms(500)));
    let mut stream = connect(&proxy);
    for byte in b"together" {
        stream.write_all(&[*byte]).unwrap();
    }
    let mut received = [0; 100];
    assert_eq!(stream.read(&mut received).unwrap(), 8);
}

#[test]
fn corrupts_a_byte_of_the_stream_however_it_is_split() {
    for split in [0, 1, 3] {
        let proxy = proxy(to_client(Faults::default().corrupt(42, 0x0f).split(split)));
        let mut stream = connect(&proxy);
        for chunk in message().chunks(8) {
            stream.write_all(chunk).unwrap();
        }
        let mut expected = message();
        expected[42] ^= 0x0f;
        assert_eq!(read(&stream, 100), expected);
    }
}

/// Two frames with payloads of three bytes.
const FRAMES: [[u8; 12]; 2] = [[0, 0, 0, 8, 0, 0, 0, 0, 1, 10, 11, 12], [0, 0, 0, 8, 0, 0, 0, 0, 2, 20, 21, 22]];

#[test]
fn corrupts_a_byte_of_a_frame() {
    let proxy = proxy(to_client(Faults::default().corrupt_frame(1, 9, 0xff)));
    let mut stream = connect(&proxy);
    stream.write_all(&FRAMES.concat()).unwrap();
    let mut expected = FRAMES;
    expected[1][9] ^= 0xff;
    assert_eq!(read(&stream, 24), expected.concat());
}

#[test]
fn lets_a_function_alter_frames() {
    let proxy = FaultProxy::start(echo()).unwrap();
    proxy.set_tamper(|frame| {
        assert_eq!(frame.connection, 0);
        if frame.direction == Direction::ToClient && frame.bytes[8] == 1 {
            frame.bytes.splice(.., *b"hello");
        }
    });
    let mut stream = connect(&proxy);
    stream.write_all(&FRAMES.concat()).unwrap();
    assert_eq!(read(&stream, 17), [&b"hello"[..], &FRAMES[1]].concat());
}

#[test]
fn each_connection_has_its_own_plan() {
    let proxy = FaultProxy::start(echo()).unwrap();
    proxy.set_plan(|connection| match connection {
        1 => to_client(Faults::default().cut_after(0)),
        _ => Plan::default(),
    });
    for cut in [false, true, false] {
        let mut stream = connect(&proxy);
        let _ = stream.write_all(b"x");
        let mut received = [0];
        assert_eq!(stream.read(&mut received).unwrap(), usize::from(!cut));
    }
}

#[test]
fn a_broker_that_is_gone_resets_the_connection() {
    let proxy = FaultProxy::start("127.0.0.1:1").unwrap();
    assert_eq!(read_all(&connect(&proxy)).1.unwrap_err().kind(), ErrorKind::ConnectionReset);
    proxy.set_upstream(echo());
    let mut stream = connect(&proxy);
    stream.write_all(b"x").unwrap();
    assert_eq!(read(&stream, 1), b"x");
}

#[test]
fn ends_with_its_value() {
    let proxy = proxy(Plan::default());
    let stream = connect(&proxy);
    let address = proxy.address();
    drop(proxy);
    let (_, outcome) = read_all(&stream);
    assert!(outcome.is_ok() || outcome.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    await_that(|| TcpStream::connect(&address).is_err());
}
