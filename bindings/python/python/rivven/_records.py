"""What publishing gives."""

from __future__ import annotations

from typing import Self


class RecordMetadata(int):
    """Where a record was written: its offset, as an int that knows more.

    It equals, sorts, hashes and prints as the offset.
    """

    topic: str
    """The name of the topic."""

    partition: int
    """The number of the partition."""

    duplicate: bool
    """Whether the broker had the record already and wrote nothing."""

    maybe_duplicate: bool
    """Whether the record may have been written more than once, as it was sent again after an unknown outcome."""

    def __new__(
        cls,
        offset: int,
        topic: str,
        partition: int,
        duplicate: bool = False,
        maybe_duplicate: bool = False,
    ) -> Self:
        """Make the metadata of the record at an offset."""
        self = super().__new__(cls, offset)
        self.topic = topic
        self.partition = partition
        self.duplicate = duplicate
        self.maybe_duplicate = maybe_duplicate
        return self

    @property
    def offset(self) -> int:
        """The position in the partition, as a plain int."""
        return int(self)

    def __repr__(self) -> str:
        """Show the topic, the partition and the offset."""
        return f"RecordMetadata(topic={self.topic!r}, partition={self.partition}, offset={self.offset})"

    __str__ = int.__repr__

    def __getnewargs__(self) -> tuple[int, str, int, bool, bool]:  # type: ignore[override]
        """Give pickle and copy the arguments to make it again."""
        return (self.offset, self.topic, self.partition, self.duplicate, self.maybe_duplicate)
