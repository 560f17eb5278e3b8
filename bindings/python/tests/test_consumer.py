"""The consumer in both styles: what it reads, where it goes on, and what it commits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import rivven
import rivven.blocking
from rivven import TopicPartition

Reader = rivven.blocking.Client


def filled(reader: Reader, topic: str, *counts: int) -> str:
    """Make a topic whose partitions have so many records: a0, a1, ..., b0, ..."""
    reader.create_topic(topic, len(counts))
    for partition, count in enumerate(counts):
        letter = "abc"[partition]
        for n in range(count):
            reader.publish(topic, f"{letter}{n}", f"key{n}", partition=partition)
    return topic


def everything(consumer: Any, partitions: int) -> list[rivven.Message]:
    """Poll until each partition has come to its end."""
    messages: list[rivven.Message] = []
    ended: set[TopicPartition] = set()
    while len(ended) < partitions:
        records = consumer.poll()
        messages += records
        ended |= set(records.ended)
    return messages


# covers: F081 python, F082 python, F083 python, F084 python, F098 python
def test_subscribed_topics_are_read_to_their_ends(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 5, 0, 3)
    consumer = consume(broker, topics=[topic], group_id=f"group-{topic}", report_partition_end=True)
    assert (consumer.topic, consumer.partition, consumer.group) == (topic, None, f"group-{topic}")
    messages = everything(consumer, 3)
    for partition, count in ((0, 5), (2, 3)):
        of = [message for message in messages if message.partition == partition]
        assert [message.offset for message in of] == list(range(count))
        assert [message.value_str() for message in of] == [f"{'abc'[partition]}{n}" for n in range(count)]
        assert {message.topic for message in of} == {topic} and of[0].key == b"key0"
    assert len(messages) == 8
    assert sorted(consumer.assignments()) == [(topic, 0), (topic, 1), (topic, 2)]
    consumer.commit()
    assert [consumer.committed(partition=p) for p in (0, 2)] == [5, 3]
    consumer.close()
    assert consumer.is_closed
    with pytest.raises(rivven.RivvenException) as failure:
        consumer.poll()
    assert failure.value.code == "CLOSED"


# covers: F085 python, F086 python
def test_a_poll_gives_a_batch_that_is_a_list_and_knows_partitions(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 4, 4)
    consumer = consume(broker, partitions=[(topic, 0), TopicPartition(topic, 1)], max_poll_records=3)
    messages: list[rivven.Message] = []
    while len(messages) < 8:
        records = consumer.poll(timeout=10)
        assert isinstance(records, rivven.ConsumerRecords) and len(records) <= 3
        by_partition = records.partitions()
        assert sum(map(len, by_partition.values())) == len(records) == len(list(records))
        for place, of in by_partition.items():
            assert all((message.topic, message.partition) == place for message in of)
        assert records.values() == [message.value for message in records]
        assert not records or (records[0] == list(records)[0] and records[-1:] == list(records)[-1:])
        messages += records
    assert sorted(message.value for message in messages) == [b"%c%d" % (c, n) for c in b"ab" for n in range(4)]
    empty = consumer.poll(timeout=0.05)
    assert not empty and list(empty) == [] and empty.partitions() == {} and empty.values() == []
    assert rivven.ConsumerRecords.__name__ in repr(empty)
    impatient = consume(broker, partitions=[(topic, 0)], max_poll_interval_ms=50, auto_offset_reset="latest")
    impatient.seek(4)
    assert not impatient.poll()


# covers: F100 python
def test_the_program_goes_where_it_wants(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 6)
    consumer = consume(broker, partitions=[(topic, 0)], group_id=f"group-{topic}", enable_auto_commit=False)
    assert (consumer.topic, consumer.partition) == (topic, 0)
    assert len(consumer.poll(10)) == 6 and consumer.position() == consumer.current_offset() == 6
    assert consumer.lag() == 0 and consumer.get_offset_bounds() == (0, 6)
    consumer.seek(4)
    assert consumer.position() == 4 and consumer.lag(topic=topic, partition=0) == 2
    assert [message.offset for message in consumer.poll(10)] == [4, 5]
    consumer.seek_to_beginning()
    first = consumer.poll(10)[0]
    assert first.offset == 0
    consumer.seek_to_end(topic=topic)
    assert consumer.position() == 6 and not consumer.poll(0.05)
    assert consumer.seek_to_timestamp(first.timestamp - 1000) == 0
    consumer.pause()
    assert consumer.paused() == [TopicPartition(topic, 0)] and not consumer.poll(0.05)
    consumer.resume()
    assert consumer.paused() == [] and len(consumer.poll(10)) == 6
    with pytest.raises(rivven.RivvenException) as failure:
        consumer.seek(0, partition=7)
    assert failure.value.code == "NOT_ASSIGNED"
    consumer.assign([(topic, 0), (topic, 1)])
    with pytest.raises(rivven.RivvenException) as failure:
        consumer.subscribe(topic)
    assert failure.value.code == "INVALID_STATE"
    consumer.unsubscribe()
    assert consumer.assignments() == []
    consumer.subscribe(topic)


# covers: F087 python, F100 python
def test_offsets_are_committed_as_the_program_says(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 4, 4)
    places, group = [(topic, 0), (topic, 1)], f"group-{topic}"
    consumer = consume(broker, partitions=places, group_id=group, enable_auto_commit=False)
    assert consumer.committed(partition=0) is None
    consumer.commit_offsets([(topic, 0, 2), (topic, 1, 3)])
    assert reader.describe_group(group) == {topic: {0: 2, 1: 3}}
    consumer.seek(0, partition=0)
    consumer.store_offset(4, partition=0)
    consumer.commit()
    assert consumer.committed(partition=0) == 4
    assert consumer.commit_offsets_each([(topic, 0, 1), (topic, 1, 1)]) == [None, None]
    assert (consumer.committed(partition=0), consumer.committed(topic=topic, partition=1)) == (1, 1)
    consumer.close()
    again = consume(broker, partitions=[(topic, 1)], group_id=group)
    assert [message.offset for message in again.poll(10)] == [1, 2, 3]
    again.close()
    assert reader.get_offset(group, topic, 1) == 4


def test_a_commit_without_waiting_is_made(
    consume: Callable[..., Any],
    broker: str,
    reader: Reader,
    topic: str,
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    """covers: F100 python"""
    filled(reader, topic, 2)
    group = f"group-{topic}"
    consumer = consume(broker, partitions=[(topic, 0)], group_id=group, enable_auto_commit=False)
    assert len(consumer.poll(10)) == 2
    consumer.commit_async()
    eventually(lambda: reader.get_offset(group, topic, 0) == 2)


# covers: F099 python
@pytest.mark.parametrize("form", ["object", "functions"])
def test_a_listener_is_told_within_polls_and_close(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str, form: str
) -> None:
    filled(reader, topic, 1, 1)
    told: list[tuple[str, list[TopicPartition]]] = []

    class Listener:
        def on_partitions_assigned(self, partitions: list[TopicPartition]) -> None:
            told.append(("assigned", partitions))

        def on_partitions_revoked(self, partitions: list[TopicPartition]) -> None:
            told.append(("revoked", partitions))

    consumer = consume(broker, topics=topic, group_id=f"group-{topic}")
    if form == "object":
        consumer.set_rebalance_listener(Listener())
    else:
        consumer.set_rebalance_listener(
            on_partitions_assigned=Listener().on_partitions_assigned,
            on_partitions_revoked=Listener().on_partitions_revoked,
        )
    messages: list[rivven.Message] = []
    while len(messages) < 2:
        messages += consumer.poll(10)
    both = [(topic, 0), (topic, 1)]
    assert [(what, sorted(partitions)) for what, partitions in told] == [("assigned", both)]
    consumer.close()
    assert [(what, sorted(partitions)) for what, partitions in told[1:]] == [("revoked", both)]


@pytest.mark.parametrize("call", ["poll", "fetch", "process"])
def test_what_a_listener_raises_is_raised_by_who_waits_for_it(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str, call: str
) -> None:
    filled(reader, topic, 1)
    consumer = consume(broker, topics=topic, group_id=topic)
    told: list[str] = []

    def assigned(_: list[TopicPartition]) -> None:
        told.append("assigned")
        raise ZeroDivisionError

    def revoked(_: list[TopicPartition]) -> None:
        told.append("revoked")
        raise LookupError

    consumer.set_rebalance_listener(on_partitions_assigned=assigned, on_partitions_revoked=revoked)
    arguments: dict[str, list[Any]] = {"poll": [60], "fetch": [], "process": [told.append]}
    with pytest.raises(ZeroDivisionError):
        getattr(consumer, call)(*arguments[call])
    assert len(consumer.poll(10)) == 1, "it is raised once, and nothing is lost"
    with pytest.raises(LookupError):
        consumer.close()
    consumer.close()
    assert consumer.is_closed and told == ["assigned", "revoked"]


# covers: F100 python
def test_a_poll_is_woken_up_and_statistics_are_kept(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 3)
    consumer = consume(broker, partitions=[(topic, 0)])
    consumer.connect()
    assert len(consumer.poll(10)) == 3
    consumer.wakeup()
    with pytest.raises(rivven.RivvenException) as failure:
        consumer.poll()
    assert failure.value.code == "WOKEN_UP"
    stats = consumer.stats()
    assert (stats.records, stats.records_fetched, stats.last_error) == (3, 3, None)
    (of,) = stats.partitions
    assert (of.partition, of.position, of.paused) == (TopicPartition(topic, 0), 3, False)
    assert stats.lag == (of.lag or 0)


def test_messages_show_their_value_where_it_is(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 2)
    consumer = consume(broker, partitions=[(topic, 0)])
    records = consumer.poll(10)
    message = records[0]
    view = memoryview(message)
    assert view.readonly and bytes(view) == message.value == b"a0" and message.value is message.value
    assert message == message.detach() and hash(message) == hash(message.detach())
    assert (message.key_str(), message.size()) == ("key0", 6)
    kept = message.detach()
    assert consumer.stats().bytes_held > 0
    del records, message
    assert bytes(view) == b"a0"
    view.release()
    del view
    assert kept.value == b"a0"


def test_messages_that_are_kept_stay_as_they_are_while_iteration_goes_on(
    consume: Callable[..., Any], broker: str, reader: Reader, topic: str
) -> None:
    filled(reader, topic, 9)
    consumer = consume(broker, partitions=[(topic, 0)], auto_offset_reset="earliest")
    records = consumer.poll(10)
    while len(records) < 9:
        consumer.seek_to_beginning(topic=topic, partition=0)
        records = consumer.poll(10)
    kept, views, values, pairs = [], [], [], []
    before = None
    for number, message in enumerate(records):
        assert (message.offset, message.value, message.key) == (number, b"a%d" % number, b"key%d" % number)
        assert before is None or (before.offset, before.value) == (number - 1, b"a%d" % (number - 1))
        if number % 3 == 0:
            kept.append(message)
        if number % 3 == 1:
            views.append(memoryview(message))
        values.append(message.value)
        before = message
    assert [(one.offset, one.value) for one in kept] == [(0, b"a0"), (3, b"a3"), (6, b"a6")]
    assert [bytes(view) for view in views] == [b"a1", b"a4", b"a7"]
    assert values == [b"a%d" % number for number in range(9)]
    iterator = iter(records)
    pairs = list(zip(iterator, iterator))
    assert [(one.offset, other.value) for one, other in pairs] == [(n, b"a%d" % (n + 1)) for n in range(0, 8, 2)]
    assert list(iterator) == []
    assert [hash(one) for one in iter(records)] == [hash(one) for one in list(records)]


def test_the_options_are_checked(consume: Callable[..., Any], broker: str, topic: str) -> None:
    consumer = consume(
        broker,
        topics=[topic],
        isolation_level="read_committed",
        metadata_refresh_interval_ms=1000,
        reconnect_backoff_ms=10,
        reconnect_backoff_max_ms=100,
        max_reconnect_attempts=3,
        session_timeout_ms=9000,
        rebalance_timeout_ms=20000,
        heartbeat_interval_ms=3000,
        auto_offset_reset="latest",
        fetch_max_wait_ms=100,
    )
    assert repr(consumer) == f'Consumer(topic="{topic}")'
    for wrong in ({"max_poll_records": 0}, {"auto_offset_reset": "somewhere"}, {"unheard_of": 1}):
        with pytest.raises(rivven.ConfigException):
            consume(broker, topics=[topic], **wrong)
    with pytest.raises(TypeError):
        consume(broker, topics=[topic], partitions=[(topic, 0)])
