"""The life of a producer and of its process: left open, forked, interrupted, and the interpreter's end."""

from __future__ import annotations

import textwrap

import pytest
import rivven.blocking
from support import run_script

BEGIN = """
import asyncio, gc, os, signal, sys, threading, time, warnings
import rivven, rivven.blocking
address, topic = sys.argv[1:]
# Python's own advice against what is tested here: to fork a process with threads.
warnings.filterwarnings("ignore", "This process .* is multi-threaded")
"""

# What is true at the end of a process that has not closed its producer.
ENDINGS = {
    "enqueued": """
        producer = rivven.Producer(bootstrap_servers=address).topic_handle(topic)
        for _ in range(1000):
            producer.enqueue(b"x")
        """,
    "pending": """
        async def main():
            global producer, pending
            producer = rivven.Producer(bootstrap_servers=address, buffer_memory=10_000, batch_size=1000).topic_handle(topic)
            pending = [producer.send(bytes(500)) for _ in range(100)] + [producer.send_batch([b"x"] * 100)]
        asyncio.run(main())
        """,
    "running loop": """
        async def main():
            producer = rivven.Producer(bootstrap_servers=address).topic_handle(topic)
            pending = [producer.send(b"x") for _ in range(100)]
            await (await rivven.connect(address)).ping()
            sys.exit(0)
        asyncio.run(main())
        """,
    "busy daemon threads": """
        small = {"buffer_memory": 20_000, "batch_size": 1000}
        producer = rivven.blocking.Producer(bootstrap_servers=address, **small).topic_handle(topic)
        def fill():
            while True:
                try:
                    producer.enqueue(bytes(100))
                except rivven.RivvenException:
                    pass
        threading.Thread(target=fill, daemon=True).start()
        threading.Thread(target=producer.send, args=(b"x",), daemon=True).start()
        threading.Thread(target=producer.flush, daemon=True).start()
        rivven.blocking.connect(address).ping()
        """,
    "in a cycle of garbage": """
        class Owner: pass
        owner = Owner()
        owner.self, owner.producer = owner, rivven.blocking.Producer(bootstrap_servers=address).topic_handle(topic)
        owner.producer.enqueue(b"x")
        """,
}


def script(body: str) -> str:
    """Give a script that begins with what all begin with."""
    return BEGIN + textwrap.dedent(body)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_interpreter_ends_cleanly(stalled: str, topic: str, ending: str) -> None:
    for _ in range(20):
        run_script(script(ENDINGS[ending]), stalled, topic)


def test_a_producer_that_is_collected_without_close_delivers(broker: str, topic: str) -> None:
    run_script(
        script(
            """
            client = rivven.blocking.connect(address)
            client.create_topic(topic, 1)
            producer = rivven.Producer(bootstrap_servers=address, linger_ms=3_000_000, delivery_timeout_ms=4_000_000)
            for _ in range(10):
                producer.enqueue(b"x", topic=topic)
            start = time.monotonic()
            del producer
            gc.collect()
            while client.get_offset_bounds(topic, 0)[1] < 10:
                assert time.monotonic() - start < 30
                time.sleep(0.01)
            """
        ),
        broker,
        topic,
    )


def test_a_forked_child_is_told_so_and_the_parent_goes_on(broker: str, topic: str) -> None:
    run_script(
        script(
            """
            async def main():
                producers = [rivven.Producer(bootstrap_servers=address), rivven.blocking.Producer(bootstrap_servers=address)]
                handles = [producer.topic_handle(topic) for producer in producers]
                await handles[0].send(b"x")
                handles[1].send(b"x")
                child = os.fork()
                if not child:
                    try:
                        for producer in handles:
                            for call in (
                                lambda: producer.send(b"x"),
                                lambda: producer.send_batch([b"x"]),
                                lambda: producer.enqueue(b"x"),
                                lambda: producer.send(b"x", topic="another"),
                                lambda: producer.flush(),
                                lambda: producer.stats(),
                                lambda: producer.close(),
                            ):
                                try:
                                    call()
                                except rivven.RivvenException as error:
                                    assert error.code == "FORKED", error.code
                                else:
                                    os._exit(2)
                        del producer, producers, handles
                        gc.collect()
                        with rivven.blocking.Producer(bootstrap_servers=address) as anew:
                            anew.send(b"x", topic=topic)
                        os._exit(0)
                    except BaseException as failure:
                        print(failure, file=sys.stderr)
                        os._exit(3)
                assert os.waitpid(child, 0)[1] == 0
                await handles[0].send(b"x")
                handles[1].send(b"x")
                await handles[0].close()
                handles[1].close()
            asyncio.run(main())
            """
        ),
        broker,
        topic,
    )


@pytest.mark.parametrize(
    "call", ["send(b'x')", "send_batch([b'x'])", "flush()", "close(timeout=60)", "get_partition_count()"]
)
def test_ctrl_c_interrupts_a_wait(stalled: str, topic: str, call: str) -> None:
    script_ = f"""
        producer = rivven.blocking.Producer(bootstrap_servers=address).topic_handle(topic)
        producer.enqueue(b"x")
        # A process in the background of a shell begins with Ctrl-C ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            producer.{call}
        except KeyboardInterrupt:
            print("interrupted")
    """
    assert run_script(script(script_), stalled, topic) == "interrupted\n"


def test_many_threads_share_a_blocking_producer(broker: str, topic: str) -> None:
    run_script(
        script(
            """
            client = rivven.blocking.connect(address)
            client.create_topic(topic, 1)
            with rivven.blocking.Producer(bootstrap_servers=address) as root:
                producer = root.topic_handle(topic)
                sent = []
                def run(number):
                    for n in range(20):
                        sent.append((producer.send(f"{number} {n}"), f"{number} {n}"))
                    sent.extend(zip(producer.send_batch([f"{number} {n}" for n in range(20, 50)]),
                                    [f"{number} {n}" for n in range(20, 50)]))
                threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
            read = [message.value_str() for message in client.consume(topic, 0, 0, 1000)]
            assert len(read) == len(sent) == 400
            assert all(read[offset] == value for offset, value in sent)
            """
        ),
        broker,
        topic,
    )


def test_the_other_threads_run_while_one_waits(stalled: str, topic: str) -> None:
    run_script(
        script(
            """
            producer = rivven.blocking.Producer(bootstrap_servers=address).topic_handle(topic)
            waiting = threading.Thread(target=producer.send, args=(b"x",), daemon=True)
            waiting.start()
            while not producer.stats().records_sent:
                time.sleep(0)
            assert waiting.is_alive()
            """
        ),
        stalled,
        topic,
    )


def test_closing_twice_and_after_the_client_is_no_error(broker: str, topic: str) -> None:
    client = rivven.blocking.connect(broker)
    producer = client.producer(topic)
    client.close()
    assert producer.send(b"x") == 0
    producer.close()
    producer.close()
