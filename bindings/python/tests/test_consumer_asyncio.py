"""The consumer in event loops and threads: iteration, waits that are given up, listeners that wait, events."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import nullcontext, suppress
from typing import Any

import pytest
import rivven
import rivven.blocking
from rivven import TopicPartition
from test_consumer import filled

Reader = rivven.blocking.Client


# covers: P-consumer python, P-Consumer python
def test_a_program_of_the_published_package(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 10, 2)
    group = f"group-{topic}"

    async def main() -> None:
        client = await rivven.connect(broker)
        for consumer in (
            client.consumer(topic),
            await client.consumer(topic),
            client.consumer(topic, 0, None, 0, 100, True),
            client.consumer(topic=topic, partition=0, group=None, start_offset=None, batch_size=100, auto_commit=True),
        ):
            assert isinstance(consumer, rivven.Consumer)
            assert (consumer.topic, consumer.partition, consumer.group, consumer.is_closed) == (topic, 0, None, False)
            assert consumer.current_offset() == 0 and await consumer.current_offset() == 0
            assert [message.offset for message in await consumer.fetch()] == list(range(10))
            await consumer.seek(2)
            assert [message.offset for message in await consumer.fetch(3)] == [2, 3, 4]
            assert consumer.current_offset() == 5
            assert [message.offset for message in await consumer.fetch(max_messages=1)] == [5]
            await consumer.seek(new_offset=0, topic=topic, partition=0)
            assert [message.offset async for message, _ in zipped(consumer, 10)] == list(range(10))
            await consumer.seek_to_beginning()
            assert (await consumer.fetch(1))[0].value == b"a0"
            await consumer.seek_to_end()
            assert await consumer.current_offset() == 10
            assert await consumer.get_offset_bounds() == (0, 10)
            await consumer.close()
            assert consumer.is_closed
        async with client.consumer(topic, partition=1, group=group, batch_size=1) as consumer:
            assert consumer.group == group
            assert len(await consumer.fetch()) == 1 and len(await consumer.fetch(2)) == 1
            await consumer.commit()
        assert await client.get_offset(group, topic, 1) == 2
        consumer = client.consumer(topic, group_id=group, start_offset=7)
        assert [message.offset for message in await consumer.fetch(500)] == [7, 8, 9]
        await consumer.close()
        await client.commit_offset(group, topic, 0, 8)
        consumer = client.consumer(topic, partition=None, group=group)
        assert len(await consumer.fetch(1)) == 1 and consumer.partition is None
        with pytest.raises(TypeError):
            await consumer.seek(0)
        await consumer.seek(0, topic=topic, partition=0)
        await consumer.close()
        await client.close()

    asyncio.run(main())


async def zipped(consumer: rivven.Consumer, count: int) -> AsyncIterator[tuple[rivven.Message, int]]:
    """Give so many messages of an iteration."""
    given = 0
    async for message in consumer:
        yield message, given
        given += 1
        if given == count:
            return


def test_a_message_is_done_when_the_next_one_is_asked_for(broker: str, reader: Reader, topic: str) -> None:
    """covers: F100 python, F081 python"""
    filled(reader, topic, 10)
    group = f"group-{topic}"

    async def some(count: int) -> list[int]:
        offsets: list[int] = []
        async with rivven.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker, group_id=group) as consumer:
            async for message in consumer:
                offsets.append(message.offset)
                if len(offsets) == count:
                    break
        return offsets

    assert asyncio.run(some(4)) == [0, 1, 2, 3]
    begin = reader.get_offset(group, topic, 0)
    assert begin == 3
    with rivven.blocking.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker, group_id=group) as consumer:
        for number, message in enumerate(consumer, begin):
            assert message.offset == number
            if number == 9:
                break
        assert not consumer.is_closed
    assert list(consumer) == []


@pytest.mark.parametrize("end", ["break", "raise"])
@pytest.mark.parametrize(("count", "at"), [(1, 0), (4, 0), (4, 2)])
def test_a_message_is_not_done_where_the_work_on_it_ends(
    broker: str, reader: Reader, topic: str, count: int, at: int, end: str
) -> None:
    """The first message of what comes together, which was waited for, was done as soon as it was given."""
    filled(reader, topic, count)
    config: dict[str, Any] = {"partitions": [(topic, 0)], "bootstrap_servers": broker, "group_id": topic}

    async def read() -> None:
        async with rivven.Consumer(**config) as consumer:
            async for message in consumer:
                if message.offset == at:
                    if end == "raise":
                        raise ZeroDivisionError
                    break

    async def read_on() -> int:
        async with rivven.Consumer(**config) as consumer:
            return (await asyncio.wait_for(anext(consumer), 10)).offset

    with pytest.raises(ZeroDivisionError) if end == "raise" else nullcontext():
        asyncio.run(read())
    assert asyncio.run(read_on()) == at


def test_waits_that_are_cancelled_lose_nothing(broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)

    async def main() -> None:
        consumer = rivven.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker, enable_auto_commit=False)
        offsets: list[int] = []

        async def one() -> list[rivven.Message]:
            return [await anext(consumer)]

        waits: list[Callable[[], Any]] = [consumer.poll, consumer.fetch, one]
        for number in range(9):
            waiting = asyncio.ensure_future(waits[number % 3]())
            await asyncio.sleep(0)
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                offsets += [message.offset for message in await waiting]
            reader.publish(topic, b"value")
        while len(offsets) < 9:
            offsets += [message.offset for message in await waits[len(offsets) % 3]()]
        # What came to a wait that nobody claimed came first, and once.
        assert offsets == list(range(9))
        await consumer.close()

    asyncio.run(main())


class GivenUp(Exception):
    """Raised by the handler of a signal, as Ctrl-C does it."""


def given_up(meanwhile: Callable[[], object], wait: Callable[[], object]) -> None:
    """Give up a blocking wait, behind something else that happens while it is under way."""

    def handler(*_: object) -> None:
        meanwhile()
        raise GivenUp

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(GivenUp):
            wait()
    finally:
        signal.signal(signal.SIGALRM, before)


async def cancelled(meanwhile: Callable[[], object], wait: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Cancel a wait, behind something else that happens while it is under way."""
    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0.2)
    meanwhile()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


COMMITS = ["commit", "commit_async", "close", "transaction"]


@pytest.mark.parametrize("commit", COMMITS)
def test_what_came_to_a_wait_that_was_cancelled_is_not_committed(
    broker: str, reader: Reader, topic: str, eventually: Callable[[Callable[[], bool]], None], commit: str
) -> None:
    filled(reader, topic, 1)
    group = f"group-{topic}"

    async def main() -> None:
        consumer = rivven.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker, group_id=group)
        assert len(await consumer.poll()) == 1

        def arrive() -> None:
            reader.publish(topic, b"unseen")
            # The event loop has no time to give it.
            eventually(lambda: consumer.stats().records == 2)

        await cancelled(arrive, lambda: consumer.poll(60))
        assert consumer.position() == 1
        if commit == "transaction":
            async with rivven.Producer(bootstrap_servers=broker, transactional_id=topic) as producer:
                async with producer.begin_transaction() as transaction:
                    await transaction.send_consumer_offsets(consumer)
        elif commit == "commit_async":
            consumer.commit_async()
        else:
            await getattr(consumer, commit)()
        eventually(lambda: reader.get_offset(group, topic, 0) is not None)
        assert reader.get_offset(group, topic, 0) == 1
        if commit != "close":
            # It is the program's once it has it.
            assert [message.value for message in await consumer.poll()] == [b"unseen"]
            assert consumer.position() == 2
            await consumer.commit()
            assert reader.get_offset(group, topic, 0) == 2
            await consumer.close()

    asyncio.run(main())


@pytest.mark.parametrize("commit", COMMITS)
def test_what_came_to_a_wait_that_was_interrupted_is_not_committed(
    broker: str, reader: Reader, topic: str, eventually: Callable[[Callable[[], bool]], None], commit: str
) -> None:
    filled(reader, topic, 1)
    group = f"group-{topic}"
    consumer = rivven.blocking.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker, group_id=group)
    assert len(consumer.poll()) == 1

    def arrive() -> None:
        reader.publish(topic, b"unseen")
        eventually(lambda: consumer.stats().records == 2)

    given_up(arrive, lambda: consumer.poll(60))
    assert consumer.position() == 1
    if commit == "transaction":
        with rivven.blocking.Producer(bootstrap_servers=broker, transactional_id=topic) as producer:
            with producer.begin_transaction() as transaction:
                transaction.send_consumer_offsets(consumer)
    else:
        getattr(consumer, commit)()
    eventually(lambda: reader.get_offset(group, topic, 0) is not None)
    assert reader.get_offset(group, topic, 0) == 1
    if commit != "close":
        assert [message.value for message in consumer.poll()] == [b"unseen"]
        assert consumer.position() == 2
        consumer.commit()
        assert reader.get_offset(group, topic, 0) == 2
        consumer.close()


WAITS = [("poll", "poll"), ("fetch", "poll"), ("anext", "poll"), ("poll", "fetch"), ("poll", "anext")]


@pytest.mark.parametrize(("first", "then"), WAITS)
@pytest.mark.parametrize("early", [True, False])
def test_a_wait_that_was_cancelled_takes_no_wake_up(
    broker: str, reader: Reader, topic: str, first: str, then: str, early: bool
) -> None:
    """What wakes it up comes before it is cancelled, while the event loop is busy, or behind."""
    filled(reader, topic, 1)

    async def main() -> None:
        async with rivven.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker) as consumer:
            assert len(await consumer.poll()) == 1

            async def one() -> rivven.Message:
                return await anext(consumer)

            waits: dict[str, Callable[[], Any]] = {"poll": consumer.poll, "fetch": consumer.fetch, "anext": one}

            def wake_up() -> None:
                consumer.wakeup()
                time.sleep(0.1)

            await cancelled(wake_up if early else lambda: None, waits[first])
            if not early:
                consumer.wakeup()
            with pytest.raises(rivven.RivvenException) as failure:
                await waits[then]()
            assert failure.value.code == "WOKEN_UP"
            assert not await consumer.poll(0.05), "it is told once"

    asyncio.run(main())


@pytest.mark.parametrize(("first", "then"), WAITS)
@pytest.mark.parametrize("early", [True, False])
def test_a_wait_that_was_interrupted_takes_no_wake_up(
    broker: str, reader: Reader, topic: str, first: str, then: str, early: bool
) -> None:
    filled(reader, topic, 1)
    with rivven.blocking.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker) as consumer:
        assert len(consumer.poll()) == 1
        waits: dict[str, Callable[[], object]] = {
            "poll": consumer.poll,
            "fetch": consumer.fetch,
            "anext": lambda: next(consumer),
        }

        def wake_up() -> None:
            consumer.wakeup()
            time.sleep(0.1)

        given_up(wake_up if early else lambda: None, waits[first])
        if not early:
            consumer.wakeup()
        with pytest.raises(rivven.RivvenException) as failure:
            waits[then]()
        assert failure.value.code == "WOKEN_UP"
        assert not consumer.poll(0.05), "it is told once"


def test_a_wake_up_that_came_to_a_wait_that_was_cancelled_ends_handlers(
    broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 1)

    async def main() -> None:
        async with rivven.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker, group_id=topic) as consumer:
            assert len(await consumer.poll()) == 1

            def wake_up() -> None:
                consumer.wakeup()
                time.sleep(0.1)

            await cancelled(wake_up, consumer.poll)
            async with asyncio.timeout(20):
                assert await consumer.process(print) == rivven.ProcessReport(0, 0, 0, 0)

    asyncio.run(main())


def test_a_listener_is_told_once_though_polls_are_given_up(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 1)
    told: list[list[TopicPartition]] = []

    async def main() -> None:
        go_on, begun = asyncio.Event(), asyncio.Event()

        async def assigned(partitions: list[TopicPartition]) -> None:
            told.append(partitions)
            begun.set()
            await go_on.wait()

        async with rivven.Consumer(topic, bootstrap_servers=broker, group_id=topic) as consumer:
            consumer.set_rebalance_listener(on_partitions_assigned=assigned)
            for _ in range(3):
                polling = asyncio.create_task(consumer.poll(60))
                await begun.wait()
                polling.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await polling
            go_on.set()
            assert len(await consumer.poll(10)) == 1

    asyncio.run(main())
    assert told == [[TopicPartition(topic, 0)]]


@pytest.mark.parametrize("wait", ["anext", "fetch", "poll"])
def test_a_wait_that_was_given_up_is_not_in_the_way_of_close(
    broker: str, reader: Reader, topic: str, wait: str
) -> None:
    filled(reader, topic, 3)
    group = f"group-{topic}"

    async def main() -> None:
        consumer = rivven.Consumer(
            partitions=[(topic, 0)], bootstrap_servers=broker, group_id=group, close_timeout_ms=60_000
        )
        assert [message.offset async for message, _ in zipped(consumer, 3)] == [0, 1, 2]
        waits: dict[str, Callable[[], Any]] = {
            "anext": lambda: anext(consumer),
            "fetch": consumer.fetch,
            "poll": consumer.poll,
        }
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await waits[wait]()
        async with asyncio.timeout(30):
            await consumer.close()
        assert reader.get_offset(group, topic, 0) == 3

    asyncio.run(main())


def test_closing_ends_iterations(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 10)
    config: dict[str, Any] = {
        "partitions": [(topic, 0)],
        "bootstrap_servers": broker,
        "enable_auto_commit": False,
    }

    async def main() -> list[int]:
        consumer, offsets = rivven.Consumer(**config), []
        async for message in consumer:
            offsets.append(message.offset)
            if message.offset == 4:
                await consumer.close()
        return offsets

    assert asyncio.run(main()) == list(range(5))
    consumer, offsets = rivven.blocking.Consumer(**config), []
    for message in consumer:
        offsets.append(message.offset)
        if message.offset == 4:
            consumer.close()
    assert offsets == list(range(5))


def test_closing_elsewhere_ends_iterations(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 5)
    config: dict[str, Any] = {
        "partitions": [(topic, 0)],
        "bootstrap_servers": broker,
        "enable_auto_commit": False,
    }

    async def main() -> None:
        consumer, all_given = rivven.Consumer(**config), asyncio.Event()
        offsets: list[int] = []

        async def read() -> None:
            async for message in consumer:
                offsets.append(message.offset)
                if len(offsets) == 5:
                    all_given.set()

        reading = asyncio.create_task(read())
        await all_given.wait()
        await asyncio.sleep(0.1)
        await consumer.close()
        await reading
        assert offsets == list(range(5))

    asyncio.run(main())
    consumer, all_given = rivven.blocking.Consumer(**config), threading.Event()
    offsets: list[int] = []
    failures: list[Exception] = []

    def read() -> None:
        try:
            for message in consumer:
                offsets.append(message.offset)
                if len(offsets) == 5:
                    all_given.set()
        except Exception as failure:
            failures.append(failure)

    thread = threading.Thread(target=read)
    thread.start()
    assert all_given.wait(20)
    time.sleep(0.1)
    consumer.close()
    thread.join(20)
    assert (offsets, failures) == (list(range(5)), [])


def test_a_message_is_taken_when_it_is_awaited_and_not_before(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 12)

    async def main() -> None:
        consumer = rivven.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker)
        assert (await anext(consumer)).offset == 0
        coming: Any = anext(consumer)
        del coming
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(consumer), 0)
        begun = asyncio.create_task(anext(consumer))
        begun.cancel()
        with pytest.raises(asyncio.CancelledError):
            await begun
        tasks = [asyncio.create_task(anext(consumer)) for _ in range(3)]
        assert [(await task).offset for task in tasks] == [1, 2, 3]
        async with asyncio.TaskGroup() as group:
            grouped = [group.create_task(anext(consumer)) for _ in range(2)]
        assert [task.result().offset for task in grouped] == [4, 5]
        assert [(await asyncio.wait_for(anext(consumer), 10)).offset for _ in range(2)] == [6, 7]
        assert (await anext(consumer, None)).offset == 8  # type: ignore[union-attr]
        coming = anext(consumer)
        assert (await coming).offset == 9
        with pytest.raises(RuntimeError, match="already awaited"):
            await coming
        coming = anext(consumer)
        with pytest.raises(KeyError):
            coming.throw(KeyError())
        coming = anext(consumer)
        coming.close()
        with pytest.raises(RuntimeError, match="already awaited"):
            coming.send(None)
        assert [(await anext(consumer)).offset for _ in range(2)] == [10, 11]
        # Also one that waits.
        coming = anext(consumer)
        waiting = asyncio.create_task(coming)
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        waiting = asyncio.create_task(anext(consumer))
        await asyncio.sleep(0.1)
        reader.publish(topic, b"last")
        assert (await waiting).value == b"last"
        await consumer.close()
        with pytest.raises(StopAsyncIteration):
            await anext(consumer)
        assert await anext(consumer, None) is None

    asyncio.run(main())


def test_a_wait_for_a_message_in_a_loop_that_is_gone_is_collected(broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)

    class Witness:
        pass

    async def main() -> weakref.ref[Witness]:
        witness = Witness()
        consumer = rivven.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker)

        async def read() -> None:
            assert witness
            await anext(consumer)

        kept.append(asyncio.create_task(read()))
        await asyncio.sleep(0.1)
        return weakref.ref(witness)

    kept: list[asyncio.Task[None]] = []
    loop = asyncio.new_event_loop()
    seen = loop.run_until_complete(main())
    loop.close()
    loop.set_exception_handler(lambda *_: None)
    kept.clear()
    del loop
    gc.collect()
    assert seen() is None


def test_a_listener_keeps_no_consumer(
    broker: str, reader: Reader, topic: str, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    filled(reader, topic, 1)

    class App:
        def __init__(self) -> None:
            self.told: list[str] = []
            self.consumer = rivven.Consumer(topic, bootstrap_servers=broker, group_id=topic)
            self.consumer.set_rebalance_listener(on_partitions_assigned=lambda _: self.told.append("before"))
            self.consumer.set_rebalance_listener(on_partitions_assigned=self.assigned)

        async def assigned(self, _: list[TopicPartition]) -> None:
            self.told.append("assigned")

    async def main() -> None:
        app = App()
        assert len(await app.consumer.poll(10)) == 1
        assert app.told == ["assigned"]
        seen = weakref.ref(app)
        del app
        gc.collect()
        assert seen() is None
        # It has left its group.
        async with rivven.Consumer(topic, bootstrap_servers=broker, group_id=topic) as other:
            async with asyncio.timeout(20):
                while not other.assignments():
                    await other.poll(0.1)

    asyncio.run(main())


def test_a_listener_may_wait_and_commit(broker: str, reader: Reader, topic: str) -> None:
    """covers: F099 python"""
    filled(reader, topic, 3)
    told: list[str] = []

    async def main() -> None:
        consumer = rivven.Consumer(topic, bootstrap_servers=broker, group_id=f"group-{topic}")

        class Listener:
            async def on_partitions_assigned(self, partitions: list[TopicPartition]) -> None:
                await consumer.seek(1, topic=topic, partition=0)
                told.append("assigned")

            async def on_partitions_revoked(self, partitions: list[TopicPartition]) -> None:
                await consumer.commit_offsets([(topic, 0, 2)])
                told.append("revoked")

        consumer.set_rebalance_listener(Listener())
        records = await consumer.poll(10)
        assert [message.offset for message in records] == [1, 2] and told == ["assigned"]
        await consumer.close()
        assert told == ["assigned", "revoked"]

    asyncio.run(main())


def test_an_iteration_raises_what_a_listener_raises(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 1)

    async def assigned(_: list[TopicPartition]) -> None:
        await asyncio.sleep(0)
        raise rivven.RivvenException("a failure of the listener")

    async def main() -> None:
        async with rivven.Consumer(topic, bootstrap_servers=broker, group_id=topic) as consumer:
            consumer.set_rebalance_listener(on_partitions_assigned=assigned)
            with pytest.raises(rivven.RivvenException, match="of the listener"):
                await anext(consumer)
            assert (await anext(consumer)).offset == 0

    asyncio.run(main())


def test_the_loop_is_told_what_a_listener_raises_that_nobody_waits_for(
    broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 1)

    async def main() -> None:
        go_on, begun, told = asyncio.Event(), asyncio.Event(), asyncio.Event()
        failures: list[object] = []

        def tell(_: object, context: dict[str, Any]) -> None:
            failures.append(context.get("exception"))
            told.set()

        async def assigned(_: list[TopicPartition]) -> None:
            begun.set()
            await go_on.wait()
            raise ZeroDivisionError

        asyncio.get_running_loop().set_exception_handler(tell)
        async with rivven.Consumer(topic, bootstrap_servers=broker, group_id=topic) as consumer:
            consumer.set_rebalance_listener(on_partitions_assigned=assigned)
            polling = asyncio.create_task(consumer.poll(60))
            await begun.wait()
            polling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await polling
            go_on.set()
            async with asyncio.timeout(10):
                while not told.is_set():
                    gc.collect()
                    await asyncio.sleep(0.01)
            assert len(await consumer.poll(10)) == 1
        assert [type(failure) for failure in failures] == [ZeroDivisionError]

    asyncio.run(main())


def test_a_poll_is_ended_from_another_thread(broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)
    consumer = rivven.blocking.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker)
    codes: list[str] = []

    def wait() -> None:
        try:
            consumer.poll(30)
        except rivven.RivvenException as failure:
            codes.append(failure.code)

    for end in (consumer.wakeup, consumer.close):
        thread = threading.Thread(target=wait)
        thread.start()
        end()
        thread.join(20)
    assert codes == ["WOKEN_UP", "CLOSED"]


def test_two_tasks_poll_side_by_side(broker: str, reader: Reader, topic: str) -> None:
    """covers: F100 python"""
    filled(reader, topic, 50)

    async def main() -> None:
        consumer = rivven.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker, max_poll_records=5)
        offsets: list[int] = []

        async def take() -> None:
            while len(offsets) < 50:
                offsets.extend(message.offset for message in await consumer.poll(0.5))

        await asyncio.gather(take(), take())
        assert offsets == list(range(50))
        await consumer.close()

    asyncio.run(main())
