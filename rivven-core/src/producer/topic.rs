//! A topic: which partition a record goes to, and records that come before that is known.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::accumulator::Accumulator;
use super::batch::Batch;
use super::partition::{Filling, Full, Open, Pack, Partition, Record};
use super::partitioner::{Keyless, Partitioning};
use super::sequence::{Grant, Identity};
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::protocol::check_topic_name;

/// What the partitions of a topic share.
#[derive(Debug)]
pub(super) struct Spread {
    pub(super) name: Arc<str>,
    pub(super) accumulator: Arc<Accumulator>,
    keyless: Keyless,
    /// What the batches of an idempotent producer are numbered under.
    identities: Mutex<Identities>,
    /// Held by the one who asks for an identity.
    pub(super) asking: tokio::sync::Mutex<()>,
    /// The number of partitions; 0 while it is not known.
    count: AtomicU32,
}

/// The identities that the servers have given, by their address: each knows its own alone.
#[derive(Debug, Default)]
struct Identities {
    present: HashMap<Arc<str>, Grant>,
    /// How many there were.
    serial: u64,
}

impl Spread {
    fn identities(&self) -> MutexGuard<'_, Identities> {
        self.identities.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present identity at a server.
    pub(super) fn identity(&self, address: &Arc<str>) -> Option<Grant> {
        self.identities().present.get(address).copied()
    }

    /// Takes up a new identity that a server has given.
    pub(super) fn grant(&self, address: &Arc<str>, identity: Identity) -> Grant {
        let mut identities = self.identities();
        identities.serial += 1;
        let grant = Grant { identity, serial: identities.serial };
        identities.present.insert(Arc::clone(address), grant);
        grant
    }

    /// A batch of this partition is complete: records without a key go on to the next one.
    pub(super) fn leave(&self, index: u32) {
        self.keyless.batch_ended(index, self.count.load(Ordering::Relaxed));
    }
}

/// Why a record was not taken.
#[derive(Debug)]
pub(super) enum Refusal {
    /// There is no room for it at present.
    Full(Full),
    /// There never will be.
    Error(Box<Error>),
}

/// A record as the caller gives it.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) partition: Option<u32>,
    pub(super) record: Record<'a>,
}

/// A topic that records are sent to.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) spread: Arc<Spread>,
    partitions: boxcar::Vec<Arc<Partition>>,
    early: Mutex<Early>,
    /// Held by the one who asks for the number of partitions, so that the last answer is the one that counts.
    pub(super) refreshing: tokio::sync::Mutex<()>,
}

/// Batches that were filled before the number of partitions was known, in their order.
#[derive(Debug, Default)]
struct Early {
    batches: Vec<(Place, Open)>,
    /// Whether somebody is finding out.
    asked: bool,
}

/// Where a record goes, as far as can be said without the number of partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Any,
    Partition(u32),
    /// Its key or the user's function decides, so the record is for itself.
    Undecided,
}

impl Topic {
    pub(super) fn new(name: Arc<str>, accumulator: Arc<Accumulator>) -> Self {
        let spread = Spread {
            name,
            accumulator,
            keyless: Keyless::new(),
            identities: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            count: AtomicU32::new(0),
        };
        let refreshing = tokio::sync::Mutex::default();
        Topic { spread: Arc::new(spread), partitions: boxcar::Vec::new(), early: Mutex::default(), refreshing }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.spread.name
    }

    /// The number of partitions, once it is known.
    pub(super) fn count(&self) -> Option<u32> {
        Some(self.spread.count.load(Ordering::Acquire)).filter(|count| *count > 0)
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.partitions.iter().map(|(_, partition)| partition)
    }

    fn early(&self) -> MutexGuard<'_, Early> {
        self.early.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to append records.
    #[inline]
    pub(super) fn appender<'a>(&'a self, how: &'a Partitioning) -> Appender<'a> {
        Appender { topic: self, how, filling: None }
    }

    /// The partition of a record among so many.
    #[inline]
    pub(super) fn partition_of(&self, how: &Partitioning, key: Option<&[u8]>, value: &[u8], count: u32) -> u32 {
        how.choose(&self.spread.keyless, self.name(), key, value, count)
    }

    /// The same where no caller is there for a panic of the user's own function: then none that there is.
    pub(super) fn partition_in_background(
        &self,
        how: &Partitioning,
        key: Option<&[u8]>,
        value: &[u8],
        count: u32,
    ) -> u32 {
        let choose = || self.partition_of(how, key, value, count);
        catch_unwind(AssertUnwindSafe(choose)).unwrap_or(u32::MAX)
    }

    #[inline]
    fn choose(&self, given: &Given<'_>, how: &Partitioning, count: u32) -> u32 {
        let Record { key, data, .. } = given.record;
        self.partition_of(how, key, data, count)
    }

    /// Keeps a record until the number of partitions is known.
    #[cold]
    fn append_early<R>(
        &self,
        given: &Given<'_>,
        how: &Partitioning,
        prepaid: usize,
        receipt: impl FnOnce(&Arc<Batch>, u32) -> R,
    ) -> Result<R, Refusal> {
        let accumulator = &*self.spread.accumulator;
        let mut early = self.early();
        if let Some(count) = self.count() {
            drop(early);
            return self.appender(how).append_to(given, count, prepaid, receipt);
        }
        if let Err(error) = check_topic_name(self.name()) {
            accumulator.memory.give(prepaid);
            return Err(Refusal::Error(Box::new(crate::protocol::EncodeError::from(error).into())));
        }
        let cost = given.record.cost();
        if prepaid == 0 && !accumulator.memory.try_take(cost) {
            return Err(Refusal::Full(Full::Memory));
        }
        let place = match (given.partition, how, given.record.key) {
            (Some(partition), _, _) => Place::Partition(partition),
            (None, Partitioning::Sticky, None) => Place::Any,
            _ => Place::Undecided,
        };
        let len = given.record.wire_len();
        let fits = |open: &Open| open.len() + len <= accumulator.batch_size && open.count() < MAX_EARLY_RECORDS;
        // Behind a batch that may go to any partition nothing is added to one before it.
        let same = |(other, _): &&mut (Place, Open)| *other == place;
        let last = match place {
            Place::Partition(_) => {
                let placed = |(other, _): &&mut (Place, Open)| matches!(other, Place::Partition(_));
                early.batches.iter_mut().rev().take_while(placed).find(same)
            }
            Place::Any => early.batches.last_mut().filter(same),
            Place::Undecided => None,
        };
        if let Some((_, open)) = last.filter(|(_, open)| fits(open)) {
            return Ok(open.push(&given.record, cost.max(prepaid), accumulator.reports.is_some(), receipt));
        }
        let mut open = Open::new(Batch::new(Arc::clone(self.name()), None), len, 0);
        let receipt = open.push(&given.record, cost.max(prepaid), accumulator.reports.is_some(), receipt);
        early.batches.push((place, open));
        Ok(receipt)
    }

    /// Whether the caller is to find out the number of partitions: nobody else is.
    pub(super) fn begin_asking(&self) -> bool {
        self.count().is_none() && !std::mem::replace(&mut self.early().asked, true)
    }

    /// Notes that there are so many partitions, and hands over what came before that was known; what is for none of them
    /// is given back to be given up.
    pub(super) fn learn(
        &self,
        count: u32,
        how: &Partitioning,
        make: impl Fn(u32) -> Arc<Partition>,
    ) -> Vec<(Pack, Error)> {
        let mut early = self.early();
        let known = self.partitions.count() as u32;
        (known..count).for_each(|index| {
            self.partitions.push(make(index));
        });
        let batches = std::mem::take(&mut early.batches);
        let refused =
            batches.into_iter().filter_map(|(place, open)| self.place_early(place, open, how, count)).collect();
        early.asked = false;
        // There are fewer where the topic was deleted and made anew.
        self.spread.count.store(count, Ordering::Release);
        refused
    }

    fn place_early(&self, place: Place, open: Open, how: &Partitioning, count: u32) -> Option<(Pack, Error)> {
        let chosen = match place {
            Place::Partition(partition) => partition,
            Place::Any | Place::Undecided => {
                open.first_record(|key, value| self.partition_in_background(how, key, value, count))
            }
        };
        let pack = open.seal(self.spread.accumulator.retries());
        match self.partitions.get(chosen as usize).filter(|_| chosen < count) {
            Some(partition) => partition.adopt(pack),
            None => return Some((pack, self.no_partition(chosen, count))),
        }
        None
    }

    /// Gives up what waits for the number of partitions and was begun before this moment, or all of it.
    pub(super) fn take_early(&self, before: Option<Instant>) -> Vec<Pack> {
        let mut early = self.early();
        let is_late = |open: &Open| before.is_none_or(|before| open.created() <= before);
        let late = early.batches.iter().take_while(|(_, open)| is_late(open)).count();
        let retries = || self.spread.accumulator.retries();
        early.batches.drain(..late).map(|(_, open)| open.seal(retries())).collect()
    }

    /// Asking has ended without a number: whatever comes next begins it anew.
    pub(super) fn end_asking(&self) {
        self.early().asked = false;
    }

    /// The batches that wait for the number of partitions.
    pub(super) fn early_batches(&self) -> Vec<Arc<Batch>> {
        self.early().batches.iter().map(|(_, open)| open.batch()).collect()
    }

    /// The records that wait for the number of partitions.
    pub(super) fn early_records(&self) -> u64 {
        self.early().batches.iter().map(|(_, open)| u64::from(open.count())).sum()
    }

    pub(super) fn no_partition(&self, partition: u32, count: u32) -> Error {
        let text = format!(
            "produce to {}/{partition}: the topic has {count} partitions: give one from 0 to {}",
            self.name(),
            count - 1
        );
        Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidPartition).with_outcome(Outcome::NotSent))
    }
}

/// Appends records to batches of their partitions, and keeps hold of the one that the last record went to.
pub(super) struct Appender<'a> {
    topic: &'a Topic,
    how: &'a Partitioning,
    filling: Option<Filling<'a>>,
}

impl<'a> Appender<'a> {
    pub(super) fn topic(&self) -> &'a Topic {
        self.topic
    }

    /// Appends a record; what is made of its batch and its position in that.
    ///
    /// `prepaid` bytes of `buffer.memory` have been taken for it already; they
    /// are given back if it is not taken.
    #[inline]
    pub(super) fn append<R>(
        &mut self,
        given: &Given<'_>,
        prepaid: usize,
        receipt: impl FnOnce(&Arc<Batch>, u32) -> R,
    ) -> Result<R, Refusal> {
        match self.topic.spread.count.load(Ordering::Acquire) {
            0 => {
                // Whoever learns the number has that lock first, and then those of the partitions.
                self.filling = None;
                self.topic.append_early(given, self.how, prepaid, receipt)
            }
            count => self.append_to(given, count, prepaid, receipt),
        }
    }

    /// The same where there are so many partitions.
    #[inline]
    fn append_to<R>(
        &mut self,
        given: &Given<'_>,
        count: u32,
        prepaid: usize,
        receipt: impl FnOnce(&Arc<Batch>, u32) -> R,
    ) -> Result<R, Refusal> {
        let chosen = match given.partition {
            Some(partition) => partition,
            None => {
                if matches!(self.how, Partitioning::Custom(_)) {
                    // The user's function may hand over records itself.
                    self.filling = None;
                }
                self.topic.choose(given, self.how, count)
            }
        };
        if self.filling.as_ref().is_none_or(|filling| filling.index() != chosen || chosen >= count) {
            // Nobody holds two.
            self.filling = None;
            self.filling = self.topic.partitions.get(chosen as usize).filter(|_| chosen < count).map(Partition::fill);
        }
        match &mut self.filling {
            Some(filling) => filling.append(&given.record, prepaid, receipt).map_err(Refusal::Full),
            None => {
                self.topic.spread.accumulator.memory.give(prepaid);
                Err(Refusal::Error(Box::new(self.topic.no_partition(chosen, count))))
            }
        }
    }
}

/// Most records of a batch before its partition is known.
const MAX_EARLY_RECORDS: u32 = 1000;
