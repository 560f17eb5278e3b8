"""The single steps of idempotent and transactional publishing, in both styles."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any

import pytest
import rivven
import rivven.blocking
from rivven import ProducerState, RecordMetadata
from support import BROKER, SCRIPTED_BROKER, Connect, run_script, server
from wire import LOSE, wire_to

Reader = rivven.blocking.Client
Eventually = Callable[[Callable[[], bool]], None]


def committed(reader: Reader, topic: str, partition: int = 0) -> list[bytes]:
    """Give the values of a partition that are shown to those who read what is committed."""
    return [message.value for message in reader.consume_read_committed(topic, partition, 0, 10_000)]


def failure(call: Callable[..., Any], *arguments: Any, **named: Any) -> rivven.RivvenException:
    """Give the exception that a call raises."""
    with pytest.raises(rivven.RivvenException) as caught:
        call(*arguments, **named)
    return caught.value


def code(call: Callable[..., Any], *arguments: Any, **named: Any) -> str:
    """Give the code with which the broker, or the client in its name, refuses a call."""
    error = failure(call, *arguments, **named)
    assert isinstance(error, rivven.ServerException)
    return error.code


def flags(error: rivven.RivvenException) -> tuple[bool, bool, bool]:
    """Tell whether an error asks for an abort, another attempt or another producer."""
    return error.abortable, error.retriable, error.fatal


def scripted(*rules: Any) -> AbstractContextManager[SimpleNamespace]:
    """Run a broker with the topic `t` that answers some requests as the rules say."""
    return server(SCRIPTED_BROKER, "--json", json.dumps({"topics": {"t": 1}, "rules": rules}))


def refuse_once(kind: str, text: str) -> dict[str, Any]:
    """Give the rule by which the first request of a kind is refused."""
    return {"on": kind, "times": 1, "do": {"answer": {"error": text}}}


# covers: F114 python, F123 python, P-init_producer_id python, P-ProducerState python
def test_a_producer_has_an_identity(client: Any, topic: str) -> None:
    state = client.init_producer_id()
    assert type(state) is ProducerState is rivven.blocking.ProducerState
    assert (state.producer_epoch, state.next_sequence) == (0, 0) and state.producer_id > 0
    assert repr(state) == f"ProducerState(producer_id={state.producer_id}, producer_epoch=0, next_sequence=0)"
    assert client.init_producer_id(None).producer_id != state.producer_id
    client.create_topic(topic, 1)
    assert client.publish_idempotent(topic, b"value", state) == 0 and state.next_sequence == 1
    again = client.init_producer_id(previous_producer_id=state.producer_id)
    assert (again.producer_id, again.producer_epoch, again.next_sequence) == (state.producer_id, 1, 0)
    fenced = failure(client.publish_idempotent, topic, b"late", state)
    assert (fenced.code, fenced.outcome, flags(fenced)) == ("PRODUCER_FENCED", "REJECTED", (False, False, True))
    assert client.publish_idempotent(topic, b"value", again) == 1


def test_only_the_client_makes_an_identity(client: Any, topic: str) -> None:
    state = client.init_producer_id()
    with pytest.raises(TypeError):
        ProducerState()
    with pytest.raises(AttributeError):
        state.next_sequence = 7
    for wrong in (None, state.producer_id, (state.producer_id, 0)):
        with pytest.raises(TypeError):
            client.publish_idempotent(topic, b"value", wrong)
        with pytest.raises(TypeError):
            client.begin_transaction("txn", wrong)
    for call in (client.init_producer_id, lambda number: client.begin_transaction("txn", state, number)):
        with pytest.raises(OverflowError):
            call(-1)


# covers: F115 python, P-publish_idempotent python, P-RecordMetadata python
def test_records_are_counted_by_partition_across_topics(client: Any, reader: Reader, topic: str) -> None:
    one, two = f"{topic}-one", f"{topic}-two"
    client.create_topic(one, 1)
    client.create_topic(two, 2)
    state = client.init_producer_id()
    for name, place in ((one, (0, 0)), (two, (0, 1)), (two, (0, 0))):
        record = client.publish_idempotent(name, name, state)
        assert type(record) is RecordMetadata and record.topic == name
        assert (record, record.partition) == place
        assert (record.duplicate, record.maybe_duplicate) == (False, False)
    assert state.next_sequence == 2, "partition 0 of either topic has had a record"
    by_key = client.publish_idempotent(two, b"by key", state, b"kafka")
    assert by_key.partition == client.publish_idempotent(two, bytearray(b"again"), state, key="kafka").partition
    assert client.publish_idempotent(two, b"by number", state, b"key", partition=1).partition == 1
    assert client.publish_idempotent(f"{topic}-new", b"created", state) == 0
    records = [message for partition in (0, 1) for message in reader.consume(two, partition, 0, 100)]
    assert {message.key for message in records} == {None, b"kafka", b"key"} and len(records) == 5
    assert code(client.publish_idempotent, one, b"nowhere", state, partition=7) == "INVALID_PARTITION"
    assert client.publish_idempotent(one, b"value", state) == 1


# covers: F115 python, F123 python, P-ProducerState python
def test_a_record_of_unknown_outcome_is_written_once_when_it_is_published_again(
    connect: Connect, broker: str, reader: Reader, topic: str
) -> None:
    reader.create_topic(topic, 1)
    with wire_to(broker) as wire:
        client = connect(wire.address, max_retries=0)
        state = client.init_producer_id()
        client.publish_idempotent(topic, b"first", state)
        wire.to_lose = 1
        lost = failure(client.publish_idempotent, topic, LOSE, state)
        assert (lost.code, lost.outcome) == ("CONNECTION_LOST", "UNKNOWN")
        barred = failure(client.publish_idempotent, topic, b"other", state)
        assert (type(barred), barred.code) == (rivven.RivvenException, "INVALID_STATE")
        for other in ({"key": b"key"}, {"partition": 1}):
            assert failure(client.publish_idempotent, topic, LOSE, state, **other).code == "INVALID_STATE"
        again = client.publish_idempotent(topic, LOSE, state)
        assert (again, again.duplicate, state.next_sequence) == (1, True, 2)
        client.publish_idempotent(topic, b"other", state)
    assert committed(reader, topic) == [b"first", LOSE, b"other"]


# covers: F115 python
def test_a_client_sends_a_lost_record_again_by_itself(
    connect: Connect, broker: str, reader: Reader, topic: str
) -> None:
    reader.create_topic(topic, 1)
    with wire_to(broker) as wire:
        client = connect(wire.address)
        state = client.init_producer_id()
        wire.to_lose = 1
        record = client.publish_idempotent(topic, LOSE, state)
        assert (record, record.duplicate, record.maybe_duplicate, wire.lost) == (0, True, False, 1)
        client.begin_transaction("lost", state)
        client.add_partitions_to_txn("lost", state, [(topic, 0)])
        wire.to_lose = 2
        assert client.publish_transactional("lost", topic, LOSE, state) == 1 and wire.lost == 2
        client.commit_transaction("lost", state)
    assert committed(reader, topic) == [LOSE, LOSE]


# covers: F115 python, P-ProducerState python
def test_an_abandoned_identity_is_replaced(connect: Connect) -> None:
    with scripted(refuse_once("IdempotentPublish", "UNKNOWN_PRODUCER_ID: 1")) as broker:
        client = connect(broker.address)
        state = client.init_producer_id()
        first = state.producer_id
        forgotten = failure(client.publish_idempotent, "t", b"one", state)
        assert (forgotten.code, forgotten.outcome) == ("UNKNOWN_PRODUCER_ID", "REJECTED")
        assert state.abandon() is None
        abandoned = failure(client.begin_transaction, "txn", state)
        assert (abandoned.code, flags(abandoned)) == ("INVALID_TXN_STATE", (True, False, False))
        record = client.publish_idempotent("t", b"one", state)
        assert (record, record.duplicate, state.next_sequence) == (0, False, 1)
        assert state.producer_id != first


def test_calls_with_one_identity_follow_one_another(broker: str, reader: Reader, topic: str) -> None:
    """covers: F115 python, P-ProducerState python"""
    values = [b"%d" % number for number in range(100)]
    reader.create_topic(topic, 1)

    async def main() -> None:
        async with rivven.connect(broker) as client:
            state = await client.init_producer_id()
            calls = [client.publish_idempotent(topic, value, state) for value in values]
            with pytest.raises(rivven.RivvenException) as caught:
                state.abandon()
            assert caught.value.code == "INVALID_STATE"
            assert await asyncio.gather(*calls) == list(range(100))
            assert state.next_sequence == 100

    asyncio.run(main())
    assert committed(reader, topic) == values


def test_a_call_whose_wait_is_given_up_is_made_all_the_same(broker: str, reader: Reader, topic: str) -> None:
    """covers: F115 python"""
    reader.create_topic(topic, 1)

    async def main() -> None:
        async with rivven.connect(broker) as client:
            state = await client.init_producer_id()
            assert client.publish_idempotent(topic, b"one", state).cancel()
            assert await client.publish_idempotent(topic, b"two", state) == 1

    asyncio.run(main())
    assert committed(reader, topic) == [b"one", b"two"]


def test_a_forked_child_needs_a_client_and_an_identity_of_its_own(broker: str, topic: str) -> None:
    run_script(
        """
        import os, sys
        import rivven.blocking
        address, topic = sys.argv[1:]
        client = rivven.blocking.connect(address)
        state = client.init_producer_id()
        assert client.publish_idempotent(topic, b"parent", state, partition=0) == 0
        if (pid := os.fork()) == 0:
            new = rivven.blocking.connect(address)
            calls = [client.init_producer_id, state.abandon]
            calls += [lambda by=by: by.publish_idempotent(topic, b"child", state) for by in (client, new)]
            for call in calls:
                try:
                    call()
                except rivven.blocking.RivvenException as error:
                    assert error.code == "FORKED"
                else:
                    raise AssertionError
            assert state.next_sequence == 1
            assert new.publish_idempotent(topic, b"child", new.init_producer_id(), partition=0) == 1
            new.close()
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert client.publish_idempotent(topic, b"parent", state, partition=0) == 2
        """,
        broker,
        topic,
    )


def test_threads_share_an_identity(broker: str, reader: Reader, topic: str) -> None:
    """covers: F115 python"""
    reader.create_topic(topic, 2)
    with rivven.blocking.connect(broker) as client, rivven.blocking.connect(broker) as other:
        state = client.init_producer_id()

        def publish(name: str, by: Reader) -> None:
            for number in range(25):
                by.publish_idempotent(topic, f"{name}{number}", state)

        threads = [threading.Thread(target=publish, args=(name, by)) for name in "abcd" for by in (client, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    written = committed(reader, topic, 0) + committed(reader, topic, 1)
    assert sorted(written) == sorted(b"%c%d" % (c, number) for c in b"abcd" for number in range(25) for _ in "ab")


# covers: F116 python, F117 python, F118 python, F119 python, P-begin_transaction python
# covers: P-add_partitions_to_txn python, P-publish_transactional python, P-add_offsets_to_txn python
# covers: P-commit_transaction python, P-abort_transaction python
def test_what_is_committed_counts_and_what_is_aborted_does_not(client: Any, reader: Reader, topic: str) -> None:
    orders, source, group = f"{topic}-orders", f"{topic}-source", f"group-{topic}"
    reader.create_topic(orders, 3)
    reader.create_topic(source, 1)
    reader.publish_batch(source, [b"a", b"b", b"c"])
    state = client.init_producer_id()
    assert client.begin_transaction("etl", state) is None
    assert client.add_partitions_to_txn("etl", state, [(orders, 0), rivven.TopicPartition(orders, 2)]) == 2
    assert client.add_partitions_to_txn("etl", producer_state=state, partitions=iter([(orders, 0)])) == 1
    for place in ((0, 0), (2, 0), (0, 1), (2, 1)):
        record = client.publish_transactional("etl", orders, b"kept", state)
        assert type(record) is RecordMetadata and record.topic == orders
        assert (record.partition, record) == place and not record.duplicate and not record.maybe_duplicate
    # murmur2 leads "user-123" to partition 2 of 3, and "kafka" to 1.
    assert client.publish_transactional("etl", orders, "kept", state, "user-123").partition == 2
    for arguments in ((orders, b"astray", state, b"kafka"), (source, b"elsewhere", state)):
        astray = failure(client.publish_transactional, "etl", *arguments)
        assert (astray.code, astray.outcome) == ("PARTITION_NOT_IN_TXN", "NOT_SENT")
        assert flags(astray) == (False, False, False)
    assert code(client.publish_transactional, "etl", orders, b"astray", state, partition=1) == "PARTITION_NOT_IN_TXN"
    assert client.publish_transactional("etl", orders, b"kept", state, b"kafka", partition=0) == 2
    assert client.add_offsets_to_txn("etl", state, group, [(source, 0, 2)]) is None
    assert reader.get_offset(group, source, 0) is None
    assert client.commit_transaction("etl", state) is None
    assert reader.get_offset(group, source, 0) == 2
    assert [committed(reader, orders, partition) for partition in range(3)] == [[b"kept"] * 3, [], [b"kept"] * 3]

    state = client.init_producer_id()
    client.begin_transaction("etl", state, timeout_ms=30_000)
    client.add_partitions_to_txn("etl", state, [(orders, 1)])
    client.publish_transactional("etl", orders, b"dropped", state)
    client.add_offsets_to_txn("etl", state, group, [(source, 0, 3)])
    assert client.abort_transaction("etl", state) is None
    assert committed(reader, orders, 1) == []
    assert reader.get_offset(group, source, 0) == 2


# covers: F116 python, F117 python, F118 python, F119 python, F123 python
def test_every_misuse_has_its_code(client: Any, topic: str) -> None:
    client.create_topic(topic, 1)
    state, foreign = client.init_producer_id(), client.init_producer_id()

    def publish(by: ProducerState) -> Any:
        return client.publish_transactional("x", topic, b"value", by)

    early = failure(publish, state)
    assert (early.code, early.outcome, flags(early)) == ("INVALID_TXN_ID", "NOT_SENT", (True, False, False))
    assert code(client.commit_transaction, "x", state) == "INVALID_TXN_ID"
    client.begin_transaction("x", state)
    twice = failure(client.begin_transaction, "x", state)
    assert (twice.code, flags(twice)) == ("INVALID_TXN_STATE", (True, False, False))
    assert code(client.begin_transaction, "y", state) == "CONCURRENT_TRANSACTIONS"
    assert failure(client.add_partitions_to_txn, "x", state, []).code == "INVALID_ARGUMENT"
    client.add_partitions_to_txn("x", state, [(topic, 0)])
    assert {code(publish, foreign), code(client.commit_transaction, "x", foreign)} == {"INVALID_TXN_ID"}
    assert code(client.add_partitions_to_txn, "x", foreign, [(topic, 0)]) == "INVALID_TXN_ID"
    assert code(client.add_offsets_to_txn, "x", foreign, "group", [(topic, 0, 0)]) == "INVALID_TXN_ID"
    for offsets in ([], [(topic, 0, -1)]):
        assert failure(client.add_offsets_to_txn, "x", state, "group", offsets).code == "INVALID_ARGUMENT"
    assert code(client.add_offsets_to_txn, "x", state, "", [(topic, 0, 1)]) == "INVALID_GROUP_ID"
    publish(state)
    client.commit_transaction("x", state)
    assert code(client.commit_transaction, "x", state) == "INVALID_TXN_ID"
    client.begin_transaction("x", state)
    client.add_partitions_to_txn("x", state, [(topic, 0)])
    client.abort_transaction("x", state)
    assert {code(publish, state), code(client.abort_transaction, "x", state)} == {"INVALID_TXN_ID"}


def test_an_identity_that_was_taken_over_ends_its_transaction(client: Any, topic: str) -> None:
    """covers: F114 python, F116 python, F119 python"""
    client.create_topic(topic, 1)
    state = client.init_producer_id()
    client.begin_transaction("x", state)
    heir = client.init_producer_id(state.producer_id)
    assert code(client.add_partitions_to_txn, "x", heir, [(topic, 0)]) == "PRODUCER_FENCED"
    client.abort_transaction("x", state)
    client.begin_transaction("x", heir)
    client.commit_transaction("x", heir)


def test_a_transaction_that_is_over_is_left_to_the_broker(
    client: Any, reader: Reader, topic: str, eventually: Eventually
) -> None:
    """covers: F116 python, F123 python"""
    client.create_topic(topic, 1)
    state = client.init_producer_id()
    client.begin_transaction("x", state, 400)
    client.add_partitions_to_txn("x", state, [(topic, 0)])
    client.publish_transactional("x", topic, b"value", state)
    time.sleep(0.4)
    assert code(client.publish_transactional, "x", topic, b"late", state) == "TRANSACTION_TIMED_OUT"
    late = failure(client.commit_transaction, "x", state)
    assert (late.code, late.outcome, flags(late)) == ("TRANSACTION_TIMED_OUT", "NOT_SENT", (True, False, False))
    eventually(lambda: committed(reader, topic) == [])


def test_a_commit_of_unknown_outcome_is_made_again(connect: Connect) -> None:
    """covers: F119 python, F123 python"""
    refusals = [refuse_once(f"{kind.title()}Transaction", f"{kind}_FAILED: disk") for kind in ("COMMIT", "ABORT")]
    with scripted(*refusals) as broker:
        client = connect(broker.address)
        state = client.init_producer_id()
        for end, expected in ((client.commit_transaction, "COMMIT_FAILED"), (client.abort_transaction, "ABORT_FAILED")):
            client.begin_transaction("x", state)
            client.add_partitions_to_txn("x", state, [("t", 0)])
            failed = failure(end, "x", state)
            assert (failed.code, failed.outcome) == (expected, "UNKNOWN") and not failed.fatal
            assert code(client.publish_transactional, "x", "t", b"late", state) == "INVALID_TXN_STATE"
            end("x", state)


def test_the_sixth_transaction_is_too_many(connect: Connect) -> None:
    """covers: F116 python, F123 python"""
    with server(BROKER) as program:
        client = connect(program.address)
        states = [client.init_producer_id() for _ in range(6)]
        for state in states[:5]:
            client.begin_transaction("same", state)
        sixth = failure(client.begin_transaction, "same", states[5])
        assert (sixth.code, flags(sixth)) == ("TOO_MANY_TRANSACTIONS", (False, True, False))
        client.abort_transaction("same", states[0])
        client.begin_transaction("same", states[5])
