"""Programs as they are written for the published package run on this one.

Each call is there in every form: positional and by the names of the published
signatures, and as its release, its stubs and its documentation say differently.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
import rivven
from rivven import Message, RivvenClient, connect, connect_tls, version
from support import PASSWORD, USER, Secure

Program = Callable[[RivvenClient], Awaitable[None]]


def run(address: str, program: Program) -> None:
    """Run a program with a client."""

    async def main() -> None:
        await program(await connect(address))

    asyncio.run(main())


# The signatures of the published package, with their defaults; three dots stand for none.
FUNCTIONS: dict[str, dict[str, Any]] = {
    "connect": {"address": ...},
    "connect_tls": {
        "address": ...,
        "ca_cert_path": ...,
        "server_name": ...,
        "client_cert_path": None,
        "client_key_path": None,
    },
    "version": {},
}
METHODS: dict[str, dict[str, Any]] = {
    "create_topic": {"name": ..., "partitions": None},
    "list_topics": {},
    "delete_topic": {"name": ...},
    "get_metadata": {"name": ...},
    "authenticate": {"username": ..., "password": ...},
    "authenticate_scram": {"username": ..., "password": ...},
    "list_groups": {},
    "describe_group": {"group": ...},
    "delete_group": {"group": ...},
    "commit_offset": {"group": ..., "topic": ..., "partition": ..., "offset": ...},
    "get_offset": {"group": ..., "topic": ..., "partition": ...},
    "publish": {"topic": ..., "value": ..., "key": None},
    "consume": {"topic": ..., "partition": ..., "offset": ..., "max_messages": ...},
    "get_offset_for_timestamp": {"topic": ..., "partition": ..., "timestamp_ms": ...},
    "describe_topic_configs": {"topic": ...},
    "alter_topic_config": {"topic": ..., "configs": ...},
    "create_partitions": {"topic": ..., "new_total": ...},
    "delete_records": {"topic": ..., "partition": ..., "before_offset": ...},
    "delete_records_batch": {"topic": ..., "partition_offsets": ...},
    "init_producer_id": {"previous_producer_id": None},
    "publish_idempotent": {"topic": ..., "value": ..., "producer_state": ..., "key": None},
    "begin_transaction": {"transactional_id": ..., "producer_state": ..., "timeout_ms": None},
    "add_partitions_to_txn": {"transactional_id": ..., "producer_state": ..., "partitions": ...},
    "publish_transactional": {
        "transactional_id": ...,
        "topic": ...,
        "value": ...,
        "producer_state": ...,
        "key": None,
    },
    "add_offsets_to_txn": {"transactional_id": ..., "producer_state": ..., "group": ..., "offsets": ...},
    "commit_transaction": {"transactional_id": ..., "producer_state": ...},
    "abort_transaction": {"transactional_id": ..., "producer_state": ...},
    "ping": {},
    "consumer": {
        "topic": ...,
        "partition": 0,
        "group": None,
        "start_offset": None,
        "batch_size": 100,
        "auto_commit": True,
    },
}
CONSUMER: dict[str, dict[str, Any]] = {
    "fetch": {"max_messages": None},
    "commit": {},
    "seek": {"new_offset": ...},
    "seek_to_beginning": {},
    "seek_to_end": {},
    "get_offset_bounds": {},
    "current_offset": {},
    "close": {},
}
MESSAGE = {"value": ..., "offset": ..., "timestamp": ..., "partition": ..., "topic": ..., "key": None}


def takes(of: Callable[..., Any], published: dict[str, Any]) -> bool:
    """Tell whether a function has these parameters first, by position and name, and needs no others."""
    parameters = [parameter for parameter in inspect.signature(of).parameters.values() if parameter.name != "self"]
    first, rest = parameters[: len(published)], parameters[len(published) :]
    defaults = zip(published.values(), (parameter.default for parameter in first))
    return (
        [parameter.name for parameter in first] == list(published)
        and all(parameter.kind is parameter.POSITIONAL_OR_KEYWORD for parameter in first)
        and all(wanted is ... or wanted == default for wanted, default in defaults)
        and all(parameter.default is not parameter.empty or "VAR" in parameter.kind.name for parameter in rest)
    )


def test_the_signatures_are_the_published_ones() -> None:
    for name, parameters in FUNCTIONS.items():
        assert takes(getattr(rivven, name), parameters), name
    for name, parameters in METHODS.items():
        assert takes(getattr(RivvenClient, name), parameters), name
    for name, parameters in CONSUMER.items():
        assert takes(getattr(rivven.Consumer, name), parameters), name
    assert takes(Message, MESSAGE)


# covers: P-connect python, P-ping python, P-version python
def test_a_client_is_connected(broker: str) -> None:
    async def main() -> None:
        for client in (await connect(broker), await connect(address=broker), await rivven.connect(broker)):
            assert isinstance(client, RivvenClient)
            await client.ping()
        assert isinstance(version(), str) and version() == rivven.version()

    asyncio.run(main())


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_client_is_connected_by_tls(secure: Secure, name: str) -> None:
    """covers: P-connect_tls python, P-authenticate python, P-authenticate_scram python"""
    broker: SimpleNamespace = secure("--mtls", "optional")
    address, ca, cert, key = broker.address, broker.ca_cert, broker.client_cert, broker.client_key

    async def main() -> None:
        clients = [
            await connect_tls(address, ca, name),
            await connect_tls(address, ca, name, cert, key),
            await connect_tls(address, ca, name, client_cert_path=cert, client_key_path=key),
            await connect_tls(
                address=address, ca_cert_path=ca, server_name=name, client_cert_path=None, client_key_path=None
            ),
            await connect_tls(address, ca_cert=ca, server_name=name),
            await connect_tls(address, ca_cert=ca, server_name=name, client_cert_path=cert, client_key_path=key),
        ]
        for client in clients:
            await client.ping()
            for log_in in (client.authenticate, client.authenticate_scram):
                session_id, expires_in = await log_in(USER, PASSWORD)
                assert isinstance(session_id, str) and isinstance(expires_in, int)
                assert len(await log_in(username=USER, password=PASSWORD)) == 2
            assert isinstance(await client.list_topics(), list)

    asyncio.run(main())


# covers: P-create_topic python, P-list_topics python, P-delete_topic python, P-get_metadata python
def test_topics(broker: str, topic: str) -> None:
    async def program(client: RivvenClient) -> None:
        assert await client.create_topic(topic) == 3
        assert await client.create_topic(f"{topic}-1", None) == 3
        assert await client.create_topic(f"{topic}-2", 2) == 2
        assert await client.create_topic(name=f"{topic}-3", partitions=4) == 4
        assert await client.create_topic(f"{topic}-4", partitions=1, replication_factor=1) == 1
        assert await client.create_topic(f"{topic}-5", 1, 1) == 1
        with pytest.raises(rivven.ConfigException, match="no replication"):
            await client.create_topic(f"{topic}-6", 1, replication_factor=3)
        assert {topic, f"{topic}-5"} <= set(await client.list_topics())
        assert f"{topic}-6" not in await client.list_topics()
        assert await client.get_metadata(f"{topic}-2") == (f"{topic}-2", 2)
        assert await client.get_metadata(name=f"{topic}-3") == (f"{topic}-3", 4)
        await client.delete_topic(topic)
        await client.delete_topic(name=f"{topic}-1")
        assert not {topic, f"{topic}-1"} & set(await client.list_topics())

    run(broker, program)


# covers: P-publish python, P-consume python, P-RecordMetadata python, P-Message python
def test_records(broker: str, topic: str) -> None:
    async def program(client: RivvenClient) -> None:
        await client.create_topic(topic, 1)
        assert await client.publish(topic, b"a") == 0
        assert await client.publish(topic, b"b", b"key") == 1
        assert await client.publish(topic, b"c", key=b"key") == 2
        offset = await client.publish(topic=topic, value=b"d", key=None)
        assert isinstance(offset, int) and offset + 1 == 4 and [10, 11, 12, 13][offset] == 13
        messages = await client.consume(topic, 0, 1, 2)
        assert messages == await client.consume(topic=topic, partition=0, offset=1, max_messages=2)
        assert messages == await client.consume(topic, 0, offset=1, max_messages=2)
        assert [(m.value, m.key, m.offset, m.partition, m.topic) for m in messages] == [
            (b"b", b"key", 1, 0, topic),
            (b"c", b"key", 2, 0, topic),
        ]
        assert (messages[0].value_str(), messages[0].key_str(), messages[0].size()) == ("b", "key", 4)
        assert await client.get_offset_for_timestamp(topic, 0, messages[0].timestamp - 1000) == 0
        future = int(time.time() * 1000) + 3_600_000
        assert await client.get_offset_for_timestamp(topic=topic, partition=0, timestamp_ms=future) is None
        assert await client.delete_records(topic, 0, 1) == 1
        assert await client.delete_records(topic=topic, partition=0, before_offset=2) == 2
        for partition, low_watermark, error in await client.delete_records_batch(topic, [(0, 3)]):
            assert (partition, low_watermark, error) == (0, 3, None)
        assert await client.delete_records_batch(topic=topic, partition_offsets=[(0, 4)]) == [(0, 4, None)]

    run(broker, program)


def test_groups(broker: str, topic: str) -> None:
    """covers: P-list_groups python, P-describe_group python, P-delete_group python
    covers: P-commit_offset python, P-get_offset python
    """
    group = f"group-{topic}"

    async def program(client: RivvenClient) -> None:
        await client.create_topic(topic, 1)
        await client.publish(topic, b"a")
        assert await client.get_offset(group, topic, 0) is None
        await client.commit_offset(group, topic, 0, 1)
        assert await client.get_offset(group=group, topic=topic, partition=0) == 1
        await client.commit_offset(group=group, topic=topic, partition=0, offset=0)
        assert await client.get_offset(group, topic, partition=0) == 0
        assert group in await client.list_groups()
        assert await client.describe_group(group) == {topic: {0: 0}}
        assert await client.describe_group(group=group) == {topic: {0: 0}}
        await client.commit_offset(group_id=group, topic=topic, partition=0, offset=1)
        assert await client.get_offset(group_id=group, topic=topic, partition=0) == 1
        assert await client.describe_group(group_id=group) == {topic: {0: 1}}
        await client.delete_group(group)
        await client.commit_offset(group, topic, 0, 1)
        await client.delete_group(group=group)
        await client.commit_offset(group, topic, 0, 1)
        await client.delete_group(group_id=group)
        assert group not in await client.list_groups()

    run(broker, program)


# covers: P-describe_topic_configs python, P-alter_topic_config python, P-create_partitions python
def test_administration(broker: str, topic: str) -> None:
    async def program(client: RivvenClient) -> None:
        await client.create_topic(topic, 1)
        assert await client.create_partitions(topic, 2) == 2
        assert await client.create_partitions(topic=topic, new_total=3) == 3
        assert await client.alter_topic_config(topic, [("retention.ms", "1000"), ("cleanup.policy", None)]) == 2
        configs = await client.describe_topic_configs(topic)
        assert isinstance(configs, dict) and configs["retention.ms"] == "1000"
        assert await client.alter_topic_config(topic=topic, configs=[("retention.ms", "2000")]) == 1
        assert (await client.describe_topic_configs(topic=topic))["retention.ms"] == "2000"
        assert await client.alter_topic_config(topic, "retention.ms", "3000") == 1
        assert (await client.describe_topic_configs(topic))["retention.ms"] == "3000"

    run(broker, program)


# covers: P-delete_records python, P-delete_records_batch python, P-get_offset_for_timestamp python
def test_the_records_of_several_partitions_are_deleted(broker: str, topic: str) -> None:
    async def program(client: RivvenClient) -> None:
        await client.create_topic(topic, 2)
        for partition in range(2):
            await client.publish_batch(topic, [b"a", b"b"], partition=partition)
        assert await client.delete_records_batch(topic, [(0, 1), (1, 2)]) == [(0, 1, None), (1, 2, None)]
        (refused,) = await client.delete_records_batch(topic, [(0, 9)])
        assert refused[0] == 0 and isinstance(refused[2], str)
        assert await client.get_offset_for_timestamp(topic, 0, timestamp_ms=0) == 0
        assert await client.delete_records(topic=topic, partition=0, before_offset=2) == 2

    run(broker, program)


# covers: P-init_producer_id python, P-publish_idempotent python, P-ProducerState python
# covers: P-begin_transaction python, P-add_partitions_to_txn python, P-commit_transaction python
# covers: P-abort_transaction python
def test_transactions(broker: str, topic: str) -> None:
    """In the published package this fails with OUT_OF_ORDER_SEQUENCE, since one counter serves all partitions."""

    async def program(client: RivvenClient) -> None:
        name = f"txn-{topic}"
        await client.create_topic(topic, 3)
        producer = await client.init_producer_id()
        assert isinstance(producer, rivven.ProducerState)
        numbers = (producer.producer_id, producer.producer_epoch, producer.next_sequence)
        assert all(isinstance(number, int) for number in numbers) and str(numbers[0]) in repr(producer)
        await client.begin_transaction(name, producer)
        try:
            await client.add_partitions_to_txn(name, producer, [(topic, 0), (topic, 1), (topic, 2)])
            offsets = [await client.publish_idempotent(topic, b"message %d" % n, producer) for n in range(6)]
            assert offsets == [0, 0, 0, 1, 1, 1]
            for n in range(20):
                offset = await client.publish_idempotent(topic, b"message", producer, key=b"key-%d" % n)
                assert isinstance(offset, int)
            await client.publish_idempotent(
                topic=topic, value=b"message", producer_state=producer, key=b"key"
            )
        except rivven.RivvenError:
            await client.abort_transaction(name, producer)
            raise
        await client.commit_transaction(name, producer)
        messages = [message for n in range(3) for message in await client.consume(topic, n, 0, 100)]
        assert len(messages) == 27 and producer.next_sequence > 1

        producer = await client.init_producer_id(previous_producer_id=producer.producer_id)
        assert producer.producer_epoch == 1
        await client.begin_transaction(transactional_id=name, producer_state=producer, timeout_ms=30_000)
        await client.add_partitions_to_txn(transactional_id=name, producer_state=producer, partitions=[(topic, 0)])
        await client.abort_transaction(transactional_id=name, producer_state=producer)
        await client.begin_transaction(name, producer, None)
        await client.commit_transaction(transactional_id=name, producer_state=producer)

    run(broker, program)


def test_messages_can_be_made() -> None:
    """covers: P-Message python"""
    message = Message(b"value", 1, 2, 3, "topic", b"key")
    assert message == Message(value=b"value", offset=1, timestamp=2, partition=3, topic="topic", key=b"key")
    without = Message(b"value", 1, 2, 3, "topic")
    assert (without.key, without.key_str(), without.size(), message.size()) == (None, None, 5, 8)
    for part in ("topic", "3", "1"):
        assert part in repr(message)


def test_failures_are_of_the_published_classes(broker: str, topic: str) -> None:
    """covers: P-exceptions python"""
    assert rivven.RivvenError is rivven.RivvenException and issubclass(rivven.RivvenException, Exception)
    kinds = [
        rivven.ConnectionException,
        rivven.ServerException,
        rivven.TimeoutException,
        rivven.SerializationException,
        rivven.ConfigException,
    ]
    assert all(issubclass(kind, rivven.RivvenException) for kind in kinds)

    async def program(client: RivvenClient) -> None:
        try:
            await client.get_metadata(topic)
        except rivven.ServerException as error:
            assert topic in str(error)
        else:
            raise AssertionError
        with pytest.raises(rivven.RivvenError):
            await client.describe_group(f"group-{topic}")
        with pytest.raises(rivven.ConnectionException):
            await connect("127.0.0.1:1")

    run(broker, program)
