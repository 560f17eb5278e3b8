//! One partition: the batch that is being filled, those that wait, and those under way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::accumulator::{Accumulator, BATCH_COST};
use super::batch::Batch;
use super::numbered::{Due, Ended, Numbered, answer_of};
use super::sender::Sender;
use super::sequence::{Answer, Grant, Ticket};
use super::topic::Spread;
use crate::error::Error;
use crate::protocol::{BatchBuffer, FramedBatch, RequestFrame, Stamp};
use crate::resilience::{Next as Retry, Retries};

/// The most that a record takes of `buffer.memory` besides key and value.
pub(super) const MAX_COST: usize = BATCH_COST + 32;

/// How much of `buffer.memory` is taken at once for the records to come.
const CREDIT: usize = 4096;

/// The least room that a batch begins with.
const MIN_ROOM: usize = 256;

/// A record on its way into a batch. Its value is `header` and `data`.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) header: &'a [u8],
    pub(super) data: &'a [u8],
    pub(super) tag: u64,
}

impl Record<'_> {
    pub(super) fn wire_len(&self) -> usize {
        BatchBuffer::record_len(self.key.map(<[u8]>::len), self.header.len() + self.data.len())
    }

    /// The most that it can take of `buffer.memory`.
    pub(super) fn cost(&self) -> usize {
        self.wire_len() + BATCH_COST
    }
}

/// Why a record was not taken.
#[derive(Debug, Clone)]
pub(super) enum Full {
    /// `buffer.memory` is used up.
    Memory,
    /// Nobody sends any more.
    Ended,
    /// What waits would take too long already.
    Backlog(Arc<Sender>),
}

/// A batch that is being filled.
#[derive(Debug)]
pub(super) struct Open {
    batch: Arc<Batch>,
    buffer: BatchBuffer,
    charged: usize,
    tags: Vec<u64>,
}

impl Open {
    /// An empty batch with room for so many bytes of records, and for so many tags.
    pub(super) fn new(batch: Arc<Batch>, room: usize, tags: usize) -> Self {
        let buffer = BatchBuffer::new(&batch.topic, room);
        Open { batch, buffer, charged: 0, tags: Vec::with_capacity(tags) }
    }

    pub(super) fn batch(&self) -> Arc<Batch> {
        Arc::clone(&self.batch)
    }

    /// When the first record was handed over.
    pub(super) fn created(&self) -> Instant {
        self.batch.created
    }

    /// Number of records.
    pub(super) fn count(&self) -> u32 {
        self.buffer.count()
    }

    /// Bytes of the records.
    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Looks at the first record: its key and its value.
    pub(super) fn first_record<T>(&self, look: impl FnOnce(Option<&[u8]>, &[u8]) -> T) -> T {
        let (key, value) = self.buffer.records().next().unwrap_or((None, &[]));
        look(key, value)
    }

    /// Appends a record; what is made of the batch and the record's position in it.
    #[inline]
    pub(super) fn push<R>(
        &mut self,
        record: &Record<'_>,
        cost: usize,
        tagged: bool,
        receipt: impl FnOnce(&Arc<Batch>, u32) -> R,
    ) -> R {
        // It may count the batch up, which waits for all that was written before, so that comes first.
        let receipt = receipt(&self.batch, self.buffer.count());
        self.buffer.push(record.key, record.header, record.data);
        self.charged += cost;
        if tagged {
            self.tags.push(record.tag);
        }
        receipt
    }

    pub(super) fn seal(mut self, retries: Retries) -> Pack {
        self.buffer.trim();
        let records = self.buffer.count();
        self.batch.complete(records, self.charged, self.tags);
        Pack { batch: self.batch, body: Body::Raw(self.buffer), records, retries, not_before: None, unknown: None }
    }
}

/// What is sent of a batch.
#[derive(Debug)]
pub(super) enum Body {
    /// Its records, not compressed yet.
    Raw(BatchBuffer),
    /// The request, the same in every attempt.
    Framed(RequestFrame),
    /// The request is under way.
    Sent,
}

/// A batch that is full or whose time has come, with what is known of its attempts.
#[derive(Debug)]
pub(super) struct Pack {
    pub(super) batch: Arc<Batch>,
    pub(super) body: Body,
    pub(super) records: u32,
    pub(super) retries: Retries,
    pub(super) not_before: Option<Instant>,
    /// The failure of an attempt that may have been executed.
    pub(super) unknown: Option<Error>,
}

/// What a sender finds at a partition.
#[derive(Debug)]
pub(super) enum Next {
    /// This is to be sent; there may be more.
    Send(Pack),
    /// The same with a number; it has to be [`keep`](Partition::keep)t.
    SendNumbered { pack: Pack, ticket: Ticket, stamp: Stamp },
    /// This request of so many records is to be sent again.
    SendAgain { ticket: Ticket, frame: RequestFrame, records: u32 },
    /// The partition needs a newer identity than this, by [`adopt_identity`](Partition::adopt_identity).
    Identity { newer_than: u64 },
    /// Another producer has the identity: nothing can be sent any more.
    Fenced,
    /// The first batch has more records than there is room for.
    NoRoom,
    /// The batch that is being filled waits for more records until then.
    Linger(Instant),
    /// The first batch waits until then.
    Park(Instant),
    /// Nothing; somebody tells the sender when there is.
    Nothing,
    /// Another sender has the partition now.
    Moved,
}

/// A partition that records are being appended to. It is locked as long as this lives.
pub(super) struct Filling<'a> {
    partition: &'a Arc<Partition>,
    queue: MutexGuard<'a, Queue>,
}

impl Filling<'_> {
    /// The number of the partition.
    #[inline]
    pub(super) fn index(&self) -> u32 {
        self.partition.index
    }

    /// Appends a record to the batch that is being filled; what is made of that and of the record's position in it.
    ///
    /// `prepaid` bytes of `buffer.memory` have been taken for it already; they
    /// are given back if it is not taken.
    #[inline]
    pub(super) fn append<R>(
        &mut self,
        record: &Record<'_>,
        prepaid: usize,
        receipt: impl FnOnce(&Arc<Batch>, u32) -> R,
    ) -> Result<R, Full> {
        self.partition.append(&mut self.queue, record, prepaid, receipt)
    }
}

/// One partition of a topic.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) topic: Arc<Spread>,
    pub(super) index: u32,
    queue: Mutex<Queue>,
}

/// What waits at a partition. At most one sender looks after it.
#[derive(Debug)]
struct Queue {
    home: Arc<Sender>,
    /// Who is to look after it as soon as nothing is under way.
    next_home: Option<Arc<Sender>>,
    open: Option<Open>,
    sealed: VecDeque<Pack>,
    /// The batches that were sent, or are being given up, and are not settled; those that wait for another attempt only
    /// if they have numbers.
    under_way: VecDeque<Arc<Batch>>,
    /// Requests without answer.
    attempts: usize,
    /// The numbers of an idempotent producer's batches.
    numbered: Option<Numbered>,
    /// Before this moment no batch with a number is sent.
    not_before: Option<Instant>,
    /// Until then the broker may still write what a lost attempt had sent.
    echo_until: Option<Instant>,
    /// Whether somebody gets an identity.
    asking: bool,
    /// How many identities there were since something was written.
    unused_identities: u32,
    /// Whether the sender has been told to look.
    ready: bool,
    /// Whether the sender looks again when a batch has lingered.
    lingering: bool,
    /// Whether the sender looks again after a pause.
    parked: bool,
    /// Bytes of `buffer.memory` that are taken and not used.
    credit: usize,
    /// How many bytes the last batches held.
    room: usize,
    /// How many records the last batch held.
    records: u32,
    /// Whether nobody sends any more.
    ended: bool,
}

impl Queue {
    fn seal(&mut self, topic: &Spread, index: u32) {
        let Some(open) = self.open.take() else { return };
        topic.accumulator.memory.give(std::mem::take(&mut self.credit));
        // A batch that was taken early says little of the next one.
        self.room = open.buffer.len().max(self.room - self.room / 8);
        self.records = open.buffer.count();
        let pack = open.seal(topic.accumulator.retries());
        self.home.add_backlog(u64::from(pack.records));
        self.sealed.push_back(pack);
        topic.leave(index);
    }

    /// Takes the first batches that wait, so many, to give them up; they count until they are
    /// [`settled`](Partition::settled).
    fn withdraw(&mut self, count: usize) -> Vec<Pack> {
        let withdrawn: Vec<_> = self.sealed.drain(..count).collect();
        self.under_way.extend(withdrawn.iter().map(|pack| Arc::clone(&pack.batch)));
        withdrawn
    }

    /// An attempt at a batch without a number has ended.
    fn end_attempt(&mut self, batch: &Arc<Batch>) {
        self.attempts -= 1;
        self.forget(batch);
    }

    /// A batch is not under way any more.
    fn forget(&mut self, batch: &Arc<Batch>) {
        self.under_way.retain(|other| !Arc::ptr_eq(other, batch));
    }

    /// What is said of a first batch that was not taken.
    fn left_waiting(&mut self) -> Next {
        if self.sealed.is_empty() {
            return Next::Nothing;
        }
        self.ready = true;
        Next::NoRoom
    }

    /// Gives back what was taken for records to come, since none are taken for now.
    #[cold]
    fn refuse(&mut self, accumulator: &Accumulator) -> Full {
        accumulator.memory.give(std::mem::take(&mut self.credit));
        if self.ended { Full::Ended } else { Full::Backlog(Arc::clone(&self.home)) }
    }

    /// Takes what a record costs, some more for the next ones if there is enough.
    #[inline]
    fn pay(&mut self, cost: usize, accumulator: &Accumulator) -> bool {
        let memory = &accumulator.memory;
        if self.credit < cost {
            let missing = cost - self.credit;
            if missing < CREDIT && memory.try_take(CREDIT) {
                self.credit += CREDIT;
            } else if memory.try_take(missing) {
                self.credit += missing;
            } else {
                return false;
            }
        }
        self.credit -= cost;
        true
    }
}

impl Partition {
    pub(super) fn new(topic: Arc<Spread>, index: u32, home: Arc<Sender>) -> Arc<Self> {
        let accumulator = &topic.accumulator;
        let numbered =
            accumulator.idempotent.then(|| Numbered::new(accumulator.in_flight, accumulator.rules.unknown_outcome));
        let queue = Queue {
            home,
            next_home: None,
            open: None,
            sealed: VecDeque::new(),
            under_way: VecDeque::new(),
            attempts: 0,
            numbered,
            not_before: None,
            echo_until: None,
            asking: false,
            unused_identities: 0,
            ready: false,
            lingering: false,
            parked: false,
            credit: 0,
            room: 0,
            records: 0,
            ended: false,
        };
        Arc::new(Partition { topic, index, queue: Mutex::new(queue) })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to append records, which nobody else does meanwhile.
    #[inline]
    pub(super) fn fill(self: &Arc<Self>) -> Filling<'_> {
        Filling { partition: self, queue: self.queue() }
    }

    /// Appends a record to the batch that is being filled.
    #[inline]
    fn append<R>(
        self: &Arc<Self>,
        queue: &mut Queue,
        record: &Record<'_>,
        prepaid: usize,
        receipt: impl FnOnce(&Arc<Batch>, u32) -> R,
    ) -> Result<R, Full> {
        let accumulator = &*self.topic.accumulator;
        queue.credit += prepaid;
        if queue.ended || queue.home.is_full() {
            return Err(queue.refuse(accumulator));
        }
        let len = record.wire_len();
        let max_records = queue.home.max_records();
        if queue.open.as_ref().is_some_and(|open| open.buffer.len() + len > accumulator.batch_size) {
            queue.seal(&self.topic, self.index);
        }
        let cost = if queue.open.is_some() { len } else { len + BATCH_COST };
        if !queue.pay(cost, accumulator) {
            accumulator.memory.give(std::mem::take(&mut queue.credit));
            // What is not sent could never make room.
            queue.seal(&self.topic, self.index);
            self.tell(queue);
            return Err(Full::Memory);
        }
        let tagged = accumulator.reports.is_some();
        let open = queue.open.get_or_insert_with(|| {
            let batch = Batch::new(Arc::clone(&self.topic.name), Some(self.index));
            // A little more than before, so that a batch does not grow and move at its very end.
            let room = (queue.room + queue.room / 4).clamp(MIN_ROOM, accumulator.batch_size.max(MIN_ROOM));
            let tags = if tagged { queue.records + queue.records / 8 + 1 } else { 0 };
            Open::new(batch, room + len, tags as usize)
        });
        let receipt = open.push(record, cost, tagged, receipt);
        if open.buffer.len() >= accumulator.batch_size || open.buffer.count() >= max_records {
            queue.seal(&self.topic, self.index);
        }
        self.tell(queue);
        Ok(receipt)
    }

    /// Tells the sender to look here, unless it will by itself.
    #[inline]
    fn tell(self: &Arc<Self>, queue: &mut Queue) {
        if queue.ready || queue.parked || queue.attempts >= self.topic.accumulator.in_flight {
            return;
        }
        let kept = queue.numbered.as_ref().is_some_and(|numbered| !numbered.is_empty());
        let something = kept || !queue.sealed.is_empty() || (queue.open.is_some() && !queue.lingering);
        if something {
            queue.ready = true;
            queue.home.submit(Arc::clone(self));
        }
    }

    /// Adds a batch that was filled before the partition was known.
    pub(super) fn adopt(self: &Arc<Self>, pack: Pack) {
        let mut queue = self.queue();
        pack.batch.assign(self.index);
        queue.home.add_backlog(u64::from(pack.records));
        queue.sealed.push_back(pack);
        self.tell(&mut queue);
    }

    /// What the sender is to do about this partition, with room for so many records.
    pub(super) fn next(self: &Arc<Self>, sender: &Arc<Sender>, room: Option<u32>) -> Next {
        let mut queue = self.queue();
        let queue = &mut *queue;
        if !Arc::ptr_eq(&queue.home, sender) {
            return Next::Moved;
        }
        queue.ready = false;
        if let Some(next) = queue.next_home.clone() {
            // Whoever has the answers tells the present sender to look again.
            return if self.settle_at(queue, &next) { Next::Moved } else { Next::Nothing };
        }
        if queue.parked || queue.attempts >= self.topic.accumulator.in_flight {
            return Next::Nothing;
        }
        if queue.numbered.is_some() {
            return self.next_numbered(queue, room);
        }
        if let Some(wait) = self.ripen(queue) {
            return wait;
        }
        let Some(first) = queue.sealed.front() else { return Next::Nothing };
        if let Some(until) = first.not_before.filter(|until| *until > Instant::now()) {
            queue.parked = true;
            return Next::Park(until);
        }
        self.take_first(queue, room).map_or_else(|| queue.left_waiting(), Next::Send)
    }

    /// Completes the batch that is being filled if it is its turn and it has lingered; else what to wait for.
    fn ripen(&self, queue: &mut Queue) -> Option<Next> {
        let open = queue.open.as_ref().filter(|_| queue.sealed.is_empty())?;
        let linger = self.topic.accumulator.linger;
        let due = open.batch.created + linger;
        if linger.is_zero() || due <= Instant::now() {
            queue.seal(&self.topic, self.index);
            return None;
        }
        let known = std::mem::replace(&mut queue.lingering, true);
        Some(if known { Next::Nothing } else { Next::Linger(due) })
    }

    /// Takes the first batch that waits, as sent, if there is room for it.
    fn take_first(&self, queue: &mut Queue, room: Option<u32>) -> Option<Pack> {
        let first = queue.sealed.front()?;
        if room.is_some_and(|room| first.records > room) {
            return None;
        }
        let pack = queue.sealed.pop_front()?;
        queue.under_way.push_back(Arc::clone(&pack.batch));
        queue.attempts += 1;
        queue.ready = true;
        Some(pack)
    }

    fn next_numbered(&self, queue: &mut Queue, room: Option<u32>) -> Next {
        if let Some(until) = queue.not_before.filter(|until| *until > Instant::now()) {
            queue.parked = true;
            return Next::Park(until);
        }
        let Some(numbered) = &mut queue.numbered else { return Next::Nothing };
        match numbered.next(&self.topic.name, self.index) {
            Due::Request { ticket, frame, records } => {
                queue.attempts += 1;
                queue.ready = true;
                Next::SendAgain { ticket, frame, records }
            }
            Due::New => {
                if let Some(wait) = self.ripen(queue) {
                    return wait;
                }
                self.send_numbered(queue, room)
            }
            Due::Identity { newer_than } => {
                if numbered.is_empty()
                    && let Some(wait) = self.ripen(queue)
                {
                    return wait;
                }
                let wanted = !queue.sealed.is_empty() || queue.numbered.as_ref().is_some_and(|kept| !kept.is_empty());
                if !wanted || std::mem::replace(&mut queue.asking, true) {
                    return Next::Nothing;
                }
                Next::Identity { newer_than }
            }
            Due::Nothing => Next::Nothing,
            Due::Fenced => Next::Fenced,
        }
    }

    fn send_numbered(&self, queue: &mut Queue, room: Option<u32>) -> Next {
        let Some(pack) = self.take_first(queue, room) else { return queue.left_waiting() };
        match queue.numbered.as_mut().and_then(|numbered| numbered.stamp(pack.records)) {
            Some((ticket, stamp)) => Next::SendNumbered { pack, ticket, stamp },
            None => unreachable!("the numbering has said that it takes a new batch"),
        }
    }

    /// Keeps a batch that has got a number, until it is settled.
    pub(super) fn keep(&self, ticket: Ticket, pack: Pack, framed: FramedBatch) {
        if let Some(numbered) = &mut self.queue().numbered {
            numbered.keep(ticket, pack, framed);
        }
    }

    /// Gives the partition an identity; if there is none to be had, it is asked for again after this pause.
    ///
    /// Identities that nothing was written under are followed by a pause, too, of the length that `pause` says.
    pub(super) fn adopt_identity(self: &Arc<Self>, grant: Result<Grant, Duration>, pause: impl Fn(u32) -> Duration) {
        let mut queue = self.queue();
        let queue = &mut *queue;
        queue.asking = false;
        let wait = match (&mut queue.numbered, grant) {
            (Some(numbered), Ok(grant)) => {
                numbered.adopt(grant);
                queue.unused_identities += 1;
                if queue.unused_identities > 1 { pause(queue.unused_identities - 1) } else { Duration::ZERO }
            }
            (None, _) => Duration::ZERO,
            (_, Err(wait)) => wait,
        };
        if !wait.is_zero() {
            queue.not_before = queue.not_before.max(Some(Instant::now() + wait));
        }
        self.tell(queue);
    }

    /// Whether nothing of this partition can come to be written twice.
    pub(super) fn is_idempotent(&self) -> bool {
        self.queue().numbered.as_ref().is_some_and(Numbered::is_idempotent)
    }

    /// Notes what came of an attempt at a batch with a number; what is settled by that.
    ///
    /// After a failure nothing is sent before `quiet`, nor before the pause of the failure is over.
    pub(super) fn answered(
        &self,
        ticket: Ticket,
        result: Result<(u64, bool), Error>,
        quiet: Option<Instant>,
        random: f64,
    ) -> Vec<Ended> {
        let mut queue = self.queue();
        let queue = &mut *queue;
        queue.attempts -= 1;
        let Some(numbered) = &mut queue.numbered else { return Vec::new() };
        match result {
            Ok((offset, duplicate)) => {
                queue.unused_identities = 0;
                numbered.answered(ticket, Answer::Published { offset, duplicate }, None);
            }
            Err(error) => {
                let answer = answer_of(&error);
                let again = matches!(answer, Answer::NotExecuted | Answer::Failed | Answer::Unknown);
                let retry = numbered.pack(ticket).filter(|_| again).map(|pack| pack.retries.next(&error, random));
                numbered.answered(ticket, answer, Some(error.clone()));
                match retry {
                    Some(Retry::Stop) => numbered.give_up(ticket, error),
                    Some(Retry::Retry(pause) | Retry::Reroute(pause)) => {
                        let until = Some(Instant::now() + pause).max(quiet);
                        queue.not_before = queue.not_before.max(until);
                    }
                    None => queue.not_before = queue.not_before.max(quiet),
                }
            }
        }
        numbered.take_ended()
    }

    /// Notes that a batch with a number, whose attempts have ended, or one that was given up, is settled.
    ///
    /// Not before: until then somebody may look for it.
    pub(super) fn settled(&self, batch: &Arc<Batch>) {
        let mut queue = self.queue();
        queue.forget(batch);
        queue.home.take_backlog(u64::from(batch.records()));
    }

    /// The sender looks again because a batch may have lingered long enough.
    pub(super) fn lingered(&self) {
        self.queue().lingering = false;
    }

    /// The sender looks again because a pause is over.
    pub(super) fn unpark(&self) {
        self.queue().parked = false;
    }

    /// Notes that the last attempt at a batch without a number, which is settled, has ended.
    pub(super) fn returned(&self, batch: &Arc<Batch>) {
        let mut queue = self.queue();
        queue.end_attempt(batch);
        queue.home.take_backlog(u64::from(batch.records()));
    }

    /// Notes that until then the broker may still write what an attempt of unknown outcome had sent.
    pub(super) fn may_echo(&self, until: Instant) {
        let mut queue = self.queue();
        queue.echo_until = queue.echo_until.max(Some(until));
    }

    /// Whether earlier attempts may have been written in between the records of a batch that was sent then.
    pub(super) fn echoes(&self, sent: Instant) -> bool {
        self.queue().echo_until.is_some_and(|until| until > sent)
    }

    /// Puts a batch back, whose attempt has ended, to be sent again before those behind it.
    ///
    /// Both at once, as nothing keeps the partition at its sender in between.
    pub(super) fn put_back(&self, pack: Pack) {
        let mut queue = self.queue();
        queue.end_attempt(&pack.batch);
        queue.sealed.push_front(pack);
    }

    /// Tells whoever looks after the partition now to look.
    pub(super) fn nudge(self: &Arc<Self>) {
        let mut queue = self.queue();
        // Not left to the sender that has it, which perhaps gets no connection any more.
        match queue.next_home.clone() {
            Some(next) if self.settle_at(&mut queue, &next) => {}
            _ => self.tell(&mut queue),
        }
    }

    /// Ends the batch that is being filled, so that it is sent at once.
    pub(super) fn flush(self: &Arc<Self>) -> Vec<Arc<Batch>> {
        let mut queue = self.queue();
        queue.seal(&self.topic, self.index);
        self.tell(&mut queue);
        queue.under_way.iter().cloned().chain(queue.sealed.iter().map(|pack| Arc::clone(&pack.batch))).collect()
    }

    /// Gives up what was begun before this moment, with an error that `late` makes of a batch.
    pub(super) fn overdue(&self, before: Instant, late: impl Fn(&Batch) -> Error) -> Overdue {
        let mut queue = self.queue();
        let queue = &mut *queue;
        if queue.open.as_ref().is_some_and(|open| open.batch.created <= before) {
            queue.seal(&self.topic, self.index);
        }
        let count = queue.sealed.iter().take_while(|pack| pack.batch.created <= before).count();
        let waiting = queue.withdraw(count);
        let Some(numbered) = &mut queue.numbered else {
            let under_way = queue.under_way.iter().filter(|batch| batch.created <= before).cloned().collect();
            return Overdue { waiting, under_way, ended: Vec::new() };
        };
        let ended = numbered.give_up_all(|batch| batch.created <= before, late);
        Overdue { waiting, under_way: Vec::new(), ended }
    }

    /// Gives up the batches with numbers that were to be sent again.
    pub(super) fn abandon(&self, error: &Error) -> Vec<Ended> {
        let mut queue = self.queue();
        let numbered = queue.numbered.as_mut();
        numbered.map_or_else(Vec::new, |numbered| numbered.give_up_all(|_| true, |_| error.clone()))
    }

    /// Takes everything that waits, to give it up.
    pub(super) fn take_waiting(&self) -> Vec<Pack> {
        let mut queue = self.queue();
        queue.seal(&self.topic, self.index);
        let all = queue.sealed.len();
        queue.withdraw(all)
    }

    /// Forgets what the sender was told, and tells it anew.
    pub(super) fn look_anew(self: &Arc<Self>) {
        let mut queue = self.queue();
        (queue.ready, queue.lingering, queue.parked) = (false, false, false);
        self.tell(&mut queue);
    }

    /// Takes no more records; gives up everything, what is under way apart.
    pub(super) fn end(&self) -> (Vec<Pack>, Vec<Arc<Batch>>) {
        let mut queue = self.queue();
        queue.seal(&self.topic, self.index);
        queue.ended = true;
        // Their batches are among those under way.
        drop(queue.numbered.as_mut().map(Numbered::take_all));
        let waiting: Vec<_> = queue.sealed.drain(..).collect();
        queue.home.take_backlog(waiting.iter().map(|pack| u64::from(pack.records)).sum());
        (waiting, queue.under_way.drain(..).collect())
    }

    /// Who looks after the partition.
    pub(super) fn home(&self) -> Arc<Sender> {
        Arc::clone(&self.queue().home)
    }

    /// Who looks after the partition once nothing is under way.
    pub(super) fn heading(&self) -> Arc<Sender> {
        let queue = self.queue();
        Arc::clone(queue.next_home.as_ref().unwrap_or(&queue.home))
    }

    /// Gives the partition to another sender, at once or when what is under way has been answered.
    pub(super) fn move_to(self: &Arc<Self>, sender: &Arc<Sender>) {
        let mut queue = self.queue();
        queue.next_home = None;
        if !Arc::ptr_eq(&queue.home, sender) && !self.settle_at(&mut queue, sender) {
            queue.next_home = Some(Arc::clone(sender));
        }
    }

    /// Gives the partition to another sender; false while batches are under way.
    fn settle_at(self: &Arc<Self>, queue: &mut Queue, sender: &Arc<Sender>) -> bool {
        if queue.attempts > 0 {
            return false;
        }
        queue.next_home = None;
        let sealed: u64 = queue.sealed.iter().map(|pack| u64::from(pack.records)).sum();
        let kept: u64 = queue.under_way.iter().map(|batch| u64::from(batch.records())).sum();
        let records = sealed + kept;
        let before = std::mem::replace(&mut queue.home, Arc::clone(sender));
        before.take_backlog(records);
        sender.add_backlog(records);
        sender.look_after(self);
        (queue.ready, queue.lingering, queue.parked) = (false, false, false);
        self.tell(queue);
        true
    }

    /// Records in the batch that is being filled, in those that wait, and in those under way.
    pub(super) fn pending(&self) -> Pending {
        let queue = self.queue();
        let open = queue.open.as_ref().map_or(0, |open| u64::from(open.buffer.count()));
        let sealed: u64 = queue.sealed.iter().map(|pack| u64::from(pack.records)).sum();
        let under_way = queue.under_way.iter().filter(|batch| !batch.is_claimed());
        Pending { waiting: open + sealed, under_way: under_way.map(|batch| u64::from(batch.records())).sum() }
    }
}

/// Batches whose time is up.
#[derive(Debug)]
pub(super) struct Overdue {
    pub(super) waiting: Vec<Pack>,
    pub(super) under_way: Vec<Arc<Batch>>,
    pub(super) ended: Vec<Ended>,
}

/// How many records of a partition are not settled.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pending {
    pub(super) waiting: u64,
    pub(super) under_way: u64,
}
