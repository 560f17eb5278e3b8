//! The file of readings, and what the programs should find in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::session::Session;

/// The readings, counted and averaged independently of the programs.
#[derive(Debug)]
pub(super) struct Readings {
    /// The file that the programs read.
    pub(super) file: PathBuf,
    /// The number of readings.
    pub(super) count: u64,
    /// The mean of each month, not rounded.
    pub(super) means: BTreeMap<String, f64>,
}

impl Readings {
    /// Loads the file of the examples, cut off after `rows` readings if so wanted.
    pub(super) fn load(session: &Session, rows: Option<usize>) -> Result<Self> {
        let mut file = session.root.join("examples/data/sf-temps.csv");
        let mut text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        if let Some(rows) = rows {
            file = session.scratch("sf-temps.csv");
            text = text.split_inclusive('\n').take(rows + 1).collect();
            fs::write(&file, &text)?;
        }
        let mut months: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for row in text.lines().skip(1) {
            let (month, fahrenheit) = parse(row).with_context(|| format!("not a reading: {row}"))?;
            months.entry(month).or_default().push(fahrenheit);
        }
        let count = months.values().map(|values| values.len() as u64).sum();
        let means = months.into_iter().map(|(month, v)| (month, v.iter().sum::<f64>() / v.len() as f64)).collect();
        Ok(Readings { file, count, means })
    }
}

/// The month and the temperature of a row such as `47.8,2010/01/01 00:00:00`.
fn parse(row: &str) -> Option<(String, f64)> {
    let (fahrenheit, date) = row.split_once(',')?;
    Some((date.get(..7)?.replace('/', "-"), fahrenheit.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_parsed() {
        assert_eq!(parse("47.8,2010/01/31 00:00:00"), Some(("2010-01".to_owned(), 47.8)));
        assert_eq!(parse("47.8"), None);
        assert_eq!(parse("warm,2010/01/31 00:00:00"), None);
        assert_eq!(parse("47.8,2010"), None);
    }
}
