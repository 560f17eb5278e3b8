"""Publishes with confluent-kafka: the settings of our own scenarios, everything else as it is by default.

Run by `rivven-bench program`, which gives the options, knows the same values and reads the result.
"""

import argparse
import json
import resource
import struct
import time

import confluent_kafka

# Different values, as in values.rs.
POOL = 1024

# One record in so many has its latency measured.
SAMPLED = 1000

# Records between two looks at the reports, while the queue has room.
POLLED = 1000

MASK = 2**64 - 1


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--address", "--topic"):
        parser.add_argument(name, required=True)
    for name in ("--partitions", "--records", "--record-bytes", "--seed"):
        parser.add_argument(name, type=int, required=True)
    return parser.parse_args()


def split_mix(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def make_tails(options):
    """What follows the number of the record in each value of the pool."""
    size = options.record_bytes
    words = split_mix(options.seed)
    pool = b"".join(struct.pack("<Q", next(words)) for _ in range(-(-POOL * size // 8)))
    return [pool[i * size + 8 : (i + 1) * size] for i in range(POOL)]


def cpu_ns():
    """The time of this process on all processors, in user and kernel mode."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return int((used.ru_utime + used.ru_stime) * 1e9)


class Reports:
    """Counts the reports, and keeps the latencies of some records."""

    def __init__(self):
        self.delivered = 0
        self.failed = []
        self.latencies = []

    def on_delivery(self, error, message):
        if error is None:
            self.delivered += 1
        else:
            self.failed.append(str(error))

    def sampled(self):
        """A report's callback that also takes the time since now."""
        start = time.perf_counter_ns()

        def on_delivery(error, message):
            self.on_delivery(error, message)
            self.latencies.append(time.perf_counter_ns() - start)

        return on_delivery


def connect(options):
    config = {
        "bootstrap.servers": options.address,
        "batch.size": 65536,
        "linger.ms": 5,
        "acks": 1,
        "max.in.flight.requests.per.connection": 5,
        "compression.type": "none",
    }
    producer = confluent_kafka.Producer(config)
    # So that the first records do not wait until the partitions are known.
    producer.list_topics(options.topic, timeout=10)
    return producer


def produce(producer, options, tails, reports):
    topic, on_delivery = options.topic, reports.on_delivery
    for number in range(options.records):
        value = (number << 8 | 0x80).to_bytes(8, "little") + tails[number % POOL]
        report = reports.sampled() if number % SAMPLED == 0 else on_delivery
        while True:
            try:
                producer.produce(topic, value, on_delivery=report)
                break
            except BufferError:
                producer.poll(0.01)
        if number % POLLED == 0:
            producer.poll(0)
    producer.flush(60)


def count(options):
    """The records of all partitions."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": options.address, "group.id": "count"})
    partitions = [confluent_kafka.TopicPartition(options.topic, number) for number in range(options.partitions)]
    records = sum(consumer.get_watermark_offsets(partition, timeout=10)[1] for partition in partitions)
    consumer.close()
    return records


def main():
    options = parse()
    tails = make_tails(options)
    producer = connect(options)
    reports = Reports()
    start, cpu = time.perf_counter_ns(), cpu_ns()
    produce(producer, options, tails, reports)
    seconds, cpu = (time.perf_counter_ns() - start) / 1e9, cpu_ns() - cpu
    if reports.failed or count(options) != options.records:
        raise SystemExit(f"{count(options)} of {options.records} records are there: {reports.failed[:1]}")
    result = {
        "client": f"confluent-kafka {confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}",
        "records": reports.delivered,
        "seconds": seconds,
        "cpu_ns": cpu,
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "allocations": None,
        "latencies_ns": reports.latencies,
    }
    print(json.dumps(result))


main()
