"""The life of a client and of its process: left open, forked, and the interpreter's end."""

from __future__ import annotations

import json
import textwrap
from types import SimpleNamespace

import pytest
from support import PASSWORD, USER, Secure, run_script

CONNECT = """
import asyncio, gc, json, multiprocessing, os, sys, threading, time, warnings
import rivven, rivven.blocking
address, config = sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
# Python's own advice against what is tested here: to fork a process with threads.
warnings.filterwarnings("ignore", "This process .* is multi-threaded")
"""

# What is true at the end of a process that has not closed its client.
ENDINGS = {
    "alive": """
        async def main():
            global client, other
            client, other = await rivven.connect(address), rivven.blocking.connect(address)
            await client.ping()
        asyncio.run(main())
        """,
    "pending": """
        async def main():
            global client, pending
            client = await rivven.connect(address)
            pending = [client.list_topics() for _ in range(20)]
        asyncio.run(main())
        """,
    "running loop": """
        async def main():
            global client
            client = await rivven.connect(address)
            pending = [client.list_topics() for _ in range(20)]
            await (await rivven.connect(address)).ping()
            sys.exit(0)
        asyncio.run(main())
        """,
    "busy loop in a daemon thread": """
        ready = threading.Event()
        async def main():
            client = await rivven.connect(address)
            while True:
                await asyncio.gather(*(client.ping() for _ in range(20)))
                ready.set()
        threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
        ready.wait()
        """,
    "blocked in a daemon thread": """
        client = rivven.blocking.connect(address)
        threading.Thread(target=client.list_topics, daemon=True).start()
        rivven.blocking.connect(address).ping()
        """,
    "waiting for a change in a daemon thread": """
        client = rivven.blocking.connect(address)
        threading.Thread(target=list, args=(client.state_changes(),), daemon=True).start()
        """,
    "waiting for a change": """
        async def main():
            global client, changes
            client = await rivven.connect(address)
            changes = client.state_changes()
            try:
                await asyncio.wait_for(anext(changes), 0.01)
            except TimeoutError:
                pass
        asyncio.run(main())
        """,
    "in a cycle of garbage": """
        class Owner: pass
        owner = Owner()
        owner.self, owner.client = owner, rivven.blocking.connect(address)
        """,
}


def encrypted(broker: SimpleNamespace) -> str:
    """Give the configuration with which a script connects to a broker by TLS and logs in."""
    login = {"auth_username": USER, "auth_password": PASSWORD, "auth_mechanism": "plain"}
    return json.dumps({"tls_ca_cert_path": broker.ca_cert, **login})


def script(body: str) -> str:
    """Give a script that begins with what all begin with."""
    return CONNECT + textwrap.dedent(body)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_interpreter_ends_cleanly(stalled: str, ending: str) -> None:
    """The published package crashed here in up to 12 of 20 runs."""
    for _ in range(20):
        run_script(script(ENDINGS[ending]), stalled)


def test_a_client_that_is_collected_without_close_disconnects(broker: str) -> None:
    run_script(
        script(
            """
            def sockets():
                return sum("socket:" in os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                           if os.path.islink(f"/proc/self/fd/{n}"))
            before = sockets()
            client = rivven.blocking.connect(address)
            assert sockets() > before
            del client
            gc.collect()
            deadline = time.monotonic() + 10
            while sockets() > before:
                assert time.monotonic() < deadline
            """
        ),
        broker,
    )


FORKED = """
def is_forked(call):
    try:
        call()
    except rivven.RivvenException as error:
        return error.code == "FORKED" and "make a new one" in str(error)

async def use():
    async with await rivven.connect(address, **config) as client:
        await client.ping()

def child():
    assert is_forked(other.ping) and is_forked(other.close)
    assert is_forked(client.ping) and is_forked(lambda: client.publish("topic", b"value"))
    assert is_forked(lambda: other.authenticate_scram("alice", "password"))
    with rivven.blocking.connect(address, **config) as new:
        new.ping()
    asyncio.run(use())
"""

FORK = """
        async def main():
            global client, other
            client, other = await rivven.connect(address, **config), rivven.blocking.connect(address, **config)
            pending = [client.list_topics() for _ in range(20)]
            if IN_LOOP and (pid := os.fork()) == 0:
                child()
                sys.exit(0)
            if IN_LOOP:
                assert os.waitpid(pid, 0)[1] == 0

        asyncio.run(main())
        if not IN_LOOP:
            if (pid := os.fork()) == 0:
                child()
                sys.exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        other.ping()
        """


@pytest.mark.parametrize("context", ["asyncio", "blocking"])
def test_a_forked_child_needs_a_client_of_its_own(stalled: str, context: str) -> None:
    """The child ends as an interpreter does, with the parent's clients among its objects."""
    run_script(script(f"IN_LOOP = {context == 'asyncio'}\n" + FORKED) + script(FORK), stalled)


@pytest.mark.parametrize("context", ["asyncio", "blocking"])
def test_a_forked_child_leaves_encrypted_connections_alone(secure: Secure, context: str) -> None:
    """The child's end must not say goodbye on the connections that are still its parent's.

    covers: F017 python
    """
    broker = secure()
    run_script(script(f"IN_LOOP = {context == 'asyncio'}\n" + FORKED) + script(FORK), broker.address, encrypted(broker))


@pytest.mark.parametrize("encryption", ["plain", "tls"])
def test_the_background_threads_end_with_the_last_client(broker: str, secure: Secure, encryption: str) -> None:
    target = (secure().address, encrypted(secure())) if encryption == "tls" else (broker,)
    run_script(
        script(
            """
            def threads():
                names = []
                for task in os.listdir("/proc/self/task"):
                    try:
                        names.append(open(f"/proc/self/task/{task}/comm").read())
                    except (FileNotFoundError, ProcessLookupError):
                        pass  # it has just ended
                return [name for name in names if name.startswith("rivven-")]

            def all_end():
                deadline = time.monotonic() + 10
                while threads():
                    assert time.monotonic() < deadline, threads()
                    time.sleep(0.01)

            async def main():
                first, second = await rivven.connect(address, **config), rivven.blocking.connect(address, **config)
                await first.ping()
                second.close()
                await first.ping()
                assert threads()
                await first.close()
                await asyncio.to_thread(all_end)

            asyncio.run(main())
            with rivven.blocking.connect(address, **config) as client:
                client.ping()
                assert threads()
            all_end()
            client = rivven.blocking.connect(address, **config)
            del client
            all_end()
            """
        ),
        *target,
    )


@pytest.mark.parametrize("style", ["asyncio", "blocking"])
def test_clients_that_are_opened_and_closed_leave_nothing_behind(broker: str, style: str) -> None:
    """1000 clients in all, half of them without a client that keeps the runtime."""
    run_script(
        script(
            """
            def threads():
                return len(os.listdir("/proc/self/task"))

            def descriptors():
                return len(os.listdir("/proc/self/fd"))

            def memory():
                gc.collect()
                pages = int(open("/proc/self/statm").read().split()[1])
                return pages * os.sysconf("SC_PAGE_SIZE")

            async def use():
                async with await rivven.connect(address) as client:
                    await client.ping()
                    client.state_changes()

            async def many(count):
                for _ in range(count):
                    await use()

            def open_and_close(count):
                if config["style"] == "asyncio":
                    return asyncio.run(many(count))
                for _ in range(count):
                    with rivven.blocking.connect(address) as client:
                        client.ping()
                        client.state_changes()

            def settled(count, limit):
                deadline = time.monotonic() + 10
                while count() > limit:
                    assert time.monotonic() < deadline, (count.__name__, count(), limit)
                    time.sleep(0.01)

            def check():
                open_and_close(50)
                before = threads(), descriptors(), memory()
                open_and_close(200)
                settled(threads, before[0])
                settled(descriptors, before[1])
                # A buffer of a connection would be 200 times 8 KiB at the least.
                assert memory() - before[2] < 200 * 8192, (before, memory())

            check()
            with rivven.blocking.connect(address):
                check()
            """
        ),
        broker,
        json.dumps({"style": style}),
    )


def test_a_process_of_multiprocessing_needs_a_client_of_its_own(stalled: str) -> None:
    run_script(
        script(
            FORKED
            + """
async def connect():
    return await rivven.connect(address)

client, other = asyncio.run(connect()), rivven.blocking.connect(address)
process = multiprocessing.get_context("fork").Process(target=child)
process.start()
process.join(30)
assert process.exitcode == 0, process.exitcode
other.ping()
"""
        ),
        stalled,
    )


def test_children_that_are_forked_under_load_end(broker: str) -> None:
    """Threads of the parent hold locks at the fork; the child must not wait for them."""
    run_script(
        script(
            """
            async def main():
                client = await rivven.connect(address)
                for _ in range(20):
                    calls = [client.ping() for _ in range(200)]
                    if (pid := os.fork()) == 0:
                        del client, calls
                        gc.collect()
                        sys.exit(0)
                    await asyncio.gather(*calls)
                    assert os.waitpid(pid, 0)[1] == 0
            asyncio.run(main())
            """
        ),
        broker,
    )


def test_a_child_does_not_take_answers_away_from_its_parent(broker: str) -> None:
    """The child has the parent's event loop, too, whose descriptors are the very same.

    It runs what that loop watches for, as it would if it went on in the loop,
    while an answer waits there. The parent gets the answer all the same.
    """
    run_script(
        script(
            """
            import select

            async def main():
                client = await rivven.connect(address)
                readers = [key for key in asyncio.get_running_loop()._selector.get_map().values()
                           if type(key.data[0]._callback).__module__ == "rivven._rivven"]
                assert len(readers) == 1
                answer = client.ping()
                assert select.select([readers[0].fd], [], [], 10)[0]
                if (pid := os.fork()) == 0:
                    readers[0].data[0]._run()
                    os._exit(0)
                assert os.waitpid(pid, 0)[1] == 0
                await asyncio.wait_for(answer, 10)
            asyncio.run(main())
            """
        ),
        broker,
    )
