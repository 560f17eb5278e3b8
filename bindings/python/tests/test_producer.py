"""The producer against the real broker, in both styles: what is sent, where it goes and what is told of it."""

from __future__ import annotations

import array
import copy
import inspect
import json
import pickle
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import rivven
import rivven.blocking
from support import SCRIPTED_BROKER, server

Produce = Callable[..., Any]
Reader = rivven.blocking.Client
CLASSES = [rivven.Producer, rivven.blocking.Producer]


def records(reader: Reader, topic: str) -> dict[int, list[tuple[bytes | None, bytes]]]:
    """Read all records of a topic as key and value, by partition."""
    read: dict[int, list[tuple[bytes | None, bytes]]] = defaultdict(list)
    for partition in range(reader.get_metadata(topic)[1]):
        offset, following = reader.get_offset_bounds(topic, partition)
        while offset < following:
            messages = reader.consume(topic, partition, offset, 1000)
            read[partition] += [(message.key, message.value) for message in messages]
            offset = messages[-1].offset + 1
    return read


def test_a_record_is_sent_and_its_place_is_told(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    """covers: F053 python, F054 python"""
    reader.create_topic(topic, 1)
    producer = produce(broker)
    first = producer.send(b"one", topic=topic)
    second = producer.send("two", "key", topic=topic, partition=0)
    assert (type(first), first, first.topic, first.partition) == (rivven.RecordMetadata, 0, topic, 0)
    assert (first.duplicate, first.maybe_duplicate, first.offset_exact, second) == (False, False, True, 1)
    assert first == rivven.RecordMetadata(0, topic, 0) and repr(first) == repr(rivven.RecordMetadata(0, topic, 0))
    assert records(reader, topic) == {0: [(None, b"one"), (b"key", b"two")]}
    assert not produce(broker, acks=0).send(b"three", topic=topic).offset_exact


def test_a_handle_of_a_topic_needs_no_name(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    """covers: F053 python"""
    reader.create_topic(topic, 1)
    producer = produce(broker)
    handle = producer.topic_handle(topic)
    assert (producer.topic, handle.topic) == (None, topic)
    with pytest.raises(TypeError, match="pass topic="):
        producer.send(b"nowhere")
    with pytest.raises(TypeError, match="pass topic="):
        producer.enqueue(b"nowhere")
    assert [handle.send(b"here"), handle.send(b"there", topic=f"{topic}-2")] == [0, 0]
    assert records(reader, topic) == {0: [(None, b"here")]}
    handle.close()
    with pytest.raises(rivven.RivvenException, match="closed"):
        producer.send(b"both are closed", topic=topic)


def test_a_partition_can_be_named(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    """covers: F054 python"""
    reader.create_topic(topic, 3)
    producer = produce(broker).topic_handle(topic)
    assert producer.send_to_partition(b"a", 2).partition == 2
    assert producer.send_to_partition(b"b", 1, b"k").partition == 1
    assert producer.send(b"c", partition=0).partition == 0
    assert [sent.partition for sent in producer.send_batch([b"d", b"e"], partition=2)] == [2, 2]
    producer.enqueue(b"f", partition=1)
    producer.flush()
    assert records(reader, topic) == {
        0: [(None, b"c")],
        1: [(b"k", b"b"), (None, b"f")],
        2: [(None, b"a"), (None, b"d"), (None, b"e")],
    }
    for send in (producer.send_to_partition, lambda value, partition: producer.send_batch([value], partition=partition)):
        with pytest.raises(rivven.ServerException) as failure:
            send(b"x", 3)
        assert failure.value.code == "INVALID_PARTITION"


def test_records_with_a_key_go_together_and_in_order(
    produce: Produce, broker: str, reader: Reader, topic: str
) -> None:
    """covers: F055 python"""
    reader.create_topic(topic, 4)
    producer = produce(broker).topic_handle(topic)
    sent = [(f"{n}".encode(), f"key {n % 7}".encode()) for n in range(350)]
    for value, key in sent:
        producer.enqueue(value, key)
    producer.flush()
    by_key: dict[bytes | None, list[tuple[int, bytes]]] = defaultdict(list)
    for partition, written in records(reader, topic).items():
        for written_key, written_value in written:
            by_key[written_key].append((partition, written_value))
    assert len(by_key) == 7
    for of_key, placed in by_key.items():
        assert len({partition for partition, _ in placed}) == 1
        assert [value for _, value in placed] == [value for value, of in sent if of == of_key]


def test_an_empty_key_is_a_key(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)
    producer = produce(broker).topic_handle(topic)
    producer.send_batch([(b"none", None), (b"empty", b""), b""])
    assert records(reader, topic) == {0: [(None, b"none"), (b"", b"empty"), (None, b"")]}


def test_a_batch_gives_the_places_in_order(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    """covers: F055 python"""
    reader.create_topic(topic, 3)
    producer = produce(broker).topic_handle(topic)
    values = [f"value {n}" for n in range(2_000)]
    sent = producer.send_batch([value if n % 2 else (value, f"{n % 5}") for n, value in enumerate(values)])
    assert producer.send_batch([]) == []
    read = records(reader, topic)
    assert [read[place.partition][place][1].decode() for place in sent] == values
    assert sum(map(len, read.values())) == 2_000


def test_what_a_batch_gives_is_as_good_as_a_list(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    """covers: F055 python"""
    reader.create_topic(topic, 1)
    producer = produce(broker).topic_handle(topic)
    sent = producer.send_batch([b"a", b"b", b"c"])
    assert type(sent) is rivven.SentRecords and isinstance(sent, Sequence) and len(sent) == 3
    # Each of these before the list is made, and after.
    for _ in range(2):
        assert (sent[0], sent[-1], sent[2].partition, sent[2].topic) == (0, 2, 0, topic)
        assert type(sent[1]) is rivven.RecordMetadata
        for index in (3, -4, 1 << 70):
            with pytest.raises(IndexError):
                sent[index]
        assert sent[1:] == [1, 2] and [*sent] == [0, 1, 2] == sent and sent != [0, 1]
        assert sent.__eq__((0, 1, 2)) is NotImplemented
    again = producer.send_batch([b"d", b"e", b"f"])
    assert again > sent and again != sent and again == producer.send_batch([]) + again == [] + again
    assert (4 in again, 9 in again, again.index(4), again.count(4), list(reversed(again))) == (True, False, 1, 1, [5, 4, 3])
    assert repr(sent) == repr(list(sent)) and json.dumps(list(sent)) == "[0, 1, 2]"
    assert pickle.loads(pickle.dumps(sent)) == copy.copy(sent) == copy.deepcopy(sent) == sent
    match sent:
        case [first, *_]:
            assert first == 0
        case _:
            raise AssertionError
    sent.append(7)
    sent[0] = 6
    del sent[1]
    sent += again
    sent.sort()
    assert sent == [2, 3, 4, 5, 6, 7] and len(sent) == 6 and [8] + sent * 1 == [8, *sent]
    with pytest.raises(TypeError):
        hash(sent)
    with pytest.raises(AttributeError):
        sent.nothing


def test_batches_of_any_iterable(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)
    producer = produce(broker).topic_handle(topic)

    class Bytes(bytes):
        pass

    mixed = [b"a", "b", (b"c", "k"), ("d", None), (bytearray(b"e"), memoryview(b"k")), Bytes(b"f"), (Bytes(b"g"), b"")]
    for messages in (mixed, tuple(mixed), iter(mixed), mixed[:4]):
        producer.send_batch(messages)
    expected = [(None, b"a"), (None, b"b"), (b"k", b"c"), (None, b"d"), (b"k", b"e"), (None, b"f"), (b"", b"g")]
    assert records(reader, topic) == {0: expected * 3 + expected[:4]}
    for wrong in ([(b"a",)], [(b"a", b"b", b"c")], [[b"a", b"b"]], ["\ud800"]):
        with pytest.raises((TypeError, ValueError)):
            producer.send_batch([b"good", *wrong])
    assert sum(map(len, records(reader, topic).values())) == len(expected * 3) + 4


def test_a_function_is_told_of_each_delivery(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    """covers: F055 python"""
    reader.create_topic(topic, 2)
    producer = produce(broker).topic_handle(topic)
    told: list[Any] = []
    for n in range(100):
        producer.enqueue(f"{n}", partition=n % 2, on_delivery=lambda error, record, n=n: told.append((error, record, n)))
    producer.flush()
    assert sorted((record, record.partition, n) for _, record, n in told) == sorted((n // 2, n % 2, n) for n in range(100))
    assert all(error is None and type(record) is rivven.RecordMetadata for error, record, _ in told)


def test_a_function_is_told_of_what_was_given_up(produce: Produce, stalled: str, topic: str) -> None:
    """covers: F055 python, F056 python"""
    producer = produce(stalled).topic_handle(topic)
    told: list[Any] = []
    producer.enqueue(b"x", on_delivery=lambda *outcome: told.append(outcome))
    with pytest.raises(rivven.TimeoutException):
        producer.close(timeout=0.05)
    ((error, record),) = told
    assert (type(error), error.code, record) == (rivven.RivvenException, "CLOSED", None)


def test_a_batch_larger_than_the_buffer_waits_for_room(
    produce: Produce, broker: str, reader: Reader, topic: str
) -> None:
    """covers: F073 python"""
    reader.create_topic(topic, 1)
    producer = produce(broker, buffer_memory=20_000, batch_size=5_000).topic_handle(topic)
    values = [bytes([n % 256]) * 1_000 for n in range(100)]
    assert producer.send_batch(values) == list(range(100))
    assert records(reader, topic) == {0: [(None, value) for value in values]}


def test_a_batch_whose_record_is_refused_fails(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)
    producer = produce(broker).topic_handle(topic)
    with pytest.raises(rivven.SerializationException) as failure:
        producer.send_batch([b"before", bytes(11 << 20), b"behind"])
    assert (failure.value.code, failure.value.outcome) == ("REQUEST_TOO_LARGE", "NOT_SENT")
    with pytest.raises(rivven.SerializationException):
        producer.send(bytes(11 << 20))
    assert records(reader, topic) == {0: [(None, b"before")]}


BUFFERS = [
    bytearray(b"bytes"),
    memoryview(b"a bytes b")[2:7],
    memoryview(array.array("B", b"bytes")),
    array.array("B", b"bytes"),
    "bytes",
]


@pytest.mark.parametrize("buffer", BUFFERS, ids=lambda buffer: type(buffer).__name__)
def test_any_buffer_is_a_value_and_a_key(
    produce: Produce, broker: str, reader: Reader, topic: str, buffer: Any
) -> None:
    reader.create_topic(topic, 1)
    producer = produce(broker).topic_handle(topic)
    producer.send(buffer, buffer)
    producer.send_batch([buffer, (buffer, buffer)])
    producer.enqueue(buffer, buffer)
    producer.flush()
    assert records(reader, topic) == {0: [(None if n == 1 else b"bytes", b"bytes") for n in range(4)]}


def test_a_buffer_may_change_once_it_was_handed_over(
    produce: Produce, broker: str, reader: Reader, topic: str
) -> None:
    reader.create_topic(topic, 1)
    producer = produce(broker, linger_ms=50).topic_handle(topic)
    value = bytearray(b"before")
    producer.enqueue(value)
    value[:] = b"behind, and longer"
    producer.flush()
    assert records(reader, topic) == {0: [(None, b"before")]}


def test_what_is_no_record_is_refused_at_once(produce: Produce, broker: str, topic: str) -> None:
    producer = produce(broker).topic_handle(topic)
    for value in (None, 7, ["list"], memoryview(b"abcdef")[::2]):
        with pytest.raises((TypeError, BufferError)):
            producer.send(value)
        with pytest.raises((TypeError, BufferError)):
            producer.enqueue(value)
        with pytest.raises((TypeError, BufferError)):
            producer.send_batch([b"good", value])
    for messages in (b"one value", "one text"):
        with pytest.raises(TypeError, match="not a single value"):
            producer.send_batch(messages)
    with pytest.raises(OverflowError):
        producer.send(b"x", partition=-1)
    assert producer.stats().records_sent == 0


def test_stats_tell_what_was_done(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    """covers: F080 python"""
    reader.create_topic(topic, 1)
    producer = produce(broker).topic_handle(topic)
    assert producer.stats() == (0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0, 0, 0, [])
    producer.send_batch([b"x"] * 10)
    stats = producer.stats()
    assert (stats.records_sent, stats.records_delivered, stats.records_failed) == (10, 10, 0)
    assert (stats.pending, stats.success_rate, stats.errors, stats.bytes_buffered) == (0, 1.0, 0, 0)
    assert 0 < stats.batches_sent <= 10 and stats.bytes_sent > 10
    assert stats.records_per_batch == 10 / stats.batches_sent
    assert 0 < stats.latency_p50_us <= stats.latency_p95_us <= stats.latency_p99_us


def test_stats_are_told_by_server(produce: Produce) -> None:
    """covers: F080 python"""
    script = {"nodes": 2, "topics": {"t": 4}}
    with server(SCRIPTED_BROKER, "--json", json.dumps(script)) as cluster:
        producer = produce(cluster.addresses[0]).topic_handle("t")
        producer.connect()  # learns who leads what: else the first server would be asked first
        producer.send_batch([b"x"] * 10, partition=0)
        producer.send_batch([b"x"] * 5, partition=1)
        servers = producer.stats().servers
    assert all(isinstance(server, rivven.ProducerServerStats) for server in servers)
    assert [server.address for server in servers] == sorted(cluster.addresses)
    delivered = {server.address: server.records_delivered for server in servers}
    assert [delivered[address] for address in cluster.addresses] == [10, 5]
    for of in servers:
        assert (of.errors, of.retries, of.records_unanswered, of.records_queued) == (0, 0, 0, 0)
        assert 0 < of.latency_p50_us <= of.latency_p95_us <= of.latency_p99_us
        assert of.records_per_batch == of.records_delivered / of.batches_sent and of.bytes_sent > 0


def test_partitions_are_counted_and_new_ones_found(
    produce: Produce, broker: str, reader: Reader, topic: str
) -> None:
    """covers: F071 python"""
    reader.create_topic(topic, 2)
    producer = produce(broker).topic_handle(topic)
    assert (producer.get_partition_count(), producer.get_partition_count(topic)) == (2, 2)
    reader.create_partitions(topic, 5)
    assert producer.get_partition_count() == 2
    assert producer.refresh_metadata() is None
    assert producer.get_partition_count() == 5
    assert producer.send_to_partition(b"x", 4).partition == 4


def test_a_send_finds_a_new_partition_by_itself(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)
    producer = produce(broker).topic_handle(topic)
    producer.send(b"x")
    reader.create_partitions(topic, 2)
    assert producer.send_to_partition(b"y", 1).partition == 1


def test_topics_are_created_unless_that_is_off(produce: Produce, broker: str, topic: str) -> None:
    assert produce(broker).send(b"x", topic=topic) == 0
    with pytest.raises(rivven.ServerException) as failure:
        produce(broker, allow_auto_create_topics=False).send(b"x", topic=f"{topic}-2")
    assert failure.value.code == "UNKNOWN_TOPIC_OR_PARTITION"


def test_what_lingers_is_sent_by_flush(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    """covers: F056 python"""
    reader.create_topic(topic, 1)
    producer = produce(broker, linger_ms=3_000_000, delivery_timeout_ms=4_000_000).topic_handle(topic)
    producer.enqueue(b"x")
    assert producer.stats().records_delivered == 0
    producer.flush()
    assert producer.stats().records_delivered == 1


def test_what_lingers_is_sent_by_close(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    """covers: F056 python"""
    reader.create_topic(topic, 1)
    producer = produce(broker, linger_ms=3_000_000, delivery_timeout_ms=4_000_000).topic_handle(topic)
    producer.enqueue(b"x")
    producer.close()
    assert records(reader, topic) == {0: [(None, b"x")]}


def test_what_lingers_can_be_purged(produce: Produce, broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 1)
    producer = produce(broker, linger_ms=3_000_000, delivery_timeout_ms=4_000_000).topic_handle(topic)
    for _ in range(5):
        producer.enqueue(b"x")
    assert (producer.purge(), producer.purge()) == (5, 0)
    assert producer.stats().records_failed == 5
    producer.flush()
    assert records(reader, topic) == {}


def test_a_closed_producer_says_so(produce: Produce, broker: str, topic: str) -> None:
    """covers: F056 python"""
    producer = produce(broker).topic_handle(topic)
    producer.send(b"x")
    producer.close()
    producer.close(timeout=1)
    calls: list[Callable[[], Any]] = [
        lambda: producer.send(b"x"),
        lambda: producer.send_batch([b"x"]),
        lambda: producer.enqueue(b"x"),
        producer.connect,
        lambda: producer.get_partition_count("another"),
        producer.flush,
    ]
    for call in calls:
        with pytest.raises(rivven.RivvenException) as failure:
            call()
        assert failure.value.code == "CLOSED"
    assert producer.stats().records_delivered == 1


def test_connecting_fails_where_nobody_listens(produce: Produce) -> None:
    """covers: F053 python"""
    producer = produce("127.0.0.1:1", connection_timeout_ms=1000)
    with pytest.raises(rivven.RivvenException) as failure:
        producer.connect()
    assert isinstance(failure.value, rivven.ConnectionException | rivven.TimeoutException)


@pytest.mark.parametrize("of", CLASSES)
def test_the_configuration_is_checked(of: type) -> None:
    for config in ({"linger_msec": 5}, {"linger_ms": -1}, {"acks": 2}, {"bootstrap_servers": "nonsense:port"}):
        with pytest.raises(rivven.ConfigException):
            of(**config)
    with pytest.raises(TypeError):
        of("127.0.0.1:9092")
    assert of(linger_ms=None, acks="all").is_idempotent() is False


@pytest.mark.parametrize("of", CLASSES)
def test_a_producer_tells_its_topic(of: Any) -> None:
    assert (repr(of()), of().topic) == ("Producer()", None)
    handle = of().topic_handle("a topic")
    assert (type(handle), handle.topic, repr(handle)) == (of, "a topic", "Producer(topic='a topic')")


@pytest.mark.parametrize("of", CLASSES)
def test_every_method_has_a_docstring(of: type) -> None:
    names = {name for name in dir(of) if not name.startswith("_")}
    assert {"send", "send_batch", "enqueue", "flush", "close", "purge", "stats"} < names
    assert all(inspect.getdoc(getattr(of, name)) for name in names)
