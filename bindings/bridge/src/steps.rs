//! The single steps of idempotent and transactional publishing.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use rivven_client::{Answering, Detail, Error, ErrorCode, ResilientClient, Result};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::ask::{Ask, owning};
use crate::fork::ForkMark;

/// What errors call a producer's state.
const WHAT: &str = "the producer's state";

/// The identity of a producer with its counters; clones share them.
///
/// Calls that use it follow one another, in the order in which they were made. In a forked child each of them fails
/// with `FORKED`: parent and child would give the same numbers to different records. There it can only be read, and
/// dropped, since a call of the parent that was under way holds references of its own.
#[derive(Debug, Clone)]
pub struct ProducerState {
    core: Arc<Mutex<rivven_client::ProducerState>>,
    seen: Arc<Seen>,
    mark: ForkMark,
}

/// What can be read of it while a record is being published.
#[derive(Debug, Default)]
struct Seen {
    producer_id: AtomicU64,
    producer_epoch: AtomicU32,
    next_sequence: AtomicI32,
}

impl Seen {
    fn update(&self, state: &rivven_client::ProducerState) {
        self.producer_id.store(state.producer_id, Ordering::Release);
        self.producer_epoch.store(state.producer_epoch.into(), Ordering::Release);
        self.next_sequence.store(state.next_sequence, Ordering::Release);
    }
}

impl ProducerState {
    fn new(core: rivven_client::ProducerState) -> Self {
        let seen = Seen::default();
        seen.update(&core);
        ProducerState { core: Arc::new(Mutex::new(core)), seen: Arc::new(seen), mark: ForkMark::here() }
    }

    /// The identity.
    pub fn producer_id(&self) -> u64 {
        self.seen.producer_id.load(Ordering::Acquire)
    }

    /// Its epoch.
    pub fn producer_epoch(&self) -> u16 {
        u16::try_from(self.seen.producer_epoch.load(Ordering::Acquire)).unwrap_or(u16::MAX)
    }

    /// The number of the next record for the partition number that was used last.
    pub fn next_sequence(&self) -> i32 {
        self.seen.next_sequence.load(Ordering::Acquire)
    }

    /// Gives up a record of unknown outcome together with the identity.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` while a call with it is under way; `FORKED`.
    pub fn abandon(&self) -> Result<()> {
        self.mark.check(WHAT)?;
        let Ok(mut core) = self.core.try_lock() else {
            let text = "abandon the producer's identity: a call with it is under way: wait for it first";
            return Err(Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState)));
        };
        core.abandon();
        Ok(())
    }

    /// Lets a call use the state once those before it have ended.
    ///
    /// # Errors
    ///
    /// `FORKED`: what is locked by a call of the parent would stay so for ever.
    fn turn(&self) -> impl Future<Output = Result<Turn>> + Send + 'static {
        let place = self.mark.check(WHAT).map(|()| {
            let mut lock = Box::pin(Arc::clone(&self.core).lock_owned());
            // Asked once, it has its place in the line.
            let at_once = (&mut lock).now_or_never();
            (lock, at_once)
        });
        let seen = Arc::clone(&self.seen);
        async move {
            let core = match place? {
                (_, Some(core)) => core,
                (lock, None) => lock.await,
            };
            Ok(Turn { core, seen })
        }
    }
}

/// The state in the hands of one call; what others see of it is brought up to date at the end.
struct Turn {
    core: OwnedMutexGuard<rivven_client::ProducerState>,
    seen: Arc<Seen>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.seen.update(&self.core);
    }
}

/// Gives a producer an identity.
#[derive(Debug)]
pub struct InitProducerId {
    /// An identity to take over, whose epoch rises; `None` for a new one.
    pub previous: Option<u64>,
}

impl Ask for InitProducerId {
    type Output = ProducerState;

    fn ask(&self, client: &ResilientClient) -> Answering<ProducerState> {
        let previous = self.previous;
        owning(client, async move |client| client.init_producer_id(previous).await.map(ProducerState::new))
    }
}

/// A record for one of the steps below, as it was given.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The partition; `None` to have it chosen.
    pub partition: Option<u32>,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: &'a [u8],
}

/// A record that a call keeps.
struct Kept {
    topic: String,
    partition: Option<u32>,
    key: Option<Vec<u8>>,
    value: Vec<u8>,
}

impl Given<'_> {
    fn keep(&self) -> Kept {
        let Given { topic, partition, key, value } = *self;
        Kept { topic: topic.to_owned(), partition, key: key.map(<[u8]>::to_vec), value: value.to_vec() }
    }
}

/// Publishes a record once; gives offset, partition, and whether the broker had it already.
#[derive(Debug)]
pub struct PublishIdempotent<'a> {
    /// The record.
    pub record: Given<'a>,
    /// The producer.
    pub producer: &'a ProducerState,
}

impl Ask for PublishIdempotent<'_> {
    type Output = (u64, u32, bool);

    fn ask(&self, client: &ResilientClient) -> Answering<Self::Output> {
        let (record, turn) = (self.record.keep(), self.producer.turn());
        owning(client, async move |client| {
            let mut turn = turn.await?;
            let Kept { topic, partition, key, value } = record;
            match partition {
                Some(partition) => {
                    client.publish_idempotent_to_partition(topic, partition, key, value, &mut turn.core).await
                }
                None => client.publish_idempotent(topic, key, value, &mut turn.core).await,
            }
        })
    }
}

/// Begins a transaction.
#[derive(Debug)]
pub struct BeginTransaction<'a> {
    /// The name of the transaction.
    pub txn_id: &'a str,
    /// The producer.
    pub producer: &'a ProducerState,
    /// How long it may be idle; by default one minute.
    pub timeout: Option<Duration>,
}

impl Ask for BeginTransaction<'_> {
    type Output = ();

    fn ask(&self, client: &ResilientClient) -> Answering<()> {
        let (txn_id, turn, timeout) = (self.txn_id.to_owned(), self.producer.turn(), self.timeout);
        owning(client, async move |client| client.begin_transaction(txn_id, &turn.await?.core, timeout).await)
    }
}

/// Adds partitions to a transaction; gives how many were named.
#[derive(Debug)]
pub struct AddPartitionsToTxn<'a> {
    /// The name of the transaction.
    pub txn_id: &'a str,
    /// The producer.
    pub producer: &'a ProducerState,
    /// Topics and partitions.
    pub partitions: &'a [(&'a str, u32)],
}

impl Ask for AddPartitionsToTxn<'_> {
    type Output = usize;

    fn ask(&self, client: &ResilientClient) -> Answering<usize> {
        let (txn_id, turn) = (self.txn_id.to_owned(), self.producer.turn());
        let partitions: Vec<_> = self.partitions.iter().map(|(topic, number)| ((*topic).to_owned(), *number)).collect();
        owning(client, async move |client| client.add_partitions_to_txn(txn_id, &turn.await?.core, &partitions).await)
    }
}

/// Publishes a record within a transaction; gives offset, partition and number.
#[derive(Debug)]
pub struct PublishTransactional<'a> {
    /// The name of the transaction.
    pub txn_id: &'a str,
    /// The record.
    pub record: Given<'a>,
    /// The producer.
    pub producer: &'a ProducerState,
}

impl Ask for PublishTransactional<'_> {
    type Output = (u64, u32, i32);

    fn ask(&self, client: &ResilientClient) -> Answering<Self::Output> {
        let (txn_id, record, turn) = (self.txn_id.to_owned(), self.record.keep(), self.producer.turn());
        owning(client, async move |client| {
            let mut turn = turn.await?;
            let (Kept { topic, partition, key, value }, state) = (record, &mut turn.core);
            match partition {
                Some(partition) => {
                    client.publish_transactional_to_partition(txn_id, topic, partition, key, value, state).await
                }
                None => client.publish_transactional(txn_id, topic, key, value, state).await,
            }
        })
    }
}

/// Stores offsets of a group together with a transaction.
#[derive(Debug)]
pub struct AddOffsetsToTxn<'a> {
    /// The name of the transaction.
    pub txn_id: &'a str,
    /// The producer.
    pub producer: &'a ProducerState,
    /// The group.
    pub group: &'a str,
    /// Topic, partition and the next offset to read.
    pub offsets: &'a [(&'a str, u32, i64)],
}

impl Ask for AddOffsetsToTxn<'_> {
    type Output = ();

    fn ask(&self, client: &ResilientClient) -> Answering<()> {
        let (txn_id, group, turn) = (self.txn_id.to_owned(), self.group.to_owned(), self.producer.turn());
        let keep = |(topic, partition, offset): &(&str, u32, i64)| ((*topic).to_owned(), *partition, *offset);
        let offsets: Vec<_> = self.offsets.iter().map(keep).collect();
        owning(client, async move |client| client.add_offsets_to_txn(txn_id, &turn.await?.core, group, &offsets).await)
    }
}

/// Commits a transaction.
#[derive(Debug)]
pub struct CommitTransaction<'a> {
    /// The name of the transaction.
    pub txn_id: &'a str,
    /// The producer.
    pub producer: &'a ProducerState,
}

impl Ask for CommitTransaction<'_> {
    type Output = ();

    fn ask(&self, client: &ResilientClient) -> Answering<()> {
        let (txn_id, turn) = (self.txn_id.to_owned(), self.producer.turn());
        owning(client, async move |client| client.commit_transaction(txn_id, &turn.await?.core).await)
    }
}

/// Aborts a transaction.
#[derive(Debug)]
pub struct AbortTransaction<'a> {
    /// The name of the transaction.
    pub txn_id: &'a str,
    /// The producer.
    pub producer: &'a ProducerState,
}

impl Ask for AbortTransaction<'_> {
    type Output = ();

    fn ask(&self, client: &ResilientClient) -> Answering<()> {
        let (txn_id, turn) = (self.txn_id.to_owned(), self.producer.turn());
        owning(client, async move |client| client.abort_transaction(txn_id, &turn.await?.core).await)
    }
}
