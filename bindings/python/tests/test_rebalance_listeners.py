"""Who tells a rebalance listener, where, and what it may do."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
import rivven
import rivven.blocking
from rivven import TopicPartition
from support import FAULT_PROXY, server
from test_consumer import filled
from test_consumer_asyncio import given_up

Reader = rivven.blocking.Client
Eventually = Callable[[Callable[[], bool]], None]


def test_no_other_call_than_a_poll_tells_a_listener_or_waits_for_it(
    broker: str, reader: Reader, topic: str, eventually: Eventually
) -> None:
    """A call that waited for its answer told the listener, and raised what that raised."""
    filled(reader, topic, 3)
    told: list[list[TopicPartition]] = []

    def assigned(partitions: list[TopicPartition]) -> None:
        told.append(partitions)
        raise ZeroDivisionError

    with server(FAULT_PROXY, "--upstream", broker) as proxy:
        consumer = rivven.blocking.Consumer(topic, bootstrap_servers=proxy.address, group_id=topic)
        consumer.set_rebalance_listener(on_partitions_assigned=assigned)
        proxy.command("stall")

        def come() -> None:
            proxy.command("resume")
            eventually(lambda: bool(consumer.assignments()))

        given_up(come, lambda: consumer.poll(60))
        place: dict[str, Any] = {"topic": topic, "partition": 0}
        calls: list[Callable[[], object]] = [
            consumer.connect,
            lambda: consumer.get_offset_bounds(**place),
            lambda: consumer.lag(**place),
            lambda: consumer.committed(**place),
            lambda: consumer.seek(1, **place),
            lambda: consumer.seek_to_beginning(**place),
            consumer.commit,
            lambda: consumer.commit_offsets([(topic, 0, 1)]),
        ]
        for call in calls:
            proxy.command("stall")
            resume = threading.Timer(0.05, proxy.command, ["resume"])
            resume.start()
            call()
            resume.join()
        assert told == []
        with pytest.raises(ZeroDivisionError):
            consumer.poll(10)
        assert told == [[TopicPartition(topic, 0)]]
        assert [message.offset for message in consumer.poll(10)] == [0, 1, 2]
        consumer.close()


@pytest.mark.parametrize("style", ["asyncio", "blocking"])
@pytest.mark.parametrize("when", ["assigned", "revoked", "closing", "processing"])
def test_a_listener_may_close_and_is_not_waited_for(
    broker: str, reader: Reader, topic: str, when: str, style: str
) -> None:
    filled(reader, topic, 1)
    config: dict[str, Any] = {"bootstrap_servers": broker, "group_id": topic, "close_timeout_ms": 60_000}
    kind = "revoked" if when in ("revoked", "closing") else "assigned"
    begun = time.monotonic()
    told: list[str] = []

    async def main() -> None:
        async with rivven.Consumer(topic, **config) as consumer:

            async def close(_: list[TopicPartition]) -> None:
                told.append(kind)
                await consumer.close()

            consumer.set_rebalance_listener(**{f"on_partitions_{kind}": close})
            if when == "processing":
                await consumer.process(lambda _: None)
                return
            async for _ in consumer:
                if when == "closing":
                    break
                consumer.unsubscribe()

    def blocking() -> None:
        with rivven.blocking.Consumer(topic, **config) as consumer:

            def close(_: list[TopicPartition]) -> None:
                told.append(kind)
                consumer.close()

            consumer.set_rebalance_listener(**{f"on_partitions_{kind}": close})
            if when == "processing":
                consumer.process(lambda _: None)
                return
            for _ in consumer:
                if when == "closing":
                    break
                consumer.unsubscribe()

    blocking() if style == "blocking" else asyncio.run(main())
    assert time.monotonic() - begun < 30
    assert told == [kind]


def test_a_listener_runs_in_the_context_that_set_it(broker: str, reader: Reader, topic: str) -> None:
    """It ran in that of the first call of the consumer."""
    filled(reader, topic, 1)
    request = ContextVar("request", default="none")
    seen: list[str] = []

    async def main() -> None:
        async with rivven.Consumer(topic, bootstrap_servers=broker, group_id=topic) as consumer:

            async def note(_: list[TopicPartition]) -> None:
                seen.append(request.get())
                request.set("changed")

            request.set("set")
            consumer.set_rebalance_listener(on_partitions_assigned=note, on_partitions_revoked=note)
            request.set("polled")
            assert len(await consumer.poll(10)) == 1

    asyncio.run(main())
    assert seen == ["set", "set"]
