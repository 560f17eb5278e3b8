//! What the producer said of each record, compared with what is in the log.

use std::collections::BTreeMap;

use rivven_client::{Error, ErrorCode, OFFSET_UNKNOWN, Outcome, RecordMetadata};
use serde::{Deserialize, Serialize};

/// What the producer says became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The broker has it.
    Acknowledged {
        /// Its place, if that is known for certain.
        offset: Option<u64>,
        /// Whether it may be there twice.
        maybe_duplicate: bool,
    },
    /// It was not delivered.
    Failed {
        /// Why.
        code: ErrorCode,
        /// Whether the broker may have it all the same.
        may_be_there: bool,
    },
}

impl Fate {
    /// What a delivery says.
    pub fn of(result: &Result<RecordMetadata, Error>) -> Self {
        match result {
            Ok(metadata) => Fate::Acknowledged {
                offset: Some(metadata.offset).filter(|offset| metadata.offset_exact && *offset != OFFSET_UNKNOWN),
                maybe_duplicate: metadata.maybe_duplicate,
            },
            Err(error) => Fate::Failed { code: error.code(), may_be_there: error.outcome() == Outcome::Unknown },
        }
    }

    /// The line in which a writer tells it.
    pub(crate) fn told_of(self, number: u64) -> String {
        match self {
            Fate::Acknowledged { offset, maybe_duplicate } => {
                let offset = offset.map_or_else(|| "?".to_owned(), |offset| offset.to_string());
                format!("delivered {number} {offset} {}", if maybe_duplicate { "maybe-twice" } else { "once" })
            }
            Fate::Failed { code, may_be_there } => {
                format!("failed {number} {} {}", code.name(), if may_be_there { "UNKNOWN" } else { "NOT_THERE" })
            }
        }
    }

    /// The record's number and its fate in such a line, if it is one.
    pub(crate) fn heard(line: &str) -> Option<(u64, Fate)> {
        let mut words = line.split(' ');
        let (what, number) = (words.next()?, words.next()?.parse().ok()?);
        let (first, second) = (words.next()?, words.next()?);
        let fate = match what {
            "delivered" => Fate::Acknowledged { offset: first.parse().ok(), maybe_duplicate: second == "maybe-twice" },
            "failed" => {
                let code = ErrorCode::ALL.iter().find(|code| code.name() == first)?;
                Fate::Failed { code: *code, may_be_there: second == "UNKNOWN" }
            }
            _ => return None,
        };
        Some((number, fate))
    }
}

/// The fates of the records 0, 1, 2, ..., which went to the partitions in turn.
#[derive(Debug, Clone)]
pub struct Ledger {
    partitions: u32,
    fates: Vec<Fate>,
}

/// One record of a log: its offset, and its number unless its value is none of ours.
pub type Stored = (u64, Option<u64>);

/// How often each thing was found; all but the first five must not happen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// Records that were acknowledged.
    pub acknowledged: u64,
    /// Records that failed.
    pub failed: u64,
    /// Acknowledged records whose result said that they may be there twice.
    pub maybe_duplicate: u64,
    /// Records in the log.
    pub stored: u64,
    /// Records that are there more than once and may be.
    pub stored_twice: u64,
    /// Acknowledged records that are not there.
    pub lost: u64,
    /// Records that came behind a later one.
    pub out_of_order: u64,
    /// Records that are there more than once and may not be.
    pub duplicated: u64,
    /// Records that are not where their result said for certain.
    pub misplaced: u64,
    /// Records that are there though they failed for certain, or that nobody sent.
    pub unexpected: u64,
}

impl Findings {
    /// How often something happened that must not.
    pub fn violations(&self) -> u64 {
        self.lost + self.out_of_order + self.duplicated + self.misplaced + self.unexpected
    }
}

impl Ledger {
    /// A ledger of records that went to so many partitions in turn.
    pub fn new(partitions: u32, fates: Vec<Fate>) -> Self {
        Ledger { partitions, fates }
    }

    /// The partition of the record with this number.
    pub fn partition_of(&self, number: u64) -> u32 {
        (number % u64::from(self.partitions)) as u32
    }

    /// The fates, by number.
    pub fn fates(&self) -> &[Fate] {
        &self.fates
    }

    /// The codes of what failed, each with how often.
    pub fn failures(&self) -> Vec<(ErrorCode, usize)> {
        let mut counts: Vec<(ErrorCode, usize)> = Vec::new();
        for fate in &self.fates {
            let Fate::Failed { code, .. } = *fate else { continue };
            match counts.iter_mut().find(|(other, _)| *other == code) {
                Some((_, count)) => *count += 1,
                None => counts.push((code, 1)),
            }
        }
        counts
    }

    /// What the results alone say.
    pub fn summary(&self) -> Findings {
        let mut findings = Findings::default();
        for fate in &self.fates {
            match fate {
                Fate::Acknowledged { maybe_duplicate, .. } => {
                    findings.acknowledged += 1;
                    findings.maybe_duplicate += u64::from(*maybe_duplicate);
                }
                Fate::Failed { .. } => findings.failed += 1,
            }
        }
        findings
    }

    /// Compares with what every partition holds, in the order of the partitions.
    pub fn compare(&self, logs: &[Vec<Stored>]) -> Findings {
        let mut findings = self.summary();
        let mut copies = vec![0u8; self.fates.len()];
        for (partition, log) in logs.iter().enumerate() {
            self.read(partition as u32, log, &mut copies, &mut findings);
        }
        for (number, fate) in self.fates.iter().enumerate() {
            self.judge(number, *fate, copies[number], logs, &mut findings);
        }
        findings
    }

    /// The records that are there more than once and may not be, each with all its offsets in its partition.
    pub fn doubled(&self, logs: &[Vec<Stored>]) -> Vec<(u64, Vec<u64>)> {
        let once = |(number, fate): (usize, &Fate)| match fate {
            Fate::Acknowledged { maybe_duplicate: false, .. } => Some(number as u64),
            _ => None,
        };
        let mut places: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (offset, number) in logs.iter().flatten() {
            number.iter().for_each(|number| places.entry(*number).or_default().push(*offset));
        }
        let once = self.fates.iter().enumerate().filter_map(once);
        once.filter_map(|number| Some((number, places.remove(&number).filter(|places| places.len() > 1)?))).collect()
    }

    /// The order in which the records of a partition lie in its log, for people: each stretch of records that follow one
    /// another as they were sent.
    pub fn stretches(&self, log: &[Stored]) -> String {
        let mut stretches: Vec<(u64, u64, u64)> = Vec::new();
        for (offset, number) in log {
            let Some(number) = number else { continue };
            match stretches.last_mut() {
                Some((_, _, last)) if *last + u64::from(self.partitions) == *number => *last = *number,
                _ => stretches.push((*offset, *number, *number)),
            }
        }
        let shown = stretches.iter().map(|(offset, first, last)| format!("{first}..={last} at {offset}"));
        shown.collect::<Vec<_>>().join(", ")
    }

    /// Counts the copies of each record of one partition, and looks at their order.
    fn read(&self, partition: u32, log: &[Stored], copies: &mut [u8], findings: &mut Findings) {
        let mut highest = None;
        for (_, number) in log {
            findings.stored += 1;
            let known = number.filter(|number| self.partition_of(*number) == partition);
            let Some((number, copies)) = known.and_then(|number| Some((number, copies.get_mut(number as usize)?)))
            else {
                findings.unexpected += 1;
                continue;
            };
            // A batch that is sent again repeats what is there; whatever is new has to come behind everything else.
            if *copies == 0 && highest.is_some_and(|highest| number < highest) {
                findings.out_of_order += 1;
            }
            highest = highest.max(Some(number));
            *copies = copies.saturating_add(1);
        }
    }

    fn judge(&self, number: usize, fate: Fate, copies: u8, logs: &[Vec<Stored>], findings: &mut Findings) {
        match fate {
            Fate::Acknowledged { .. } if copies == 0 => findings.lost += 1,
            Fate::Acknowledged { offset, maybe_duplicate } => {
                match (copies, maybe_duplicate) {
                    (1, _) => {}
                    (_, true) => findings.stored_twice += 1,
                    (_, false) => findings.duplicated += 1,
                }
                let log = &logs[self.partition_of(number as u64) as usize];
                findings.misplaced += u64::from(offset.is_some_and(|offset| !is_at(log, offset, number as u64)));
            }
            Fate::Failed { may_be_there, .. } => {
                findings.unexpected += u64::from(copies > 0 && !may_be_there);
            }
        }
    }
}

/// Whether this record is at this offset of a log, whose offsets ascend.
fn is_at(log: &[Stored], offset: u64, number: u64) -> bool {
    log.binary_search_by_key(&offset, |(offset, _)| *offset).is_ok_and(|place| log[place].1 == Some(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(offset: u64) -> Fate {
        Fate::Acknowledged { offset: Some(offset), maybe_duplicate: false }
    }

    const MAYBE: Fate = Fate::Acknowledged { offset: None, maybe_duplicate: true };

    const fn failed(may_be_there: bool) -> Fate {
        Fate::Failed { code: ErrorCode::TimedOut, may_be_there }
    }

    /// A log with these numbers at the offsets from 0 on.
    fn log(numbers: &[u64]) -> Vec<Stored> {
        numbers.iter().enumerate().map(|(offset, number)| (offset as u64, Some(*number))).collect()
    }

    fn compared(fates: &[Fate], numbers: &[u64]) -> Findings {
        Ledger::new(1, fates.to_vec()).compare(&[log(numbers)])
    }

    #[test]
    fn what_is_as_it_was_said_is_fine() {
        let findings = Ledger::new(2, vec![at(0), at(0), at(1)]).compare(&[log(&[0, 2]), log(&[1])]);
        assert_eq!((findings.acknowledged, findings.stored, findings.violations()), (3, 3, 0));
        let repeated = compared(&[MAYBE, MAYBE, at(4)], &[0, 1, 0, 1, 2]);
        assert_eq!((repeated.maybe_duplicate, repeated.stored_twice, repeated.violations()), (2, 2, 0));
        assert_eq!(compared(&[at(0), failed(true), failed(true)], &[0, 2]).violations(), 0);
    }

    #[test]
    fn what_is_not_is_found() {
        assert_eq!(compared(&[at(0), at(1)], &[0]).lost, 1);
        assert_eq!(compared(&[MAYBE, MAYBE], &[1]).lost, 1);
        assert_eq!(compared(&[at(1), at(0)], &[1, 0]).out_of_order, 1);
        assert_eq!(compared(&[at(0), MAYBE], &[0, 1, 0]).duplicated, 1);
        assert_eq!(Ledger::new(1, vec![at(0), MAYBE]).doubled(&[log(&[0, 1, 0, 1])]), [(0, vec![0, 2])]);
        assert_eq!(compared(&[at(1), at(1)], &[0, 1]).misplaced, 1);
        assert_eq!(compared(&[at(0), failed(false)], &[0, 1]).unexpected, 1);
        assert_eq!(compared(&[at(0)], &[0, 1]).unexpected, 1, "nobody sent it");
        assert_eq!(Ledger::new(2, vec![at(0), at(0)]).compare(&[log(&[1]), log(&[0])]).unexpected, 2);
        assert_eq!(Ledger::new(1, vec![]).compare(&[vec![(0, None)]]).unexpected, 1);
    }

    #[test]
    fn the_order_is_shown_by_stretches() {
        let log = [(0, Some(4)), (1, Some(6)), (2, None), (3, Some(0)), (4, Some(2))];
        assert_eq!(Ledger::new(2, Vec::new()).stretches(&log), "4..=6 at 0, 0..=2 at 3");
    }

    #[test]
    fn what_is_told_is_heard() {
        for fate in [at(7), MAYBE, failed(true), failed(false)] {
            assert_eq!(Fate::heard(&fate.told_of(12)), Some((12, fate)));
        }
        for line in ["ready", "delivered 1", "failed 1 NO_CODE UNKNOWN", "said 1 2 once"] {
            assert_eq!(Fate::heard(line), None);
        }
    }

    #[test]
    fn failures_are_counted_by_code() {
        let ledger = Ledger::new(1, vec![failed(true), at(0), failed(false)]);
        assert_eq!(ledger.failures(), [(ErrorCode::TimedOut, 2)]);
    }
}
