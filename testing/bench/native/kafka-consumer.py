"""Reads with confluent-kafka: everything there is of a topic, as supply.rs describes it, with its defaults.

Run by `rivven-bench program`, which gives the options and reads the result.
"""

import confluent_kafka
from arrivals import Arrivals
from bench import Stopwatch, parser

# Records of a call with many.
BATCH = 10_000

# How long a call waits for records, in seconds.
WAIT = 1


def by_batch(consumer, arrivals):
    """Take the values of many messages as a list of bytes."""
    messages = consumer.consume(BATCH, timeout=WAIT)
    values = [message.value() for message in messages]
    if arrivals.take(len(values)):
        arrivals.look((one.partition(), one.offset(), one.value()) for one in messages)


def by_views(consumer, arrivals):
    """Take one message, and its value."""
    message = consumer.poll(WAIT)
    if message is not None:
        value = message.value()
        arrivals.read += 1
        if message.offset() % 1000 == 0:
            arrivals.look([(message.partition(), message.offset(), value)])


WAYS = {"batch": by_batch, "views": by_views}


def main(options):
    config = {
        "bootstrap.servers": options.address,
        "group.id": "bench",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
    arrivals, take = Arrivals(options), WAYS[options.call]
    places = [confluent_kafka.TopicPartition(options.topic, number, 0) for number in range(options.partitions)]
    consumer = confluent_kafka.Consumer(config)
    stopwatch = Stopwatch()
    consumer.assign(places)
    while arrivals.read < options.records:
        take(consumer, arrivals)
    client = f"confluent-kafka {confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}"
    print(stopwatch.stop(client, arrivals.read, arrivals, []))
    consumer.close()


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--call", choices=WAYS, default="batch")
    main(arguments.parse_args())
