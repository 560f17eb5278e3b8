"""Publish three records and read them back: `quickstart.py <broker address>`."""

import asyncio
import sys

import rivven

TOPIC = "quickstart-python"


async def main(address: str) -> None:
    # [readme
    async with await rivven.connect(address) as client:
        if TOPIC not in await client.list_topics():
            await client.create_topic(TOPIC, 3)
        offsets = [await client.publish_to_partition(TOPIC, 0, f"value of {key}", key) for key in "abc"]
        for record in await client.consume(TOPIC, 0, offsets[0], 3):
            print(record.offset, record.key_str(), record.value_str())
    # readme]


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:9092"))
