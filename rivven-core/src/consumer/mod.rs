//! The consumer: records on their way in.
//!
//! `position` knows what to ask for next and what an answer means; a `fetcher`
//! per connection asks for the partitions that are its own and keeps an answer
//! ahead of the program; `state` holds what has come until a poll takes it, a share of
//! each partition. A frame is read where it was received (`records`) and counted
//! until the program has dropped the last slice of it (`memory`). Which
//! partitions there are is decided by a `source` and applied by polls
//! (`rebalance`); `process` lets handlers work on what comes, partitions side by
//! side; `start` finds out where reading begins, `commit` keeps how far it has come.

mod assignor;
mod commit;
mod departures;
mod events;
mod fetcher;
mod group;
mod in_transaction;
mod inner;
mod listener;
mod memory;
mod offsets;
mod pace;
mod partition;
mod position;
mod process;
mod rebalance;
mod records;
mod shared;
mod source;
mod start;
mod state;
mod stats;
mod stream;
mod topics;
mod watch;

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use assignor::Assignor;
pub use events::{ConsumerEvent, ConsumerEvents};
pub(crate) use in_transaction::Positions;
pub use listener::{RebalanceListener, TopicPartition};
pub use pace::Pace;
pub use process::ProcessReport;
pub use records::{ConsumerRecord, ConsumerRecords, IntoRecords, PartitionRecords, RecordView};
pub use stats::{ConsumerStatsSnapshot, PartitionStats};
pub use stream::RecordStream;

use commit::Commit;
use inner::Inner;
use listener::Key;
use offsets::Offsets;
use shared::Shared;

use crate::config::ConsumerConfig;
use crate::error::{Error, Result};
use crate::ops::{GetOffset, GetOffsetBounds, GetOffsetForTimestamp};
use crate::protocol::{EncodeError, check_topic_name};

/// Reads records of topics.
///
/// The partitions are those that are [assigned](Consumer::assign), or its share of
/// the topics that it [subscribes](Consumer::subscribe) to, which the consumers of
/// a group divide among themselves. Their records
/// come by [`poll`](Consumer::poll), of each partition in the order of its log, or one by
/// one by a [`stream`](Consumer::stream). What the program is done with is
/// committed by itself every `auto_commit_interval` and at the end, or by
/// [`commit`](Consumer::commit).
///
/// All methods take `&self`: share it by `Arc<Consumer>`. Polls of several tasks
/// wait for each other; [`wakeup`](Consumer::wakeup) ends the one that waits for records.
/// Dropping the consumer never blocks; [`close`](Consumer::close) it to know
/// that the last offsets are committed.
///
/// ```no_run
/// # async fn run() -> rivven_client::Result<()> {
/// use rivven_client::{Consumer, ConsumerConfig};
///
/// let config = ConsumerConfig::builder()
///     .bootstrap_servers(vec!["127.0.0.1:9092".into()])
///     .group_id("billing")
///     .topic("orders");
/// let consumer = Consumer::new(config.build()).await?;
/// for _ in 0..10 {
///     for record in &consumer.poll().await? {
///         println!("{}/{} at {}: {:?}", record.topic, record.partition, record.offset, record.value);
///     }
///     consumer.commit().await?;
/// }
/// consumer.close().await?;
/// # Ok(())
/// # }
/// ```
pub struct Consumer {
    owner: Arc<Owner>,
}

/// What ends the consumer when the last handle is dropped.
struct Owner {
    inner: Arc<Inner>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        let inner = Arc::clone(&self.inner);
        let limit = inner.shared.config.close_timeout;
        self.inner.shared.cluster.spawn(async move { drop(inner.close(limit, false).await) });
    }
}

impl Consumer {
    /// Makes a consumer and connects it, with handshake and login.
    ///
    /// It runs on the tokio runtime of the caller, which has to live as long as
    /// it does. Topics of the configuration are subscribed to, and its partitions assigned.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG` of a configuration that was not acceptable; why no
    /// server could be connected within `connection_timeout`.
    pub async fn new<C>(config: C) -> Result<Self>
    where
        C: TryInto<ConsumerConfig>,
        Error: From<C::Error>,
    {
        let consumer = Self::unconnected(config.try_into()?)?;
        consumer.connect().await?;
        Ok(consumer)
    }

    /// Makes a consumer that connects in the background, or by [`connect`](Consumer::connect).
    ///
    /// It has to be made on the tokio runtime that it is to run on.
    ///
    /// # Errors
    ///
    /// `INVALID_CONFIG`; `INVALID_STATE` outside of a tokio runtime.
    pub fn unconnected(config: ConsumerConfig) -> Result<Self> {
        Ok(Consumer { owner: Arc::new(Owner { inner: Inner::new(config)? }) })
    }

    /// Waits for a first connection, with handshake and login, at most `connection_timeout`.
    ///
    /// # Errors
    ///
    /// Why there is none; `CLOSED`.
    pub async fn connect(&self) -> Result<()> {
        self.shared().cluster.connect().await?;
        self.shared().look_for_leaders();
        Ok(())
    }

    /// Another handle of the same consumer.
    pub(crate) fn another(&self) -> Self {
        Consumer { owner: Arc::clone(&self.owner) }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.owner.inner.shared
    }

    /// The configuration.
    pub fn config(&self) -> &ConsumerConfig {
        &self.shared().config
    }

    /// The group whose offsets are committed.
    pub fn group_id(&self) -> &str {
        &self.config().group_id
    }

    /// Waits for records, at most `max_poll_interval_ms`, and gives at most `max_poll_records` of them.
    ///
    /// Without any by then the result is empty. A poll says that the program is
    /// done with what the one before gave. Dropping the future loses no record.
    ///
    /// # Errors
    ///
    /// - `WOKEN_UP` after [`wakeup`](Consumer::wakeup), `CLOSED` once the consumer is closed;
    /// - `INVALID_STATE` if there is neither a topic nor a partition;
    /// - why no server can be connected, after `max_reconnect_attempts`; the next poll begins anew;
    /// - `NO_OFFSET` with `auto_offset_reset` error, `ANSWER_TOO_LARGE` and `SERIALIZATION` of a
    ///   record that cannot be read: [`seek`](Consumer::seek), since nothing more comes of its
    ///   partition until then. [`position`](Consumer::position) is that of the record;
    /// - `UNKNOWN_TOPIC_OR_PARTITION` and what else keeps partitions from being read, instead of an empty result;
    /// - `QUEUE_FULL`, instead of an empty result, if records that the program keeps use up `fetch_buffer_memory`.
    pub async fn poll(&self) -> Result<ConsumerRecords> {
        self.poll_timeout(Duration::from_millis(self.config().max_poll_interval_ms)).await
    }

    /// The same, with the time that it waits; with zero it gives what has come already.
    ///
    /// # Errors
    ///
    /// As [`poll`](Consumer::poll).
    pub async fn poll_timeout(&self, limit: Duration) -> Result<ConsumerRecords> {
        self.owner.inner.poll(limit).await
    }

    /// A poll that gives what has come already, on any thread and without waiting for anything; `None` where there is
    /// nothing, and where a poll has anything else to do: [`poll`](Consumer::poll) then.
    pub fn poll_now(&self) -> Option<ConsumerRecords> {
        self.owner.inner.poll_now(true, |_| ()).map(|(records, ())| records)
    }

    /// The records one by one, as a [`Stream`](futures_util::Stream) without end.
    ///
    /// It keeps the consumer alive. Polls beside it take records of their own.
    pub fn stream(&self) -> RecordStream {
        RecordStream::new(Arc::clone(&self.owner))
    }

    /// Lets a handler work on the records, partitions side by side and each in its order, until it is ended.
    ///
    /// At most `process_concurrency` handlers are at work at once, each in a task
    /// on the runtime, and never two of one partition. A poll is under way meanwhile,
    /// so that rebalances are served however long a handler takes. What is done is
    /// committed every `auto_commit_interval` (without one, after each of those polls), before
    /// partitions are taken away, and at the end. Records that an earlier poll gave count as done.
    ///
    /// A handler fails by an error or a panic. Its record is handled again up to
    /// `process_retries` times, with pauses; then it goes to `process_dead_letter_topic`,
    /// and is done when it is delivered there; without such a topic `process_on_failure`
    /// decides. A dead letter has the key of the record. Its value is lines of text, `topic: `,
    /// `partition: `, `offset: `, `timestamp: `, `group: `, `attempts: ` and `error: `, then an empty line, then the value.
    ///
    /// It ends by [`wakeup`](Consumer::wakeup) and by [`close`](Consumer::close), which
    /// waits for it, and says what was done; handlers that are at work are waited for. So
    /// are they before partitions are taken away, for at most half of `rebalance_timeout_ms`. Where partitions were
    /// lost nothing of theirs is committed. Dropping the future drops the handlers, and
    /// gives the records back that are not done. A handler must not close the consumer, since that would wait for it.
    ///
    /// # Errors
    ///
    /// Handlers that are at work are waited for first, and what is done is committed.
    ///
    /// - `PROCESSING_FAILED`: a record failed every time with [`OnFailure::Stop`](crate::OnFailure::Stop), or its dead
    ///   letter could not be delivered. Its offset is not committed, so it is the next one of its partition;
    /// - `INVALID_STATE` if the consumer is processing already, and as [`poll`](Consumer::poll);
    /// - what a poll fails with otherwise, and why the last offsets could not be committed.
    ///
    /// ```no_run
    /// # async fn bill(order: &[u8]) -> Result<(), std::io::Error> { Ok(()) }
    /// # async fn run() -> rivven_client::Result<()> {
    /// use rivven_client::{Consumer, ConsumerConfig};
    ///
    /// let config = ConsumerConfig::builder()
    ///     .group_id("billing")
    ///     .topic("orders")
    ///     .process_retries(5)
    ///     .process_dead_letter_topic("orders-failed");
    /// let consumer = Consumer::new(config.build()).await?;
    /// let report = consumer.process(|record| async move { bill(&record.value).await }).await?;
    /// println!("{} orders, {} of them failed", report.processed, report.dead_lettered);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn process<H, F, E>(&self, handler: H) -> Result<ProcessReport>
    where
        H: Fn(ConsumerRecord) -> F + Send + Sync + 'static,
        F: Future<Output = std::result::Result<(), E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        process::process(&self.owner.inner, handler).await
    }

    /// Polls like [`poll`](Consumer::poll) for a program that says how far it has come with the records, one by one.
    ///
    /// It has none of them until it says so, whoever else polls or closes the consumer meanwhile.
    ///
    /// # Errors
    ///
    /// As [`poll`](Consumer::poll).
    pub async fn poll_paced(&self) -> Result<(ConsumerRecords, Pace)> {
        self.poll_paced_timeout(Duration::from_millis(self.config().max_poll_interval_ms)).await
    }

    /// The same, with the time that it waits.
    ///
    /// # Errors
    ///
    /// As [`poll`](Consumer::poll).
    pub async fn poll_paced_timeout(&self, limit: Duration) -> Result<(ConsumerRecords, Pace)> {
        let inner = &self.owner.inner;
        inner.poll_and(limit, |records| Pace::new(inner, records)).await
    }

    /// Polls like [`poll_now`](Consumer::poll_now) and [`poll_paced`](Consumer::poll_paced).
    pub fn poll_paced_now(&self) -> Option<(ConsumerRecords, Pace)> {
        let inner = &self.owner.inner;
        inner.poll_now(true, |records| Pace::new(inner, records))
    }

    /// Lets the program say how far it has come with the records of a poll, one by one.
    ///
    /// Without it all of them count as given. Ask for it before anything else is asked of the consumer; where others may
    /// do that, [`poll_paced`](Consumer::poll_paced).
    pub fn pace(&self, records: &ConsumerRecords) -> Pace {
        Pace::new(&self.owner.inner, records)
    }

    /// Ends the poll that waits, or the next one, with the error `WOKEN_UP`; from any thread.
    pub fn wakeup(&self) {
        self.shared().wake_up();
    }

    /// Reads these topics from now on, instead of those before.
    ///
    /// # Errors
    ///
    /// `INVALID_TOPIC`; `INVALID_STATE` if partitions are assigned by the program; `CLOSED`.
    pub fn subscribe<T: AsRef<str>>(&self, topics: &[T]) -> Result<()> {
        let topics: Vec<String> = topics.iter().map(|topic| topic.as_ref().to_owned()).collect();
        topics.iter().try_for_each(|topic| check_topic(topic))?;
        if topics.is_empty() { self.unsubscribe() } else { self.owner.inner.subscribe(topics) }
    }

    /// Reads nothing from now on, neither subscribed topics nor assigned partitions.
    ///
    /// Partitions of subscribed topics are given back by the next poll. Of assigned ones what the program is done with is
    /// committed in the background, if anything is without being asked.
    ///
    /// # Errors
    ///
    /// `CLOSED`.
    pub fn unsubscribe(&self) -> Result<()> {
        self.owner.inner.unsubscribe()
    }

    /// Reads these partitions from now on, instead of those before; no group coordinates them.
    ///
    /// Those that are read already go on where they are. Of the others what the program is done with is committed in the
    /// background, if anything is without being asked. No partitions are as [`unsubscribe`](Consumer::unsubscribe).
    ///
    /// # Errors
    ///
    /// `INVALID_TOPIC`; `INVALID_STATE` if topics are subscribed to; `CLOSED`.
    pub fn assign(&self, partitions: &[TopicPartition]) -> Result<()> {
        partitions.iter().try_for_each(|partition| check_topic(&partition.topic))?;
        let keys: Vec<Key> =
            partitions.iter().map(|partition| Key::new(&partition.topic, partition.partition)).collect();
        self.owner.inner.assign(&keys)
    }

    /// The partitions that the consumer has now.
    pub fn assignments(&self) -> Vec<TopicPartition> {
        self.shared().state().partitions.keys().map(Into::into).collect()
    }

    /// Sets who is told when partitions of subscribed topics are given and taken away.
    ///
    /// It replaces the one before; set it before the first poll.
    pub fn set_rebalance_listener(&self, listener: impl RebalanceListener + 'static) {
        self.shared().set_listener(Arc::new(listener));
    }

    /// Goes on reading a partition at an offset; what has come of it is dropped.
    ///
    /// # Errors
    ///
    /// `NOT_ASSIGNED`, `CLOSED`.
    pub async fn seek(&self, topic: impl AsRef<str>, partition: u32, offset: u64) -> Result<()> {
        self.seek_to(&Key::new(topic.as_ref(), partition), offset)
    }

    fn seek_to(&self, key: &Key, offset: u64) -> Result<()> {
        self.shared().check_open()?;
        self.shared().state().seek(key, offset)?;
        self.shared().place();
        Ok(())
    }

    /// Goes on at the first record that there is.
    ///
    /// # Errors
    ///
    /// As [`seek`](Consumer::seek); those of asking for the bounds of the log.
    pub async fn seek_to_beginning(&self, topic: impl AsRef<str>, partition: u32) -> Result<()> {
        let (earliest, _) = self.bounds(topic.as_ref(), partition).await?;
        self.seek(topic, partition, earliest).await
    }

    /// Goes on behind the last record that there is.
    ///
    /// # Errors
    ///
    /// As [`seek_to_beginning`](Consumer::seek_to_beginning).
    pub async fn seek_to_end(&self, topic: impl AsRef<str>, partition: u32) -> Result<()> {
        let (_, latest) = self.bounds(topic.as_ref(), partition).await?;
        self.seek(topic, partition, latest).await
    }

    /// Goes on at the first record that the broker received at or after a time, in milliseconds since 1970.
    ///
    /// Without such a record it goes on behind the last one. The offset is given.
    ///
    /// # Errors
    ///
    /// As [`seek_to_beginning`](Consumer::seek_to_beginning).
    pub async fn seek_to_timestamp(&self, topic: impl AsRef<str>, partition: u32, timestamp_ms: i64) -> Result<u64> {
        let topic = topic.as_ref();
        // Asked for before, so that a record which comes meanwhile is not passed.
        let (earliest, latest) = self.bounds(topic, partition).await?;
        let found = self.shared().call(&GetOffsetForTimestamp { topic, partition, timestamp_ms }).await?;
        // It may be the offset of a deleted record.
        let offset = found.unwrap_or(latest).max(earliest);
        self.seek(topic, partition, offset).await.map(|()| offset)
    }

    /// Asks for the first offset that there is of a partition, and the next one to be written.
    ///
    /// # Errors
    ///
    /// As [`seek_to_beginning`](Consumer::seek_to_beginning).
    pub async fn get_offset_bounds(&self, topic: impl AsRef<str>, partition: u32) -> Result<(u64, u64)> {
        self.bounds(topic.as_ref(), partition).await
    }

    async fn bounds(&self, topic: &str, partition: u32) -> Result<(u64, u64)> {
        self.shared().check_open()?;
        self.check_assigned(&Key::new(topic, partition))?;
        self.shared().call(&GetOffsetBounds { topic, partition }).await
    }

    fn check_assigned(&self, key: &Key) -> Result<()> {
        self.shared().state().find(key).map(drop)
    }

    /// The offset of the next record that a poll gives of a partition; `None` until it is known.
    ///
    /// # Errors
    ///
    /// `NOT_ASSIGNED`.
    pub fn position(&self, topic: impl AsRef<str>, partition: u32) -> Result<Option<u64>> {
        let key = Key::new(topic.as_ref(), partition);
        Ok(self.shared().state().find(&key)?.offsets().position())
    }

    /// How many offsets lie between the position and the end of the log, which is asked for.
    ///
    /// Control records and deleted ones count, too.
    ///
    /// # Errors
    ///
    /// `NOT_ASSIGNED`; those of asking for the bounds of the log.
    pub async fn lag(&self, topic: impl AsRef<str>, partition: u32) -> Result<u64> {
        let (earliest, latest) = self.bounds(topic.as_ref(), partition).await?;
        let position = self.position(topic, partition)?.unwrap_or(earliest);
        Ok(latest.saturating_sub(position.max(earliest)))
    }

    /// Gives no more records of a partition, and asks for none.
    ///
    /// What has come is kept as long as others do not need the memory, and asked for again otherwise.
    ///
    /// # Errors
    ///
    /// `NOT_ASSIGNED`.
    pub fn pause(&self, topic: impl AsRef<str>, partition: u32) -> Result<()> {
        self.shared().state().set_paused(&Key::new(topic.as_ref(), partition), true)?;
        self.shared().memory.look_again();
        Ok(())
    }

    /// Goes on with a partition that was paused.
    ///
    /// # Errors
    ///
    /// `NOT_ASSIGNED`.
    pub fn resume(&self, topic: impl AsRef<str>, partition: u32) -> Result<()> {
        self.shared().state().set_paused(&Key::new(topic.as_ref(), partition), false)?;
        self.shared().arrived();
        Ok(())
    }

    /// The partitions that are paused.
    pub fn paused(&self) -> Vec<TopicPartition> {
        let state = self.shared().state();
        let paused = state.partitions.values().filter(|partition| partition.is_paused());
        paused.map(|partition| TopicPartition::from(&partition.key)).collect()
    }

    /// Commits the offsets behind the records that polls gave so far, or what was
    /// [stored](Consumer::store_offset), of all partitions together.
    ///
    /// # Errors
    ///
    /// The only failure, or one that names those of each partition: `OFFSET_OUT_OF_RANGE`,
    /// `NOT_ASSIGNED` of one that was taken away meanwhile, those of the connection; `CLOSED`.
    pub async fn commit(&self) -> Result<()> {
        self.owner.inner.commit().await
    }

    /// Commits like [`commit`](Consumer::commit) without waiting; a failure is an event.
    ///
    /// Commits are made one after another, so a later one is never overtaken.
    ///
    /// # Errors
    ///
    /// `CLOSED`.
    pub fn commit_async(&self) -> Result<()> {
        self.shared().check_commits()?;
        let commits = self.shared().offsets_to_commit(|_| true, Offsets::to_commit);
        self.shared().commit_later(commits);
        Ok(())
    }

    /// Commits offsets: `(topic, partition, offset of the next record to read)` each, all together.
    ///
    /// # Errors
    ///
    /// As [`commit`](Consumer::commit); of subscribed topics only partitions that the consumer has can be committed.
    pub async fn commit_offsets<T: AsRef<str>>(&self, offsets: &[(T, u32, u64)]) -> Result<()> {
        let commits = self.commits_of(offsets)?;
        self.shared().commit_all(commits).await
    }

    /// Commits like [`commit_offsets`](Consumer::commit_offsets); the result has one entry for each, in their order.
    ///
    /// # Errors
    ///
    /// `CLOSED`.
    pub async fn commit_offsets_each<T: AsRef<str>>(&self, offsets: &[(T, u32, u64)]) -> Result<Vec<Result<()>>> {
        let commits = self.commits_of(offsets)?;
        Ok(self.shared().commit(&commits).await)
    }

    fn commits_of<T: AsRef<str>>(&self, offsets: &[(T, u32, u64)]) -> Result<Vec<Commit>> {
        self.shared().check_commits()?;
        let subscribed = self.owner.inner.is_subscribed();
        let state = self.shared().state();
        let commit = |(topic, partition, offset): &(T, u32, u64)| {
            let key = Key::new(topic.as_ref(), *partition);
            // No partition has the assignment 0, so what the group did not give is refused.
            let assignment = state.partitions.get(&key).map(|partition| partition.assignment);
            Commit { key, offset: *offset, assignment: assignment.or(subscribed.then_some(0)) }
        };
        Ok(offsets.iter().map(commit).collect())
    }

    /// Sets the offset that the next commits commit for a partition, by themselves or not.
    ///
    /// It is that of the next record to read. From then on this partition's
    /// commits follow what is stored, and not what polls gave.
    ///
    /// # Errors
    ///
    /// `NOT_ASSIGNED`.
    pub fn store_offset(&self, topic: impl AsRef<str>, partition: u32, offset: u64) -> Result<()> {
        self.shared().state().find(&Key::new(topic.as_ref(), partition))?.offsets().store(offset);
        Ok(())
    }

    /// Asks for the offset that the group has committed for a partition, assigned or not; `None` if there is none.
    ///
    /// # Errors
    ///
    /// `INVALID_TOPIC`; those of the connection; `CLOSED`.
    pub async fn committed(&self, topic: impl AsRef<str>, partition: u32) -> Result<Option<u64>> {
        self.shared().check_commits()?;
        self.shared().call(&GetOffset { group: self.group_id(), topic: topic.as_ref(), partition }).await
    }

    /// What happens to the consumer besides records, from now on.
    pub fn events(&self) -> ConsumerEvents {
        self.shared().events()
    }

    /// What the consumer has done so far, and where its partitions are.
    pub fn stats(&self) -> ConsumerStatsSnapshot {
        let shared = self.shared();
        let mut state = shared.state();
        let records_waiting = state.partitions.values().map(|partition| partition.waiting_records() as u64).sum();
        let partitions = state.partitions.values_mut().map(|partition| partition.stats()).collect();
        ConsumerStatsSnapshot {
            records_waiting,
            bytes_held: shared.memory.used() as u64,
            last_error: shared.last_error(),
            partitions,
            ..shared.counters.snapshot()
        }
    }

    /// Commits what is to be committed by itself, gives partitions back and disconnects, within `close_timeout`.
    ///
    /// What the last poll gave counts as done if that poll has ended. A poll
    /// that waits ends with `CLOSED`, as do calls afterwards. Closing twice is no error. Commits that fail for now are
    /// tried again within that time.
    ///
    /// # Errors
    ///
    /// Why the last offsets could not be committed; `TIMED_OUT` if the time was over before that was known. It is closed
    /// all the same.
    pub async fn close(&self) -> Result<()> {
        self.close_timeout(self.config().close_timeout).await
    }

    /// The same with a time of its own.
    ///
    /// # Errors
    ///
    /// As [`close`](Consumer::close).
    pub async fn close_timeout(&self, limit: Duration) -> Result<()> {
        self.owner.inner.close(limit, true).await
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("config", self.config()).finish_non_exhaustive()
    }
}

fn check_topic(topic: &str) -> Result<()> {
    check_topic_name(topic).map_err(|error| EncodeError::from(error).into())
}
