"""The options of a client, and what it does about failures, in both styles."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rivven
from support import ROOT, Connect, Restarting
from wire import LOSE, wire_to

Eventually = Callable[[Callable[[], bool]], None]

DEAD = "127.0.0.1:1"
HOUR_MS = 3_600_000
TIMES = ([1, HOUR_MS, "5000"], [0, -1, HOUR_MS + 1, 1.5, "soon", "", True])
COUNTS = ([1, 1_000_000], [-1, 1_000_001, 0.5, "many", False])
FLAGS = ([True, False, "true", "false"], [1, 0, "yes", "True"])

# Each option with values that it takes, and values that it refuses.
OPTIONS: dict[str, tuple[list[Any], list[Any]]] = {
    "client_id": (["me", "größe"], [""]),
    "connection_timeout_ms": ([5_000, HOUR_MS], TIMES[1]),
    "request_timeout_ms": ([5_000, HOUR_MS], TIMES[1]),
    "close_timeout_ms": TIMES,
    "pool_size_per_server": ([1, 2, 3, 4, 1000], [0, 1001, *COUNTS[1]]),
    "max_connection_lifetime_ms": TIMES,
    "idle_timeout_ms": TIMES,
    "max_retries": ([0, *COUNTS[0]], COUNTS[1]),
    # The longest pause is by default 5000 ms, and the first one 100 ms, which it must not be below.
    "retry_initial_delay_ms": ([1, 5_000, "5000"], TIMES[1]),
    "retry_max_delay_ms": ([100, HOUR_MS, "5000"], TIMES[1]),
    "retry_multiplier": ([1, 1.5, 100.0, "2"], [0, 0.99, 100.5, -1, float("nan"), float("inf"), "twice", True]),
    "retry_unknown_outcome": FLAGS,
    "circuit_breaker_failure_threshold": (COUNTS[0], [0, *COUNTS[1]]),
    "circuit_breaker_recovery_timeout_ms": TIMES,
    "health_check_enabled": FLAGS,
    "health_check_interval_ms": TIMES,
    "decompression": (["auto", "always", "never"], ["", "sometimes", True, "Auto"]),
}


def test_the_options_are_those_of_the_documents() -> None:
    """The others have tests of their own: servers, login, TLS, what the process shares, and producers."""
    of_clients = (ROOT / "docs/CONFIGURATION.md").read_text().partition("## Producers")[0]
    keys = re.findall(r"^\| `([a-z.]+)` \|", of_clients, re.MULTILINE)
    others = re.compile(r"bootstrap|auth|tls|runtime")
    assert set(OPTIONS) == {key.replace(".", "_") for key in keys if not others.match(key)}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_taken_and_checked(connect: Connect, broker: str, option: str) -> None:
    """covers: F021 python, F022 python, F023 python, F024 python, F025 python, F026 python, F027 python, F028 python
    covers: F029 python, F030 python, F031 python
    """
    good, bad = OPTIONS[option]
    for value in [*good, None]:
        assert connect(broker, **{option: value}).ping() is None
    for value in bad:
        with pytest.raises(rivven.ConfigException) as caught:
            connect(broker, **{option: value})
        assert (caught.value.code, caught.value.outcome) == ("INVALID_CONFIG", "NOT_SENT")
        assert option in str(caught.value)


@pytest.mark.parametrize("pauses", [(5_001, None), (None, 99), (2, 1)])
def test_the_longest_pause_is_at_least_the_first_one(
    connect: Connect, broker: str, pauses: tuple[int | None, int | None]
) -> None:
    """covers: F025 python, F026 python"""
    with pytest.raises(rivven.ConfigException) as caught:
        connect(broker, retry_initial_delay_ms=pauses[0], retry_max_delay_ms=pauses[1])
    assert caught.value.code == "INVALID_CONFIG"


def test_all_options_go_together(connect: Connect, broker: str) -> None:
    client = connect(broker, **{option: good[-1] for option, (good, _) in OPTIONS.items()})
    assert client.ping() is None


@pytest.mark.parametrize("misbehaving", ["incompatible"], indirect=True)
def test_a_server_of_another_version_is_refused(connect: Connect, misbehaving: str) -> None:
    """covers: F006 python"""
    with pytest.raises(rivven.RivvenException) as caught:
        connect(misbehaving)
    error = caught.value
    assert (error.code, error.outcome, error.retriable) == ("INCOMPATIBLE_VERSION", "NOT_SENT", False)
    assert error.address == misbehaving


def use_for_everything(client: Any, topic: str) -> None:
    """Make requests of every purpose."""
    client.publish(topic, b"value")
    client.consume(topic, 0, 0, 10)
    client.commit_offset(f"group-{topic}", topic, 0, 0)
    client.list_topics()


def connections(client: Any) -> int:
    """Give how many connections a client has."""
    stats = client.stats()
    return int(stats.active_connections + stats.available_connections)


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_a_pool_has_no_more_connections_than_allowed(connect: Connect, broker: str, topic: str, size: int) -> None:
    """Requests of different purposes have connections of their own, as far as there is room.

    covers: F021 python, F035 python, F039 python
    """
    with wire_to(broker) as wire:
        client = connect(wire.address, pool_size_per_server=size)
        client.create_topic(topic, 1)
        for _ in range(3):
            use_for_everything(client, topic)
        assert wire.connections == connections(client) == min(size, 4)


def test_connections_are_replaced_when_they_are_old(
    connect: Connect, broker: str, topic: str, eventually: Eventually
) -> None:
    """covers: F030 python, F035 python"""
    with wire_to(broker) as wire:
        options = {"max_connection_lifetime_ms": 50, "health_check_interval_ms": 20, "pool_size_per_server": 1}
        client = connect(wire.address, **options)
        client.create_topic(topic, 1)

        def is_replaced() -> bool:
            client.publish(topic, b"value")
            return wire.connections >= 4

        eventually(is_replaced)


def test_idle_connections_are_closed_but_for_one(
    connect: Connect, broker: str, topic: str, eventually: Eventually
) -> None:
    """covers: F031 python, F035 python"""
    with wire_to(broker) as wire:
        client = connect(wire.address, idle_timeout_ms=50, health_check_interval_ms=20)
        client.create_topic(topic, 1)
        use_for_everything(client, topic)
        assert wire.connections > 1
        eventually(lambda: connections(client) == 1)
        assert client.ping() is None


def test_a_server_in_use_is_pinged(connect: Connect, broker: str, eventually: Eventually) -> None:
    """covers: F040 python"""
    with wire_to(broker) as wire:
        quiet = connect(wire.address, health_check_enabled=False)
        before = len(wire.sent)
        quiet.ping()
        ping = len(wire.sent) - before
        connect(wire.address, health_check_interval_ms=20)
        before = len(wire.sent)
        # By default there would be two of them in the time that is waited for.
        eventually(lambda: len(wire.sent) - before >= 5 * ping)


def test_the_next_server_takes_over(connect: Connect, broker: str, topic: str) -> None:
    """covers: F034 python, F035 python, F038 python, F039 python"""
    client = connect([DEAD, broker], health_check_enabled=False)
    client.create_topic(topic, 1)
    use_for_everything(client, topic)
    assert client.describe_group(f"group-{topic}") == {topic: {0: 0}}
    assert client.describe_topic_configs(topic)
    stats = client.stats()
    assert (stats.total_servers, stats.healthy_servers) == (2, 1)
    dead, works = sorted(stats.servers, key=lambda server: server.address == broker)
    assert (dead.address, dead.last_error.code) == (DEAD, "CONNECTION_FAILED")
    assert (dead.active_connections, dead.available_connections) == (0, 0)
    assert (works.address, works.circuit_state, works.last_error) == (broker, "closed", None)
    assert works.active_connections + works.available_connections == connections(client) >= 1


# Waits between attempts are short, as the broker is on this machine.
QUICK = {"retry_initial_delay_ms": 1, "retry_max_delay_ms": 1, "health_check_enabled": False}


def test_a_record_of_unknown_outcome_is_sent_again(connect: Connect, broker: str, topic: str) -> None:
    """covers: F033 python, F036 python"""
    with wire_to(broker) as wire:
        client = connect(wire.address, **QUICK)
        client.create_topic(topic, 1)
        assert not client.publish(topic, LOSE).maybe_duplicate
        wire.to_lose = 3
        where = client.publish(topic, LOSE)
        assert (where, where.maybe_duplicate, wire.lost) == (4, True, 3)
        assert [message.value for message in client.consume(topic, 0, 0, 10)] == [LOSE] * 5


@pytest.mark.parametrize("retries", [0, 1, 2, 5])
def test_the_number_of_attempts_is_bounded(connect: Connect, broker: str, topic: str, retries: int) -> None:
    """covers: F024 python, F036 python"""
    with wire_to(broker) as wire:
        client = connect(wire.address, max_retries=retries, circuit_breaker_failure_threshold=100, **QUICK)
        client.create_topic(topic, 1)
        wire.to_lose = 100
        with pytest.raises(rivven.ConnectionException) as caught:
            client.publish(topic, LOSE)
        assert (caught.value.code, caught.value.outcome) == ("CONNECTION_LOST", "UNKNOWN")
        assert wire.lost == client.get_offset_bounds(topic, 0)[1] == retries + 1


def test_a_record_of_unknown_outcome_is_sent_once_if_so_wanted(connect: Connect, broker: str, topic: str) -> None:
    """covers: F036 python"""
    with wire_to(broker) as wire:
        client = connect(wire.address, retry_unknown_outcome=False, **QUICK)
        client.create_topic(topic, 1)
        wire.to_lose = 100
        with pytest.raises(rivven.ConnectionException) as caught:
            client.publish(topic, LOSE)
        assert (caught.value.code, caught.value.outcome, wire.lost) == ("CONNECTION_LOST", "UNKNOWN", 1)
        assert client.get_offset_bounds(topic, 0) == (0, 1)


@pytest.mark.parametrize(
    ("pauses", "lost", "least"),
    [
        # At least half of each pause is waited for: twice 400 ms.
        ({"retry_initial_delay_ms": 400, "retry_multiplier": 1}, 2, 0.4),
        # 10 ms and 1000 ms.
        ({"retry_initial_delay_ms": 10, "retry_multiplier": 100}, 2, 0.5),
        # By the default bound of 5 s these pauses would be longer than the call may take.
        ({"retry_initial_delay_ms": 20, "retry_multiplier": 100, "retry_max_delay_ms": 20}, 20, 0.2),
    ],
)
def test_the_pauses_between_attempts_grow_up_to_a_bound(
    connect: Connect, broker: str, topic: str, pauses: dict[str, Any], lost: int, least: float
) -> None:
    """covers: F025 python, F026 python, F027 python, F036 python"""
    with wire_to(broker) as wire:
        options = {"max_retries": 20, "circuit_breaker_failure_threshold": 100, "health_check_enabled": False}
        client = connect(wire.address, **options, **pauses)
        client.create_topic(topic, 1)
        wire.to_lose = lost
        start = time.monotonic()
        assert client.publish(topic, LOSE) == lost
        assert time.monotonic() - start >= least


def test_a_dead_server_is_left_alone_until_it_is_back(
    connect: Connect, tmp_path: Path, eventually: Eventually
) -> None:
    """covers: F028 python, F029 python, F037 python, F039 python, F040 python"""
    broker = Restarting(tmp_path)
    program = broker.start()
    options = {"max_retries": 0, "circuit_breaker_failure_threshold": 2}
    patient = connect(
        program.address, circuit_breaker_recovery_timeout_ms=HOUR_MS, health_check_enabled=False, **options
    )
    quick = connect(program.address, circuit_breaker_recovery_timeout_ms=50, health_check_enabled=False, **options)
    watching = connect(program.address, circuit_breaker_recovery_timeout_ms=50, health_check_interval_ms=50, **options)
    clients = (patient, quick, watching)
    for client in clients:
        client.ping()
    broker.stop()

    def failure() -> str:
        with pytest.raises(rivven.ConnectionException) as caught:
            patient.ping()
        assert caught.value.retriable and caught.value.address == program.address
        return caught.value.code

    assert {failure(), failure()} <= {"CONNECTION_LOST", "CONNECTION_FAILED"}
    assert {failure() for _ in range(20)} == {"CIRCUIT_BREAKER_OPEN"}
    stats = patient.stats()
    assert (stats.total_servers, stats.healthy_servers, connections(patient)) == (1, 0, 0)
    assert stats.servers[0].circuit_state == "open"
    for _ in range(2):
        with pytest.raises(rivven.ConnectionException):
            quick.ping()

    broker.start("--port", str(program.port))
    try:
        eventually(lambda: works(quick))
        assert quick.stats().servers[0].circuit_state == "closed"
        # Nobody calls this one, and still it notices.
        eventually(lambda: bool(watching.stats().healthy_servers))
        # Its time is not over, and nothing in the background tries either.
        assert failure() == "CIRCUIT_BREAKER_OPEN"
    finally:
        broker.stop()


def works(client: Any) -> bool:
    """Tell whether a call succeeds."""
    try:
        return isinstance(client.list_topics(), list)
    except rivven.ConnectionException:
        return False


def test_a_restarted_broker_is_used_again(connect: Connect, tmp_path: Path, topic: str) -> None:
    """covers: F035 python, F036 python"""
    broker = Restarting(tmp_path)
    program = broker.start()
    client = connect(program.address, retry_initial_delay_ms=50)
    client.create_topic(topic, 1)
    assert client.publish(topic, b"before") == 0
    broker.stop()
    broker.start("--port", str(program.port))
    try:
        assert client.list_topics() == [topic]
        assert client.publish(topic, b"after") == 1
        assert client.consume(topic, 0, 0, 1)[0].value == b"before"
    finally:
        broker.stop()


FRAMES = json.loads((ROOT / "testing/vectors/compression.json").read_text())["frames"]


@pytest.mark.parametrize("algorithm", ["lz4", "zstd", "snappy"])
@pytest.mark.parametrize("option", [None, "auto", "always", "never"])
def test_values_are_decompressed_as_configured(
    connect: Connect, broker: str, topic: str, algorithm: str, option: str | None
) -> None:
    client = connect(broker, decompression=option)
    client.create_topic(topic, 1)
    frames = [frame for frame in FRAMES if frame["input"] == "json" and frame["algorithm"] == algorithm]
    plain, checked = sorted(frames, key=lambda frame: bool(frame["checksum"]))
    client.publish_batch(topic, [bytes.fromhex(frame["frame_hex"]) for frame in (plain, checked)])
    shown = {"never": (), "always": (plain, checked)}.get(option or "auto", (checked,))
    expected = [frame["value_hex" if frame in shown else "frame_hex"] for frame in (plain, checked)]
    assert [message.value.hex() for message in client.consume(topic, 0, 0, 10)] == expected
