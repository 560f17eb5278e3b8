//! The values that are published: random bytes that repeat, and in front the number of the record.

use rivven_testkit::{Seeded, value_checksum};

/// Different values; enough that no cache line is hot for long, few enough to stay in the cache.
const POOL: usize = 1024;

/// Bytes of the number that a value begins with, little-endian.
pub(crate) const NUMBER_LEN: usize = 8;

/// What the number of a record is shifted by and its lowest, thus the first byte of the value: no compression frame
/// begins so, so that no client has to send the value otherwise than it is.
const NUMBER_SHIFT: u32 = 8;
const FIRST_BYTE: u64 = 0x80;

/// Where the number of the producer begins within that number, as a sink expects it.
const PRODUCER_SHIFT: u32 = 48;

/// A pool of values, taken in turn.
///
/// Programs in other languages make the same from the same seed: 1024 values
/// cut from the little-endian words of SplitMix64, the first 8 bytes of each
/// overwritten by the number of the record: its position, counted from 0, times
/// 256, plus 128.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    pool: Vec<u8>,
    size: usize,
    producer: u16,
    count: u64,
}

impl Values {
    /// Values of `size` bytes, at least 8, of the producer with this number.
    pub(crate) fn new(size: usize, seed: u64, producer: u16) -> Self {
        let mut seeded = Seeded::new(seed);
        let mut pool = Vec::with_capacity(POOL * size + NUMBER_LEN);
        while pool.len() < POOL * size {
            pool.extend_from_slice(&seeded.next_u64().to_le_bytes());
        }
        pool.truncate(POOL * size);
        Values { pool, size, producer, count: 0 }
    }

    /// The value of the next record.
    #[inline]
    pub(crate) fn next(&mut self) -> &[u8] {
        let number = self.number(self.count);
        let start = (self.count % POOL as u64) as usize * self.size;
        self.count += 1;
        let value = &mut self.pool[start..start + self.size];
        value[..NUMBER_LEN].copy_from_slice(&number.to_le_bytes());
        value
    }

    /// How many were taken, and the checksum of all of them as a sink computes it.
    pub(crate) fn taken(&self) -> Taken {
        let mut sums: Vec<u64> = Vec::with_capacity(POOL);
        for value in self.pool.chunks_exact(self.size) {
            let mut value = value.to_vec();
            value[..NUMBER_LEN].fill(0);
            sums.push(value_checksum(&value));
        }
        let mut checksum = 0u64;
        for (index, number) in (0..self.count).map(|count| self.number(count)).enumerate() {
            checksum = checksum.wrapping_add(sums[index % POOL]).wrapping_add(number);
        }
        Taken { records: self.count, checksum }
    }

    fn number(&self, count: u64) -> u64 {
        u64::from(self.producer) << PRODUCER_SHIFT | count << NUMBER_SHIFT | FIRST_BYTE
    }

    /// What another process has taken after so many records.
    pub(crate) fn taken_elsewhere(mut self, records: u64) -> Taken {
        self.count = records;
        self.taken()
    }
}

/// What a server should have received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The records.
    pub(crate) records: u64,
    /// The sum of the checksums of their values, modulo 2^64.
    pub(crate) checksum: u64,
}

impl std::iter::Sum for Taken {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Taken::default(), |sum, one| Taken {
            records: sum.records + one.records,
            checksum: sum.checksum.wrapping_add(one.checksum),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_values_taken() {
        let mut values = Values::new(21, 7, 3);
        let count = POOL as u64 * 2 + 5;
        let mut checksum = 0u64;
        for _ in 0..count {
            checksum = checksum.wrapping_add(value_checksum(values.next()));
        }
        assert_eq!(values.taken(), Taken { records: count, checksum });
        assert_eq!(Values::new(21, 7, 3).taken_elsewhere(count), values.taken());
    }

    #[test]
    fn a_value_begins_with_its_number_and_the_rest_repeats() {
        let mut values = Values::new(100, 1, 0);
        let first = values.next().to_vec();
        for _ in 1..POOL {
            values.next();
        }
        let again = values.next();
        assert_eq!(again[..NUMBER_LEN], ((POOL as u64) << NUMBER_SHIFT | FIRST_BYTE).to_le_bytes());
        assert_eq!(again[NUMBER_LEN..], first[NUMBER_LEN..]);
    }
}
