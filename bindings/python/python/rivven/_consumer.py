"""What consumers do in Python itself: waits of event loops, and listeners."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from inspect import isawaitable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._rivven import Consumer, ConsumerRecords, Message, _Rebalance


class CurrentOffset(int):
    """An offset that may be awaited, too."""

    def __await__(self) -> Generator[None, None, Self]:
        """Give itself."""
        return self
        yield


async def poll(consumer: Consumer, limit: float) -> ConsumerRecords:
    """Wait for records; what comes after a cancelled wait is kept for the next one."""
    until = time.monotonic() + limit
    while True:
        left = max(0.0, until - time.monotonic())
        await consumer._poll(left)
        records = consumer._claim(time.monotonic() >= until)
        if records is not None:
            return records


async def fetch(consumer: Consumer, most: int) -> list[Message]:
    """Take the messages that have come, or wait for some."""
    messages = consumer._take(most)
    if not messages and most > 0:
        await consumer._ready()
        messages = consumer._take(most)
    return messages


async def next_message(consumer: Consumer) -> Message:
    """Wait for the next message."""
    while True:
        if consumer.is_closed:
            raise StopAsyncIteration
        try:
            await consumer._ready()
        except Exception:
            if consumer.is_closed:
                raise StopAsyncIteration from None
            raise
        for message in consumer._take(1):
            return message


class Relay:
    """Tells the listener of a blocking consumer."""

    def __init__(self, listener: Any, assigned: Any, revoked: Any, lost: Any) -> None:
        """Take the functions, or else the methods of the listener."""
        given = {
            "on_partitions_assigned": assigned,
            "on_partitions_revoked": revoked,
            "on_partitions_lost": lost,
        }
        functions = {name: function or getattr(listener, name, None) for name, function in given.items()}
        functions["on_partitions_lost"] = functions["on_partitions_lost"] or functions["on_partitions_revoked"]
        self.functions = SimpleNamespace(**functions)

    def call(self, rebalance: _Rebalance) -> object:
        """Call the function for a rebalance."""
        told = rebalance.told()
        function: Callable[..., object] | None = told and getattr(self.functions, told[0])
        return function(told[1]) if told and function else None

    def __call__(self, rebalance: _Rebalance) -> None:
        """Call the function for a rebalance, which is done then."""
        try:
            self.call(rebalance)
        finally:
            rebalance.done()


class AsyncRelay(Relay):
    """Tells the listener of an asyncio consumer, in its event loop."""

    def __init__(self, *functions: Any) -> None:
        """Take the functions, or else the methods of the listener."""
        super().__init__(*functions)
        self.tasks: set[asyncio.Task[None]] = set()

    def __call__(self, rebalance: _Rebalance) -> None:
        """Have the function called for a rebalance, which is done when it is."""
        task = asyncio.get_running_loop().create_task(self.tell(rebalance))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def tell(self, rebalance: _Rebalance) -> None:
        """Call the function and wait for it."""
        try:
            result = self.call(rebalance)
            if isawaitable(result):
                await result
        finally:
            rebalance.done()
