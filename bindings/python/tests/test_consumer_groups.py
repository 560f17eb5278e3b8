"""Groups whose members divide partitions."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import rivven.blocking

Reader = rivven.blocking.Client

MEMBER = """
import sys
from rivven.blocking import Consumer

consumer = Consumer(sys.argv[2], bootstrap_servers=sys.argv[1], group_id=sys.argv[2],
                    session_timeout_ms=1500, rebalance_timeout_ms=500, heartbeat_interval_ms=100)
while True:
    consumer.poll(0.02)
"""


def polled_until(consumers: list[Any], is_so: Callable[[], bool]) -> bool:
    """Poll consumers until it is so, at most a minute."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if is_so():
            return True
        for consumer in consumers:
            consumer.poll(0.02)
    return False


# covers: F093 python, F094 python, F095 python, F097 python
def test_members_divide_the_partitions(consume: Callable[..., Any], broker: str, reader: Reader, topic: str) -> None:
    reader.create_topic(topic, 4)
    options: dict[str, Any] = {
        "group_id": topic,
        "session_timeout_ms": 1500,
        "rebalance_timeout_ms": 500,
        "heartbeat_interval_ms": 100,
    }
    one, other, third = (consume(broker, topics=[topic], **options) for _ in range(3))

    def counts() -> list[int]:
        return [len(consumer.assignments()) for consumer in (one, other, third)]

    assert polled_until([one, other], lambda: counts()[:2] == [2, 2])
    with subprocess.Popen([sys.executable, "-c", MEMBER, broker, topic]) as process:
        try:
            assert polled_until([one, other], lambda: min(counts()[:2]) == 1)
        finally:
            process.kill()
    assert polled_until([one, other], lambda: counts()[:2] == [2, 2]), "one that is killed is missed"
    assert polled_until([other, third], lambda: counts()[1:] == [2, 2]), "one that does not poll is not waited for"
    assert counts()[0] == 0
    third.close()
    assert polled_until([one, other], lambda: [len(one.assignments()), len(other.assignments())] == [2, 2])
