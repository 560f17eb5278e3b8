"""Messages worked on by handlers, in event loops and in threads."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import pytest
import rivven
import rivven.blocking
from rivven import ProcessReport
from test_consumer import filled

Reader = rivven.blocking.Client
QUICK = {"process_retry_backoff_ms": 1, "process_retry_backoff_max_ms": 2}


class Calls:
    """What a handler was called with; enough calls end the processing."""

    def __init__(self, consumer: Any, enough: int) -> None:
        # Handlers of an asyncio consumer run in its event loop, where nothing can be waited for.
        self.consumer: rivven.Consumer = getattr(consumer, "consumer", consumer)
        self.enough = enough
        self.values: dict[int, list[str]] = {}
        self.lock = threading.Lock()

    def note(self, message: rivven.Message) -> int:
        """Note a call, and say how many there were for this message."""
        with self.lock:
            values = self.values.setdefault(message.partition, [])
            values.append(message.value_str())
            self.enough -= 1
            if self.enough == 0:
                self.consumer.wakeup()
            return values.count(message.value_str())


def test_what_handlers_raised_is_kept_no_longer_than_it_matters(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str
) -> None:
    """An exception holds the message, and that what was received with it, by the frames of its traceback."""
    filled(reader, topic, 20)
    config = {"process_retries": 0, "process_on_failure": "skip", **QUICK}
    consumer = consume(broker, partitions=[(topic, 0)], group_id=topic, **config)
    calls = Calls(consumer, 20)
    kept: list[weakref.ref[Exception]] = []
    alive: list[int] = []

    class Unwanted(Exception):
        pass

    def handler(message: rivven.Message) -> None:
        gc.collect()
        alive.append(sum(exception() is not None for exception in kept))
        calls.note(message)
        unwanted = Unwanted()
        kept.append(weakref.ref(unwanted))
        raise unwanted

    report = consumer.process(handler)
    assert (report.skipped, len(alive)) == (20, 20)
    assert max(alive) <= 2


def test_partitions_are_worked_on_side_by_side_and_each_in_its_order(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 20, 20, 20)
    places = [(topic, p) for p in range(3)]
    consumer = consume(broker, partitions=places, group_id=topic, process_concurrency=2)
    calls = Calls(consumer, 60)
    at_work, most = 0, 0

    def handler(message: rivven.Message) -> None:
        nonlocal at_work, most
        with calls.lock:
            at_work += 1
            most = max(most, at_work)
        calls.note(message)
        with calls.lock:
            at_work -= 1

    report = consumer.process(handler)
    assert report == ProcessReport(processed=60, retries=0, dead_lettered=0, skipped=0)
    assert calls.values == {p: [f"{'abc'[p]}{n}" for n in range(20)] for p in range(3)}
    assert most <= 2
    assert [reader.get_offset(topic, topic, p) for p in range(3)] == [20, 20, 20]


def test_handlers_wait_for_each_other_in_either_style(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 1, 1)
    places = [(topic, 0), (topic, 1)]

    async def main() -> ProcessReport:
        together = asyncio.Barrier(2)
        async with rivven.Consumer(partitions=places, bootstrap_servers=broker, group_id=topic) as consumer:

            async def handler(message: rivven.Message) -> None:
                await together.wait()
                consumer.wakeup()

            return await consumer.process(handler)

    assert asyncio.run(main()).processed == 2
    meeting = threading.Barrier(2)
    group = f"{topic}-blocking"
    with rivven.blocking.Consumer(partitions=places, bootstrap_servers=broker, group_id=group) as consumer:

        def handler(_: rivven.Message) -> None:
            meeting.wait(30)
            consumer.wakeup()

        assert consumer.process(handler).processed == 2


def test_what_fails_is_handled_again_and_skipped_at_last(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 4)
    options = {**QUICK, "process_retries": 1, "process_on_failure": "skip"}
    consumer = consume(broker, partitions=[(topic, 0)], group_id=topic, **options)
    calls = Calls(consumer, 6)

    def handler(message: rivven.Message) -> None:
        times = calls.note(message)
        if message.offset == 2 or (message.offset == 1 and times == 1):
            raise ValueError("no such customer")

    report = consumer.process(handler)
    assert (report.processed, report.retries, report.skipped) == (3, 2, 1)
    assert calls.values[0] == ["a0", "a1", "a1", "a2", "a2", "a3"]
    assert reader.get_offset(topic, topic, 0) == 4


def test_what_fails_every_time_goes_to_the_dead_letter_topic(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 2)
    dead = f"{topic}-dead"
    reader.create_topic(dead, 1)
    options = {**QUICK, "process_retries": 0, "process_dead_letter_topic": dead}
    consumer = consume(broker, partitions=[(topic, 0)], group_id=topic, **options)
    calls = Calls(consumer, 2)

    def handler(message: rivven.Message) -> None:
        calls.note(message)
        if message.offset == 0:
            raise ValueError("no such customer")

    report = consumer.process(handler)
    assert (report.processed, report.dead_lettered) == (1, 1)
    assert reader.get_offset(topic, topic, 0) == 2
    (letter,) = reader.consume(dead, 0, 0, 10)
    head, _, value = letter.value_str().partition("\n\n")
    assert (letter.key, value) == (b"key0", "a0")
    said = dict(line.split(": ", 1) for line in head.splitlines())
    assert (said["topic"], said["partition"], said["offset"], said["group"]) == (topic, "0", "0", topic)
    assert (said["attempts"], said["error"]) == ("1", "ValueError: no such customer")


def test_by_default_it_stops_in_front_of_what_failed_with_the_cause(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 4)
    consumer = consume(broker, partitions=[(topic, 0)], group_id=topic, process_retries=0)
    failure = ValueError("no such customer")

    def handler(message: rivven.Message) -> None:
        if message.offset == 2:
            raise failure

    with pytest.raises(rivven.RivvenException) as stopped:
        consumer.process(handler)
    assert stopped.value.code == "PROCESSING_FAILED"
    assert stopped.value.__cause__ is failure
    assert reader.get_offset(topic, topic, 0) == 2
    calls = Calls(consumer, 2)
    assert consumer.process(calls.note).processed == 2
    assert calls.values == {0: ["a2", "a3"]}


class Unspeakable(Exception):
    """Its text is not to be had."""

    def __str__(self) -> str:
        """Raise something else."""
        raise LookupError


@pytest.mark.parametrize(
    ("failure", "text"),
    [(ValueError("half a \ud83d"), "ValueError: half a ?"), (Unspeakable(), "Unspeakable")],
    ids=["not encodable", "without text"],
)
def test_what_fails_without_a_text_has_failed_all_the_same(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str, failure: Exception, text: str
) -> None:
    """The handler was never said to have ended, and `process` waited for it."""
    filled(reader, topic, 1)
    consumer = consume(broker, partitions=[(topic, 0)], group_id=topic, process_retries=0)

    def handler(_: rivven.Message) -> None:
        raise failure

    with pytest.raises(rivven.RivvenException, match=re.escape(text)) as stopped:
        consumer.process(handler)
    assert stopped.value.code == "PROCESSING_FAILED"
    assert stopped.value.__cause__ is failure


def test_handlers_run_in_the_context_that_processes(broker: str, reader: Reader, topic: str) -> None:
    """They ran in that of the first call of the consumer; what one of them sets the others do not see."""
    filled(reader, topic, 2)
    request = ContextVar("request", default="none")
    seen: list[str] = []

    async def main() -> None:
        async with rivven.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker, group_id=topic) as consumer:

            async def handler(message: rivven.Message) -> None:
                seen.append(request.get())
                request.set("changed")
                if message.offset == 1:
                    consumer.wakeup()

            request.set("processing")
            await consumer.process(handler)

    asyncio.run(main())
    assert seen == ["processing", "processing"]


def test_close_waits_for_handlers(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 3)

    async def main() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()
        consumer = rivven.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker, group_id=topic)

        async def handler(message: rivven.Message) -> None:
            if message.offset == 1:
                begun.set()
                await go_on.wait()

        processing = asyncio.create_task(consumer.process(handler))
        await begun.wait()
        with pytest.raises(rivven.RivvenException) as nested:
            await consumer.process(handler)
        assert nested.value.code == "INVALID_STATE"
        closing = asyncio.ensure_future(consumer.close())
        await asyncio.wait([closing], timeout=0.05)
        assert not closing.done()
        go_on.set()
        await closing
        assert (await processing).processed == 2

    asyncio.run(main())
    assert reader.get_offset(topic, topic, 0) == 2


@pytest.mark.parametrize("style", ["asyncio", "another task", "blocking"])
def test_a_handler_may_close_and_is_not_waited_for(broker: str, reader: Reader, topic: str, style: str) -> None:
    filled(reader, topic, 3)
    config: dict[str, Any] = {"bootstrap_servers": broker, "group_id": topic, "close_timeout_ms": 60_000}
    begun = time.monotonic()

    async def main() -> ProcessReport:
        async with rivven.Consumer(partitions=[(topic, 0)], **config) as consumer:

            async def close() -> None:
                await consumer.close()

            async def handler(message: rivven.Message) -> None:
                if message.offset == 1:
                    await (close() if style == "asyncio" else asyncio.create_task(close()))

            return await consumer.process(handler)

    def blocking() -> ProcessReport:
        with rivven.blocking.Consumer(partitions=[(topic, 0)], **config) as consumer:

            def handler(message: rivven.Message) -> None:
                if message.offset == 1:
                    consumer.close()

            return consumer.process(handler)

    report = blocking() if style == "blocking" else asyncio.run(main())
    assert time.monotonic() - begun < 30
    # Another one may have been handled before it was closed.
    assert reader.get_offset(topic, topic, 0) == report.processed >= 2


def test_cancelling_it_cancels_handlers_and_gives_back_what_is_not_done(
    broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 4)

    async def main() -> None:
        begun = asyncio.Event()
        cancelled = []
        async with rivven.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker, group_id=topic) as consumer:

            async def handler(message: rivven.Message) -> None:
                if message.offset == 1:
                    begun.set()
                    try:
                        await asyncio.sleep(3600)
                    except asyncio.CancelledError:
                        cancelled.append(message.offset)
                        raise

            processing = asyncio.create_task(consumer.process(handler))
            await begun.wait()
            processing.cancel()
            with suppress(asyncio.CancelledError):
                await processing
            assert cancelled == [1]
            calls = Calls(consumer, 3)
            await consumer.process(calls.note)
            assert calls.values == {0: ["a1", "a2", "a3"]}

    asyncio.run(main())
    assert reader.get_offset(topic, topic, 0) == 4


def test_polls_go_on_right_behind_a_cancelled_one(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 5)

    async def main() -> None:
        async with rivven.Consumer(bootstrap_servers=broker, partitions=[(topic, 0)], group_id=topic) as consumer:
            for _ in range(20):
                begun = asyncio.Event()

                async def handler(message: rivven.Message, begun: asyncio.Event = begun) -> None:
                    begun.set()
                    await asyncio.Event().wait()

                processing = asyncio.create_task(consumer.process(handler))
                await begun.wait()
                processing.cancel()
                with suppress(asyncio.CancelledError):
                    await processing
                await consumer.poll(0)
                await consumer.seek_to_beginning(topic=topic, partition=0)

    asyncio.run(asyncio.wait_for(main(), 60))


def test_no_handler_begins_once_it_is_cancelled(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 2, 2)
    places = [(topic, 0), (topic, 1)]

    async def main() -> None:
        begun: list[int] = []
        async with rivven.Consumer(partitions=places, bootstrap_servers=broker, group_id=topic) as consumer:
            processing = asyncio.create_task(consumer.process(lambda message: begun.append(message.offset)))
            await asyncio.sleep(0)
            until = time.monotonic() + 20
            # Messages come to an event loop that has no time for them.
            while consumer.stats().records < 4 and time.monotonic() < until:
                time.sleep(0.05)
            time.sleep(0.1)
            processing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await processing
            # The loop takes up what has come.
            await asyncio.sleep(0.1)
            assert begun == []

    asyncio.run(main())
    assert not any(reader.get_offset(topic, topic, p) for p in (0, 1))


def test_a_handler_that_is_cancelled_has_not_failed(broker: str, reader: Reader, topic: str) -> None:
    """The end of an event loop cancels its tasks in any order, but a cancellation of the handler's own is a failure."""
    filled(reader, topic, 3)
    skipping: dict[str, Any] = {"process_retries": 0, "process_on_failure": "skip"}

    async def main() -> None:
        tasks: list[asyncio.Task[Any] | None] = []
        begun = asyncio.Event()
        async with rivven.Consumer(
            partitions=[(topic, 0)], bootstrap_servers=broker, group_id=topic, **skipping
        ) as consumer:

            async def handler(message: rivven.Message) -> None:
                if message.offset == 0:
                    raise asyncio.CancelledError
                tasks.append(asyncio.current_task())
                begun.set()
                await asyncio.sleep(3600)

            processing = asyncio.create_task(consumer.process(handler))
            await begun.wait()
            assert tasks[0]
            tasks[0].cancel()
            with pytest.raises(rivven.RivvenException) as ended:
                await asyncio.wait_for(processing, 20)
            assert ended.value.code == "WOKEN_UP"
            calls = Calls(consumer, 2)
            await consumer.process(calls.note)
            assert calls.values == {0: ["a1", "a2"]}

    asyncio.run(main())
    assert reader.get_offset(topic, topic, 0) == 3


def test_a_consumer_without_a_group_has_nothing_to_commit(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 1)
    with rivven.blocking.connect(broker) as client, pytest.raises(TypeError, match="without a group"):
        client.consumer(topic).process(print)


def test_rebalances_are_told_between_handlers(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 2)
    told: list[str] = []
    done: list[int] = []
    consumer = rivven.blocking.Consumer(topic, bootstrap_servers=broker, group_id=topic)
    consumer.set_rebalance_listener(
        on_partitions_assigned=lambda partitions: told.append("assigned"),
        on_partitions_revoked=lambda partitions: told.append(f"revoked after {len(done)}"),
    )

    def handler(message: rivven.Message) -> None:
        if message.offset == 1:
            consumer.unsubscribe()
        done.append(message.offset)

    with pytest.raises(rivven.RivvenException) as ended:
        consumer.process(handler)
    assert ended.value.code == "INVALID_STATE", "there is nothing to read any more"
    assert told == ["assigned", "revoked after 2"]
    assert reader.get_offset(topic, topic, 0) == 2
    consumer.close()
