//! The standard set: what is measured, and against what.

use super::peers::Peer;

/// One measurement of the set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measure {
    /// The name under which it is recorded.
    pub(super) scenario: &'static str,
    /// Who is measured, for people.
    pub(super) title: &'static str,
    /// How.
    pub(super) by: By,
}

/// How something is measured.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    /// By a command of rivven-bench, which measures itself.
    Bench(&'static [&'static str]),
    /// By the program of a peer, which `rivven-bench program` runs.
    Peer(Peer, Load, &'static [&'static str]),
}

/// What a peer publishes or reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Records, or requests where there are none.
    pub(super) records: u64,
    /// Partitions of the topic.
    pub(super) partitions: u32,
}

/// In the order in which they are measured and shown.
pub(super) const SET: &[Measure] = &[
    peer("floor", "memcpy and send", Peer::Floor, load(10_000_000, 12), &[]),
    peer("floor", "memcpy and send, 1 partition", Peer::Floor, load(10_000_000, 1), &[]),
    bench("produce-handle", "Producer", &["produce"]),
    bench("produce-handle", "Producer, each delivery", &["produce", "--reports=each"]),
    peer("produce-handle", "librivven", Peer::Librivven, load(5_000_000, 12), &["--call", "handle"]),
    bench("produce-handle", "Producer, 1 partition", &["produce", "--partitions=1"]),
    bench("produce-handle", "Producer, 100 partitions", &["produce", "--partitions=100"]),
    bench("produce-handle", "Producer, idempotent", &["produce", "--idempotence"]),
    bench("produce-handle", "Producer, idempotent, 1 partition", &["produce", "--idempotence", "--partitions=1"]),
    bench("produce-handle", "Producer, idempotent, 100 partitions", &["produce", "--idempotence", "--partitions=100"]),
    peer("produce-handle", "Python Producer", Peer::RivvenPython, load(2_000_000, 12), &["--call", "handle"]),
    peer("produce-handle", "librdkafka", Peer::Librdkafka, load(3_000_000, 12), &["--call", "handle"]),
    peer("produce-handle", "librdkafka, 1 partition", Peer::Librdkafka, load(3_000_000, 1), &["--call", "handle"]),
    peer("produce-handle", "Producer in Node", Peer::Node, load(5_000_000, 12), &["--call=handle"]),
    peer("produce-handle", "event loop of Node", Peer::Node, load(5_000_000, 12), &["--call=handle", "--delay"]),
    bench("produce-name", "Producer", &["produce"]),
    bench("produce-name", "Producer, each delivery", &["produce", "--reports=each"]),
    peer("produce-name", "librdkafka", Peer::Librdkafka, load(3_000_000, 12), &["--call", "name"]),
    peer("produce-name", "librdkafka, 1 partition", Peer::Librdkafka, load(3_000_000, 1), &["--call", "name"]),
    peer("produce-name", "Python Producer", Peer::RivvenPython, load(2_000_000, 12), &["--call", "name"]),
    peer("produce-name", "Python Producer, reports", Peer::RivvenPython, load(1_000_000, 12), &["--call", "report"]),
    peer("produce-name", "confluent-kafka", Peer::ConfluentKafka, load(1_000_000, 12), &[]),
    peer("produce-name", "confluent-kafka, 1 partition", Peer::ConfluentKafka, load(1_000_000, 1), &[]),
    bench("send-batch", "Producer", &["produce"]),
    peer("send-batch", "librivven", Peer::Librivven, load(5_000_000, 12), &["--call", "batch"]),
    peer("send-batch", "Python Producer", Peer::RivvenPython, load(5_000_000, 12), &["--call", "batch"]),
    peer("send-batch", "librdkafka", Peer::Librdkafka, load(3_000_000, 12), &["--call", "batch"]),
    peer("send-batch", "Producer in Node", Peer::Node, load(5_000_000, 12), &["--call=batch"]),
    peer("send-batch", "event loop of Node", Peer::Node, load(5_000_000, 12), &["--call=batch", "--delay"]),
    bench("send-await", "Producer", &["produce", "--records=20000"]),
    peer("send-await", "librivven", Peer::Librivven, load(20_000, 12), &["--call", "await"]),
    peer("send-await", "Python Producer", Peer::RivvenPython, load(20_000, 12), &["--call", "each"]),
    peer("send-await", "Python Producer, many", Peer::RivvenPython, load(1_000_000, 12), &["--call", "gather"]),
    peer("send-await", "librdkafka", Peer::Librdkafka, load(20_000, 12), &["--call", "await"]),
    peer("send-await", "Producer in Node", Peer::Node, load(20_000, 12), &["--call=await"]),
    peer("send-await", "Producer in Node, many at once", Peer::Node, load(2_000_000, 12), &["--call=send"]),
    peer("send-await", "event loop of Node", Peer::Node, load(2_000_000, 12), &["--call=send", "--delay"]),
    bench("real-16", "Producer", &["produce", "--against=broker", "--partitions=16", "--records=30000"]),
    bench(
        "real-16",
        "Producer, 16 connections",
        &["produce", "--against=broker", "--partitions=16", "--records=60000", "--connections=16"],
    ),
    bench("real-16", "16 raw sockets", &["raw", "--partitions=16", "--connections=16", "--records=30000"]),
    bench("real-16", "8 raw sockets", &["raw", "--partitions=16", "--connections=8", "--records=20000"]),
    peer("real-16", "published client", Peer::Published, load(2_000, 16), &["--call", "produce"]),
    bench(
        "real-64",
        "Producer, 64 connections",
        &["produce", "--against=broker", "--partitions=64", "--records=100000", "--connections=64"],
    ),
    bench("real-64", "Producer", &["produce", "--against=broker", "--partitions=64", "--records=30000"]),
    bench("real-64", "64 raw sockets", &["raw", "--partitions=64", "--connections=64", "--records=60000"]),
    bench("real-64", "8 raw sockets", &["raw", "--partitions=64", "--connections=8", "--records=20000"]),
    peer("real-64", "published client", Peer::Published, load(2_000, 64), &["--call", "produce"]),
    bench("latency", "Producer, low_latency", &["latency", "--partitions=1"]),
    bench("latency", "raw socket", &["raw", "--partitions=1", "--connections=1", "--in-flight=1", "--records=1000"]),
    peer("latency", "published client", Peer::Published, load(100, 1), &["--call", "latency"]),
    peer("consume-batch", "recv alone", Peer::ReadFloor, load(10_000_000, 12), &[]),
    bench("consume-batch", "Consumer", &["consume"]),
    bench("consume-batch", "Consumer, owned", &["consume", "--owned"]),
    peer("consume-batch", "librivven", Peer::LibrivvenConsumer, load(10_000_000, 12), &["--call", "batch"]),
    peer("consume-batch", "Python Consumer", Peer::RivvenPythonConsumer, load(5_000_000, 12), &["--call", "batch"]),
    peer("consume-batch", "Consumer in Node", Peer::NodeConsumer, load(5_000_000, 12), &["--call=batch"]),
    peer("consume-batch", "librdkafka", Peer::LibrdkafkaConsumer, MOCK, &["--call", "batch"]),
    peer("consume-batch", "confluent-kafka", Peer::ConfluentKafkaConsumer, MOCK, &["--call", "batch"]),
    bench("consume-views", "Consumer, stream", &["consume"]),
    peer("consume-views", "librivven", Peer::LibrivvenConsumer, load(10_000_000, 12), &["--call", "views"]),
    peer("consume-views", "Python Consumer", Peer::RivvenPythonConsumer, load(5_000_000, 12), &["--call", "views"]),
    peer("consume-views", "Python values", Peer::RivvenPythonConsumer, load(5_000_000, 12), &["--call", "values"]),
    peer("consume-views", "Consumer in Node", Peer::NodeConsumer, load(5_000_000, 12), &["--call=views"]),
    peer("consume-views", "librdkafka", Peer::LibrdkafkaConsumer, MOCK, &["--call", "views"]),
    peer("consume-views", "confluent-kafka", Peer::ConfluentKafkaConsumer, MOCK, &["--call", "views"]),
    bench("consume-real", "Consumer", &["consume", "--against=broker", "--records=100000"]),
    peer("consume-real", "published client", Peer::Published, load(3_000, 12), &["--call=consume", "--most=100"]),
    peer(
        "consume-real",
        "published client, many",
        Peer::Published,
        load(99_996, 12),
        &["--call=consume", "--most=10000"],
    ),
    bench("e2e-latency", "Producer to Consumer, and idle", &["e2e-latency"]),
    bench("transactions", "Transaction, Producer, single calls", &["transactions", "--partitions=16"]),
    bench("ping", "PipelinedClient", &["ping"]),
    bench("ping", "raw socket", &["raw", "--partitions=1", "--connections=1", "--in-flight=1", "--records=10000"]),
    peer("ping", "published client", Peer::Published, load(100, 1), &["--call", "ping"]),
];

/// As many records as librdkafka's mock cluster keeps of 12 partitions.
const MOCK: Load = load(480_000, 12);

const fn bench(scenario: &'static str, title: &'static str, arguments: &'static [&'static str]) -> Measure {
    Measure { scenario, title, by: By::Bench(arguments) }
}

const fn peer(
    scenario: &'static str,
    title: &'static str,
    peer: Peer,
    load: Load,
    arguments: &'static [&'static str],
) -> Measure {
    Measure { scenario, title, by: By::Peer(peer, load, arguments) }
}

const fn load(records: u64, partitions: u32) -> Load {
    Load { records, partitions }
}

/// The scenarios, each once.
pub(super) fn scenarios() -> Vec<&'static str> {
    let mut names: Vec<&str> = SET.iter().map(|measure| measure.scenario).collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_measurements_of_a_scenario_stand_together() {
        let names = scenarios();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    }
}
