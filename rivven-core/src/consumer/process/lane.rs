//! The records of one partition that handlers are at work on, one after another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::consumer::listener::Key;
use crate::consumer::partition::Progress;
use crate::consumer::records::{ConsumerRecord, ConsumerRecords, PartitionRecords};
use crate::consumer::shared::Shared;
use crate::consumer::state::State;

/// What lanes and those who wait for them tell each other.
#[derive(Debug, Default)]
pub(in crate::consumer) struct Lanes {
    halted: Notify,
    ended: Notify,
}

impl Lanes {
    /// Lets lanes of some partitions begin with no further record.
    pub(in crate::consumer) fn halt(&self, state: &mut State, of: impl Fn(&Key) -> bool) {
        state.lanes.iter_mut().filter(|(key, _)| of(key)).for_each(|(_, halted)| *halted = true);
        self.halted.notify_waiters();
    }
}

/// Ends the lanes of partitions that are to be given back: records under way are waited for, for half of the
/// time that a group waits for its members, so that what is done can be committed.
pub(in crate::consumer) async fn finish(shared: &Shared, keys: &[Key]) {
    shared.lanes.halt(&mut shared.state(), |key| keys.contains(key));
    let all_ended = async {
        loop {
            let ended = shared.lanes.ended.notified();
            if keys.iter().all(|key| !shared.state().lanes.contains_key(key)) {
                return;
            }
            ended.await;
        }
    };
    let _ = timeout(Duration::from_millis(shared.config.rebalance_timeout_ms) / 2, all_ended).await;
}

/// Records of one partition on their way through handlers; no more are polled of it meanwhile.
///
/// When it is dropped those that are not done are given back.
pub(super) struct Lane {
    shared: Arc<Shared>,
    key: Key,
    course: u64,
    epoch: u64,
    progress: Arc<Progress>,
    parts: Vec<PartitionRecords>,
    /// The part and the record in it that come next.
    at: (usize, usize),
    /// The offset behind the last record that is done.
    done: u64,
}

impl Lane {
    /// A lane for each partition of which a poll gave records.
    pub(super) fn begin(shared: &Arc<Shared>, records: &ConsumerRecords) -> Vec<Lane> {
        let mut state = shared.state();
        let progress = state.stream(records.partitions());
        let mut lanes = BTreeMap::<Key, Lane>::new();
        for (part, progress) in records.partitions().iter().zip(progress) {
            let key = part.key();
            let partition = state.partitions.get(&key).filter(|partition| partition.course == part.course());
            let (Some(partition), Some(done)) = (partition, part.first_offset()) else { continue };
            let (course, epoch) = (partition.course, partition.epoch);
            let lane = lanes.entry(key.clone()).or_insert_with(|| {
                let shared = Arc::clone(shared);
                Lane { shared, key, course, epoch, progress, parts: Vec::new(), at: (0, 0), done }
            });
            lane.parts.push(part.clone());
        }
        state.lanes.extend(lanes.keys().map(|key| (key.clone(), false)));
        lanes.into_values().collect()
    }

    /// The next record.
    pub(super) fn next(&mut self) -> Option<ConsumerRecord> {
        loop {
            let (part, place) = self.at;
            if let Some(record) = self.parts.get(part)?.record(place) {
                self.at = (part, place + 1);
                return Some(record);
            }
            self.at = (part + 1, 0);
        }
    }

    /// The program is done with all up to an offset.
    pub(super) fn done(&mut self, offset: u64) {
        self.done = offset + 1;
        self.progress.done(self.done);
    }

    /// Waits for something, unless no record is to be begun with any more.
    pub(super) async fn unless_halted<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.halted() => None,
            output = future => Some(output),
        }
    }

    async fn halted(&self) {
        loop {
            let halted = self.shared.lanes.halted.notified();
            if !self.goes_on() {
                return;
            }
            halted.await;
        }
    }

    /// Whether the partition is still read from where these records came from.
    fn goes_on(&self) -> bool {
        let state = self.shared.state();
        state.lanes.get(&self.key) == Some(&false) && self.is_current(&state)
    }

    fn is_current(&self, state: &State) -> bool {
        state.partitions.get(&self.key).is_some_and(|partition| partition.epoch == self.epoch)
    }

    fn is_done(&self) -> bool {
        let last = self.parts.last().and_then(PartitionRecords::last_offset);
        last.is_none_or(|last| self.done > last)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.lanes.remove(&self.key);
        // Where the program has gone on elsewhere nothing is to be given back.
        if self.is_current(&state) && !self.is_done() {
            state.let_go(&self.key, self.course, &self.progress, Some(self.done));
        }
        state.enqueue(&self.key);
        drop(state);
        self.shared.arrived();
        self.shared.lanes.ended.notify_waiters();
    }
}
