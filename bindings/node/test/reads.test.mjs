// The ways to read beside `consume`, and offsets, against the real broker.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, Record, RivvenError } from 'rivven';

import { failsWith, refuses, withBroker } from '../testing/fixture.mjs';

const { broker, client, newTopic } = await withBroker();

/** Makes a topic with values in each of its partitions. */
async function written(values, partitions = 1) {
  const topic = await newTopic(partitions);
  for (let partition = 0; partition < partitions; partition++) await client.publishBatch(topic, values, { partition });
  return topic;
}

function shown(records) {
  return records.map(({ offset, value }) => `${offset} ${value}`);
}

test('records are read at any isolation level', async () => {
  // covers: F010 node
  const topic = await written(['a', 'b', 'c']);
  const expected = ['1 b', '2 c'];
  assert.deepEqual(shown(await client.consumeReadCommitted(topic, 0, 1n, 10)), expected);
  for (const level of [0, 1, null]) {
    assert.deepEqual(shown(await client.consumeWithIsolation(topic, 0, 1, 10, level)), expected);
    assert.deepEqual(shown(await client.consume(topic, 0, 1, 10, { isolationLevel: level })), expected);
  }
  await failsWith('UNKNOWN_TOPIC_OR_PARTITION', client.consumeReadCommitted('no-such-topic', 0, 0, 1));
  await failsWith('UNKNOWN_TOPIC_OR_PARTITION', client.consumeWithIsolation('no-such-topic', 0, 0, 1, 1));
});

test('a long poll is answered by the record that comes', async () => {
  // covers: F010 node
  const topic = await newTopic();
  const writer = await Client.connect(broker.address);
  // The broker would keep the reader for 30 s: only the record can end the wait within the test.
  for (const poll of [
    (offset) => client.consumeLongPoll(topic, 0, offset, 10, 30_000),
    (offset) => client.consumeLongPoll(topic, 0, offset, 10, 30_000, { isolationLevel: 1 }),
    (offset) => client.consume(topic, 0, offset, 10, { maxWaitMs: Infinity }),
  ]) {
    const { latest } = await client.getOffsetBounds(topic, 0);
    const [records] = await Promise.all([poll(latest), writer.publish(topic, 'awaited', { partition: 0 })]);
    assert.deepEqual(shown(records), [`${latest} awaited`]);
  }
  await writer.close();
});

test('a long poll without a record ends empty', async () => {
  const topic = await newTopic();
  const begin = performance.now();
  assert.deepEqual(await client.consumeLongPoll(topic, 0, 0, 10, 300), []);
  assert.ok(performance.now() - begin >= 290, 'it did not wait');
  assert.deepEqual(await client.consumeLongPoll(topic, 0, 0, 10, 0), []);
});

test('many partitions are read with one wait, each with its own result', async () => {
  // covers: F010 node
  const topic = await written(['a', 'b'], 3);
  const fetch = (partition, offset) => ({ topic, partition, offset, maxMessages: 10, isolationLevel: 1 });
  const missing = { topic: 'no-such-topic', partition: 0, offset: 0, maxMessages: 1 };
  const results = await client.consumePipelined([fetch(2, 1n), missing, fetch(0, 0), fetch(1, 2)]);
  assert.deepEqual(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  const [second, { reason }, first, none] = results;
  assert.ok(reason instanceof RivvenError);
  assert.deepEqual([reason.code, reason.outcome], ['UNKNOWN_TOPIC_OR_PARTITION', 'REJECTED']);
  assert.deepEqual([shown(second.value), shown(first.value), none.value], [['1 b'], ['0 a', '1 b'], []]);
  const [record] = second.value;
  assert.ok(record instanceof Record);
  assert.deepEqual([record.topic, record.partition], [topic, 2]);
  assert.deepEqual(await client.consumePipelined([]), []);
});

test('offsets are found by time', async () => {
  // covers: F109 node
  const topic = await written(['a']);
  const [{ timestamp }] = await client.consume(topic, 0, 0, 1);
  assert.equal(await client.getOffsetForTimestamp(topic, 0, timestamp), 0n);
  assert.equal(await client.getOffsetForTimestamp(topic, 0, new Date(timestamp)), 0n);
  assert.equal(await client.getOffsetForTimestamp(topic, 0, timestamp + 1), null);
  assert.equal(await client.getOffsetForTimestamp(topic, 0, -1), 0n);
  await failsWith('UNKNOWN_TOPIC_OR_PARTITION', client.getOffsetForTimestamp('no-such-topic', 0, 0));
});

test('offsets are committed and read', async () => {
  // covers: F110 node
  const topic = await written(['a', 'b', 'c'], 2);
  assert.equal(await client.getOffset('reader', topic, 0), null);
  assert.equal(await client.commitOffset('reader', topic, 0, 2n), undefined);
  assert.equal(await client.getOffset('reader', topic, 0), 2n);
  await client.commitOffset('reader', topic, 0, 1);
  assert.equal(await client.getOffset('reader', topic, 0), 1n);
  await failsWith('OFFSET_OUT_OF_RANGE', client.commitOffset('reader', topic, 0, 99));
  await failsWith('UNKNOWN_TOPIC_OR_PARTITION', client.commitOffset('reader', 'no-such-topic', 0, 0));
  await failsWith('INVALID_GROUP_ID', client.commitOffset('no spaces', topic, 0, 0));
  await failsWith('INVALID_GROUP_ID', client.getOffset('no spaces', topic, 0));
});

test('many offsets are committed with one wait, each with its own result', async () => {
  // covers: F110 node
  const topic = await written(['a', 'b'], 2);
  const results = await client.commitOffsetsPipelined('many', [
    { topic, partition: 0, offset: 1n },
    { topic, partition: 1, offset: 99 },
    { topic, partition: 1, offset: 2 },
  ]);
  const [done, { status, reason }, again] = results;
  assert.deepEqual([done, again], Array(2).fill({ status: 'fulfilled', value: undefined }));
  assert.deepEqual([status, reason.code], ['rejected', 'OFFSET_OUT_OF_RANGE']);
  assert.ok(reason instanceof RivvenError);
  assert.deepEqual(await client.describeGroup('many'), { [topic]: { 0: 1n, 1: 2n } });
  assert.deepEqual(await client.commitOffsetsPipelined('many', new Set()), []);
});

test('a client that is closed refuses each of many calls', async () => {
  const closed = new Client(broker.address);
  await closed.close();
  const fetch = { topic: 't', partition: 0, offset: 0, maxMessages: 1 };
  await failsWith('CLOSED', closed.consumePipelined([fetch]));
});

test('arguments of the wrong kind are refused before anything is sent', async () => {
  const fetch = { topic: 't', partition: 0, offset: 0, maxMessages: 1 };
  await refuses([
    () => client.consume('t', 0, 0, 1, { isolation: 1 }),
    () => client.consume('t', 0, 0, 1, { isolationLevel: 256 }),
    () => client.consume('t', 0, 0, 1, { maxWaitMs: -1 }),
    () => client.consumeWithIsolation('t', 0, 0, 1, 'read_committed'),
    () => client.consumeWithIsolation('t', 0, 0, -1, 1),
    () => client.consumeReadCommitted(undefined, 0, 0, 1),
    () => client.consumeLongPoll('t', 0, 0, 1),
    () => client.consumeLongPoll('t', 0, 0, 1, NaN),
    () => client.consumeLongPoll('t', 0, 0, 1, 5, { maxWaitMs: 5 }),
    () => client.consumePipelined(),
    () => client.consumePipelined([null]),
    () => client.consumePipelined([{ ...fetch, offset: -1n }]),
    () => client.consumePipelined([{ ...fetch, maxWaitMs: 5 }]),
    () => client.getOffsetForTimestamp('t', 0, 'yesterday'),
    () => client.getOffsetForTimestamp('t', 0, new Date(NaN)),
    () => client.getOffset('g', 't', 1.5),
    () => client.commitOffset('g', 't', 0, 1.5),
    () => client.commitOffset(5, 't', 0, 1),
    () => client.commitOffsetsPipelined('g', { topic: 't', partition: 0, offset: 0 }),
    () => client.commitOffsetsPipelined('g', [{ topic: 't', partition: 0 }]),
    () => client.commitOffsetsPipelined('g', [{ topic: 't', partition: 0, offset: 0, metadata: 'm' }]),
  ]);
});
