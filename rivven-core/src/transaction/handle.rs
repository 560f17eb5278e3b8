//! The transaction that a program has.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use super::driver::{Command, Done, Driver};
use super::shared::{Identity, Shared};
use super::table::Abort;
use crate::connection::Deadline;
use crate::consumer::{Consumer, Positions};
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::ops::{AbortTransaction, BeginTransaction, InTransaction, InitProducerId};
use crate::producer::{Backing, Delivery, Producer, Room};
use crate::record_metadata::RecordMetadata;

/// Records and offsets that count together, or not at all.
///
/// [`Producer::begin_transaction`] gives one. Records are sent as they come, over
/// several connections; what has to be told to the broker before is told by itself. It ends by
/// [`commit`](Transaction::commit) or [`abort`](Transaction::abort); dropped, it is aborted in the background.
///
/// Once something has failed for good, every call but `abort` gives an error that
/// [is abortable](Error::is_abortable), and the broker has been told already. What a transaction is worth with broker
/// release 0.0.22 is said in `docs/transactions.md`.
///
/// All calls may be made from several tasks at once; records of one partition keep the order in which they were given.
///
/// ```no_run
/// # async fn run() -> rivven_client::Result<()> {
/// use rivven_client::{Producer, ProducerConfig};
///
/// let config = ProducerConfig::builder().transactional_id("billing");
/// let producer = Producer::new(config.build()).await?;
/// let transaction = producer.begin_transaction().await?;
/// transaction.send_with_key("invoices", Some("42"), "paid").await?;
/// transaction.send_offsets("billing", &[("orders", 0, 17)]).await?;
/// transaction.commit().await?;
/// # Ok(())
/// # }
/// ```
pub struct Transaction {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    /// Positions of consumers that were sent, to be noted as committed.
    positions: Mutex<Vec<Positions>>,
}

impl Transaction {
    /// Begins a transaction of a producer; see [`Producer::begin_transaction`].
    ///
    /// # Errors
    ///
    /// As [`Producer::begin_transaction`].
    pub async fn begin(producer: &Producer) -> Result<Self> {
        producer.begin_transaction().await
    }

    /// Begins a transaction under a new identity, for which a place has to become free within `max_block`.
    ///
    /// That time begins now, and not when the future is first polled.
    pub(crate) fn of(backing: Backing) -> impl Future<Output = Result<Self>> + Send + use<> {
        let limit = Deadline::after(backing.config().max_block);
        Self::until(limit.at(), backing)
    }

    async fn until(limit: Instant, backing: Backing) -> Result<Self> {
        let txn_id = backing.transactional_id()?.to_owned();
        backing.check_open()?;
        let late = |last: Option<Error>| {
            let why = last.map_or_else(String::new, |error| format!(" (last failure: {error})"));
            let text = format!(
                "begin transaction {txn_id} timed out after {:?}{why}: wait for other transactions of the broker, of \
                 which it takes five, or raise max.block.ms",
                backing.config().max_block
            );
            Error::TimeoutWithMessage(Detail::new(text).with_code(ErrorCode::TimedOut).with_outcome(Outcome::NotSent))
        };
        let place = timeout_at(limit, backing.place().take(&txn_id)).await.map_err(|_| late(None))??;
        let (mut last, mut failures) = (None, 0);
        loop {
            match timeout_at(limit, begin_once(&backing, &txn_id)).await {
                Ok(Ok((identity, begun))) => return Ok(Self::start(backing.clone(), identity, begun, place)),
                Ok(Err(error)) if !may_begin_again(&error) => return Err(error),
                Ok(Err(error)) => last = Some(error),
                Err(_) => return Err(late(last)),
            }
            failures += 1;
            let pause = backing.pause(failures);
            if Instant::now() + pause >= limit {
                return Err(late(last));
            }
            sleep(pause).await;
            backing.check_open()?;
        }
    }

    fn start(backing: Backing, identity: Identity, begun: Instant, place: OwnedSemaphorePermit) -> Self {
        let timeout = backing.config().transaction_timeout;
        let shared = Shared::new(backing, identity, timeout, begun);
        shared.backing.place().fill(&shared);
        let (commands, receiver) = mpsc::unbounded_channel();
        let driver = Driver::new(Arc::clone(&shared), receiver, place);
        shared.backing.cluster().spawn(driver.run());
        Transaction { shared, commands, positions: Mutex::default() }
    }

    /// The transactional id of its producer.
    pub fn id(&self) -> &str {
        self.shared.txn_id()
    }

    /// The identity under which it was begun; each transaction has its own.
    pub fn producer_id(&self) -> u64 {
        self.shared.identity.producer_id
    }

    /// Whether it was committed, once an end that is under way is known.
    pub(crate) async fn was_committed(&self) -> bool {
        if self.shared.table().is_committing() {
            self.shared.stops().await;
        }
        self.shared.table().is_committed()
    }

    /// Whether records are still taken.
    pub fn is_open(&self) -> bool {
        self.shared.table().may_write("use").is_ok()
    }

    /// Sends a record without a key, and waits until it is written.
    ///
    /// That it is written does not mean that it counts; that it does once the transaction is committed.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` once the transaction has ended, `INVALID_TXN_STATE` once it can only be aborted; `QUEUE_FULL` if
    /// there is no room for `max_block`; `INVALID_TOPIC`, `INVALID_PARTITION`, `REQUEST_TOO_LARGE`; why the record could
    /// not be written.
    pub async fn send(&self, topic: impl AsRef<str>, value: impl AsRef<[u8]>) -> Result<RecordMetadata> {
        self.send_parts(topic.as_ref(), None, None, value.as_ref()).await
    }

    /// Sends a record to the partition that its key leads to, and waits until it is written.
    ///
    /// # Errors
    ///
    /// As [`send`](Transaction::send).
    pub async fn send_with_key<K: AsRef<[u8]>>(
        &self,
        topic: impl AsRef<str>,
        key: Option<K>,
        value: impl AsRef<[u8]>,
    ) -> Result<RecordMetadata> {
        self.send_parts(topic.as_ref(), None, key.as_ref().map(K::as_ref), value.as_ref()).await
    }

    /// Sends a record to a partition, and waits until it is written.
    ///
    /// # Errors
    ///
    /// As [`send`](Transaction::send).
    pub async fn send_to_partition<K: AsRef<[u8]>>(
        &self,
        topic: impl AsRef<str>,
        partition: u32,
        key: Option<K>,
        value: impl AsRef<[u8]>,
    ) -> Result<RecordMetadata> {
        self.send_parts(topic.as_ref(), Some(partition), key.as_ref().map(K::as_ref), value.as_ref()).await
    }

    async fn send_parts(
        &self,
        topic: &str,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
    ) -> Result<RecordMetadata> {
        self.hand_over(topic, partition, key, value).await?.await
    }

    /// Hands a record over, to a partition if one is given, waiting for room, and gives its delivery.
    ///
    /// # Errors
    ///
    /// As [`send`](Transaction::send), but for why the record could not be written, which its delivery tells.
    pub async fn hand_over(
        &self,
        topic: &str,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
    ) -> Result<Delivery> {
        self.shared.table().may_write("publish in")?;
        let room = self.shared.backing.wait_for_room(topic, length(key, value)).await?;
        self.take(topic, partition, key, value, room)
    }

    /// Hands a record over without waiting, and gives its delivery.
    ///
    /// # Errors
    ///
    /// As [`send`](Transaction::send), with `QUEUE_FULL` at once.
    pub fn enqueue<K: AsRef<[u8]>>(
        &self,
        topic: impl AsRef<str>,
        key: Option<K>,
        value: impl AsRef<[u8]>,
    ) -> Result<Delivery> {
        self.enqueue_parts(topic.as_ref(), None, key.as_ref().map(K::as_ref), value.as_ref())
    }

    /// The same, to a partition.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Transaction::enqueue).
    pub fn enqueue_to_partition<K: AsRef<[u8]>>(
        &self,
        topic: impl AsRef<str>,
        partition: u32,
        key: Option<K>,
        value: impl AsRef<[u8]>,
    ) -> Result<Delivery> {
        self.enqueue_parts(topic.as_ref(), Some(partition), key.as_ref().map(K::as_ref), value.as_ref())
    }

    fn enqueue_parts(&self, topic: &str, partition: Option<u32>, key: Option<&[u8]>, value: &[u8]) -> Result<Delivery> {
        self.shared.table().may_write("publish in")?;
        let room = self.shared.backing.room(topic, length(key, value))?;
        self.take(topic, partition, key, value, room)
    }

    fn take(
        &self,
        topic: &str,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
        room: Room,
    ) -> Result<Delivery> {
        let (key, value) = (key.map(Bytes::copy_from_slice), Bytes::copy_from_slice(value));
        let taken = {
            // Under the lock: what is taken before a commit is part of it.
            let table = self.shared.table();
            table.may_write("publish in")?;
            let (entry, delivery) = self.shared.backing.entry(topic, room);
            self.commands.send(Command::Record { entry, partition, key, value }).map(|()| delivery)
        };
        taken.map_err(|mpsc::error::SendError(command)| {
            if let Command::Record { entry, .. } = command {
                self.shared.refuse(&entry, Outcome::NotSent);
            }
            self.over()
        })
    }

    /// Sends many records and waits until all are written; where they went, in their order.
    ///
    /// # Errors
    ///
    /// The first error of any of them, once all have ended; as [`send`](Transaction::send).
    pub async fn send_batch<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        topic: impl AsRef<str>,
        records: &[(Option<K>, V)],
    ) -> Result<Vec<RecordMetadata>> {
        let mut deliveries = Vec::with_capacity(records.len());
        for (key, value) in records {
            let key = key.as_ref().map(K::as_ref);
            deliveries.push(self.hand_over(topic.as_ref(), None, key, value.as_ref()).await?);
        }
        join_all(deliveries).await.into_iter().collect()
    }

    /// Waits until every record that was handed over before is written.
    ///
    /// # Errors
    ///
    /// Why one of them could not be; then the transaction can only be aborted.
    pub async fn flush(&self) -> Result<()> {
        self.shared.table().may_write("flush")?;
        self.ask(|done| Command::Flush { done }).await
    }

    /// Lets offsets of a group count together with the records: the next ones to read, by topic and partition.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for none or one beyond what the protocol can carry, `INVALID_GROUP_ID`; as
    /// [`send`](Transaction::send).
    pub async fn send_offsets<T: AsRef<str>>(&self, group: impl AsRef<str>, offsets: &[(T, u32, u64)]) -> Result<()> {
        self.shared.table().may_write("send offsets in")?;
        let signed = |(topic, partition, offset): &(T, u32, u64)| {
            // One that does not fit is refused as a negative one.
            (topic.as_ref().to_owned(), *partition, i64::try_from(*offset).unwrap_or(-1))
        };
        let (group, offsets) = (group.as_ref().to_owned(), offsets.iter().map(signed).collect());
        self.ask(|done| Command::Offsets { group, offsets, done }).await
    }

    /// Lets a consumer's positions count together with the records, for its group.
    ///
    /// They are those behind the records that it has given, unless the program has stored others. Commit the
    /// transaction before the next poll, and let the consumer commit nothing by itself (`auto_commit_interval`). While
    /// the transaction is open the group may take the partitions away; then it is not committed.
    ///
    /// # Errors
    ///
    /// `NOT_ASSIGNED` if partitions were taken away; as [`send`](Transaction::send), and those of the consumer.
    pub async fn send_consumer_offsets(&self, consumer: &Consumer) -> Result<()> {
        let positions = Positions::of(consumer)?;
        positions.check_assigned()?;
        let offsets = positions.offsets();
        if !offsets.is_empty() {
            self.send_offsets(positions.group(), &offsets).await?;
        }
        self.positions().push(positions);
        Ok(())
    }

    fn positions(&self) -> MutexGuard<'_, Vec<Positions>> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all records are written, and lets them and the offsets count.
    ///
    /// If the answer is lost, it is found out what became of the commit, as far as there is a way. Dropping the future
    /// does not stop the commit.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` once the transaction has ended or is ending; `INVALID_TXN_STATE` if something has failed: it has
    /// been aborted. `INVALID_TXN_ID` and `TRANSACTION_TIMED_OUT` if the broker has dropped it: nothing counts.
    /// `COMMIT_FAILED`, of unknown outcome, if nothing could be found out.
    pub async fn commit(&self) -> Result<()> {
        if let Some(error) = self.positions().iter().find_map(|positions| positions.check_assigned().err()) {
            self.shared.doom(&error);
        }
        let (done, answer) = oneshot::channel();
        {
            let mut table = self.shared.table();
            table.commit()?;
            let _ = self.commands.send(Command::Commit { done });
        }
        self.answer(answer).await?;
        self.positions().iter().for_each(Positions::committed);
        Ok(())
    }

    /// Drops what is not written yet, and lets nothing of the transaction count.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` once the transaction has ended or is ending. `TRANSACTION_TIMED_OUT` if the broker got to know
    /// of the abort too late and shows the records for ever; why it could not be told, in which case it aborts the
    /// transaction by itself after its timeout.
    pub async fn abort(&self) -> Result<()> {
        match self.shared.abort()? {
            Abort::Begin => self.ask(|done| Command::Abort { done }).await,
            Abort::Done => Ok(()),
        }
    }

    async fn ask(&self, command: impl FnOnce(Done) -> Command) -> Result<()> {
        let (done, answer) = oneshot::channel();
        // Where the driver has ended the answer says so.
        let _ = self.commands.send(command(done));
        self.answer(answer).await
    }

    /// The error of a call that the driver is not there for any more.
    fn over(&self) -> Error {
        self.shared.table().may_write("use").err().unwrap_or_else(|| Error::closed("the producer"))
    }

    async fn answer(&self, answer: oneshot::Receiver<Result<()>>) -> Result<()> {
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(self.over()),
        }
    }
}

impl Drop for Transaction {
    /// The driver aborts it.
    fn drop(&mut self) {
        self.shared.alive.store(false, Ordering::Release);
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("identity", &self.shared.identity).finish_non_exhaustive()
    }
}

fn length(key: Option<&[u8]>, value: &[u8]) -> usize {
    key.map_or(0, <[u8]>::len) + value.len()
}

/// Takes a new identity and begins; with the moment at which that was asked for.
async fn begin_once(backing: &Backing, txn_id: &str) -> Result<(Identity, Instant)> {
    let (producer_id, producer_epoch) = backing.call(InitProducerId::of_random_id()).await?;
    let txn = InTransaction { txn_id, producer_id, producer_epoch };
    let timeout: Duration = backing.config().transaction_timeout;
    let begun = Instant::now();
    let identity = Identity { txn_id: txn_id.to_owned(), producer_id, producer_epoch };
    let mut unclaimed = Unclaimed { backing, identity: Some(identity.clone()) };
    let answer = backing.call(BeginTransaction { txn, timeout: Some(timeout) }).await;
    if !answer.as_ref().is_err_and(|error| error.outcome() == Outcome::Unknown) {
        unclaimed.identity = None;
    }
    answer.map(|_| (identity, begun))
}

/// How long a broker may take for a request whose connection was lost.
const QUIET: Duration = Duration::from_millis(200);

/// A transaction that the broker may have begun, and that nobody has: until it times out it would take one of the five
/// places of the broker, so it is aborted.
struct Unclaimed<'a> {
    backing: &'a Backing,
    identity: Option<Identity>,
}

impl Drop for Unclaimed<'_> {
    fn drop(&mut self) {
        let Some(identity) = self.identity.take() else { return };
        let backing = self.backing.clone();
        self.backing.cluster().spawn(async move {
            sleep(QUIET).await;
            let aborted = backing.call(AbortTransaction { txn: identity.txn() }).await;
            tracing::debug!(transaction = %identity.txn_id, ?aborted, "a transaction that nobody has");
        });
    }
}

/// Whether another identity, or waiting, may help.
fn may_begin_again(error: &Error) -> bool {
    // A broker that has restarted may give an identity that somebody else uses.
    let taken = matches!(error.code(), ErrorCode::ConcurrentTransactions | ErrorCode::ProducerFenced);
    taken || error.is_retriable()
}
