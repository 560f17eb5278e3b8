"""Measures what the calls of our own Python producer cost: `enqueue`, `send_batch` and many `send` at once.

It sends to any server, best to `rivven-sink`, which costs least itself, and
prints one line of JSON: nanoseconds per record, the median of the rounds.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable

import rivven

# So many records fit in the buffer at once.
RECORDS = 10_000
CONFIG = {"linger_ms": 5, "batch_size": 65536, "buffer_memory": 1 << 28}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--topic", default="bench-python")
    parser.add_argument("--record-bytes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=20)
    return parser.parse_args()


async def enqueue(producer: rivven.Producer, value: bytes) -> int:
    """Time the calls alone, not the deliveries."""
    call = producer.enqueue
    start = time.perf_counter_ns()
    for _ in range(RECORDS):
        call(value)
    taken = time.perf_counter_ns() - start
    await producer.flush()
    return taken


async def send_batch(producer: rivven.Producer, value: bytes) -> int:
    """Time a batch up to its delivery."""
    values = [value] * RECORDS
    start = time.perf_counter_ns()
    await producer.send_batch(values)
    return time.perf_counter_ns() - start


async def send(producer: rivven.Producer, value: bytes) -> int:
    """Time many sends at once up to the last delivery."""
    start = time.perf_counter_ns()
    await asyncio.gather(*[producer.send(value) for _ in range(RECORDS)])
    return time.perf_counter_ns() - start


async def main(options: argparse.Namespace) -> None:
    ways: list[Callable[[rivven.Producer, bytes], Awaitable[int]]] = [enqueue, send_batch, send]
    result: dict[str, object] = {"records": RECORDS, "record_bytes": options.record_bytes, "rounds": options.rounds}
    async with rivven.Producer(bootstrap_servers=options.address, **CONFIG) as root:
        producer = root.topic_handle(options.topic)
        await producer.send(b"first")
        for way in ways:
            times = [await way(producer, bytes(options.record_bytes)) for _ in range(options.rounds)]
            result[f"{way.__name__}_ns"] = round(statistics.median(times) / RECORDS, 1)
    print(json.dumps(result))


asyncio.run(main(parse()))
