//! What a scenario has shown, for people and as JSON.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::scenario::Scenario;
use crate::usage::Spent;

/// One run of one scenario; what was not measured is null.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measurement {
    pub(crate) scenario: Scenario,
    pub(crate) language: String,
    pub(crate) client: String,
    /// Records, or requests where there are none.
    pub(crate) records: u64,
    pub(crate) record_bytes: Option<u32>,
    pub(crate) partitions: Option<u32>,
    pub(crate) seconds: f64,
    pub(crate) records_per_second: f64,
    pub(crate) cpu_ns_per_record: f64,
    pub(crate) allocations_per_record: Option<f64>,
    pub(crate) peak_rss_bytes: u64,
    pub(crate) p50_us: Option<f64>,
    #[serde(skip)]
    p95_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    #[serde(skip)]
    max_us: Option<f64>,
}

/// What is measured.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// In which scenario.
    pub(crate) scenario: Scenario,
    /// In which language the client is used.
    pub(crate) language: String,
    /// The client, with its version or what else tells it from others.
    pub(crate) client: String,
    /// Bytes of a value, if there are records.
    pub(crate) record_bytes: Option<u32>,
    /// Partitions of the topic, if there is one.
    pub(crate) partitions: Option<u32>,
}

impl Measurement {
    /// What `subject` has spent on so many records, and the latencies of some of them in nanoseconds.
    pub(crate) fn new(subject: Subject, records: u64, spent: Spent, latencies: &Histogram<u64>) -> Self {
        let Subject { scenario, language, client, record_bytes, partitions } = subject;
        let each = |sum: f64| sum / records as f64;
        let us = |ns: fn(&Histogram<u64>) -> u64| (!latencies.is_empty()).then(|| ns(latencies) as f64 / 1000.0);
        Measurement {
            scenario,
            language,
            client,
            records,
            record_bytes,
            partitions,
            seconds: spent.seconds,
            records_per_second: records as f64 / spent.seconds,
            cpu_ns_per_record: each(spent.cpu.as_nanos() as f64),
            allocations_per_record: spent.allocations.map(|count| each(count as f64)),
            peak_rss_bytes: spent.peak_rss,
            p50_us: us(|latencies| latencies.value_at_quantile(0.5)),
            p95_us: us(|latencies| latencies.value_at_quantile(0.95)),
            p99_us: us(|latencies| latencies.value_at_quantile(0.99)),
            max_us: us(Histogram::max),
        }
    }

    /// Megabytes of values per second.
    fn megabytes_per_second(&self) -> Option<f64> {
        self.record_bytes.map(|bytes| f64::from(bytes) * self.records_per_second / 1e6)
    }
}

/// A histogram of latencies in nanoseconds, to three digits.
pub(crate) fn histogram(latencies: impl IntoIterator<Item = Duration>) -> Result<Histogram<u64>> {
    let mut histogram = Histogram::new(3)?;
    for latency in latencies {
        histogram.record(u64::try_from(latency.as_nanos())?)?;
    }
    Ok(histogram)
}

/// The columns of the table.
const COLUMNS: [&str; 12] = [
    "scenario",
    "client",
    "records",
    "seconds",
    "per second",
    "MB/s",
    "CPU ns each",
    "allocations",
    "peak MiB",
    "p50 us",
    "p95 us",
    "p99 us",
];

/// Prints the measurements as a table.
pub(crate) fn print(measurements: &[Measurement]) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(COLUMNS.into_iter().chain(["max us"]));
    for m in measurements {
        let name = [m.scenario.name(), format!("{}: {}", m.language, m.client), m.records.to_string()];
        let speed = [format!("{:.2}", m.seconds), format!("{:.0}", m.records_per_second)];
        let megabytes = figure(m.megabytes_per_second(), 1);
        let cost = [format!("{:.0}", m.cpu_ns_per_record), figure(m.allocations_per_record, 3)];
        let rss = format!("{:.1}", m.peak_rss_bytes as f64 / f64::from(1 << 20));
        let latencies = [m.p50_us, m.p95_us, m.p99_us, m.max_us].map(|us| figure(us, 0));
        table.add_row(name.into_iter().chain(speed).chain([megabytes]).chain(cost).chain([rss]).chain(latencies));
    }
    println!("{table}");
}

/// A figure with so many decimals, or a dash where nothing was measured.
fn figure(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.decimals$}"))
}

/// Prints the measurements and writes them, where wanted, as a list of JSON.
pub(crate) fn report(measurements: &[Measurement], file: Option<&Path>) -> Result<()> {
    print(measurements);
    let Some(file) = file else { return Ok(()) };
    let writer = File::create(file).with_context(|| format!("create {}", file.display()))?;
    serde_json::to_writer_pretty(BufWriter::new(writer), measurements)?;
    Ok(())
}
