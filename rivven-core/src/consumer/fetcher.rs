//! The task that reads some partitions by a connection of its own.
//!
//! It goes in rounds: one request for each of its partitions that may have
//! more, all sent together, of which only the last one is let wait at the broker.
//! The broker serves them one after another, so what stands in front is
//! answered at once, and a record of any partition is late by one wait at most.
//! A wait that several partitions share is shorter accordingly. Where there are
//! no more partitions than connections each has one, and its wait disturbs nobody.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesOrdered, StreamExt};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::events::ConsumerEvent;
use super::partition::Arrived;
use super::position::{Coming, Seen};
use super::records::{Frame, gather};
use super::shared::Shared;
use super::state::{Request, Work};
use crate::cluster::Held;
use crate::connection::{Connection, Deadline, Reading, ServerAddress};
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::ops::{Consume, GetOffsetBounds};
use crate::protocol::{EncodeError, Operation, Purpose, RequestFrame, Response};

/// How long an unused connection is kept before it goes back to the pool.
const IDLE: Duration = Duration::from_secs(5);

/// How long a slot waits for a connection before its partitions go to another one.
const CROWDED: Duration = Duration::from_secs(2);

/// A broker is taken for distant whose answers take so long.
const FAR: Duration = Duration::from_millis(5);

/// A place for one connection that reads.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) id: u64,
    /// The server to read from; `None` for the first one that works.
    pub(super) destination: Option<ServerAddress>,
    wake: Notify,
}

impl Slot {
    pub(super) fn new(id: u64, destination: Option<ServerAddress>) -> Self {
        Slot { id, destination, wake: Notify::new() }
    }

    /// Lets the task look again at what there is to ask for.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// An answer, to the request of this place in the round.
enum Came {
    Bounds(usize, Result<(u64, u64)>),
    Records(usize, Result<(Frame, Seen)>),
}

type Answers = FuturesOrdered<Pin<Box<dyn Future<Output = Came> + Send>>>;

/// The reader at work.
pub(super) struct Task {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    link: Option<Held>,
    /// How many attempts have failed since the last answer.
    failures: u32,
    /// Before this moment no connection is made.
    not_before: Option<Instant>,
}

impl Task {
    pub(super) fn new(shared: Arc<Shared>, slot: Arc<Slot>) -> Self {
        Task { shared, slot, link: None, failures: 0, not_before: None }
    }

    /// Reads until the slot has no partition any more, or the consumer has ended.
    pub(super) async fn run(mut self) {
        let ended = self.shared.ended();
        tokio::select! {
            () = ended => {}
            () = self.serve() => {}
        }
    }

    async fn serve(&mut self) {
        loop {
            if self.link.is_none() && self.has_work() {
                self.connect().await;
                continue;
            }
            // Whatever becomes free after this is noticed.
            let shared = Arc::clone(&self.shared);
            let freed = shared.memory.freed();
            match self.work() {
                Work::Round(requests) => self.round(requests).await,
                Work::Nothing { until, memory } => {
                    let release = (self.link.is_some() && !memory).then(|| Instant::now() + IDLE);
                    let timer = until.into_iter().chain(release).min();
                    tokio::select! {
                        () = self.slot.wake.notified() => {}
                        () = freed, if memory => {}
                        () = sleep_until(timer.unwrap_or_else(Instant::now)), if timer.is_some() => {
                            if until.is_none_or(|until| until > Instant::now()) {
                                self.link.take().into_iter().for_each(Held::release);
                            }
                        }
                    }
                }
                Work::End => {
                    self.link.take().into_iter().for_each(Held::release);
                    return;
                }
            }
        }
    }

    fn has_work(&self) -> bool {
        self.shared.state().has_work(self.slot.id, Instant::now())
    }

    fn work(&self) -> Work {
        let shared = &self.shared;
        shared.state().work(self.slot.id, Instant::now(), shared.config.fetch_max_wait, &shared.memory)
    }

    async fn connect(&mut self) {
        if let Some(moment) = self.not_before.take() {
            sleep_until(moment).await;
        }
        match self.shared.cluster.hold(Purpose::Fetch, self.slot.destination.as_ref(), CROWDED).await {
            Ok(link) => {
                tracing::debug!(address = %link.address(), slot = self.slot.id, "consumer connected");
                self.link = Some(link);
            }
            Err(error) if error.code() == ErrorCode::PoolExhausted && self.shared.fold(&self.slot, &error) => {}
            Err(error) => self.failed(error).await,
        }
    }

    /// A connection could not be made, or was lost.
    async fn failed(&mut self, error: Error) {
        self.failures += 1;
        self.shared.note_error(&error);
        if self.slot.destination.is_some() {
            self.shared.look_for_leaders();
        }
        if error.is_retriable() && self.failures < self.shared.config.max_reconnect_attempts {
            self.not_before = Some(Instant::now() + self.shared.pause(self.failures));
            return;
        }
        self.failures = 0;
        self.shared.give_up(error).await;
    }

    /// Asks for records of some partitions, and takes what comes.
    async fn round(&mut self, requests: Vec<Request>) {
        let Some(link) = &self.link else { return self.end_round(&requests) };
        let mut answers = self.send(link.connection(), &requests);
        let mut outstanding: VecDeque<Request> = requests.iter().cloned().collect();
        let start = Instant::now();
        let mut since = start;
        let mut lost = None;
        loop {
            tokio::select! {
                biased;
                came = answers.next() => {
                    let now = Instant::now();
                    match came {
                        Some(Came::Bounds(place, bounds)) => self.bounds(&requests[place], bounds),
                        Some(Came::Records(place, records)) => {
                            outstanding.pop_front();
                            let request = &requests[place];
                            let coming = Coming { early: now - since < request.wait, far: now - start >= FAR };
                            lost = lost.or(self.records(request, records, coming, now));
                            self.shared.state().handed_on(self.slot.id, &request.key);
                        }
                        None => break,
                    }
                    since = now;
                }
                () = self.slot.wake.notified() => {
                    let state = &mut self.shared.state();
                    if state.waits_in_vain(self.slot.id, outstanding.make_contiguous(), Instant::now()) {
                        // The broker goes on waiting, and whatever is asked would wait behind it.
                        self.link = None;
                        break;
                    }
                }
            }
        }
        self.end_round(outstanding.make_contiguous());
        if let Some(error) = lost {
            self.lose(error).await;
        }
    }

    fn end_round(&self, unanswered: &[Request]) {
        if self.shared.state().end_round(self.slot.id, unanswered) {
            self.shared.memory.look_again();
        }
    }

    fn send(&self, connection: &Connection, requests: &[Request]) -> Answers {
        let mut answers = Answers::new();
        for (place, request) in requests.iter().enumerate() {
            let deadline = Deadline::in_turn(self.shared.config.request_timeout.saturating_add(request.wait));
            let (topic, partition) = (&*request.key.topic, request.key.partition);
            if request.ask.bounds {
                let connection = connection.clone();
                let frame = GetOffsetBounds { topic, partition }.encode();
                answers.push_back(Box::pin(async move {
                    Came::Bounds(place, bounds_by(&connection, frame, deadline).await)
                }));
            }
            let consume = Consume {
                topic,
                partition,
                offset: request.ask.offset,
                max_messages: request.ask.max_messages,
                isolation_level: Some(self.shared.config.isolation_level),
                max_wait: Some(request.wait).filter(|wait| !wait.is_zero()),
            };
            let (connection, shared) = (connection.clone(), Arc::clone(&self.shared));
            let (frame, asked) = (consume.encode(), (partition, request.ask.offset));
            answers.push_back(Box::pin(async move {
                Came::Records(place, records_by(&connection, frame, deadline, &shared, asked).await)
            }));
        }
        answers
    }

    fn bounds(&self, request: &Request, bounds: Result<(u64, u64)>) {
        // Why there are none, the records tell as well.
        let Ok((earliest, latest)) = bounds else { return };
        let mut state = self.shared.state();
        let Some(partition) = state.current(&request.key, request.epoch) else { return };
        let notice = partition.bounds(earliest, latest);
        if partition.is_ended() {
            state.may_have_ended(&request.key);
            drop(state);
            self.shared.arrived();
        }
        self.shared.tell(&request.key, notice);
    }

    /// Takes records; gives the error if the connection is of no use any more.
    fn records(
        &mut self,
        request: &Request,
        records: Result<(Frame, Seen)>,
        coming: Coming,
        now: Instant,
    ) -> Option<Error> {
        let answer = match records {
            Ok((frame, seen)) => {
                self.shared.counters.fetched(seen.total, seen.bytes);
                if seen.total == 0 {
                    self.link.iter().for_each(|link| link.connection().spares().clear());
                }
                Arrived::Records(frame, seen)
            }
            Err(error) if error.code() == ErrorCode::AnswerTooLarge => Arrived::TooLarge,
            Err(error) => return self.refused(request, error, now),
        };
        self.failures = 0;
        let mut state = self.shared.state();
        let partition = state.current(&request.key, request.epoch)?;
        let notice = partition.answered(request.ask, answer, coming, now);
        let ended = partition.is_ended();
        let unreadable = partition.is_unreadable().then(|| partition.next()).flatten();
        state.enqueue(&request.key);
        if ended || notice.is_some() {
            state.may_have_ended(&request.key);
        }
        if let Some(offset) = unreadable {
            state.halt_behind(&request.key, offset, too_large(request, offset));
            self.shared.announce(ConsumerEvent::Unreadable { partition: (&request.key).into(), offset });
        }
        let news = ended || unreadable.is_some() || state.current(&request.key, request.epoch)?.has_records();
        drop(state);
        if news {
            self.shared.arrived();
        }
        self.shared.tell(&request.key, notice);
        None
    }

    fn refused(&self, request: &Request, error: Error, now: Instant) -> Option<Error> {
        let open = self.link.as_ref().is_some_and(|link| link.connection().is_open());
        // The broker is about to close it, or it is being given up.
        let spoiled = matches!(error.code(), ErrorCode::RateLimitExceeded | ErrorCode::MalformedResponse);
        let lost = !open || spoiled;
        let mut state = self.shared.state();
        let partition = state.current(&request.key, request.epoch);
        partition.into_iter().for_each(|partition| partition.refused(&error, lost, now));
        drop(state);
        if lost {
            return Some(error);
        }
        self.shared.refused(&request.key, &error);
        None
    }

    /// Lets go of a connection that has ended, or that the broker is about to close.
    async fn lose(&mut self, error: Error) {
        if let Some(link) = self.link.take().filter(|_| error.counts_against_server()) {
            link.lost(&error);
        }
        self.shared.counters.reconnected();
        self.failed(error).await;
    }
}

fn too_large(request: &Request, offset: u64) -> Error {
    let text = format!(
        "read {} at offset {offset}: the record is larger than the broker can send: seek to {} to go on behind it",
        request.key,
        offset + 1
    );
    Error::ServerError(Detail::new(text).with_code(ErrorCode::AnswerTooLarge).with_outcome(Outcome::Rejected))
}

async fn bounds_by(
    connection: &Connection,
    frame: Result<RequestFrame, EncodeError>,
    deadline: Deadline,
) -> Result<(u64, u64)> {
    connection.call(&frame?, GetOffsetBounds::decode, deadline).await
}

async fn records_by(
    connection: &Connection,
    frame: Result<RequestFrame, EncodeError>,
    deadline: Deadline,
    shared: &Shared,
    (partition, from): (u32, u64),
) -> Result<(Frame, Seen)> {
    let read = |payload: &Bytes| -> Reading<(Frame, Seen)> {
        let payload = shared.memory.charge(payload.clone(), connection.spares());
        match gather(&payload, partition, from, shared.config.decompression)? {
            Some((mut frame, seen)) => {
                frame.count(&shared.memory);
                Ok(Ok((frame, seen)))
            }
            None => Ok(Err(Response::decode(&payload)?)),
        }
    };
    connection.call_reading(&frame?, read, deadline).await
}
