"""Transactions that look after their steps, and work by transactions, in both styles."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from inspect import isawaitable
from typing import Any

import pytest
import rivven
import rivven.blocking
from rivven import ConsumerRecords, RecordMetadata, TransformReport
from support import run_script

Reader = rivven.blocking.Client
Eventually = Callable[[Callable[[], bool]], None]
RECORDS, PARTITIONS = 300, 3
VALUES = [b"%06d" % number for number in range(RECORDS)]


@pytest.fixture(params=[rivven, rivven.blocking], ids=["asyncio", "blocking"])
def package(request: pytest.FixtureRequest) -> Any:
    """Either style; what calls give is `settled`."""
    return request.param


async def settled(given: Any) -> Any:
    """Give what a call gives, awaited where it is to be awaited."""
    return await given if isawaitable(given) else given


async def failure(call: Callable[..., Any], *arguments: Any, **named: Any) -> rivven.RivvenException:
    """Give the exception that a call raises."""
    with pytest.raises(rivven.RivvenException) as caught:
        await settled(call(*arguments, **named))
    return caught.value


async def code(call: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    """Give the code of the exception that a call raises."""
    return (await failure(call, *arguments, **named)).code


def soon(main: Coroutine[Any, Any, None]) -> None:
    """Run a test, which may not hang."""
    asyncio.run(asyncio.wait_for(main, 60))


@asynccontextmanager
async def producing(package: Any, broker: str, name: str) -> AsyncIterator[Any]:
    """Give a producer with this transactional id, which is closed at the end."""
    config = {"bootstrap_servers": broker, "transactional_id": name, "transaction_timeout_ms": 10_000}
    producer = package.Producer(**config)
    try:
        yield producer
    finally:
        await settled(producer.close())


@asynccontextmanager
async def consuming(package: Any, broker: str, topic: str, **config: Any) -> AsyncIterator[Any]:
    """Give a consumer of all partitions of a topic, which commits nothing by itself and is closed at the end."""
    config = {"group_id": f"group-{topic}", "enable_auto_commit": False, "max_poll_records": 40, **config}
    config |= {"max_poll_interval_ms": 500, "process_retries": 5}
    config |= {"process_retry_backoff_ms": 5, "process_retry_backoff_max_ms": 50}
    places = [(topic, partition) for partition in range(PARTITIONS)]
    consumer = package.Consumer(partitions=places, bootstrap_servers=broker, **config)
    try:
        yield consumer
    finally:
        await settled(consumer.close())


def test_what_nobody_awaits_does_not_miss_the_commit(broker: str, reader: Reader, topic: str) -> None:
    """Records that wait for room, and batches, are on their way to the transaction when it is committed, in order."""
    reader.create_topic(topic, 1)

    async def main() -> None:
        small: dict[str, Any] = {"buffer_memory": 5000, "batch_size": 1000}
        async with rivven.Producer(bootstrap_servers=broker, transactional_id=topic, **small) as producer:
            transaction = await producer.begin_transaction()
            sent: list[asyncio.Future[Any]] = []
            sent.append(transaction.send_batch(topic, [b"%04d" % number for number in range(10)]))
            sent += [transaction.send(topic, b"%04d" % number + bytes(500)) for number in range(10, 30)]
            sent.append(transaction.send_batch(topic, [b"%04d" % number for number in range(30, 40)]))
            sent.append(transaction.send(topic, b"0040"))
            with pytest.raises(rivven.RivvenException, match="sent before wait for room") as failure:
                transaction.enqueue(topic, b"overtaking")
            assert failure.value.code == "QUEUE_FULL"
            sent.append(transaction.send_offsets(f"group-{topic}", [(topic, 0, 7)]))
            await transaction.commit()
            await asyncio.gather(*sent)
        values = [message.value for message in reader.consume(topic, 0, 0, 100)]
        assert [int(value[:4]) for value in values] == list(range(41))
        assert reader.get_offset(f"group-{topic}", topic, 0) == 7

    soon(main())


def committed(reader: Reader, topic: str) -> list[bytes]:
    """Give the values of a topic that are shown to those who read what is committed."""
    partitions = range(reader.get_metadata(topic)[1])
    messages = [reader.consume_read_committed(topic, partition, 0, 10_000) for partition in partitions]
    return sorted(message.value for of_partition in messages for message in of_partition)


def offsets(reader: Reader, topic: str) -> list[int | None]:
    """Give what the group has committed."""
    return [reader.get_offset(f"group-{topic}", topic, partition) for partition in range(PARTITIONS)]


@pytest.fixture
def numbered(reader: Reader, topic: str) -> str:
    """The name of a topic of numbered records; there is another one, `NAME-out`, for what comes of them."""
    reader.create_topic(topic, PARTITIONS)
    reader.create_topic(f"{topic}-out", PARTITIONS)
    for partition in range(PARTITIONS):
        reader.publish_batch(topic, [*VALUES[partition::PARTITIONS]], partition=partition)
    return topic


def check(reader: Reader, topic: str) -> None:
    """Each record was written once, and the group is behind all of them."""
    assert committed(reader, f"{topic}-out") == VALUES
    assert offsets(reader, topic) == [RECORDS // PARTITIONS] * PARTITIONS


# covers: F120 python
def test_records_and_offsets_count_together(package: Any, broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, PARTITIONS)

    async def main() -> None:
        async with producing(package, broker, "etl") as producer:
            transaction = await settled(producer.begin_transaction())
            assert type(transaction) is package.Transaction
            assert (transaction.id, transaction.is_open) == ("etl", True) and transaction.producer_id > 0
            assert repr(transaction) == f"Transaction(id='etl', producer_id={transaction.producer_id})"
            # murmur2 leads "kafka" to partition 1 of 3.
            record = await settled(transaction.send(topic, "by key", "kafka"))
            assert type(record) is RecordMetadata and (record, record.topic, record.partition) == (0, topic, 1)
            assert await settled(transaction.send(topic, bytearray(b"by number"), partition=2)) == 0
            batch = await settled(transaction.send_batch(topic, [b"plain", (b"keyed", b"kafka"), ("none", None)]))
            assert type(batch) is list and [type(record) for record in batch] == [RecordMetadata] * 3
            assert batch[1].partition == 1
            assert await settled(transaction.send_batch(topic, iter([memoryview(b"iterated")])))
            for number in range(100):
                assert transaction.enqueue(topic, b"enqueued", key=b"%d" % number) is None
            transaction.enqueue(topic, "enqueued", partition=0)
            assert await settled(transaction.flush()) is None
            assert await settled(transaction.send_offsets(f"group-{topic}", [(topic, 0, 7)])) is None
            assert offsets(reader, topic) == [None] * PARTITIONS
            assert await settled(transaction.commit()) is None
            assert not transaction.is_open
            assert offsets(reader, topic) == [7, None, None]
            values = [b"by key", b"by number", b"plain", b"keyed", b"none", b"iterated", *[b"enqueued"] * 101]
            assert committed(reader, topic) == sorted(values)

            other = await settled(package.Transaction.begin(producer))
            assert other.producer_id != transaction.producer_id, "each transaction has an identity of its own"
            await settled(other.send(f"{topic}-new", b"created"))
            other.enqueue(topic, b"dropped")
            await settled(other.send_offsets(f"group-{topic}", iter([(topic, 0, 8)])))
            assert await settled(other.abort()) is None
            assert committed(reader, topic) == sorted(values) and committed(reader, f"{topic}-new") == []
            assert offsets(reader, topic) == [7, None, None]

    soon(main())


# covers: F120 python
def test_a_block_ends_its_transaction(broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)

    async def main() -> None:
        async with producing(rivven, broker, "etl") as producer:
            async with producer.begin_transaction() as transaction:
                await transaction.send(topic, b"kept")
            with pytest.raises(ZeroDivisionError):
                async with producer.begin_transaction() as transaction:
                    await transaction.send(topic, b"dropped")
                    print(1 / 0)
            async with await producer.begin_transaction() as transaction:
                transaction.enqueue(topic, b"kept, too")
            for end in (rivven.Transaction.commit, rivven.Transaction.abort):
                async with rivven.Transaction.begin(producer) as transaction:
                    transaction.enqueue(topic, end.__name__)
                    await end(transaction)
            with pytest.raises(rivven.RivvenException) as caught:
                async with producer.begin_transaction() as transaction:
                    transaction.enqueue(topic, b"nowhere", partition=9)
            assert caught.value.abortable
            with pytest.raises(rivven.RivvenException) as caught:
                async with producer.begin_transaction() as transaction:
                    await transaction.send(topic, b"nowhere", partition=9)
            assert caught.value.code == "INVALID_PARTITION"

            async def waits() -> None:
                async with producer.begin_transaction() as transaction:
                    await transaction.send(topic, b"cancelled")
                    written.set()
                    await asyncio.Event().wait()

            written = asyncio.Event()
            task = asyncio.create_task(waits())
            await written.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(rivven.RivvenException) as caught:
                async with producer.begin_transaction(), producer.begin_transaction():
                    pass
            assert caught.value.code == "INVALID_STATE"
            beginning = producer.begin_transaction()
            assert beginning.cancel()
            async with producer.begin_transaction() as transaction:
                await transaction.send(topic, b"last")
            beginning = producer.begin_transaction()
            assert beginning.cancel()
            # It has begun by now, and this thread has not looked yet.
            time.sleep(0.3)
            async with producer.begin_transaction() as transaction:
                await transaction.send(topic, b"very last")

    soon(main())
    assert committed(reader, topic) == [b"commit", b"kept", b"kept, too", b"last", b"very last"]


# covers: F120 python
def test_a_block_that_blocks_ends_its_transaction(broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)
    with rivven.blocking.Producer(bootstrap_servers=broker, transactional_id="etl") as producer:
        with producer.begin_transaction() as transaction:
            transaction.send(topic, b"kept")
        with pytest.raises(ZeroDivisionError), producer.begin_transaction() as transaction:
            transaction.send(topic, b"dropped")
            print(1 / 0)
        with rivven.blocking.Transaction.begin(producer) as transaction:
            transaction.enqueue(topic, b"committed")
            transaction.commit()
        with producer.begin_transaction() as transaction:
            transaction.enqueue(topic, b"aborted")
            transaction.abort()
        with pytest.raises(rivven.RivvenException) as caught, producer.begin_transaction() as transaction:
            transaction.enqueue(topic, b"nowhere", partition=9)
        assert caught.value.abortable
    assert committed(reader, topic) == [b"committed", b"kept"]


def test_a_begin_that_waits_for_another_one_has_no_more_time() -> None:
    async def main() -> None:
        producer = rivven.Producer(bootstrap_servers="127.0.0.1:1", transactional_id="etl", max_block_ms=1000)
        begun = time.monotonic()
        both = [code(producer.begin_transaction), code(producer.begin_transaction)]
        assert await asyncio.gather(*both) == ["TIMED_OUT", "TIMED_OUT"]
        assert time.monotonic() - begun < 1.8
        await producer.close()

    soon(main())


# covers: F120 python, F123 python
def test_every_misuse_has_its_code(package: Any, broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)

    async def main() -> None:
        plain = package.Producer(bootstrap_servers=broker)
        assert await code(plain.begin_transaction) == "INVALID_STATE"
        await settled(plain.close())
        async with producing(package, broker, "etl") as producer:
            assert await code(producer.send, b"outside", topic=topic) == "INVALID_STATE"
            transaction = await settled(producer.begin_transaction())
            assert await code(producer.begin_transaction) == "INVALID_STATE"
            assert await code(transaction.send, "..", b"v") == "INVALID_TOPIC"
            for wrong in ([], [(topic, 0, 2**64 - 1)]):
                assert await code(transaction.send_offsets, "group", wrong) == "INVALID_ARGUMENT"
            assert await code(transaction.send_offsets, "?", [(topic, 0, 1)]) == "INVALID_GROUP_ID"
            with pytest.raises(OverflowError):
                transaction.send_offsets("group", [(topic, 0, -1)])
            for arguments in ((None, b"v"), (topic, None), (topic, 7)):
                with pytest.raises(TypeError):
                    transaction.send(*arguments)
            for call in (transaction.send_consumer_offsets, package.Transaction.begin):
                with pytest.raises(TypeError):
                    call(transaction)
            with pytest.raises(TypeError):
                package.Transaction()
            await settled(transaction.send(topic, b"v"))
            await settled(transaction.commit())
            for late in (transaction.commit, transaction.abort, transaction.flush):
                error = await failure(late)
                assert (error.code, error.outcome, error.abortable) == ("INVALID_STATE", "NOT_SENT", False)
            assert await code(transaction.send, topic, b"late") == "INVALID_STATE"
            aborted = await settled(producer.begin_transaction())
            await settled(aborted.abort())
            assert await code(aborted.enqueue, topic, b"late") == "INVALID_STATE"
            assert await code(aborted.send_batch, topic, [b"late"]) == "INVALID_STATE"
            # What fails for good leaves nothing but an abort.
            doomed = await settled(producer.begin_transaction())
            assert await code(doomed.send, topic, b"nowhere", partition=99) == "INVALID_PARTITION"
            error = await failure(doomed.commit)
            assert (error.code, error.abortable) == ("INVALID_TXN_STATE", True)
            await settled(doomed.abort())
        assert await code(producer.begin_transaction) == "CLOSED"

    soon(main())
    assert committed(reader, topic) == [b"v"]


# covers: F120 python
def test_a_transaction_that_is_dropped_is_aborted(package: Any, broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)

    async def main() -> None:
        async with producing(package, broker, "etl") as producer:
            for number in range(6):
                transaction = await settled(producer.begin_transaction())
                await settled(transaction.send(topic, b"dropped %d" % number))
                del transaction
            # It has waited for the abort of the one before.
            kept = await settled(producer.begin_transaction())
            await settled(kept.send(topic, b"kept"))
            await settled(kept.commit())
            left = await settled(producer.begin_transaction())
            await settled(left.send(topic, b"left"))
        assert not left.is_open

    soon(main())
    assert committed(reader, topic) == [b"kept"]


# covers: F120 python
def test_a_consumer_goes_on_where_its_transaction_was_committed(
    package: Any, broker: str, reader: Reader, numbered: str
) -> None:
    async def main() -> None:
        async with producing(package, broker, "etl") as producer:
            for ended in ("abort", "commit"):
                async with consuming(package, broker, numbered, max_poll_records=RECORDS) as consumer:
                    records: list[rivven.Message] = []
                    while len(records) < RECORDS:
                        records += [*await settled(consumer.poll())]
                    transaction = await settled(producer.begin_transaction())
                    await settled(transaction.send_batch(f"{numbered}-out", [record.value for record in records]))
                    assert await settled(transaction.send_consumer_offsets(consumer)) is None
                    assert offsets(reader, numbered) == [None] * PARTITIONS
                    await settled(getattr(transaction, ended)())
            async with consuming(package, broker, numbered) as consumer:
                assert not await settled(consumer.poll(0.1))
                transaction = await settled(producer.begin_transaction())
                consumer.assign([])
                await settled(transaction.send_consumer_offsets(consumer))
                await settled(transaction.commit())

    soon(main())
    check(reader, numbered)


class Copying:
    """A handler that writes what it is given, and fails in some rounds."""

    def __init__(self, consumer: Any, topic: str, fails: Callable[[int], bool] = lambda _: False) -> None:
        """Have a function say by the number of the round whether it fails."""
        self.consumer = consumer
        self.topic = topic
        self.fails = fails
        self.rounds = 0

    def __call__(self, records: ConsumerRecords, transaction: Any) -> None:
        """Write the records; wake the consumer up once all were written."""
        assert type(records) is ConsumerRecords and transaction.is_open
        self.rounds += 1
        for record in records:
            transaction.enqueue(f"{self.topic}-out", record.value)
        if self.fails(self.rounds):
            raise ValueError("not today")
        ended = {(message.partition, message.offset) for message in records}
        self.ends = getattr(self, "ends", set()) | {place for place in ended if place[1] == RECORDS // PARTITIONS - 1}
        if len(self.ends) == PARTITIONS:
            self.consumer.wakeup()


# covers: F120 python
def test_every_record_counts_once_though_a_round_fails(
    package: Any, broker: str, reader: Reader, numbered: str
) -> None:
    async def main() -> None:
        async with producing(package, broker, "etl") as producer, consuming(package, broker, numbered) as consumer:
            handler = Copying(consumer, numbered, lambda round: round == 2)
            report = await settled(package.transform(consumer, producer, handler))
            assert type(report) is TransformReport
            assert (report.records, report.aborted, report.uncertain) == (RECORDS, 1, 0)
            assert report.transactions >= RECORDS // 40 and handler.rounds == report.transactions + 1

    soon(main())
    check(reader, numbered)


def test_a_handler_may_be_async(broker: str, reader: Reader, numbered: str) -> None:
    """covers: F120 python"""

    async def main() -> None:
        async with producing(rivven, broker, "etl") as producer, consuming(rivven, broker, numbered) as consumer:
            copying = Copying(consumer, numbered)

            async def handler(records: ConsumerRecords, transaction: rivven.Transaction) -> None:
                copying(records, transaction)
                await transaction.flush()
                if copying.rounds == 2:
                    raise ValueError("not today")

            report = await rivven.transform(consumer, producer, handler)
            assert (report.records, report.aborted) == (RECORDS, 1)

    soon(main())
    check(reader, numbered)


# covers: F120 python
def test_work_that_fails_every_time_counts_for_nothing(
    package: Any, broker: str, reader: Reader, numbered: str
) -> None:
    async def main() -> None:
        async with producing(package, broker, "etl") as producer, consuming(package, broker, numbered) as consumer:
            handler = Copying(consumer, numbered, lambda _: True)
            error = await failure(package.transform, consumer, producer, handler)
            assert (error.code, handler.rounds) == ("PROCESSING_FAILED", 6)
            assert isinstance(error.__cause__, ValueError)

    soon(main())
    assert committed(reader, f"{numbered}-out") == [] and offsets(reader, numbered) == [None] * PARTITIONS


@pytest.mark.parametrize("text", ["not encodable", "none"])
def test_work_that_fails_without_a_text_has_failed_all_the_same(
    package: Any, broker: str, reader: Reader, numbered: str, text: str
) -> None:
    """The text of what was raised could not be passed on, so that something else was raised."""

    class Unspeakable(Exception):
        def __str__(self) -> str:
            if text == "none":
                raise LookupError
            return "half a \ud83d"

    def handler(records: ConsumerRecords, transaction: Any) -> None:
        raise Unspeakable

    async def main() -> None:
        async with producing(package, broker, "etl") as producer, consuming(package, broker, numbered) as consumer:
            error = await failure(package.transform, consumer, producer, handler)
            assert error.code == "PROCESSING_FAILED" and isinstance(error.__cause__, Unspeakable)
            assert ("Unspeakable: half a ?" if text != "none" else "Unspeakable") in str(error)

    soon(main())


# covers: F120 python
def test_work_goes_step_by_step_and_on_where_another_was_dropped(
    package: Any, broker: str, reader: Reader, numbered: str
) -> None:
    async def main() -> None:
        async with producing(package, broker, "etl") as producer, consuming(package, broker, numbered) as consumer:
            transformer = package.Transformer(consumer, producer)
            records, transaction = await settled(transformer.next())
            await settled(transaction.send_batch(f"{numbered}-out", records.values()))
            await settled(transaction.send_consumer_offsets(consumer))
            del transformer, transaction
        async with producing(package, broker, "etl") as producer, consuming(package, broker, numbered) as consumer:
            transformer = package.Transformer(consumer, producer)
            for call in (transformer.commit, lambda: transformer.fail("nothing")):
                assert await code(call) == "INVALID_STATE"
            _, transaction = await settled(transformer.next())
            assert await settled(transformer.fail("not today")) is None
            assert not transaction.is_open
            again, _ = await settled(transformer.next())
            assert again[0].offset == 0
            while (await settled(transformer.report())).records < RECORDS:
                # One that was not ended is read again, too.
                records, transaction = await settled(transformer.next())
                await settled(transaction.send_batch(f"{numbered}-out", records.values()))
                assert await settled(transformer.commit()) is True
            consumer.wakeup()
            assert await settled(transformer.next()) is None
            report = await settled(transformer.report())
            assert type(report) is TransformReport and (report.records, report.aborted) == (RECORDS, 2)

    soon(main())
    check(reader, numbered)


# covers: F120 python
def test_another_process_goes_on_where_one_died(
    broker: str, reader: Reader, numbered: str, eventually: Eventually
) -> None:
    run_script(
        """
        import os, sys
        import rivven.blocking as rivven
        address, topic = sys.argv[1:]
        consumer = rivven.Consumer(
            partitions=[(topic, partition) for partition in range(3)],
            bootstrap_servers=address,
            group_id=f"group-{topic}",
            enable_auto_commit=False,
            max_poll_records=40,
        )
        producer = rivven.Producer(bootstrap_servers=address, transactional_id="etl", transaction_timeout_ms=2000)
        rounds = 0

        def handler(records, transaction):
            global rounds
            rounds += 1
            transaction.send_batch(f"{topic}-out", records.values())
            if rounds == 3:
                transaction.send_consumer_offsets(consumer)
                os._exit(0)

        rivven.transform(consumer, producer, handler)
        """,
        broker,
        numbered,
    )
    assert sum(offset or 0 for offset in offsets(reader, numbered)) in range(1, RECORDS)

    async def main() -> None:
        async with producing(rivven, broker, "etl") as producer, consuming(rivven, broker, numbered) as consumer:
            await rivven.transform(consumer, producer, Copying(consumer, numbered))

    soon(main())
    # What the dead one has written is shown until the broker aborts it.
    eventually(lambda: committed(reader, f"{numbered}-out") == VALUES)
    check(reader, numbered)


# covers: F120 python
def test_what_does_not_count_is_worked_on_again(broker: str, reader: Reader, numbered: str) -> None:
    class Quit(BaseException):
        pass

    def quits(_records: ConsumerRecords, _transaction: rivven.Transaction) -> None:
        raise Quit

    async def commits(_records: ConsumerRecords, transaction: rivven.Transaction) -> None:
        await transaction.commit()

    async def main() -> None:
        async with producing(rivven, broker, "etl") as producer, consuming(rivven, broker, numbered) as consumer:
            with pytest.raises(Quit):
                await rivven.transform(consumer, producer, quits)
            # It counts without the offsets, which it was too early for.
            with pytest.raises(rivven.RivvenException) as caught:
                await rivven.transform(consumer, producer, commits)
            assert caught.value.code == "INVALID_STATE"
            report = await rivven.transform(consumer, producer, Copying(consumer, numbered))
            assert (report.records, report.aborted) == (RECORDS, 0)

    soon(main())


# covers: F120 python
def test_what_was_cancelled_is_worked_on_again(broker: str, reader: Reader, numbered: str) -> None:
    async def main() -> None:
        async with producing(rivven, broker, "etl") as producer, consuming(rivven, broker, numbered) as consumer:
            at_work = asyncio.Event()

            async def stalls(records: ConsumerRecords, transaction: rivven.Transaction) -> None:
                await transaction.send_batch(f"{numbered}-out", records.values())
                at_work.set()
                await asyncio.Event().wait()

            work = asyncio.create_task(rivven.transform(consumer, producer, stalls))
            await at_work.wait()
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
            report = await rivven.transform(consumer, producer, Copying(consumer, numbered))
            assert (report.records, report.aborted) == (RECORDS, 0)
            # Nobody reads any more when a wait was cancelled.
            polls = consumer.stats().polls
            waiting = asyncio.create_task(rivven.transform(consumer, producer, stalls))
            while consumer.stats().polls == polls:
                await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            reader.publish(numbered, b"one more", partition=0)
            (message,) = await consumer.fetch()
            assert message.value == b"one more"

    soon(main())
    check(reader, numbered)


# covers: F120 python
def test_what_was_interrupted_is_worked_on_again(broker: str, reader: Reader, numbered: str) -> None:
    def interrupts(records: ConsumerRecords, transaction: rivven.blocking.Transaction) -> None:
        transaction.send_batch(f"{numbered}-out", records.values())
        raise KeyboardInterrupt

    def interrupt(consumer: rivven.blocking.Consumer, polls: int) -> None:
        while consumer.stats().polls == polls:
            pass
        os.kill(os.getpid(), signal.SIGINT)

    async def main() -> None:
        package = rivven.blocking
        async with producing(package, broker, "etl") as producer, consuming(package, broker, numbered) as consumer:
            with pytest.raises(KeyboardInterrupt):
                package.transform(consumer, producer, interrupts)
            report = package.transform(consumer, producer, Copying(consumer, numbered))
            assert (report.records, report.aborted) == (RECORDS, 0)
            thread = threading.Thread(target=interrupt, args=(consumer, consumer.stats().polls))
            before = signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                thread.start()
                with pytest.raises(KeyboardInterrupt):
                    package.transform(consumer, producer, interrupts)
            finally:
                signal.signal(signal.SIGINT, before)
            thread.join()
            reader.publish(numbered, b"one more", partition=0)
            (message,) = consumer.fetch()
            assert message.value == b"one more"

    soon(main())
    check(reader, numbered)


# covers: F120 python
def test_what_cannot_count_once_is_refused(package: Any, broker: str, topic: str) -> None:
    async def main() -> None:
        plain = package.Producer(bootstrap_servers=broker)
        async with producing(package, broker, "etl") as producer, consuming(package, broker, topic) as consumer:
            with pytest.raises(rivven.ConfigException):
                package.Transformer(consumer, plain)
            async with consuming(package, broker, topic, enable_auto_commit=True) as committing:
                assert await code(package.transform, committing, producer, print) == "INVALID_CONFIG"
            for arguments in ((producer, consumer), (consumer,), (consumer, None)):
                with pytest.raises(TypeError):
                    package.Transformer(*arguments)
        await settled(plain.close())
        client = await settled(package.connect(broker))
        alone = await settled(client.consumer(topic, auto_commit=False))
        with pytest.raises(TypeError, match="without a group"):
            package.Transformer(alone, producer)
        await settled(alone.close())
        await settled(client.close())

    soon(main())


def test_a_forked_child_has_no_transaction_of_its_parent(broker: str, numbered: str) -> None:
    """covers: F120 python"""
    run_script(
        """
        import os, sys
        import rivven.blocking as rivven
        address, topic = sys.argv[1:]
        producer = rivven.Producer(bootstrap_servers=address, transactional_id="etl")
        config = {"group_id": f"group-{topic}", "enable_auto_commit": False}
        consumer = rivven.Consumer(partitions=[(topic, 0)], bootstrap_servers=address, **config)
        transformer = rivven.Transformer(consumer, producer)
        records, transaction = transformer.next()
        transaction.send(f"{topic}-out", b"parent")
        if (pid := os.fork()) == 0:
            calls = [
                producer.begin_transaction,
                transaction.commit,
                transaction.abort,
                transaction.flush,
                lambda: transaction.is_open,
                lambda: transaction.send(topic, b"child"),
                lambda: transaction.enqueue(topic, b"child"),
                lambda: transaction.send_consumer_offsets(consumer),
                lambda: rivven.Transformer(consumer, producer),
                transformer.next,
                transformer.commit,
                lambda: transformer.fail("forked"),
                transformer.report,
            ]
            for call in calls:
                try:
                    call()
                except rivven.RivvenException as error:
                    assert error.code == "FORKED"
                else:
                    raise AssertionError
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert transformer.commit()
        """,
        broker,
        numbered,
    )


def test_nothing_is_left_of_transactions(broker: str, topic: str) -> None:
    """covers: F120 python"""

    async def main() -> None:
        async with producing(rivven, broker, "etl") as producer:
            for _ in range(3):
                async with producer.begin_transaction() as transaction:
                    transaction.enqueue(topic, b"value")

    soon(main())
    gc.collect()
    left = [thing for thing in gc.get_objects() if isinstance(thing, rivven.Transaction | rivven.Producer)]
    assert left == []
