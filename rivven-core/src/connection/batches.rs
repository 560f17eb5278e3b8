//! Which requests share a write, over an in-memory pipe in paused time.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::tests::{Peer, SECOND, connect_by, publish, spawn};
use super::{Connection, Flow};
use crate::ops::Ping;
use crate::protocol::Response;

const LINGER: Duration = Duration::from_millis(5);

/// Up to three requests are gathered, for 5 ms.
fn connect(max_in_flight: u32) -> (Connection, Peer) {
    connect_by(64 * 1024, Flow { linger: LINGER, max_batch: 3, max_in_flight, ..Flow::default() })
}

/// How long a request takes to arrive at the broker, and its id.
async fn arrival(peer: &mut Peer) -> (Duration, u32) {
    let start = Instant::now();
    let (id, _) = peer.request().await;
    (start.elapsed(), id)
}

fn counts(connection: &Connection) -> [u64; 4] {
    let counters = connection.counters();
    [&counters.requests, &counters.answers, &counters.flushes, &counters.given_up].map(|count| count.get())
}

#[tokio::test(start_paused = true)]
async fn serial_calls_wait_for_nobody() {
    let (connection, mut peer) = connect(100);
    for _ in 0..3 {
        let call = spawn(&connection, Ping, SECOND);
        let (took, id) = arrival(&mut peer).await;
        assert_eq!(took, Duration::ZERO);
        peer.answer(id, &Response::Pong).await;
        call.await.unwrap().unwrap();
    }
    assert_eq!(counts(&connection), [3, 3, 3, 0]);
}

#[tokio::test(start_paused = true)]
async fn while_an_answer_is_due_requests_gather_until_the_linger_is_over() {
    let (connection, mut peer) = connect(100);
    let first = spawn(&connection, Ping, SECOND);
    peer.request().await;
    let others = [spawn(&connection, Ping, SECOND), spawn(&connection, Ping, SECOND)];
    let (took, _) = arrival(&mut peer).await;
    assert_eq!(took, LINGER);
    assert_eq!(arrival(&mut peer).await.0, Duration::ZERO, "both are in one write");
    assert_eq!(counts(&connection), [3, 0, 2, 0]);
    for id in 1..=3 {
        peer.answer(id, &Response::Pong).await;
    }
    for call in [first].into_iter().chain(others) {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_answer_ends_the_linger() {
    let (connection, mut peer) = connect(100);
    let first = spawn(&connection, Ping, SECOND);
    let (id, _) = peer.request().await;
    let _second = spawn(&connection, Ping, SECOND);
    assert!(timeout(LINGER / 5, peer.request()).await.is_err(), "it waits for others");
    peer.answer(id, &Response::Pong).await;
    first.await.unwrap().unwrap();
    assert_eq!(arrival(&mut peer).await.0, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_full_batch_is_written_at_once() {
    let (connection, mut peer) = connect(100);
    let _first = spawn(&connection, Ping, SECOND);
    peer.request().await;
    let _others: Vec<_> = (0..3).map(|_| spawn(&connection, Ping, SECOND)).collect();
    for _ in 0..3 {
        assert_eq!(arrival(&mut peer).await.0, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_the_last_place_in_flight_is_written_at_once() {
    let (connection, mut peer) = connect(2);
    let _calls: Vec<_> = (0..3).map(|_| spawn(&connection, Ping, SECOND)).collect();
    for _ in 0..2 {
        assert_eq!(arrival(&mut peer).await.0, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_writes_what_was_gathered() {
    let (connection, mut peer) = connect(100);
    let _first = spawn(&connection, Ping, SECOND);
    peer.request().await;
    let second = spawn(&connection, Ping, SECOND);
    assert!(timeout(LINGER / 5, peer.request()).await.is_err(), "it waits for others");
    let closing = tokio::spawn({
        let connection = connection.clone();
        async move { connection.close(SECOND).await }
    });
    assert_eq!(arrival(&mut peer).await.0, Duration::ZERO);
    peer.answer(1, &Response::Pong).await;
    peer.answer(2, &Response::Pong).await;
    second.await.unwrap().unwrap();
    closing.await.unwrap();
}

/// The pipe is full of a request that lingers for nobody; what follows must not
/// stop it, and goes with it.
#[tokio::test(start_paused = true)]
async fn what_comes_behind_a_blocked_write_stops_nothing() {
    static LARGE: [u8; 10_000] = [1; 10_000];
    let (connection, mut peer) = connect_by(64, Flow { linger: LINGER, max_batch: 64, ..Flow::default() });
    let _large = spawn(&connection, publish(&LARGE), SECOND);
    tokio::task::yield_now().await;
    let _small = spawn(&connection, Ping, SECOND);
    tokio::task::yield_now().await;
    assert_eq!(arrival(&mut peer).await.0, Duration::ZERO);
    assert_eq!(arrival(&mut peer).await.0, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_was_gathered_but_not_written_is_not_counted_as_sent() {
    let (connection, mut peer) = connect(100);
    let _first = spawn(&connection, Ping, SECOND);
    peer.request().await;
    let gathered = spawn(&connection, Ping, SECOND);
    assert!(timeout(LINGER / 5, peer.request()).await.is_err(), "it waits for others");
    drop(peer);
    assert_eq!(gathered.await.unwrap().unwrap_err().outcome(), crate::error::Outcome::NotSent);
    assert_eq!(counts(&connection), [1, 0, 1, 1]);
}
