"""What is particular to the blocking client: threads, the GIL and signals."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import rivven
import rivven.blocking
from support import run_script


def test_threads_share_a_client(broker: str, topic: str) -> None:
    with rivven.blocking.connect(broker) as client, ThreadPoolExecutor(8) as pool:
        client.create_topic(topic, 1)
        offsets = pool.map(lambda n: client.publish(topic, str(n)), range(200))
        assert sorted(offsets) == list(range(200))


def test_a_waiting_thread_lets_others_run(stalled: str) -> None:
    with rivven.blocking.connect(stalled, request_timeout_ms=1000) as client, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.list_topics)
        turns = 0
        while not waiting.done():
            turns += 1
            time.sleep(0.001)
        assert turns > 50
        assert isinstance(waiting.exception(), rivven.TimeoutException)


def test_the_end_of_a_block_closes_the_client(broker: str) -> None:
    with rivven.blocking.connect(broker) as client:
        client.ping()
    with pytest.raises(rivven.RivvenException) as caught:
        client.ping()
    assert caught.value.code == "CLOSED"


def test_close_fails_what_is_pending_within_its_time(stalled: str) -> None:
    client = rivven.blocking.connect(stalled)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(client.list_topics)
        start = time.monotonic()
        client.close(timeout=0.2)
        error = pending.exception(timeout=10)
    assert time.monotonic() - start < 5
    assert isinstance(error, rivven.RivvenException) and error.code == "CLOSED"


@pytest.mark.parametrize("misbehaving", ["stall", "silent"], indirect=True)
def test_ctrl_c_interrupts_a_call(misbehaving: str) -> None:
    """The call is list_topics on a server that never answers it, or connect to one that never greets."""
    output = run_script(
        """
        import os, signal, sys, threading, time
        import rivven.blocking

        # A shell that started the tests in the background has them ignore Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        start = time.monotonic()
        try:
            client = rivven.blocking.connect(sys.argv[1], connection_timeout_ms=60_000, request_timeout_ms=60_000)
            client.list_topics()
        except KeyboardInterrupt:
            print("interrupted" if time.monotonic() - start < 10 else "too late")
        """,
        misbehaving,
    )
    assert output == "interrupted\n"
