//! Which member of a group reads which partitions.
//!
//! The leader of a group decides for all of its members, by functions without
//! I/O: `range`, `round_robin` and `sticky`, one file each. Whatever the
//! choice, every partition of a topic goes to exactly one of the members that
//! subscribed to the topic.

mod range;
mod round_robin;
mod sticky;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::ops::Assignment;

/// How the leader of a group divides partitions among its members.
///
/// The choice of the member that leads counts for all, so every member of a
/// group should have the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Assignor {
    /// Of each topic a block of neighbouring partitions for each member, in the
    /// order of their ids; the first members get one more where it does not
    /// come out even. Partitions of the same number of several topics go to the same member.
    #[default]
    Range,
    /// All partitions of all topics in turn, which spreads them most evenly over many small topics.
    RoundRobin,
    /// As few partitions as possible change their reader, and none has two more than it could share.
    Sticky,
}

/// How many partitions each topic has.
pub(crate) type Counts = BTreeMap<String, u32>;

/// A member as an assignor sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subscriber {
    pub(crate) id: String,
    pub(crate) topics: Vec<String>,
    /// What it read before.
    pub(crate) owned: Assignment,
    /// In which generation it read that; of two claims the later one counts.
    pub(crate) owned_in: u32,
}

impl Assignor {
    /// The partitions of every member, also of those that get none.
    ///
    /// Topics without a count have no partitions. The order of the members does not matter.
    pub(crate) fn assign(self, members: &[Subscriber], counts: &Counts) -> Vec<(String, Assignment)> {
        let mut deal = Deal::new(members, counts);
        match self {
            Assignor::Range => range::deal_out(&mut deal),
            Assignor::RoundRobin => round_robin::deal_out(&mut deal),
            Assignor::Sticky => sticky::deal_out(&mut deal),
        }
        deal.into_shares()
    }
}

/// A partition of a topic.
type Partition<'a> = (&'a str, u32);

/// The members in the order of their ids, and what each has been given so far.
struct Deal<'a> {
    counts: &'a Counts,
    members: Vec<&'a Subscriber>,
    /// By topic with partitions those who subscribed to it, as places among the members.
    subscribers: BTreeMap<&'a str, Vec<usize>>,
    given: Vec<Vec<Partition<'a>>>,
}

impl<'a> Deal<'a> {
    fn new(members: &'a [Subscriber], counts: &'a Counts) -> Self {
        let mut members: Vec<_> = members.iter().collect();
        members.sort_by(|a, b| a.id.cmp(&b.id));
        let subscribed = |topic: &String| {
            (0..members.len()).filter(|place| members[*place].topics.contains(topic)).collect::<Vec<_>>()
        };
        let topics = counts.iter().filter(|(_, count)| **count > 0);
        let subscribers = topics
            .map(|(topic, _)| (topic.as_str(), subscribed(topic)))
            .filter(|(_, subscribers)| !subscribers.is_empty())
            .collect();
        let given = vec![Vec::new(); members.len()];
        Deal { counts, members, subscribers, given }
    }

    /// All partitions that somebody subscribed to, in order.
    fn partitions(&self) -> Vec<Partition<'a>> {
        let of = |topic: &&'a str| (0..self.counts[*topic]).map(|partition| (*topic, partition)).collect::<Vec<_>>();
        self.subscribers.keys().flat_map(of).collect()
    }

    fn into_shares(self) -> Vec<(String, Assignment)> {
        let shares = self.members.iter().zip(self.given);
        shares.map(|(member, given)| (member.id.clone(), by_topic(given))).collect()
    }
}

fn by_topic(mut given: Vec<Partition<'_>>) -> Assignment {
    given.sort_unstable();
    let mut share = Assignment::new();
    for (topic, partition) in given {
        match share.last_mut() {
            Some((last, partitions)) if last == topic => partitions.push(partition),
            _ => share.push((topic.to_owned(), vec![partition])),
        }
    }
    share
}
