//! What a producer is made of: its topics, its senders, and what they share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::accumulator::Accumulator;
use super::batch::Batch;
use super::partition::{Pack, Partition, Pending};
use super::sender::Sender;
use super::sequence::Identity;
use super::service::Service;
use super::stats::Load;
use super::task::{Task, describe, encoded};
use super::topic::Topic;
use super::topics::Topics;
use crate::cluster::{Cluster, Errand};
use crate::compression::{CompressionType, Compressor};
use crate::config::ProducerConfig;
use crate::connection::{Connection, Deadline, ServerAddress};
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::methods::partitions_of_created;
use crate::ops::{CreateTopic, GetMetadata, InitProducerId};
use crate::protocol::{BatchBuffer, Operation};
use crate::transaction::Place;

/// How long it is before an identity is asked for again that was refused for good.
const NO_IDENTITY: Duration = Duration::from_secs(1);

/// How far the end of a producer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Stage {
    Open,
    /// No more records are taken.
    Closing,
    /// Nothing is sent any more.
    Ended,
}

/// Records that are not settled: their topic, their partition if it is known, and how many they are.
pub(super) type Left = (Arc<str>, Option<u32>, Pending);

/// The senders of one destination.
#[derive(Debug, Default)]
struct Group {
    senders: Vec<Arc<Sender>>,
    /// Those that got no connection, and have no partitions until they do.
    folded: Vec<Arc<Sender>>,
    next: usize,
}

/// Everything behind a producer and its topic handles.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: ProducerConfig,
    pub(super) cluster: Arc<Cluster>,
    pub(super) accumulator: Arc<Accumulator>,
    topics: Topics,
    groups: Mutex<HashMap<Option<ServerAddress>, Group>>,
    stage: AtomicU8,
    ended: watch::Sender<bool>,
    looking_for_leaders: AtomicBool,
    /// Whether the last attempt to get an identity has failed.
    no_identity: AtomicBool,
    pub(super) transaction: Place,
    /// The last failure, for the texts of timeouts.
    trouble: Mutex<Option<Error>>,
}

impl Shared {
    pub(super) fn new(config: ProducerConfig, cluster: Arc<Cluster>, accumulator: Accumulator) -> Arc<Self> {
        Arc::new(Shared {
            config,
            cluster,
            accumulator: Arc::new(accumulator),
            topics: Topics::default(),
            groups: Mutex::default(),
            stage: AtomicU8::new(Stage::Open as u8),
            ended: watch::Sender::new(false),
            looking_for_leaders: AtomicBool::new(false),
            no_identity: AtomicBool::new(false),
            transaction: Place::default(),
            trouble: Mutex::default(),
        })
    }

    /// The topic of a name; made at its first use.
    #[inline]
    pub(super) fn topic(&self, name: &str) -> &Arc<Topic> {
        self.topics.get_or_make(name, |name| Topic::new(name, Arc::clone(&self.accumulator)))
    }

    /// The error `CLOSED` once no more records are taken.
    pub(super) fn check_open(&self) -> Result<()> {
        if self.stage.load(Ordering::Relaxed) == Stage::Open as u8 {
            Ok(())
        } else {
            Err(Error::closed("the producer"))
        }
    }

    pub(super) fn advance(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
        if stage == Stage::Ended {
            self.ended.send_replace(true);
        }
    }

    /// Ends when nothing is sent any more.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut ended = self.ended.subscribe();
        async move {
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }

    /// Why nothing is sent any more.
    pub(super) fn end_error(&self) -> Error {
        if *self.ended.borrow() {
            return Error::closed("the producer");
        }
        // From now on nothing would be sent.
        self.advance(Stage::Closing);
        let text = "the runtime that drives the producer has ended: keep it alive as long as its producers";
        Error::ConnectionError(Detail::new(text).with_code(ErrorCode::RuntimeGone).with_outcome(Outcome::NotSent))
    }

    /// The error of a batch whose delivery timeout is over.
    pub(super) fn too_late(&self, batch: &Batch, outcome: Outcome) -> Error {
        let limit = self.config.delivery_timeout;
        let why = self.trouble().as_ref().map_or(String::new(), |error| format!(" (last failure: {error})"));
        let text = format!(
            "{} timed out after {limit:?}{why}: raise delivery.timeout.ms or check the broker",
            describe(batch)
        );
        Error::TimeoutWithMessage(Detail::new(text).with_code(ErrorCode::TimedOut).with_outcome(outcome))
    }

    fn trouble(&self) -> MutexGuard<'_, Option<Error>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_trouble(&self, error: &Error) {
        *self.trouble() = Some(error.clone());
    }

    /// The pause after so many failures in a row.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        self.accumulator.rules.backoff.pause(failures, self.cluster.random())
    }

    /// A batch as it is sent: with its values compressed, where that is configured.
    pub(super) fn compress(&self, buffer: BatchBuffer, topic: &str, compressor: &mut Compressor) -> BatchBuffer {
        match self.config.compression_type {
            CompressionType::None => buffer,
            _ => encoded(buffer, topic, compressor),
        }
    }

    fn groups(&self) -> MutexGuard<'_, HashMap<Option<ServerAddress>, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is to send the batches of a partition: of the leader's senders the next in turn.
    fn sender_for(self: &Arc<Self>, topic: &str, partition: u32) -> Arc<Sender> {
        let destination = self.cluster.leader_of(topic, partition);
        let mut groups = self.groups();
        let group = groups.entry(destination.clone()).or_default();
        group.next += 1;
        let number = group.next;
        if group.senders.len() + group.folded.len() < self.config.connections_per_broker {
            let sender = self.start_sender(destination);
            group.senders.push(Arc::clone(&sender));
            return sender;
        }
        Arc::clone(&group.senders[number % group.senders.len()])
    }

    fn start_sender(self: &Arc<Self>, destination: Option<ServerAddress>) -> Arc<Sender> {
        let service = self.service();
        let sender = Sender::new(destination, &service);
        self.cluster.spawn(Task::new(Arc::clone(self), Arc::clone(&sender), service, self.compressor()).run());
        sender
    }

    /// How fast the broker is, before anything is known of it.
    pub(super) fn service(&self) -> Service {
        Service::new(self.config.request_timeout, self.config.delivery_timeout)
    }

    /// What values are compressed by, as the configuration says.
    pub(super) fn compressor(&self) -> Compressor {
        // The configuration was checked, so this is the compression that this build has.
        Compressor::new(self.config.compression_type)
            .or_else(|_| Compressor::new(CompressionType::None))
            .unwrap_or_else(|_| unreachable!("no compression is always there"))
    }

    /// Gives the partitions of a sender that gets no connection to others that have one; false if there are none.
    pub(super) fn fold(&self, sender: &Arc<Sender>, why: &Error) -> bool {
        let mut groups = self.groups();
        let Some(group) = groups.get_mut(&sender.destination) else { return false };
        let others: Vec<_> = group.senders.iter().filter(|other| !Arc::ptr_eq(other, sender)).cloned().collect();
        if others.is_empty() {
            return false;
        }
        if others.len() < group.senders.len() {
            group.folded.push(Arc::clone(sender));
            group.senders.clone_from(&others);
            tracing::warn!(connections = others.len(), %why, "the producer goes on with fewer connections");
        }
        drop(groups);
        let mine = |partition: &Arc<Partition>| {
            Arc::ptr_eq(&partition.home(), sender) || Arc::ptr_eq(&partition.heading(), sender)
        };
        for (index, partition) in self.partitions().into_iter().filter(mine).enumerate() {
            partition.move_to(&others[index % others.len()]);
        }
        true
    }

    /// Takes a sender back that has got a connection at last, and gives it its share of the partitions.
    pub(super) fn unfold(&self, sender: &Arc<Sender>) {
        let mut groups = self.groups();
        let Some(group) = groups.get_mut(&sender.destination) else { return };
        group.folded.retain(|other| !Arc::ptr_eq(other, sender));
        let mut loads: Vec<_> = group.senders.iter().map(|other| (Arc::clone(other), Vec::new())).collect();
        group.senders.push(Arc::clone(sender));
        tracing::info!(connections = group.senders.len(), "the producer goes on with more connections");
        drop(groups);
        for partition in self.partitions() {
            let heading = partition.heading();
            let load = loads.iter_mut().find(|(other, _)| Arc::ptr_eq(other, &heading));
            load.into_iter().for_each(|(_, partitions)| partitions.push(Arc::clone(&partition)));
        }
        let share = loads.iter().map(|(_, partitions)| partitions.len()).sum::<usize>() / (loads.len() + 1);
        for _ in 0..share {
            let most = loads.iter_mut().max_by_key(|(_, partitions)| partitions.len());
            most.and_then(|(_, partitions)| partitions.pop())
                .into_iter()
                .for_each(|partition| partition.move_to(sender));
        }
    }

    fn partitions(&self) -> Vec<Arc<Partition>> {
        self.topics.iter().flat_map(|topic| topic.partitions().cloned().collect::<Vec<_>>()).collect()
    }

    /// Learns the leaders anew in the background, and moves the partitions to them.
    pub(super) fn look_for_leaders(self: &Arc<Self>) {
        if self.looking_for_leaders.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = Arc::clone(self);
        self.cluster.spawn(async move {
            shared.cluster.learn_leaders().await;
            shared.looking_for_leaders.store(false, Ordering::Release);
            shared.follow_leaders();
        });
    }

    /// Moves every partition to a sender of its leader.
    fn follow_leaders(self: &Arc<Self>) {
        for topic in self.topics.iter() {
            for partition in topic.partitions() {
                let leader = self.cluster.leader_of(topic.name(), partition.index);
                if leader.is_some() && leader != partition.heading().destination {
                    partition.move_to(&self.sender_for(topic.name(), partition.index));
                }
            }
        }
    }

    /// Whether a record that is sent again is written once all the same.
    pub(super) fn is_idempotent(&self) -> bool {
        self.accumulator.idempotent
            && !self.no_identity.load(Ordering::Acquire)
            && self.topics.iter().all(|topic| topic.partitions().all(|partition| partition.is_idempotent()))
    }

    /// Gets the partition an identity in the background, the topic's if that is newer than the given one.
    ///
    /// It is asked of the server that is to write the records, as others know nothing of it.
    pub(super) fn identify(self: &Arc<Self>, partition: &Arc<Partition>, newer_than: u64, link: Connection) {
        let (shared, partition) = (Arc::clone(self), Arc::clone(partition));
        self.cluster.spawn(async move {
            let topic = Arc::clone(&partition.topic);
            let got = async {
                let _turn = topic.asking.lock().await;
                match topic.identity(link.address()) {
                    Some(present) if present.serial > newer_than => Ok(present),
                    _ => {
                        let identity = shared.new_identity(&topic.name, &link).await?;
                        Ok(topic.grant(link.address(), identity))
                    }
                }
            };
            let got = tokio::select! {
                got = got => got,
                () = shared.ended() => Err(NO_IDENTITY),
            };
            partition.adopt_identity(got, |count| shared.pause(count));
        });
    }

    /// A new identity.
    ///
    /// # Errors
    ///
    /// How long it should be before one is asked for again. Where none can be had, what waits for it has been given up.
    async fn new_identity(&self, topic: &str, link: &Connection) -> Result<Identity, Duration> {
        let mut failures = 0;
        loop {
            let error = match self.ask_identity(link).await {
                Ok((id, epoch)) => {
                    self.no_identity.store(false, Ordering::Release);
                    return Ok(Identity { id, epoch });
                }
                Err(error) => error,
            };
            self.no_identity.store(true, Ordering::Release);
            self.note_trouble(&error);
            failures += 1;
            tracing::debug!(%topic, %error, "no producer identity");
            if !error.is_retriable() {
                self.purge_topic(self.topic(topic), &error);
                return Err(NO_IDENTITY);
            }
            let pause = error.retry_after().unwrap_or_else(|| self.pause(failures));
            if !link.is_open() {
                return Err(pause);
            }
            sleep(pause).await;
        }
    }

    async fn ask_identity(&self, link: &Connection) -> Result<(u64, u16)> {
        let frame = InitProducerId::of_random_id().encode()?;
        let deadline = Deadline::after(self.config.request_timeout);
        link.call(&frame, InitProducerId::decode, deadline).await
    }

    /// Finds out the number of partitions of a topic in the background, unless somebody does.
    pub(super) fn find_out(self: &Arc<Self>, topic: &Arc<Topic>) {
        if topic.begin_asking() {
            let asking = Asking { shared: Arc::clone(self), topic: Arc::clone(topic), is_over: false };
            let ended = self.ended();
            self.cluster.spawn(async move {
                let mut asking = asking;
                tokio::select! {
                    () = asking.shared.ask_until_known(&asking.topic) => asking.is_over = true,
                    () = ended => {}
                }
            });
        }
    }

    async fn ask_until_known(self: &Arc<Self>, topic: &Arc<Topic>) {
        let mut failures = 0;
        loop {
            let Err(error) = self.refresh(topic).await else { return };
            if !error.is_retriable() {
                self.fail_early(topic, &error);
                return;
            }
            self.note_trouble(&error);
            failures += 1;
            if let Some(before) = Instant::now().checked_sub(self.config.delivery_timeout) {
                for pack in topic.take_early(Some(before)) {
                    let late = self.too_late(&pack.batch, Outcome::NotSent);
                    self.accumulator.fail(pack, late);
                }
            }
            if topic.early_records() == 0 {
                return;
            }
            sleep(self.pause(failures)).await;
        }
    }

    fn learn(self: &Arc<Self>, topic: &Arc<Topic>, count: u32) {
        let refused = topic.learn(count, &self.config.partitioner, |index| {
            let sender = self.sender_for(topic.name(), index);
            let partition = Partition::new(Arc::clone(&topic.spread), index, Arc::clone(&sender));
            sender.look_after(&partition);
            partition
        });
        refused.into_iter().for_each(|(pack, error)| self.accumulator.fail(pack, error));
    }

    /// The number of partitions, of a topic that is created if it does not exist and that is allowed.
    async fn partition_count(self: &Arc<Self>, topic: &str) -> Result<u32> {
        let metadata = || self.call(GetMetadata { topic });
        if !self.config.allow_auto_create_topics {
            return metadata().await.map(|(_, count)| count);
        }
        partitions_of_created(metadata, || self.call(CreateTopic { name: topic, partitions: None })).await
    }

    pub(super) async fn call<O: Operation>(self: &Arc<Self>, operation: O) -> Result<O::Output> {
        let errand = Errand::of(&operation)?;
        self.cluster.enter()?.call(errand).await
    }

    /// Asks for the number of partitions of a topic now; one that does not exist is created if that is allowed.
    pub(super) async fn refresh(self: &Arc<Self>, topic: &Arc<Topic>) -> Result<u32> {
        self.learn_by(topic, self.partition_count(topic.name())).await
    }

    /// Learns the number of partitions by asking, while nobody else asks.
    async fn learn_by(self: &Arc<Self>, topic: &Arc<Topic>, asking: impl Future<Output = Result<u32>>) -> Result<u32> {
        let _turn = topic.refreshing.lock().await;
        let count = asking.await?;
        self.learn(topic, count);
        Ok(count)
    }

    /// Asks for everything that may have changed, again and again while the producer lives.
    pub(super) async fn keep_current(shared: Weak<Self>, ended: impl Future<Output = ()>, every: Duration) {
        let refresh = async {
            loop {
                sleep(every).await;
                let Some(shared) = shared.upgrade() else { return };
                shared.refresh_all().await;
            }
        };
        tokio::select! {
            () = refresh => {}
            () = ended => {}
        }
    }

    async fn refresh_all(self: &Arc<Self>) {
        self.cluster.learn_leaders().await;
        self.follow_leaders();
        for topic in self.topics.iter().filter(|topic| topic.count().is_some()) {
            // Where it was deleted it is not created again.
            let asking = async { Ok(self.call(GetMetadata { topic: topic.name() }).await?.1) };
            if let Err(error) = self.learn_by(topic, asking).await {
                tracing::debug!(topic = %topic.name(), %error, "metadata not refreshed");
            }
        }
    }

    /// Every batch that is not settled; those that are being filled are sent at once.
    pub(super) fn flush(&self) -> Vec<Arc<Batch>> {
        let mut batches = Vec::new();
        for topic in self.topics.iter() {
            batches.extend(topic.early_batches());
            topic.partitions().for_each(|partition| batches.extend(partition.flush()));
        }
        batches
    }

    /// How many records wait and how many are under way, in all.
    pub(super) fn total_pending(&self) -> Pending {
        let add = |sum: Pending, (_, _, one): Left| Pending {
            waiting: sum.waiting + one.waiting,
            under_way: sum.under_way + one.under_way,
        };
        self.pending().into_iter().fold(self.accumulator.counters.pending(), add)
    }

    /// The same, with the servers that are to have what waits.
    pub(super) fn load(&self) -> Load {
        let Pending { waiting, under_way } = self.total_pending();
        let mut queued_for = HashMap::new();
        for topic in self.topics.iter() {
            for partition in topic.partitions() {
                if let Some(address) = partition.home().address() {
                    *queued_for.entry(address).or_default() += partition.pending().waiting;
                }
            }
        }
        Load {
            pending: waiting + under_way,
            queued: waiting,
            queued_for,
            buffered_bytes: self.accumulator.memory.used(),
        }
    }

    /// The same by topic and partition.
    pub(super) fn pending(&self) -> Vec<Left> {
        let mut all = Vec::new();
        for topic in self.topics.iter() {
            let early = Pending { waiting: topic.early_records(), under_way: 0 };
            all.push((Arc::clone(topic.name()), None, early));
            for partition in topic.partitions() {
                all.push((Arc::clone(topic.name()), Some(partition.index), partition.pending()));
            }
        }
        all.retain(|(_, _, pending)| pending.waiting + pending.under_way > 0);
        all
    }

    /// Gives up all records that wait; the number of them. Those under way go on.
    pub(super) fn purge(&self, error: &Error) -> u64 {
        self.topics.iter().map(|topic| self.purge_topic(topic, error)).sum()
    }

    fn purge_topic(&self, topic: &Topic, error: &Error) -> u64 {
        let waiting = |partition: &Arc<Partition>| self.give_up(partition, partition.take_waiting(), error);
        self.fail_early(topic, error) + topic.partitions().map(waiting).sum::<u64>()
    }

    /// Gives up batches that a partition has let go; the number of records.
    pub(super) fn give_up(&self, partition: &Partition, packs: Vec<Pack>, error: &Error) -> u64 {
        let batches: Vec<_> = packs.iter().map(|pack| Arc::clone(&pack.batch)).collect();
        let records = self.fail_all(packs, error);
        batches.iter().for_each(|batch| partition.settled(batch));
        records
    }

    /// Gives up what waits for the number of partitions; the number of records.
    fn fail_early(&self, topic: &Topic, error: &Error) -> u64 {
        self.fail_all(topic.take_early(None), error)
    }

    /// Gives up batches that nobody looks for any more; the number of records.
    pub(super) fn fail_all(&self, packs: Vec<Pack>, error: &Error) -> u64 {
        let records = packs.iter().map(|pack| u64::from(pack.records)).sum();
        packs.into_iter().for_each(|pack| self.accumulator.fail(pack, error.clone()));
        records
    }
}

/// Somebody who finds out about a topic; whoever comes after it ended begins anew.
struct Asking {
    shared: Arc<Shared>,
    topic: Arc<Topic>,
    /// Whether it has come to an answer.
    is_over: bool,
}

impl Drop for Asking {
    /// Records that came after the answer, and found somebody asking, need another one. Without an answer it went with
    /// its runtime, or the producer has ended.
    fn drop(&mut self) {
        self.topic.end_asking();
        if self.topic.count().is_some() || self.topic.early_records() == 0 {
            return;
        }
        if self.is_over {
            return self.shared.find_out(&self.topic);
        }
        let error = self.shared.end_error();
        self.shared.fail_early(&self.topic, &error);
    }
}
