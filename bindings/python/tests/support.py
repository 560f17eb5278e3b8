"""Servers, scripts and the two styles of the client for the tests."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import rivven
import rivven.blocking

ROOT = Path(__file__).resolve().parents[3]
BROKER = os.environ.get("RIVVEN_TEST_BROKER", ROOT / "testing/broker/target/debug/rivven-test-broker")
REGISTRY = os.environ.get("RIVVEN_TEST_REGISTRY", ROOT / "testing/broker/target/debug/rivven-test-registry")
MISBEHAVE = os.environ.get("RIVVEN_MISBEHAVE", ROOT / "target/debug/rivven-misbehave")
SCRIPTED_BROKER = Path(MISBEHAVE).with_name("rivven-scripted-broker")
FAULT_PROXY = Path(MISBEHAVE).with_name("rivven-fault-proxy")


@contextmanager
def server(program: str | Path, *arguments: str) -> Iterator[SimpleNamespace]:
    """Run a server, which ends when its standard input does.

    Give what it says of itself, such as its `address`, and `command`, which has it do something.
    """
    process = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    commands, answers = process.stdin, process.stdout
    assert commands and answers

    def command(text: str) -> Any:
        print(text, file=commands, flush=True)
        return json.loads(answers.readline())

    try:
        yield SimpleNamespace(**json.loads(answers.readline()), command=command)
    finally:
        commands.close()
        answers.close()
        process.wait(30)


USER, PASSWORD = "alice", "Correct-Horse-7"


def secure_broker(*options: str) -> AbstractContextManager[SimpleNamespace]:
    """Run the secure broker, with a user."""
    return server(BROKER, "--secure", "--user", f"{USER}:{PASSWORD}:admin", *options)


class Restarting:
    """A broker that is stopped and started again on its port."""

    def __init__(self, folder: Path) -> None:
        """Keep its data in a folder."""
        self.options = ("--data-dir", str(folder))
        self.running: Any = None

    def start(self, *options: str) -> SimpleNamespace:
        """Start it and give what it says of itself."""
        self.running = server(BROKER, *self.options, *options)
        program: SimpleNamespace = self.running.__enter__()
        return program

    def stop(self) -> None:
        """Stop it and wait for its end."""
        self.running.__exit__(None, None, None)


class Waiting:
    """An asyncio client whose calls are waited for, so that a test is written once for both styles."""

    def __init__(self, runner: asyncio.Runner, client: rivven.Client) -> None:
        self.runner = runner
        self.client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            async def wait() -> Any:
                return await method(*args, **kwargs)

            return self.runner.run(wait())

        return call


class WaitingProducer:
    """An asyncio producer whose calls are waited for; what is not awaited stays as it is."""

    def __init__(self, runner: asyncio.Runner, producer: rivven.Producer) -> None:
        self.runner = runner
        self.producer = producer

    def __getattr__(self, name: str) -> Any:
        member = getattr(self.producer, name)
        if not callable(member):
            return member

        def call(*args: Any, **kwargs: Any) -> Any:
            async def wait() -> Any:
                result = member(*args, **kwargs)
                if isinstance(result, rivven.Producer):
                    return WaitingProducer(self.runner, result)
                return await result if asyncio.isfuture(result) else result

            return self.runner.run(wait())

        return call


@contextmanager
def producers(style: str) -> Iterator[Callable[..., Any]]:
    """Give a function that makes producers of this style, which are closed at the end."""
    made: list[Any] = []
    with asyncio.Runner() as runner:

        def make(address: str, **config: Any) -> Any:
            if style == "asyncio":
                producer: Any = WaitingProducer(runner, rivven.Producer(bootstrap_servers=address, **config))
            else:
                producer = rivven.blocking.Producer(bootstrap_servers=address, **config)
            made.append(producer)
            return producer

        yield make
        for producer in made:
            try:
                producer.close(timeout=0.1)
            except rivven.TimeoutException:
                pass  # records were left, as the test wanted it


class WaitingConsumer:
    """An asyncio consumer whose calls are waited for; what is not awaited stays as it is."""

    def __init__(self, runner: asyncio.Runner, consumer: rivven.Consumer) -> None:
        self.runner = runner
        self.consumer = consumer

    def __repr__(self) -> str:
        return repr(self.consumer)

    def __getattr__(self, name: str) -> Any:
        member = getattr(self.consumer, name)
        if not callable(member):
            return member

        def call(*args: Any, **kwargs: Any) -> Any:
            async def wait() -> Any:
                result = member(*args, **kwargs)
                return await result if asyncio.isfuture(result) or asyncio.iscoroutine(result) else result

            return self.runner.run(wait())

        return call


@contextmanager
def consumers(style: str) -> Iterator[Callable[..., Any]]:
    """Give a function that makes consumers of a broker in this style, which are closed at the end."""
    made: list[Any] = []
    with asyncio.Runner() as runner:

        def make(address: str, **config: Any) -> Any:
            if style == "asyncio":
                consumer: Any = WaitingConsumer(runner, rivven.Consumer(bootstrap_servers=address, **config))
            else:
                consumer = rivven.blocking.Consumer(bootstrap_servers=address, **config)
            made.append(consumer)
            return consumer

        yield make
        for consumer in made:
            consumer.close()


Connect = Callable[..., Any]
Secure = Callable[..., SimpleNamespace]


@contextmanager
def connector(style: str) -> Iterator[Connect]:
    """Give a `connect` of this style, or the function `by`, whose clients are closed at the end."""
    clients: list[Any] = []
    with asyncio.Runner() as runner:

        def connect(address: str | list[str], *arguments: Any, by: str = "connect", **config: Any) -> Any:
            async def wait() -> Any:
                return Waiting(runner, await getattr(rivven, by)(address, *arguments, **config))

            blocking = getattr(rivven.blocking, by)
            client = runner.run(wait()) if style == "asyncio" else blocking(address, *arguments, **config)
            clients.append(client)
            return client

        yield connect
        for client in clients:
            client.close(timeout=0.1)


def run_script(script: str, *arguments: str) -> str:
    """Run a script in an interpreter of its own, which has to end cleanly and silently; give its output."""
    command = [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(script), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return result.stdout


def descriptors(kind: str) -> int:
    """Count the open descriptors of this process whose target begins so, such as `socket:`."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith(kind)
        except FileNotFoundError:
            pass  # the descriptor of the listing itself
    return count
