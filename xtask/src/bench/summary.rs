//! Entries as rows: one for what was measured several times, compared with our own client.

use super::Entry;

/// What our own clients are called.
const OURS: &str = "rivven ";

/// The titles of the columns.
pub(crate) const COLUMNS: [&str; 12] = [
    "scenario",
    "client",
    "partitions",
    "records",
    "per second",
    "CPU ns each",
    "allocations each",
    "p50 us",
    "p99 us",
    "peak MiB",
    "speed of ours",
    "CPU of ours",
];

/// The cells of each row, in the order in which the entries first come.
pub(crate) fn rows(entries: &[Entry]) -> Vec<[String; COLUMNS.len()]> {
    let groups = alike(entries);
    groups.iter().map(|group| row(group, ours(&groups, group[0]))).collect()
}

/// Entries of the same measurement together.
fn alike(entries: &[Entry]) -> Vec<Vec<&Entry>> {
    let mut groups: Vec<Vec<&Entry>> = Vec::new();
    for entry in entries {
        match groups.iter_mut().find(|group| group[0].is_like(entry)) {
            Some(group) => group.push(entry),
            None => groups.push(vec![entry]),
        }
    }
    groups
}

/// The entries of our first client in the scenario of `entry`, unless that is one of ours itself.
fn ours<'a>(groups: &'a [Vec<&'a Entry>], entry: &Entry) -> Option<&'a [&'a Entry]> {
    let is_ours = |one: &Entry| one.client.starts_with(OURS);
    let found = groups.iter().find(|group| is_ours(group[0]) && group[0].scenario == entry.scenario);
    found.filter(|_| !is_ours(entry)).map(Vec::as_slice)
}

fn row(group: &[&Entry], ours: Option<&[&Entry]>) -> [String; COLUMNS.len()] {
    let first = group[0];
    [
        first.scenario.clone(),
        format!("{}: {}", first.language, first.client),
        first.partitions.map_or_else(|| "-".to_owned(), |count| count.to_string()),
        first.records.to_string(),
        spread(group, 0, speed),
        spread(group, 0, cpu),
        spread(group, 2, |entry| entry.allocations_per_record),
        spread(group, 0, |entry| entry.p50_us),
        spread(group, 0, |entry| entry.p99_us),
        spread(group, 0, |entry| entry.peak_rss_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20))),
        times(ours, group, speed),
        times(ours, group, cpu),
    ]
}

fn speed(entry: &Entry) -> Option<f64> {
    Some(entry.records_per_second)
}

fn cpu(entry: &Entry) -> Option<f64> {
    entry.cpu_ns_per_record
}

/// The median, and the lowest and highest if they differ from it.
fn spread(group: &[&Entry], decimals: usize, figure: impl Fn(&Entry) -> Option<f64>) -> String {
    let figures = sorted(group, figure);
    match figures[..] {
        [] => "-".into(),
        [only] => format!("{only:.decimals$}"),
        [low, .., high] => {
            let median = figures[figures.len() / 2];
            format!("{median:.decimals$} ({low:.decimals$} to {high:.decimals$})")
        }
    }
}

/// How many times the median of these that of ours is.
fn times(ours: Option<&[&Entry]>, group: &[&Entry], figure: impl Fn(&Entry) -> Option<f64> + Copy) -> String {
    let median = |group: &[&Entry]| {
        let figures = sorted(group, figure);
        figures.get(figures.len() / 2).copied()
    };
    match (ours.and_then(median), median(group)) {
        (Some(ours), Some(theirs)) if theirs > 0.0 => ratio(ours / theirs),
        _ => "-".into(),
    }
}

/// A ratio to two or three digits.
fn ratio(ratio: f64) -> String {
    let decimals = match ratio {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("x {ratio:.decimals$}")
}

fn sorted(group: &[&Entry], figure: impl Fn(&Entry) -> Option<f64>) -> Vec<f64> {
    let mut figures: Vec<f64> = group.iter().filter_map(|entry| figure(entry)).collect();
    figures.sort_by(f64::total_cmp);
    figures
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn entry(scenario: &str, client: &str, records_per_second: f64) -> Entry {
        Entry {
            scenario: scenario.into(),
            language: "rust".into(),
            client: client.into(),
            records: 10,
            record_bytes: None,
            partitions: Some(12),
            seconds: 1.0,
            records_per_second,
            cpu_ns_per_record: None,
            allocations_per_record: Some(0.5),
            peak_rss_bytes: Some(3 << 20),
            p50_us: Some(1.0),
            p99_us: None,
        }
    }

    #[test]
    fn what_was_measured_several_times_is_one_row_with_median_and_spread() {
        let entries = [entry("a", "x", 30.0), entry("b", "x", 1.0), entry("a", "x", 10.0), entry("a", "x", 20.0)];
        let rows = rows(&entries);
        assert_eq!(rows.len(), 2);
        let spread = ["a", "rust: x", "12", "10", "20 (10 to 30)", "-", "0.50 (0.50 to 0.50)", "1 (1 to 1)"];
        assert_eq!(rows[0][..8], spread);
        assert_eq!(rows[1][..8], ["b", "rust: x", "12", "10", "1", "-", "0.50", "1"]);
    }

    #[test]
    fn another_number_of_partitions_is_another_row() {
        let one = Entry { partitions: Some(1), ..entry("a", "x", 1.0) };
        assert_eq!(rows(&[entry("a", "x", 1.0), one]).len(), 2);
    }

    #[test]
    fn others_are_compared_with_ours_in_their_scenario() {
        let ours = entry("a", "rivven Producer", 30.0);
        let cost = |entry: Entry, cpu| Entry { cpu_ns_per_record: Some(cpu), ..entry };
        let entries = [cost(ours, 50.0), cost(entry("a", "x", 10.0), 400.0), entry("b", "x", 10.0)];
        let rows = rows(&entries);
        let compared = |row: usize| rows[row][10..].to_vec();
        assert_eq!(compared(0), ["-", "-"]);
        assert_eq!(compared(1), ["x 3.00", "x 0.125"]);
        assert_eq!(compared(2), ["-", "-"]);
    }
}
