//! Applying changes of the assignment, with the listener in the right place.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::events::ConsumerEvent;
use super::listener::{Key, TopicPartition};
use super::offsets::Offsets;
use super::process;
use super::shared::Shared;
use super::source::{Announced, Change, Source};
use super::start;
use crate::error::Result;

/// Applies a change; where it is given up midway it is applied anew the next time, but for what the listener was told.
///
/// Where the program has chosen partitions meanwhile, it keeps them.
pub(super) async fn apply(shared: &Arc<Shared>, announced: &Announced, source: &Mutex<Source>) -> Result<()> {
    match &announced.change {
        Change::Assigned(_) if lock(source).is_program() => return Ok(()),
        Change::Assigned(keys) => give(shared, keys).await,
        Change::Revoked(keys) => revoke(shared, keys, announced, source).await,
        Change::Lost(keys) => lose(shared, keys, source).await,
        Change::Failed(error) => return Err(error.clone()),
    }
    shared.counters.rebalanced();
    Ok(())
}

fn lock(source: &Mutex<Source>) -> MutexGuard<'_, Source> {
    source.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets partitions of the group go, unless the program has chosen its own: those may be the same.
fn remove(shared: &Shared, keys: &[Key], source: &Mutex<Source>) {
    let source = lock(source);
    if !source.is_program() {
        shared.state().remove(keys);
    }
}

fn public(keys: &[Key]) -> Vec<TopicPartition> {
    keys.iter().map(TopicPartition::from).collect()
}

/// Takes partitions on; the listener may seek before reading begins.
async fn give(shared: &Arc<Shared>, keys: &[Key]) {
    let partitions = public(keys);
    shared.state().assign(keys);
    if let Some(listener) = shared.listener() {
        listener.on_partitions_assigned(&partitions).await;
    }
    read(shared, keys);
    shared.announce(ConsumerEvent::Assigned { partitions });
}

/// Begins to read partitions that were taken on.
pub(super) fn read(shared: &Arc<Shared>, keys: &[Key]) {
    let unknown: Vec<_> = {
        let state = shared.state();
        let partitions = keys.iter().filter_map(|key| state.partitions.get(key));
        let unknown = partitions.filter(|partition| !partition.has_begun());
        unknown.map(|partition| (partition.key.clone(), partition.epoch)).collect()
    };
    shared.place();
    start::locate(shared, unknown);
}

/// Gives partitions back: handlers end, the listener is told, then what was done is committed, and nothing afterwards.
async fn revoke(shared: &Arc<Shared>, keys: &[Key], announced: &Announced, source: &Mutex<Source>) {
    let partitions = public(keys);
    process::finish(shared, keys).await;
    if let Some(listener) = shared.listener().filter(|_| !keys.is_empty() && !announced.was_told()) {
        listener.on_partitions_revoked(&partitions).await;
    }
    announced.told.store(true, Ordering::Relaxed);
    commit_done(shared, |key| keys.contains(key)).await;
    // Commits that are under way belong to the time before.
    let _none_under_way = shared.committing.lock().await;
    remove(shared, keys, source);
    shared.announce(ConsumerEvent::Revoked { partitions });
}

/// Tells that partitions are gone, which nothing has been read from any more.
pub(super) async fn lose(shared: &Arc<Shared>, keys: &[Key], source: &Mutex<Source>) {
    let partitions = public(keys);
    // They are still there if they were lost before they had been taken on.
    remove(shared, keys, source);
    shared.lanes.halt(&mut shared.state(), |key| keys.contains(key));
    if let Some(listener) = shared.listener().filter(|_| !keys.is_empty()) {
        listener.on_partitions_lost(&partitions).await;
    }
    shared.announce(ConsumerEvent::Lost { partitions });
}

/// Commits what the program is done with, where that is done without being asked.
async fn commit_done(shared: &Arc<Shared>, of: impl Fn(&Key) -> bool) {
    if !shared.commits_by_itself() {
        return;
    }
    let commits = shared.offsets_to_commit(of, Offsets::to_auto_commit);
    if let Err(error) = shared.commit_all(commits).await {
        shared.note_error(&error);
        shared.announce(ConsumerEvent::CommitFailed { error });
    }
}
