//! The numbers of an idempotent producer's batches in one partition, and what is done when one fails.
//!
//! A state machine without I/O and clocks. The sender asks it what to do
//! ([`Sequence::next`]), tells it what came of each attempt
//! ([`Sequence::answered`]) and hands on what is settled
//! ([`Sequence::take_settled`]).
//!
//! What the broker does with a number, and what follows from it:
//!
//! - It accepts the number behind the last one, calls every lower one a
//!   duplicate without storing anything, and refuses every higher one. So a
//!   number must never carry another record than the one it was first sent with,
//!   and when a batch is accepted or recognised, all before it are stored.
//! - Of a batch it looks at the first number only, and may fail in the middle.
//!   So "duplicate" says that the *first* record of a batch is stored. Then the
//!   last one is sent again by itself: it is recognised or accepted, or else the
//!   refusal tells from where on records are missing, and they go one by one.
//! - It forgets all ids when it restarts, and gives them out again from 1 on.
//!   Ids chosen at random, which it takes as new, nobody else ever has
//!   ([`InitProducerId::of_random_id`](crate::ops::InitProducerId::of_random_id)).
//!
//! All of it rests on two things that the sender sees to: attempts of a
//! partition follow one another on one connection, which answers in order; and
//! after a lost connection nothing is sent until the broker has had the time to
//! finish what it had read.

mod batch;
mod identity;
#[cfg(test)]
mod model;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod tests;
mod verdict;
#[cfg(test)]
mod world;

use std::collections::VecDeque;
use std::mem;

pub(crate) use identity::{Grant, Identity};
pub(crate) use verdict::{Answer, Cause, Delivered, Failure, Settled, Stamp, Step, Ticket};

use crate::error::Outcome;
use batch::Batch;

/// How far the present identity can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    /// There is none.
    Wanted,
    /// It has a gap that cannot be closed; a new one is wanted once all attempts have ended.
    Left,
    /// The broker forgot it, or somebody else has it too. The same, and
    /// "duplicate" proves nothing.
    Lost,
    Fenced,
}

/// A new identity is taken before a number over this would be given. No batch
/// has as many records as there are numbers left: a frame has fewer bytes. So
/// numbers never wrap, and comparing them is plain.
const LAST_BASE: i32 = i32::MAX - (1 << 24);

/// The broker remembers the offsets of so many sequence numbers.
const OFFSETS_REMEMBERED: i64 = 5;

/// The numbers of one partition.
#[derive(Debug)]
pub(crate) struct Sequence {
    max_in_flight: usize,
    retry_unknown_outcome: bool,
    standing: Standing,
    grant: Option<Grant>,
    /// The number of the next new record.
    next: i32,
    tickets: u64,
    /// Those that are not settled, and those given up that others depend on; by number.
    batches: VecDeque<Batch>,
    settled: Vec<Settled>,
}

impl Sequence {
    /// A partition that nothing was sent to.
    pub(crate) fn new(max_in_flight: usize, retry_unknown_outcome: bool) -> Self {
        Sequence {
            max_in_flight,
            retry_unknown_outcome,
            standing: Standing::Wanted,
            grant: None,
            next: 0,
            tickets: 0,
            batches: VecDeque::new(),
            settled: Vec::new(),
        }
    }

    /// What to do now; call it again until it says `Wait` or there is no new batch.
    ///
    /// What it says to send counts as sent: each attempt has to be answered,
    /// also if it could not be written. It must be called only with a connection
    /// at hand, and after the pause that follows a lost one.
    pub(crate) fn next(&mut self) -> Step {
        match self.standing {
            Standing::Fenced => return Step::Fenced,
            Standing::Left | Standing::Lost => return Step::Wait,
            Standing::Wanted => return Step::AskIdentity { newer_than: self.serial() },
            Standing::Good => {}
        }
        match self.batches.iter().position(Batch::is_queued) {
            Some(index) if self.may_send_again(index) => self.send_again(index),
            Some(_) => Step::Wait,
            None if self.next > LAST_BASE => self.leave_used_up(),
            None if self.may_send_new() => Step::New,
            None => Step::Wait,
        }
    }

    /// Numbers a new batch of so many records, which counts as sent; `None` unless `next` says `New`.
    pub(crate) fn stamp(&mut self, count: u32) -> Option<(Ticket, Stamp)> {
        if self.standing != Standing::Good || self.next > LAST_BASE || !self.may_send_new() {
            return None;
        }
        self.tickets += 1;
        let mut batch = Batch::new(Ticket(self.tickets), self.next, count);
        (batch.framed, batch.in_flight) = (true, true);
        let stamp = self.stamp_of(batch.base);
        self.next = self.next.wrapping_add_unsigned(count);
        let ticket = batch.ticket;
        self.batches.push_back(batch);
        Some((ticket, stamp))
    }

    /// Takes up an identity and numbers from 0; false if none is wanted, or only a newer one.
    pub(crate) fn adopt(&mut self, grant: Grant) -> bool {
        if self.standing != Standing::Wanted || grant.serial <= self.serial() {
            return false;
        }
        (self.standing, self.grant) = (Standing::Good, Some(grant));
        self.renumber(0, 0);
        true
    }

    /// Notes what came of the oldest unanswered attempt of a batch.
    ///
    /// Attempts are answered in the order in which they were sent, also when
    /// a lost connection answers them all.
    pub(crate) fn answered(&mut self, ticket: Ticket, answer: Answer) {
        let Some(index) = self.position(ticket) else { return };
        self.batches[index].in_flight = false;
        match answer {
            Answer::Published { offset, duplicate } => self.published(index, offset, duplicate),
            Answer::NotExecuted => {}
            Answer::OutOfOrder { expected } => self.out_of_order(index, expected),
            Answer::UnknownProducer => self.standing = Standing::Lost,
            Answer::Fenced => self.fenced(index),
            Answer::Refused => self.fail(index, Cause::Refused, Outcome::Rejected),
            Answer::Failed => self.batches[index].unknown = true,
            Answer::Unknown => self.lost(index),
        }
        self.after_event();
    }

    /// Settles a batch as failed, because its time is over or its attempts are used up.
    ///
    /// An attempt under way stays so, and its answer has to be noted.
    pub(crate) fn give_up(&mut self, ticket: Ticket) {
        if let Some(index) = self.position(ticket).filter(|index| !self.batches[*index].given_up) {
            self.fail(index, Cause::GivenUp, Outcome::NotSent);
            self.after_event();
        }
    }

    /// The batches that were settled since the last call, in order of their settling.
    pub(crate) fn take_settled(&mut self) -> Vec<Settled> {
        mem::take(&mut self.settled)
    }

    /// Whether nothing that is unsettled may come to be stored twice.
    ///
    /// False from when an identity is lost together with the outcome of a batch
    /// until that batch is settled. The sender adds that no identity can be had.
    pub(crate) fn is_idempotent(&self) -> bool {
        let lost = self.standing == Standing::Lost;
        !self.batches.iter().any(|batch| !batch.given_up && (batch.maybe_duplicate || lost && batch.unknown))
    }

    fn serial(&self) -> u64 {
        self.grant.map_or(0, |grant| grant.serial)
    }

    fn stamp_of(&self, base: i32) -> Stamp {
        let identity = self.grant.expect("an identity in good standing was granted").identity;
        Stamp { identity, base }
    }

    fn position(&self, ticket: Ticket) -> Option<usize> {
        self.batches.iter().position(|batch| batch.ticket == ticket)
    }

    fn in_flight(&self) -> usize {
        self.batches.iter().filter(|batch| batch.in_flight).count()
    }

    /// Whether a queued batch may go out.
    ///
    /// Not while one behind it is under way: the broker refuses that one, and
    /// its answer must not be taken for that of a later attempt. Not behind a
    /// gap, where it would be refused, nor behind single records, of which any
    /// may fail.
    fn may_send_again(&self, index: usize) -> bool {
        let (before, behind) = (self.batches.range(..index), self.batches.range(index + 1..));
        let alone = self.batches[index].goes_singly();
        self.in_flight() < if alone { 1 } else { self.max_in_flight }
            && !behind.clone().any(|batch| batch.in_flight)
            && !before.clone().any(|batch| batch.is_gap() || batch.goes_singly())
    }

    fn send_again(&mut self, index: usize) -> Step {
        let batch = &mut self.batches[index];
        batch.in_flight = true;
        let (ticket, base) = (batch.ticket, batch.base);
        if let Some(record) = batch.singly {
            let number = batch.number(record);
            return Step::SendRecord { ticket, index: record, stamp: self.stamp_of(number) };
        }
        if mem::replace(&mut batch.framed, true) {
            return Step::Resend { ticket };
        }
        Step::Frame { ticket, stamp: self.stamp_of(base) }
    }

    /// Whether a new batch may go out: there is room, and everything before it is under way.
    ///
    /// A batch that was given up, with its outcome unknown, bars the way until
    /// those behind it have shown whether its numbers were used.
    fn may_send_new(&self) -> bool {
        self.batches.len() < self.max_in_flight && self.batches.iter().all(|b| b.in_flight && !b.goes_singly())
    }

    /// Takes a new identity when the numbers of this one run out.
    fn leave_used_up(&mut self) -> Step {
        if !self.batches.is_empty() {
            return Step::Wait;
        }
        self.standing = Standing::Wanted;
        Step::AskIdentity { newer_than: self.serial() }
    }

    fn published(&mut self, index: usize, offset: u64, duplicate: bool) {
        let batch = &mut self.batches[index];
        let number = batch.number(batch.singly.unwrap_or(0));
        if duplicate && (self.standing == Standing::Lost || !batch.unknown) {
            // Recognised by a broker that forgot the identity, or at the first
            // attempt: another producer uses the same id, and nothing was stored.
            self.standing = Standing::Lost;
            return;
        }
        if !self.may_be_executed(index) {
            self.batches[index].unknown = true;
            self.standing = Standing::Lost;
            return;
        }
        let remembered = i64::from(self.next) - 1 - i64::from(number) < OFFSETS_REMEMBERED;
        let offset = Some(offset).filter(|_| !duplicate || remembered);
        self.stored(index, offset, duplicate);
        self.drop_stored(index);
    }

    /// Whether the batches before an index can be stored, as far as is known here.
    ///
    /// If the broker has it otherwise, another producer uses the same id.
    fn may_be_executed(&self, end: usize) -> bool {
        self.batches.range(..end).all(|batch| batch.unknown)
    }

    /// Notes which records of a batch are stored, now that one attempt was published.
    fn stored(&mut self, index: usize, offset: Option<u64>, duplicate: bool) {
        let batch = &mut self.batches[index];
        batch.duplicate |= duplicate;
        batch.lies_at(batch.singly.unwrap_or(0), offset);
        batch.stored = match batch.singly {
            Some(record) => record + 1,
            None if duplicate => 1,
            None => batch.count,
        };
        batch.singly = match batch.singly {
            // The last record shows whether those in between are stored.
            None if duplicate => Some(batch.count - 1),
            _ => Some(batch.stored),
        };
    }

    /// Settles the batch if it is stored whole, and all before it.
    fn drop_stored(&mut self, index: usize) {
        for _ in 0..index {
            self.deliver_front();
        }
        if self.batches[0].stored == self.batches[0].count {
            self.deliver_front();
        }
    }

    fn deliver_front(&mut self) {
        let Some(batch) = self.batches.pop_front() else { return };
        if !batch.given_up {
            let (offset, maybe_duplicate) = (batch.offset(), batch.maybe_duplicate);
            let delivered = Delivered { offset, duplicate: batch.duplicate, maybe_duplicate };
            self.settled.push(Settled { ticket: batch.ticket, result: Ok(delivered) });
        }
    }

    /// Nothing of this attempt was stored. The expected number tells what was stored before.
    fn out_of_order(&mut self, index: usize, expected: Option<i32>) {
        let number = self.batches[index].number(self.batches[index].singly.unwrap_or(0));
        let known = i64::from(self.batches[0].base) + i64::from(self.batches[0].stored);
        let stored = |expected| self.batches.iter().take_while(|batch| batch.end() <= i64::from(expected)).count();
        match expected {
            _ if self.standing == Standing::Lost => {}
            Some(expected)
                if i64::from(expected) >= known && expected < number && self.may_be_executed(stored(expected)) =>
            {
                self.missing_from(expected);
            }
            // It does not know what it said that it had: it forgot, or another producer has the id too.
            _ => self.standing = Standing::Lost,
        }
    }

    /// Everything before a number is stored, and nothing from it on.
    fn missing_from(&mut self, expected: i32) {
        while self.batches[0].end() <= i64::from(expected) {
            self.deliver_front();
        }
        self.batches.iter_mut().filter(|batch| batch.base >= expected).for_each(Batch::not_executed);
        let first = &mut self.batches[0];
        if first.base < expected {
            first.unknown = true;
            first.stored = expected.abs_diff(first.base);
            first.singly = Some(first.stored);
        }
        if first.given_up && first.unknown {
            self.standing = Standing::Left;
        }
    }

    fn lost(&mut self, index: usize) {
        let batch = &mut self.batches[index];
        (batch.unknown, batch.lost) = (true, true);
    }

    fn fenced(&mut self, index: usize) {
        self.standing = Standing::Fenced;
        self.fail(index, Cause::Fenced, Outcome::Rejected);
    }

    /// Settles a batch as failed, with this outcome unless records of it may be stored.
    fn fail(&mut self, index: usize, cause: Cause, otherwise: Outcome) {
        let batch = &mut self.batches[index];
        if mem::replace(&mut batch.given_up, true) {
            return;
        }
        let outcome = if batch.may_be_stored() { Outcome::Unknown } else { otherwise };
        self.settled.push(Settled { ticket: batch.ticket, result: Err(Failure { cause, outcome }) });
    }

    /// What can be decided once no attempt is under way.
    fn after_event(&mut self) {
        if self.in_flight() > 0 {
            return;
        }
        match self.standing {
            Standing::Left | Standing::Lost => self.want_identity(),
            Standing::Wanted => self.batches.retain(|batch| !batch.given_up),
            Standing::Fenced => self.fail_all(),
            Standing::Good => self.close_gap(),
        }
    }

    /// Deals with numbers that were not used and never will be.
    ///
    /// Nothing behind them was executed. It takes up their numbers, but only if no
    /// attempt was lost with its connection: if the broker were still to execute
    /// one, contrary to what the sender waited for, that number would be in use.
    fn close_gap(&mut self) {
        let Some(first) = self.batches.iter().position(|batch| !batch.given_up) else {
            return self.forget_given_up();
        };
        let Some(gap) = self.batches.range(..first).position(Batch::is_gap) else { return };
        if gap == 0 && !self.batches.iter().any(|batch| batch.lost) {
            let base = self.batches[0].base;
            self.batches.retain(|batch| !batch.given_up);
            return self.renumber(0, base);
        }
        self.batches.range_mut(gap..).for_each(Batch::not_executed);
        self.want_identity();
    }

    /// Nothing depends on those given up; the numbers can be used again if nobody has them.
    fn forget_given_up(&mut self) {
        match self.batches.front() {
            None => {}
            Some(first) if self.batches.iter().all(|batch| batch.is_gap() && !batch.lost) => {
                self.next = first.base;
                self.batches.clear();
            }
            Some(_) => self.want_identity(),
        }
    }

    /// Gives the batches from an index on the numbers from `base` on.
    fn renumber(&mut self, index: usize, base: i32) {
        self.next = base;
        for batch in self.batches.range_mut(index..) {
            batch.renumber(self.next);
            self.next = self.next.wrapping_add_unsigned(batch.count);
        }
    }

    /// Leaves the identity: what may be stored under it will be sent again as something new, or fails.
    fn want_identity(&mut self) {
        self.standing = Standing::Wanted;
        for index in 0..self.batches.len() {
            if self.batches[index].unknown && !self.retry_unknown_outcome {
                self.fail(index, Cause::IdentityLost, Outcome::Unknown);
            }
        }
        self.batches.retain(|batch| !batch.given_up);
        for batch in &mut self.batches {
            batch.maybe_duplicate |= batch.unknown;
            batch.not_executed();
        }
    }

    fn fail_all(&mut self) {
        (0..self.batches.len()).for_each(|index| self.fail(index, Cause::Fenced, Outcome::NotSent));
        self.batches.clear();
    }
}
