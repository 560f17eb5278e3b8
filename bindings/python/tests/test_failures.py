"""Servers that cannot be reached or misbehave, in both styles.

Each failure is a typed exception within the configured time, whose text names
the server and says what to do.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
import rivven
from support import Connect

# Above the configured timeouts, as the machine may be busy; far below the defaults.
LIMIT = 5.0


def failure(
    connect: Connect, address: str | list[str], use: Any = None, **config: Any
) -> rivven.RivvenException:
    """Connect, and call `use` if that succeeds; give the exception, which has to come in time."""
    start = time.monotonic()
    with pytest.raises(rivven.RivvenException) as caught:
        client = connect(address, connection_timeout_ms=500, request_timeout_ms=500, **config)
        assert use, "connecting succeeded"
        use(client)
    assert time.monotonic() - start < LIMIT
    for server in [address] if isinstance(address, str) else address:
        assert server in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("address", "code", "advice"),
    [
        ("127.0.0.1:1", "CONNECTION_FAILED", "start rivvend there or correct bootstrap.servers"),
        ("255.255.255.255:9092", "CONNECTION_FAILED", "check the route"),
        ("host.invalid:9092", "RESOLVE_FAILED", "check bootstrap.servers"),
    ],
)
def test_a_server_that_is_not_there(connect: Connect, address: str, code: str, advice: str) -> None:
    """covers: F004 python, F121 python, F123 python"""
    error = failure(connect, address)
    assert isinstance(error, rivven.ConnectionException) and isinstance(error, ConnectionError)
    assert (error.code, error.address, error.outcome) == (code, address, "NOT_SENT")
    assert error.retriable and advice in str(error)


def test_of_several_servers_each_is_named(connect: Connect) -> None:
    """covers: F038 python, F121 python"""
    error = failure(connect, ["127.0.0.1:1", "127.0.0.1:2"])
    assert isinstance(error, rivven.ConnectionException)
    assert error.code == "ALL_SERVERS_UNAVAILABLE"


@pytest.mark.parametrize("misbehaving", ["unreachable", "silent"], indirect=True)
def test_a_server_that_does_not_answer(connect: Connect, misbehaving: str) -> None:
    """covers: F004 python, F022 python, F121 python, F123 python"""
    error = failure(connect, misbehaving)
    assert isinstance(error, rivven.TimeoutException) and isinstance(error, TimeoutError)
    assert (error.code, error.address, error.outcome) == ("TIMED_OUT", misbehaving, "NOT_SENT")
    assert error.retriable and "raise connection.timeout.ms" in str(error)


@pytest.mark.parametrize(
    ("misbehaving", "advice"),
    [("http", "check the port"), ("tls-alert", "configure TLS"), ("promise-4gb", "check that a Rivven broker")],
    indirect=["misbehaving"],
)
def test_a_server_of_another_kind(connect: Connect, misbehaving: str, advice: str) -> None:
    error = failure(connect, misbehaving)
    assert isinstance(error, rivven.ConnectionException)
    assert (error.code, error.address) == ("RESPONSE_TOO_LARGE", misbehaving)
    assert advice in str(error)


@pytest.mark.parametrize(
    ("misbehaving", "code"),
    [("close-mid-frame", "CONNECTION_LOST"), ("wrong-id", "MALFORMED_RESPONSE"), ("garbage", "MALFORMED_RESPONSE")],
    indirect=["misbehaving"],
)
def test_a_server_that_breaks_off(connect: Connect, misbehaving: str, code: str) -> None:
    error = failure(connect, misbehaving, lambda client: client.publish("topic", b"value"))
    assert isinstance(error, rivven.ConnectionException)
    assert (error.code, error.address, error.outcome) == (code, misbehaving, "UNKNOWN")


@pytest.mark.parametrize("misbehaving", ["reset"], indirect=True)
def test_a_peer_that_resets_under_big_writes(connect: Connect, misbehaving: str) -> None:
    def publish(client: Any) -> None:
        client.publish("topic", bytes(5_000_000))

    for _ in range(5):
        # What was not written whole would be tried again, until the breaker opens.
        error = failure(connect, misbehaving, publish, max_retries=0)
        assert isinstance(error, rivven.ConnectionException)
        assert (error.code, error.address) == ("CONNECTION_LOST", misbehaving)


def test_a_call_that_is_not_answered(connect: Connect, stalled: str) -> None:
    """covers: F011 python, F023 python, F121 python, F123 python"""
    error = failure(connect, stalled, lambda client: client.publish("topic", b"value"))
    assert isinstance(error, rivven.TimeoutException)
    assert (error.code, error.address, error.outcome) == ("TIMED_OUT", stalled, "UNKNOWN")
    assert "raise request.timeout.ms" in str(error)
