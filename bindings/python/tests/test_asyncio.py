"""What is particular to asyncio: many calls, many loops, cancelled and abandoned calls."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable

import pytest
import rivven
import rivven.blocking
from support import descriptors

Eventually = Callable[[Callable[[], bool]], None]


def test_calls_return_futures_of_the_running_loop(broker: str) -> None:
    async def main() -> None:
        async with await rivven.connect(broker) as client:
            future = client.ping()
            assert asyncio.isfuture(future) and future.get_loop() is asyncio.get_running_loop()
            await future

    asyncio.run(main())
    with pytest.raises(RuntimeError, match="no running event loop.* use rivven.blocking"):
        rivven.connect(broker)


def test_connecting_is_awaited_or_used_with_async_with(broker: str) -> None:
    """covers: F004 python"""

    async def main() -> None:
        async with rivven.connect(broker) as client:
            assert isinstance(client, rivven.Client)
            await client.ping()
        with pytest.raises(rivven.RivvenException) as closed:
            await client.ping()
        assert closed.value.code == "CLOSED"
        with pytest.raises(rivven.ConnectionException):
            async with rivven.connect("127.0.0.1:1"):
                raise AssertionError
        clients = await asyncio.gather(rivven.connect(broker), asyncio.wait_for(rivven.connect(broker), 30))
        future = rivven.connect(broker)
        assert future.done() is False and future.get_loop() is asyncio.get_running_loop()
        for client in (*clients, await future, await future):
            await client.close()

    asyncio.run(main())


def test_errors_of_arguments_name_the_class(broker: str) -> None:

    async def main() -> None:
        async with rivven.connect(broker) as client:
            with pytest.raises(TypeError, match=r"Client\.create_topic\(\) missing"):
                client.create_topic()  # type: ignore[call-arg]
            with pytest.raises(TypeError, match=r"^Producer\.send\(\) missing"):
                client.producer("topic").send()  # type: ignore[call-arg]

    asyncio.run(main())


def test_a_thousand_concurrent_calls_get_their_own_answers(broker: str, topic: str) -> None:
    async def main() -> None:
        async with await rivven.connect(broker) as client:
            await client.create_topic(topic, 4)
            pings = [client.ping() for _ in range(1000)]
            published = await asyncio.gather(
                *(client.publish_to_partition(topic, n % 4, str(n)) for n in range(1000))
            )
            await asyncio.gather(*pings)
            for partition in range(4):
                messages = await client.consume(topic, partition, 0, 1000)
                of_offset = {message.offset: message.value_str() for message in messages}
                for n in range(partition, 1000, 4):
                    assert published[n].partition == partition
                    assert of_offset[published[n]] == str(n)

    asyncio.run(main())


def test_event_loops_in_several_threads_share_a_client(broker: str, topic: str) -> None:
    """Each thread has a loop of its own; the client was made by yet another one."""
    threads, calls = 4, 50

    async def publish(client: rivven.Client, partition: int) -> list[rivven.RecordMetadata]:
        return await asyncio.gather(*(client.publish_to_partition(topic, partition, b"v") for _ in range(calls)))

    async def main() -> None:
        async with await rivven.connect(broker) as client:
            await client.create_topic(topic, threads)
            offsets = await asyncio.gather(
                *(asyncio.to_thread(asyncio.run, publish(client, partition)) for partition in range(threads))
            )
            assert [sorted(of_thread) for of_thread in offsets] == [list(range(calls))] * threads

    asyncio.run(main())


def test_a_cancelled_call_harms_nobody(broker: str, stalled: str) -> None:
    async def cancelled_early() -> None:
        async with await rivven.connect(broker) as client:
            calls = [client.list_topics() for _ in range(100)]
            for call in calls:
                call.cancel()
            await client.ping()
            assert all(call.cancelled() for call in calls)

    async def cancelled_late() -> None:
        async with await rivven.connect(stalled, close_timeout_ms=100) as client:
            for _ in range(3):
                with pytest.raises(TimeoutError) as caught:
                    await asyncio.wait_for(client.list_topics(), 0.02)
                assert not isinstance(caught.value, rivven.TimeoutException)

    asyncio.run(cancelled_early())
    asyncio.run(cancelled_late())


def test_a_cancelled_connect_leaves_nothing_behind(stalled: str) -> None:
    async def main() -> None:
        before = descriptors("anon_inode:[eventfd]")
        connecting = rivven.connect("10.255.255.1:9", connection_timeout_ms=200)
        connecting.cancel()
        del connecting
        while descriptors("anon_inode:[eventfd]") > before:
            await asyncio.sleep(0.01)

    with rivven.blocking.connect(stalled):  # it keeps the runtime with its own descriptors
        asyncio.run(asyncio.wait_for(main(), 10))


def test_a_loop_that_is_closed_with_calls_pending(eventually: Eventually, stalled: str) -> None:
    clients: list[rivven.Client] = []

    async def abandon() -> None:
        clients.append(await rivven.connect(stalled, request_timeout_ms=300))
        for _ in range(10):
            clients[0].list_topics()

    async def use() -> None:
        with pytest.raises(rivven.RivvenException):
            await clients[0].list_topics()

    with rivven.blocking.connect(stalled):
        before = descriptors("anon_inode:[eventfd]")
        asyncio.run(abandon())
        asyncio.run(use())
        eventually(lambda: descriptors("anon_inode:[eventfd]") == before)
        clients.clear()


def test_descriptors_are_not_leaked_by_loops(broker: str) -> None:
    async def connect() -> rivven.Client:
        return await rivven.connect(broker)

    async def use(client: rivven.Client) -> int:
        await client.ping()
        return descriptors("anon_inode:[eventfd]")

    client = asyncio.run(connect())
    first = asyncio.run(use(client))
    assert [asyncio.run(use(client)) for _ in range(20)] == [first] * 20


def test_an_abandoned_loop_is_collected(eventually: Eventually, stalled: str) -> None:
    """A loop that is neither closed nor referred to, with a call pending, is a cycle through native code."""

    def abandon() -> None:
        loop = asyncio.new_event_loop()
        client = loop.run_until_complete(asyncio.wait_for(rivven_connect(), 10))
        loop.run_until_complete(begin(client))

    async def rivven_connect() -> rivven.Client:
        return await rivven.connect(stalled, request_timeout_ms=300, close_timeout_ms=100)

    async def begin(client: rivven.Client) -> None:
        client.list_topics()

    with rivven.blocking.connect(stalled):
        # A collection between the loop and its sockets would part them, and finalize the younger sockets first.
        gc.collect()
        before = descriptors("anon_inode:[event")
        with pytest.warns(ResourceWarning, match="unclosed event loop"):
            abandon()
            gc.collect()
        eventually(lambda: descriptors("anon_inode:[event") == before)


def test_close_fails_what_is_pending_within_its_time(stalled: str) -> None:
    async def main() -> None:
        client = await rivven.connect(stalled)
        pending = [client.list_topics() for _ in range(10)]
        loop = asyncio.get_running_loop()
        start = loop.time()
        await client.close(timeout=0.2)
        outcomes = await asyncio.gather(*pending, return_exceptions=True)
        assert loop.time() - start < 5
        for error in outcomes:
            assert isinstance(error, rivven.RivvenException)
            assert error.code == "CLOSED"
        await client.close()

    asyncio.run(main())


def test_close_takes_the_client_out_of_every_loop(broker: str) -> None:
    ready, done = threading.Event(), threading.Event()

    async def other(client: rivven.Client) -> None:
        await client.ping()
        ready.set()
        await asyncio.to_thread(done.wait)

    async def main() -> None:
        client = await rivven.connect(broker)
        thread = asyncio.create_task(asyncio.to_thread(asyncio.run, other(client)))
        await asyncio.to_thread(ready.wait)
        before = descriptors("anon_inode:[eventfd]")
        await client.close()
        try:
            async with asyncio.timeout(10):
                while descriptors("anon_inode:[eventfd]") > before - 2:
                    await asyncio.sleep(0.01)
        finally:
            done.set()
            await thread

    with rivven.blocking.connect(broker):
        asyncio.run(main())


def test_a_client_that_is_dropped_answers_its_calls_first(broker: str, topic: str) -> None:
    async def main() -> None:
        before = descriptors("anon_inode:[eventfd]")
        await (await rivven.connect(broker)).create_topic(topic, 1)
        assert await (await rivven.connect(broker)).publish(topic, b"value") == 0
        while descriptors("anon_inode:[eventfd]") > before:
            await asyncio.sleep(0.01)

    with rivven.blocking.connect(broker):
        asyncio.run(asyncio.wait_for(main(), 10))


def test_errors_are_raised_by_the_await(broker: str) -> None:
    async def main() -> None:
        async with await rivven.connect(broker) as client:
            outcomes = await asyncio.gather(
                client.create_topic("no spaces"), client.ping(), client.get_metadata("missing"), return_exceptions=True
            )
            assert [type(outcome) for outcome in outcomes] == [
                rivven.ServerException,
                type(None),
                rivven.ServerException,
            ]

    asyncio.run(main())
