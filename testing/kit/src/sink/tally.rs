//! What a sink has received.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::fields::Record;

/// Bytes of the number that a sequenced value begins with.
const PREFIX_LEN: usize = 8;

/// Where the number of the producer begins within that number.
const PRODUCER_SHIFT: u32 = 48;

/// The checksum of a value: its length plus each of its 8-byte little-endian words, the last one filled up with
/// zeros, times 1, 3, 5 and so on, modulo 2^64.
///
/// It depends on the order of the words in a value; the checksums of values are
/// added, so that their sum does not depend on the order of the values.
#[inline]
pub fn value_checksum(value: &[u8]) -> u64 {
    let (words, rest) = value.as_chunks::<8>();
    let mut sum = value.len() as u64;
    let mut weight = 1u64;
    for word in words {
        sum = sum.wrapping_add(u64::from_le_bytes(*word).wrapping_mul(weight));
        weight = weight.wrapping_add(2);
    }
    let mut last = 0;
    for (index, byte) in rest.iter().enumerate() {
        last |= u64::from(*byte) << (8 * index);
    }
    sum.wrapping_add(last.wrapping_mul(weight))
}

/// What a partition has received.
#[derive(Debug, Default)]
pub(super) struct Partition {
    records: u64,
    bytes: u64,
    batches: u64,
    checksum: u64,
    order_violations: u64,
    missing: u64,
    /// The producers, and the next number that each should send.
    next: Vec<(u16, u64)>,
    /// Where the producer of the last record is among them: mostly that of the next one.
    latest: usize,
}

impl Partition {
    /// Takes the records of one request; gives the offset of the first. `None` from `next` ends all.
    pub(super) fn take<'a>(
        &mut self,
        count: u64,
        sequenced: bool,
        mut next: impl FnMut() -> Option<Record<'a>>,
    ) -> Option<u64> {
        let base_offset = self.records;
        let (mut bytes, mut checksum) = (0, 0u64);
        for _ in 0..count {
            let Record { key, value } = next()?;
            bytes += (key.map_or(0, <[u8]>::len) + value.len()) as u64;
            checksum = checksum.wrapping_add(value_checksum(value));
            if sequenced {
                self.check_order(value);
            }
        }
        self.records += count;
        self.batches += 1;
        self.bytes += bytes;
        self.checksum = self.checksum.wrapping_add(checksum);
        Some(base_offset)
    }

    fn check_order(&mut self, value: &[u8]) {
        let Some(prefix) = value.first_chunk::<PREFIX_LEN>() else {
            self.order_violations += 1;
            return;
        };
        let number = u64::from_le_bytes(*prefix);
        let producer = (number >> PRODUCER_SHIFT) as u16;
        let sequence = number & ((1 << PRODUCER_SHIFT) - 1);
        let next = self.next_of(producer);
        let missing = sequence.checked_sub(*next);
        *next = (*next).max(sequence + 1);
        match missing {
            None => self.order_violations += 1,
            Some(missing) => self.missing += missing,
        }
    }

    fn next_of(&mut self, producer: u16) -> &mut u64 {
        if self.next.get(self.latest).is_none_or(|(known, _)| *known != producer) {
            let found = self.next.iter().position(|(known, _)| *known == producer);
            self.latest = found.unwrap_or_else(|| {
                self.next.push((producer, 0));
                self.next.len() - 1
            });
        }
        &mut self.next[self.latest].1
    }
}

/// What a sink has received and given, in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SinkReport {
    /// Connections that were accepted.
    pub connections: u64,
    /// Requests of all kinds.
    pub requests: u64,
    /// Requests that could not be read; each has cost its connection.
    pub malformed: u64,
    /// Requests that published.
    pub batches: u64,
    /// Records that were published.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Sum of the checksums of their values, modulo 2^64, in hexadecimal digits.
    pub checksum: String,
    /// Records that came after one with a higher number of the same producer, or without a number.
    pub order_violations: u64,
    /// Numbers that were left out; those that come later count as violations too.
    pub missing: u64,
    /// Records that were given to consumers.
    pub served: u64,
    /// The partitions that were published to, by topic and number.
    pub partitions: Vec<PartitionReport>,
}

/// What a partition of a sink has received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PartitionReport {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// Requests that published.
    pub batches: u64,
    /// Records.
    pub records: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// Sum of the checksums of the values, in hexadecimal digits.
    pub checksum: String,
    /// Records out of order.
    pub order_violations: u64,
    /// Numbers that were left out.
    pub missing: u64,
}

/// A partition, shared by the connections.
pub(super) type SharedPartition = Arc<Mutex<Partition>>;

/// What all connections of a sink count.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) served: AtomicU64,
    partitions: Mutex<BTreeMap<(String, u32), SharedPartition>>,
}

impl Tally {
    /// The partition of that name.
    pub(super) fn partition(&self, topic: &str, partition: u32) -> SharedPartition {
        Arc::clone(lock(&self.partitions).entry((topic.to_owned(), partition)).or_default())
    }

    /// Starts counting anew.
    pub(super) fn reset(&self) {
        for counter in [&self.connections, &self.requests, &self.malformed, &self.served] {
            counter.store(0, Ordering::Relaxed);
        }
        lock(&self.partitions).values().for_each(|partition| *lock(partition) = Partition::default());
    }

    pub(super) fn report(&self) -> SinkReport {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut report = SinkReport {
            connections: count(&self.connections),
            requests: count(&self.requests),
            malformed: count(&self.malformed),
            batches: 0,
            records: 0,
            bytes: 0,
            checksum: String::new(),
            order_violations: 0,
            missing: 0,
            served: count(&self.served),
            partitions: Vec::new(),
        };
        let mut checksum = 0u64;
        for ((topic, number), partition) in lock(&self.partitions).iter() {
            let partition = lock(partition);
            report.batches += partition.batches;
            report.records += partition.records;
            report.bytes += partition.bytes;
            report.order_violations += partition.order_violations;
            report.missing += partition.missing;
            checksum = checksum.wrapping_add(partition.checksum);
            report.partitions.push(partition.report(topic, *number));
        }
        report.partitions.retain(|partition| partition.batches > 0);
        report.checksum = digits(checksum);
        report
    }
}

impl Partition {
    fn report(&self, topic: &str, partition: u32) -> PartitionReport {
        PartitionReport {
            topic: topic.to_owned(),
            partition,
            batches: self.batches,
            records: self.records,
            bytes: self.bytes,
            checksum: digits(self.checksum),
            order_violations: self.order_violations,
            missing: self.missing,
        }
    }
}

/// JSON of many languages has no numbers of 64 bits.
fn digits(checksum: u64) -> String {
    format!("{checksum:016x}")
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::value_checksum;

    #[test]
    fn checksums_are_as_described() {
        assert_eq!(value_checksum(b""), 0);
        assert_eq!(value_checksum(&[7]), 1 + 7);
        assert_eq!(value_checksum(&[1, 0, 0, 0, 0, 0, 0, 0, 2]), 9 + 1 + 2 * 3);
        assert_ne!(value_checksum(b"abcdefghABCDEFGH"), value_checksum(b"ABCDEFGHabcdefgh"));
    }
}
