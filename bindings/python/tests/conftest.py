"""Fixtures: one real broker for all tests, a topic for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import rivven.blocking
from support import BROKER, MISBEHAVE, Connect, connector, consumers, producers, secure_broker, server


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """The address of the real broker."""
    with server(BROKER, "--max-connections-per-ip", "1000") as program:
        yield program.address


@pytest.fixture(scope="session")
def secure() -> Iterator[Callable[..., SimpleNamespace]]:
    """A function that gives the secure broker with these options, the same one to all tests."""
    with ExitStack() as brokers:
        yield cache(lambda *options: brokers.enter_context(secure_broker(*options)))


@pytest.fixture(params=["asyncio", "blocking"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """A `connect` of either style; its clients are waited for."""
    with connector(request.param) as connect:
        yield connect


@pytest.fixture
def client(connect: Connect, broker: str) -> Any:
    """A client of the real broker, in either style."""
    return connect(broker)


@pytest.fixture(params=["asyncio", "blocking"])
def produce(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """A function that makes producers of a broker in either style."""
    with producers(request.param) as make:
        yield make


@pytest.fixture(params=["asyncio", "blocking"])
def consume(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """A function that makes consumers of a broker in either style."""
    with consumers(request.param) as make:
        yield make


@pytest.fixture
def reader(broker: str) -> Iterator[rivven.blocking.Client]:
    """A client that looks at what was written."""
    with rivven.blocking.connect(broker) as client:
        yield client


@pytest.fixture
def misbehaving(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server that misbehaves as the parameter says."""
    with server(MISBEHAVE, request.param) as program:
        yield program.address


@pytest.fixture
def stalled() -> Iterator[str]:
    """The address of a server that answers the handshake and pings, and nothing else."""
    with server(MISBEHAVE, "stall") as program:
        yield program.address


_numbers = count()


@pytest.fixture
def topic() -> str:
    """A name that no other test uses."""
    return f"python-{next(_numbers)}"


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """A function that waits until a condition holds, at most 10 s."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "the condition never held"
            time.sleep(0.01)

    return wait
