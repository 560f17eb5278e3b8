"""Reads with our own Python consumer: everything there is of a topic, as supply.rs describes it.

Run by `rivven-bench program`, which gives the options and reads the result.
"""

from __future__ import annotations

from argparse import Namespace

from arrivals import Arrivals
from bench import Stopwatch, parser
from rivven import ConsumerRecords
from rivven.blocking import Consumer

# More objects at once are more than the allocator keeps.
POLLED = 2000


def by_batch(records: ConsumerRecords) -> int:
    """Take the values of a poll as a list of bytes."""
    return len(records.values())


def by_views(records: ConsumerRecords) -> int:
    """Take each message of a poll, with its offset."""
    count = 0
    for message in records:
        if message.offset >= 0:
            count += 1
    return count


def by_values(records: ConsumerRecords) -> int:
    """Take each message of a poll, and its value."""
    count = 0
    for message in records:
        if message.value:
            count += 1
    return count


# What is done, and what is added to the client's name.
WAYS = {"batch": (by_batch, ""), "views": (by_views, ""), "values": (by_values, ", value of each message")}


def main(options: Namespace) -> None:
    """Measure."""
    arrivals, (take, name) = Arrivals(options), WAYS[options.call]
    partitions = [(options.topic, number) for number in range(options.partitions)]
    with Consumer(bootstrap_servers=options.address, max_poll_records=POLLED) as consumer:
        stopwatch = Stopwatch()
        consumer.assign(partitions)
        while arrivals.read < options.records:
            records = consumer.poll()
            if arrivals.take(take(records)):
                arrivals.look((one.partition, one.offset, one.value) for one in records)
        print(stopwatch.stop(f"rivven Consumer{name}", arrivals.read, arrivals, []))


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--call", choices=WAYS, default="batch")
    main(arguments.parse_args())
