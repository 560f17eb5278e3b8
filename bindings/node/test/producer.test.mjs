// What a producer does with records, by a broker that works.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Producer, RecordMetadata, RivvenError, TopicHandle } from 'rivven';

import { failsWith, refuses, withBroker } from '../testing/fixture.mjs';
import { login, scriptedBroker, startSecureBroker } from '../testing/servers.mjs';

const { broker, client, newTopic } = await withBroker();

/** Makes a producer, which is closed after the test. */
function newProducer(t, options = {}) {
  const producer = new Producer({ bootstrapServers: broker.address, ...options });
  t.after(() => producer.close());
  return producer;
}

/** All records of a partition, as [key, value] texts. */
async function readAll(topic, partition = 0) {
  const read = [];
  for (let offset = 0n; ; ) {
    const records = await client.consume(topic, partition, offset, 1000);
    if (records.length === 0) return read;
    for (const { key, value } of records) read.push([key && String(key), String(value)]);
    offset = records.at(-1).offset + 1n;
  }
}

test('a record is sent, and where it went is told', async (t) => {
  // covers: F053 node, F054 node
  const topic = await newTopic();
  const producer = newProducer(t);
  const before = Date.now();
  const sent = await producer.send(topic, 'one', { key: 'k' });
  assert.ok(sent instanceof RecordMetadata);
  const { timestamp, ...rest } = fields(sent);
  const expected = { topic, partition: 0, offset: 0n, duplicate: false, maybeDuplicate: false, offsetExact: true };
  assert.deepEqual(rest, expected);
  assert.ok(timestamp >= before && timestamp <= Date.now());
  assert.match(inspect(sent), /offset: 0n/);
  assert.deepEqual(await readAll(topic), [['k', 'one']]);
});

/** The fields of a metadata, as a plain object. */
function fields({ topic, partition, offset, timestamp, duplicate, maybeDuplicate, offsetExact }) {
  return { topic, partition, offset, timestamp, duplicate, maybeDuplicate, offsetExact };
}

test('strings, buffers and views of memory are values and keys', async (t) => {
  const topic = await newTopic();
  const handle = newProducer(t).topic(topic);
  assert.ok(handle instanceof TopicHandle);
  assert.equal(handle.name, topic);
  const wide = new Uint8Array(Buffer.from('..view..').buffer.slice(0));
  const values = ['', 'grün 🌱', Buffer.from('buffer'), Uint8Array.from([118]), 'x'.repeat(5000), 'é'.repeat(70_000)];
  for (const value of values) await handle.send(value, { key: value });
  await handle.send(wide.subarray(0, 0), { key: null });
  const expected = [...values.map(String), ''];
  expected[3] = 'v';
  const read = await readAll(topic);
  assert.deepEqual(read.map(([, value]) => value), expected);
  assert.deepEqual(read.map(([key]) => key), [...expected.slice(0, -1), null]);
});

test('a value may be changed once the method has returned', async (t) => {
  const topic = await newTopic();
  const producer = newProducer(t);
  const value = Buffer.from('before');
  const sent = producer.send(topic, value);
  value.fill('x');
  await sent;
  assert.deepEqual(await readAll(topic), [[null, 'before']]);
});

test('records of a partition keep the order in which the methods were called', async (t) => {
  // covers: F055 node
  const topic = await newTopic();
  const producer = newProducer(t, { lingerMs: 1 });
  const handle = producer.topic(topic);
  const long = 'x'.repeat(100_000);
  const promises = [];
  for (let i = 0; i < 300; i += 3) {
    promises.push(handle.send(`${i}`), producer.sendBatch(topic, [`${i + 1}`, { value: i === 150 ? long : `${i + 2}` }]));
  }
  assert.equal(handle.enqueue('last'), 1);
  await Promise.all([...promises, producer.flush()]);
  const expected = Array.from({ length: 300 }, (_, i) => (i === 152 ? long : `${i}`));
  assert.deepEqual((await readAll(topic)).map(([, value]) => value), [...expected, 'last']);
});

test('equal keys go to one partition, and a partition that is given decides', async (t) => {
  // covers: F054 node, F055 node
  const topic = await newTopic(4);
  const handle = newProducer(t).topic(topic);
  const keyed = await Promise.all(Array.from({ length: 40 }, (_, i) => handle.send(`${i}`, { key: `k${i % 8}` })));
  for (const [i, { partition }] of keyed.entries()) assert.equal(partition, keyed[i % 8].partition);
  assert.ok(new Set(keyed.map(({ partition }) => partition)).size > 1);
  for (const partition of [3, 0]) {
    assert.equal((await handle.send('v', { key: 'k0', partition })).partition, partition);
  }
  const batch = await handle.sendBatch([{ value: 'a', partition: 2 }, { value: 'b', partition: 1 }]);
  assert.deepEqual(batch.map(({ partition }) => partition), [2, 1]);
});

test('ten thousand records are sent at once, and each promise tells its own offset', async (t) => {
  // covers: F077 node
  const topic = await newTopic(4);
  const producer = newProducer(t);
  const handle = producer.topic(topic);
  const count = 10_000;
  const sent = await Promise.all(Array.from({ length: count }, (_, i) => handle.send(`${i}`, { partition: i % 4 })));
  for (let partition = 0; partition < 4; partition++) {
    const read = await readAll(topic, partition);
    const own = sent.filter((_, i) => i % 4 === partition);
    assert.deepEqual(own.map(({ offset }) => offset), own.map((_, i) => BigInt(i)));
    assert.deepEqual(read.map(([, value]) => Number(value)), own.map((_, i) => i * 4 + partition));
  }
  assert.ok(producer.stats().recordsPerBatch > 10);
});

test('many records are sent in one call, and each has its own offset in their order', async (t) => {
  // covers: F055 node
  const topic = await newTopic(3);
  const handle = newProducer(t, { batchSize: 1000 }).topic(topic);
  const records = Array.from({ length: 3000 }, (_, i) => (i % 4 ? { value: `${i}`, partition: i % 3 } : Buffer.from(`${i}`)));
  const sent = await handle.sendBatch(records);
  assert.equal(sent.length, records.length);
  const places = new Set(sent.map(({ partition, offset }) => `${partition}/${offset}`));
  assert.equal(places.size, records.length);
  for (let partition = 0; partition < 3; partition++) {
    const own = sent.map((metadata, i) => ({ ...fields(metadata), i })).filter((one) => one.partition === partition);
    assert.ok(own.every(({ i }) => i % 4 === 0 || i % 3 === partition));
    const read = await readAll(topic, partition);
    assert.deepEqual(own.map(({ offset }) => read[Number(offset)][1]), own.map(({ i }) => `${i}`));
  }
});

test('a record that no buffer holds fails by itself', async (t) => {
  const topic = await newTopic();
  const producer = newProducer(t);
  // Its memory is never touched.
  const huge = Buffer.alloc(2 ** 31);
  await failsWith('REQUEST_TOO_LARGE', producer.send(topic, huge));
  await failsWith('REQUEST_TOO_LARGE', producer.sendBatch(topic, ['a', huge, 'b']));
  assert.throws(() => producer.enqueue(topic, huge), { code: 'REQUEST_TOO_LARGE' });
  assert.deepEqual(await readAll(topic), [[null, 'a'], [null, 'b']]);
});

test('what became of enqueued records is told by batch', async (t) => {
  // covers: F055 node
  const topic = await newTopic();
  const producer = newProducer(t, { lingerMs: 20 });
  const events = [];
  producer.on('deliveries', (deliveries) => events.push(deliveries));
  const handle = producer.topic(topic);
  const numbers = Array.from({ length: 100 }, (_, i) => handle.enqueue(`${i}`));
  // A record with a promise in between is nobody else's.
  const { offset } = await handle.send('in between');
  assert.equal(offset, 100n);
  numbers.push(producer.enqueue(topic, '101', { key: 'k' }));
  await producer.flush();
  await new Promise(setImmediate);
  assert.deepEqual(events.flatMap((event) => event.numbers), numbers);
  assert.deepEqual(events.map(({ count }) => count), events.map(({ numbers }) => numbers.length));
  assert.match(inspect(events[0]), /count: \d+,\s+numbers: \[\s+1,/);
  assert.ok(events.length < 10);
  assert.ok(events.every((event) => event.topic === topic && event.partition === 0 && event.error === null));
  const offsets = events.flatMap(({ records }) => records.map((record) => record.offset));
  assert.deepEqual(offsets, numbers.map((number) => (number <= 100 ? BigInt(number - 1) : 101n)));
});

test('an error is told of its record only', async (t) => {
  // covers: F054 node, F055 node
  const topic = await newTopic();
  const producer = newProducer(t);
  const sends = [
    producer.send(topic, 'a'),
    producer.send('no/topic', 'b'),
    producer.send(topic, 'c', { partition: 7 }),
    producer.send(topic, 'd'),
  ];
  const settled = await Promise.allSettled(sends);
  assert.deepEqual(settled.map(({ reason }) => reason?.code), [undefined, 'INVALID_TOPIC', 'INVALID_PARTITION', undefined]);
  assert.ok(settled[1].reason instanceof RivvenError);
  await failsWith('INVALID_PARTITION', producer.sendBatch(topic, ['e', { value: 'f', partition: 7 }, 'g']));
  const values = (await readAll(topic)).map(([, value]) => value);
  assert.deepEqual(values, ['a', 'd', 'e', 'g']);
  const failed = once(producer, 'deliveries');
  const number = producer.enqueue('no/topic', 'h');
  const [{ numbers, records, error }] = await failed;
  assert.deepEqual([numbers, records, error.code], [[number], [], 'INVALID_TOPIC']);
});

test('wrong arguments are refused, and nothing is sent', async (t) => {
  const topic = await newTopic();
  const producer = newProducer(t);
  const handle = producer.topic(topic);
  await refuses([
    () => producer.send(5, 'v'),
    () => producer.send(topic),
    () => producer.send(topic, 5),
    () => handle.send('v', { headers: {} }),
    () => handle.send('v', { key: 5 }),
    () => handle.send('v', { partition: -1 }),
    () => handle.sendBatch('values'),
    () => handle.sendBatch(['a', { key: 'k' }]),
    () => handle.sendBatch(['a', { value: 'b', timestamp: 1 }]),
    () => producer.getPartitionCount(),
    () => producer.refreshMetadata(5),
    () => producer.close({ timeout: 5 }),
    async () => producer.topic(),
    async () => handle.enqueue(null),
    async () => producer.enqueue(topic, 'v', 'key'),
  ]);
  await failsWith('INVALID_PARTITION', handle.send('v', { partition: 2 ** 32 - 1 }));
  assert.deepEqual(await handle.sendBatch([]), []);
  await failsWith('REQUEST_TOO_LARGE', handle.send(Buffer.alloc(40 * 1024 * 1024)));
  assert.equal((await handle.send('first')).offset, 0n);
});

test('a wrong configuration is refused at once', () => {
  for (const options of [{ lingerMs: -1 }, { linger: 1 }, { compressionType: 'gzip' }, { acks: 2 }, 5, null]) {
    assert.throws(() => new Producer(options), { code: 'INVALID_CONFIG' });
  }
  assert.throws(() => client.producer({ lingerMs: 'long' }), { code: 'INVALID_CONFIG' });
});

test('flushing does not wait for the linger, and empties the producer', async (t) => {
  // covers: F056 node, F079 node, F080 node
  const topic = await newTopic();
  const producer = newProducer(t, { lingerMs: 3_600_000, deliveryTimeoutMs: 7_200_000 });
  await producer.flush();
  const sent = Array.from({ length: 10 }, (_, i) => producer.send(topic, `${i}`));
  await Promise.resolve();
  await new Promise(setImmediate);
  assert.deepEqual([producer.stats().pending, producer.stats().recordsSent], [10, 10]);
  await producer.flush();
  const { pending, recordsDelivered, recordsFailed, successRate } = producer.stats();
  assert.deepEqual([pending, recordsDelivered, recordsFailed, successRate], [0, 10, 0, 1]);
  assert.equal((await Promise.all(sent)).at(-1).offset, 9n);
});

test('what was sent is counted by server', async (t) => {
  // covers: F080 node
  const { addresses } = await scriptedBroker(t, { nodes: 2, topics: { t: 4 } });
  // That learns who leads what; else the first server would be asked first.
  const producer = await Producer.connect({ bootstrapServers: addresses[0] });
  t.after(() => producer.close());
  assert.deepEqual(producer.stats().servers, []);
  await producer.sendBatch('t', Array.from({ length: 10 }, () => ({ value: 'x', partition: 0 })));
  await producer.sendBatch('t', Array.from({ length: 5 }, () => ({ value: 'x', partition: 1 })));
  const { servers } = producer.stats();
  assert.deepEqual(servers.map(({ address }) => address), [...addresses].sort());
  const delivered = new Map(servers.map(({ address, recordsDelivered }) => [address, recordsDelivered]));
  assert.deepEqual(addresses.map((address) => delivered.get(address)), [10, 5]);
  for (const of of servers) {
    assert.deepEqual([of.errors, of.retries, of.recordsUnanswered, of.recordsQueued], [0, 0, 0, 0]);
    assert.ok(of.latencyP50Us > 0 && of.latencyP50Us <= of.latencyP95Us && of.latencyP95Us <= of.latencyP99Us);
    assert.ok(of.recordsPerBatch === of.recordsDelivered / of.batchesSent && of.bytesSent > 0);
  }
});

test('closing delivers what there is, and then there is an end', async (t) => {
  // covers: F056 node
  const topic = await newTopic();
  const producer = newProducer(t, { lingerMs: 3_600_000, deliveryTimeoutMs: 7_200_000 });
  const handle = producer.topic(topic);
  const sent = handle.send('v');
  handle.enqueue('w');
  await producer.close();
  assert.equal((await sent).offset, 0n);
  assert.equal((await readAll(topic)).length, 2);
  await failsWith('CLOSED', handle.send('x'));
  await failsWith('CLOSED', producer.send(topic, 'x'));
  await failsWith('CLOSED', handle.sendBatch(['x']));
  assert.throws(() => handle.enqueue('x'), { code: 'CLOSED' });
  await failsWith('CLOSED', producer.getPartitionCount(topic));
  await failsWith('CLOSED', producer.flush());
  await producer.close({ timeoutMs: 1 });
  assert.equal(producer.purge(), 0);
});

test('a block that uses a producer closes it', async () => {
  const topic = await newTopic();
  const producer = new Producer(broker.address);
  producer.enqueue(topic, 'v');
  await producer[Symbol.asyncDispose ?? Symbol('asyncDispose')]?.();
  assert.throws(() => producer.enqueue(topic, 'w'), { code: 'CLOSED' });
  assert.deepEqual(await readAll(topic), [[null, 'v']]);
  assert.equal(inspect(producer), 'Producer {}');
});

test('what was not sent can be given up', async (t) => {
  const topic = await newTopic();
  const producer = newProducer(t, { lingerMs: 3_600_000, deliveryTimeoutMs: 7_200_000 });
  const sent = [producer.send(topic, 'a'), producer.sendBatch(topic, ['b', 'c'])];
  await new Promise(setImmediate);
  const failed = Promise.all(sent.map((promise) => failsWith('PURGED', promise)));
  assert.equal(producer.purge(), 3);
  await failed;
  assert.equal(producer.stats().recordsFailed, 3);
});

test('partitions are counted, and new ones are learnt of', async (t) => {
  // covers: F071 node
  const topic = await newTopic(2);
  const producer = newProducer(t);
  assert.equal(await producer.getPartitionCount(topic), 2);
  await client.createPartitions(topic, 3);
  assert.equal(await producer.getPartitionCount(topic), 2);
  await producer.refreshMetadata(topic);
  assert.equal(await producer.getPartitionCount(topic), 3);
  assert.equal(producer.isIdempotent(), false);
});

test('a producer connects when it is told to', async (t) => {
  // covers: F053 node
  const producer = await Producer.connect({ bootstrapServers: [broker.address] });
  t.after(() => producer.close());
  assert.equal((await producer.send(await newTopic(), 'v')).offset, 0n);
});

test("a client's producer has its servers, login and encryption", async (t) => {
  // covers: F053 node, F068 node
  const secure = await startSecureBroker();
  t.after(secure.stop);
  const { Client } = await import('rivven');
  const secureClient = new Client({ ...secure.tls, ...login });
  t.after(() => secureClient.close());
  const producer = secureClient.producer({ lingerMs: 1 });
  t.after(() => producer.close());
  assert.equal((await producer.send('t', 'v', { partition: 0 })).offset, 0n);
  const other = secureClient.producer({ authPassword: 'wrong' });
  t.after(() => other.close());
  const error = await other.getPartitionCount('t').catch((error) => error);
  assert.ok(error instanceof RivvenError && !inspect(error).includes('wrong'));
});
