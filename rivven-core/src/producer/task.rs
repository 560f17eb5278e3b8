//! The task of a sender: it alone sends the batches of its partitions, on a connection of its own.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::OptionFuture;
use tokio::time::{Instant, sleep_until};

use super::batch::{Batch, Delivered};
use super::numbered::{Ended, fenced};
use super::partition::{Body, Next, Pack, Partition};
use super::sender::{Sender, sweep_interval};
use super::sequence::Ticket;
use super::service::Service;
use super::shared::Shared;
use super::stats::ServerCounters;
use crate::cluster::Held;
use crate::compression::Compressor;
use crate::connection::{Deadline, Started};
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::protocol::{BatchBuffer, FramedBatch, Purpose, RequestFrame, Response, Stamp};
use crate::record_metadata::OFFSET_UNKNOWN;
use crate::resilience::Next as Retry;

/// How long an unused connection is kept before it goes back to the pool.
const IDLE: Duration = Duration::from_secs(5);

/// How long a sender waits for a connection before its partitions go to another one.
const CROWDED: Duration = Duration::from_secs(2);

/// How long after that it tries again to get one.
const UNFOLD: Duration = Duration::from_secs(5);

/// How long a broker that lost a connection may take for a request that it had read, besides that for its records.
const QUIET: Duration = Duration::from_millis(100);

/// How long a broker that is overloaded may take for the requests of a lost connection at least.
const SLOW: Duration = Duration::from_secs(30);

/// How long earlier attempts may be written where the request timeout is beyond all clocks.
const ECHO: Duration = Duration::from_secs(1 << 30);

/// What the broker says of a batch.
#[derive(Debug, Clone, Copy)]
struct Ack {
    base_offset: u64,
    duplicate: bool,
}

/// What an attempt is at.
enum What {
    /// A batch that goes along.
    Plain(Pack),
    /// A batch with a number, which its partition keeps.
    Numbered(Ticket),
}

impl What {
    /// The place of a batch with a number among those of its partition.
    fn number(&self) -> Option<u64> {
        match self {
            What::Plain(_) => None,
            What::Numbered(ticket) => Some(ticket.number()),
        }
    }
}

/// An attempt at a batch.
struct Attempt {
    partition: Arc<Partition>,
    what: What,
    records: u32,
    sent: Instant,
    server: Arc<ServerCounters>,
    answer: Started<Ack>,
}

/// The attempts under way, in the order of their requests, which is that of their answers.
#[derive(Default)]
struct Attempts(VecDeque<Attempt>);

impl Attempts {
    /// Whether all are on the wire: one that waits for a login would be overtaken by whatever is sent now.
    fn are_sent(&self) -> bool {
        self.0.iter().all(|attempt| attempt.answer.is_sent())
    }

    /// Ready once the oldest has ended: with it and what came of it.
    fn poll_oldest(&mut self, cx: &mut Context<'_>) -> Poll<(Attempt, Result<Ack>)> {
        Started::poll_oldest(&mut self.0, |attempt| &mut attempt.answer, cx)
    }

    /// Waits until the oldest has ended, for ever if there is none.
    fn oldest(&mut self) -> impl Future<Output = (Attempt, Result<Ack>)> {
        std::future::poll_fn(|cx| self.poll_oldest(cx))
    }
}

type Connecting = Pin<Box<dyn Future<Output = Result<Held>> + Send>>;

/// The sender at work.
pub(super) struct Task {
    shared: Arc<Shared>,
    sender: Arc<Sender>,
    service: Service,
    compressor: Compressor,
    link: Option<Held>,
    /// The server of the last connection.
    server: Option<Arc<ServerCounters>>,
    connecting: Option<Connecting>,
    /// Before this moment no connection is made.
    not_before: Option<Instant>,
    failures: u32,
    /// When a connection is tried again, if the partitions have been given to others for want of one.
    unfold_at: Option<Instant>,
    in_flight: Attempts,
    /// Records without answer.
    unanswered: u32,
    last_answer: Instant,
    /// Until then the broker may still execute what a lost connection had sent.
    quiet_until: Option<Instant>,
    runnable: VecDeque<Arc<Partition>>,
    /// Partitions whose batch waits for more records, in the order of the moments.
    lingering: VecDeque<(Instant, Arc<Partition>)>,
    /// Partitions whose first batch waits after a failure.
    parked: BTreeMap<(Instant, u64), Arc<Partition>>,
    parkings: u64,
    next_sweep: Option<Instant>,
    idle_since: Option<Instant>,
}

impl Task {
    pub(super) fn new(shared: Arc<Shared>, sender: Arc<Sender>, service: Service, compressor: Compressor) -> Self {
        Task {
            shared,
            sender,
            service,
            compressor,
            link: None,
            server: None,
            connecting: None,
            not_before: None,
            failures: 0,
            unfold_at: None,
            in_flight: Attempts::default(),
            unanswered: 0,
            last_answer: Instant::now(),
            quiet_until: None,
            runnable: VecDeque::new(),
            lingering: VecDeque::new(),
            parked: BTreeMap::new(),
            parkings: 0,
            next_sweep: None,
            idle_since: None,
        }
    }

    /// Sends what there is until the producer has ended.
    pub(super) async fn run(mut self) {
        let ended = self.shared.ended();
        tokio::pin!(ended);
        loop {
            self.look();
            let timer = self.next_timer();
            tokio::select! {
                biased;
                (attempt, result) = self.in_flight.oldest() => self.take_answers(attempt, result),
                Some(connected) = OptionFuture::from(self.connecting.as_mut()) => {
                    self.connecting = None;
                    self.connected(connected);
                }
                () = self.sender.woken() => {}
                Some(()) = OptionFuture::from(timer.map(sleep_until)) => {}
                () = &mut ended => return,
            }
        }
    }

    /// Does whatever can be done without waiting.
    fn look(&mut self) {
        self.sender.take_ready(&mut self.runnable);
        let now = Instant::now();
        while self.lingering.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, partition)) = self.lingering.pop_front() else { break };
            partition.lingered();
            self.runnable.push_back(partition);
        }
        while let Some(entry) = self.parked.first_entry().filter(|entry| entry.key().0 <= now) {
            let partition = entry.remove();
            partition.unpark();
            self.runnable.push_back(partition);
        }
        if self.next_sweep.is_some_and(|due| due <= now) {
            self.sweep(now);
        }
        self.pump();
        if self.unfold_at.is_some_and(|due| due <= now) && self.link.is_none() && self.connecting.is_none() {
            self.connect();
        }
        self.rest(now);
    }

    /// Whether the connection takes another request.
    fn has_room(&self) -> bool {
        self.in_flight.0.len() < self.shared.config.max_in_flight_requests && self.in_flight.are_sent()
    }

    /// Sends batches while the connection takes them.
    fn pump(&mut self) {
        while self.link.is_some() && self.has_room() {
            let Some(partition) = self.runnable.pop_front() else { break };
            // A batch that nothing stands before is sent however large it is.
            let room =
                (!self.in_flight.0.is_empty()).then(|| self.service.max_unanswered().saturating_sub(self.unanswered));
            match partition.next(&self.sender, room) {
                Next::Send(pack) => {
                    self.transmit(Arc::clone(&partition), pack);
                    self.runnable.push_back(partition);
                }
                Next::SendNumbered { pack, ticket, stamp } => {
                    self.transmit_numbered(&partition, pack, ticket, stamp);
                    self.runnable.push_back(partition);
                }
                Next::SendAgain { ticket, frame, records } => {
                    self.server.iter().for_each(|server| server.repeated());
                    self.send(Arc::clone(&partition), What::Numbered(ticket), frame, records);
                    self.runnable.push_back(partition);
                }
                Next::Identity { newer_than } => {
                    let link = self.link.as_ref().map(|link| link.connection().clone());
                    link.into_iter().for_each(|link| self.shared.identify(&partition, newer_than, link));
                }
                Next::Fenced => {
                    let error = fenced(&partition.topic.name, Outcome::NotSent);
                    self.shared.give_up(&partition, partition.take_waiting(), &error);
                }
                Next::NoRoom => {
                    self.runnable.push_front(partition);
                    break;
                }
                Next::Linger(due) => self.lingering.push_back((due, partition)),
                Next::Park(until) => {
                    self.parkings += 1;
                    self.parked.insert((until, self.parkings), partition);
                }
                Next::Nothing | Next::Moved => {}
            }
        }
        if self.link.is_none() && self.connecting.is_none() && !self.runnable.is_empty() {
            self.connect();
        }
    }

    /// Arranges when to look again, and gives the connection back that nobody needs.
    fn rest(&mut self, now: Instant) {
        let busy = !self.runnable.is_empty() || !self.in_flight.0.is_empty() || self.sender.backlog() > 0;
        let interval = sweep_interval(self.shared.config.delivery_timeout);
        self.next_sweep = busy.then(|| self.next_sweep.unwrap_or(now + interval));
        if busy || self.link.is_none() {
            self.idle_since = None;
        } else if now >= *self.idle_since.get_or_insert(now) + IDLE {
            self.idle_since = None;
            self.link.take().into_iter().for_each(Held::release);
        }
    }

    fn next_timer(&self) -> Option<Instant> {
        let may_connect = self.link.is_none() && self.connecting.is_none();
        let connect = self.not_before.filter(|_| may_connect && !self.runnable.is_empty());
        [
            self.lingering.front().map(|(due, _)| *due),
            self.parked.first_key_value().map(|((due, _), _)| *due),
            self.next_sweep,
            self.idle_since.map(|since| since + IDLE),
            connect,
            self.unfold_at.filter(|_| self.connecting.is_none()),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn connect(&mut self) {
        if self.not_before.is_some_and(|moment| moment > Instant::now()) {
            return;
        }
        let (cluster, destination) = (Arc::clone(&self.shared.cluster), self.sender.destination.clone());
        self.connecting =
            Some(Box::pin(async move { cluster.hold(Purpose::Produce, destination.as_ref(), CROWDED).await }));
    }

    fn connected(&mut self, connected: Result<Held>) {
        match connected {
            Ok(link) => {
                tracing::debug!(address = %link.address(), "producer connected");
                let server = self.shared.accumulator.counters.server(link.address());
                self.sender.goes_to(&server);
                self.server = Some(server);
                (self.link, self.failures, self.not_before) = (Some(link), 0, None);
                self.last_answer = Instant::now();
                if self.unfold_at.take().is_some() {
                    self.shared.unfold(&self.sender);
                }
            }
            Err(error) if error.is_retriable() => {
                self.failures += 1;
                let pause = self.shared.pause(self.failures);
                tracing::debug!(%error, ?pause, "producer not connected");
                self.not_before = Some(Instant::now() + pause);
                let crowded = error.code() == ErrorCode::PoolExhausted;
                if crowded && self.shared.fold(&self.sender, &error) || self.unfold_at.is_some() {
                    self.unfold_at = Some(Instant::now() + UNFOLD.max(pause));
                    self.runnable.retain(|partition| Arc::ptr_eq(&partition.home(), &self.sender));
                }
                self.shared.note_trouble(&error);
                // A server that is away may not lead its partitions any more.
                if self.sender.destination.is_some() {
                    self.shared.look_for_leaders();
                }
            }
            Err(error) => {
                self.unfold_at = self.unfold_at.map(|_| Instant::now() + UNFOLD);
                // What comes meanwhile, or was under way before, is no reason to try at once what is bound to fail.
                self.failures += 1;
                self.not_before = Some(Instant::now() + self.shared.pause(self.failures));
                self.shared.note_trouble(&error);
                self.give_up(&error);
            }
        }
    }

    /// Gives up everything that waits, for another attempt or for the first, because it can never be sent.
    fn give_up(&mut self, error: &Error) {
        self.runnable.clear();
        for partition in self.sender.partitions() {
            self.finish(&partition, partition.abandon(error), true, None);
            self.shared.give_up(&partition, partition.take_waiting(), error);
            partition.look_anew();
        }
    }

    /// Gives up the batches whose delivery timeout is over.
    fn sweep(&mut self, now: Instant) {
        self.next_sweep = None;
        let Some(before) = now.checked_sub(self.shared.config.delivery_timeout) else { return };
        for partition in self.sender.partitions() {
            let overdue = partition.overdue(before, |batch| self.shared.too_late(batch, Outcome::Unknown));
            for pack in overdue.waiting {
                let error = self.shared.too_late(&pack.batch, Outcome::NotSent);
                self.shared.give_up(&partition, vec![pack], &error);
            }
            for batch in overdue.under_way {
                let error = self.shared.too_late(&batch, Outcome::Unknown);
                self.shared.accumulator.give_up(&batch, error);
            }
            self.finish(&partition, overdue.ended, partition.echoes(now), self.server.as_deref());
            partition.nudge();
        }
    }

    fn transmit(&mut self, partition: Arc<Partition>, mut pack: Pack) {
        let frame = match std::mem::replace(&mut pack.body, Body::Sent) {
            Body::Framed(frame) => frame,
            Body::Raw(buffer) => self.framed(buffer, &partition, None).frame,
            Body::Sent => return,
        };
        if self.shared.config.acks == 0 {
            self.shared.accumulator.deliver(&pack.batch, Delivered::at(OFFSET_UNKNOWN), self.server.as_deref());
        }
        pack.body = Body::Framed(frame.clone());
        let records = pack.records;
        self.send(partition, What::Plain(pack), frame, records);
    }

    fn transmit_numbered(&mut self, partition: &Arc<Partition>, mut pack: Pack, ticket: Ticket, stamp: Stamp) {
        let Body::Raw(buffer) = std::mem::replace(&mut pack.body, Body::Sent) else { return };
        let framed = self.framed(buffer, partition, Some(stamp));
        let (frame, records) = (framed.frame.clone(), pack.records);
        partition.keep(ticket, pack, framed);
        self.send(Arc::clone(partition), What::Numbered(ticket), frame, records);
    }

    fn framed(&mut self, buffer: BatchBuffer, partition: &Partition, stamp: Option<Stamp>) -> FramedBatch {
        let topic = &partition.topic.name;
        let buffer = self.shared.compress(buffer, topic, &mut self.compressor);
        buffer.into_framed(topic, partition.index, stamp)
    }

    fn send(&mut self, partition: Arc<Partition>, what: What, frame: RequestFrame, records: u32) {
        let (Some(link), Some(server)) = (&self.link, &self.server) else { return };
        let deadline = Deadline::in_turn(self.service.limit(records));
        let id = what.number();
        tracing::trace!(topic = %partition.topic.name, partition = partition.index, id, records, address = %link.address(), "sent");
        self.unanswered += records;
        server.sent(records, frame.wire_len());
        let (sent, server) = (Instant::now(), Arc::clone(server));
        let answer = link.connection().start_call(frame, acknowledged, deadline);
        self.in_flight.0.push_back(Attempt { partition, what, records, sent, server, answer });
    }

    /// Takes this answer and all others that have come.
    fn take_answers(&mut self, first: Attempt, result: Result<Ack>) {
        self.answered(first, result);
        while let Some((attempt, result)) = self.in_flight.oldest().now_or_never() {
            self.answered(attempt, result);
        }
        self.sender.adapt(&self.service);
    }

    fn answered(&mut self, attempt: Attempt, result: Result<Ack>) {
        let Attempt { partition, what, records, sent, server, .. } = attempt;
        let now = Instant::now();
        server.ended(records, result.is_err());
        let id = what.number();
        tracing::trace!(topic = %partition.topic.name, partition = partition.index, id, ?result, "answered");
        match &result {
            Ok(_) => self.service.measure(records, now - sent.max(self.last_answer)),
            Err(error) => self.check_link(error),
        }
        self.unanswered -= records;
        self.last_answer = now;
        match what {
            What::Plain(pack) => self.answered_plain(&partition, pack, (sent, result), &server),
            What::Numbered(ticket) => self.answered_numbered(&partition, ticket, (sent, result), &server),
        }
        partition.nudge();
    }

    fn answered_plain(
        &mut self,
        partition: &Arc<Partition>,
        pack: Pack,
        (sent, result): (Instant, Result<Ack>),
        server: &ServerCounters,
    ) {
        match result {
            Ok(ack) => {
                // Of several records the places are counted from the first one's.
                let counted = pack.records > 1 && (pack.unknown.is_some() || partition.echoes(sent));
                let at = Delivered::at(ack.base_offset);
                let delivered = Delivered {
                    duplicate: ack.duplicate,
                    maybe_duplicate: pack.unknown.is_some(),
                    offset_exact: at.offset_exact && !counted,
                    ..at
                };
                self.shared.accumulator.deliver(&pack.batch, delivered, Some(server));
                // Not before: until it is settled somebody may look for it.
                partition.returned(&pack.batch);
            }
            Err(error) => {
                if error.outcome() == Outcome::Unknown {
                    partition.may_echo(self.end_of_echoes());
                }
                self.failed(partition, pack, error, server);
            }
        }
    }

    fn answered_numbered(
        &mut self,
        partition: &Arc<Partition>,
        ticket: Ticket,
        (sent, result): (Instant, Result<Ack>),
        server: &ServerCounters,
    ) {
        if let Err(error) = &result {
            if error.outcome() == Outcome::Unknown {
                partition.may_echo(self.end_of_echoes());
            }
            self.shared.note_trouble(error);
            if needs_leaders(error) {
                self.shared.look_for_leaders();
            }
        }
        let random = self.shared.cluster.random();
        let result = result.map(|ack| (ack.base_offset, ack.duplicate));
        let ended = partition.answered(ticket, result, self.quiet_until, random);
        self.finish(partition, ended, partition.echoes(sent), Some(server));
    }

    /// Settles batches that had numbers, those that were delivered by this server; `echoes` if earlier attempts may lie
    /// in between their records.
    fn finish(&self, partition: &Partition, ended: Vec<Ended>, echoes: bool, server: Option<&ServerCounters>) {
        for Ended { pack, result } in ended {
            let batch = Arc::clone(&pack.batch);
            let accumulator = &self.shared.accumulator;
            match result {
                Ok(delivered) => {
                    let at = Delivered::at(delivered.offset.unwrap_or(OFFSET_UNKNOWN));
                    let counted = pack.records > 1 && (delivered.maybe_duplicate || echoes);
                    let delivered = Delivered {
                        duplicate: delivered.duplicate,
                        maybe_duplicate: delivered.maybe_duplicate,
                        offset_exact: at.offset_exact && !counted,
                        ..at
                    };
                    accumulator.deliver(&pack.batch, delivered, server);
                }
                Err(error) => {
                    accumulator.give_up(&pack.batch, error);
                }
            }
            partition.settled(&batch);
        }
    }

    /// Until when the broker may be at requests that nobody waits for any more.
    ///
    /// A stalled connection delivers them when the stall ends, together with the one that is sent again, and the
    /// answer of that comes at most a request timeout after it was sent. Only the certainty of places depends on it, so
    /// rather too long than too short.
    fn end_of_echoes(&self) -> Instant {
        let timeout = self.shared.config.request_timeout.saturating_mul(2).max(SLOW);
        let pause = timeout.saturating_add(self.service.of(self.unanswered));
        Instant::now().checked_add(pause).unwrap_or_else(|| Instant::now() + ECHO)
    }

    /// Decides what follows a failed attempt.
    fn failed(&mut self, partition: &Arc<Partition>, mut pack: Pack, error: Error, server: &ServerCounters) {
        if pack.batch.is_claimed() {
            return partition.returned(&pack.batch);
        }
        let error = in_a_batch(error, pack.records);
        self.shared.note_trouble(&error);
        let now = Instant::now();
        let next = pack.retries.next(&error, self.shared.cluster.random());
        let (pause, reroute) = match next {
            Retry::Stop => return self.end(partition, pack, error),
            Retry::Retry(pause) => (pause, false),
            Retry::Reroute(pause) => (pause, needs_leaders(&error)),
        };
        let end = pack.batch.created.checked_add(self.shared.config.delivery_timeout);
        if end.is_some_and(|end| now + pause >= end) {
            let late = self.shared.too_late(&pack.batch, error.outcome());
            return self.end(partition, pack, late);
        }
        tracing::debug!(batch = %describe(&pack.batch), ?pause, %error, "sending a batch again");
        server.repeated();
        if error.outcome() == Outcome::Unknown {
            pack.unknown.get_or_insert(error);
        }
        pack.not_before = Some(now + pause);
        partition.put_back(pack);
        if reroute {
            self.shared.look_for_leaders();
        }
    }

    fn end(&self, partition: &Partition, pack: Pack, error: Error) {
        let unknown = error.outcome() == Outcome::Unknown;
        let error = pack.unknown.clone().filter(|_| !unknown).unwrap_or(error);
        self.shared.accumulator.give_up(&pack.batch, error);
        partition.returned(&pack.batch);
    }

    /// Lets go of a connection that has ended, or that the broker is about to close.
    fn check_link(&mut self, error: &Error) {
        let spoiled = error.code() == ErrorCode::RateLimitExceeded;
        let Some(link) = self.link.take_if(|link| spoiled || !link.connection().is_open()) else { return };
        // So long the broker may go on with what it had read.
        let pause = QUIET.saturating_add(self.service.of(self.unanswered)).min(self.shared.config.request_timeout);
        self.quiet_until = Some(Instant::now() + pause);
        if error.counts_against_server() {
            link.lost(error);
        }
    }
}

impl Drop for Task {
    /// What is left then will never be sent: the producer has ended, or the runtime has.
    fn drop(&mut self) {
        self.in_flight.0.clear();
        let error = self.shared.end_error();
        for partition in self.sender.partitions() {
            let (waiting, under_way) = partition.end();
            self.shared.fail_all(waiting, &error);
            for batch in under_way {
                let error = Error::Closed(
                    Detail::new(format!("{}: {error}", describe(&batch)))
                        .with_code(error.code())
                        .with_outcome(Outcome::Unknown),
                );
                self.shared.accumulator.give_up(&batch, error);
            }
        }
    }
}

/// Takes where a batch went out of its answer.
fn acknowledged(response: Response) -> Result<Ack, Response> {
    match response {
        Response::PublishedBatch { base_offset, .. } => Ok(Ack { base_offset, duplicate: false }),
        Response::IdempotentPublishedBatch { base_offset, duplicate, .. } => Ok(Ack { base_offset, duplicate }),
        Response::IdempotentPublished { offset, duplicate, .. } => Ok(Ack { base_offset: offset, duplicate }),
        other => Err(other),
    }
}

/// The failure of a batch: where the broker failed at a record, those before it are written.
fn in_a_batch(error: Error, records: u32) -> Error {
    let midway = matches!(error.code(), ErrorCode::WalError | ErrorCode::ServerOther | ErrorCode::BufferFull);
    match error {
        Error::ServerError(detail) if midway && records > 1 => {
            Error::ServerError(detail.with_outcome(Outcome::Unknown))
        }
        other => other,
    }
}

/// Whether another server may lead the partition by now.
fn needs_leaders(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::NotLeaderForPartition | ErrorCode::FencedLeaderEpoch)
        || error.counts_against_server()
}

pub(super) fn describe(batch: &Batch) -> String {
    let partition = batch.partition().map_or_else(|| "?".to_owned(), |partition| partition.to_string());
    format!("produce {} records to {}/{partition}", batch.records(), batch.topic)
}

/// A batch with its values as they are sent.
pub(super) fn encoded(buffer: BatchBuffer, topic: &str, compressor: &mut Compressor) -> BatchBuffer {
    let mut encoded = BatchBuffer::new(topic, buffer.len());
    for (key, value) in buffer.records() {
        let value = compressor.encode(value);
        encoded.push(key, value.header(), value.data());
    }
    encoded
}
