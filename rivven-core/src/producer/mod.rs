//! The producer: records gathered into batches, and delivered.
//!
//! A record is copied once, into the open batch of its partition
//! (`partition`, `accumulator`), and is a number within that batch from then
//! on. A `task` per connection sends the batches of the partitions that are
//! pinned to it, and settles them as a whole (`batch`); `sender` is what the
//! partitions see of it. `topic` chooses partitions, `shared` holds it all together.

mod accumulator;
mod backing;
mod batch;
mod deliveries;
mod memory;
mod numbered;
mod partition;
mod partitioner;
mod reports;
mod sender;
mod sequence;
mod service;
mod shared;
mod stats;
mod task;
mod topic;
mod topics;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use backing::{Backing, Entry, Room, Sent, Traffic};
pub use batch::Delivery;
pub use deliveries::Deliveries;
pub(crate) use numbered::answer_of;
pub use partitioner::{Partitioner, Partitioning, partition_of_key};
pub use reports::{DeliveryReport, DeliveryReports};
pub(crate) use sequence::Answer;
pub(crate) use service::Service;
pub use stats::{ProducerServerStats, ProducerStatsSnapshot};

use accumulator::Accumulator;
use batch::Batch;
use partition::{Full, Pending, Record};
use shared::{Left, Shared, Stage};
use topic::{Appender, Given, Refusal, Topic};

use crate::cluster::{Cluster, StateChanges};
use crate::compression::{CompressionType, encode_plain, needs_escape};
use crate::config::ProducerConfig;
use crate::connection::Deadline;
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::protocol::MAX_RECORD_SIZE;
use crate::record_metadata::RecordMetadata;
use crate::transaction::Transaction;

/// Sends records in batches, from any number of tasks and threads.
///
/// Records are gathered for each partition until a batch is full
/// (`batch_size`) or old enough (`linger_ms`); with a linger of 0 a batch goes
/// as soon as its connection is free, and fills while that is busy. The
/// records of a partition keep their order, also when they are sent again.
/// What waits and what is under way is bounded by `buffer_memory`.
///
/// Share it by `Arc<Producer>`. Dropping the last handle never blocks: what
/// is left is sent in the background for at most `close_timeout`; use
/// [`close`](Producer::close) to know that it was.
///
/// ```no_run
/// # async fn run() -> rivven_client::Result<()> {
/// use rivven_client::{Producer, ProducerConfig};
///
/// let config = ProducerConfig::builder().bootstrap_servers(vec!["127.0.0.1:9092".into()]).linger_ms(5);
/// let producer = Producer::new(config.build()).await?;
/// let record = producer.send("orders", "one").await?;
/// println!("{}/{} at {}", record.topic, record.partition, record.offset);
///
/// let orders = producer.topic("orders");
/// for number in 0..1000 {
///     drop(orders.enqueue(None::<&str>, number.to_string())?);
/// }
/// producer.close().await?;
/// # Ok(())
/// # }
/// ```
pub struct Producer {
    owner: Arc<Owner>,
}

/// What ends the producer when the last handle is dropped.
struct Owner {
    shared: Arc<Shared>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        let shared = Arc::clone(&self.shared);
        self.shared.cluster.spawn(async move { drop(close(&shared, shared.config.close_timeout).await) });
    }
}

impl Producer {
    /// Makes a producer and connects it, with handshake and login.
    ///
    /// It runs on the tokio runtime of the caller, which has to live as long as
    /// it does.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` of a configuration that was not acceptable; why no
    /// server could be connected within `connection_timeout`.
    pub async fn new<C>(config: C) -> Result<Self>
    where
        C: TryInto<ProducerConfig>,
        Error: From<C::Error>,
    {
        Self::connected(Self::unconnected(config.try_into()?, None)?).await
    }

    /// Makes a producer that tells what became of records by batch, too.
    ///
    /// # Errors
    ///
    /// As [`new`](Producer::new).
    pub async fn with_reports<C>(config: C, reports: Arc<dyn DeliveryReports>) -> Result<Self>
    where
        C: TryInto<ProducerConfig>,
        Error: From<C::Error>,
    {
        Self::connected(Self::unconnected(config.try_into()?, Some(reports))?).await
    }

    async fn connected(producer: Self) -> Result<Self> {
        producer.connect().await?;
        Ok(producer)
    }

    /// Makes a producer that connects when there is something to send, or by [`connect`](Producer::connect).
    ///
    /// Until then records wait; where no server can be reached, they fail when
    /// their `delivery_timeout` is over. It has to be made on the tokio runtime
    /// that it is to run on.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG`; `INVALID_STATE` outside of a tokio runtime.
    pub fn unconnected(config: ProducerConfig, reports: Option<Arc<dyn DeliveryReports>>) -> Result<Self> {
        config.checked_servers()?;
        if tokio::runtime::Handle::try_current().is_err() {
            let text = "a producer runs on the tokio runtime that it is made on: make it inside of one";
            return Err(Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState)));
        }
        let cluster = Cluster::new(config.client_config());
        let accumulator = Accumulator::new(&config, reports);
        let every = config.metadata_max_age;
        let shared = Shared::new(config, cluster, accumulator);
        shared.cluster.spawn(Shared::keep_current(Arc::downgrade(&shared), shared.ended(), every));
        Ok(Producer { owner: Arc::new(Owner { shared }) })
    }

    /// Waits for a first connection, with handshake and login, at most `connection_timeout`.
    ///
    /// # Errors
    ///
    /// Why there is none; `CLOSED`.
    pub async fn connect(&self) -> Result<()> {
        self.shared().cluster.connect().await?;
        // Where that takes longer the leaders are asked for later, as they are whenever one has moved.
        let limit = Deadline::after(self.config().connection_timeout);
        let _ = limit.bound(self.shared().cluster.learn_leaders()).await;
        Ok(())
    }

    /// Another handle of the same producer.
    pub(crate) fn another(&self) -> Self {
        Producer { owner: Arc::clone(&self.owner) }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }

    /// The configuration.
    pub fn config(&self) -> &ProducerConfig {
        &self.shared().config
    }

    /// A handle of a topic, by which records are handed over without looking for its name each time.
    ///
    /// It may outlive the producer and keeps it alive. A name that the broker
    /// would refuse is an error of each record.
    pub fn topic(&self, name: impl AsRef<str>) -> TopicHandle {
        TopicHandle { topic: Arc::clone(self.shared().topic(name.as_ref())), owner: Arc::clone(&self.owner) }
    }

    /// Sends a record without a key and waits until it is delivered.
    ///
    /// The record is handed over when the future is first polled; dropped
    /// afterwards, it is sent all the same.
    ///
    /// # Errors
    ///
    /// As [`TopicHandle::enqueue`], with `QUEUE_FULL` only once `max_block` is
    /// over; and what kept the record from being delivered, of which
    /// [`Error::outcome`] tells whether the broker may have it all the same.
    pub async fn send(&self, topic: impl AsRef<str>, value: impl AsRef<[u8]>) -> Result<RecordMetadata> {
        let given = (None, None, value.as_ref());
        self.shared().send(self.shared().topic(topic.as_ref()), given).await
    }

    /// Sends a record to the partition that its key leads to, and waits until it is delivered.
    ///
    /// # Errors
    ///
    /// As [`send`](Producer::send).
    pub async fn send_with_key<K: AsRef<[u8]>>(
        &self,
        topic: impl AsRef<str>,
        key: Option<K>,
        value: impl AsRef<[u8]>,
    ) -> Result<RecordMetadata> {
        let given = parts(None, &key, &value);
        self.shared().send(self.shared().topic(topic.as_ref()), given).await
    }

    /// Sends a record to a partition and waits until it is delivered.
    ///
    /// # Errors
    ///
    /// As [`send`](Producer::send); `INVALID_PARTITION` if the topic has no such partition.
    pub async fn send_to_partition<K: AsRef<[u8]>>(
        &self,
        topic: impl AsRef<str>,
        partition: u32,
        key: Option<K>,
        value: impl AsRef<[u8]>,
    ) -> Result<RecordMetadata> {
        let given = parts(Some(partition), &key, &value);
        self.shared().send(self.shared().topic(topic.as_ref()), given).await
    }

    /// Hands a record over without waiting, and gives its delivery.
    ///
    /// # Errors
    ///
    /// As [`TopicHandle::enqueue`].
    pub fn enqueue<K: AsRef<[u8]>>(
        &self,
        topic: impl AsRef<str>,
        key: Option<K>,
        value: impl AsRef<[u8]>,
    ) -> Result<Delivery> {
        let topic = self.shared().topic(topic.as_ref());
        self.shared().enqueue(topic, parts(None, &key, &value), 0, Delivery::of)
    }

    /// Hands a record over as [`TopicHandle::enqueue_tagged`] does, to a topic by its name.
    ///
    /// # Errors
    ///
    /// As [`TopicHandle::enqueue_tagged`].
    #[inline]
    pub fn enqueue_tagged(
        &self,
        topic: impl AsRef<str>,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
        tag: u64,
    ) -> Result<()> {
        self.shared().enqueue(self.shared().topic(topic.as_ref()), (partition, key, value), tag, |_, _| ())
    }

    /// Sends many records and waits until all are delivered; where they went, in their order.
    ///
    /// # Errors
    ///
    /// The first error of any of them, once all have ended; the others may have
    /// been delivered. To learn of each, hand them over by
    /// [`enqueue`](Producer::enqueue).
    pub async fn send_batch<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        topic: impl AsRef<str>,
        records: &[(Option<K>, V)],
    ) -> Result<Vec<RecordMetadata>> {
        self.topic(topic).send_batch(None, records).await
    }

    /// Sends everything that was handed over before, without lingering, and waits until it is settled.
    ///
    /// It always ends, since every record is delivered or given up within
    /// `delivery_timeout`.
    ///
    /// # Errors
    ///
    /// None at present: what became of each record its delivery tells.
    pub fn flush(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let batches = self.shared().flush();
        async move {
            all_settled(batches).await;
            Ok(())
        }
    }

    /// Takes no more records, delivers those that were handed over within `close_timeout`, and disconnects.
    ///
    /// # Errors
    ///
    /// `TIMED_OUT` if records were left; the text says how many, of which
    /// partitions. Their deliveries end with the error `CLOSED`.
    pub async fn close(&self) -> Result<()> {
        self.close_within(self.config().close_timeout).await
    }

    /// The same within another time.
    ///
    /// # Errors
    ///
    /// As [`close`](Producer::close).
    pub fn close_within(&self, limit: Duration) -> impl Future<Output = Result<()>> + Send + use<> {
        let shared = Arc::clone(self.shared());
        // From now on, and not when the future is first polled.
        shared.advance(Stage::Closing);
        async move { close(&shared, limit).await }
    }

    /// Begins a transaction, once a place for it is free: a broker takes five, a producer has one at a time.
    ///
    /// It needs `transactional_id`. With it the producer sends records within transactions only. Each transaction has
    /// an identity of its own, so it is not fenced by another producer with the same `transactional_id`: see
    /// `docs/transactions.md`.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` without `transactional_id`, or while another transaction is open; `TIMED_OUT` after `max_block`;
    /// why the broker could not be asked; `CLOSED`.
    pub fn begin_transaction(&self) -> impl Future<Output = Result<Transaction>> + Send + use<> {
        Transaction::of(Backing::new(Arc::clone(&self.owner)))
    }

    /// Whether the producer was closed.
    pub fn is_closed(&self) -> bool {
        self.shared().check_open().is_err()
    }

    /// Gives up every record that was not sent yet; the number of them.
    ///
    /// Their deliveries end with the error `PURGED`. What is under way goes on.
    pub fn purge(&self) -> u64 {
        let text = "the record was purged before it was sent";
        self.shared().purge(&Error::Other(Detail::new(text).with_code(ErrorCode::Purged)))
    }

    /// Learns the number of partitions of a topic anew; records go to new ones from then on.
    ///
    /// # Errors
    ///
    /// `UNKNOWN_TOPIC_OR_PARTITION` if there is no such topic and it is not to
    /// be created; why the broker could not be asked.
    pub async fn refresh_metadata(&self, topic: impl AsRef<str>) -> Result<()> {
        let topic = self.shared().topic(topic.as_ref());
        self.shared().refresh(topic).await.map(drop)
    }

    /// The number of partitions of a topic; the broker is asked if it is not known.
    ///
    /// # Errors
    ///
    /// As [`refresh_metadata`](Producer::refresh_metadata).
    pub async fn get_partition_count(&self, topic: impl AsRef<str>) -> Result<u32> {
        let topic = self.shared().topic(topic.as_ref());
        match topic.count() {
            Some(count) => Ok(count),
            None => self.shared().refresh(topic).await,
        }
    }

    /// What the producer has done so far.
    pub fn stats(&self) -> ProducerStatsSnapshot {
        self.shared().accumulator.counters.snapshot(&self.shared().load())
    }

    /// A stream of what changes about the servers from now on: which one stops working, why, and when it works again.
    ///
    /// It ends when the producer is closed.
    pub fn state_changes(&self) -> StateChanges {
        self.shared().cluster.state_changes()
    }

    /// Whether a record that is sent again is written once all the same, at this moment.
    ///
    /// Always false without `enable_idempotence`. Otherwise it is false while
    /// the broker gives the producer no identity, and from when the broker has
    /// forgotten the identity (it keeps identities in memory, until it
    /// restarts) together with the fate of records, or from when records were
    /// lost together with their connection, until those records are settled:
    /// their results say `maybe_duplicate` unless the broker recognised them.
    pub fn is_idempotent(&self) -> bool {
        self.shared().is_idempotent()
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("config", self.config()).finish_non_exhaustive()
    }
}

/// A topic of a producer; clones share it.
#[derive(Clone)]
pub struct TopicHandle {
    topic: Arc<Topic>,
    owner: Arc<Owner>,
}

impl TopicHandle {
    /// The name of the topic.
    pub fn name(&self) -> &str {
        self.topic.name()
    }

    /// Hands a record over without waiting, and gives its delivery.
    ///
    /// It may be called from any thread, inside of tokio or not.
    ///
    /// # Errors
    ///
    /// `QUEUE_FULL` if `buffer_memory` is used up, or if what waits would take
    /// longer than half of `delivery_timeout` already; `REQUEST_TOO_LARGE`,
    /// `INVALID_TOPIC`, `INVALID_PARTITION` of the user's own partitioner,
    /// `CLOSED`.
    pub fn enqueue<K: AsRef<[u8]>>(&self, key: Option<K>, value: impl AsRef<[u8]>) -> Result<Delivery> {
        self.owner.shared.enqueue(&self.topic, parts(None, &key, &value), 0, Delivery::of)
    }

    /// The same, to a partition.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](TopicHandle::enqueue); `INVALID_PARTITION` if the topic has no such partition.
    pub fn enqueue_to_partition<K: AsRef<[u8]>>(
        &self,
        partition: u32,
        key: Option<K>,
        value: impl AsRef<[u8]>,
    ) -> Result<Delivery> {
        self.owner.shared.enqueue(&self.topic, parts(Some(partition), &key, &value), 0, Delivery::of)
    }

    /// The same with a tag, which the report of its batch gives back ([`Producer::with_reports`]);
    /// there is no delivery to await.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](TopicHandle::enqueue) and [`enqueue_to_partition`](TopicHandle::enqueue_to_partition).
    #[inline]
    pub fn enqueue_tagged(&self, partition: Option<u32>, key: Option<&[u8]>, value: &[u8], tag: u64) -> Result<()> {
        self.owner.shared.enqueue(&self.topic, (partition, key, value), tag, |_, _| ())
    }

    /// Sends a record and waits until it is delivered.
    ///
    /// # Errors
    ///
    /// As [`Producer::send`].
    pub async fn send<K: AsRef<[u8]>>(&self, key: Option<K>, value: impl AsRef<[u8]>) -> Result<RecordMetadata> {
        self.owner.shared.send(&self.topic, parts(None, &key, &value)).await
    }

    /// Sends a record to a partition, if one is given, and waits until it is delivered.
    ///
    /// # Errors
    ///
    /// As [`Producer::send`]; `INVALID_PARTITION` if the topic has no such partition.
    pub async fn send_to(&self, partition: Option<u32>, key: Option<&[u8]>, value: &[u8]) -> Result<RecordMetadata> {
        self.owner.shared.send(&self.topic, (partition, key, value)).await
    }

    /// Sends many records, to a partition if one is given, and waits until all are delivered.
    ///
    /// No record behind one that was not taken is sent.
    ///
    /// # Errors
    ///
    /// As [`Producer::send_batch`]; `INVALID_PARTITION` if the topic has no such partition.
    pub async fn send_batch<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        partition: Option<u32>,
        records: &[(Option<K>, V)],
    ) -> Result<Vec<RecordMetadata>> {
        let mut deliveries = Deliveries::default();
        let refused = self.hand_over_batch(partition, records, &mut deliveries).await.err();
        deliveries.settled().await;
        refused.map_or_else(|| deliveries.delivered(), Err)
    }

    /// Hands many records over in their order without waiting, to a partition if one is given, until one is refused.
    ///
    /// Those that were taken are added to `deliveries`: where it was empty, its
    /// length is the position of the one that was refused. The iterator may be
    /// asked for some more.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](TopicHandle::enqueue) and [`enqueue_to_partition`](TopicHandle::enqueue_to_partition).
    pub fn enqueue_batch<'a>(
        &self,
        partition: Option<u32>,
        records: impl IntoIterator<Item = (Option<&'a [u8]>, &'a [u8])>,
        deliveries: &mut Deliveries,
    ) -> Result<()> {
        let records = records.into_iter().map(|(key, value)| ((partition, key, value), 0));
        self.owner.shared.enqueue_all(&self.topic, records, |batch, index| deliveries.add(batch, index))
    }

    /// Hands many records over in their order without waiting, until one is refused, each with its partition, if it
    /// names one, its key, its value and a tag, which the report of its batch gives back ([`Producer::with_reports`]).
    ///
    /// Those that were taken are counted in `taken`. The iterator may be asked for some more.
    ///
    /// # Errors
    ///
    /// As [`enqueue_tagged`](TopicHandle::enqueue_tagged).
    pub fn enqueue_batch_tagged<'a>(
        &self,
        records: impl IntoIterator<Item = (Option<u32>, Option<&'a [u8]>, &'a [u8], u64)>,
        taken: &mut usize,
    ) -> Result<()> {
        let records = records.into_iter().map(|(partition, key, value, tag)| ((partition, key, value), tag));
        self.owner.shared.enqueue_all(&self.topic, records, |_, _| *taken += 1)
    }

    /// Hands many records over like [`enqueue_batch`](TopicHandle::enqueue_batch), and waits for room.
    ///
    /// # Errors
    ///
    /// As [`enqueue_batch`](TopicHandle::enqueue_batch), with `QUEUE_FULL` only once `max_block` is over.
    pub async fn hand_over_batch<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        partition: Option<u32>,
        records: &[(Option<K>, V)],
        deliveries: &mut Deliveries,
    ) -> Result<()> {
        let mut rest = records;
        while !rest.is_empty() {
            let before = deliveries.len();
            let borrowed = rest.iter().map(|(key, value)| (key.as_ref().map(AsRef::as_ref), value.as_ref()));
            let refused = self.enqueue_batch(partition, borrowed, deliveries).err();
            rest = &rest[deliveries.len() - before..];
            let (Some(_), Some(((key, value), others))) = (refused, rest.split_first()) else { continue };
            // It may have to wait for room or for a new partition; if not, its error comes from here again.
            let place = |batch: &_, index| (Arc::clone(batch), index);
            let handing = self.owner.shared.hand_over(&self.topic, parts(partition, key, value), 0, place);
            let (batch, index) = handing.await?;
            deliveries.add(&batch, index);
            rest = others;
        }
        Ok(())
    }

    /// Hands a record over with a tag like [`enqueue_tagged`](TopicHandle::enqueue_tagged), and waits for room.
    ///
    /// # Errors
    ///
    /// As [`enqueue_tagged`](TopicHandle::enqueue_tagged), with `QUEUE_FULL` only once `max_block` is over.
    pub async fn hand_over_tagged(
        &self,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
        tag: u64,
    ) -> Result<()> {
        self.owner.shared.hand_over(&self.topic, (partition, key, value), tag, |_, _| ()).await
    }

    /// Waits until there is room for a record of so many bytes, at most `max_block`.
    ///
    /// # Errors
    ///
    /// `QUEUE_FULL` if none became free in time; `REQUEST_TOO_LARGE` if there never will be.
    pub async fn has_room(&self, bytes: usize) -> Result<()> {
        let shared = &self.owner.shared;
        if bytes > shared.largest_record() {
            return Err(shared.too_large(&self.topic, bytes));
        }
        let limit = Deadline::after(shared.config.max_block);
        let cost = bytes + partition::MAX_COST;
        if limit.bound(shared.accumulator.memory.take(cost)).await.is_none() {
            return Err(shared.full(&self.topic, &Full::Memory, Some(limit)));
        }
        shared.accumulator.memory.give(cost);
        for sender in self.topic.partitions().map(|partition| partition.home()).filter(|sender| sender.is_full()) {
            if limit.bound(sender.has_room()).await.is_none() {
                return Err(shared.full(&self.topic, &Full::Backlog(sender), Some(limit)));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for TopicHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TopicHandle").field(&self.name()).finish()
    }
}

/// Partition, key and value of a record.
type Parts<'a> = (Option<u32>, Option<&'a [u8]>, &'a [u8]);

fn parts<'a>(partition: Option<u32>, key: &'a Option<impl AsRef<[u8]>>, value: &'a impl AsRef<[u8]>) -> Parts<'a> {
    (partition, key.as_ref().map(AsRef::as_ref), value.as_ref())
}

impl Shared {
    /// The most bytes that a record can have for there to be room for it at all.
    fn largest_record(&self) -> usize {
        MAX_RECORD_SIZE.min(self.config.buffer_memory.saturating_sub(partition::MAX_COST))
    }

    #[inline]
    fn enqueue<R>(
        self: &Arc<Self>,
        topic: &Arc<Topic>,
        parts: Parts<'_>,
        tag: u64,
        receipt: impl FnOnce(&Arc<Batch>, u32) -> R,
    ) -> Result<R> {
        self.check_open()?;
        self.check_plain(topic)?;
        let mut to = topic.appender(&self.config.partitioner);
        let taken = self.append(&mut to, parts, tag, 0, receipt);
        drop(to);
        self.know(topic, taken.is_ok());
        taken.map_err(|refusal| self.refused(topic, refusal))
    }

    /// Hands records over until one is refused. What is asked for more of them, or told of those that were taken, is not
    /// to hand over others itself.
    fn enqueue_all<'a>(
        self: &Arc<Self>,
        topic: &Arc<Topic>,
        records: impl Iterator<Item = (Parts<'a>, u64)>,
        mut taken: impl FnMut(&Arc<Batch>, u32),
    ) -> Result<()> {
        self.check_plain(topic)?;
        // It is asked again after its end, and some begin anew then.
        let mut records = records.fuse();
        let mut some = Vec::with_capacity(records.size_hint().0.clamp(1, AT_ONCE));
        loop {
            // Where they come from is the caller's, and not to run while a partition is locked.
            some.extend(records.by_ref().take(AT_ONCE));
            if some.is_empty() {
                return Ok(());
            }
            self.check_open()?;
            let mut to = topic.appender(&self.config.partitioner);
            let mut any = false;
            let mut receipt = |batch: &_, index| {
                any = true;
                taken(batch, index);
            };
            let done = some.drain(..).try_for_each(|(parts, tag)| self.append(&mut to, parts, tag, 0, &mut receipt));
            drop(to);
            self.know(topic, any);
            done.map_err(|refusal| self.refused(topic, refusal))?;
        }
    }

    /// Sees to it that the number of partitions will be known where records were taken.
    #[inline]
    fn know(self: &Arc<Self>, topic: &Arc<Topic>, taken: bool) {
        if taken && topic.count().is_none() {
            self.find_out(topic);
        }
    }

    #[cold]
    fn refused(&self, topic: &Topic, refusal: Refusal) -> Error {
        match refusal {
            Refusal::Full(full) => self.full(topic, &full, None),
            Refusal::Error(error) => *error,
        }
    }

    /// Whether records may be sent outside of a transaction.
    #[inline]
    fn check_plain(&self, topic: &Topic) -> Result<()> {
        if self.config.transactional_id.is_none() { Ok(()) } else { Err(transactional(topic)) }
    }

    /// Appends a record by `to`, an appender of its topic.
    #[inline]
    fn append<R>(
        &self,
        to: &mut Appender<'_>,
        (partition, key, value): Parts<'_>,
        tag: u64,
        prepaid: usize,
        receipt: impl FnOnce(&Arc<Batch>, u32) -> R,
    ) -> Result<R, Refusal> {
        let len = key.map_or(0, <[u8]>::len) + value.len();
        if len > self.largest_record() {
            self.accumulator.memory.give(prepaid);
            return Err(Refusal::Error(Box::new(self.too_large(to.topic(), len))));
        }
        // With compression on it is encoded when its batch is sent.
        if self.config.compression_type == CompressionType::None && needs_escape(value) {
            let value = encode_plain(value);
            let record = Record { key, header: value.header(), data: value.data(), tag };
            return to.append(&Given { partition, record }, prepaid, receipt);
        }
        let record = Record { key, header: &[], data: value, tag };
        to.append(&Given { partition, record }, prepaid, receipt)
    }

    /// Hands a record over, and waits until it is delivered.
    async fn send(self: &Arc<Self>, topic: &Arc<Topic>, parts: Parts<'_>) -> Result<RecordMetadata> {
        self.hand_over(topic, parts, 0, Delivery::of).await?.await
    }

    /// Hands a record over, and waits for room as long as `max_block`.
    async fn hand_over<R>(
        self: &Arc<Self>,
        topic: &Arc<Topic>,
        parts: Parts<'_>,
        tag: u64,
        receipt: impl Fn(&Arc<Batch>, u32) -> R,
    ) -> Result<R> {
        self.check_plain(topic)?;
        let mut limit = None;
        let mut prepaid = 0;
        let mut asked = false;
        loop {
            if let Err(closed) = self.check_open() {
                self.accumulator.memory.give(prepaid);
                return Err(closed);
            }
            let taken = {
                let mut to = topic.appender(&self.config.partitioner);
                self.append(&mut to, parts, tag, std::mem::take(&mut prepaid), &receipt)
            };
            self.know(topic, taken.is_ok());
            let full = match taken {
                Ok(receipt) => return Ok(receipt),
                Err(Refusal::Full(full)) => full,
                // Partitions may have been added.
                Err(Refusal::Error(error)) if error.code() == ErrorCode::InvalidPartition && !asked => {
                    asked = true;
                    self.refresh(topic).await?;
                    continue;
                }
                Err(Refusal::Error(error)) => return Err(*error),
            };
            let until = *limit.get_or_insert_with(|| Deadline::after(self.config.max_block));
            let waited = match &full {
                Full::Memory => {
                    let cost = parts.1.map_or(0, <[u8]>::len) + parts.2.len() + partition::MAX_COST;
                    prepaid = cost;
                    until.bound(self.accumulator.memory.take(cost)).await
                }
                Full::Backlog(sender) => until.bound(sender.has_room()).await,
                Full::Ended => return Err(self.end_error()),
            };
            if waited.is_none() {
                // Nothing was taken.
                return Err(self.full(topic, &full, Some(until)));
            }
        }
    }

    fn full(&self, topic: &Topic, full: &Full, waited: Option<Deadline>) -> Error {
        let config = &self.config;
        let waited = waited.map_or(String::new(), |limit| format!(" for {:?} (max.block.ms)", limit.limit()));
        let why = match full {
            Full::Memory => format!(
                "all {} bytes of buffer.memory are in use{waited}: wait for deliveries, send more slowly or raise buffer.memory",
                config.buffer_memory
            ),
            Full::Backlog(sender) => format!(
                "the {} records that wait would take longer than half of delivery.timeout.ms ({:?}){waited}: send more slowly, or raise delivery.timeout.ms or connections.per.broker",
                sender.backlog(),
                config.delivery_timeout
            ),
            Full::Ended => return self.end_error(),
        };
        let text = format!("produce to {}: {why}", topic.name());
        Error::Other(Detail::new(text).with_code(ErrorCode::QueueFull).with_outcome(Outcome::NotSent))
    }

    fn too_large(&self, topic: &Topic, len: usize) -> Error {
        let text = format!(
            "produce to {}: the record has {len} bytes, more than the {MAX_RECORD_SIZE} of the protocol or the {} of buffer.memory allow",
            topic.name(),
            self.config.buffer_memory
        );
        Error::Misuse(Detail::new(text).with_code(ErrorCode::RequestTooLarge).with_outcome(Outcome::NotSent))
    }
}

#[cold]
fn transactional(topic: &Topic) -> Error {
    let text = format!(
        "produce to {}: the producer has a transactional.id, so it sends within transactions only: begin one, or make \
         another producer",
        topic.name()
    );
    Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState))
}

async fn all_settled(batches: Vec<Arc<Batch>>) {
    for batch in batches {
        batch.settled().await;
    }
}

/// Delivers what there is within a time, gives the rest up and disconnects.
async fn close(shared: &Arc<Shared>, limit: Duration) -> Result<()> {
    let deadline = Deadline::after(limit);
    shared.advance(Stage::Closing);
    let left = match deadline.bound(all_settled(shared.flush())).await {
        Some(()) => Vec::new(),
        None => shared.pending(),
    };
    let _ = deadline.bound(shared.transaction.close()).await;
    shared.purge(&Error::closed("the producer"));
    shared.advance(Stage::Ended);
    // Answers that are still due matter to nobody, but for requests that were settled before they were written.
    let farewell = if shared.config.acks == 0 { Duration::MAX } else { FAREWELL };
    Arc::clone(&shared.cluster).close(deadline.remaining().min(farewell)).await;
    if left.is_empty() { Ok(()) } else { Err(not_delivered(&left, limit)) }
}

fn not_delivered(left: &[Left], limit: Duration) -> Error {
    let count = |pending: &Pending| pending.waiting + pending.under_way;
    let total: u64 = left.iter().map(|(_, _, pending)| count(pending)).sum();
    let mut places: Vec<_> = left
        .iter()
        .take(MAX_NAMED)
        .map(|(topic, partition, pending)| {
            let partition = partition.map_or_else(|| "?".to_owned(), |partition| partition.to_string());
            format!("{topic}/{partition}: {}", count(pending))
        })
        .collect();
    if left.len() > MAX_NAMED {
        places.push("...".to_owned());
    }
    let text = format!(
        "close of the producer timed out after {limit:?} with {total} records not delivered ({}): give it more time or check the broker",
        places.join(", ")
    );
    let under_way = left.iter().any(|(_, _, pending)| pending.under_way > 0);
    let outcome = if under_way { Outcome::Unknown } else { Outcome::NotSent };
    Error::TimeoutWithMessage(Detail::new(text).with_code(ErrorCode::TimedOut).with_outcome(outcome))
}

/// How long connections may take to end once everything is settled.
const FAREWELL: Duration = Duration::from_millis(500);

/// How many records are handed over while their partitions stay locked.
const AT_ONCE: usize = 64;

/// How many partitions are named in an error.
const MAX_NAMED: usize = 10;
