//! The values of records, each with its number.

/// The bytes of a value.
pub const LEN: usize = 100;

const BEGIN: &[u8] = b"soak:";
const DIGITS: usize = 12;

/// The value of the record with this number.
pub fn of(number: u64) -> [u8; LEN] {
    let mut value = [b'.'; LEN];
    let text = format!("soak:{number:0DIGITS$}:");
    value[..text.len()].copy_from_slice(text.as_bytes());
    value
}

/// The number of the record with this value; `None` for what is no whole value.
pub fn number_of(value: &[u8]) -> Option<u64> {
    let digits = value.strip_prefix(BEGIN)?.get(..DIGITS)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (value == of(number)).then_some(number)
}

/// The numbers of all whole values within some bytes.
pub fn numbers_within(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.windows(LEN).filter(|value| value.starts_with(BEGIN)).filter_map(number_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_from_a_whole_value_alone() {
        let value = of(123_456);
        assert_eq!(number_of(&value), Some(123_456));
        assert_eq!(number_of(&value[..LEN - 1]), None);
        let mut torn = value;
        torn[LEN - 1] = 0;
        assert_eq!(number_of(&torn), None);
        let bytes = [b"so", &of(1)[..], b"soak:", &torn, &of(7), &of(8)[..50]].concat();
        assert_eq!(numbers_within(&bytes).collect::<Vec<_>>(), [1, 7]);
    }
}
