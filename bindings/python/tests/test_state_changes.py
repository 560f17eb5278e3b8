"""What a client says when a server stops working and works again, in both styles."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rivven
import rivven.blocking
from support import Connect, Restarting, run_script

LIMIT = 30


def blocking_changes(client: rivven.blocking.Client, until: type) -> list[Any]:
    """Read changes until one of this kind."""
    seen = []
    for change in client.state_changes():
        seen.append(change)
        if isinstance(change, until):
            break
    return seen


async def changes(client: rivven.Client, until: type) -> list[Any]:
    """Read changes until one of this kind."""
    seen = []
    async for change in client.state_changes():
        seen.append(change)
        if isinstance(change, until):
            break
    return seen


def check(seen: list[Any], address: str) -> None:
    """Check that a server was reported as not working, perhaps repeatedly, and then as working."""
    *degraded, recovered = seen
    assert degraded, seen
    for change in degraded:
        assert isinstance(change, rivven.ServerDegraded)
        assert change.server == address and isinstance(change.reason, rivven.RivvenException)
        assert abs(datetime.now(UTC) - change.since) < timedelta(minutes=5)
    attempts = [change.attempts for change in degraded]
    assert attempts == sorted(set(attempts)) and attempts[0] >= 1
    assert isinstance(recovered, rivven.ServerRecovered)
    assert recovered.server == address and recovered.attempts >= attempts[-1]
    assert timedelta(0) <= recovered.after < timedelta(minutes=5)


def keep_calling(call: Callable[[], Any], stop: threading.Event) -> None:
    """Use a client, so that it notices what its server does."""
    while not stop.wait(0.05):
        try:
            call()
        except rivven.RivvenException:
            pass  # the server is down


CONFIG = {"request_timeout_ms": 500, "connection_timeout_ms": 1000}


def test_asyncio_sees_a_broker_go_and_come_back(tmp_path: Path) -> None:
    async def main() -> None:
        broker = Restarting(tmp_path)
        program = broker.start()
        async with await rivven.connect(program.address, **CONFIG) as client:
            # Both have every change.
            readers = [asyncio.create_task(changes(client, rivven.ServerRecovered)) for _ in range(2)]
            await asyncio.sleep(0)
            broker.stop()
            restarted = False
            try:
                async with asyncio.timeout(LIMIT):
                    while not all(reader.done() for reader in readers):
                        try:
                            await client.ping()
                        except rivven.RivvenException:
                            if not restarted:
                                broker.start("--port", str(program.port))
                                restarted = True
                        await asyncio.sleep(0.05)
            finally:
                if restarted:
                    broker.stop()
            for reader in readers:
                check(reader.result(), program.address)

    asyncio.run(main())


def test_a_thread_sees_a_broker_go_and_come_back(tmp_path: Path) -> None:
    broker = Restarting(tmp_path)
    program = broker.start()
    with rivven.blocking.connect(program.address, **CONFIG) as client:
        seen = client.state_changes()
        stop = threading.Event()
        user = threading.Thread(target=keep_calling, args=(client.ping, stop))
        user.start()
        broker.stop()
        first = next(seen)
        broker.start("--port", str(program.port))
        try:
            rest = []
            for change in seen:
                rest.append(change)
                if isinstance(change, rivven.ServerRecovered):
                    break
        finally:
            stop.set()
            user.join()
            broker.stop()
        check([first, *rest], program.address)


def test_a_dead_server_among_others_is_reported(broker: str) -> None:
    dead = "127.0.0.1:1"
    with rivven.blocking.connect(broker, **CONFIG) as _, rivven.blocking.connect(
        [dead, broker], health_check_interval_ms=100, **CONFIG
    ) as client:
        change = next(client.state_changes())
        assert isinstance(change, rivven.ServerDegraded)
        assert (change.server, change.reason.code) == (dead, "CONNECTION_FAILED")


def test_the_changes_end_with_the_client(connect: Connect, broker: str) -> None:
    async def of_asyncio() -> None:
        client = await rivven.connect(broker)
        reader = asyncio.create_task(changes(client, rivven.ServerRecovered))
        other = client.state_changes()
        await asyncio.sleep(0)
        await client.close()
        assert await reader == []
        assert [change async for change in other] == []

    asyncio.run(asyncio.wait_for(of_asyncio(), LIMIT))
    client = rivven.blocking.connect(broker)
    before = client.state_changes()
    closing = threading.Timer(0.1, client.close)
    closing.start()
    assert list(before) == []
    closing.join()
    assert list(before) == []


def test_a_cancelled_wait_loses_no_change_and_keeps_nothing_alive(broker: str) -> None:
    async def main() -> None:
        client = await rivven.connect(broker)
        stream = client.state_changes()
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(anext(stream), 0.01)
        pending = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(StopAsyncIteration):
            await pending

    asyncio.run(asyncio.wait_for(main(), LIMIT))


@pytest.mark.parametrize("style", ["asyncio", "blocking"])
def test_a_client_with_an_abandoned_wait_is_let_go(broker: str, style: str) -> None:
    """Dropping the client and its stream has to disconnect, though a change was asked for."""
    run_script(
        """
        import asyncio, gc, os, signal, sys, threading, time
        import rivven, rivven.blocking
        address, style = sys.argv[1:]
        signal.signal(signal.SIGINT, signal.default_int_handler)

        def sockets():
            return sum("socket:" in os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                       if os.path.islink(f"/proc/self/fd/{n}"))

        async def abandon():
            client = await rivven.connect(address)
            try:
                await asyncio.wait_for(anext(client.state_changes()), 0.05)
            except TimeoutError:
                return
            raise AssertionError

        async def main():
            before = sockets()
            await abandon()
            gc.collect()
            async with asyncio.timeout(10):
                while sockets() > before:
                    await asyncio.sleep(0.01)

        def interrupted():
            before = sockets()
            client = rivven.blocking.connect(address)
            changes = client.state_changes()
            for _ in range(2):
                threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
                try:
                    next(changes)
                except KeyboardInterrupt:
                    continue
                raise AssertionError
            del client, changes
            deadline = time.monotonic() + 10
            while sockets() > before:
                assert time.monotonic() < deadline
                time.sleep(0.01)

        asyncio.run(main()) if style == "asyncio" else interrupted()
        """,
        broker,
        style,
    )


@pytest.mark.parametrize("style", ["asyncio", "blocking"])
def test_a_forked_child_leaves_the_stream_alone(broker: str, style: str) -> None:
    run_script(
        """
        import asyncio, os, sys, warnings
        import rivven, rivven.blocking
        address, style = sys.argv[1:]
        warnings.filterwarnings("ignore", "This process .* is multi-threaded")

        def fork(step):
            if (pid := os.fork()) == 0:
                try:
                    step()
                except rivven.RivvenException as error:
                    assert error.code == "FORKED"
                    sys.exit(0)
                os._exit(1)
            assert os.waitpid(pid, 0)[1] == 0

        async def main():
            global client, stream
            client = await rivven.connect(address)
            stream = client.state_changes()
            fork(stream._stream.next)

        def blocking():
            global client, stream
            client = rivven.blocking.connect(address)
            stream = client.state_changes()
            fork(stream.__next__)

        asyncio.run(main()) if style == "asyncio" else blocking()
        """,
        broker,
        style,
    )
