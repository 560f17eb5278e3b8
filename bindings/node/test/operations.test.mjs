// Topics, writing and plain reading against the real broker, arguments and errors.
// Other reads, offsets, groups and administration are in files of their own.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { inspect } from 'node:util';
import rivven, { Client, Record, version } from 'rivven';

import { failsWith, refuses, withBroker } from '../testing/fixture.mjs';

const require = createRequire(import.meta.url);
const { broker, client, newTopic } = await withBroker();

test('require and import give the same package', () => {
  assert.equal(require('rivven'), rivven);
  assert.equal(rivven.Client, Client);
  assert.equal(version(), require('../package.json').version);
});

test('a client connects by an address or at its first call', async () => {
  // covers: F004 node
  for (const each of [await Client.connect(broker.address), new Client({ bootstrapServers: broker.address })]) {
    assert.equal(await each.ping(), undefined);
    await each.close();
  }
});

test('topics are created, listed, described and deleted', async () => {
  // covers: F103 node
  assert.equal(await client.createTopic('life', { partitions: 5 }), 5);
  assert.equal(await client.createTopic('by-default'), 3);
  await failsWith('TOPIC_ALREADY_EXISTS', client.createTopic('life', 5));
  assert.ok((await client.listTopics()).includes('life'));
  assert.deepEqual(await client.getMetadata('life'), { name: 'life', partitions: 5 });
  assert.equal(await client.deleteTopic('life'), undefined);
  await failsWith('UNKNOWN_TOPIC_OR_PARTITION', client.getMetadata('life'));
  await failsWith('INVALID_TOPIC', client.createTopic('no spaces'));
});

test('keys and values come back as they were sent', async () => {
  const topic = await newTopic();
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const records = [
    [undefined, 'text'],
    [null, ''],
    ['', Buffer.alloc(0)],
    ['clé', 'ключ 🔑'],
    [all, all],
    [new Uint8Array([9, 8, 7]).subarray(1), new Uint8Array(all.buffer, all.byteOffset + 10, 5)],
    ['long', 'x'.repeat(1_000_000)],
  ];
  for (const [key, value] of records) await client.publish(topic, value, { key, partition: 0 });
  const read = await client.consume(topic, 0, 0, 100);
  assert.equal(read.length, records.length);
  records.forEach(([key, value], index) => {
    const { [index]: record } = read;
    assert.ok(record instanceof Record);
    assert.deepEqual(record.key, key === undefined || key === null ? null : Buffer.from(key));
    assert.deepEqual(record.value, Buffer.from(value));
    assert.equal(record.offset, BigInt(index));
  });
});

test('a publish says where the record went', async () => {
  // covers: F007 node, F008 node
  const topic = await newTopic(3);
  const to = (offset) => ({ topic, partition: 2, offset, maybeDuplicate: false });
  assert.deepEqual(await client.publish(topic, 'v', { partition: 2 }), to(0n));
  assert.deepEqual(await client.publishToPartition(topic, 2, 'v'), to(1n));
  assert.deepEqual(await client.publishToPartition(topic, 2, 'v', { key: 'k' }), to(2n));
  const first = await client.publishWithKey(topic, 'k', 'v');
  const second = await client.publishWithKey(topic, 'k', 'v');
  assert.equal(second.partition, first.partition);
  assert.equal(second.offset, first.offset + 1n);
  await client.publishWithKey(topic, null, 'v');
  await failsWith('INVALID_PARTITION', client.publishToPartition(topic, 99, 'v'));
});

test('a batch goes to one partition in its order', async () => {
  // covers: F008 node
  const topic = await newTopic(2);
  const keyed = [{ value: 'no key' }, { key: '', value: 'ü' }, { key: 'k', value: '' }];
  const batch = ['plain', Buffer.from([0, 255]), ...keyed];
  const written = await client.publishBatch(topic, batch, { partition: 1 });
  assert.deepEqual(written, { topic, partition: 1, baseOffset: 0n, count: 5, maybeDuplicate: false });
  const read = await client.consume(topic, 1, 0n, 10);
  const shown = read.map(({ key, value }) => [key && String(key), value.toString('hex')]);
  const hex = (text) => Buffer.from(text).toString('hex');
  assert.deepEqual(shown, [[null, hex('plain')], [null, '00ff'], [null, hex('no key')], ['', hex('ü')], ['k', '']]);
});

test('a batch may be any iterable, and without a partition the broker chooses', async () => {
  const topic = await newTopic(3);
  function* values() {
    for (let i = 0; i < 10; i++) yield { key: 'k', value: String(i) };
  }
  const { partition, count } = await client.publishBatch(topic, values());
  assert.equal(count, 10);
  assert.equal((await client.consume(topic, partition, 0, 100)).map(({ value }) => value).join(''), '0123456789');
  await failsWith('INVALID_ARGUMENT', client.publishBatch(topic, []));
  await failsWith('REQUEST_TOO_LARGE', client.publishBatch(topic, Array(10_001).fill('v')));
});

test('consume gives as many records as asked for, from the offset on', async () => {
  // covers: F009 node
  const topic = await newTopic();
  await client.publishBatch(topic, Array.from({ length: 20 }, (_, index) => `v${index}`), { partition: 0 });
  assert.deepEqual(await client.getOffsetBounds(topic, 0), { earliest: 0n, latest: 20n });
  const read = await client.consume(topic, 0, 5n, 3);
  assert.deepEqual(read.map(({ offset, value }) => `${offset} ${value}`), ['5 v5', '6 v6', '7 v7']);
  assert.deepEqual(await client.consume(topic, 0, 20, 3), []);
  await failsWith('UNKNOWN_TOPIC_OR_PARTITION', client.consume('no-such-topic', 0, 0, 1));
  await failsWith('UNKNOWN_TOPIC_OR_PARTITION', client.getOffsetBounds('no-such-topic', 0));
});

test('the records of an answer share its memory and show their fields', async () => {
  const topic = await newTopic();
  const begin = Date.now();
  await client.publishBatch(topic, [{ key: 'a', value: 'one' }, 'two'], { partition: 0 });
  const [first, second] = await client.consume(topic, 0, 0, 10);
  assert.equal(first.value.buffer, second.value.buffer);
  assert.deepEqual([first.topic, first.partition, first.headers], [topic, 0, []]);
  assert.ok(Math.abs(first.timestamp - begin) < 60_000);
  assert.match(inspect(second), /offset: 1n,\s+key: null,\s+value: <Buffer 74 77 6f>/);
});

test('a thousand calls at once get each its own answer', async () => {
  const names = await Promise.all([1, 2, 3, 4, 5].map((partitions) => newTopic(partitions)));
  const calls = Array.from({ length: 1000 }, (_, index) => {
    const partitions = 1 + (index % 5);
    return index % 10 === 0
      ? client.publish(names[4], `${index}`, { partition: index % 4 }).then(({ partition }) => partition === index % 4)
      : client.getMetadata(names[partitions - 1]).then((topic) => topic.partitions === partitions);
  });
  assert.ok((await Promise.all(calls)).every(Boolean));
});

test('arguments of the wrong kind are refused before anything is sent', async () => {
  await refuses([
    () => client.createTopic(5),
    () => client.createTopic('t', 1.5),
    () => client.createTopic('t', { parts: 1 }),
    () => client.deleteTopic(),
    () => client.getMetadata(null),
    () => client.getOffsetBounds('t', -1),
    () => client.getOffsetBounds('t', 2 ** 32),
    () => client.getOffsetBounds('t', '0'),
    () => client.publish('t', null),
    () => client.publish('t', 5),
    () => client.publish('t', new ArrayBuffer(1)),
    () => client.publish('t', 'v', { headers: {} }),
    () => client.publish('t', 'v', 'key'),
    () => client.publishWithKey('t', 5, 'v'),
    () => client.publishToPartition('t', undefined, 'v'),
    () => client.publishBatch('t', 'text'),
    () => client.publishBatch('t', [{ key: 'k' }]),
    () => client.publishBatch('t', [{ key: 1, value: 'v' }]),
    () => client.publishBatch('t', [{ value: 'v', timestamp: 1 }]),
    () => client.consume('t', 0, -1, 1),
    () => client.consume('t', 0, 2 ** 60, 1),
    () => client.consume('t', 0, 2n ** 64n, 1),
    () => client.consume('t', 0, 0n, NaN),
    () => client.close({ timeoutMs: -1 }),
  ]);
});

test('the configuration is checked by the core, which suggests the right key', () => {
  const refused = (options, text) =>
    assert.throws(() => new Client(options), (error) => error.code === 'INVALID_CONFIG' && text.test(error.message));
  refused({ bootstrapServers: broker.address, requestTimeout: 5 }, /did you mean requestTimeoutMs/);
  refused({ bootstrapServers: broker.address, requestTimeoutMs: 'soon' }, /requestTimeoutMs is/);
  refused({ bootstrapServers: [1] }, /bootstrapServers/);
  refused({ clientId: null }, /clientId/);
  refused(undefined, /an address or an object/);
});

test('an error carries its fields, and its stack shows who called', async () => {
  // covers: F121 node, F123 node
  async function caller() {
    await client.getMetadata('no-such-topic');
  }
  const error = await caller().catch((error) => error);
  assert.ok(error instanceof Error);
  assert.equal(error.name, 'RivvenError');
  assert.deepEqual(
    { ...error },
    {
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      retriable: false,
      fatal: false,
      abortable: false,
      outcome: 'REJECTED',
      address: broker.address,
      registryCode: undefined,
    },
  );
  assert.match(error.stack, /at async caller/);
});
