"""Send records with a producer, in each of its ways: `producer.py <broker address>`."""

import asyncio
import sys

import rivven

TOPIC = "producer-python"


async def main(address: str) -> None:
    # [producer
    async with rivven.Producer(bootstrap_servers=address, linger_ms=5) as producer:
        record = await producer.send("one", "key", topic=TOPIC)  # waits until it is delivered
        print(f"{record.topic}/{record.partition} at {record}")

        orders = producer.topic_handle(TOPIC)
        sent = await orders.send_batch([f"value {number}" for number in range(100)])
        print(len(sent), "sent together")

        for number in range(100):
            orders.enqueue(f"value {number}")  # only hands it over
        await orders.flush()
        stats = producer.stats()
        print(f"{stats.records_delivered} orders are delivered, {stats.records_failed} are not")
    # producer]


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9092"))
