"""The life of a client and of its process: left open, forked, and the interpreter's end."""

from __future__ import annotations

import textwrap

import pytest
from support import run_script

CONNECT = """
import asyncio, gc, multiprocessing, os, sys, threading, warnings
import rivven, rivven.blocking
address = sys.argv[1]
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
    "in a cycle of garbage": """
        class Owner: pass
        owner = Owner()
        owner.self, owner.client = owner, rivven.blocking.connect(address)
        """,
}


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
            import time
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
    async with await rivven.connect(address) as client:
        await client.ping()

def child():
    assert is_forked(other.ping) and is_forked(other.close)
    assert is_forked(client.ping) and is_forked(lambda: client.publish("topic", b"value"))
    with rivven.blocking.connect(address) as new:
        new.ping()
    asyncio.run(use())
"""


@pytest.mark.parametrize("context", ["asyncio", "blocking"])
def test_a_forked_child_needs_a_client_of_its_own(stalled: str, context: str) -> None:
    """The child ends as an interpreter does, with the parent's clients among its objects."""
    main = """
        async def main():
            global client, other
            client, other = await rivven.connect(address), rivven.blocking.connect(address)
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
    run_script(script(f"IN_LOOP = {context == 'asyncio'}\n" + FORKED) + script(main), stalled)


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
