"""What docs/getting-started.md shows.

`guide.py <server> <another> <server with TLS> <CA file> <password of alice>`; the first server may be down.
"""

import asyncio
import sys

import rivven

TOPIC = "guide-python"


async def records(first: str, second: str) -> None:
    # [connect
    client = await rivven.connect([first, second], request_timeout_ms=10_000)
    # connect]

    # [topic
    partitions = await client.create_topic(TOPIC, 3)
    assert partitions == 3
    # topic]

    # [publish
    await client.publish_to_partition(TOPIC, 0, "-3", "oslo")  # to a partition
    await client.publish_batch(TOPIC, [("14", "rome"), ("22", "cairo")], partition=0)  # many
    await client.publish(TOPIC, "19", "lima")  # where the key leads
    # publish]

    # [consume
    earliest, _next = await client.get_offset_bounds(TOPIC, 0)
    for record in await client.consume(TOPIC, 0, earliest, 2):
        print(record.offset, record.key_str(), record.value_str())
    # consume]

    # [errors
    try:
        await client.create_topic(TOPIC, 3)
    except rivven.ServerException as error:
        print(error.code)
    except rivven.RivvenException as error:
        if not error.retriable:
            raise
        print("try again:", error)
    # errors]
    await client.close()


async def login(address: str, ca_file: str, password: str) -> None:
    # [login
    async with await rivven.connect(
        address,
        tls_ca_cert_path=ca_file,
        auth_username="alice",
        auth_password=password,  # by SCRAM-SHA-256: the password is never sent
    ) as client:
        print(len(await client.list_topics()), "topics")
    # login]


async def main(arguments: list[str]) -> None:
    first, second, address, ca_file, password = arguments
    await records(first, second)
    await login(address, ca_file, password)


if len(sys.argv) != 6:
    print("usage: guide.py <server> <another> <server with TLS> <CA file> <password of alice>", file=sys.stderr)
    sys.exit(2)
asyncio.run(main(sys.argv[1:]))
