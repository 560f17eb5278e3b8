//! Numbers that look random and repeat with their seed.

/// A generator of pseudo-random numbers (SplitMix64); equal seeds give equal numbers.
#[derive(Debug, Clone)]
pub struct Seeded(u64);

impl Seeded {
    /// A generator that starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Seeded(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of `from..=to`; `from` if the range is empty.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        match to.checked_sub(from).and_then(|width| width.checked_add(1)) {
            Some(width) => from + self.next_u64() % width,
            None => from,
        }
    }

    /// True in one of `cases` cases.
    pub fn one_in(&mut self, cases: u64) -> bool {
        self.next_u64().is_multiple_of(cases)
    }
}

#[cfg(test)]
mod tests {
    use super::Seeded;

    #[test]
    fn equal_seeds_give_equal_numbers() {
        let numbers = |seed| {
            std::iter::repeat_with({
                let mut s = Seeded::new(seed);
                move || s.next_u64()
            })
            .take(4)
        };
        assert!(numbers(1).eq(numbers(1)));
        assert!(numbers(1).ne(numbers(2)));
    }

    #[test]
    fn numbers_stay_within_their_range() {
        let mut seeded = Seeded::new(7);
        assert!((0..1000).all(|_| (3..=5).contains(&seeded.between(3, 5))));
        assert_eq!(seeded.between(9, 9), 9);
        assert_eq!(seeded.between(9, 3), 9);
    }
}
