"""Looks at the records that programs in Python read: whether they are those of supply.rs, and in order."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterable

# One batch in so many is looked at record by record.
SAMPLED = 20


class Arrivals:
    """What has arrived so far; knows what looking at it has cost.

    Looking at a value takes Python longer than reading it, so that is done for
    some batches only, and not counted: it is all that the thread does meanwhile.
    """

    def __init__(self, options: Namespace) -> None:
        """Expect these records."""
        self._letters = bytes(ord("a") + index % 26 for index in range(options.record_bytes - 8))
        self._batches = 0
        self.records: int = options.records
        self.read = 0
        self.cpu_ns = 0

    def take(self, count: int) -> bool:
        """Count the records of a batch; tells whether they are to be looked at."""
        self.read += count
        self._batches += 1
        return self._batches % SAMPLED == 1

    def look(self, records: Iterable[tuple[int, int, bytes]]) -> None:
        """Compare partitions, offsets and values with what they should be."""
        start = time.thread_time_ns()
        following: dict[int, int] = {}
        for partition, offset, value in records:
            if following.get(partition, offset) != offset:
                raise SystemExit(f"record {offset} of partition {partition} is out of order")
            following[partition] = offset + 1
            if value != (offset << 8 | 0x80).to_bytes(8, "little") + self._letters:
                raise SystemExit(f"record {offset} of partition {partition} is another one")
        self.cpu_ns += time.thread_time_ns() - start
