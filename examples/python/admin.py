"""Settings of a topic, committed offsets and groups: `admin.py <broker address>`."""

import asyncio
import sys

import rivven

TOPIC = "admin-python"
GROUP = "admin-python-readers"


async def main(address: str) -> None:
    async with await rivven.connect(address) as client:
        await client.create_topic(TOPIC, 2)

        # [settings
        await client.alter_topic_config(TOPIC, {"retention.ms": 86_400_000, "cleanup.policy": None})
        configs = await client.describe_topic_configs(TOPIC)
        print("retention.ms", configs["retention.ms"])
        print("partitions", await client.create_partitions(TOPIC, 4))
        # settings]

        # [offsets
        for value in ("one", "two", "three"):
            await client.publish_to_partition(TOPIC, 0, value)
        await client.commit_offset(GROUP, TOPIC, 0, 2)  # the next record to read
        following = await client.get_offset(GROUP, TOPIC, 0) or 0
        for record in await client.consume(TOPIC, 0, following, 10):
            print(record.offset, record.value_str())
        # offsets]

        # [groups
        for group in await client.list_groups():
            for topic, offsets in (await client.describe_group(group)).items():
                for partition, offset in offsets.items():
                    print(f"{group} {topic}/{partition} {offset}")
        await client.delete_group(GROUP)
        # groups]

        # [delete
        low_watermark = await client.delete_records(TOPIC, 0, 2)
        print("partition 0 begins at", low_watermark)
        await client.delete_topic(TOPIC)
        # delete]


if len(sys.argv) != 2:
    print("usage: admin.py <broker address>", file=sys.stderr)
    sys.exit(2)
asyncio.run(main(sys.argv[1]))
