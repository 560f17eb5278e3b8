//! The processes of a group.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use tokio::time::sleep;

use super::seen::Seen;
use super::{START, Setting, wait_until};
use crate::member::Membership;
use crate::party::Party;

/// What a group may take to settle beyond a heartbeat interval.
const SETTLES: Duration = Duration::from_secs(2);

/// How long a member may take to leave.
const LEAVE: Duration = Duration::from_secs(30);

struct Member {
    number: usize,
    party: Party,
}

/// The members that run, oldest first.
pub(super) struct Squad<'a> {
    run: &'a str,
    membership: Membership,
    setting: &'a Setting,
    members: Vec<Member>,
    started: usize,
    seen: Arc<Mutex<Seen>>,
}

impl<'a> Squad<'a> {
    pub(super) fn new(run: &'a str, membership: Membership, setting: &'a Setting) -> Self {
        Squad { run, membership, setting, members: Vec::new(), started: 0, seen: Arc::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn numbers(&self) -> Vec<usize> {
        self.members.iter().map(|member| member.number).collect()
    }

    /// Starts a member of the kind whose turn it is.
    pub(super) fn start(&mut self) -> Result<()> {
        let number = self.started;
        let (_, command) = &self.setting.members[number % self.setting.members.len()];
        let seen = Arc::clone(&self.seen);
        let party = Party::start(command, &self.membership.arguments(), move |line| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).hear(number, line);
        })?;
        self.members.push(Member { number, party });
        self.started += 1;
        Ok(())
    }

    /// Waits until every partition has one reader; the time counts from when all members poll.
    pub(super) async fn settle(&self, what: &str, more: Duration) -> Result<Duration> {
        let members = self.numbers();
        let polls = || self.seen().all_poll(&members);
        ensure!(wait_until(START, polls).await, "{}: not all members have begun to poll", self.run);
        let (since, limit) = (Instant::now(), self.setting.heartbeat + SETTLES + more);
        let settled = wait_until(limit + self.setting.slack, || self.seen().is_settled(&members)).await;
        ensure!(settled, "{}: the group took longer than {limit:?} to {what}: {}", self.run, self.seen().describe());
        Ok(since.elapsed())
    }

    /// Notes it if anything changes.
    pub(super) async fn stay_quiet(&self, since: &str) {
        let before = self.seen().assignments;
        sleep(self.setting.quiet).await;
        let mut seen = self.seen();
        let changes = seen.assignments - before;
        if changes > 0 || !seen.is_settled(&self.numbers()) {
            let owned = seen.describe();
            seen.violate(format!("{changes} assignments after the group had settled ({since}): {owned}"));
        }
    }

    /// Lets the oldest member leave.
    pub(super) async fn close_one(&mut self) -> Result<()> {
        let member = self.members.remove(0);
        self.close(member).await
    }

    async fn close(&self, mut member: Member) -> Result<()> {
        member.party.give_the_sign();
        let number = member.number;
        let closed = wait_until(LEAVE, || self.seen().has_closed(number)).await;
        ensure!(closed, "{}: member {number} does not leave", self.run);
        let status = member.party.ended().await?;
        ensure!(status.success(), "{}: member {number} ended with {status}", self.run);
        Ok(())
    }

    /// Kills the oldest member.
    pub(super) fn kill_one(&mut self) -> Result<()> {
        let mut member = self.members.remove(0);
        member.party.kill()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.seen().killed(member.number, now.as_millis() as u64);
        Ok(())
    }

    /// Waits until somebody has read everything.
    pub(super) async fn read_all(&self, written: &[u64], limit: Duration) {
        if !wait_until(limit, || self.seen().unread(written) == 0).await {
            let mut seen = self.seen();
            let unread = seen.unread(written);
            seen.violate(format!("{unread} records were never read"));
        }
    }

    /// Lets all leave, one after the other.
    pub(super) async fn close_all(&mut self) -> Result<()> {
        while !self.members.is_empty() {
            self.close_one().await?;
        }
        Ok(())
    }

    pub(super) fn into_seen(self) -> Seen {
        std::mem::take(&mut *self.seen())
    }
}
