"""Every call against the real broker, in both styles."""

from __future__ import annotations

import array
import copy
import pickle
from datetime import timedelta
from typing import Any

import pytest
import rivven
import rivven.blocking


def test_topics_are_created_listed_described_and_deleted(client: Any, topic: str) -> None:
    """covers: F103 python, P-create_topic python, P-list_topics python, P-delete_topic python, P-get_metadata python"""
    assert client.create_topic(topic, 3) == 3
    assert topic in client.list_topics()
    assert client.get_metadata(topic) == (topic, 3)
    assert client.delete_topic(topic) is None
    assert topic not in client.list_topics()


def test_a_topic_has_the_brokers_number_of_partitions_by_default(client: Any, topic: str) -> None:
    assert client.create_topic(topic) == 3
    assert client.create_topic(f"{topic}-one", replication_factor=1) == 3


def test_another_replication_factor_is_refused(client: Any, topic: str) -> None:
    """covers: P-create_topic python"""
    with pytest.raises(rivven.ConfigException, match="this broker release has no replication") as caught:
        client.create_topic(topic, 1, replication_factor=2)
    assert caught.value.code == "INVALID_CONFIG"


def test_what_the_broker_refuses_is_a_server_exception(client: Any, topic: str) -> None:
    """covers: F121 python, F123 python, P-exceptions python"""
    client.create_topic(topic, 1)
    with pytest.raises(rivven.ServerException) as caught:
        client.create_topic(topic, 1)
    error = caught.value
    assert (error.code, error.outcome) == ("TOPIC_ALREADY_EXISTS", "REJECTED")
    assert not error.retriable and not error.fatal and not error.abortable
    assert error.address and error.address in str(error)
    for call in (client.get_metadata, client.delete_topic):
        with pytest.raises(rivven.ServerException) as caught:
            call(f"{topic}-missing")
        assert caught.value.code == "UNKNOWN_TOPIC_OR_PARTITION"
    with pytest.raises(rivven.ServerException) as caught:
        client.publish_to_partition(topic, 7, b"value")
    assert caught.value.code == "INVALID_PARTITION"


def test_a_bad_name_is_refused_before_it_is_sent(client: Any) -> None:
    with pytest.raises(rivven.ServerException) as caught:
        client.create_topic("no spaces")
    assert (caught.value.code, caught.value.outcome) == ("INVALID_TOPIC", "NOT_SENT")


def test_publishing_gives_an_offset_that_knows_more(client: Any, topic: str) -> None:
    """covers: F007 python, F008 python, P-publish python, P-RecordMetadata python"""
    client.create_topic(topic, 1)
    for offset, where in enumerate(
        (
            client.publish(topic, b"value"),
            client.publish(topic, b"value", b"key"),
            client.publish_with_key(topic, b"key", b"value"),
            client.publish_to_partition(topic, 0, b"value"),
            client.publish_to_partition(topic, 0, b"value", key=b"key"),
        )
    ):
        assert isinstance(where, rivven.RecordMetadata)
        assert where == offset == where.offset
        assert (where.topic, where.partition, where.duplicate, where.maybe_duplicate) == (topic, 0, False, False)
    assert [m.key for m in client.consume(topic, 0, 0, 10)] == [None, b"key", b"key", None, b"key"]


def test_a_partition_can_be_named_when_publishing(client: Any, topic: str) -> None:
    """covers: F008 python"""
    client.create_topic(topic, 3)
    assert client.publish(topic, b"a", partition=2).partition == 2
    assert (client.publish(topic, b"b", b"key", partition=2), client.publish(topic, b"c", partition=None) >= 0) == (1, True)
    with pytest.raises(rivven.ServerException):
        client.publish(topic, b"d", partition=3)
    with pytest.raises(TypeError):
        client.publish(topic, b"e", None, 1)


def test_publishing_creates_an_unknown_topic(client: Any, topic: str) -> None:
    assert client.publish(topic, b"value") == 0
    assert topic in client.list_topics()


def test_a_batch_goes_to_one_partition(client: Any, topic: str) -> None:
    """covers: F008 python"""
    client.create_topic(topic, 4)
    assert client.publish_batch(topic, [b"a", (b"b", b"key"), ("c", None), "d"], partition=2) == (0, 2, 4)
    assert client.get_offset_bounds(topic, 2) == (0, 4)
    assert [(m.value, m.key) for m in client.consume(topic, 2, 0, 10)] == [
        (b"a", None),
        (b"b", b"key"),
        (b"c", None),
        (b"d", None),
    ]
    _, by_key, count = client.publish_batch(topic, ((value, b"same") for value in (b"x", b"y")))
    assert (count, client.publish(topic, b"z", b"same").partition) == (2, by_key)


def test_records_come_back_as_messages(client: Any, topic: str) -> None:
    """covers: F009 python, P-consume python, P-Message python"""
    client.create_topic(topic, 1)
    client.publish(topic, "größe", "schlüssel")
    (message,) = client.consume(topic, 0, 0, 10)
    assert isinstance(message, rivven.Message)
    assert (message.topic, message.partition, message.offset) == (topic, 0, 0)
    assert (message.value_str(), message.key_str(), message.size()) == ("größe", "schlüssel", 17)
    assert message.timestamp > 1_600_000_000_000
    assert repr(message) == f"Message(topic='{topic}', partition=0, offset=0)"


def test_a_range_of_records_is_read(client: Any, topic: str) -> None:
    client.create_topic(topic, 1)
    client.publish_batch(topic, [str(n) for n in range(20)])
    assert [m.offset for m in client.consume(topic, 0, 5, 3)] == [5, 6, 7]
    assert client.consume(topic, 0, 20, 3) == []
    with pytest.raises(rivven.ServerException) as caught:
        client.consume(f"{topic}-missing", 0, 0, 1)
    assert caught.value.code == "UNKNOWN_TOPIC_OR_PARTITION"


EVERY_BYTE = bytes(range(256))


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (EVERY_BYTE, EVERY_BYTE),
        (b"", b""),
        ("", b""),
        (bytearray(b"array"), b"array"),
        (memoryview(b"a view")[2:], b"view"),
        (array.array("I", [1, 2]), array.array("I", [1, 2]).tobytes()),
    ],
)
def test_any_buffer_is_taken_for_value_and_key(client: Any, topic: str, given: Any, stored: bytes) -> None:
    client.create_topic(topic, 1)
    client.publish(topic, given, given)
    client.publish_batch(topic, [(given, given)])
    assert [(m.value, m.key) for m in client.consume(topic, 0, 0, 10)] == [(stored, stored)] * 2


def test_what_is_no_buffer_is_a_type_error(client: Any, topic: str) -> None:
    for value in (5, None, ["list"]):
        with pytest.raises(TypeError, match="a value or key is a bytes-like object or a str"):
            client.publish(topic, value)
    with pytest.raises(BufferError, match="contiguous"):
        client.publish(topic, memoryview(b"abcdef")[::2])
    for messages in (b"single", "single"):
        with pytest.raises(TypeError, match="messages is a list"):
            client.publish_batch(topic, messages)
    with pytest.raises(ValueError):
        client.publish_batch(topic, [(b"value", b"key", b"more")])
    with pytest.raises(OverflowError):
        client.publish_to_partition(topic, -1, b"value")
    assert topic not in client.list_topics()


def test_an_oversized_value_is_refused_before_it_is_sent(client: Any, topic: str) -> None:
    with pytest.raises(rivven.SerializationException) as caught:
        client.publish(topic, bytes(11 * 1024 * 1024))
    assert (caught.value.code, caught.value.outcome) == ("REQUEST_TOO_LARGE", "NOT_SENT")
    assert client.ping() is None


def test_ping_has_no_result(client: Any) -> None:
    """covers: F011 python, P-ping python, P-connect python"""
    assert client.ping() is None


def test_a_list_of_servers_is_tried_in_turn(connect: Any, broker: str) -> None:
    """covers: F004 python, F020 python, F038 python"""
    assert connect(["127.0.0.1:1", broker]).ping() is None
    assert connect(f"127.0.0.1:1,{broker}").ping() is None
    assert connect(("127.0.0.1:1", broker), client_id=None, runtime_threads=None).ping() is None


def test_the_configuration_is_checked(connect: Any, broker: str) -> None:
    for config, hint in (
        ({"request_timeout": 5}, "did you mean request_timeout_ms"),
        ({"request_timeout_ms": "soon"}, "a whole number"),
        ({"connection_timeout_ms": True}, "a whole number"),
    ):
        with pytest.raises(rivven.ConfigException, match=hint) as caught:
            connect(broker, **config)
        assert caught.value.code == "INVALID_CONFIG"
    for address in ("", [""], "host:port", "http://127.0.0.1:1"):
        with pytest.raises(rivven.ConfigException):
            connect(address)
    with pytest.raises(TypeError, match="leave out bootstrap_servers"):
        connect(broker, bootstrap_servers=broker)


def test_a_registry_of_schemas_that_is_not_there(client: Any) -> None:
    registry = "http://127.0.0.1:1"
    for call, arguments in (
        (client.register_schema, ("orders-value", "AVRO", '{"type": "string"}')),
        (client.get_schema, (1,)),
        (client.get_schema_version, ("orders-value", 1)),
        (client.get_schema_version, ("orders-value",)),
    ):
        with pytest.raises(rivven.ConnectionException) as caught:
            call(registry, *arguments)
        assert (caught.value.code, caught.value.outcome) == ("CONNECTION_FAILED", "NOT_SENT")


def test_a_client_is_made_by_connecting(broker: str) -> None:
    for of in (rivven.RivvenClient, rivven.blocking.Client):
        for arguments in ((), (broker,)):
            with pytest.raises(TypeError, match="connect"):
                of(*arguments)


def test_a_closed_client_refuses_calls(client: Any) -> None:
    client.close(timeout=1.8e19)
    client.close()
    client.close(timeout=0)
    client.close(timedelta(seconds=1))
    with pytest.raises(rivven.RivvenException) as caught:
        client.ping()
    assert (caught.value.code, caught.value.fatal, caught.value.outcome) == ("CLOSED", True, "NOT_SENT")
    for timeout in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError):
            client.close(timeout=timeout)


def test_messages_and_metadata_are_values() -> None:
    """covers: P-Message python, P-RecordMetadata python"""
    message = rivven.Message(b"value", 1, 2, 3, "topic", key=b"")
    assert message == rivven.Message(b"value", 1, 2, 3, "topic", b"")
    assert message != rivven.Message(b"value", 1, 2, 3, "topic")
    assert message != "something else"
    assert pickle.loads(pickle.dumps(message)) == copy.copy(message) == message
    assert len({message, copy.deepcopy(message)}) == 1
    assert (message.key_str(), rivven.Message(b"", 0, 0, 0, "t").key_str()) == ("", None)
    with pytest.raises(AttributeError):
        message.offset = 5  # type: ignore[misc]
    with pytest.raises(UnicodeDecodeError):
        rivven.Message(b"\xff", 0, 0, 0, "t").value_str()

    metadata = rivven.RecordMetadata(5, "topic", 3, maybe_duplicate=True)
    assert (metadata, metadata + 1, f"{metadata}", f"{metadata:>3}") == (5, 6, "5", "  5")
    for other in (pickle.loads(pickle.dumps(metadata)), copy.deepcopy(metadata)):
        assert (other, vars(other)) == (metadata, vars(metadata))


def test_exceptions_keep_what_they_know() -> None:
    """covers: P-exceptions python"""
    error = rivven.TimeoutException("too late", code="TIMED_OUT", retriable=True, address="a:1")
    assert isinstance(error, TimeoutError) and isinstance(error, rivven.RivvenError)
    assert issubclass(rivven.ConnectionException, ConnectionError)
    other = pickle.loads(pickle.dumps(error))
    assert (type(other), str(other), vars(other)) == (type(error), "too late", vars(error))
