"""A producer that says what became of its records: `writer.py SERVER TOPIC PARTITIONS RECORDS`."""

import functools
import sys

import rivven
from rivven.blocking import Producer

server, topic, partitions, records = sys.argv[1:]
producer = Producer(
    bootstrap_servers=server,
    enable_idempotence=True,
    linger_ms=5,
    request_timeout_ms=2000,
    delivery_timeout_ms=3_600_000,
    retries=2**31 - 1,
    retry_backoff_ms=20,
    retry_backoff_max_ms=500,
)


def told(number: int, error: rivven.RivvenException | None, place: rivven.RecordMetadata | None) -> None:
    """Say what became of a record."""
    if error is not None:
        print("failed", number, error.code, error.outcome)
    elif place is not None:
        offset = place.offset if place.offset_exact else "?"
        print("delivered", number, offset, "maybe-twice" if place.maybe_duplicate else "once")


producer.connect()
print("ready", flush=True)
sys.stdin.read()
for number in range(int(records)):
    value = f"soak:{number:012}:".ljust(100, ".")
    partition = number % int(partitions)
    producer.enqueue(value, topic=topic, partition=partition, on_delivery=functools.partial(told, number))
producer.flush()
producer.close()
