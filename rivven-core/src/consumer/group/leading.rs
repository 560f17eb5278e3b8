//! The leader's part: whom it waits for, and the plan.

use std::time::Duration;

use super::super::assignor::{Assignor, Counts, Subscriber};
use super::notes::{self, Listed};
use super::step::Timing;
use crate::ops::Assignment;

/// The members of a new group come one after another: so long nobody new has to have come.
const SETTLE: Duration = Duration::from_millis(200);
/// But if one comes after the other for so long, those who are there begin.
const LONGEST_SETTLE: Duration = Duration::from_secs(1);

/// What a leader knows in a generation that has no plan yet.
#[derive(Debug)]
pub(super) struct Leading {
    pub(super) generation: u32,
    pub(super) since: Duration,
    /// When somebody came or went last.
    changed: Duration,
    members: Vec<Listed>,
    counts: Option<(Vec<String>, Counts)>,
    pub(super) turn: Turn,
}

/// What a leader does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    List,
    Count,
    Sync,
}

/// Whom a leader waits for.
#[derive(Debug)]
pub(super) struct Patience<'a> {
    pub(super) own_id: &'a str,
    pub(super) timing: &'a Timing,
    /// Others may have lost the group, too, and not know it yet.
    pub(super) lost_group: bool,
}

impl Leading {
    pub(super) fn new(generation: u32, now: Duration) -> Self {
        Leading { generation, since: now, changed: now, members: Vec::new(), counts: None, turn: Turn::List }
    }

    /// Takes in the list of members as it is now.
    pub(super) fn listed(&mut self, members: Vec<(String, Vec<String>)>, now: Duration) {
        let mut members: Vec<_> = members.into_iter().map(|(id, topics)| notes::read(id, topics)).collect();
        members.sort_by(|a, b| a.subscriber.id.cmp(&b.subscriber.id));
        let ids = |members: &[Listed]| members.iter().map(|member| member.subscriber.id.clone()).collect::<Vec<_>>();
        if ids(&members) != ids(&self.members) {
            self.changed = now;
        }
        self.members = members;
    }

    pub(super) fn counted(&mut self, topics: Vec<String>, counts: Counts) {
        self.counts = Some((topics, counts));
    }

    /// The topics of all members.
    pub(super) fn topics(&self) -> Vec<String> {
        let mut topics: Vec<_> =
            self.members.iter().flat_map(|member| member.subscriber.topics.iter().cloned()).collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    /// Whether it is known how many partitions there are to divide.
    pub(super) fn has_counts(&self) -> bool {
        let Some((asked, _)) = &self.counts else { return false };
        self.members.iter().all(|member| member.subscriber.topics.iter().all(|topic| asked.contains(topic)))
    }

    /// Whether the plan may be made: nobody reads what another may be given.
    pub(super) fn may_plan(&self, patience: &Patience<'_>, now: Duration) -> bool {
        let age = now.saturating_sub(self.since);
        let quiet = now.saturating_sub(self.changed) >= SETTLE || age >= LONGEST_SETTLE;
        let patient = !patience.lost_group || age >= patience.timing.heartbeat + SETTLE;
        let ready = || self.members.iter().all(|member| self.is_ready(member, patience, now));
        // Whoever has not heard of the rebalance within its session has given up its partitions by itself.
        let long = patience.timing.session + patience.timing.rebalance;
        quiet && patient && (ready() || age >= long)
    }

    /// Whether a member reads nothing. Members of other make do not say it; they
    /// learn of the rebalance within their heartbeat interval.
    fn is_ready(&self, member: &Listed, patience: &Patience<'_>, now: Duration) -> bool {
        let Subscriber { id, .. } = &member.subscriber;
        id == patience.own_id
            || member.ready_in == Some(self.generation)
            || !notes::is_ours(id) && now.saturating_sub(self.since) >= patience.timing.heartbeat + SETTLE
    }

    /// The partitions of all members.
    ///
    /// Who is not ready although he was waited for gets nothing, not even the
    /// note, and so will join again when he is.
    pub(super) fn plan(&self, assignor: Assignor, patience: &Patience<'_>, now: Duration) -> Vec<(String, Assignment)> {
        let counts = self.counts();
        let (ready, others): (Vec<_>, Vec<_>) =
            self.members.iter().partition(|member| self.is_ready(member, patience, now));
        let ready: Vec<_> = ready.into_iter().map(|member| member.subscriber.clone()).collect();
        let mut plan = assignor.assign(&ready, &counts);
        for (id, share) in plan.iter_mut().filter(|(id, _)| notes::is_ours(id)) {
            let topics = ready.iter().find(|member| member.id == *id).map_or(&[][..], |member| &member.topics);
            share.push(notes::plan(self.generation, topics));
        }
        plan.extend(others.into_iter().map(|member| (member.subscriber.id.clone(), Assignment::new())));
        plan
    }

    /// How many partitions those topics have that are subscribed to now.
    pub(super) fn counts(&self) -> Counts {
        let counts = self.counts.iter().flat_map(|(_, counts)| counts);
        let wanted =
            counts.filter(|(topic, _)| self.members.iter().any(|member| member.subscriber.topics.contains(topic)));
        wanted.map(|(topic, count)| (topic.clone(), *count)).collect()
    }
}
