"""What the programs in Python that `rivven-bench program` runs have in common.

They make the values that values.rs describes, and say what they have measured.
"""

from __future__ import annotations

import argparse
import json
import resource
import struct
import time
from collections.abc import Iterator
from typing import Protocol

# Different values, as in values.rs.
POOL = 1024

# One record in so many has its latency measured.
SAMPLED = 1000

# Values that are made at once.
CHUNK = 10_000

_MASK = 2**64 - 1


def parser(description: str | None) -> argparse.ArgumentParser:
    """Give a parser of the options that every program is given."""
    parser = argparse.ArgumentParser(description=description)
    for name in ("--address", "--topic"):
        parser.add_argument(name, required=True)
    for name in ("--partitions", "--records", "--record-bytes", "--seed"):
        parser.add_argument(name, type=int, required=True)
    return parser


def _split_mix(state: int) -> Iterator[int]:
    while True:
        state = (state + 0x9E3779B97F4A7C15) & _MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        yield z ^ (z >> 31)


class Values:
    """The values of all records, in chunks; knows what making them has cost.

    Making a value takes Python as long as handing it over, so that is not
    counted: it is the only thing that its thread does meanwhile.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        """Make what follows the number of the record in each value of the pool."""
        size = options.record_bytes
        words = _split_mix(options.seed)
        pool = b"".join(struct.pack("<Q", next(words)) for _ in range(-(-POOL * size // 8)))
        self._tails = [pool[i * size + 8 : (i + 1) * size] for i in range(POOL)]
        self._records = options.records
        self.cpu_ns = 0

    def chunks(self) -> Iterator[list[bytes]]:
        """Make the values, a chunk at a time."""
        for first in range(0, self._records, CHUNK):
            start = time.thread_time_ns()
            values = self._make(first, min(first + CHUNK, self._records))
            self.cpu_ns += time.thread_time_ns() - start
            yield values

    def _make(self, first: int, end: int) -> list[bytes]:
        tails = self._tails
        return [(number << 8 | 0x80).to_bytes(8, "little") + tails[number % POOL] for number in range(first, end)]


class Uncounted(Protocol):
    """What knows how much processor time is to be left out."""

    cpu_ns: int


class Stopwatch:
    """Measures from when it is made."""

    def __init__(self) -> None:
        """Start."""
        self._cpu = _cpu_ns()
        self._start = time.perf_counter_ns()

    def stop(self, client: str, records: int, left_out: Uncounted, latencies: list[int]) -> str:
        """Give what was measured of so many records, as a line to be printed."""
        seconds, cpu = (time.perf_counter_ns() - self._start) / 1e9, _cpu_ns() - self._cpu
        result = {
            "client": client,
            "records": records,
            "seconds": seconds,
            "cpu_ns": cpu - left_out.cpu_ns,
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "allocations": None,
            "latencies_ns": latencies,
        }
        return json.dumps(result)


def _cpu_ns() -> int:
    """Give the time of this process on all processors, in user and kernel mode."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return int((used.ru_utime + used.ru_stime) * 1e9)
