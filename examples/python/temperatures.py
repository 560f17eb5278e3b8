"""Write a year of temperatures, read them back and check them.

    temperatures.py <broker address> <topic> <csv file>
"""

import asyncio
import csv
import json
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import groupby

import rivven

PARTITIONS = 12
PINGS = 200

# The values by month, in the order of time.
Months = dict[str, list[str]]


def months_of(path: str) -> Iterator[tuple[str, list[str]]]:
    """Give each month of the file with its temperatures as JSON."""
    with open(path, newline="") as file:
        for month, rows in groupby(csv.DictReader(file), lambda row: row["date"][:7].replace("/", "-")):
            yield month, [json.dumps({"time": row["date"], "fahrenheit": float(row["temp"])}) for row in rows]


async def ping_ms(client: rivven.Client) -> float:
    """Measure the median time of a ping in milliseconds."""
    times = []
    for _ in range(PINGS):
        start = time.perf_counter()
        await client.ping()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


async def write(producer: rivven.Producer, path: str) -> Months:
    """Send the records of each month, which is their key, and so leads all of them to the same partition."""
    written: Months = {}
    for month, values in months_of(path):
        await producer.send_batch([(value, month) for value in values])
        written[month] = values
        print("written", sum(map(len, written.values())), flush=True)
    return written


async def read(address: str, topic: str) -> Months:
    """Read every partition from its first record to its last, as the only member of a group."""
    records: Months = defaultdict(list)
    count, ended = 0, set[rivven.TopicPartition]()
    async with rivven.Consumer(
        topic, bootstrap_servers=address, group_id=topic, report_partition_end=True
    ) as consumer:
        while len(ended) < PARTITIONS:
            polled = await consumer.poll()
            for message in polled:
                records[message.key_str() or ""].append(message.value_str())
            ended.update(polled.ended)
            count += len(polled)
            print("read", count, flush=True)
    return records


def check(written: Months, records: Months) -> dict[str, bool]:
    """Compare what was read with what was written."""
    before = [value for values in written.values() for value in values]
    after = [value for values in records.values() for value in values]
    return {
        "count": len(before) == len(after),
        "order": written == records,
        "content": Counter(before) == Counter(after),
    }


def mean(values: list[str]) -> float:
    """Work out the mean temperature of some records."""
    return round(statistics.fmean(json.loads(value)["fahrenheit"] for value in values), 2)


async def main(address: str, topic: str, path: str) -> bool:
    async with await rivven.connect(address) as client:
        ping = await ping_ms(client)
        await client.create_topic(topic, PARTITIONS)
        start = time.perf_counter()
        async with client.producer(topic) as producer:
            written = await write(producer, path)
        records = await read(address, topic)
        checks = check(written, records)
        result = {
            "language": "python",
            "records": sum(map(len, records.values())),
            "seconds": round(time.perf_counter() - start, 3),
            "ping_ms": round(ping, 3),
            "checks": checks,
            "means": {month: mean(values) for month, values in sorted(records.items())},
        }
    print("result", json.dumps(result))
    return all(checks.values())


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print("usage: temperatures.py <broker address> <topic> <csv file>", file=sys.stderr)
        sys.exit(2)
    sys.exit(not asyncio.run(main(*sys.argv[1:])))
