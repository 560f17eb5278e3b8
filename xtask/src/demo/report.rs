//! The tables at the end of the demo, and everything that is wrong.

use comfy_table::Table;

use super::Run;
use super::program::Measured;
use super::readings::Readings;
use crate::language::Language;
use crate::table::{row, table};

/// The checks that every program makes.
const CHECKS: [&str; 3] = ["count", "order", "content"];

/// Half a unit of the last digit of a mean, which has two decimals.
const ROUNDING: f64 = 0.005_001;

/// Above this a ping is worth a remark: the broker answers one in a tenth of a millisecond.
const SLOW_PING_MS: f64 = 0.3;

/// Prints the tables and what is wrong; true if nothing is.
pub(super) fn show(runs: &[Run], readings: &Readings) -> bool {
    println!("\n{}", results(runs));
    println!("\nMean temperature per month in °F, worked out from what was read");
    println!("{}", means(runs, readings));
    for remark in slow_pings(runs) {
        println!("note: {remark}");
    }
    let faults: Vec<String> = runs.iter().flat_map(|run| faults(run, readings)).collect();
    for fault in &faults {
        println!("FAILED: {fault}");
    }
    if faults.is_empty() {
        println!("Every language read exactly the {} records that it wrote.", readings.count);
    }
    faults.is_empty()
}

fn results(runs: &[Run]) -> Table {
    let mut table = table(["language", "records", "seconds", "records/s", "ping median (ms)", "checks"]);
    for (language, outcome) in runs {
        let name = language.name().to_owned();
        table.add_row(match outcome {
            Ok(m) => row([
                name,
                m.records.to_string(),
                format!("{:.1}", m.seconds),
                format!("{:.0}", m.records as f64 / m.seconds),
                format!("{:.3}", m.ping_ms),
                verdict(m),
            ]),
            Err(_) => row([name, "-".into(), "-".into(), "-".into(), "-".into(), "MISSING".into()]),
        });
    }
    table
}

fn verdict(measured: &Measured) -> String {
    CHECKS
        .map(|check| if measured.checks.get(check) == Some(&true) { check.into() } else { format!("NOT {check}") })
        .join(", ")
}

/// One row per month: the mean by the file, and by each language.
fn means(runs: &[Run], readings: &Readings) -> Table {
    let present: Vec<(Language, &Measured)> =
        runs.iter().filter_map(|(language, outcome)| Some((*language, outcome.as_ref().ok()?))).collect();
    let columns = ["month", "file"].into_iter().chain(present.iter().map(|(language, _)| language.name()));
    let mut table = table(columns);
    for (month, mean) in &readings.means {
        let found = present.iter().map(|(_, measured)| match measured.means.get(month) {
            Some(mean) => format!("{mean:.2}"),
            None => "-".to_owned(),
        });
        table.add_row(row([month.clone(), format!("{mean:.2}")].into_iter().chain(found)));
    }
    table
}

fn slow_pings(runs: &[Run]) -> Vec<String> {
    let slow = |(language, outcome): &Run| match outcome {
        Ok(m) if m.ping_ms > SLOW_PING_MS => {
            Some(format!("{language}: a ping took {:.3} ms in the median, over {SLOW_PING_MS} ms", m.ping_ms))
        }
        _ => None,
    };
    runs.iter().filter_map(slow).collect()
}

/// Everything that is wrong with a run.
fn faults((language, outcome): &Run, readings: &Readings) -> Vec<String> {
    let measured = match outcome {
        Ok(measured) => measured,
        Err(error) => return vec![format!("{language}: {error:#}")],
    };
    let mut faults = Vec::new();
    if measured.language != language.name() {
        faults.push(format!("says that its language is {}", measured.language));
    }
    if measured.records != readings.count {
        faults.push(format!("read {} records of {}", measured.records, readings.count));
    }
    for check in CHECKS.iter().filter(|check| measured.checks.get(**check) != Some(&true)) {
        faults.push(format!("the check of the {check} does not hold"));
    }
    if !same_means(measured, readings) {
        faults.push("its means differ from those of the file".to_owned());
    }
    faults.iter().map(|fault| format!("{language}: {fault}")).collect()
}

/// Whether the means are those of the same months, up to rounding.
fn same_means(measured: &Measured, readings: &Readings) -> bool {
    measured.means.keys().eq(readings.means.keys())
        && measured.means.values().zip(readings.means.values()).all(|(a, b)| (a - b).abs() <= ROUNDING)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use anyhow::anyhow;

    use super::*;

    fn readings() -> Readings {
        Readings { file: "readings.csv".into(), count: 3, means: BTreeMap::from([("2010-01".to_owned(), 49.978)]) }
    }

    fn measured() -> Measured {
        Measured {
            language: "c".into(),
            records: 3,
            seconds: 1.0,
            ping_ms: 0.1,
            checks: CHECKS.map(|check| (check.to_owned(), true)).into(),
            means: BTreeMap::from([("2010-01".to_owned(), 49.98)]),
        }
    }

    fn faults_of(change: impl FnOnce(&mut Measured)) -> Vec<String> {
        let mut measured = measured();
        change(&mut measured);
        faults(&(Language::C, Ok(measured)), &readings())
    }

    #[test]
    fn a_good_run_has_no_fault() {
        assert_eq!(faults_of(|_| {}), [""; 0]);
    }

    #[test]
    fn every_fault_is_found() {
        assert_eq!(faults_of(|m| m.language = "rust".into()).len(), 1);
        assert_eq!(faults_of(|m| m.records = 2).len(), 1);
        assert_eq!(faults_of(|m| m.checks.clear()).len(), 3);
        assert_eq!(faults_of(|m| _ = m.checks.insert("order".into(), false)).len(), 1);
        assert_eq!(faults_of(|m| m.means.clear()).len(), 1);
        assert_eq!(faults_of(|m| _ = m.means.insert("2010-01".into(), 49.97)).len(), 1);
        assert_eq!(faults_of(|m| _ = m.means.insert("2010-02".into(), 49.98)).len(), 1);
        assert_eq!(faults(&(Language::C, Err(anyhow!("cannot run cc"))), &readings()), ["c: cannot run cc"]);
    }

    #[test]
    fn a_slow_ping_is_remarked() {
        let slow = Measured { ping_ms: 0.31, ..measured() };
        assert_eq!(slow_pings(&[(Language::C, Ok(slow)), (Language::Cpp, Ok(measured()))]).len(), 1);
    }
}
