//! The task of a transaction: it brings records to their lanes, and the transaction to its end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::course::{Committed, Course, Probed, Step, Verdict};
use super::lane::{Lane, Work};
use super::shared::Shared;
use super::table::End;
use crate::compression::Compressor;
use crate::error::{Detail, Error, ErrorCode, Outcome, Result};
use crate::ops::{
    AbortTransaction, AddOffsetsToTxn, AddPartitionsToTxn, BeginTransaction, CommitTransaction, ECHO, GetOffset,
    TransactionalPublish,
};
use crate::producer::{Backing, Entry};
use crate::protocol::{EncodeError, Operation, Purpose, RequestFrame, Response};

/// Where the outcome of a command goes.
pub(super) type Done = oneshot::Sender<Result<()>>;

/// Offsets of a group: topic, partition, and the next offset to read.
pub(super) type GroupOffsets = Vec<(String, u32, i64)>;

/// What the handle asks for.
pub(super) enum Command {
    Record { entry: Entry, partition: Option<u32>, key: Option<Bytes>, value: Bytes },
    Offsets { group: String, offsets: GroupOffsets, done: Done },
    Flush { done: Done },
    Commit { done: Done },
    Abort { done: Done },
}

/// An offset that tells whether the transaction was committed: it was another one before.
struct Evidence {
    group: String,
    topic: String,
    partition: u32,
    offset: u64,
}

/// The task.
pub(super) struct Driver {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedReceiver<Command>,
    added: HashSet<(Arc<str>, u32)>,
    /// The next sequence number by partition number, whatever the topic.
    next: HashMap<u32, i32>,
    lanes: Vec<Option<mpsc::UnboundedSender<Work>>>,
    tasks: JoinSet<()>,
    compressor: Compressor,
    evidence: Option<Evidence>,
    has_ended: bool,
    /// Given back when the transaction has ended.
    _place: OwnedSemaphorePermit,
}

impl Driver {
    pub(super) fn new(
        shared: Arc<Shared>,
        commands: mpsc::UnboundedReceiver<Command>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let connections = shared.backing.config().connections_per_broker;
        Driver {
            compressor: shared.backing.compressor(),
            shared,
            commands,
            added: HashSet::new(),
            next: HashMap::new(),
            lanes: std::iter::repeat_with(|| None).take(connections).collect(),
            tasks: JoinSet::new(),
            evidence: None,
            has_ended: false,
            _place: place,
        }
    }

    fn backing(&self) -> &Backing {
        &self.shared.backing
    }

    /// Does what the handle asks for until the transaction has ended.
    pub(super) async fn run(mut self) {
        let (ended, stops) = (self.backing().ended(), self.shared.stops());
        tokio::pin!(ended, stops);
        let mut stopped = false;
        loop {
            let over_at = self.shared.over_at();
            let command = tokio::select! {
                biased;
                () = &mut ended => break,
                () = &mut stops, if !stopped => {
                    stopped = true;
                    if self.shared.table().doomed().is_some() {
                        break self.give_up().await;
                    }
                    continue;
                }
                () = sleep_until(over_at) => {
                    if Instant::now() >= self.shared.over_at() {
                        self.shared.doom(&self.shared.timed_out());
                    }
                    continue;
                }
                command = self.commands.recv() => command,
            };
            match command {
                Some(Command::Commit { done }) => {
                    let _ = done.send(self.commit().await);
                    break;
                }
                Some(Command::Abort { done }) => {
                    let _ = done.send(self.abort().await);
                    break;
                }
                Some(Command::Flush { done }) => self.flush(done),
                Some(Command::Record { entry, partition, key, value }) => self.take(entry, partition, key, value).await,
                Some(Command::Offsets { group, offsets, done }) => {
                    let _ = done.send(self.take_offsets(&group, &offsets).await);
                }
                // The program has dropped it.
                None => {
                    let _ = self.shared.abort();
                    if let Err(error) = self.abort().await {
                        tracing::debug!(transaction = %self.shared.txn_id(), %error, "a dropped transaction");
                    }
                    break;
                }
            }
        }
        self.has_ended = true;
    }

    fn refuse(&self, command: Command) {
        let error = || self.shared.table().may_write("use").err().unwrap_or_else(|| Error::closed("the producer"));
        match command {
            Command::Record { entry, .. } => self.shared.refuse(&entry, Outcome::NotSent),
            Command::Offsets { done, .. } | Command::Flush { done } | Command::Commit { done } => {
                let _ = done.send(Err(error()));
            }
            // Whoever aborts what has given itself up has what he wants.
            Command::Abort { done } => {
                let _ = done.send(Ok(()));
            }
        }
    }

    /// Brings a record to its lane, within the time of the transaction.
    async fn take(&mut self, entry: Entry, partition: Option<u32>, key: Option<Bytes>, value: Bytes) {
        let (over, stops) = (over(&self.shared), self.shared.stops());
        let shared = Arc::clone(&self.shared);
        let placed = tokio::select! {
            placed = self.place(&entry, partition, key.as_deref(), &value) => placed,
            () = over => Err(shared.timed_out()),
            () = stops => return shared.refuse(&entry, Outcome::NotSent),
        };
        match placed {
            Ok((partition, frame)) => self.hand_over(Work { entry, partition, frame }),
            Err(error) => {
                shared.doom(&error);
                shared.backing.failed(&entry, error);
            }
        }
    }

    /// Stores offsets, within the time of the transaction.
    async fn take_offsets(&mut self, group: &str, offsets: &GroupOffsets) -> Result<()> {
        let (over, stops) = (over(&self.shared), self.shared.stops());
        let shared = Arc::clone(&self.shared);
        let stored = tokio::select! {
            stored = self.store(group, offsets) => stored,
            () = over => Err(shared.timed_out()),
            () = stops => Err(shared.table().may_write("send offsets in").err().unwrap_or(Error::Timeout)),
        };
        stored.inspect_err(|error| {
            if !matches!(error.code(), ErrorCode::InvalidArgument | ErrorCode::InvalidGroupId) {
                shared.doom(error);
            }
        })
    }

    /// The partition of a record, which is part of the transaction from now on, and its request.
    async fn place(
        &mut self,
        entry: &Entry,
        partition: Option<u32>,
        key: Option<&[u8]>,
        value: &[u8],
    ) -> Result<(u32, RequestFrame)> {
        let topic = Arc::clone(entry.topic());
        let mut count = self.backing().partition_count(&topic).await?;
        let partition = match partition {
            Some(partition) => partition,
            None => self.backing().choose(&topic, key, value, count),
        };
        if partition >= count {
            // There may be more by now.
            count = self.backing().recount(&topic).await?;
        }
        if partition >= count {
            return Err(self.backing().no_partition(&topic, partition, count));
        }
        entry.assign(partition);
        if !self.added.contains(&(Arc::clone(&topic), partition)) {
            self.add(&topic, partition).await?;
        }
        let encoded = self.compressor.encode(value);
        let value = [encoded.header(), encoded.data()].concat();
        let sequence = self.next.get(&partition).copied().unwrap_or(0);
        let txn = self.shared.identity.txn();
        let frame = TransactionalPublish { txn, topic: &topic, partition, key, value: &value, sequence }.encode()?;
        self.next.insert(partition, sequence.wrapping_add(1));
        Ok((partition, frame))
    }

    /// Adds a partition to the transaction.
    async fn add(&mut self, topic: &Arc<str>, partition: u32) -> Result<()> {
        let (txn, at) = (self.shared.identity.txn(), Instant::now());
        self.backing().call(AddPartitionsToTxn { txn, partitions: &[(topic, partition)] }).await?;
        self.shared.touched(at);
        self.added.insert((Arc::clone(topic), partition));
        Ok(())
    }

    /// Gives a record to the lane of its partition number, so that its numbers stay in order.
    fn hand_over(&mut self, work: Work) {
        let count = self.lanes.len();
        let lane = &mut self.lanes[work.partition as usize % count];
        let sender = lane.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::unbounded_channel();
            self.tasks.spawn(Lane::new(Arc::clone(&self.shared), receiver).run());
            sender
        });
        self.shared.began();
        if let Err(mpsc::error::SendError(work)) = sender.send(work) {
            self.shared.fail(&work.entry, Outcome::NotSent);
        }
    }

    /// Stores offsets in the transaction.
    async fn store(&mut self, group: &str, offsets: &GroupOffsets) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let store = AddOffsetsToTxn { txn: shared.identity.txn(), group, offsets };
        store.encode()?;
        self.gather_evidence(group, offsets).await?;
        let at = Instant::now();
        self.backing().call(store).await?;
        self.shared.touched(at);
        Ok(())
    }

    /// Keeps an offset that will be another one after the commit.
    async fn gather_evidence(&mut self, group: &str, offsets: &GroupOffsets) -> Result<()> {
        let Some((topic, partition, offset)) = offsets.first() else { return Ok(()) };
        let before = self.backing().call(GetOffset { group, topic, partition: *partition }).await?;
        let offset = u64::try_from(*offset).unwrap_or_default();
        // What is stored for the same partition later in the transaction takes its place.
        if before != Some(offset) {
            let (group, topic) = (group.to_owned(), topic.clone());
            self.evidence = Some(Evidence { group, topic, partition: *partition, offset });
        }
        Ok(())
    }

    fn flush(&mut self, done: Done) {
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            shared.all_settled().await;
            let _ = done.send(shared.table().may_flush());
        });
    }

    /// Waits for the records and commits.
    async fn commit(&mut self) -> Result<()> {
        loop {
            let over_at = self.shared.over_at();
            tokio::select! {
                () = self.shared.all_settled() => break,
                () = sleep_until(over_at) => {
                    if Instant::now() >= self.shared.over_at() {
                        self.shared.doom(&self.shared.timed_out());
                    }
                }
            }
        }
        if self.shared.table().doomed().is_none() {
            self.end_lanes().await;
        }
        let ending = self.shared.table().end();
        if let Err(error) = ending {
            self.give_up().await;
            return Err(error);
        }
        let (verdict, error) = self.bring_to_an_end().await;
        let txn_id = self.shared.txn_id();
        match verdict {
            Verdict::Committed => {
                self.shared.ended(End::Committed);
                Ok(())
            }
            Verdict::Gone | Verdict::Dead => {
                if verdict == Verdict::Dead {
                    self.bury().await;
                }
                self.shared.ended(End::Aborted);
                Err(error.unwrap_or_else(|| self.shared.timed_out()))
            }
            Verdict::Refused => {
                let error = error.unwrap_or_else(|| self.shared.timed_out());
                self.shared.refused(&error);
                self.give_up().await;
                Err(error)
            }
            Verdict::Unknown => {
                self.shared.ended(End::Unknown);
                let cause = error.map_or_else(String::new, |error| format!(": {error}"));
                let text = format!(
                    "commit transaction {txn_id}: it is not known whether it was committed{cause}: look whether its \
                     offsets or its records are there before the work is done again"
                );
                let detail = Detail::new(text).with_code(ErrorCode::CommitFailed).with_outcome(Outcome::Unknown);
                Err(Error::ServerError(detail.with_retriable(Some(false))))
            }
        }
    }

    /// Commits, and finds out what became of that; with the last error.
    async fn bring_to_an_end(&mut self) -> (Verdict, Option<Error>) {
        let mut course = Course::new(self.shared.probe().is_some(), self.evidence.is_some());
        let (mut step, mut failures, mut last) = (Step::Commit, 0, None);
        loop {
            step = match step {
                Step::Commit => {
                    if failures > 0 {
                        sleep(self.backing().pause(failures).max(ECHO)).await;
                    }
                    let txn = self.shared.identity.txn();
                    let result = self.bounded(CommitTransaction { txn }).await;
                    failures += u32::from(result.is_err());
                    let answer = result.as_ref().map_or_else(commit_answer, |()| Committed::Done);
                    last = result.err().or(last);
                    course.committed(answer, self.shared.is_in_time())
                }
                Step::Probe => {
                    if failures > 1 {
                        sleep(self.backing().pause(failures).max(ECHO)).await;
                    }
                    failures += 1;
                    let probed = self.probe().await;
                    course.probed(probed, self.shared.is_in_time())
                }
                Step::AskOffsets => course.offsets(self.offsets_are_stored().await),
                Step::End(verdict) => return (verdict, last),
            };
        }
    }

    /// A call that ends when nothing could be learnt from it any more.
    async fn bounded<O: Operation<Output = ()>>(&self, operation: O) -> Result<()> {
        let limit = self.shared.over_at() + self.backing().config().request_timeout;
        match tokio::time::timeout_at(limit, self.backing().call(operation)).await {
            Ok(result) => result,
            Err(_) => Err(self.shared.timed_out().with_outcome(Outcome::Unknown)),
        }
    }

    /// Sends a request once more that was executed.
    async fn probe(&self) -> Probed {
        let Some(frame) = self.shared.probe() else { return Probed::Unanswered };
        match self.backing().call(Again(frame)).await {
            Ok(()) => Probed::Known,
            Err(error) if error.outcome() == Outcome::Rejected && !error.is_retriable() => Probed::Forgotten,
            Err(error) if matches!(error.code(), ErrorCode::UnknownProducerId | ErrorCode::OutOfOrderSequence) => {
                Probed::Forgotten
            }
            Err(_) => Probed::Unanswered,
        }
    }

    async fn offsets_are_stored(&self) -> Option<bool> {
        let Evidence { group, topic, partition, offset } = self.evidence.as_ref()?;
        let stored = self.backing().call(GetOffset { group, topic, partition: *partition }).await.ok()?;
        Some(stored == Some(*offset))
    }

    /// Aborts as the program wants it.
    async fn abort(&mut self) -> Result<()> {
        self.end_lanes().await;
        let result = self.end_by_abort().await;
        self.shared.ended(End::Aborted);
        result
    }

    /// Aborts since it cannot be committed any more.
    async fn give_up(&mut self) {
        self.end_lanes().await;
        let error = self.shared.timed_out();
        if let Err(error) = self.end_by_abort().await {
            tracing::debug!(transaction = %self.shared.txn_id(), %error, "not aborted; the broker does it in time");
        }
        self.shared.table().given_up(&error);
    }

    /// Waits for the attempts under way, as far as there is time; whatever comes behind them is not executed.
    async fn end_lanes(&mut self) {
        self.lanes.iter_mut().for_each(|lane| drop(lane.take()));
        let wait = self.shared.over_at().saturating_duration_since(Instant::now());
        let ended = timeout(wait, async { while self.tasks.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            self.tasks.shutdown().await;
            self.shared.lost_requests(Duration::ZERO);
        }
    }

    /// Tells the broker, unless that may make things worse: a call after the timeout keeps it from aborting by itself.
    async fn end_by_abort(&mut self) -> Result<()> {
        let txn = self.shared.identity.txn();
        let mut failures = 0;
        self.shared.quiet().await;
        while self.shared.is_in_time() {
            if failures > 0 {
                sleep(self.backing().pause(failures).max(ECHO)).await;
            }
            match self.bounded(AbortTransaction { txn }).await {
                // Gone: an earlier attempt has aborted it, or the broker has.
                Ok(()) => return Ok(()),
                Err(error) if error.code() == ErrorCode::InvalidTxnId => return Ok(()),
                Err(error)
                    if matches!(error.code(), ErrorCode::TransactionTimedOut | ErrorCode::InvalidTxnState)
                        && error.outcome() == Outcome::Rejected =>
                {
                    self.bury().await;
                    return Err(error);
                }
                Err(error) if !error.is_retriable() => return Err(error),
                Err(error) => tracing::debug!(transaction = %self.shared.txn_id(), %error, "aborting again"),
            }
            failures += 1;
        }
        Ok(())
    }

    /// Takes the place of a dead transaction, which counts against the broker's limit for ever otherwise.
    async fn bury(&self) {
        let txn = self.shared.identity.txn();
        let buried = async {
            self.backing().call(BeginTransaction { txn, timeout: Some(self.shared.timeout) }).await?;
            self.backing().call(AbortTransaction { txn }).await
        };
        if let Err(error) = buried.await {
            tracing::warn!(transaction = %self.shared.txn_id(), %error, "a dead transaction stays at the broker");
        }
    }
}

impl Drop for Driver {
    /// Refuses what came too late; all that is left, where it went with its runtime.
    fn drop(&mut self) {
        if !self.has_ended {
            let text =
                "the task of the transaction has ended before it: keep the runtime that drives the producer alive";
            self.shared.doom(&Error::ConnectionError(
                Detail::new(text).with_code(ErrorCode::RuntimeGone).with_outcome(Outcome::Unknown),
            ));
        }
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.refuse(command);
        }
    }
}

/// Ends when the time of the transaction is over, which whatever the broker answers meanwhile prolongs.
fn over(shared: &Arc<Shared>) -> impl Future<Output = ()> + Send + 'static {
    let shared = Arc::clone(shared);
    async move {
        while Instant::now() < shared.over_at() {
            sleep_until(shared.over_at()).await;
        }
    }
}

/// What the answer to a commit means.
fn commit_answer(error: &Error) -> Committed {
    match (error.code(), error.outcome()) {
        (_, Outcome::NotSent) => Committed::NotExecuted,
        (_, Outcome::Unknown) => Committed::Unknown,
        (ErrorCode::InvalidTxnId, _) => Committed::Gone,
        (ErrorCode::TransactionTimedOut | ErrorCode::InvalidTxnState, _) => Committed::Dead,
        _ if error.is_retriable() => Committed::NotExecuted,
        _ => Committed::Refused,
    }
}

/// A request that was made before.
struct Again(RequestFrame);

impl Operation for Again {
    type Output = ();

    const REPEATABLE: bool = true;
    const ECHO: Duration = ECHO;

    fn encode(&self) -> Result<RequestFrame, EncodeError> {
        Ok(self.0.clone())
    }

    fn decode(response: Response) -> Result<(), Response> {
        match response {
            Response::TransactionalPublished { .. } => Ok(()),
            other => Err(other),
        }
    }

    fn purpose(&self) -> Purpose {
        Purpose::Produce
    }
}
