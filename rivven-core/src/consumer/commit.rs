//! Committing offsets: one after another, and of assigned partitions only.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::time::{sleep, timeout_at};

use super::events::ConsumerEvent;
use super::listener::Key;
use super::offsets::Offsets;
use super::partition::Partition;
use super::shared::Shared;
use super::state::not_assigned;
use crate::connection::Deadline;
use crate::error::{Detail, Error, Outcome, Result};
use crate::ops::CommitOffset;

/// The most partitions that the error of a commit names.
const MAX_NAMED: usize = 10;

/// The longest pause before a last commit is tried again.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// An offset to be committed, read under an assignment.
#[derive(Debug, Clone)]
pub(super) struct Commit {
    pub(super) key: Key,
    pub(super) offset: u64,
    pub(super) assignment: Option<u64>,
}

impl Shared {
    /// The offsets to commit, of all partitions or of some.
    pub(super) fn offsets_to_commit(
        &self,
        of: impl Fn(&Key) -> bool,
        choose: impl Fn(&Offsets) -> Option<u64>,
    ) -> Vec<Commit> {
        let mut state = self.state();
        let partitions = state.partitions.values_mut().filter(|partition| of(&partition.key));
        let commit = |partition: &mut Partition| {
            let (key, assignment) = (partition.key.clone(), Some(partition.assignment));
            choose(partition.offsets()).map(|offset| Commit { key, offset, assignment })
        };
        partitions.filter_map(commit).collect()
    }

    /// Commits offsets together; gives what became of each, in their order.
    ///
    /// What was read under an assignment that has ended is not committed.
    pub(super) async fn commit(&self, commits: &[Commit]) -> Vec<Result<()>> {
        let _in_turn = self.committing.lock().await;
        self.commit_each(commits).await
    }

    async fn commit_each(&self, commits: &[Commit]) -> Vec<Result<()>> {
        join_all(commits.iter().map(|commit| self.commit_one(commit))).await
    }

    async fn commit_one(&self, commit: &Commit) -> Result<()> {
        let Commit { key, offset, .. } = commit;
        if !self.still_has(commit) {
            return Err(not_assigned(key));
        }
        let group = &*self.config.group_id;
        let (topic, partition) = (&*key.topic, key.partition);
        let operation = CommitOffset { group, topic, partition, offset: *offset };
        self.state().partitions.get_mut(key).into_iter().for_each(|partition| partition.offsets().commits());
        // One that is tried again for long would overtake what the next owner commits.
        let result = tokio::select! {
            biased;
            result = self.call(&operation) => result,
            () = self.lost(commit) => Err(not_assigned(key).with_outcome(Outcome::Unknown)),
        };
        self.counters.committed(result.is_ok());
        if result.is_ok() {
            self.has_committed(commit);
        }
        result
    }

    /// Ends when the partition is not assigned any more as it was when the offset was read.
    async fn lost(&self, commit: &Commit) {
        if commit.assignment.is_none() {
            return pending().await;
        }
        loop {
            let departed = self.departures.next();
            if !self.still_has(commit) {
                return;
            }
            match self.owned_until() {
                Some(until) => drop(timeout_at(until, departed).await),
                None => departed.await,
            }
        }
    }

    /// Whether the partition is still assigned as it was when the offset was read.
    pub(super) fn still_has(&self, commit: &Commit) -> bool {
        let state = self.state();
        let partition = state.partitions.get(&commit.key);
        let assigned = || partition.map(|partition| partition.assignment) == commit.assignment;
        commit.assignment.is_none() || assigned() && self.owns_partitions()
    }

    /// Notes that an offset is committed, unless its partition is another's by now.
    pub(super) fn has_committed(&self, commit: &Commit) {
        if self.still_has(commit) {
            let mut state = self.state();
            let partition = state.partitions.get_mut(&commit.key);
            partition.into_iter().for_each(|partition| partition.offsets().has_committed(commit.offset));
        }
    }

    /// Commits the offsets of all partitions as they are when the turn comes, with one error for all that failed.
    pub(super) async fn commit_present(&self, choose: impl Fn(&Offsets) -> Option<u64>) -> Result<()> {
        let _in_turn = self.committing.lock().await;
        let commits = self.offsets_to_commit(|_| true, choose);
        let results = self.commit_each(&commits).await;
        all_of(&commits, results)
    }

    /// Commits offsets, with one error for all that failed.
    pub(super) async fn commit_all(&self, commits: Vec<Commit>) -> Result<()> {
        let results = self.commit(&commits).await;
        all_of(&commits, results)
    }

    /// The same, again and again where that may help, as long as there is time for another attempt.
    ///
    /// `last` is the last failure so far, for whoever stops waiting.
    pub(super) async fn commit_until(
        &self,
        deadline: Deadline,
        mut commits: Vec<Commit>,
        last: &mut Option<Error>,
    ) -> Result<()> {
        let (all, mut failures) = (commits.len(), 0);
        let mut failed: Vec<(Commit, Error)> = Vec::new();
        loop {
            let results = self.commit(&commits).await;
            let errors = commits.into_iter().zip(results).filter_map(|(commit, result)| Some((commit, result.err()?)));
            let (again, over): (Vec<_>, Vec<_>) = errors.partition(|(_, error)| error.is_retriable());
            failed.extend(over);
            failures += 1;
            let pause = self.pause(failures).min(LONGEST_PAUSE);
            if again.is_empty() || pause >= deadline.remaining() {
                failed.extend(again);
                return together(failed.iter().map(|(commit, error)| (&commit.key, error.clone())).collect(), all);
            }
            if let Some((_, error)) = again.last() {
                self.note_error(error);
                *last = Some(error.clone());
            }
            commits = again.into_iter().map(|(commit, _)| commit).collect();
            sleep(pause).await;
        }
    }

    /// Whether what is done is committed without being asked: by polls, or by handlers, beside which nobody else commits.
    pub(super) fn commits_by_itself(&self) -> bool {
        self.config.auto_commit_interval.is_some() || self.processing.try_lock().is_err()
    }

    /// Commits in the background what the program is done with of partitions that it lets go of.
    pub(super) fn commit_last(self: &Arc<Self>, of: impl Fn(&Key) -> bool) {
        if !self.commits_by_itself() || !self.owns_partitions() {
            return;
        }
        let commits = self.offsets_to_commit(of, Offsets::to_auto_commit);
        // When that is done they are not assigned any more.
        self.commit_later(commits.into_iter().map(|commit| Commit { assignment: None, ..commit }).collect());
    }

    /// Commits offsets in the background; failures are announced.
    pub(super) fn commit_later(self: &Arc<Self>, commits: Vec<Commit>) {
        if commits.is_empty() {
            return;
        }
        let shared = Arc::clone(self);
        // It stands in line before this returns: the task may begin after a later commit has, which is to be the last.
        let mut turn = Box::pin(Arc::clone(&self.committing).lock_owned());
        let taken = (&mut turn).now_or_never();
        self.cluster.spawn(async move {
            let _in_turn = match taken {
                Some(taken) => taken,
                None => turn.await,
            };
            let results = shared.commit_each(&commits).await;
            let unreached = results.iter().any(|result| result.as_ref().is_err_and(Error::is_of_connection));
            if let Err(error) = all_of(&commits, results) {
                shared.note_error(&error);
                if unreached {
                    shared.commit_again.store(true, Ordering::Release);
                    shared.arrived();
                }
                shared.announce(ConsumerEvent::CommitFailed { error });
            }
        });
    }
}

/// One error for all commits that failed.
fn all_of(commits: &[Commit], results: Vec<Result<()>>) -> Result<()> {
    let failed = commits.iter().zip(results).filter_map(|(commit, result)| Some((&commit.key, result.err()?)));
    together(failed.collect(), commits.len())
}

/// One error for several partitions: the only one, or all of them with the code of the first.
fn together(mut failed: Vec<(&Key, Error)>, of: usize) -> Result<()> {
    if failed.len() <= 1 {
        return failed.pop().map_or(Ok(()), |(_, error)| Err(error));
    }
    let named: Vec<_> = failed.iter().take(MAX_NAMED).map(|(key, error)| format!("{key}: {error}")).collect();
    let more = if failed.len() > MAX_NAMED { "; ..." } else { "" };
    let text = format!("commit of {} of {of} offsets failed: {}{more}", failed.len(), named.join("; "));
    let first = &failed[0].1;
    let detail = Detail::new(text).with_code(first.code()).with_outcome(first.outcome());
    Err(Error::Other(detail.with_retriable(Some(failed.iter().all(|(_, error)| error.is_retriable())))))
}
