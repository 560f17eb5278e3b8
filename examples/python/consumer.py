"""Read all orders of a topic, commit how far it came, and have them shipped: `consumer.py <broker address>`."""

import asyncio
import sys

import rivven

TOPIC = "orders-read-python"


async def write(address: str) -> None:
    async with await rivven.connect(address) as client:
        if TOPIC not in await client.list_topics():
            await client.create_topic(TOPIC, 3)
        for number in range(1000):
            await client.publish(TOPIC, f"order {number}", partition=number % 3)


async def main(address: str) -> None:
    await write(address)
    # [consumer
    consumer = rivven.Consumer(
        TOPIC, bootstrap_servers=address, group_id="billing-python", report_partition_end=True
    )
    async with consumer:
        # All that there is: until each of the three partitions has come to its end.
        orders, ended = 0, set[rivven.TopicPartition]()
        while len(ended) < 3:
            records = await consumer.poll()
            for message in records:
                assert message.value_str().startswith("order"), message
                orders += 1
            ended.update(records.ended)
            await consumer.commit()
    # consumer]
    print(orders, "orders are read")
    # [process
    consumer = rivven.Consumer(
        TOPIC,
        bootstrap_servers=address,
        group_id="shipping-python",
        process_retries=2,
        process_dead_letter_topic="orders-failed-python",
    )
    shipped = 0

    async def ship(message: rivven.Message) -> None:
        nonlocal shipped
        if not message.value_str().startswith("order"):
            raise ValueError("this is no order")
        shipped += 1
        if shipped == orders:
            consumer.wakeup()

    async with consumer:
        report = await consumer.process(ship)
    # process]
    print(report.processed, "orders are shipped")


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9092"))
