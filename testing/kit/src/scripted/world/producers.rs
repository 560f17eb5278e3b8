//! Producer ids, epochs and sequences, as one node keeps them in memory.

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};

/// How many sequences back an offset is remembered.
const REMEMBERED: usize = 5;

/// The producers that a node knows.
#[derive(Debug, Default)]
pub(super) struct Producers {
    given: u64,
    known: HashMap<u64, Producer>,
}

#[derive(Debug, Default)]
struct Producer {
    epoch: u16,
    /// By the number of the partition, whatever the topic: that is how the broker does it.
    sequences: HashMap<u32, Sequences>,
}

#[derive(Debug)]
struct Sequences {
    last: i32,
    recent: VecDeque<(i32, u64)>,
}

/// Who publishes, and which record of theirs it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity {
    pub(super) id: u64,
    pub(super) epoch: u16,
    pub(super) sequence: i32,
}

/// What is to be done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    New,
    /// It was written before, at this offset as far as the broker remembers.
    Duplicate(u64),
}

impl Producers {
    /// Gives a new id, or the next epoch of a known one.
    pub(super) fn init(&mut self, id: Option<u64>) -> (u64, u16) {
        let id = id.unwrap_or_else(|| {
            self.given += 1;
            self.given
        });
        match self.known.get_mut(&id) {
            Some(producer) => {
                producer.epoch = producer.epoch.wrapping_add(1);
                producer.sequences.clear();
                (id, producer.epoch)
            }
            None => {
                self.known.insert(id, Producer::default());
                (id, 0)
            }
        }
    }

    /// Judges a record by its sequence. `expected` words the number that would have been right.
    pub(super) fn check(&mut self, who: Identity, partition: u32, expected: &str) -> Result<Verdict, String> {
        let Identity { id, epoch, sequence } = who;
        let producer = self.known.get_mut(&id).ok_or_else(|| format!("UNKNOWN_PRODUCER_ID: {id}"))?;
        match epoch.cmp(&producer.epoch) {
            Ordering::Less => return Err(format!("PRODUCER_FENCED: epoch {epoch} is older than {}", producer.epoch)),
            Ordering::Equal => {}
            Ordering::Greater => *producer = Producer { epoch, ..Producer::default() },
        }
        let Some(sequences) = producer.sequences.get(&partition) else {
            return match sequence {
                0 => Ok(Verdict::New),
                _ => Err(format!("OUT_OF_ORDER_SEQUENCE: expected sequence 0, got {sequence}")),
            };
        };
        match sequence.wrapping_sub(sequences.last) {
            1 => Ok(Verdict::New),
            ..=0 => Ok(Verdict::Duplicate(sequences.offset_of(sequence))),
            _ => {
                let next = sequences.last.wrapping_add(1);
                Err(format!("OUT_OF_ORDER_SEQUENCE: {expected} {next}, got {sequence}"))
            }
        }
    }

    /// Notes that a record was written.
    pub(super) fn accept(&mut self, who: Identity, partition: u32, offset: u64) {
        let Some(producer) = self.known.get_mut(&who.id) else { return };
        let new = || Sequences { last: who.sequence, recent: VecDeque::new() };
        let sequences = producer.sequences.entry(partition).or_insert_with(new);
        sequences.last = who.sequence;
        sequences.recent.push_back((who.sequence, offset));
        if sequences.recent.len() > REMEMBERED {
            sequences.recent.pop_front();
        }
    }
}

impl Sequences {
    /// The offset of a sequence, or the newest one if it is forgotten.
    fn offset_of(&self, sequence: i32) -> u64 {
        let found = self.recent.iter().find(|(known, _)| *known == sequence).or(self.recent.back());
        found.map_or(0, |(_, offset)| *offset)
    }
}
