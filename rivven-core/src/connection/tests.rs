//! The connection over an in-memory pipe: no socket, paused time.

use std::future::Future;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::stream::Stream;
use super::{Connection, DEFAULT_MAX_IN_FLIGHT, Deadline, Flow};
use crate::error::{Error, ErrorCode, Outcome, Result};
use crate::ops::{ListTopics, Ping, Publish};
use crate::protocol::{Frame, FrameDecoder, Operation, Received, Request, Response, header};

impl Stream for DuplexStream {}

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// The broker's end of the pipe.
pub(super) struct Peer {
    pipe: DuplexStream,
    received: BytesMut,
}

impl Peer {
    pub(super) async fn request(&mut self) -> (u32, Request) {
        loop {
            match FrameDecoder::default().decode(&mut self.received).unwrap() {
                Received::Frame(Frame { correlation_id, payload }) => {
                    return (correlation_id, Request::decode(&payload).unwrap());
                }
                Received::NeedMore(_) => {
                    assert_ne!(self.pipe.read_buf(&mut self.received).await.unwrap(), 0, "the client closed");
                }
            }
        }
    }

    pub(super) async fn answer(&mut self, id: u32, response: &Response) {
        let payload = response.encode();
        self.pipe.write_all(&header(id, payload.len())).await.unwrap();
        self.pipe.write_all(&payload).await.unwrap();
    }

    async fn refuse(&mut self, id: u32, message: &str) {
        self.answer(id, &Response::Error { message: message.into() }).await;
    }
}

fn connect_with(buffer: usize, max_in_flight: u32) -> (Connection, Peer) {
    connect_by(buffer, Flow { max_in_flight, ..Flow::default() })
}

pub(super) fn connect_by(buffer: usize, flow: Flow) -> (Connection, Peer) {
    let (ours, theirs) = duplex(buffer);
    let connection = Connection::start(ours, "test:1".into(), &flow);
    (connection, Peer { pipe: theirs, received: BytesMut::new() })
}

fn connect() -> (Connection, Peer) {
    connect_with(64 * 1024, DEFAULT_MAX_IN_FLIGHT)
}

async fn call<O: Operation>(connection: &Connection, operation: O, timeout: Duration) -> Result<O::Output> {
    connection.call(&operation.encode().unwrap(), O::decode, Deadline::after(timeout)).await
}

pub(super) fn spawn<O>(
    connection: &Connection,
    operation: O,
    timeout: Duration,
) -> tokio::task::JoinHandle<Result<O::Output>>
where
    O: Operation + Send + Sync + 'static,
{
    let (connection, frame) = (connection.clone(), operation.encode().unwrap());
    tokio::spawn(async move { connection.call(&frame, O::decode, Deadline::after(timeout)).await })
}

pub(super) fn publish(value: &'static [u8]) -> Publish<'static> {
    Publish { topic: "t", partition: Some(0), key: None, value }
}

#[tokio::test]
async fn answers_go_to_their_requests_in_order() {
    let (connection, mut peer) = connect();
    let server = tokio::spawn(async move {
        for _ in 0..100 {
            let (id, request) = peer.request().await;
            let Request::Publish { value, .. } = request else { panic!("unexpected {request:?}") };
            peer.answer(id, &Response::Published { offset: value.len() as u64, partition: 0 }).await;
        }
    });
    let values: Vec<Vec<u8>> = (0..100).map(|size| vec![7; size]).collect();
    let calls = values.iter().map(|value| {
        let publish = Publish { topic: "t", partition: Some(0), key: None, value };
        call(&connection, publish, SECOND)
    });
    for (size, call) in calls.enumerate() {
        assert_eq!(call.await.unwrap().offset, size as u64);
    }
    server.await.unwrap();
}

#[tokio::test]
async fn requests_are_pipelined() {
    let (connection, mut peer) = connect();
    let calls: Vec<_> = (0..50).map(|_| spawn(&connection, Ping, SECOND)).collect();
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(peer.request().await.0);
    }
    for id in ids {
        peer.answer(id, &Response::Pong).await;
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_error_of_the_broker_is_typed_and_harms_nobody() {
    let (connection, mut peer) = connect();
    let call = spawn(&connection, publish(b"v"), SECOND);
    let (id, _) = peer.request().await;
    peer.refuse(id, "INVALID_PARTITION: 0").await;
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::ServerError(_)));
    assert_eq!((error.code(), error.outcome()), (ErrorCode::InvalidPartition, Outcome::Rejected));
    assert!(error.to_string().contains("publish to t/0"), "{error}");
    assert!(connection.is_open());
}

#[tokio::test]
async fn an_unattributable_error_belongs_to_the_oldest_request() {
    let (connection, mut peer) = connect();
    let first = spawn(&connection, publish(b"v"), SECOND);
    peer.request().await;
    let second = spawn(&connection, Ping, SECOND);
    let (id, _) = peer.request().await;
    peer.refuse(0, "INVALID_REQUEST: Serialization error: test").await;
    peer.answer(id, &Response::Pong).await;
    let error = first.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.is_retriable()), (ErrorCode::InvalidRequest, false));
    second.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_wrong_id_poisons() {
    let (connection, mut peer) = connect();
    let first = spawn(&connection, Ping, SECOND);
    let (id, _) = peer.request().await;
    peer.answer(id + 1, &Response::Pong).await;
    let error = first.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::MalformedResponse, Outcome::Unknown));
    assert!(connection.is_poisoned());
    let late = call(&connection, Ping, SECOND).await.unwrap_err();
    assert_eq!(late.outcome(), Outcome::NotSent);
}

#[tokio::test]
async fn an_answer_that_was_not_asked_for_poisons() {
    let (connection, mut peer) = connect();
    peer.answer(1, &Response::Pong).await;
    connection.commands.closed().await;
    assert!(connection.is_poisoned());
}

#[tokio::test]
async fn an_undecodable_answer_poisons() {
    let (connection, mut peer) = connect();
    let call = spawn(&connection, Ping, SECOND);
    let (id, _) = peer.request().await;
    peer.pipe.write_all(&header(id, 2)).await.unwrap();
    peer.pipe.write_all(&[0xff, 0xff]).await.unwrap();
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.code(), ErrorCode::MalformedResponse);
    connection.commands.closed().await;
    assert!(connection.is_poisoned());
}

#[tokio::test]
async fn an_answer_of_another_kind_is_told_apart() {
    let (connection, mut peer) = connect();
    let call = spawn(&connection, ListTopics, SECOND);
    let (id, _) = peer.request().await;
    peer.answer(id, &Response::Pong).await;
    assert_eq!(call.await.unwrap().unwrap_err().code(), ErrorCode::UnexpectedResponse);
}

#[tokio::test]
async fn a_promise_of_four_gigabytes_is_refused_before_it_is_reserved() {
    let (connection, mut peer) = connect();
    let call = spawn(&connection, Ping, SECOND);
    peer.request().await;
    peer.pipe.write_all(&[0xff; 4]).await.unwrap();
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::ProtocolError(_)));
    assert_eq!(error.code(), ErrorCode::ResponseTooLarge);
    assert_eq!(error.address(), Some("test:1"));
}

#[tokio::test]
async fn a_peer_that_closes_in_the_middle_of_an_answer_is_reported_so() {
    let (connection, mut peer) = connect();
    let call = spawn(&connection, publish(b"v"), SECOND);
    peer.request().await;
    peer.pipe.write_all(&header(1, 50)).await.unwrap();
    drop(peer);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::ConnectionLost, Outcome::Unknown));
    assert!(error.to_string().contains("in the middle of an answer, after 9 bytes"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_says_the_phase_and_poisons() {
    let (connection, mut peer) = connect();
    let waiting = spawn(&connection, publish(b"v"), SECOND);
    let (_, _) = peer.request().await;
    let neighbour = spawn(&connection, Ping, 10 * SECOND);
    peer.request().await;
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::TimeoutWithMessage(_)));
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TimedOut, Outcome::Unknown));
    assert!(error.to_string().contains("while waiting for the broker's answer"), "{error}");
    let other = neighbour.await.unwrap().unwrap_err();
    assert!(matches!(other, Error::ConnectionError(_)), "{other}");
    assert_eq!(other.outcome(), Outcome::Unknown);
    assert!(connection.is_poisoned());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_could_not_be_written_was_not_sent() {
    let (connection, peer) = connect_with(64, DEFAULT_MAX_IN_FLIGHT);
    static LARGE: [u8; 10_000] = [1; 10_000];
    let writing = spawn(&connection, publish(&LARGE), SECOND);
    let queued = spawn(&connection, publish(b"v"), 2 * SECOND);
    let error = writing.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TimedOut, Outcome::NotSent));
    assert!(error.to_string().contains("while it was being written"), "{error}");
    assert_eq!(queued.await.unwrap().unwrap_err().outcome(), Outcome::NotSent);
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_place_in_flight_is_waited_for_within_the_timeout() {
    let (connection, mut peer) = connect_with(64 * 1024, 1);
    let first = spawn(&connection, publish(b"v"), 60 * SECOND);
    let (id, _) = peer.request().await;
    let error = call(&connection, Ping, SECOND).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TimedOut, Outcome::NotSent));
    assert!(error.to_string().contains("while queued in the client"), "{error}");
    assert!(connection.is_open(), "a request that was never sent harms nobody");
    peer.answer(id, &Response::Published { offset: 0, partition: 0 }).await;
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_dropped_future_harms_nobody() {
    let (connection, mut peer) = connect();
    let dropped = spawn(&connection, publish(b"first"), SECOND);
    let (first, _) = peer.request().await;
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    let kept = spawn(&connection, publish(b"second"), SECOND);
    let (second, _) = peer.request().await;
    peer.answer(first, &Response::Published { offset: 1, partition: 0 }).await;
    peer.answer(second, &Response::Published { offset: 2, partition: 0 }).await;
    assert_eq!(kept.await.unwrap().unwrap().offset, 2);
}

#[tokio::test]
async fn answers_are_read_while_the_peer_does_not_read() {
    let (connection, mut peer) = connect_with(256, DEFAULT_MAX_IN_FLIGHT);
    let small = spawn(&connection, Ping, SECOND);
    let (id, _) = peer.request().await;
    static LARGE: [u8; 100_000] = [1; 100_000];
    let large = spawn(&connection, publish(&LARGE), 5 * SECOND);
    tokio::task::yield_now().await;
    peer.answer(id, &Response::Pong).await;
    small.await.unwrap().unwrap();
    let (id, _) = peer.request().await;
    peer.answer(id, &Response::Published { offset: 0, partition: 0 }).await;
    large.await.unwrap().unwrap();
}

#[tokio::test]
async fn close_waits_for_pending_answers_and_takes_no_more_requests() {
    let (connection, mut peer) = connect();
    let pending = spawn(&connection, Ping, SECOND);
    let (id, _) = peer.request().await;
    let closing = tokio::spawn({
        let connection = connection.clone();
        async move { connection.close(SECOND).await }
    });
    while connection.is_open() {
        tokio::task::yield_now().await;
    }
    assert_eq!(call(&connection, Ping, SECOND).await.unwrap_err().code(), ErrorCode::Closed);
    peer.answer(id, &Response::Pong).await;
    pending.await.unwrap().unwrap();
    closing.await.unwrap();
    assert!(!connection.is_poisoned());
    connection.close(SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn close_ends_within_its_limit() {
    let (connection, mut peer) = connect();
    let pending = spawn(&connection, publish(b"v"), 60 * SECOND);
    peer.request().await;
    connection.close(SECOND).await;
    let error = pending.await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::Closed, Outcome::Unknown));
}

#[tokio::test]
async fn the_task_ends_with_its_last_handle() {
    let (connection, mut peer) = connect();
    drop(connection);
    let mut rest = Bytes::new().to_vec();
    assert_eq!(peer.pipe.read_to_end(&mut rest).await.unwrap(), 0);
}

#[test]
fn a_runtime_that_ends_is_reported() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (connection, peer) = runtime.block_on(async { connect() });
    drop(runtime);
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = other.block_on(call(&connection, Ping, SECOND)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::RuntimeGone);
    assert!(connection.is_poisoned());
    drop(peer);
}

/// Polls a future so many times and then drops it, unless it is done before.
async fn poll_times<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut polls = 0;
    std::future::poll_fn(|cx| {
        if polls == times {
            return std::task::Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Answers every publish with the number that its value holds.
async fn echo(mut peer: Peer) {
    loop {
        let (id, request) = peer.request().await;
        let Request::Publish { value, .. } = request else { panic!("unexpected {request:?}") };
        let number = u64::from_be_bytes(value[..8].try_into().unwrap());
        peer.answer(id, &Response::Published { offset: number, partition: 0 }).await;
    }
}

fn numbered(number: u64) -> Vec<u8> {
    // Some values are larger than the pipe, so that futures are dropped in mid-write too.
    let mut value = number.to_be_bytes().to_vec();
    value.resize(8 + (number as usize * 37) % 3000, 0);
    value
}

#[tokio::test]
async fn futures_dropped_at_every_await_point_leave_every_answer_with_its_question() {
    let (connection, peer) = connect_with(1024, 8);
    let server = tokio::spawn(echo(peer));
    let (mut answered, mut dropped) = (0, 0);
    for round in 0..2_000u64 {
        let calls = (0..16u64).map(|lane| {
            let connection = &connection;
            async move {
                let number = round * 16 + lane;
                let value = numbered(number);
                let publish = Publish { topic: "t", partition: Some(0), key: None, value: &value };
                // 0 drops before the first poll, the highest never drops.
                let polls = [0, 1, 2, 3, 4, 5, usize::MAX, usize::MAX][((number * 7 + round) % 8) as usize];
                poll_times(polls, call(connection, publish, 10 * SECOND)).await.map(|answer| (number, answer))
            }
        });
        for outcome in join_all(calls).await {
            match outcome {
                Some((number, answer)) => {
                    assert_eq!(answer.unwrap().offset, number);
                    answered += 1;
                }
                None => dropped += 1,
            }
        }
    }
    assert!(answered > 8_000 && dropped > 4_000, "answered {answered}, dropped {dropped}");
    assert!(connection.is_open());
    drop(connection);
    assert!(server.await.unwrap_err().is_panic(), "the server ends when the client has closed");
}

/// Polls all futures together, each at every wake-up, which makes many needless polls on purpose.
async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut lanes: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|cx| {
        let mut all = true;
        for (future, output) in &mut lanes {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => all = false,
                }
            }
        }
        if all { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    lanes.into_iter().filter_map(|(_, output)| output).collect()
}
