//! The broker's choice of a partition by a key.

/// The 32-bit murmur2 hash with the broker's seed.
fn murmur2(key: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ key.len() as u32;
    let groups = key.chunks_exact(4);
    let rest = groups.remainder();
    for group in groups {
        let mut k = u32::from_le_bytes([group[0], group[1], group[2], group[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    for (index, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * index);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// The partition of a key, as the broker and most clients choose it.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::{murmur2, partition_of};

    #[test]
    fn known_keys_have_known_hashes() {
        for (key, hash) in [
            ("", 275646681),
            ("hello", 2132663229),
            ("kafka", 3496464228),
            ("abc", 479470107),
            ("user-123", 2826711316),
        ] {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
        assert_eq!(partition_of(b"kafka", 100), 80);
    }
}
