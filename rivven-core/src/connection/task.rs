//! The task that owns a socket: it alone reads and writes it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::Shared;
use super::deadline::Deadline;
use super::failure::{Cause, Failure};
use super::gathering::{Flow, Gathering};
use super::output::Output;
use super::pending::{OutOfStep, Pending};
use super::stream::Stream;
use crate::protocol::{Frame, FrameDecoder, Received, RequestFrame, Response};

/// How long a connection without owner may take to write what they left.
const ORPHAN_LIMIT: Duration = Duration::from_secs(1);

/// How long the farewell to the peer may take.
const SHUTDOWN_LIMIT: Duration = Duration::from_millis(200);

/// The most that is reserved ahead of the bytes that a frame promises.
const READ_AHEAD: usize = 1024 * 1024;

/// Where a request's answer goes, with the place in flight that it holds until then, if it needs one.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) sender: oneshot::Sender<Result<Bytes, Failure>>,
    pub(super) _slot: Option<OwnedSemaphorePermit>,
}

impl Reply {
    /// Gives the answer; a caller that lost interest is no error.
    fn give(self, answer: Result<Bytes, Failure>) {
        let _ = self.sender.send(answer);
    }
}

/// What the handles ask of the task.
#[derive(Debug)]
pub(super) enum Command {
    /// Send a request.
    Call { frame: RequestFrame, deadline: Deadline, reply: Reply },
    /// An answer could not be understood: the connection is of no use any more.
    Poison(Cause),
    /// Wait for the pending answers until then, and close.
    Close { until: Instant },
}

/// How the task is to end.
#[derive(Debug, Clone, Copy)]
struct Farewell {
    until: Instant,
    /// Whether somebody still waits for answers.
    awaited: bool,
}

/// The owner of one socket.
pub(super) struct Task<S> {
    stream: S,
    shared: Arc<Shared>,
    commands: mpsc::UnboundedReceiver<Command>,
    pending: Pending<Reply>,
    output: Output,
    gathering: Gathering,
    linger: Pin<Box<Sleep>>,
    unflushed: bool,
    input: BytesMut,
    read_room: usize,
    timer: Pin<Box<Sleep>>,
    armed: Option<Instant>,
    farewell: Option<Farewell>,
}

impl<S: Stream> Task<S> {
    pub(super) fn new(stream: S, shared: Arc<Shared>, commands: mpsc::UnboundedReceiver<Command>, flow: &Flow) -> Self {
        Task {
            stream,
            shared,
            commands,
            pending: Pending::new(),
            output: Output::with_room(flow.write_buffer),
            gathering: Gathering::new(flow),
            linger: Box::pin(sleep_until(Instant::now())),
            unflushed: false,
            input: BytesMut::new(),
            read_room: flow.read_buffer,
            timer: Box::pin(sleep_until(Instant::now())),
            armed: None,
            farewell: None,
        }
    }

    /// Serves the connection until it ends, then tells everyone who waits.
    pub(super) async fn run(mut self) {
        let cause = poll_fn(|cx| self.poll(cx)).await;
        self.end(&cause);
        let _ = timeout(SHUTDOWN_LIMIT, self.stream.shutdown()).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Cause> {
        loop {
            if let Some(cause) = self.poll_commands(cx) {
                return Poll::Ready(cause);
            }
            if let Err(cause) = self.poll_write(cx) {
                return Poll::Ready(cause);
            }
            match self.poll_read(cx) {
                Err(cause) => return Poll::Ready(cause),
                Ok(true) => continue,
                Ok(false) => break,
            }
        }
        if self.said_farewell() {
            return Poll::Ready(Cause::ClosedByOwner);
        }
        self.poll_timer(cx)
    }

    /// Takes what the handles ask; a cause if the connection is to end at once.
    fn poll_commands(&mut self, cx: &mut Context<'_>) -> Option<Cause> {
        while self.farewell.is_none() {
            match self.commands.poll_recv(cx) {
                Poll::Ready(Some(Command::Call { frame, deadline, reply })) => {
                    self.enter(&frame, deadline, reply);
                }
                // The request whose answer it was has been told.
                Poll::Ready(Some(Command::Poison(cause))) => return Some(cause.for_others()),
                Poll::Ready(Some(Command::Close { until })) => self.part(Farewell { until, awaited: true }),
                Poll::Ready(None) => {
                    self.part(Farewell { until: Instant::now() + ORPHAN_LIMIT, awaited: false });
                }
                Poll::Pending => break,
            }
        }
        None
    }

    fn enter(&mut self, frame: &RequestFrame, deadline: Deadline, reply: Reply) {
        // What comes behind bytes that the socket does not take yet goes with them.
        if self.output.is_empty() || self.gathering.is_waiting() {
            self.gathering.join();
        }
        let id = self.pending.push(frame.wire_len(), deadline, reply);
        self.output.push(frame, id);
        self.arm(deadline.at());
        self.begin_oldest();
    }

    /// Begins the time of the oldest request if that has waited for its turn.
    fn begin_oldest(&mut self) {
        if let Some(at) = self.pending.begin_oldest() {
            self.arm(at);
        }
    }

    fn part(&mut self, farewell: Farewell) {
        self.shared.refuse(Cause::ClosedByOwner);
        self.farewell = Some(farewell);
        self.arm(farewell.until);
    }

    fn said_farewell(&self) -> bool {
        self.farewell.is_some_and(|farewell| {
            self.output.is_empty() && !self.unflushed && (self.pending.is_empty() || !farewell.awaited)
        })
    }

    /// Whether the requests that were gathered go on waiting for others.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> bool {
        if self.farewell.is_some() {
            self.gathering.release();
        }
        while self.gathering.is_waiting() {
            let Some(due) = self.gathering.waits_until(self.pending.len(), Instant::now()) else { return false };
            // A timer that was set for an earlier batch is left alone: it only wakes too soon.
            if self.linger.is_elapsed() || self.linger.deadline() > due {
                self.linger.as_mut().reset(due);
            }
            if self.linger.as_mut().poll(cx).is_pending() {
                return true;
            }
        }
        false
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), Cause> {
        while !self.poll_linger(cx) && !self.output.is_empty() {
            let mut slices = Output::no_slices();
            let count = self.output.slices(&mut slices);
            match Pin::new(&mut self.stream).poll_write_vectored(cx, &slices[..count]) {
                Poll::Ready(Ok(0)) => return Err(Cause::Io(Arc::new(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(bytes)) => {
                    self.output.advance(bytes);
                    self.shared.counters.requests.add(self.pending.wrote(bytes));
                    self.unflushed = true;
                }
                Poll::Ready(Err(error)) => return Err(Cause::Io(Arc::new(error))),
                Poll::Pending => return Ok(()),
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => {
                    self.unflushed = false;
                    self.shared.counters.flushes.add(1);
                }
                Poll::Ready(Err(error)) => return Err(Cause::Io(Arc::new(error))),
                Poll::Pending => {}
            }
        }
        Ok(())
    }

    /// Reads once and hands out the complete answers; whether there may be more to read.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, Cause> {
        if self.input.capacity() - self.input.len() < self.read_room {
            // Some more, as small answers would else ask for new memory with each read.
            self.make_room(2 * self.read_room);
        }
        match pin!(self.stream.read_buf(&mut self.input)).poll(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(0)) => Err(Cause::PeerClosed { partial: self.input.len() }),
            Poll::Ready(Ok(_)) => self.answer().map(|()| true),
            Poll::Ready(Err(error)) => Err(Cause::Io(Arc::new(error))),
        }
    }

    /// Hands out every complete answer that has arrived.
    fn answer(&mut self) -> Result<(), Cause> {
        loop {
            match FrameDecoder::default().decode(&mut self.input) {
                Ok(Received::Frame(Frame { correlation_id, payload })) => {
                    let reply = self.owner_of(correlation_id, &payload)?;
                    self.shared.counters.answers.add(1);
                    self.begin_oldest();
                    reply.give(Ok(payload));
                }
                Ok(Received::NeedMore(bytes)) => {
                    if !self.input.is_empty() || !self.pending.is_empty() {
                        self.stream.acknowledge_now();
                    }
                    if !self.input.is_empty() {
                        self.make_room(bytes.min(READ_AHEAD.max(self.input.len())));
                    }
                    return Ok(());
                }
                Err(error) => return Err(Cause::Malformed { error, hint: hint_of(&self.input) }),
            }
        }
    }

    /// Has room for so many bytes behind those that have arrived.
    fn make_room(&mut self, bytes: usize) {
        let size = self.input.len() + bytes;
        if self.input.capacity() >= size {
            return;
        }
        match self.shared.spares.take(size) {
            Some(mut spare) => {
                spare.extend_from_slice(&self.input);
                self.input = spare;
            }
            None => self.input.reserve(bytes),
        }
    }

    /// The request that an answer belongs to.
    ///
    /// What the broker could not parse it answers with id 0; as answers are in
    /// order, such an error belongs to the oldest request.
    fn owner_of(&mut self, id: u32, payload: &Bytes) -> Result<Reply, Cause> {
        let found = match id {
            0 if matches!(Response::decode(payload), Ok(Response::Error { .. })) => self.pending.take_oldest(),
            _ => self.pending.answered(id),
        };
        found.map_err(|OutOfStep { expected }| Cause::OutOfStep { expected, got: id })
    }

    fn arm(&mut self, deadline: Instant) {
        if self.armed.is_none_or(|armed| deadline < armed) {
            self.timer.as_mut().reset(deadline);
            self.armed = Some(deadline);
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Cause> {
        while self.armed.is_some() && self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if self.pending.is_overdue(now) {
                return Poll::Ready(Cause::NeighbourTimedOut);
            }
            if self.farewell.is_some_and(|farewell| farewell.until <= now) {
                return Poll::Ready(Cause::ClosedByOwner);
            }
            self.armed = None;
            let farewell = self.farewell.map(|farewell| farewell.until);
            if let Some(next) = self.pending.earliest_deadline().into_iter().chain(farewell).min() {
                self.arm(next);
            }
        }
        Poll::Pending
    }

    /// Refuses new requests and fails those that wait, in that order.
    fn end(&mut self, cause: &Cause) {
        let for_others = cause.for_others();
        self.shared.refuse(for_others.clone());
        self.shared.counters.given_up.add(self.pending.waiting());
        let now = Instant::now();
        match cause {
            Cause::NeighbourTimedOut => {
                self.pending.fail_overdue(now, |reply, failure| reply.give(Err(failure)));
            }
            _ => {
                // What the peer sent was meant for the oldest request.
                let mut causes = std::iter::once(cause).chain(std::iter::repeat(&for_others)).cloned();
                self.pending.fail_all(&for_others, |reply, failure| {
                    let cause = causes.next().unwrap_or(failure.cause);
                    reply.give(Err(Failure { cause, outcome: failure.outcome }));
                });
            }
        }
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            if let Command::Call { reply, .. } = command {
                reply.give(Err(Failure::not_sent(for_others.clone())));
            }
        }
        tracing::debug!(address = %self.shared.address, ?cause, "connection ended");
    }
}

impl<S> Drop for Task<S> {
    /// A task that is dropped before its end goes with the runtime that drove it.
    fn drop(&mut self) {
        let cause = Cause::RuntimeGone;
        self.shared.refuse(cause.clone());
        self.shared.counters.given_up.add(self.pending.waiting());
        self.pending.fail_all(&cause, |reply, failure| reply.give(Err(failure)));
    }
}

/// What a peer that is no Rivven broker most likely is, from its first bytes.
fn hint_of(input: &[u8]) -> &'static str {
    match input {
        [b'H', b'T', b'T', b'P', ..] => ": an HTTP server answers there, check the port",
        [0x15, 0x03, ..] => ": a TLS server answers there, configure TLS",
        _ => ": check that a Rivven broker listens there",
    }
}
