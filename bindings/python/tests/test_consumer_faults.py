"""What a consumer does when the broker goes away, changes or asks for more, in both styles."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rivven
import rivven.blocking
from support import FAULT_PROXY, PASSWORD, USER, Restarting, Secure, server

Consume = Callable[..., Any]
Reader = rivven.blocking.Client

# Pauses that no test has to wait for.
IMPATIENT = {"reconnect_backoff_ms": 5, "reconnect_backoff_max_ms": 20}


def values(consumer: Any, count: int) -> list[str]:
    """Poll until so many records have come."""
    read: list[str] = []
    while len(read) < count:
        read += [message.value_str() for message in consumer.poll()]
    return read


def test_a_lost_connection_is_made_anew_and_nothing_is_lost_or_read_twice(
    consume: Consume, broker: str, reader: Reader, topic: str
) -> None:
    """covers: F101 python"""
    reader.create_topic(topic, 1)
    with server(FAULT_PROXY, "--upstream", broker) as proxy:
        consumer = consume(proxy.address, partitions=[(topic, 0)], group_id=topic, **IMPATIENT)
        for number in range(5):
            reader.publish_batch(topic, [f"a{number}", f"b{number}"], partition=0)
            assert values(consumer, 2) == [f"a{number}", f"b{number}"]
            proxy.command("cut")
        reader.publish(topic, "last")
        assert values(consumer, 1) == ["last"]
        assert consumer.stats().reconnects > 0
        consumer.close()


@pytest.mark.parametrize(
    ("backoff", "most", "attempts", "least"),
    [
        # At least half of each pause is waited for: twice 400 ms.
        (400, 400, 3, 0.4),
        # By the default bound of 10 s the poll would be over before the attempts are.
        (20, 20, 12, 0.11),
        # After the only attempt nothing is waited for.
        (60_000, 60_000, 1, 0.0),
    ],
)
def test_a_broker_that_stays_away_is_an_error_of_each_poll(
    consume: Consume, tmp_path: Path, backoff: int, most: int, attempts: int, least: float
) -> None:
    """covers: F090 python, F091 python, F092 python"""
    broker = Restarting(tmp_path)
    program = broker.start()
    write(program.address, "value")
    consumer = consume(
        program.address,
        partitions=[("t", 0)],
        reconnect_backoff_ms=backoff,
        reconnect_backoff_max_ms=most,
        max_reconnect_attempts=attempts,
        enable_auto_commit=False,
    )
    assert values(consumer, 1) == ["value"]
    broker.stop()
    for _ in range(2):
        start = time.monotonic()
        with pytest.raises(rivven.ConnectionException) as caught:
            consumer.poll(10)
        assert caught.value.retriable and program.address in str(caught.value)
    assert time.monotonic() - start >= least
    stats = consumer.stats()
    assert isinstance(stats.last_error, rivven.ConnectionException) and stats.errors >= 2 * attempts


def test_a_broker_that_comes_back_is_read_on(consume: Consume, tmp_path: Path) -> None:
    """covers: F092 python, F101 python"""
    broker = Restarting(tmp_path)
    program = broker.start()
    write(program.address, "before")
    consumer = consume(program.address, partitions=[("t", 0)], max_reconnect_attempts=2, **IMPATIENT)
    assert values(consumer, 1) == ["before"]
    broker.stop()
    with pytest.raises(rivven.ConnectionException):
        consumer.poll(10)
    broker.start("--port", str(program.port))
    try:
        write(program.address, "after")
        assert read_on(consumer) == ["after"]
        consumer.close()
    finally:
        broker.stop()


def write(address: str, value: str) -> None:
    """Write a record to a topic, which is made if need be."""
    with rivven.blocking.connect(address) as client:
        if client.list_topics() != ["t"]:
            client.create_topic("t", 1)
        client.publish("t", value)


def read_on(consumer: Any) -> list[str]:
    """Poll until a record comes, whatever goes wrong before, at most a minute."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            return values(consumer, 1)
        except rivven.ConnectionException:
            pass  # it has not noticed yet that the broker is back
    return []


def test_partitions_that_are_added_are_read(consume: Consume, broker: str, reader: Reader, topic: str) -> None:
    """covers: F089 python"""
    reader.create_topic(topic, 1)
    consumer = consume(broker, topics=[topic], group_id=topic, metadata_refresh_interval_ms=50)
    reader.publish(topic, "first", partition=0)
    assert values(consumer, 1) == ["first"]
    reader.create_partitions(topic, 2)
    reader.publish(topic, "second", partition=1)
    assert values(consumer, 1) == ["second"]
    assert sorted(consumer.assignments()) == [(topic, 0), (topic, 1)]


# covers: F088 python
@pytest.mark.parametrize("level", [None, "read_uncommitted", 0, "read_committed", 1])
def test_the_records_of_aborted_transactions_are_hidden_if_the_program_wants_it(
    consume: Consume, broker: str, reader: Reader, topic: str, level: str | int | None
) -> None:
    reader.create_topic(topic, 1)
    reader.publish(topic, "before")
    state = reader.init_producer_id()
    reader.begin_transaction(topic, state)
    reader.add_partitions_to_txn(topic, state, [(topic, 0)])
    reader.publish_transactional(topic, topic, "aborted", state)
    reader.abort_transaction(topic, state)
    reader.publish(topic, "after")
    consumer = consume(broker, partitions=[(topic, 0)], isolation_level=level, enable_auto_commit=False)
    shown = ["before", "after"] if level in ("read_committed", 1) else ["before", "aborted", "after"]
    assert values(consumer, len(shown)) == shown


def test_what_is_no_level_is_refused(consume: Consume, broker: str) -> None:
    """covers: F088 python"""
    for level in ("serializable", 2):
        with pytest.raises(rivven.ConfigException, match="isolation") as caught:
            consume(broker, isolation_level=level)
        assert caught.value.code == "INVALID_CONFIG"


def test_a_consumer_reads_by_tls(consume: Consume, secure: Secure, topic: str) -> None:
    """covers: F096 python"""
    broker = secure("--san", "broker.example")
    options: dict[str, Any] = {
        "tls_ca_cert_path": Path(broker.ca_cert),
        "auth_username": USER,
        "auth_password": PASSWORD,
        "auth_mechanism": "plain",
    }
    expected = {"tls_server_name": "broker.example", **options}
    with rivven.blocking.connect(broker.address, **expected) as client:
        client.create_topic(topic, 1)
        client.publish(topic, "value")
    assert values(consume(broker.address, partitions=[(topic, 0)], **expected), 1) == ["value"]
    unexpected = consume(broker.address, partitions=[(topic, 0)], max_reconnect_attempts=1, **options)
    with pytest.raises(rivven.ConnectionException) as caught:
        unexpected.poll(10)
    assert caught.value.code == "TLS_FAILED"


def test_the_consumer_of_a_client_has_its_tls(secure: Secure, topic: str) -> None:
    """covers: F096 python"""
    broker = secure()
    options = {"tls_ca_cert_path": broker.ca_cert, "auth_username": USER, "auth_password": PASSWORD}
    with rivven.blocking.connect(broker.address, **options) as client:
        client.create_topic(topic, 1)
        client.publish(topic, "value")
        consumer = client.consumer(topic)
        assert [message.value for message in consumer.fetch()] == [b"value"]
        consumer.close()
