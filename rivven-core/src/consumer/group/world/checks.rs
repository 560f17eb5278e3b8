//! What must hold at any time, and in the end.

use super::*;

impl World<'_> {
    /// Whether a consumer may be reading: it has partitions, is running and within its session.
    fn is_reading(&self, node: &Node) -> bool {
        let valid = node.member.valid_until().is_some_and(|until| self.time() < until);
        node.alive && node.stalled_until <= self.now && valid
    }

    /// Nobody else reads what somebody reads from now on.
    pub(super) fn check_alone(&mut self, index: usize) {
        let node = &self.nodes[index];
        for (other, another) in self.nodes.iter().enumerate().filter(|(other, _)| *other != index) {
            let (Some(own), Some(others)) = (&node.reads, &another.reads) else { continue };
            if !self.is_reading(another) || !self.is_reading(node) || !overlap(own, others) {
                continue;
            }
            let rebalance = self.timing.rebalance.as_millis() as u64;
            let slow = |node: &Node| node.told_at.is_some_and(|told| self.now >= told + rebalance);
            // The broker forgot who had what; whoever has not heard of it reads on for its session at most.
            let forgotten = [node, another].iter().any(|node| node.assigned_at_start != self.start)
                && self.now <= self.started_at + self.timing.session.as_millis() as u64;
            if slow(another) || slow(node) {
                self.seen.too_slow += 1;
            } else if forgotten {
                self.seen.forgotten += 1;
            } else if self.mixed {
                self.seen.mixed += 1;
            } else {
                panic!("{index} and {other} read the same at {}: {node:#?} {another:#?}", self.now);
            }
        }
    }

    /// Whether every partition is read by exactly one of the members that live, by a plan that is in force.
    pub(in crate::consumer::group) fn is_settled(&self) -> bool {
        let alive = || self.nodes.iter().filter(|node| node.alive);
        if alive().next().is_none() {
            return self.broker.members() == 0;
        }
        let in_force = |node: &Node| {
            node.reads.is_some()
                && node.told_at.is_none()
                && !node.leaving
                && node.assigned_at_start == self.start
                && Some(node.generation) == self.broker.generation()
        };
        // Those that were killed are dropped after their session.
        let only_they = self.broker.members() == self.alive();
        only_they && self.broker.is_stable() && alive().all(in_force) && self.covers()
    }

    fn covers(&self) -> bool {
        let shares =
            || self.nodes.iter().filter(|node| node.alive).filter_map(|node| Some((node, node.reads.as_ref()?)));
        TOPICS.iter().zip(self.counts).all(|(topic, count)| {
            let wanted = shares().any(|(node, _)| node.member.topics().iter().any(|name| name == topic));
            let mut read: Vec<u32> = shares()
                .flat_map(|(_, share)| share.iter().filter(|(name, _)| name == topic))
                .flat_map(|(_, partitions)| partitions.iter().copied())
                .collect();
            read.sort_unstable();
            read.into_iter().eq(0..if wanted { count } else { 0 })
        })
    }
}

fn overlap(one: &Assignment, other: &Assignment) -> bool {
    one.iter().any(|(topic, partitions)| {
        let same = other.iter().filter(|(name, _)| name == topic);
        same.flat_map(|(_, others)| others).any(|partition| partitions.contains(partition))
    })
}
