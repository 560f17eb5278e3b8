"""Publishes with confluent-kafka: the settings of our own scenarios, everything else as it is by default.

Run by `rivven-bench program`, which gives the options, knows the same values and reads the result.
"""

import time

import confluent_kafka
from bench import SAMPLED, Stopwatch, Values, parser

# Records between two looks at the reports, while the queue has room.
POLLED = 1000


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


def produce(producer, options, values, reports):
    topic, on_delivery = options.topic, reports.on_delivery
    for chunk in values.chunks():
        for number, value in enumerate(chunk):
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
    options = parser(__doc__).parse_args()
    values = Values(options)
    producer = connect(options)
    reports = Reports()
    stopwatch = Stopwatch()
    produce(producer, options, values, reports)
    client = f"confluent-kafka {confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}"
    measured = stopwatch.stop(client, reports.delivered, values, reports.latencies)
    if reports.failed or count(options) != options.records:
        raise SystemExit(f"{count(options)} of {options.records} records are there: {reports.failed[:1]}")
    print(measured)


main()
