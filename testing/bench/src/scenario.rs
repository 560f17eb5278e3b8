//! The scenarios, by the names under which measurements are recorded.

use clap::ValueEnum;
use serde::Serialize;

/// What is measured; clients are compared within one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scenario {
    /// One caller hands over records by a topic handle, with delivery reports
    ProduceHandle,
    /// The same by the name of the topic
    ProduceName,
    /// The same with many records in a call
    SendBatch,
    /// One caller awaits each delivery
    SendAwait,
    /// The real broker, 16 partitions
    #[value(name = "real-16")]
    #[serde(rename = "real-16")]
    Real16,
    /// The real broker, 64 partitions
    #[value(name = "real-64")]
    #[serde(rename = "real-64")]
    Real64,
    /// The real broker, one record at a time
    Latency,
    /// Requests without records
    Ping,
    /// What a poll gives is taken as a whole
    ConsumeBatch,
    /// Each record of a poll is looked at where it lies
    ConsumeViews,
    /// The real broker, all that there is of 12 partitions
    ConsumeReal,
    /// The real broker, from a producer to a consumer, one record at a time, and a consumer that nothing comes to
    E2eLatency,
    /// The real broker, groups of records that count together
    Transactions,
    /// Copying and writing alone
    Floor,
}

impl Scenario {
    /// The name on the command line and in records.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

impl Scenario {
    /// Whether records are read, and not published.
    pub(crate) fn reads(self) -> bool {
        matches!(self, Scenario::ConsumeBatch | Scenario::ConsumeViews | Scenario::ConsumeReal)
    }
}

/// What is published or read, besides the number of records.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Workload {
    /// Bytes of a value, at least 8; there are no keys
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(8..=1_000_000))]
    pub(crate) record_bytes: u32,
    /// Partitions of the topic
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) partitions: u32,
    /// What the random bytes of the values are made from
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}
