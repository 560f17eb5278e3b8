"""The client's log in Python's logging."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import rivven
import rivven.blocking
from support import PASSWORD, USER, Connect, Secure, run_script

Eventually = Callable[[Callable[[], bool]], None]
LOGGER = logging.getLogger("rivven")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Take the level back that a test sets."""
    yield
    rivven.set_log_level(logging.NOTSET)


def test_what_the_client_does_is_logged_by_its_part(
    connect: Connect, broker: str, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    rivven.set_log_level(logging.DEBUG)
    start = time.time()
    connect(broker).ping()

    def connected() -> list[logging.LogRecord]:
        return [record for record in caplog.records if f"address={broker}" in record.getMessage()]

    eventually(lambda: bool(connected()))
    (record, *_) = connected()
    assert record.name.startswith("rivven.") and "::" not in record.name
    assert record.levelno == logging.DEBUG
    # The clock of the record is the client's, at the event.
    assert start - 1 <= record.created <= time.time() + 1


def test_failures_are_logged_by_default(
    connect: Connect, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    with pytest.raises(rivven.ConnectionException):
        connect("127.0.0.1:1")
    eventually(lambda: any("127.0.0.1:1" in record.getMessage() for record in caplog.records))
    assert all(record.levelno >= logging.WARNING for record in caplog.records)


def test_the_level_decides_at_any_time(
    broker: str, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    def addresses(level: str, other: str) -> str:
        """Connect at a level, then at DEBUG to another server as a mark that all is heard."""
        rivven.set_log_level(level)
        rivven.blocking.connect(broker).close()
        rivven.set_log_level("DEBUG")
        with pytest.raises(rivven.ConnectionException):
            rivven.blocking.connect(other)
        eventually(lambda: other in caplog.text)
        return caplog.text

    assert f"address={broker}" not in addresses("INFO", "127.0.0.1:1")
    caplog.clear()
    assert f"address={broker}" in addresses("DEBUG", "127.0.0.1:2")


def test_the_level_of_the_logger_counts_from_the_next_client_on(
    broker: str, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    LOGGER.setLevel(logging.DEBUG)
    with rivven.blocking.connect(broker):
        eventually(lambda: f"address={broker}" in caplog.text)


def test_passwords_are_not_logged(
    connect: Connect, secure: Secure, caplog: pytest.LogCaptureFixture, eventually: Eventually
) -> None:
    rivven.set_log_level(5)
    broker = secure()
    client = connect(broker.address, broker.ca_cert, by="connect_tls", auth_username=USER, auth_password=PASSWORD)
    client.ping()
    eventually(lambda: f"user={USER}" in caplog.text)
    assert PASSWORD not in caplog.text


def test_a_handler_that_fails_ends_nothing(broker: str, caplog: pytest.LogCaptureFixture, eventually: Eventually) -> None:
    failed = threading.Event()

    def fail(record: logging.LogRecord) -> bool:
        if failed.is_set():
            return True
        failed.set()
        raise RuntimeError("a defect of the program")

    rivven.set_log_level(logging.DEBUG)
    part = logging.getLogger("rivven.connection")
    part.addFilter(fail)
    try:
        rivven.blocking.connect(broker).close()
        eventually(failed.is_set)
        caplog.clear()
        rivven.blocking.connect(broker).close()
        eventually(lambda: f"address={broker}" in caplog.text)
    finally:
        part.removeFilter(fail)


def test_there_is_no_thread_where_nobody_wants_to_hear(broker: str) -> None:
    run_script(
        """
        import logging, sys, threading
        import rivven, rivven.blocking
        threads = lambda: [thread.name for thread in threading.enumerate() if thread.name == "rivven log"]
        logging.getLogger("rivven").setLevel(logging.CRITICAL)
        with rivven.blocking.connect(sys.argv[1]) as client:
            assert not threads()
            rivven.set_log_level("INFO")
            assert threads()
            rivven.blocking.connect(sys.argv[1]).close()
            assert len(threads()) == 1
        """,
        broker,
    )


def test_nothing_is_printed_by_default() -> None:
    run_script(
        """
        import rivven, rivven.blocking
        try:
            rivven.blocking.connect("127.0.0.1:1")
        except rivven.ConnectionException:
            pass
        """
    )


@pytest.mark.parametrize("ending", ["pass", "sys.exit(0)", "busy()"])
def test_the_interpreter_ends_cleanly_while_the_log_is_busy(broker: str, ending: str) -> None:
    for _ in range(10):
        run_script(
            f"""
            import logging, os, sys, threading
            import rivven, rivven.blocking
            logging.basicConfig(stream=open(os.devnull, "w"), level=1)
            def connect():
                while True:
                    try:
                        rivven.blocking.connect("127.0.0.1:1", connection_timeout_ms=100)
                    except rivven.RivvenException:
                        pass
            def busy():
                threading.Thread(target=connect, daemon=True).start()
            client = rivven.blocking.connect(sys.argv[1])
            client.ping()
            {ending}
            """,
            broker,
        )


def test_a_forked_child_logs_by_itself(broker: str) -> None:
    output = run_script(
        """
        import logging, os, sys, time, warnings
        import rivven, rivven.blocking
        address = sys.argv[1]
        warnings.filterwarnings("ignore", "This process .* is multi-threaded")
        seen = []
        class Keep(logging.Handler):
            def emit(self, record):
                seen.append(record.getMessage())
        logging.getLogger("rivven").addHandler(Keep())
        rivven.set_log_level("DEBUG")

        def heard():
            with rivven.blocking.connect(address):
                deadline = time.monotonic() + 10
                while not any(f"address={address}" in message for message in seen):
                    assert time.monotonic() < deadline
                    time.sleep(0.01)
            seen.clear()

        heard()
        if (pid := os.fork()) == 0:
            heard()
            print("heard", flush=True)
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        heard()
        """,
        broker,
    )
    assert output == "heard\n"


def test_asyncio_is_not_disturbed_by_the_log(broker: str, caplog: pytest.LogCaptureFixture) -> None:
    rivven.set_log_level("DEBUG")

    async def main() -> None:
        async with await rivven.connect(broker) as client:
            await asyncio.gather(*(client.ping() for _ in range(100)))
            async with asyncio.timeout(10):
                while f"address={broker}" not in caplog.text:
                    await asyncio.sleep(0.01)

    asyncio.run(main())
