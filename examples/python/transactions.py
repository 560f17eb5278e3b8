"""Bill two orders together or not at all, then all orders of a topic, each once: `transactions.py <broker address>`."""

import asyncio
import sys

import rivven

ORDERS = 300


async def together(address: str) -> None:
    # [transaction
    async with rivven.Producer(bootstrap_servers=address, transactional_id="bills-python") as producer:
        async with producer.begin_transaction() as transaction:
            await transaction.send("invoices-python", "invoice 1")
            await transaction.send("invoices-python", "invoice 2", key="vip")

        transaction = await producer.begin_transaction()
        await transaction.send("invoices-python", "a mistake")
        await transaction.abort()
    # transaction]


async def each_once(address: str) -> None:
    # [transform
    consumer = rivven.Consumer(
        "orders-billed-python", bootstrap_servers=address, group_id="billing-python", enable_auto_commit=False
    )
    producer = rivven.Producer(bootstrap_servers=address, transactional_id="billing-python")
    billed = 0

    async def bill(orders: rivven.ConsumerRecords, transaction: rivven.Transaction) -> None:
        nonlocal billed
        for order in orders:
            transaction.enqueue("invoices-python", order.value, order.key)
            billed += 1
        if billed >= ORDERS:
            consumer.wakeup()

    async with consumer, producer:
        await rivven.transform(consumer, producer, bill)
    # transform]


async def main(address: str) -> None:
    async with await rivven.connect(address) as client:
        for topic, partitions in {"orders-billed-python": 3, "invoices-python": 1}.items():
            if topic not in await client.list_topics():
                await client.create_topic(topic, partitions)
        for number in range(ORDERS):
            await client.publish("orders-billed-python", f"order {number}", partition=number % 3)
        await together(address)
        before = len(await client.consume_read_committed("invoices-python", 0, 0, 10_000))
        print(before, "invoices are committed")
        await each_once(address)
        billed = len(await client.consume_read_committed("invoices-python", 0, 0, 10_000)) - before
        print(billed, "orders are billed")


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9092"))
