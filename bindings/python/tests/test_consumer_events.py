"""What happens to a consumer besides records, in both styles."""

from __future__ import annotations

import asyncio

import rivven
import rivven.blocking
from rivven import TopicPartition
from test_consumer import filled
from test_consumer_asyncio import cancelled, given_up

Reader = rivven.blocking.Client


def test_events_are_told(broker: str, reader: Reader, topic: str) -> None:
    """covers: F100 python"""
    filled(reader, topic, 5)

    async def main() -> None:
        consumer = rivven.Consumer(topic, bootstrap_servers=broker)
        events = consumer.events()
        await consumer.poll(10)
        event = await asyncio.wait_for(anext(events), 10)
        assert event == rivven.PartitionsAssigned([TopicPartition(topic, 0)])
        await consumer.close()

    asyncio.run(main())
    reader.delete_records(topic, 0, 3)
    consumer = rivven.blocking.Consumer(partitions=[(topic, 0)], bootstrap_servers=broker)
    events = consumer.events()
    consumer.seek(0)
    assert [message.offset for message in consumer.poll(10)] == [3, 4]
    assert next(events) == rivven.Gap(TopicPartition(topic, 0), 0, 3)
    consumer.close()


def test_an_event_is_left_by_a_wait_that_was_cancelled(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 1)

    async def main() -> None:
        async with rivven.Consumer(topic, bootstrap_servers=broker) as consumer:

            async def one() -> object:
                return await anext(consumer.events())

            await cancelled(lambda: None, one)
            # As this one, which nobody begins any more, would have it.
            waiting = asyncio.create_task(one())
            assert len(await consumer.poll(10)) == 1
            assert await asyncio.wait_for(waiting, 10) == rivven.PartitionsAssigned([TopicPartition(topic, 0)])

    asyncio.run(main())


def test_an_event_is_left_by_a_wait_that_was_interrupted(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 1)
    with rivven.blocking.Consumer(topic, bootstrap_servers=broker) as consumer:
        given_up(lambda: None, lambda: next(consumer.events()))
        assert len(consumer.poll(10)) == 1
        assert next(consumer.events()) == rivven.PartitionsAssigned([TopicPartition(topic, 0)])


def test_the_events_before_a_close_are_given_behind_it(broker: str, reader: Reader, topic: str) -> None:
    filled(reader, topic, 1)
    expected = [rivven.PartitionsAssigned([TopicPartition(topic, 0)])]

    async def main() -> None:
        async with rivven.Consumer(topic, bootstrap_servers=broker) as consumer:
            assert len(await consumer.poll(10)) == 1
        assert [event async for event in consumer.events()] == expected
        assert [event async for event in consumer.events()] == []

    asyncio.run(main())
    with rivven.blocking.Consumer(topic, bootstrap_servers=broker, group_id=f"other-{topic}") as consumer:
        assert len(consumer.poll(10)) == 1
    assert list(consumer.events()) == expected
    assert list(consumer.events()) == []
