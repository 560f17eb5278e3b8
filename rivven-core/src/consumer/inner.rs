//! The consumer itself: its polls, its end, and what the program asks of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch as channel};
use tokio::time::{Instant, sleep, sleep_until};

use super::group::{Membership, Validity};
use super::listener::Key;
use super::offsets::Offsets;
use super::rebalance;
use super::records::ConsumerRecords;
use super::shared::{Shared, Stage};
use super::source::{Announced, Change, Changes, Source};
use super::stream::{Awaiting, Parked};
use super::topics;
use super::watch;
use crate::compression::Decoder;
use crate::config::ConsumerConfig;
use crate::connection::Deadline;
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};

/// How long connections may take to end once everything is committed.
const FAREWELL: Duration = Duration::from_millis(500);

/// How long whoever needs the turn leaves it to a stream that waits, or that nobody comes back for.
const PATIENCE: Duration = Duration::from_millis(50);

/// The pause before offsets are committed again for which no server was reached: less than that of a member that cannot
/// reach its group.
const COMMIT_AGAIN: Duration = Duration::from_millis(500);

/// How many bytes are decompressed at most where nobody may wait.
const AT_ONCE: usize = 64 * 1024;

/// What belongs to the poll whose turn it is.
struct Turn {
    changes: mpsc::UnboundedReceiver<Announced>,
    /// A change that is being applied.
    current: Option<Announced>,
    next_commit: Option<Instant>,
    /// Whether the last poll said that no connection can be made.
    failure_told: bool,
}

/// A consumer without the handle that ends it.
pub(super) struct Inner {
    pub(super) shared: Arc<Shared>,
    turn: tokio::sync::Mutex<Turn>,
    changes: Changes,
    /// Locked before the state where both are.
    source: Mutex<Source>,
    /// The polls of streams.
    parked: Mutex<Vec<Weak<Parked>>>,
    /// Whether the poll whose turn it is waits.
    waits: AtomicBool,
}

impl Inner {
    pub(super) fn new(config: ConsumerConfig) -> Result<Arc<Self>> {
        config.checked_servers()?;
        if tokio::runtime::Handle::try_current().is_err() {
            let text = "a consumer runs on the tokio runtime that it is made on: make it inside of one";
            return Err(Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState)));
        }
        let (topics, assignments) = (config.topics.clone(), config.assignments.clone());
        let shared = Shared::new(config);
        shared.cluster.spawn(watch::watch(Arc::downgrade(&shared), shared.ended()));
        let (changes, receiver) = Changes::channel();
        let next_commit = shared.config.auto_commit_interval.map(|interval| Instant::now() + interval);
        let turn = Turn { changes: receiver, current: None, next_commit, failure_told: false };
        let (source, parked, waits) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        let inner = Arc::new(Inner { shared, turn: turn.into(), changes, source, parked, waits });
        if !assignments.is_empty() {
            let numbers = |(topic, partitions): &(String, Vec<u32>)| {
                partitions.iter().map(|partition| Key::new(topic, *partition)).collect::<Vec<_>>()
            };
            inner.assign(&assignments.iter().flat_map(numbers).collect::<Vec<_>>())?;
        } else if !topics.is_empty() {
            inner.subscribe(topics)?;
        }
        Ok(inner)
    }

    fn source(&self) -> std::sync::MutexGuard<'_, Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads these partitions instead of those that the program chose before.
    pub(super) fn assign(&self, keys: &[Key]) -> Result<()> {
        self.shared.check_open()?;
        let mut source = self.source();
        if source.is_subscribed() {
            return Err(in_the_way("assign partitions", "it is subscribed to topics"));
        }
        if keys.is_empty() {
            drop(source);
            return self.unsubscribe();
        }
        self.shared.commit_last(|key| !keys.contains(key));
        self.shared.set_validity(None);
        *source = Source::Program;
        let mut state = self.shared.state();
        let gone: Vec<Key> = state.partitions.keys().filter(|key| !keys.contains(key)).cloned().collect();
        state.remove(&gone);
        state.assign(keys);
        drop(state);
        rebalance::read(&self.shared, keys);
        self.shared.arrived();
        Ok(())
    }

    /// Reads these topics instead of those before.
    pub(super) fn subscribe(&self, topics: Vec<String>) -> Result<()> {
        self.shared.check_open()?;
        let mut source = self.source();
        match &*source {
            Source::Program => return Err(in_the_way("subscribe to topics", "partitions are assigned to it")),
            Source::Group { topics: before, .. } => {
                self.shared.state().want(&topics);
                before.send_if_modified(|before| {
                    *before != topics && {
                        *before = topics;
                        true
                    }
                });
            }
            Source::None => *source = self.join(topics),
        }
        Ok(())
    }

    /// Becomes a member of the group.
    fn join(&self, topics: Vec<String>) -> Source {
        let (validity, (ended, left)) = (Validity::new(), oneshot::channel());
        let (topics, subscribed) = channel::channel(topics);
        self.shared.set_validity(Some(Arc::clone(&validity)));
        topics::watch(&self.shared, subscribed.clone());
        let membership = Membership { topics: subscribed, changes: self.changes.clone(), validity, _left: ended };
        membership.begin(&self.shared);
        Source::Group { topics, left }
    }

    /// Reads nothing from now on.
    pub(super) fn unsubscribe(&self) -> Result<()> {
        self.shared.check_open()?;
        let mut source = self.source();
        match &*source {
            Source::None => {}
            Source::Program => {
                *source = Source::None;
                self.shared.commit_last(|_| true);
                self.shared.state().clear();
            }
            Source::Group { topics, .. } => drop(topics.send_replace(Vec::new())),
        }
        Ok(())
    }

    /// Waits for records, at most so long, and behind other polls.
    pub(super) async fn poll(&self, limit: Duration) -> Result<ConsumerRecords> {
        self.poll_and(limit, |_| ()).await.map(|(records, ())| records)
    }

    /// The same, and looks at the records before anybody can take them for done.
    pub(super) async fn poll_and<T>(
        &self,
        limit: Duration,
        look: impl FnOnce(&ConsumerRecords) -> T,
    ) -> Result<(ConsumerRecords, T)> {
        self.poll_of(None, limit, look).await
    }

    /// The same for a stream.
    pub(super) async fn poll_of<T>(
        &self,
        stream: Option<Arc<Awaiting>>,
        limit: Duration,
        look: impl FnOnce(&ConsumerRecords) -> T,
    ) -> Result<(ConsumerRecords, T)> {
        self.shared.check_open()?;
        let deadline = Deadline::after(limit);
        let Some(mut turn) = deadline.bound(self.take_turn()).await else {
            let none = ConsumerRecords::default();
            let looked = look(&none);
            return Ok((none, looked));
        };
        let _polling = Polling::begin(&self.shared, stream);
        let records = self.poll_in_turn(&mut turn, deadline).await?;
        Ok(self.hand_over(records, look))
    }

    /// Gives the program what was taken, once it has been looked at.
    fn hand_over<T>(&self, records: ConsumerRecords, look: impl FnOnce(&ConsumerRecords) -> T) -> (ConsumerRecords, T) {
        self.shared.counters.polled(records.len());
        let looked = look(&records);
        self.shared.state().handed_over(records.partitions());
        (records, looked)
    }

    /// A place for the poll of a stream.
    pub(super) fn park(&self) -> Arc<Parked> {
        let place = Arc::<Parked>::default();
        let mut parked = self.parked();
        parked.retain(|other| other.strong_count() > 0);
        parked.push(Arc::downgrade(&place));
        place
    }

    fn parked(&self) -> MutexGuard<'_, Vec<Weak<Parked>>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn away from streams that nobody may await any more: one that waits for records, those that nobody
    /// came back for, and at the end all.
    fn release_parked(&self) {
        let all = self.waits.load(Ordering::Acquire) || self.shared.check_open().is_err();
        let parked: Vec<_> = self.parked().iter().filter_map(Weak::upgrade).collect();
        let is_left = |parked: &Parked| parked.left_for().is_some_and(|time| time >= PATIENCE);
        parked.iter().filter(|parked| all || is_left(parked)).for_each(|parked| parked.release());
    }

    /// Waits for the turn.
    async fn take_turn(&self) -> tokio::sync::MutexGuard<'_, Turn> {
        let turn = self.turn.lock();
        tokio::pin!(turn);
        loop {
            tokio::select! {
                biased;
                turn = &mut turn => return turn,
                () = sleep(PATIENCE) => self.release_parked(),
            }
        }
    }

    /// The records that are there already; `None` where there are none, or a poll has anything else to do first.
    ///
    /// Ends of partitions alone are given only if asked for. Much that is compressed takes time, and is left to polls
    /// that may wait.
    pub(super) fn poll_now<T>(
        &self,
        with_ends: bool,
        look: impl FnOnce(&ConsumerRecords) -> T,
    ) -> Option<(ConsumerRecords, T)> {
        let shared = &self.shared;
        let mut turn = self.turn.try_lock().ok()?;
        let news = turn.current.is_some() || turn.failure_told || !turn.changes.is_empty();
        if news || shared.check_open().is_err() || shared.is_to_wake() || !self.may_give() {
            return None;
        }
        let state = shared.state();
        if state.is_in_trouble() || state.waiting_framed_bytes() > AT_ONCE {
            return None;
        }
        drop(state);
        let _polling = Polling::begin(shared, None);
        shared.state().all_processed();
        self.commit_if_due(&mut turn);
        let records = self.take(with_ends && shared.config.report_partition_end)?;
        Some(self.hand_over(records, look))
    }

    async fn poll_in_turn(&self, turn: &mut Turn, deadline: Deadline) -> Result<ConsumerRecords> {
        let shared = &self.shared;
        shared.state().all_processed();
        if std::mem::take(&mut turn.failure_told) {
            shared.state().failure = None;
            shared.revive();
        }
        loop {
            shared.check_open()?;
            self.commit_if_due(turn);
            self.apply_changes(turn).await?;
            if shared.take_wakeup() {
                return Err(woken_up());
            }
            // First: others may have records for ever.
            if let Some(error) = self.failure(turn, false)? {
                return Err(error);
            }
            if self.may_give()
                && let Some(records) = self.take(shared.config.report_partition_end)
            {
                return Ok(records);
            }
            if deadline.remaining().is_zero() {
                return self.failure(turn, true)?.map_or_else(|| Ok(self.take_the_last()), Err);
            }
            self.wait(turn, deadline).await;
        }
    }

    /// Waits until there may be something to do.
    async fn wait(&self, turn: &mut Turn, deadline: Deadline) {
        let until = turn.next_commit.map_or(deadline.at(), |commit| commit.min(deadline.at()));
        let _waits = Waits::begin(&self.waits);
        tokio::select! {
            Some(change) = turn.changes.recv(), if turn.current.is_none() => turn.current = Some(change),
            () = self.shared.news() => {}
            () = sleep_until(until) => {}
        }
    }

    /// Why the poll fails, if it does; at its end for reasons that may pass, too.
    fn failure(&self, turn: &mut Turn, at_end: bool) -> Result<Option<Error>> {
        let has_source = !self.source().is_none();
        let mut state = self.shared.state();
        if let Some(error) = &state.failure {
            turn.failure_told = true;
            return Ok(Some(error.clone()));
        }
        if let Some(trouble) = state.trouble(at_end) {
            return Ok(Some(trouble));
        }
        if at_end && state.waiting_bytes() == 0 && state.wants_memory(Instant::now(), &self.shared.memory) {
            return Ok(Some(no_memory(&self.shared)));
        }
        if state.partitions.is_empty() && !has_source {
            return Err(nothing_to_read());
        }
        Ok(None)
    }

    async fn apply_changes(&self, turn: &mut Turn) -> Result<()> {
        loop {
            if turn.current.is_none() {
                turn.current = turn.changes.try_recv().ok();
            }
            let Some(announced) = &turn.current else { return Ok(()) };
            let applied = match announced.was_overtaken() {
                true => Ok(()),
                false => rebalance::apply(&self.shared, announced, &self.source).await,
            };
            if let Some(announced) = turn.current.take() {
                let _ = announced.done.send(());
            }
            applied?;
        }
    }

    /// Commits what the program is done with, if it is time.
    ///
    /// That is soon where no server was reached the last time: a broker that comes back may not know the group any more,
    /// and whoever hears that first loses the partitions with what is not committed.
    fn commit_if_due(&self, turn: &mut Turn) {
        let (Some(due), Some(interval)) = (turn.next_commit, self.shared.config.auto_commit_interval) else { return };
        let now = Instant::now();
        let again = self.shared.commit_again.swap(false, Ordering::AcqRel);
        let due = if again { due.min(now + COMMIT_AGAIN) } else { due };
        turn.next_commit = Some(if now < due { due } else { now + interval });
        if now < due {
            return;
        }
        // Where the last commit is still under way, this one will come the next time.
        if self.shared.committing.try_lock().is_ok() {
            self.shared.commit_later(self.shared.offsets_to_commit(|_| true, Offsets::to_auto_commit));
        }
    }

    /// Takes what there is when the time is over.
    fn take_the_last(&self) -> ConsumerRecords {
        let last = || self.take(true);
        self.may_give().then(last).flatten().unwrap_or_default()
    }

    /// Whether partitions that there are have not just to be given back, or may be others' already.
    fn may_give(&self) -> bool {
        !self.source().is_none() && self.shared.owns_partitions()
    }

    /// Takes what waits, if there is any, and the ends of partitions; those alone only if wanted.
    fn take(&self, ends_alone: bool) -> Option<ConsumerRecords> {
        let config = &self.shared.config;
        let mut state = self.shared.state();
        let mut parts = state.take(config.max_poll_records);
        let ended = (ends_alone || !parts.is_empty()).then(|| state.take_ended());
        drop(state);
        let mut halted: Vec<(Key, u64, u64, Option<Error>)> = Vec::new();
        let mut decoder = Decoder::new(config.decompression);
        for part in &mut parts {
            let failed = part.decode(&mut decoder);
            // What comes behind in the same partition is left out.
            if let Some((offset, error)) = failed.filter(|_| halted.iter().all(|(key, ..)| *key != part.key())) {
                halted.push((part.key(), part.course(), offset, error));
            }
        }
        for (key, course, at, error) in halted {
            parts.retain(|part| part.key() != key || part.first_offset().is_some_and(|first| first < at));
            parts.retain(|part| !part.is_empty());
            match error {
                Some(error) => self.shared.state().halt(&key, course, at, error),
                None => self.shared.state().go_back(&key, course, at),
            }
            self.shared.arrived();
        }
        // While they were decompressed the program may have gone elsewhere.
        if self.shared.state().leave_out_abandoned(&mut parts) {
            self.shared.arrived();
        }
        let ended = ended.filter(|_| config.report_partition_end).unwrap_or_default();
        (!parts.is_empty() || !ended.is_empty()).then(|| ConsumerRecords::new(parts, ended))
    }

    /// Commits what has been given, or what was stored.
    pub(super) async fn commit(&self) -> Result<()> {
        self.shared.check_commits()?;
        self.shared.commit_present(Offsets::to_commit).await
    }

    /// Whether partitions come from subscribed topics.
    pub(super) fn is_subscribed(&self) -> bool {
        self.source().is_subscribed()
    }

    /// Gives everything back within a time, and disconnects.
    ///
    /// Where the program has ended a poll it is done with what that gave. Offsets whose commit fails for now are
    /// committed again. That the broker could not be told of the end is no failure: it notices.
    pub(super) async fn close(&self, limit: Duration, with_listener: bool) -> Result<()> {
        let deadline = Deadline::after(limit);
        self.shared.advance(Stage::Closing);
        let (mut committed, mut last) = (None, None);
        // Others are not to wait for the partitions of one that could not be told to go.
        let until = Deadline::after(limit - (limit / 4).min(FAREWELL));
        let parting = async {
            let _none_at_work = self.shared.processing.lock().await;
            self.release_parked();
            let mut turn = self.take_turn().await;
            self.shared.state().all_processed();
            let parted = until.bound(self.part(&mut turn, with_listener, until, &mut last)).await;
            committed = Some(parted.unwrap_or_else(|| Err(not_committed(limit, last.take()))));
            self.shared.state().clear();
            self.leave(&mut turn, with_listener).await;
        };
        let left = deadline.bound(parting).await.is_some();
        if committed.is_some() && !left {
            tracing::debug!(group = %self.shared.config.group_id, ?limit, "closed without an answer to leaving the group");
        }
        self.shared.advance(Stage::Ended);
        Arc::clone(&self.shared.cluster).close(deadline.remaining().min(FAREWELL)).await;
        committed.unwrap_or_else(|| Err(not_committed(limit, None)))
    }

    /// Lets go of all partitions and commits for the last time.
    async fn part(
        &self,
        turn: &mut Turn,
        with_listener: bool,
        deadline: Deadline,
        last: &mut Option<Error>,
    ) -> Result<()> {
        // Whoever waits for these would give them to others.
        let (mut given_back, mut told) = (Vec::new(), Vec::new());
        while let Some(announced) = turn.current.take().or_else(|| turn.changes.try_recv().ok()) {
            let was_told = announced.was_told();
            match announced.change {
                Change::Revoked(keys) => {
                    told.extend(keys.into_iter().filter(|_| was_told));
                    given_back.push(announced.done);
                }
                _ => self.acknowledge(announced, with_listener).await,
            }
        }
        let is_member = self.source().is_group();
        let mut keys: Vec<Key> = self.shared.state().partitions.keys().cloned().collect();
        keys.retain(|key| !told.contains(key));
        let tell = is_member && with_listener && !keys.is_empty();
        if let Some(listener) = self.shared.listener().filter(|_| tell) {
            listener.on_partitions_revoked(&keys.iter().map(Into::into).collect::<Vec<_>>()).await;
        }
        let commits = match self.shared.config.auto_commit_interval {
            Some(_) => self.shared.offsets_to_commit(|_| true, Offsets::to_auto_commit),
            None => Vec::new(),
        };
        let committed = self.shared.commit_until(deadline, commits, last).await;
        given_back.into_iter().for_each(|done| _ = done.send(()));
        committed
    }

    /// Waits until the consumer has left its group.
    async fn leave(&self, turn: &mut Turn, with_listener: bool) {
        // Whoever listens to the topics learns of it.
        let Source::Group { mut left, .. } = std::mem::take(&mut *self.source()) else { return };
        loop {
            tokio::select! {
                _ = &mut left => return,
                Some(announced) = turn.changes.recv() => self.acknowledge(announced, with_listener).await,
            }
        }
    }

    /// Takes in a change of a consumer that reads nothing any more.
    async fn acknowledge(&self, announced: Announced, with_listener: bool) {
        if let (Change::Lost(keys), true) = (&announced.change, with_listener) {
            rebalance::lose(&self.shared, keys, &self.source).await;
        }
        let _ = announced.done.send(());
    }
}

/// Notes that the program polls, as long as it lives.
struct Polling<'a>(&'a Shared);

impl<'a> Polling<'a> {
    fn begin(shared: &'a Shared, stream: Option<Arc<Awaiting>>) -> Self {
        shared.poll_begins(stream);
        Polling(shared)
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.0.poll_ends();
    }
}

/// The poll whose turn it is waits, as long as this is there.
struct Waits<'a>(&'a AtomicBool);

impl<'a> Waits<'a> {
    fn begin(waits: &'a AtomicBool) -> Self {
        waits.store(true, Ordering::Release);
        Waits(waits)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn in_the_way(what: &str, why: &str) -> Error {
    let text = format!("{what}: the consumer cannot, since {why}: call unsubscribe first");
    Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState))
}

fn nothing_to_read() -> Error {
    let text = "poll: the consumer has nothing to read: subscribe to topics or assign partitions first";
    Error::Misuse(Detail::new(text).with_code(ErrorCode::InvalidState))
}

fn woken_up() -> Error {
    Error::Other(Detail::new("poll was ended by a wake-up").with_code(ErrorCode::WokenUp))
}

fn no_memory(shared: &Shared) -> Error {
    let text = format!(
        "poll: the program keeps records of {} bytes, so that fetch.buffer.memory ({}) has no room for more: drop or detach them, or raise it",
        shared.memory.used(),
        shared.memory.limit()
    );
    Error::Other(Detail::new(text).with_code(ErrorCode::QueueFull).with_outcome(Outcome::NotSent))
}

/// `last` is the failure of the last attempt to commit.
fn not_committed(limit: Duration, last: Option<Error>) -> Error {
    let last = last.map_or_else(String::new, |error| format!(": {error}"));
    let text = format!("close of the consumer timed out after {limit:?}: the last offsets may not be committed{last}");
    Error::TimeoutWithMessage(Detail::new(text).with_code(ErrorCode::TimedOut).with_outcome(Outcome::Unknown))
}
