"""What happens to a consumer besides records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self, TypeAlias

from ._errors import RivvenException
from ._records import TopicPartition

if TYPE_CHECKING:
    from ._rivven import _EventStream


@dataclass(frozen=True)
class Gap:
    """Between the position and the next record there is none, as those there were deleted."""

    partition: TopicPartition
    """The partition."""

    from_offset: int
    """The offset that was to be read."""

    to_offset: int
    """The offset of the record that came."""


@dataclass(frozen=True)
class DamagedRange:
    """The broker cannot give the records of a range any more; reading goes on behind it."""

    partition: TopicPartition
    """The partition."""

    from_offset: int
    """The first offset of the range."""

    to_offset: int
    """The first offset behind it."""


@dataclass(frozen=True)
class LogTruncated:
    """The log ends below the position or the committed offset: the broker has lost records."""

    partition: TopicPartition
    """The partition."""

    position: int
    """The offset that was to be read."""

    latest: int
    """The offset of the next record that will be written."""


@dataclass(frozen=True)
class Unreadable:
    """A record is larger than the broker can send; polls fail until the program seeks behind it."""

    partition: TopicPartition
    """The partition."""

    offset: int
    """The offset of the record."""


@dataclass(frozen=True)
class Stalled:
    """There are records, and none has come for a while."""

    partition: TopicPartition
    """The partition."""

    since: timedelta
    """For how long."""

    reason: str
    """Why, as far as is known."""


@dataclass(frozen=True)
class Throttled:
    """The broker withholds records for the sake of a quota."""

    partition: TopicPartition
    """The partition."""

    pause: timedelta
    """How long reading it pauses."""


@dataclass(frozen=True)
class CommitFailed:
    """Offsets could not be committed by themselves or by `commit_async`; they will be with the next commit."""

    error: RivvenException
    """Why."""


@dataclass(frozen=True)
class FewerConnections:
    """The connections to a broker are fewer than configured, since it takes no more."""

    connections: int
    """How many there are."""

    reason: RivvenException
    """What kept another one from being made."""


@dataclass(frozen=True)
class PartitionsAssigned:
    """Partitions of subscribed topics were given."""

    partitions: list[TopicPartition]
    """Which."""


@dataclass(frozen=True)
class PartitionsRevoked:
    """Partitions of subscribed topics were taken away."""

    partitions: list[TopicPartition]
    """Which."""


@dataclass(frozen=True)
class PartitionsLost:
    """Partitions have gone to others before it could be said."""

    partitions: list[TopicPartition]
    """Which."""


@dataclass(frozen=True)
class PollTooLate:
    """The program has not polled for longer than `max_processing_interval_ms`."""

    since: timedelta
    """How long ago it polled."""


@dataclass(frozen=True)
class EventsMissed:
    """The reader of events was so slow that some were lost."""

    count: int
    """How many."""


ConsumerEvent: TypeAlias = (
    Gap
    | DamagedRange
    | LogTruncated
    | Unreadable
    | Stalled
    | Throttled
    | CommitFailed
    | FewerConnections
    | PartitionsAssigned
    | PartitionsRevoked
    | PartitionsLost
    | PollTooLate
    | EventsMissed
)
"""Something that happens to a consumer."""


class ConsumerEvents:
    """What happens to a consumer besides records, as `consumer.events()` gives it.

    An asynchronous iterator that ends when the consumer is closed. Cancelling
    the wait for an event loses none. All iterators of a consumer share its events.
    """

    def __init__(self, stream: _EventStream) -> None:
        """Wrap what the consumer gives."""
        self._stream = stream

    def __aiter__(self) -> Self:
        """Give itself."""
        return self

    async def __anext__(self) -> ConsumerEvent:
        """Wait for the next event."""
        while (event := self._stream.take()) is None:
            future, interest = self._stream.ready()
            try:
                await future
            finally:
                interest.give_up()
        return event
