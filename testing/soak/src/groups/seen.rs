//! What the members of a group have said, and what of that should not be.

use std::collections::{BTreeMap, BTreeSet};

use super::PARTITIONS;

/// A time during which a member read a partition, in milliseconds since 1970.
#[derive(Debug)]
struct Reading {
    member: usize,
    from: u64,
    until: Option<u64>,
}

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Who polls, or has polled.
    polling: BTreeSet<usize>,
    /// The partitions of those who are members.
    owned: BTreeMap<usize, BTreeSet<u32>>,
    readings: BTreeMap<u32, Vec<Reading>>,
    reads: BTreeMap<(u32, u64), u64>,
    pub(super) assignments: u64,
    pub(super) read_again: u64,
    /// A member was killed, and what it had read may come again.
    after_kill: bool,
    closed: BTreeSet<usize>,
    violations: Vec<String>,
}

impl Seen {
    /// Takes in a line of a member.
    pub(super) fn hear(&mut self, member: usize, line: &str) {
        let mut words = line.split(' ');
        let what = words.next().unwrap_or_default();
        let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        match (what, numbers.as_slice()) {
            ("polls", []) => drop(self.polling.insert(member)),
            ("assigned", [at, partitions @ ..]) => self.assigned(member, *at, partitions),
            ("revoked" | "lost", [at, ..]) => self.gone(member, *at),
            ("read", [partition, offset]) => self.read(*partition as u32, *offset),
            ("closed", []) => {
                self.closed.insert(member);
                self.owned.remove(&member);
            }
            _ => self.violate(format!("member {member} said: {line}")),
        }
    }

    fn assigned(&mut self, member: usize, at: u64, partitions: &[u64]) {
        self.assignments += 1;
        let partitions: BTreeSet<u32> = partitions.iter().map(|partition| *partition as u32).collect();
        for partition in &partitions {
            self.readings.entry(*partition).or_default().push(Reading { member, from: at, until: None });
        }
        self.owned.insert(member, partitions);
    }

    /// A member has let go of what it had.
    pub(super) fn gone(&mut self, member: usize, at: u64) {
        self.owned.remove(&member);
        let readings = self.readings.values_mut().flatten();
        readings.filter(|reading| reading.member == member && reading.until.is_none()).for_each(|reading| {
            reading.until = Some(at);
        });
    }

    fn read(&mut self, partition: u32, offset: u64) {
        let times = self.reads.entry((partition, offset)).or_default();
        *times += 1;
        if *times > 1 {
            match self.after_kill {
                true => self.read_again += 1,
                false => self.violate(format!("{partition} at {offset} was read twice")),
            }
        }
    }

    pub(super) fn violate(&mut self, what: String) {
        self.violations.push(what);
    }

    /// From now on records may be read again.
    pub(super) fn killed(&mut self, member: usize, at: u64) {
        self.gone(member, at);
        self.after_kill = true;
    }

    pub(super) fn has_closed(&self, member: usize) -> bool {
        self.closed.contains(&member)
    }

    pub(super) fn all_poll(&self, members: &[usize]) -> bool {
        members.iter().all(|member| self.polling.contains(member))
    }

    /// Whether each partition belongs to one of these members, all of which have been told.
    pub(super) fn is_settled(&self, members: &[usize]) -> bool {
        let shares: Vec<_> = members.iter().filter_map(|member| self.owned.get(member)).collect();
        let all: BTreeSet<_> = shares.iter().flat_map(|share| share.iter()).collect();
        let count: usize = shares.iter().map(|share| share.len()).sum();
        shares.len() == members.len() && count == all.len() && all.len() == PARTITIONS as usize
    }

    /// How many of these records nobody has read.
    pub(super) fn unread(&self, written: &[u64]) -> u64 {
        let written = (0..).zip(written).flat_map(|(partition, count)| (0..*count).map(move |at| (partition, at)));
        written.filter(|record| !self.reads.contains_key(record)).count() as u64
    }

    pub(super) fn describe(&self) -> String {
        format!("{:?}", self.owned)
    }

    /// What should not have happened.
    pub(super) fn violations(&self) -> Vec<String> {
        let mut violations = self.violations.clone();
        for (partition, readings) in &self.readings {
            for (place, one) in readings.iter().enumerate() {
                let both = readings[place + 1..].iter().filter(|other| one.overlaps(other));
                violations.extend(
                    both.map(|other| format!("{partition} had two readers, {} and {}", one.member, other.member)),
                );
            }
        }
        violations
    }
}

impl Reading {
    fn overlaps(&self, other: &Reading) -> bool {
        let ends = |reading: &Reading| reading.until.unwrap_or(u64::MAX);
        self.member != other.member && self.from < ends(other) && other.from < ends(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[(usize, &str)]) -> Seen {
        let mut seen = Seen::default();
        lines.iter().for_each(|(member, line)| seen.hear(*member, line));
        seen
    }

    #[test]
    fn two_readers_at_once_are_found() {
        let one_after_the_other = [(0, "assigned 1 3"), (1, "assigned 5 3"), (0, "revoked 5 3")];
        assert_eq!(heard(&one_after_the_other).violations(), [""; 0]);
        let both = [(0, "assigned 1 3"), (1, "assigned 4 3"), (0, "revoked 5 3")];
        assert_eq!(heard(&both).violations(), ["3 had two readers, 0 and 1"]);
    }

    #[test]
    fn records_are_read_twice_only_after_a_kill() {
        let mut seen = heard(&[(0, "read 1 7"), (1, "read 1 7"), (0, "read 2 0")]);
        assert_eq!(seen.violations(), ["1 at 7 was read twice"]);
        seen.killed(0, 9);
        seen.hear(1, "read 2 0");
        assert_eq!((seen.read_again, seen.violations().len()), (1, 1));
        assert_eq!(seen.unread(&[1, 8, 1]), 8);
    }

    #[test]
    fn a_group_has_settled_when_all_members_have_all_partitions() {
        let mut seen = heard(&[(0, "assigned 1 0 1 2 3 4 5 6 7 8 9 10 11")]);
        assert!(seen.is_settled(&[0]) && !seen.is_settled(&[0, 1]));
        seen.hear(1, "assigned 2");
        assert!(seen.is_settled(&[0, 1]));
        seen.hear(1, "assigned 3 4");
        assert!(!seen.is_settled(&[0, 1]));
    }
}
