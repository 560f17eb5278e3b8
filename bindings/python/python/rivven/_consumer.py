"""What consumers do in Python itself: waits of event loops, and listeners."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar, copy_context
from inspect import isawaitable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

from ._errors import RivvenException, reason
from ._records import ProcessReport

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._rivven import Consumer, ConsumerRecords, Message, _BlockingConsumer, _Handling, _Interest, _Rebalance


class CurrentOffset(int):
    """An offset that may be awaited, too."""

    def __await__(self) -> Generator[None, None, Self]:
        """Give itself."""
        return self
        yield


def listening(consumer: Consumer, give_up: Callable[[], object]) -> AbstractContextManager[object]:
    """Give a block in which what the listener raises gives a wait up; who waits calls `raise_failure` then."""
    relay = consumer._relay
    return nullcontext() if relay is None else relay.waiting(give_up)


def raise_failure(consumer: Consumer) -> None:
    """Raise what the listener has raised, if nobody has."""
    relay = consumer._relay
    if relay is not None:
        relay.raise_failure()


async def wanted(consumer: Consumer, begun: tuple[asyncio.Future[None], _Interest]) -> None:
    """Wait for something to take; whoever is cancelled leaves it to others."""
    future, interest = begun
    try:
        with listening(consumer, interest.give_up):
            await future
    finally:
        interest.give_up()


async def poll(consumer: Consumer, limit: float) -> ConsumerRecords:
    """Wait for records; what comes to a cancelled wait is kept for the next one."""
    until = time.monotonic() + limit
    # Others have their turns; then what is there takes no other thread.
    await asyncio.sleep(0)
    records = consumer._poll_now()
    if records is not None:
        return records
    while True:
        left = max(0.0, until - time.monotonic())
        await wanted(consumer, consumer._poll(left))
        raise_failure(consumer)
        records = consumer._claim(time.monotonic() >= until)
        if records is not None:
            return records


async def fetch(consumer: Consumer, most: int) -> list[Message]:
    """Take the messages that have come, or wait for some."""
    await asyncio.sleep(0)
    messages = consumer._take(most)
    if not messages and most > 0:
        await wanted(consumer, consumer._ready())
        raise_failure(consumer)
        messages = consumer._take(most)
    return messages


async def next_message(consumer: Consumer) -> Message:
    """Wait for the next message."""
    await asyncio.sleep(0)
    while True:
        if consumer.is_closed:
            raise StopAsyncIteration
        try:
            message = consumer._next_now()
            if message is not None:
                return message
            await wanted(consumer, consumer._ready())
        except RivvenException as failure:
            if consumer.is_closed or failure.code == "CLOSED":
                raise StopAsyncIteration from None
            raise
        raise_failure(consumer)


class Call:
    """A call of a handler for a consumer, or of a listener by its relay."""

    def __init__(self, caller: object) -> None:
        """Begin with one that is at work."""
        self.caller = caller
        self.is_at_work = True


CALL: ContextVar[Call | None] = ContextVar("rivven_call", default=None)
"""The call of a handler or listener that code is in, also in tasks and threads that take their context over."""


@contextmanager
def at_work(caller: object) -> Iterator[None]:
    """Note that a handler or listener is at work."""
    call = Call(caller)
    before = CALL.set(call)
    try:
        yield
    finally:
        call.is_at_work = False
        CALL.reset(before)


def is_waited_for(consumer: Consumer | _BlockingConsumer) -> bool:
    """Say whether a handler or the listener of a consumer is at work and asks this, whose end a close waits for."""
    call = CALL.get()
    return call is not None and call.is_at_work and (call.caller is consumer or call.caller is consumer._relay)


class Failures:
    """What handlers raised last, by partition; its frames hold the message, so it is kept no longer than it matters."""

    def __init__(self) -> None:
        """Begin with none."""
        self.last: dict[tuple[str, int], tuple[str, BaseException]] = {}

    def settle(self, handling: _Handling, message: Message, failure: BaseException | None) -> None:
        """Say what came of a message."""
        partition = (message.topic, message.partition)
        if failure is None:
            self.last.pop(partition, None)
            handling.settle()
        else:
            why = reason(failure)
            # As the text of the error names it; before it is settled, as the cause may be asked for at once then.
            self.last[partition] = (f"{message.topic}/{message.partition} at offset {message.offset},", failure)
            handling.settle(why)

    def cause(self, error: RivvenException) -> BaseException | None:
        """Give what was raised for the message that an error is about."""
        return next((failure for place, failure in self.last.values() if place in str(error)), None)


async def process(consumer: Consumer, handler: Callable[[Message], Any]) -> ProcessReport:
    """Have a handler work on messages in tasks of this event loop."""
    failures = Failures()
    tasks: set[asyncio.Task[None]] = set()
    given_up = False
    # Not that of the first call of the consumer, in which the event loop calls `begin`.
    context = copy_context()

    async def work(handling: _Handling, message: Message) -> None:
        failure: BaseException | None = None
        try:
            with at_work(consumer):
                result = handler(message)
                if isawaitable(result):
                    await result
        except Exception as raised:
            failure = raised
        except asyncio.CancelledError as raised:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # It has not failed, and nobody is there to say what comes of the message.
                processing.give_up()
                raise
            failure = raised
        failures.settle(handling, message, failure)

    def begin(handling: _Handling) -> None:
        message = None if given_up else handling.message()
        if message is not None:
            task = asyncio.get_running_loop().create_task(work(handling, message), context=context.copy())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    report, processing = consumer._process(begin)
    try:
        with listening(consumer, processing.give_up):
            # Whoever is cancelled goes once the consumer has let go, so that it may be polled then.
            return await asyncio.shield(report)
    except RivvenException as error:
        raise_failure(consumer)
        raise error from failures.cause(error)
    finally:
        given_up = True
        processing.give_up()
        left = tuple(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(report, *left, return_exceptions=True)


def process_in_threads(consumer: _BlockingConsumer, handler: Callable[[Message], object]) -> ProcessReport:
    """Have a handler work on messages in threads."""
    failures = Failures()

    def work(handling: _Handling, message: Message) -> None:
        failure: BaseException | None = None
        try:
            with at_work(consumer):
                handler(message)
        except BaseException as raised:
            failure = raised
        failures.settle(handling, message, failure)

    handlings = consumer._handlings()
    with ThreadPoolExecutor(consumer._concurrency, "rivven-process") as threads:
        try:
            while not isinstance(handling := handlings.next(), ProcessReport):
                message = handling.message()
                if message is not None:
                    threads.submit(work, handling, message)
            return handling
        except RivvenException as error:
            raise error from failures.cause(error)
        finally:
            handlings.give_up()
            threads.shutdown(wait=False, cancel_futures=True)


def closing(consumer: Consumer, closed: asyncio.Future[None]) -> asyncio.Future[None]:
    """Give what a close is awaited by, which raises what the listener raises meanwhile."""
    if is_waited_for(consumer):
        # `process` tells what could not be committed.
        closed.add_done_callback(lambda closed: closed.cancelled() or closed.exception())
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        begun.set_result(None)
        return begun
    relay = consumer._relay
    return closed if relay is None else asyncio.get_running_loop().create_task(relay.close(closed))


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
            with at_work(self):
                self.call(rebalance)
        finally:
            rebalance.done()


class AsyncRelay(Relay):
    """Tells the listener of an asyncio consumer, in its event loop."""

    def __init__(self, *functions: Any) -> None:
        """Take the functions, or else the methods of the listener."""
        super().__init__(*functions)
        # Not that of the first call of the consumer, in which the event loop calls this.
        self.context = copy_context()
        self.tasks: set[asyncio.Task[None]] = set()
        self.waits: list[Callable[[], object]] = []
        # Of one whose failure nobody raises the event loop is told.
        self.failed: list[asyncio.Task[None]] = []

    def __call__(self, rebalance: _Rebalance) -> None:
        """Have the function called for a rebalance, which is done when it is."""
        task = asyncio.get_running_loop().create_task(self.tell(rebalance), context=self.context.copy())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def tell(self, rebalance: _Rebalance) -> None:
        """Call the function and wait for it; if it fails, who waits for the consumer is to raise that."""
        try:
            with at_work(self):
                result = self.call(rebalance)
                if isawaitable(result):
                    await result
        except Exception:
            task = asyncio.current_task()
            if task is not None and self.waits:
                self.failed.append(task)
                for give_up in self.waits:
                    give_up()
            raise
        finally:
            rebalance.done()

    @contextmanager
    def waiting(self, give_up: Callable[[], object]) -> Iterator[None]:
        """Note that somebody waits, and how that is given up."""
        self.waits.append(give_up)
        try:
            yield
        finally:
            self.waits.remove(give_up)

    def raise_failure(self) -> None:
        """Raise what the function has raised, if nobody has."""
        if self.failed:
            self.failed.pop(0).result()

    async def close(self, closed: asyncio.Future[None]) -> None:
        """Wait until the consumer is closed."""
        with self.waiting(closed.done):
            await closed
        self.raise_failure()
