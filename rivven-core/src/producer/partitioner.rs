//! Which partition a record goes to.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::config::Properties;

/// A user's own choice of partitions.
///
/// Closures are partitioners; they have to name the types of their arguments:
///
/// ```
/// use rivven_client::{ProducerConfig, partition_of_key};
///
/// // Urgent records have the last partition for themselves.
/// let by_urgency = |_topic: &str, key: Option<&[u8]>, value: &[u8], partitions: u32| match key {
///     _ if partitions == 1 => Some(0),
///     _ if value.starts_with(b"!") => Some(partitions - 1),
///     Some(key) => Some(partition_of_key(key, partitions - 1)),
///     None => None,
/// };
/// let config = ProducerConfig::builder().partitioner(by_urgency).build()?;
/// # Ok::<(), rivven_client::Error>(())
/// ```
pub trait Partitioner: Send + Sync {
    /// The partition of a record among so many, the first of which is 0; `None` to leave it to [`Partitioning::Sticky`].
    ///
    /// The value is as it was handed over, before it is compressed. It is called
    /// for every record that is sent without a partition, again where that has
    /// to wait for room, on the thread that sends it, and several threads may
    /// call it at once; it should not block. A record for which it answers `partitions` or more is refused, with
    /// an error of the call that sends it.
    fn partition(&self, topic: &str, key: Option<&[u8]>, value: &[u8], partitions: u32) -> Option<u32>;
}

impl<F> Partitioner for F
where
    F: Fn(&str, Option<&[u8]>, &[u8], u32) -> Option<u32> + Send + Sync,
{
    fn partition(&self, topic: &str, key: Option<&[u8]>, value: &[u8], partitions: u32) -> Option<u32> {
        self(topic, key, value, partitions)
    }
}

/// How a producer chooses the partitions of records that name none (`partitioner`).
///
/// Other than with a partitioner of the user's, a key decides by its hash:
/// records of one key go to one partition, as long as the topic has as many.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Partitioning {
    /// Records without a key go to one partition until its batch ends, then to the next, which makes full batches.
    #[default]
    Sticky,
    /// Records without a key go to each partition in turn, which spreads them most evenly.
    RoundRobin,
    /// As the user's own partitioner says.
    Custom(Arc<dyn Partitioner>),
}

impl Partitioning {
    /// The value of the key `partitioner`.
    pub(crate) fn from_properties(properties: &Properties) -> Self {
        match properties.get("partitioner") {
            Some("round-robin") => Partitioning::RoundRobin,
            _ => Partitioning::Sticky,
        }
    }

    /// The partition of a record of a topic that has so many, at least one.
    ///
    /// A user's partitioner may answer one that there is not.
    #[inline]
    pub(super) fn choose(
        &self,
        keyless: &Keyless,
        topic: &str,
        key: Option<&[u8]>,
        value: &[u8],
        partitions: u32,
    ) -> u32 {
        let built_in = |key: Option<&[u8]>| key.map(|key| partition_of_key(key, partitions));
        match self {
            Partitioning::Sticky => built_in(key).unwrap_or_else(|| keyless.sticky(partitions)),
            Partitioning::RoundRobin => built_in(key).unwrap_or_else(|| keyless.next(partitions)),
            Partitioning::Custom(own) => {
                own.partition(topic, key, value, partitions).unwrap_or_else(|| keyless.sticky(partitions))
            }
        }
    }
}

impl<P: Partitioner + 'static> From<P> for Partitioning {
    fn from(partitioner: P) -> Self {
        Partitioning::Custom(Arc::new(partitioner))
    }
}

impl fmt::Debug for Partitioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Partitioning::Sticky => "Sticky",
            Partitioning::RoundRobin => "RoundRobin",
            Partitioning::Custom(_) => "Custom",
        })
    }
}

/// Where the records without a key of one topic go.
#[derive(Debug)]
pub(super) struct Keyless {
    /// The current partition, or a number whose remainder by the partitions it is.
    turn: AtomicU32,
}

/// The partition that is meant by a number. Most numbers are one already, and a division takes longer than the rest.
fn within(turn: u32, partitions: u32) -> u32 {
    if turn < partitions { turn } else { turn % partitions.max(1) }
}

impl Keyless {
    /// Begins anywhere, so that producers that begin together do not crowd one partition.
    pub(super) fn new() -> Self {
        Keyless::starting_at(getrandom::u32().unwrap_or_default())
    }

    fn starting_at(turn: u32) -> Self {
        Keyless { turn: AtomicU32::new(turn) }
    }

    /// The partition that the records are kept to for now.
    fn sticky(&self, partitions: u32) -> u32 {
        within(self.turn.load(Ordering::Relaxed), partitions)
    }

    /// The partition whose turn it is; the next one is another's.
    fn next(&self, partitions: u32) -> u32 {
        self.turn.fetch_add(1, Ordering::Relaxed) % partitions.max(1)
    }

    /// Goes on to the next partition if the batch that has ended was of the current one.
    ///
    /// Whoever completes a batch calls this, before another record can begin
    /// one. When batches of several partitions end at once, only that of the
    /// current one counts: the others had keys, or ended late.
    pub(super) fn batch_ended(&self, partition: u32, partitions: u32) {
        let turn = self.turn.load(Ordering::Relaxed);
        if within(turn, partitions) == partition {
            // Where this fails, another has gone on already.
            let next = within(partition.wrapping_add(1), partitions);
            let _ = self.turn.compare_exchange(turn, next, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

/// The partition of a key among so many, as Kafka's clients and the broker itself choose it.
///
/// That is the murmur2 hash, of which the highest bit is dropped, modulo
/// `partitions`. An empty key is a key. With no partitions at all the answer is 0.
///
/// ```
/// use rivven_client::partition_of_key;
///
/// assert_eq!(partition_of_key(b"kafka", 3), 1);
/// ```
pub fn partition_of_key(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

/// The 32-bit murmur2 hash, with the seed that Kafka's clients use.
fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let (groups, rest) = key.as_chunks::<4>();
    let mut hash = groups.iter().fold(SEED ^ key.len() as u32, |hash, group| {
        let k = u32::from_le_bytes(*group).wrapping_mul(M);
        hash.wrapping_mul(M) ^ (k ^ (k >> 24)).wrapping_mul(M)
    });
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u32::from_le_bytes(last)).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: F072 rust
    #[test]
    fn keys_have_the_hashes_and_partitions_of_the_vectors() {
        let vectors = include_str!("../../../testing/vectors/murmur2.json");
        let vectors: Vec<serde_json::Value> = serde_json::from_str(vectors).unwrap();
        assert!(vectors.len() > 10);
        for vector in vectors {
            let hex = vector["key_hex"].as_str().unwrap();
            let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
            let key: Vec<u8> = digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
            assert_eq!(u64::from(murmur2(&key)), vector["murmur2"], "{hex}");
            for (partitions, expected) in vector["partitions"].as_object().unwrap() {
                assert_eq!(u64::from(partition_of_key(&key, partitions.parse().unwrap())), *expected, "{hex}");
            }
        }
    }

    /// The choice for each of these keys, one after the other, among three partitions.
    fn choices(how: &Partitioning, keyless: &Keyless, keys: &[Option<&str>]) -> Vec<u32> {
        keys.iter().map(|key| how.choose(keyless, "orders", key.map(str::as_bytes), b"value", 3)).collect()
    }

    // covers: F072 rust
    #[test]
    fn records_without_a_key_stay_until_the_batch_ends() {
        let keyless = Keyless::starting_at(3);
        let sticky = Partitioning::Sticky;
        assert_eq!(choices(&sticky, &keyless, &[None, Some("kafka"), None, Some("user-123"), None]), [0, 1, 0, 2, 0]);
        keyless.batch_ended(1, 3);
        assert_eq!(choices(&sticky, &keyless, &[None]), [0], "the batch of another partition does not count");
        keyless.batch_ended(0, 3);
        keyless.batch_ended(0, 3);
        assert_eq!(choices(&sticky, &keyless, &[None, None]), [1, 1], "a batch that ended late is no second step");
    }

    // covers: F072 rust
    #[test]
    fn every_partition_has_its_turn() {
        let keyless = Keyless::starting_at(4);
        let in_turn = Partitioning::RoundRobin;
        assert_eq!(choices(&in_turn, &keyless, &[None, None, Some("kafka"), None, None]), [1, 2, 1, 0, 1]);
        let batches: Vec<u32> = (0..6)
            .map(|_| {
                let partition = keyless.sticky(3);
                keyless.batch_ended(partition, 3);
                partition
            })
            .collect();
        assert_eq!(batches, [2, 0, 1, 2, 0, 1]);
    }

    #[test]
    fn a_partitioner_of_ones_own_decides_and_may_leave_it() {
        let own = |topic: &str, key: Option<&[u8]>, value: &[u8], partitions: u32| {
            assert_eq!((topic, value, partitions), ("orders", b"value".as_slice(), 3));
            key.map(|key| key.len() as u32)
        };
        let keyless = Keyless::starting_at(1);
        assert_eq!(choices(&own.into(), &keyless, &[Some("ab"), None, Some("beyond")]), [2, 1, 6]);
    }

    #[test]
    fn other_producers_begin_elsewhere() {
        let starts: Vec<u32> = (0..64).map(|_| Keyless::new().sticky(1 << 20)).collect();
        assert!(starts.iter().any(|start| *start != starts[0]), "{starts:?}");
    }

    #[test]
    fn a_topic_without_partitions_is_no_division_by_zero() {
        let keyless = Keyless::new();
        keyless.batch_ended(0, 0);
        assert_eq!((keyless.sticky(0), keyless.next(0), partition_of_key(b"key", 0)), (0, 0, 0));
    }
}
