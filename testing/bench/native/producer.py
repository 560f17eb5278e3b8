"""Publishes with our own Python producer, in the ways that its users have.

Run by `rivven-bench program`, which gives the options, knows the same values and reads the result.
"""

from __future__ import annotations

import asyncio
import time
from argparse import Namespace
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import rivven
from bench import SAMPLED, Stopwatch, Values, parser

BATCH_SIZE = 65536
IN_FLIGHT = 5

# Calls of `send_batch` under way at once.
CALLS = 4


class Run:
    """One measurement."""

    def __init__(self, options: Namespace, producer: rivven.Producer) -> None:
        """Measure this producer."""
        self.producer = producer
        self.values = Values(options)
        self.topic = options.topic
        self.delivered = 0
        self.latencies: list[int] = []

    def on_delivery(self, error: rivven.RivvenException | None, _record: rivven.RecordMetadata | None) -> None:
        """Count a report."""
        if error is not None:
            raise error
        self.delivered += 1

    def sampled(self) -> Callable[..., None]:
        """Give a function for reports that also takes the time since now."""
        start = time.perf_counter_ns()

        def on_delivery(error: rivven.RivvenException | None, record: rivven.RecordMetadata | None) -> None:
            self.on_delivery(error, record)
            self.latencies.append(time.perf_counter_ns() - start)

        return on_delivery

    async def hand_over(self) -> None:
        """Hand records over by a topic handle; how many are delivered is looked up at the end."""
        before = self.producer.stats().records_delivered
        enqueue = self.producer.topic_handle(self.topic).enqueue
        for values in self.values.chunks():
            for value in values:
                try:
                    enqueue(value)
                except rivven.RivvenException:
                    await self.producer.send(value, topic=self.topic)
        await self.producer.flush()
        self.delivered = self.producer.stats().records_delivered - before

    async def hand_over_by_name(self) -> None:
        """Do the same by the name of the topic."""
        before = self.producer.stats().records_delivered
        enqueue, topic = self.producer.enqueue, self.topic
        for values in self.values.chunks():
            for value in values:
                try:
                    enqueue(value, topic=topic)
                except rivven.RivvenException:
                    await self.producer.send(value, topic=topic)
        await self.producer.flush()
        self.delivered = self.producer.stats().records_delivered - before

    async def report(self) -> None:
        """Hand records over by name with a function that is called for each when it is delivered."""
        enqueue, on_delivery, topic = self.producer.enqueue, self.on_delivery, self.topic
        for values in self.values.chunks():
            for number, value in enumerate(values):
                report = on_delivery
                if number % SAMPLED == 0:
                    report = self.sampled()
                    # So that the loop takes the reports.
                    await asyncio.sleep(0)
                while True:
                    try:
                        enqueue(value, topic=topic, on_delivery=report)
                        break
                    except rivven.RivvenException:
                        await asyncio.sleep(0.001)
        await self.producer.flush()

    async def batch(self) -> None:
        """Hand many over in a call, with some calls under way at once."""
        under_way: deque[tuple[int, asyncio.Future[Any]]] = deque()
        for values in self.values.chunks():
            if len(under_way) == CALLS:
                await self._take(*under_way.popleft())
            under_way.append((time.perf_counter_ns(), self.producer.send_batch(values, topic=self.topic)))
        for call in under_way:
            await self._take(*call)

    async def _take(self, start: int, call: asyncio.Future[Any]) -> None:
        self.delivered += len(await call)
        self.latencies.append(time.perf_counter_ns() - start)

    async def gather(self) -> None:
        """Await ten thousand records at once."""
        send = self.producer.topic_handle(self.topic).send
        for values in self.values.chunks():
            start = time.perf_counter_ns()
            self.delivered += len(await asyncio.gather(*[send(value) for value in values]))
            self.latencies.append(time.perf_counter_ns() - start)

    async def each(self) -> None:
        """Await each record before the next one."""
        send = self.producer.topic_handle(self.topic).send
        for values in self.values.chunks():
            for value in values:
                start = time.perf_counter_ns()
                await send(value)
                self.latencies.append(time.perf_counter_ns() - start)
                self.delivered += 1


# What is done, and what is added to the client's name.
WAYS: dict[str, tuple[Callable[[Run], Awaitable[None]], str]] = {
    "handle": (Run.hand_over, ""),
    "name": (Run.hand_over_by_name, ""),
    "report": (Run.report, ", on_delivery"),
    "batch": (Run.batch, ""),
    "gather": (Run.gather, ", 10000 awaited at once"),
    "each": (Run.each, ""),
}


async def main(options: Namespace) -> None:
    """Measure."""
    linger = 0 if options.call == "each" else 5
    config = {"batch_size": BATCH_SIZE, "linger_ms": linger, "acks": 1, "max_in_flight_requests": IN_FLIGHT}
    way, name = WAYS[options.call]
    async with rivven.Producer(bootstrap_servers=options.address, **config) as producer:
        # So that the first records do not wait until the partitions are known.
        await producer.refresh_metadata(options.topic)
        run = Run(options, producer)
        stopwatch = Stopwatch()
        await way(run)
        print(stopwatch.stop(f"rivven Producer{name}", run.delivered, run.values, run.latencies))


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("--call", choices=WAYS, default="handle")
    asyncio.run(main(arguments.parse_args()))
