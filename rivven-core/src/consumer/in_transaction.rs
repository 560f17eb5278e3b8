//! Positions that a transaction stores together with its records.

use std::sync::Arc;

use super::Consumer;
use super::commit::Commit;
use super::offsets::Offsets;
use super::shared::Shared;
use super::state::not_assigned;
use crate::error::Result;

/// How far a program has come with the partitions of its consumer, at one moment.
pub(crate) struct Positions {
    shared: Arc<Shared>,
    commits: Vec<Commit>,
}

impl Positions {
    /// Those that are not committed yet, of all partitions.
    ///
    /// # Errors
    ///
    /// `CLOSED`.
    pub(crate) fn of(consumer: &Consumer) -> Result<Self> {
        let shared = Arc::clone(consumer.shared());
        shared.check_open()?;
        let commits = shared.offsets_to_commit(|_| true, Offsets::to_commit);
        Ok(Positions { shared, commits })
    }

    /// The group whose offsets they are.
    pub(crate) fn group(&self) -> &str {
        &self.shared.config.group_id
    }

    /// Topic, partition and the next offset to read.
    pub(crate) fn offsets(&self) -> Vec<(String, u32, u64)> {
        let offset = |commit: &Commit| (commit.key.topic.to_string(), commit.key.partition, commit.offset);
        self.commits.iter().map(offset).collect()
    }

    /// Looks whether the consumer still has the partitions.
    ///
    /// # Errors
    ///
    /// `NOT_ASSIGNED` if one of them was taken away, or may be somebody else's by now.
    pub(crate) fn check_assigned(&self) -> Result<()> {
        self.commits
            .iter()
            .try_for_each(|commit| if self.shared.still_has(commit) { Ok(()) } else { Err(not_assigned(&commit.key)) })
    }

    /// Notes that they are committed.
    pub(crate) fn committed(&self) {
        self.commits.iter().for_each(|commit| self.shared.has_committed(commit));
    }
}
