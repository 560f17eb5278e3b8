"""The changes of a client's servers, for asyncio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self, TypeAlias

from ._records import ServerDegraded, ServerRecovered, StateChangesMissed

if TYPE_CHECKING:
    from ._rivven import _Stream

StateChange: TypeAlias = ServerDegraded | ServerRecovered | StateChangesMissed
"""A change of a server, or how many were missed."""


class StateChanges:
    """The changes of a client's servers, as `client.state_changes()` gives them.

    An asynchronous iterator of ServerDegraded, ServerRecovered and
    StateChangesMissed that ends when the client is closed. Cancelling the wait
    for a change loses none. It is for one task of one event loop; each call of
    `state_changes` gives another one, which has all changes.
    """

    def __init__(self, stream: _Stream) -> None:
        """Wrap what the client gives."""
        self._stream = stream
        self._next: asyncio.Future[StateChange | None] | None = None

    def __aiter__(self) -> Self:
        """Give itself."""
        return self

    async def __anext__(self) -> StateChange:
        """Wait for the next change."""
        # A wait that is cancelled leaves its future to the next one.
        if self._next is None:
            self._next = self._stream.next()
        change = await asyncio.shield(self._next)
        self._next = None
        if change is None:
            raise StopAsyncIteration
        return change
