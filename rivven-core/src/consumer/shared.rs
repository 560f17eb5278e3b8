//! What a consumer is made of, and what its tasks share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::departures::Departures;
use super::events::{Announcer, ConsumerEvent, ConsumerEvents};
use super::fetcher::{Slot, Task};
use super::group::Validity;
use super::listener::{Key, RebalanceListener, TopicPartition};
use super::memory::Memory;
use super::position::Notice;
use super::process::Lanes;
use super::state::State;
use super::stats::Counters;
use super::stream::Awaiting;
use crate::cluster::{Cluster, Errand};
use crate::config::ConsumerConfig;
use crate::connection::ServerAddress;
use crate::error::{Error, ErrorCode, Result};
use crate::ops::GetMetadata;
use crate::protocol::Operation;
use crate::resilience::Backoff;

/// How far the end of a consumer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Open,
    /// No more records are given.
    Closing,
    /// Nothing is read any more.
    Ended,
}

/// When the program polled last.
enum LastPoll {
    Never,
    /// It does now, perhaps by a stream.
    Now(Option<Arc<Awaiting>>),
    At(Instant),
}

/// Everything behind a consumer.
pub(super) struct Shared {
    pub(super) config: ConsumerConfig,
    pub(super) cluster: Arc<Cluster>,
    pub(super) memory: Arc<Memory>,
    pub(super) counters: Counters,
    state: Mutex<State>,
    pub(super) departures: Arc<Departures>,
    /// Told when there may be something for a poll that waits.
    news: Notify,
    woken: AtomicBool,
    stage: watch::Sender<Stage>,
    /// How often slots that have given up were told to try again.
    revivals: watch::Sender<u64>,
    looking_for_leaders: AtomicBool,
    /// How many connections a server takes, where it refused more.
    slot_limits: Mutex<HashMap<Option<ServerAddress>, usize>>,
    events: Mutex<Option<Announcer>>,
    last_error: Mutex<Option<Error>>,
    listener: Mutex<Option<Arc<dyn RebalanceListener>>>,
    /// Whether offsets could not be committed in the background since no server was reached.
    pub(super) commit_again: AtomicBool,
    /// Held while offsets are committed: the later commit is to be the last.
    pub(super) committing: Arc<tokio::sync::Mutex<()>>,
    /// Held while handlers work on records.
    pub(super) processing: tokio::sync::Mutex<()>,
    pub(super) lanes: Lanes,
    last_poll: Mutex<LastPoll>,
    polls_begun: watch::Sender<u64>,
    /// Until when what the group gave may be used.
    validity: Mutex<Option<Arc<Validity>>>,
}

impl LastPoll {
    fn ago(&self) -> Option<Duration> {
        match self {
            LastPoll::Never => None,
            LastPoll::Now(stream) => stream.as_ref()?.called_for(),
            LastPoll::At(moment) => Some(moment.elapsed()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(config: ConsumerConfig) -> Arc<Self> {
        let config = within_clocks(config);
        let state = State::default();
        Arc::new(Shared {
            cluster: Cluster::new(config.client_config()),
            memory: Memory::new(config.fetch_buffer_memory),
            config,
            counters: Counters::default(),
            departures: Arc::clone(&state.departures),
            state: Mutex::new(state),
            news: Notify::new(),
            woken: AtomicBool::new(false),
            stage: watch::Sender::new(Stage::Open),
            revivals: watch::Sender::new(0),
            looking_for_leaders: AtomicBool::new(false),
            slot_limits: Mutex::default(),
            events: Mutex::new(Some(Announcer::new())),
            last_error: Mutex::default(),
            listener: Mutex::default(),
            commit_again: AtomicBool::new(false),
            committing: Arc::default(),
            processing: tokio::sync::Mutex::new(()),
            lanes: Lanes::default(),
            last_poll: Mutex::new(LastPoll::Never),
            polls_begun: watch::Sender::new(0),
            validity: Mutex::new(None),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The error `CLOSED` once no more records are given.
    pub(super) fn check_open(&self) -> Result<()> {
        if *self.stage.borrow() == Stage::Open { Ok(()) } else { Err(Error::closed("the consumer")) }
    }

    /// The error `CLOSED` once nothing can be committed any more: a listener may commit while the consumer closes.
    pub(super) fn check_commits(&self) -> Result<()> {
        if *self.stage.borrow() < Stage::Ended { Ok(()) } else { Err(Error::closed("the consumer")) }
    }

    pub(super) fn advance(&self, stage: Stage) {
        self.stage.send_if_modified(|current| {
            let later = *current < stage;
            *current = (*current).max(stage);
            later
        });
        if stage == Stage::Ended {
            lock(&self.events).take();
        }
        self.departures.note();
        self.arrived();
    }

    /// Ends when nothing is read any more.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stage = self.stage.subscribe();
        async move {
            let _ = stage.wait_for(|stage| *stage == Stage::Ended).await;
        }
    }

    /// Lets the poll that waits look again.
    pub(super) fn arrived(&self) {
        self.news.notify_one();
    }

    /// Ends when there may be something for a poll.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Ends the poll that waits, or the next one that would.
    pub(super) fn wake_up(&self) {
        self.woken.store(true, Ordering::Release);
        self.arrived();
    }

    /// Whether the next poll is to end.
    pub(super) fn is_to_wake(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    /// Whether the poll is to end; once for each time.
    pub(super) fn take_wakeup(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }

    /// Makes a call of any server, or of the leader where it concerns one partition.
    pub(super) async fn call<O: Operation>(&self, operation: &O) -> Result<O::Output> {
        let errand = Errand::of(operation)?;
        self.cluster.enter()?.call(errand).await
    }

    /// How many partitions each topic has; all are asked about together.
    pub(super) async fn partition_counts(&self, topics: &[String]) -> Vec<Result<u32>> {
        let count = |topic| async move { self.call(&GetMetadata { topic }).await.map(|(_, partitions)| partitions) };
        join_all(topics.iter().map(|topic| count(topic))).await
    }

    /// The pause after so many failures in a row.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let backoff = Backoff {
            initial: Duration::from_millis(self.config.reconnect_backoff_ms),
            max: Duration::from_millis(self.config.reconnect_backoff_max_ms),
            multiplier: 2.0,
        };
        backoff.pause(failures, self.cluster.random())
    }

    /// Lets every partition be read by a connection to its leader.
    pub(super) fn place(self: &Arc<Self>) {
        let leader_of = |key: &Key| self.cluster.leader_of(&key.topic, key.partition);
        let limits = lock(&self.slot_limits).clone();
        let most = self.config.connections_per_broker;
        let max_slots = |destination: &Option<ServerAddress>| limits.get(destination).copied().unwrap_or(most);
        let started = self.state().place(leader_of, max_slots);
        for slot in started {
            self.cluster.spawn(Task::new(Arc::clone(self), slot).run());
        }
    }

    /// Gives the partitions of a slot that gets no connection to others; false if there are none.
    pub(super) fn fold(&self, slot: &Slot, why: &Error) -> bool {
        let Some(connections) = self.state().fold(slot) else { return false };
        lock(&self.slot_limits).insert(slot.destination.clone(), connections);
        tracing::warn!(connections, %why, "the consumer goes on with fewer connections");
        self.announce(ConsumerEvent::FewerConnections { connections, reason: why.clone() });
        true
    }

    /// Learns the leaders anew in the background, and reads from them.
    pub(super) fn look_for_leaders(self: &Arc<Self>) {
        if self.looking_for_leaders.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = Arc::clone(self);
        self.cluster.spawn(async move {
            shared.cluster.learn_leaders().await;
            shared.looking_for_leaders.store(false, Ordering::Release);
            shared.place();
        });
    }

    /// Says by the next poll why no connection can be made, and waits until the one after it.
    pub(super) async fn give_up(&self, error: Error) {
        let mut revivals = self.revivals.subscribe();
        self.fail_next_poll(error);
        let _ = revivals.changed().await;
    }

    /// Says by the next poll why nothing can be read; whoever says so goes on trying.
    pub(super) fn fail_next_poll(&self, error: Error) {
        self.state().failure = Some(error);
        self.arrived();
    }

    /// Lets those try again that have given up.
    pub(super) fn revive(&self) {
        self.revivals.send_modify(|revivals| *revivals += 1);
    }

    /// The broker refused to give records of a partition.
    pub(super) fn refused(self: &Arc<Self>, key: &Key, error: &Error) {
        match error.code() {
            ErrorCode::Throttled => {
                let pause = error.retry_after().unwrap_or_default();
                self.counters.throttled();
                self.announce(ConsumerEvent::Throttled { partition: key.into(), pause });
            }
            ErrorCode::NotLeaderForPartition | ErrorCode::UnknownTopicOrPartition | ErrorCode::InvalidPartition => {
                self.note_error(error);
                self.look_for_leaders();
            }
            _ => self.note_error(error),
        }
    }

    /// Notes a failure, unless it is that of a request that the program's own close has ended.
    pub(super) fn note_error(&self, error: &Error) {
        if error.code() == ErrorCode::Closed {
            return;
        }
        self.counters.failed();
        *lock(&self.last_error) = Some(error.clone());
    }

    pub(super) fn last_error(&self) -> Option<Error> {
        lock(&self.last_error).clone()
    }

    pub(super) fn announce(&self, event: ConsumerEvent) {
        if let Some(announcer) = &*lock(&self.events) {
            announcer.announce(event);
        }
    }

    /// The events from now on; none once the consumer is closed.
    pub(super) fn events(&self) -> ConsumerEvents {
        lock(&self.events).as_ref().map_or_else(|| Announcer::new().subscribe(), Announcer::subscribe)
    }

    /// Announces what was noticed about a partition.
    pub(super) fn tell(&self, key: &Key, notice: Option<Notice>) {
        let partition = TopicPartition::from(key);
        match notice {
            Some(Notice::Gap { from, to }) => self.announce(ConsumerEvent::Gap { partition, from, to }),
            Some(Notice::Damaged { from, to }) => self.announce(ConsumerEvent::DamagedRange { partition, from, to }),
            Some(Notice::PastEnd { position, latest }) => {
                self.announce(ConsumerEvent::LogTruncated { partition, position, latest });
            }
            None => {}
        }
    }

    pub(super) fn set_listener(&self, listener: Arc<dyn RebalanceListener>) {
        *lock(&self.listener) = Some(listener);
    }

    pub(super) fn listener(&self) -> Option<Arc<dyn RebalanceListener>> {
        lock(&self.listener).clone()
    }

    /// Notes that the program polls now, perhaps by a stream.
    pub(super) fn poll_begins(&self, stream: Option<Arc<Awaiting>>) {
        *lock(&self.last_poll) = LastPoll::Now(stream);
        self.polls_begun.send_modify(|polls| *polls += 1);
    }

    /// Notes that the program polls no more, since it came back for it the last time.
    pub(super) fn poll_ends(&self) {
        let mut last_poll = lock(&self.last_poll);
        *last_poll = LastPoll::At(Instant::now() - last_poll.ago().unwrap_or_default());
    }

    /// How many polls there were, and when there is another one.
    pub(super) fn polls_begun(&self) -> watch::Receiver<u64> {
        self.polls_begun.subscribe()
    }

    /// The consumer's partitions are its own for so long; `None` if no group decides.
    pub(super) fn set_validity(&self, validity: Option<Arc<Validity>>) {
        *lock(&self.validity) = validity;
    }

    /// Whether records may be handed out, and offsets committed.
    pub(super) fn owns_partitions(&self) -> bool {
        lock(&self.validity).as_ref().is_none_or(|validity| validity.lasts())
    }

    /// Until when that is so, unless it goes on; `None` where it does not end.
    pub(super) fn owned_until(&self) -> Option<Instant> {
        lock(&self.validity).as_ref().map(|validity| validity.until())
    }

    /// A name that nobody else has.
    pub(super) fn unique_name(&self) -> String {
        (0..4).map(|_| format!("{:08x}", (self.cluster.random() * 4_294_967_296.0) as u32)).collect()
    }

    /// For how long the program has not polled, or not come back for the poll of a stream; `None` before its first poll
    /// and during each.
    pub(super) fn since_last_poll(&self) -> Option<Duration> {
        lock(&self.last_poll).ago()
    }
}
/// The longest time that clocks are sure to have.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The configuration with times that can be added to any moment.
fn within_clocks(config: ConsumerConfig) -> ConsumerConfig {
    let mut process = config.process;
    process.retry_backoff = process.retry_backoff.min(LONGEST);
    process.retry_backoff_max = process.retry_backoff_max.min(LONGEST);
    ConsumerConfig {
        max_processing_interval: config.max_processing_interval.min(LONGEST),
        auto_commit_interval: config.auto_commit_interval.map(|interval| interval.min(LONGEST)),
        metadata_refresh_interval: config.metadata_refresh_interval.min(LONGEST),
        request_timeout: config.request_timeout.min(LONGEST),
        connection_timeout: config.connection_timeout.min(LONGEST),
        close_timeout: config.close_timeout.min(LONGEST),
        process,
        ..config
    }
}
