"""The producer in event loops: forms of use, many at once, several loops, what is cancelled and what has no room."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import rivven
import rivven.blocking
from support import PASSWORD, USER, Secure, descriptors, run_script

Reader = rivven.blocking.Client


SMALL: dict[str, Any] = {"buffer_memory": 5000, "batch_size": 1000}


def values(reader: Reader, topic: str) -> list[str]:
    """Read the values of partition 0."""
    read: list[str] = []
    following = reader.get_offset_bounds(topic, 0)[1]
    while len(read) < following:
        read += [message.value_str() for message in reader.consume(topic, 0, len(read), 1000)]
    return read


def test_a_program_of_the_published_package(broker: str, reader: Reader, topic: str) -> None:
    """covers: P-producer python, P-Producer python"""
    reader.create_topic(topic, 2)

    async def main() -> None:
        client = await rivven.connect(broker)
        for producer in (
            client.producer(topic),
            await client.producer(topic),
            client.producer(topic, 16384, 5),
            client.producer(topic=topic, batch_size=1000, linger_ms=1),
        ):
            assert isinstance(producer, rivven.Producer) and producer.topic == topic
            assert await producer.send(b"value") >= 0
            assert await producer.send(b"value", b"key") >= 0
            assert await producer.send(b"value", key=b"key", topic=topic, partition=1) >= 0
            assert (await producer.send_to_partition(b"value", 1)).partition == 1
            assert (await producer.send_to_partition(value=b"value", partition=0, key=b"k", topic=topic)).partition == 0
            assert len(await producer.send_batch([b"a", (b"b", b"key"), (b"c", None)])) == 3
            assert len(await producer.send_batch(messages=[b"a"], topic=topic)) == 1
            assert producer.enqueue(b"value") is None  # type: ignore[func-returns-value]
            producer.enqueue(b"value", b"key", topic=topic, partition=0)
            await producer.flush()
            await producer.close(timeout=5.0)
        async with client.producer(topic) as producer:
            await producer.send(b"value")
        async with await client.producer(topic) as producer:
            await producer.send(b"value")
        with pytest.raises(rivven.RivvenException):
            await producer.send(b"closed")
        await client.close()

    asyncio.run(main())
    assert sum(reader.get_offset_bounds(topic, partition)[1] for partition in range(2)) == 4 * 11 + 2


def test_a_producer_is_made_awaited_and_used_without(broker: str, reader: Reader, topic: str) -> None:
    """covers: F053 python"""

    async def main() -> None:
        producer = rivven.Producer(bootstrap_servers=[broker], linger_ms=1)
        assert await producer is producer
        assert await producer is producer
        async with producer as same:
            assert same is producer
            await producer.send(b"x", topic=topic)
        handle = (await rivven.Producer(bootstrap_servers=broker)).topic_handle(topic)
        assert await handle is handle
        await handle.send(b"y")
        await handle.close()

    asyncio.run(main())
    assert len(reader.list_topics()) > 0


def test_outside_of_a_loop_only_what_is_not_awaited_works(broker: str, topic: str) -> None:
    producer = rivven.Producer(bootstrap_servers=broker).topic_handle(topic)
    producer.enqueue(b"x")
    assert producer.stats().records_sent == 1
    for call in (lambda: producer.send(b"x"), producer.flush, lambda: producer.send_batch([b"x"])):
        with pytest.raises(RuntimeError, match=r"rivven\.blocking"):
            call()
    asyncio.run(finish(producer))
    assert producer.stats().records_delivered == 1


async def finish(producer: rivven.Producer) -> None:
    await producer.close()


def test_ten_thousand_at_once(broker: str, reader: Reader, topic: str) -> None:
    """covers: F054 python, F055 python"""
    reader.create_topic(topic, 1)
    texts = [f"{n}" for n in range(10_000)]

    async def main() -> None:
        async with rivven.Producer(bootstrap_servers=broker) as root:
            producer = root.topic_handle(topic)

            async def send(text: str) -> int:
                return await producer.send(text)

            assert await asyncio.gather(*map(send, texts)) == list(range(10_000))

    asyncio.run(main())
    assert values(reader, topic) == texts


def test_a_batch_of_ten_thousand(broker: str, reader: Reader, topic: str) -> None:
    """covers: F055 python"""
    reader.create_topic(topic, 1)
    texts = [f"{n}" for n in range(10_000)]

    async def main() -> None:
        async with rivven.Producer(bootstrap_servers=broker) as producer:
            assert await producer.send_batch(texts, topic=topic) == list(range(10_000))

    asyncio.run(main())
    assert values(reader, topic) == texts


def test_what_has_no_room_stands_in_line(broker: str, reader: Reader, topic: str) -> None:
    """covers: F073 python"""
    reader.create_topic(topic, 1)
    texts = [f"{n:>1000}" for n in range(200)]

    async def main() -> None:
        async with rivven.Producer(bootstrap_servers=broker, buffer_memory=10_000, batch_size=3000) as producer:
            singly = [producer.send(text, topic=topic) for text in texts[:100]]
            together = producer.send_batch(texts[100:], topic=topic)
            assert await asyncio.gather(*singly) == list(range(100))
            assert await together == list(range(100, 200))
            assert producer.stats().bytes_buffered == 0

    asyncio.run(main())
    assert values(reader, topic) == texts


def test_flush_waits_for_what_stands_in_line(broker: str, reader: Reader, topic: str) -> None:
    """covers: F056 python"""
    reader.create_topic(topic, 1)

    async def main() -> None:
        async with rivven.Producer(bootstrap_servers=broker, buffer_memory=10_000, batch_size=3000) as producer:
            sends = [producer.send(bytes(1000), topic=topic) for _ in range(50)]
            await producer.flush()
            assert all(send.done() for send in sends)

    asyncio.run(main())


def test_closing_delivers_what_stands_in_line(broker: str, reader: Reader, topic: str) -> None:
    """covers: F056 python"""
    reader.create_topic(topic, 1)
    texts = [f"{n:>1000}" for n in range(100)]

    async def main() -> None:
        async with rivven.Producer(bootstrap_servers=broker, buffer_memory=10_000, batch_size=3000) as producer:
            singly = [producer.send(text, topic=topic) for text in texts[:50]]
            together = producer.send_batch(texts[50:], topic=topic)
        assert await asyncio.gather(*singly) == list(range(50))
        assert await together == list(range(50, 100))

    asyncio.run(main())
    assert values(reader, topic) == texts


def test_nothing_is_enqueued_before_what_stands_in_line(stalled: str, topic: str) -> None:
    """covers: F073 python"""

    async def main() -> None:
        producer = rivven.Producer(bootstrap_servers=stalled, **SMALL).topic_handle(topic)
        sends = [producer.send(bytes(500)) for _ in range(20)]
        told: list[Any] = []
        for on_delivery in (None, lambda *outcome: told.append(outcome)):
            with pytest.raises(rivven.RivvenException, match="sent before wait for room") as failure:
                producer.enqueue(b"x", on_delivery=on_delivery)
            assert (failure.value.code, failure.value.outcome) == ("QUEUE_FULL", "NOT_SENT")
        producer.purge()
        await asyncio.wait(sends)
        producer.enqueue(b"x", on_delivery=lambda *outcome: told.append(outcome))
        producer.purge()
        await producer.close()
        ((failed, nothing),) = told
        assert (failed.code, nothing) == ("PURGED", None)

    asyncio.run(main())


def test_a_list_that_the_loop_changes_is_sent_as_it_is_then(broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)
    messages = [f"{n:>1000}".encode() for n in range(100)]

    class Loop(asyncio.SelectorEventLoop):
        """Changes the list with each future that it makes."""

        def create_future(self) -> Any:
            messages[:] = [b"%1000d" % (1000 + n) for n in range(len(messages))]
            return super().create_future()

    async def main() -> None:
        producer = await rivven.Producer(bootstrap_servers=broker).topic_handle(topic)
        sent = producer.send_batch(messages)
        wanted = [value.decode() for value in messages]
        assert await sent == list(range(100))
        await producer.close()
        assert values(reader, topic) == wanted
        wrong: Any = [None]
        with pytest.raises(TypeError):
            producer.send_batch(wrong)

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(main())


def test_a_loop_is_woken_once_for_many(broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)

    async def main() -> int:
        loop = asyncio.get_running_loop()
        producer = rivven.Producer(bootstrap_servers=broker, linger_ms=200)
        wakes = 0
        add_reader = loop.add_reader

        def watch(descriptor: int, callback: Callable[[], None]) -> None:
            def called() -> None:
                nonlocal wakes
                wakes += 1
                callback()

            add_reader(descriptor, called)

        loop.add_reader = watch  # type: ignore[method-assign, assignment]
        await asyncio.gather(*[producer.send(f"{n}", topic=topic) for n in range(500)])
        seen = wakes
        await producer.close()
        return seen

    assert asyncio.run(main()) < 50


def test_several_loops_in_several_threads(broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)
    producer = rivven.Producer(bootstrap_servers=broker).topic_handle(topic)
    sent: dict[int, list[rivven.RecordMetadata]] = {}
    failures: list[BaseException] = []

    async def send(thread: int) -> None:
        offsets = list(await asyncio.gather(*[producer.send(f"{thread} {n}") for n in range(100)]))
        offsets += await producer.send_batch([f"{thread} {n}" for n in range(100, 150)])
        sent[thread] = offsets

    def run(thread: int) -> None:
        try:
            asyncio.run(send(thread))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures
    asyncio.run(finish(producer))
    read = values(reader, topic)
    assert len(read) == 600
    for number, offsets in sent.items():
        assert [read[offset] for offset in offsets] == [f"{number} {n}" for n in range(150)]


def test_a_delivery_stands_for_a_future(broker: str, reader: Reader, topic: str) -> None:
    """covers: F054 python"""
    reader.create_topic(topic, 1)

    async def main() -> None:
        async with rivven.Producer(bootstrap_servers=broker, linger_ms=20) as root:
            producer = root.topic_handle(topic)
            sent = producer.send(b"x")
            assert type(sent) is rivven.Delivery and asyncio.isfuture(sent) and asyncio.ensure_future(sent) is sent
            assert sent.get_loop() is asyncio.get_running_loop()
            assert (sent.done(), sent.cancelled(), repr(sent)) == (False, False, "<Delivery pending>")
            for early in (sent.result, sent.exception):
                with pytest.raises(asyncio.InvalidStateError):
                    early()
            called: list[Any] = []
            variable.set("then")
            sent.add_done_callback(lambda of: called.append((of is sent, variable.get())))
            variable.set("now")
            sent.add_done_callback(called.append)
            sent.add_done_callback(called.append)
            assert sent.remove_done_callback(called.append) == 2
            with pytest.raises(ZeroDivisionError):
                sent.remove_done_callback(Incomparable())
            given = contextvars.copy_context()
            given.run(variable.set, "given")
            sent.add_done_callback(lambda of: called.append((of is sent, variable.get())), context=given)
            done, pending = await asyncio.wait([sent, producer.send(b"y")])
            assert sent in done and not pending
            assert called == [(True, "then"), (True, "given")]
            assert (await sent, await sent, sent.result(), sent.exception(), sent.cancel()) == (0, 0, 0, None, False)
            sent.add_done_callback(called.append)
            assert len(called) == 2
            await asyncio.sleep(0)
            assert called[2] is sent
            assert await asyncio.shield(producer.send(b"z")) == 2
            assert await asyncio.wait_for(producer.send(b"z"), 30) == 3

            async def twice(of: Any) -> tuple[int, int]:
                return await of, await of

            shared = producer.send(b"z")
            assert [*await asyncio.gather(twice(shared), twice(shared), shared)] == [(4, 4), (4, 4), 4]

    asyncio.run(main())
    with pytest.raises(TypeError):
        rivven.Delivery()


class Incomparable:
    """Fails to be compared."""

    def __eq__(self, _other: object) -> bool:
        raise ZeroDivisionError

    def __call__(self, *_: Any) -> None:
        """Be a function."""


variable = contextvars.ContextVar("variable", default="default")


def test_a_cancelled_task_gives_up_its_wait(stalled: str, topic: str) -> None:

    async def main() -> None:
        producer = rivven.Producer(bootstrap_servers=stalled).topic_handle(topic)
        sent = producer.send(b"x")

        async def wait() -> None:
            await sent

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        assert task.cancel("why")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sent.cancelled() and repr(sent) == "<Delivery cancelled>"
        for raising in (sent.result, sent.exception):
            with pytest.raises(asyncio.CancelledError):
                raising()
        with pytest.raises(rivven.TimeoutException):
            await producer.close(timeout=0.05)

    asyncio.run(main())


def test_a_failure_is_the_same_exception_each_time(stalled: str, topic: str) -> None:

    async def main() -> None:
        producer = rivven.Producer(bootstrap_servers=stalled).topic_handle(topic)
        sent = producer.send(b"x")
        producer.purge()
        with pytest.raises(rivven.RivvenException) as failure:
            await sent
        assert failure.value.code == "PURGED" and sent.exception() is failure.value
        assert repr(sent) == "<Delivery failed>"
        await producer.close()
        refused = producer.send(b"x")
        assert refused.done() and refused.exception() is not None

    asyncio.run(main())


def test_the_loop_learns_of_a_failure_that_nobody_waits_for(stalled: str, topic: str) -> None:

    async def main() -> None:
        seen: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))
        producer = rivven.Producer(bootstrap_servers=stalled).topic_handle(topic)
        producer.send(b"nobody has it")
        kept = producer.send(b"somebody has it")
        producer.purge()
        await asyncio.wait([kept])
        (context,) = seen
        assert context["exception"].code == "PURGED" and "nobody" in context["message"]
        await producer.close()

    asyncio.run(main())


def test_the_loop_learns_of_what_was_refused_and_of_what_nobody_looked_at(stalled: str, topic: str) -> None:

    async def main() -> None:
        seen: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))
        producer = rivven.Producer(bootstrap_servers=stalled).topic_handle(topic)
        kept = [producer.send(f"{n}") for n in range(5)]
        called: list[Any] = []
        of_nobody = producer.send(b"only called for")
        of_nobody.add_done_callback(lambda of: called.append(getattr(of.exception(), "code", None)))
        del of_nobody
        producer.purge()
        while not all(delivery.done() for delivery in kept):
            await asyncio.sleep(0.01)
        assert called == ["PURGED"] and seen == []
        kept.pop().exception()
        with pytest.raises(rivven.RivvenException):
            kept.pop().result()
        with pytest.raises(rivven.RivvenException):
            await kept.pop()
        later: list[Any] = []
        kept.pop().add_done_callback(later.append)
        await asyncio.sleep(0)
        assert len(later) == 1 and seen == []
        kept.pop()
        assert [context["exception"].code for context in seen] == ["PURGED"]
        producer.send(bytes(2**25))
        producer.send(b"x", topic="no/topic")
        await producer.close()
        producer.send(b"x")
        codes = [context["exception"].code for context in seen]
        assert codes == ["PURGED", "REQUEST_TOO_LARGE", "INVALID_TOPIC", "CLOSED"]
        raised = [producer.send(b"x")]
        with pytest.raises(ZeroDivisionError):
            _ = [raised.pop(), 1 // len(raised)]
        assert len(seen) == 5

    asyncio.run(main())


def test_a_failure_that_nobody_looked_at_is_told_of_at_the_end_of_the_program(stalled: str) -> None:
    script = """
        import asyncio, sys, rivven

        async def main():
            global failed
            asyncio.get_running_loop().set_exception_handler(lambda _, context: print(context["exception"].code))
            producer = rivven.Producer(bootstrap_servers=sys.argv[1]).topic_handle("t")
            await producer.close()
            failed = producer.send(b"x")

        asyncio.run(main())
    """
    assert run_script(script, stalled) == "CLOSED\n"


def test_a_failure_that_goes_together_with_its_loop_is_told_of(stalled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda ignored: told.append(ignored.exc_value.code))

    class Loop(asyncio.SelectorEventLoop):
        kept: Any

    async def send(loop: Loop) -> None:
        producer = rivven.Producer(bootstrap_servers=stalled).topic_handle("t")
        await producer.close()
        loop.kept = producer.send(b"x")

    loop = Loop()
    loop.run_until_complete(send(loop))
    loop.close()
    del loop
    gc.collect()
    assert told == ["CLOSED"]


def test_what_a_callback_raises_goes_to_the_loop_and_the_others_are_called(
    broker: str, reader: Reader, topic: str
) -> None:
    reader.create_topic(topic, 1)

    async def main() -> None:
        seen: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: seen.append(context))

        def fail(*_: Any) -> None:
            raise ValueError("of the user")

        async with rivven.Producer(bootstrap_servers=broker, linger_ms=20) as root:
            producer = root.topic_handle(topic)
            sends = [producer.send(f"{n}") for n in range(5)]
            sends[0].add_done_callback(fail)
            producer.enqueue("5", on_delivery=fail)
            assert await asyncio.gather(*sends) == list(range(5))
            await producer.flush()
        assert [type(context["exception"]) for context in seen] == [ValueError] * 2

    asyncio.run(main())


def test_what_ends_the_program_goes_through_and_loses_nothing(broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)
    loop = asyncio.new_event_loop()
    told: list[Any] = []

    def end(*_: Any) -> None:
        raise SystemExit

    async def begin() -> rivven.Producer:
        producer = rivven.Producer(bootstrap_servers=broker, linger_ms=20).topic_handle(topic)
        for function in (end, lambda *outcome: told.append(outcome)):
            producer.enqueue(b"x", on_delivery=function)
        return producer

    producer = loop.run_until_complete(begin())
    with pytest.raises(SystemExit):
        loop.run_until_complete(asyncio.sleep(30))
    assert not told
    loop.run_until_complete(finish(producer))
    loop.close()
    assert told == [(None, 1)]


def test_a_function_for_a_delivery_wants_a_loop(broker: str, topic: str) -> None:
    producer = rivven.Producer(bootstrap_servers=broker).topic_handle(topic)
    with pytest.raises(RuntimeError, match=r"rivven\.blocking"):
        producer.enqueue(b"x", on_delivery=print)
    assert producer.stats().records_sent == 0


def test_a_blocking_producer_tells_by_poll(broker: str, reader: Reader, topic: str) -> None:
    """covers: F055 python"""
    reader.create_topic(topic, 1)
    told: list[Any] = []

    def tell(error: Any, record: Any) -> None:
        told.append(record)
        if record == 1:
            raise ValueError("of the user")

    with rivven.blocking.Producer(bootstrap_servers=broker, linger_ms=20) as root:
        producer = root.topic_handle(topic)
        assert (producer.poll(), producer.poll(0.01)) == (0, 0)
        for _ in range(4):
            producer.enqueue(b"x", on_delivery=tell)
        with pytest.raises(ValueError):
            while True:
                assert producer.poll(timeout=30) >= 0
        assert told == [0, 1]
        assert producer.poll() == 2 and told == [0, 1, 2, 3]
        calling = threading.get_ident()
        threads: list[int] = []
        producer.enqueue(b"x", on_delivery=lambda *_: threads.append(threading.get_ident()))
        producer.flush()
        assert threads == [calling]
    with pytest.raises(ValueError):
        producer.poll(-1)


def test_functions_of_a_producer_that_is_gone_are_collected(stalled: str, topic: str) -> None:

    class Witness:
        producer: Any

        def tell(self, *_: Any) -> None:
            pass

    witness = Witness()
    witness.producer = rivven.blocking.Producer(bootstrap_servers=stalled)
    witness.producer.enqueue(b"x", topic=topic, on_delivery=witness.tell)
    witness.producer.purge()
    seen = weakref.ref(witness)
    del witness
    gc.collect()
    assert seen() is None


def test_a_cancelled_send_is_sent_all_the_same(broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)

    async def main() -> None:
        async with rivven.Producer(bootstrap_servers=broker, linger_ms=20) as root:
            producer = root.topic_handle(topic)
            cancelled = [producer.send(f"{n}") for n in range(3)] + [producer.send_batch(["3", "4"])]
            kept = producer.send("5")
            for future in cancelled:
                assert future.cancel()
            assert await kept == 5
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(producer.send("6"), 0)
            await producer.flush()

    asyncio.run(main())
    assert values(reader, topic) == [f"{n}" for n in range(7)]


def test_without_room_enqueue_fails_at_once_and_send_after_its_time(stalled: str, topic: str) -> None:
    """covers: F073 python"""
    async def main() -> None:
        producer = rivven.Producer(bootstrap_servers=stalled, **SMALL, max_block_ms=100).topic_handle(topic)
        with pytest.raises(rivven.RivvenException) as failure:
            for _ in range(100):
                producer.enqueue(bytes(500))
        assert (failure.value.code, failure.value.outcome) == ("QUEUE_FULL", "NOT_SENT")
        assert 1 < producer.stats().records_sent < 100
        waiting = [producer.send(bytes(500)) for _ in range(20)] + [producer.send_batch([bytes(500)] * 20)]
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, rivven.RivvenException) and outcome.code == "QUEUE_FULL"
        with pytest.raises(rivven.TimeoutException):
            await producer.close(timeout=0.05)

    asyncio.run(main())


def test_closing_gives_up_what_is_not_delivered_in_time(stalled: str, topic: str) -> None:
    """covers: F056 python"""

    async def main() -> None:
        producer = rivven.Producer(bootstrap_servers=stalled).topic_handle(topic)
        sends: list[Any] = [producer.send(b"x") for _ in range(5)] + [producer.send_batch([b"x", b"y"])]
        with pytest.raises(rivven.TimeoutException, match="7 records not delivered") as failure:
            await producer.close(timeout=0.05)
        assert failure.value.code == "TIMED_OUT"
        for outcome in await asyncio.gather(*sends, return_exceptions=True):
            assert isinstance(outcome, rivven.RivvenException) and outcome.code == "CLOSED"

    asyncio.run(main())


def test_closing_gives_up_what_has_no_room_in_time(stalled: str, topic: str) -> None:
    """covers: F056 python"""

    async def main() -> None:
        producer = rivven.Producer(bootstrap_servers=stalled, **SMALL).topic_handle(topic)
        sends: list[Any] = [producer.send(bytes(500)) for _ in range(20)] + [producer.send_batch([bytes(500)] * 20)]
        closing = producer.close(timeout=0.2)
        late = producer.send(b"late")
        assert late.done() and getattr(late.exception(), "code", None) == "CLOSED"
        sends.append(producer.send_batch([b"late"]))
        with pytest.raises(rivven.RivvenException) as refused:
            producer.enqueue(b"late")
        assert refused.value.code == "CLOSED"
        with pytest.raises(rivven.TimeoutException, match="waited for room") as failure:
            await closing
        assert failure.value.code == "TIMED_OUT"
        for outcome in await asyncio.gather(*sends, return_exceptions=True):
            assert isinstance(outcome, rivven.RivvenException) and outcome.code == "CLOSED"

    asyncio.run(main())


def test_what_stands_in_line_is_purged(stalled: str, topic: str) -> None:

    async def main() -> None:
        producer = rivven.Producer(bootstrap_servers=stalled, **SMALL).topic_handle(topic)
        for pause in (0, 0.1):
            sends: list[Any] = [producer.send(bytes(500)) for _ in range(20)]
            sends += [producer.send_batch([bytes(500)] * 20)]
            flushed = producer.flush()
            await asyncio.sleep(pause)
            assert producer.purge() == 40
            for outcome in await asyncio.gather(*sends, return_exceptions=True):
                assert isinstance(outcome, rivven.RivvenException) and outcome.code == "PURGED"
            await flushed
        await producer.close()

    asyncio.run(main())


def test_what_is_purged_says_so(stalled: str, topic: str) -> None:

    async def main() -> None:
        producer = rivven.Producer(bootstrap_servers=stalled).topic_handle(topic)
        sends: list[Any] = [producer.send(b"x"), producer.send_batch([b"x", b"y"])]
        assert producer.purge() == 3
        for outcome in await asyncio.gather(*sends, return_exceptions=True):
            assert isinstance(outcome, rivven.RivvenException) and outcome.code == "PURGED"
        await producer.close()

    asyncio.run(main())


def test_a_producer_has_the_login_and_tls_of_its_client(secure: Secure, topic: str) -> None:
    """covers: F014 python, F017 python"""
    broker = secure()

    async def main() -> None:
        client = await rivven.connect(broker.address, tls_ca_cert_path=broker.ca_cert)
        await client.authenticate(USER, PASSWORD)
        assert await client.producer(topic).send_to_partition(b"x", 0) == 0
        login = {"auth_username": USER, "auth_password": PASSWORD}
        async with await rivven.connect(broker.address, tls_ca_cert_path=broker.ca_cert, **login) as second:
            producer = await second.producer(topic)
            assert await producer.send_to_partition(b"x", 0) == 1
            assert PASSWORD not in repr(producer)
            with pytest.raises(rivven.RivvenException) as failure:
                await second.producer(topic, auth_password="Wrong-Horse-8")
            assert PASSWORD not in str(failure.value) and "Wrong" not in str(failure.value)

    asyncio.run(main())


def test_a_loop_that_is_gone_takes_its_descriptor_along(
    broker: str, topic: str, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    before = descriptors("anon_inode:[event")
    producer: Any = rivven.Producer(bootstrap_servers=broker).topic_handle(topic)

    async def send() -> None:
        await producer.send(b"x")

    for _ in range(3):
        asyncio.run(send())
        gc.collect()
    asyncio.run(finish(producer))
    producer = None
    eventually(lambda: bool(gc.collect() or True) and descriptors("anon_inode:[event") <= before)


def test_what_waits_in_a_loop_that_is_gone_is_collected(stalled: str, topic: str) -> None:
    producer = rivven.Producer(bootstrap_servers=stalled, buffer_memory=3000, batch_size=1000).topic_handle(topic)

    class Witness:
        pass

    async def main() -> weakref.ref[Witness]:
        witness = Witness()
        for future in [producer.send(bytes(500)) for _ in range(10)] + [producer.send_batch([b"x"])]:
            future.add_done_callback(lambda _, witness=witness: None)  # type: ignore[misc]
        return weakref.ref(witness)

    seen = asyncio.run(main())
    gc.collect()
    assert seen() is None
    producer.purge()
