"""A member of a group that says what happens to it: `member.py SERVER GROUP TOPIC SESSION_MS HEARTBEAT_MS`."""

import sys
import threading
import time

import rivven
from rivven.blocking import Consumer


def say(*words: object) -> None:
    """Print a line at once."""
    print(*words, flush=True)


def told(what: str, partitions: list[rivven.TopicPartition]) -> None:
    """Say which partitions were given or taken away, and when."""
    say(what, int(time.time() * 1000), *(partition.partition for partition in partitions))


server, group, topic, session, heartbeat = sys.argv[1:]
consumer = Consumer(
    topic,
    bootstrap_servers=server,
    group_id=group,
    session_timeout_ms=int(session),
    heartbeat_interval_ms=int(heartbeat),
    close_timeout_ms=60_000,
)
consumer.set_rebalance_listener(
    on_partitions_assigned=lambda partitions: told("assigned", partitions),
    on_partitions_revoked=lambda partitions: told("revoked", partitions),
)


def wake() -> None:
    """End the poll that waits when the standard input ends."""
    sys.stdin.read()
    consumer.wakeup()


threading.Thread(target=wake, daemon=True).start()
say("polls")
while True:
    try:
        for message in consumer.poll():
            say("read", message.partition, message.offset)
    except rivven.RivvenException as error:
        if error.code == "WOKEN_UP":
            break
        say("error", error)
try:
    consumer.close()
    say("closed")
except rivven.RivvenException as error:
    say("error", error)
