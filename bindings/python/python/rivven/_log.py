"""The client's log, in Python's `logging`.

A thread of Python waits for the records, since the threads of the client never
run Python code. There is one per process while somebody may want to hear.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import traceback

from ._rivven import _LogQueue

LOGGER = logging.getLogger("rivven")
LOGGER.addHandler(logging.NullHandler())

_OFF = 0
_LEVELS = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, 5)
"""What Python calls the levels of the client, by their numbers."""

_Line = tuple[int, str, str, float]


def set_log_level(level: int | str) -> None:
    """Set how much of the client's log goes to the logger "rivven" and those below it.

    The level is that of `logging`, such as `logging.DEBUG` or "DEBUG"; 5 stands
    for everything. It is the level of the logger "rivven" that is set. Setting
    that by other means works too, from the next client on.
    """
    LOGGER.setLevel(level)
    _listener.follow()


def follow() -> None:
    """Have the client log what the logger "rivven" wants."""
    _listener.follow()


def _wanted() -> int:
    """Give the number of the level that the logger wants."""
    threshold = LOGGER.getEffectiveLevel()
    return max((number for number, level in enumerate(_LEVELS) if number and level >= threshold), default=_OFF)


class _Listener:
    """The thread that hands the records on, and the queue that it waits at."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.queue: _LogQueue | None = None
        self.thread: threading.Thread | None = None
        self.ended = False

    def follow(self) -> None:
        """Start the thread when somebody wants to hear, and set what the client logs."""
        with self.lock:
            level = _wanted()
            if self.queue:
                self.queue.set_level(level)
            elif level != _OFF and not self.ended:
                self.queue = _LogQueue(level)
                self.thread = threading.Thread(target=_hand_on, args=(self.queue,), name="rivven log", daemon=True)
                self.thread.start()

    def end(self) -> None:
        """Stop for good, so that no thread is in native code when the interpreter ends."""
        with self.lock:
            self.ended = True
            queue, thread = self.queue, self.thread
        if queue and thread:
            queue.close()
            # A handler of the user's may hang: the process ends all the same.
            thread.join(10)


def _hand_on(queue: _LogQueue) -> None:
    """Hand records on until the queue is closed."""
    while (lines := queue.wait()) is not None:
        for line in lines:
            try:
                _log(line)
            except Exception:
                if logging.raiseExceptions:
                    traceback.print_exc()


def _log(line: _Line) -> None:
    """Log a record as what it is: one of this time, of this part of the client."""
    number, target, message, time = line
    level, logger = _LEVELS[number], logging.getLogger(_name(target))
    if logger.isEnabledFor(level):
        record = logger.makeRecord(logger.name, level, "", 0, message, (), None)
        record.relativeCreated += (time - record.created) * 1000
        record.created, record.msecs = time, time % 1 * 1000
        logger.handle(record)


def _name(target: str) -> str:
    """Give the logger of a part: `rivven.connection` for `rivven_client::connection::task`."""
    _, *parts = target.split("::")
    return f"{LOGGER.name}.{parts[0]}" if parts else LOGGER.name


def _forked() -> None:
    """Begin anew in a child, which has neither the thread nor the lock's owner."""
    global _listener
    _listener = _Listener()


_listener = _Listener()
os.register_at_fork(after_in_child=_forked)
atexit.register(lambda: _listener.end())
