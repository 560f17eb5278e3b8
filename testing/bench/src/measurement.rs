//! What a scenario has shown, for people and as JSON.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::usage::Usage;

/// One run of one scenario; what was not measured is null.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measurement {
    pub(crate) scenario: String,
    pub(crate) language: &'static str,
    pub(crate) client: &'static str,
    /// Records, or requests where there are none.
    pub(crate) records: u64,
    pub(crate) record_bytes: Option<u64>,
    pub(crate) partitions: Option<u32>,
    pub(crate) seconds: f64,
    pub(crate) records_per_second: f64,
    pub(crate) cpu_ns_per_record: f64,
    pub(crate) allocations_per_record: Option<f64>,
    pub(crate) peak_rss_bytes: u64,
    pub(crate) p50_us: f64,
    #[serde(skip)]
    pub(crate) p95_us: f64,
    pub(crate) p99_us: f64,
    #[serde(skip)]
    pub(crate) max_us: f64,
}

/// The clocks of a scenario under way.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Begins to measure.
    pub(crate) fn start() -> Result<Self> {
        Ok(Stopwatch { cpu: Usage::now()?.cpu, start: Instant::now() })
    }

    /// Ends a scenario without records: each latency is that of a request.
    pub(crate) fn requests(
        self,
        scenario: String,
        client: &'static str,
        latencies: impl FnOnce() -> Result<Histogram<u64>>,
    ) -> Result<Measurement> {
        let (seconds, usage) = (self.start.elapsed().as_secs_f64(), Usage::now()?);
        let latencies = latencies()?;
        let records = latencies.len();
        let us = |quantile| latencies.value_at_quantile(quantile) as f64 / 1000.0;
        Ok(Measurement {
            scenario,
            language: "rust",
            client,
            records,
            record_bytes: None,
            partitions: None,
            seconds,
            records_per_second: records as f64 / seconds,
            cpu_ns_per_record: (usage.cpu - self.cpu).as_nanos() as f64 / records as f64,
            allocations_per_record: None,
            peak_rss_bytes: usage.peak_rss,
            p50_us: us(0.5),
            p95_us: us(0.95),
            p99_us: us(0.99),
            max_us: latencies.max() as f64 / 1000.0,
        })
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

/// Prints the measurements as a table.
pub(crate) fn print(measurements: &[Measurement]) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["scenario", "requests", "seconds", "per second", "CPU ns each", "p50 us", "p95", "p99", "max"]);
    for m in measurements {
        let mut cells = vec![m.scenario.clone(), m.records.to_string(), format!("{:.2}", m.seconds)];
        let whole = [m.records_per_second, m.cpu_ns_per_record, m.p50_us, m.p95_us, m.p99_us, m.max_us];
        cells.extend(whole.map(|figure| format!("{figure:.0}")));
        table.add_row(cells);
    }
    println!("{table}");
}

/// Writes the measurements as a list of JSON.
pub(crate) fn write(measurements: &[Measurement], file: &Path) -> Result<()> {
    let writer = File::create(file).with_context(|| format!("create {}", file.display()))?;
    serde_json::to_writer_pretty(BufWriter::new(writer), measurements)?;
    Ok(())
}
