//! What transactions use of their producer: its memory, its topics, and how records are settled.

use std::sync::Arc;
use std::time::Duration;

use super::batch::{Batch, Delivered, Delivery};
use super::partition::Full;
use super::partitioner::Partitioning;
use super::service::Service;
use super::stats::{Counters, ServerCounters};
use super::topic::Topic;
use super::{Owner, partition};
use crate::cluster::Cluster;
use crate::compression::Compressor;
use crate::config::ProducerConfig;
use crate::connection::Deadline;
use crate::error::{Detail, Error, ErrorCode, Result};
use crate::protocol::{Operation, check_topic_name};

/// A producer as its transactions see it; it lives as long as they do.
#[derive(Clone)]
pub(crate) struct Backing {
    owner: Arc<Owner>,
}

/// A record that was taken and is to be settled.
#[derive(Debug)]
pub(crate) struct Entry {
    batch: Arc<Batch>,
}

/// Room for a record; given back when the record is settled, or when this is dropped.
pub(crate) struct Room {
    backing: Backing,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.backing.owner.shared.accumulator.memory.give(self.bytes);
    }
}

/// The records of a transaction that go over one connection, as statistics count them.
#[derive(Clone)]
pub(crate) struct Traffic {
    backing: Backing,
    server: Arc<ServerCounters>,
}

/// A record of a transaction that is under way, until this is dropped; then it has failed, unless it was [`written`].
///
/// [`written`]: Backing::written
pub(crate) struct Sent {
    traffic: Traffic,
    failed: bool,
}

impl Traffic {
    fn counters(&self) -> &Counters {
        &self.backing.owner.shared.accumulator.counters
    }

    /// A request of so many bytes is sent.
    pub(crate) fn send(&self, bytes: usize) -> Sent {
        self.counters().begun(&self.server, bytes);
        Sent { traffic: self.clone(), failed: true }
    }
}

impl Sent {
    /// The record is to be sent again.
    pub(crate) fn repeated(&self) {
        self.traffic.server.repeated();
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.traffic.counters().ended(&self.traffic.server, self.failed);
    }
}

impl Entry {
    /// The topic.
    pub(crate) fn topic(&self) -> &Arc<str> {
        &self.batch.topic
    }

    /// Notes which partition the record goes to.
    pub(crate) fn assign(&self, partition: u32) {
        self.batch.assign(partition);
    }

    /// How long ago the record was taken.
    pub(crate) fn age(&self) -> Duration {
        self.batch.created.elapsed()
    }
}

impl Backing {
    pub(super) fn new(owner: Arc<Owner>) -> Self {
        Backing { owner }
    }

    pub(crate) fn config(&self) -> &ProducerConfig {
        &self.owner.shared.config
    }

    pub(crate) fn cluster(&self) -> &Arc<Cluster> {
        &self.owner.shared.cluster
    }

    /// The error `CLOSED` once the producer takes no more records.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.owner.shared.check_open()
    }

    /// Ends when the producer sends nothing any more.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        self.owner.shared.ended()
    }

    /// Makes a call of any server.
    pub(crate) async fn call<O: Operation>(&self, operation: O) -> Result<O::Output> {
        self.owner.shared.call(operation).await
    }

    /// The pause after so many failures in a row.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        self.owner.shared.pause(failures)
    }

    /// How fast the broker is, before anything is known of it.
    pub(crate) fn service(&self) -> Service {
        self.owner.shared.service()
    }

    /// What values are compressed by, as the configuration says.
    pub(crate) fn compressor(&self) -> Compressor {
        self.owner.shared.compressor()
    }

    /// Takes room for a record if there is some.
    ///
    /// # Errors
    ///
    /// `QUEUE_FULL`, `REQUEST_TOO_LARGE`, `INVALID_TOPIC`, `CLOSED`.
    pub(crate) fn room(&self, topic: &str, bytes: usize) -> Result<Room> {
        let (topic, cost) = self.check(topic, bytes)?;
        let shared = &self.owner.shared;
        if !shared.accumulator.memory.try_take(cost) {
            return Err(shared.full(&topic, &Full::Memory, None));
        }
        Ok(Room { backing: self.clone(), bytes: cost })
    }

    /// Waits for room for a record, at most `max_block`.
    ///
    /// # Errors
    ///
    /// As [`room`](Backing::room).
    pub(crate) async fn wait_for_room(&self, topic: &str, bytes: usize) -> Result<Room> {
        let (topic, cost) = self.check(topic, bytes)?;
        let shared = &self.owner.shared;
        let limit = Deadline::after(shared.config.max_block);
        match limit.bound(shared.accumulator.memory.take(cost)).await {
            Some(()) => Ok(Room { backing: self.clone(), bytes: cost }),
            None => Err(shared.full(&topic, &Full::Memory, Some(limit))),
        }
    }

    fn check(&self, topic: &str, bytes: usize) -> Result<(Arc<Topic>, usize)> {
        check_topic_name(topic).map_err(crate::protocol::EncodeError::from)?;
        let shared = &self.owner.shared;
        shared.check_open()?;
        let topic = shared.topic(topic);
        if bytes > shared.largest_record() {
            return Err(shared.too_large(topic, bytes));
        }
        Ok((Arc::clone(topic), bytes + partition::MAX_COST))
    }

    /// A record that has room, with what its owner waits for.
    pub(crate) fn entry(&self, topic: &str, mut room: Room) -> (Entry, Delivery) {
        let name = Arc::clone(self.owner.shared.topic(topic).name());
        let batch = Batch::new(name, None);
        batch.complete(1, std::mem::take(&mut room.bytes), Vec::new());
        let delivery = Delivery::of(&batch, 0);
        self.owner.shared.accumulator.counters.taken();
        (Entry { batch }, delivery)
    }

    /// What goes to a server over one connection.
    pub(crate) fn traffic(&self, address: &Arc<str>) -> Traffic {
        Traffic { backing: self.clone(), server: self.owner.shared.accumulator.counters.server(address) }
    }

    /// The record is written.
    pub(crate) fn written(&self, entry: &Entry, offset: u64, mut sent: Sent) {
        let accumulator = &self.owner.shared.accumulator;
        sent.failed = false;
        if accumulator.deliver(&entry.batch, Delivered::at(offset), Some(&sent.traffic.server)) {
            accumulator.counters.settled();
        }
    }

    /// The record does not count.
    pub(crate) fn failed(&self, entry: &Entry, error: Error) {
        let accumulator = &self.owner.shared.accumulator;
        if accumulator.give_up(&entry.batch, error) {
            accumulator.counters.settled();
        }
    }

    /// The number of partitions of a topic; the broker is asked if it is not known.
    ///
    /// # Errors
    ///
    /// As [`Producer::refresh_metadata`](super::Producer::refresh_metadata).
    pub(crate) async fn partition_count(&self, topic: &str) -> Result<u32> {
        let shared = &self.owner.shared;
        let topic = shared.topic(topic);
        match topic.count() {
            Some(count) => Ok(count),
            None => shared.refresh(topic).await,
        }
    }

    /// Asks for the number of partitions again, since there may be more by now.
    ///
    /// # Errors
    ///
    /// As [`Producer::refresh_metadata`](super::Producer::refresh_metadata).
    pub(crate) async fn recount(&self, topic: &str) -> Result<u32> {
        self.owner.shared.refresh(self.owner.shared.topic(topic)).await
    }

    /// The partition of a record that names none; none that there is if the user's own function panics.
    ///
    /// Each record is a request of its own, so those without a key go to each partition in turn.
    pub(crate) fn choose(&self, topic: &str, key: Option<&[u8]>, value: &[u8], count: u32) -> u32 {
        let how = match &self.config().partitioner {
            Partitioning::Custom(own) => Partitioning::Custom(Arc::clone(own)),
            _ => Partitioning::RoundRobin,
        };
        self.owner.shared.topic(topic).partition_in_background(&how, key, value, count)
    }

    /// The error of a record for a partition that the topic does not have.
    pub(crate) fn no_partition(&self, topic: &str, partition: u32, count: u32) -> Error {
        self.owner.shared.topic(topic).no_partition(partition, count)
    }

    /// The name under which its transactions are known.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` if it has none.
    pub(crate) fn transactional_id(&self) -> Result<&str> {
        self.config().transactional_id.as_deref().ok_or_else(|| {
            let text = "begin a transaction: the producer has no transactional.id: give it one when it is made";
            Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState))
        })
    }

    /// The one place for a transaction of this producer.
    pub(crate) fn place(&self) -> &crate::transaction::Place {
        &self.owner.shared.transaction
    }
}
