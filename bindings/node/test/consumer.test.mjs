// What a consumer gives, by a broker that works.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Consumer, ConsumerRecords, Record, RivvenError } from 'rivven';

import { failsWith, withBroker } from '../testing/fixture.mjs';
import { run } from '../testing/servers.mjs';

const { broker, client, newTopic } = await withBroker();

let groups = 0;

/** The options of a consumer with a group of its own. */
function own(options = {}) {
  return { bootstrapServers: broker.address, groupId: `group-${++groups}`, ...options };
}

/** Makes a consumer, which is closed after the test. */
function newConsumer(t, options) {
  const consumer = new Consumer(own(options));
  t.after(() => consumer.close());
  return consumer;
}

/** Makes a topic with records in its partitions: the values `a0`, `a1`, ... of each, with keys `k0`, `k1`, ... */
async function topicWith(count, partitions = 1) {
  const topic = await newTopic(partitions);
  const records = Array.from({ length: count }, (_, number) => ({ key: `k${number}`, value: `a${number}` }));
  for (let partition = 0; partition < partitions; partition++) {
    if (count > 0) await client.publishBatch(topic, records, { partition });
  }
  return topic;
}

/** Makes a consumer of a topic's partition 0. */
async function reading(t, count, options) {
  const topic = await topicWith(count);
  const consumer = newConsumer(t, options);
  consumer.assign([{ topic, partition: 0 }]);
  return { topic, consumer };
}

/** Polls until so many records have come, which are given. */
async function take(consumer, count) {
  const records = [];
  while (records.length < count) records.push(...(await consumer.poll()));
  return records;
}

/** What the next consumer of a group begins with. */
async function committed(consumer, topic, partition = 0) {
  return client.getOffset(consumer.groupId, topic, partition);
}

/** Keeps the event loop from its turns until something is so. */
function until(isSo) {
  const begun = performance.now();
  while (!isSo()) {
    assert.ok(performance.now() - begun < 60_000, 'it does not come');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

const texts = (records) => records.map(({ value }) => String(value));

test('assigned partitions are polled, committed and closed', async (t) => {
  // covers: F081 node, F100 node
  const { topic, consumer } = await reading(t, 3);
  const records = await consumer.poll();
  assert.ok(records instanceof ConsumerRecords);
  assert.equal(records.length, 3);
  assert.deepEqual(texts([...records]), ['a0', 'a1', 'a2']);
  assert.equal(consumer.position(topic, 0), 3n);
  assert.equal(await consumer.committed(topic, 0), null);
  await consumer.commit();
  assert.equal(await consumer.committed(topic, 0), 3n);
  assert.deepEqual(consumer.assignments(), [{ topic, partition: 0 }]);
  await consumer.close();
  await consumer.close({ timeoutMs: 100 });
  await failsWith('CLOSED', consumer.poll());
  await failsWith('CLOSED', consumer.commit());
});

test('subscribed topics are read, all of their partitions, and a client makes consumers too', async (t) => {
  // covers: F082 node, F083 node, F084 node
  const [one, other] = [await topicWith(2, 3), await topicWith(1)];
  const consumer = client.consumer({ groupId: 'subscribed' });
  t.after(() => consumer.close());
  consumer.subscribe([one, other]);
  const records = await take(consumer, 7);
  const places = records.map(({ topic, partition, offset }) => `${topic}/${partition}/${offset}`);
  const expected = [0, 1, 2].flatMap((partition) => [`${one}/${partition}/0`, `${one}/${partition}/1`]);
  assert.deepEqual(places.sort(), [...expected, `${other}/0/0`].sort());
  assert.equal(consumer.groupId, 'subscribed');
  assert.equal(consumer.assignments().length, 4);
  consumer.unsubscribe();
  await failsWith('INVALID_STATE', consumer.poll());
  assert.deepEqual(consumer.assignments(), []);
});

test('a record is a view with all that belongs to it, and can be detached', async (t) => {
  const { topic, consumer } = await reading(t, 0);
  const before = Date.now();
  await client.publish(topic, Buffer.from([0x80, 0, 0xff]), { key: '' });
  await client.publish(topic, '');
  const [first, second] = await take(consumer, 2);
  assert.ok(first instanceof Record);
  assert.deepEqual([first.topic, first.partition, first.offset, second.offset], [topic, 0, 0n, 1n]);
  assert.deepEqual([first.key, first.value], [Buffer.alloc(0), Buffer.from([0x80, 0, 0xff])]);
  assert.deepEqual([second.key, second.value], [null, Buffer.alloc(0)]);
  assert.ok(first.timestamp >= before - 1000 && first.timestamp <= Date.now() + 1000);
  assert.deepEqual(first.headers, []);

  const alone = first.detach();
  assert.deepEqual(inspect(alone), inspect(first));
  assert.notEqual(alone.value.buffer, first.value.buffer);
  assert.equal(alone.value.buffer.byteLength, 32 + 3);
  assert.deepEqual(second.detach().key, null);
});

test('the records of a poll are in one piece of memory for each partition', async (t) => {
  // covers: F085 node
  const topic = await topicWith(50, 2);
  const consumer = newConsumer(t, { maxPollRecords: 7 });
  consumer.assign([0, 1].map((partition) => ({ topic, partition })));
  let seen = 0;
  while (seen < 100) {
    const records = await consumer.poll();
    assert.ok(records.length <= 7);
    assert.deepEqual(records.values(), [...records].map(({ value }) => value));
    const parts = records.partitions();
    assert.equal(parts.reduce((sum, part) => sum + part.records.length, 0), records.length);
    for (const part of parts) {
      assert.equal(new Set(part.records.map(({ value }) => value.buffer)).size, 1);
      assert.ok(part.records.every(({ topic, partition }) => topic === part.topic && partition === part.partition));
    }
    assert.deepEqual(inspect([...records]), inspect(Array.from({ length: records.length }, (_, at) => records.at(at))));
    assert.deepEqual(records.at(-1)?.offset, [...records].at(-1)?.offset);
    assert.deepEqual([records.at(records.length), records.at(-records.length - 1)], [undefined, undefined]);
    seen += records.length;
  }
});

test('all that there is can be read in one loop', async (t) => {
  const topic = await topicWith(20, 3);
  const consumer = newConsumer(t, { reportPartitionEnd: true });
  consumer.assign([0, 1, 2].map((partition) => ({ topic, partition })));
  const [ended, values] = [new Set(), []];
  while (ended.size < 3) {
    const records = await consumer.poll();
    values.push(...texts([...records]));
    for (const { partition } of records.ended) ended.add(partition);
  }
  assert.equal(values.length, 60);
});

test('a poll without records is empty after its time', async (t) => {
  // covers: F086 node
  const { consumer } = await reading(t, 0, { maxPollIntervalMs: 50 });
  for (const records of [await consumer.poll(), await consumer.poll({ timeoutMs: 0 })]) {
    assert.deepEqual([records.length, [...records], records.partitions()], [0, [], []]);
  }
});

test('a wake-up ends the poll that waits, and only that', async (t) => {
  const { topic, consumer } = await reading(t, 0, { maxPollIntervalMs: 60_000 });
  const waiting = consumer.poll();
  consumer.wakeup();
  await failsWith('WOKEN_UP', waiting);
  await client.publish(topic, 'afterwards');
  assert.deepEqual(texts(await take(consumer, 1)), ['afterwards']);
});

test('a poll that waits ends when the consumer is closed', async (t) => {
  const { consumer } = await reading(t, 0, { maxPollIntervalMs: 60_000 });
  const waiting = assert.rejects(consumer.poll(), { code: 'CLOSED' });
  await consumer.close();
  await waiting;
});

test('records come one by one, and what is committed follows them', async (t) => {
  const { topic, consumer } = await reading(t, 10);
  const values = [];
  for await (const { offset, value } of consumer) {
    values.push(String(value));
    if (offset === 3n) {
      assert.equal(consumer.position(topic, 0), 4n);
      await consumer.commit();
      assert.equal(await committed(consumer, topic), 4n);
    }
    if (offset === 6n) break;
  }
  assert.deepEqual(values, ['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6']);
  assert.deepEqual(texts(await take(consumer, 3)), ['a7', 'a8', 'a9'], 'what the loop left');
  await consumer.close();
  assert.equal(await committed(consumer, topic), 10n);
});

test('a record that the program has in hand is not committed by itself', async (t) => {
  // covers: F087 node
  const { topic, consumer } = await reading(t, 10, { autoCommitIntervalMs: 1 });
  const read = [];
  for await (const { offset } of consumer) {
    read.push(offset);
    if (offset === 4n) await consumer.close();
  }
  assert.deepEqual(read, [0n, 1n, 2n, 3n, 4n], 'closing ends the iteration');
  assert.equal(await committed(consumer, topic), 4n);
});

test('an iterator that is asked just before the end gives nothing behind it', async (t) => {
  const { consumer } = await reading(t, 10);
  // All of them are there.
  while (consumer.stats().recordsFetched < 10) await pause(1);
  const next = consumer[Symbol.asyncIterator]().next();
  const closed = consumer.close();
  assert.deepEqual(await next, { value: undefined, done: true });
  await closed;
});

test('an iterator that waits gives nothing behind the end', async (t) => {
  const { topic, consumer } = await reading(t, 0);
  const next = consumer[Symbol.asyncIterator]().next();
  await pause(50);
  const published = client.publish(topic, 'late');
  // The event loop does not learn that the record has come.
  until(() => consumer.stats().records >= 1);
  const closed = consumer.close();
  assert.deepEqual(await next, { value: undefined, done: true });
  await Promise.all([published, closed]);
  assert.notEqual(await committed(consumer, topic), 1n);
});

test('a poll gives what an iterator has in hand that nobody asks any more', async (t) => {
  const { topic, consumer } = await reading(t, 5);
  const records = consumer[Symbol.asyncIterator]();
  assert.equal(String((await records.next()).value.value), 'a0');
  assert.deepEqual(texts([...(await consumer.poll({ timeoutMs: 10_000 }))]), ['a1', 'a2', 'a3', 'a4']);
  await consumer.commit();
  assert.equal(await committed(consumer, topic), 5n);
  await client.publish(topic, 'later');
  assert.equal(String((await records.next()).value.value), 'later', 'the iterator goes on');
});

test('iterators beside each other have records of their own', async (t) => {
  const { topic, consumer } = await reading(t, 10, { maxPollRecords: 5 });
  const [one, other] = [consumer[Symbol.asyncIterator](), consumer[Symbol.asyncIterator]()];
  const offset = async (records) => (await records.next()).value.offset;
  assert.deepEqual([await offset(one), await offset(other)], [0n, 5n]);
  assert.deepEqual([await offset(one), await offset(other)], [1n, 6n]);
  await consumer.commit();
  assert.equal(await committed(consumer, topic), 2n, 'nothing that the first one has left');
});

test('what an iterator had that was dropped is given when it is collected', async () => {
  const topic = await topicWith(5);
  const source = `
    import { setTimeout } from 'node:timers/promises';
    import { Consumer } from 'rivven';
    const consumer = new Consumer({ bootstrapServers: address, groupId: 'collected' });
    consumer.assign([{ topic: '${topic}', partition: 0 }]);
    async function takeOne() {
      const { value } = await consumer[Symbol.asyncIterator]().next();
      return value.offset;
    }
    const offsets = [await takeOne()];
    const next = takeOne().then((offset) => offsets.push(offset));
    for (let i = 0; i < 400 && offsets.length < 2; i++) { gc(); await setTimeout(20); }
    console.log(offsets.join());
    process.exit();`;
  const { stdout, stderr } = await run(source, broker.address, ['--expose-gc']);
  assert.deepEqual([stdout.trim(), stderr], ['0,1', '']);
});

test('calls for records beside each other have their turns', async (t) => {
  const { topic, consumer } = await reading(t, 3);
  const records = consumer[Symbol.asyncIterator]();
  const asked = Array.from({ length: 4 }, () => records.next());
  const got = await Promise.all(asked.slice(0, 3));
  assert.deepEqual(texts(got.map(({ value }) => value)), ['a0', 'a1', 'a2']);
  await client.publish(topic, 'later');
  assert.equal(String((await asked[3]).value.value), 'later');
  assert.deepEqual(await records.return(), { value: undefined, done: true });
  assert.deepEqual(await records.next(), { value: undefined, done: true });
});

test('an error ends the iteration, and another one goes on', async (t) => {
  const { consumer } = await reading(t, 2);
  const read = async (count) => {
    const values = [];
    for await (const { value } of consumer) {
      values.push(String(value));
      if (values.length === count) consumer.wakeup();
    }
  };
  await failsWith('WOKEN_UP', read(2));
  const { topic } = consumer.assignments()[0];
  await client.publish(topic, 'next');
  for await (const { value } of consumer) {
    assert.equal(String(value), 'next');
    break;
  }
});

test('reading goes on where the program seeks to', async (t) => {
  const { topic, consumer } = await reading(t, 5);
  await take(consumer, 5);
  await consumer.seek(topic, 0, 3);
  assert.deepEqual(texts(await take(consumer, 2)), ['a3', 'a4']);
  await consumer.seekToBeginning(topic, 0);
  assert.equal(consumer.position(topic, 0), 0n);
  assert.equal(await consumer.lag(topic, 0), 5n);
  await consumer.seekToEnd(topic, 0);
  assert.equal(consumer.position(topic, 0), 5n);
  assert.deepEqual(await consumer.getOffsetBounds(topic, 0), { earliest: 0n, latest: 5n });
  assert.equal(await consumer.seekToTimestamp(topic, 0, 0), 0n);
  assert.equal(await consumer.seekToTimestamp(topic, 0, new Date(Date.now() + 3_600_000)), 5n);
  for (const elsewhere of ['seekToBeginning', 'seekToEnd', 'lag', 'getOffsetBounds']) {
    await failsWith('NOT_ASSIGNED', consumer[elsewhere](topic, 9));
  }
  await failsWith('NOT_ASSIGNED', consumer.seek(topic, 9, 0n));
});

test('a seek while records are taken one by one drops those in hand', async (t) => {
  const { topic, consumer } = await reading(t, 5);
  const offsets = [];
  for await (const { offset } of consumer) {
    offsets.push(offset);
    if (offsets.length === 2) await consumer.seek(topic, 0, 4n);
    if (offsets.length === 3) break;
  }
  assert.deepEqual(offsets, [0n, 1n, 4n]);
});

test('a loop drops those in hand of a partition that is paused, or not assigned any more', async (t) => {
  const topic = await topicWith(5, 3);
  const consumer = newConsumer(t);
  const partitions = [0, 1, 2].map((partition) => ({ topic, partition }));
  const rest = (gone) => partitions.filter(({ partition }) => !gone.includes(partition));
  const read = [];
  consumer.assign(partitions);
  // All of them are there, and come together.
  while (consumer.stats().recordsFetched < 15) await pause(1);
  const ended = (async () => {
    for await (const { partition } of consumer) {
      read.push(partition);
      if (read.length === 1) consumer.pause(topic, partition);
      if (read.length === 2) consumer.assign(rest(read));
      if (read.length === 3) consumer.unsubscribe();
    }
  })();
  await failsWith('INVALID_STATE', ended);
  assert.deepEqual([...read].sort(), [0, 1, 2]);
});

test('an iterator that waits gives nothing of a partition that was paused meanwhile', async (t) => {
  const { topic, consumer } = await reading(t, 0);
  const next = consumer[Symbol.asyncIterator]().next();
  await pause(50);
  const published = client.publish(topic, 'late');
  // The event loop does not learn that the record has come.
  until(() => consumer.stats().records >= 1);
  consumer.pause(topic, 0);
  assert.equal(await Promise.race([next, pause(500, 'none')]), 'none');
  consumer.resume(topic, 0);
  assert.equal(String((await next).value.value), 'late');
  await published;
});

test('a paused partition gives nothing until it is resumed', async (t) => {
  const { topic, consumer } = await reading(t, 2);
  consumer.pause(topic, 0);
  assert.deepEqual(consumer.paused(), [{ topic, partition: 0 }]);
  assert.equal((await consumer.poll({ timeoutMs: 200 })).length, 0);
  consumer.resume(topic, 0);
  assert.deepEqual(consumer.paused(), []);
  assert.deepEqual(texts(await take(consumer, 2)), ['a0', 'a1']);
  assert.throws(() => consumer.pause(topic, 9), { code: 'NOT_ASSIGNED' });
  assert.throws(() => consumer.resume(topic, 9), { code: 'NOT_ASSIGNED' });
  assert.throws(() => consumer.position(topic, 9), { code: 'NOT_ASSIGNED' });
});

test('offsets are committed as they are given, and each has its outcome', async (t) => {
  // covers: F098 node
  const topic = await topicWith(5, 2);
  const consumer = newConsumer(t, { enableAutoCommit: false });
  consumer.assign([0, 1].map((partition) => ({ topic, partition })));
  await consumer.commitOffsets([{ topic, partition: 0, offset: 2n }, { topic, partition: 1, offset: 3 }]);
  assert.deepEqual([await committed(consumer, topic), await committed(consumer, topic, 1)], [2n, 3n]);
  const outcomes = await consumer.commitOffsetsEach([
    { topic, partition: 0, offset: 4n },
    { topic: 'bad/name', partition: 1, offset: 1n },
  ]);
  assert.deepEqual(outcomes[0], { status: 'fulfilled', value: undefined });
  assert.equal(outcomes[1].status, 'rejected');
  assert.ok(outcomes[1].reason instanceof RivvenError);
  assert.equal(await committed(consumer, topic), 4n);
});

test('what is stored is what is committed', async (t) => {
  const { topic, consumer } = await reading(t, 5);
  await take(consumer, 5);
  consumer.storeOffset(topic, 0, 2n);
  await consumer.commit();
  assert.equal(await committed(consumer, topic), 2n);
  consumer.storeOffset(topic, 0, 3);
  consumer.commitAsync();
  await consumer.close();
  assert.equal(await committed(consumer, topic), 3n);
});

test('reading goes on at what was committed, or where the configuration says', async (t) => {
  const { topic, consumer } = await reading(t, 4);
  await consumer.commitOffsets([{ topic, partition: 0, offset: 3n }]);
  const next = newConsumer(t, { groupId: consumer.groupId });
  next.assign([{ topic, partition: 0 }]);
  assert.deepEqual(texts(await take(next, 1)), ['a3']);

  const none = newConsumer(t, { autoOffsetReset: 'error' });
  none.assign([{ topic, partition: 0 }]);
  await failsWith('NO_OFFSET', none.poll());
});

test('the listener is told of partitions, and the poll waits for it', async (t) => {
  // covers: F099 node
  const topic = await topicWith(3, 2);
  const consumer = newConsumer(t);
  const told = [];
  consumer.setRebalanceListener({
    async onPartitionsAssigned(partitions) {
      await client.ping();
      told.push(['assigned', partitions.length]);
      for (const { topic, partition } of partitions) await consumer.seek(topic, partition, 2n);
    },
    onPartitionsRevoked: (partitions) => consumer.commit().then(() => told.push(['revoked', partitions.length])),
  });
  consumer.subscribe(topic);
  const records = await take(consumer, 2);
  assert.deepEqual(records.map(({ offset }) => offset), [2n, 2n]);
  assert.deepEqual(told, [['assigned', 2]]);
  await consumer.close();
  assert.deepEqual(told[1], ['revoked', 2]);
  assert.throws(() => new Consumer(own()).setRebalanceListener('no'), { code: 'INVALID_ARGUMENT' });
});

test("an error of the listener is the program's, and the poll goes on", async () => {
  const topic = await topicWith(1);
  const source = `
    import { Consumer } from 'rivven';
    process.on('uncaughtException', (error) => console.log(error.message));
    const consumer = new Consumer({ bootstrapServers: address, groupId: 'throws' });
    consumer.setRebalanceListener({ onPartitionsAssigned() { throw new Error('mine'); } });
    consumer.subscribe('${topic}');
    for await (const { value } of consumer) { console.log(String(value)); break; }
    await consumer.close();`;
  const { code, stdout, stderr } = await run(source, broker.address);
  assert.deepEqual([code, stdout, stderr], [0, 'mine\na0\n', '']);
});

test('what happens is emitted and can be iterated over until the end', async (t) => {
  const { topic, consumer } = await reading(t, 5);
  await client.deleteRecords(topic, [{ partition: 0, offset: 2n }]);
  await consumer.seek(topic, 0, 0n);
  const heard = [];
  consumer.on('event', (event) => heard.push(event));
  const iterated = (async () => {
    const events = [];
    for await (const event of consumer.events()) events.push(event);
    return events;
  })();
  await take(consumer, 3);
  await consumer.close();
  const events = await iterated;
  assert.deepEqual(events, heard);
  assert.deepEqual(events.filter(({ type }) => type === 'gap').at(-1), { type: 'gap', topic, partition: 0, from: 0n, to: 2n });
  assert.deepEqual(await consumer.events().next(), { value: undefined, done: true });
});

test('the statistics count what was read', async (t) => {
  const { topic, consumer } = await reading(t, 5);
  await take(consumer, 5);
  const stats = consumer.stats();
  assert.equal(stats.records, 5);
  assert.ok(stats.polls >= 1 && stats.fetches >= 1 && stats.bytesFetched > 0);
  assert.deepEqual([stats.lastError, typeof stats.lag], [null, 'bigint']);
  const [{ latest, lag, ...rest }] = stats.partitions;
  assert.deepEqual(rest, { topic, partition: 0, position: 5n, committed: null, paused: false });
});

test('large records come one by one, and are committed as small ones are', async (t) => {
  const topic = await newTopic();
  const values = Array.from({ length: 8 }, (_, number) => Buffer.alloc(500_000, `${number}`));
  await client.publishBatch(topic, values, { partition: 0 });
  const consumer = newConsumer(t);
  consumer.assign([{ topic, partition: 0 }]);
  // All of them are there.
  while (consumer.stats().recordsFetched < 8) await pause(1);
  for await (const { offset, value } of consumer) {
    assert.ok(value.equals(values[Number(offset)]));
    if (offset === 3n) break;
  }
  await consumer.commit();
  assert.equal(await committed(consumer, topic), 4n);
  assert.deepEqual((await take(consumer, 4)).map(({ offset }) => offset), [4n, 5n, 6n, 7n]);
  await consumer.close();
  assert.equal(await committed(consumer, topic), 8n);
});

test('what was polled does not count as held, whatever the program keeps', async (t) => {
  const topic = await newTopic();
  const value = Buffer.alloc(10_000, 'v');
  for (let batch = 0; batch < 5; batch++) await client.publishBatch(topic, Array(20).fill(value), { partition: 0 });
  const consumer = newConsumer(t, { fetchBufferMemory: 100_000 });
  consumer.assign([{ topic, partition: 0 }]);
  const kept = await take(consumer, 100);
  assert.ok(kept.every((record) => record.value.equals(value)));
  assert.equal(consumer.stats().bytesHeld, 0);
});

test('what is wrong is refused', async (t) => {
  assert.throws(() => new Consumer(own({ maxPollRecords: 0 })), { code: 'INVALID_CONFIG' });
  assert.throws(() => new Consumer(own({ noSuchKey: 5 })), { code: 'INVALID_CONFIG' });
  const consumer = newConsumer(t);
  await failsWith('INVALID_STATE', consumer.poll());
  const wrong = [
    () => consumer.assign('t'),
    () => consumer.assign([{ topic: 't' }]),
    () => consumer.subscribe([5]),
    () => consumer.pause('t', -1),
    () => consumer.storeOffset('t', 0, -1n),
    () => consumer.position(5, 0),
  ];
  for (const call of wrong) assert.throws(call, { code: 'INVALID_ARGUMENT' }, `${call}`);
  const rejected = [
    () => consumer.poll({ timeout: 5 }),
    () => consumer.poll({ timeoutMs: -1 }),
    () => consumer.seek('t', 0, 1.5),
    () => consumer.seekToTimestamp('t', 0, 'now'),
    () => consumer.commitOffsets([{ topic: 't', partition: 0 }]),
  ];
  for (const call of rejected) await failsWith('INVALID_ARGUMENT', call());
  assert.throws(() => consumer.subscribe('bad/name'), { code: 'INVALID_TOPIC' });
  consumer.subscribe(await newTopic());
  assert.throws(() => consumer.assign([{ topic: 't', partition: 0 }]), { code: 'INVALID_STATE' });
  assert.equal(inspect(consumer), 'Consumer {}');
});

test('a consumer connects or says why not, and is closed at the end of its scope', async () => {
  const consumer = await Consumer.connect(own());
  await consumer[Symbol.asyncDispose]();
  await failsWith('CLOSED', consumer.committed('t', 0));
  await assert.rejects(Consumer.connect('127.0.0.1:1'), RivvenError);
  await new Consumer('127.0.0.1:1').close();
});

test('a consumer alone keeps no process, and one that is dropped can be collected', async () => {
  const topic = await topicWith(1);
  const source = `
    import { setTimeout } from 'node:timers/promises';
    import { Consumer } from 'rivven';
    let collected = 0;
    const registry = new FinalizationRegistry(() => collected++);
    async function drop(_, number) {
      const consumer = new Consumer({ bootstrapServers: address, groupId: 'dropped-' + number });
      registry.register(consumer, 0);
      consumer.on('event', () => {});
      consumer.setRebalanceListener({});
      consumer.subscribe('${topic}');
      for await (const record of consumer) break;
    }
    await Promise.all(Array.from({ length: 10 }, drop));
    for (let i = 0; i < 400 && collected < 10; i++) { gc(); await setTimeout(20); }
    const left = new Consumer({ bootstrapServers: address });
    left.on('event', () => {});
    left.subscribe('${topic}');
    console.log(collected);`;
  const { code, signal, stdout, stderr } = await run(source, broker.address, ['--expose-gc']);
  assert.deepEqual([code, signal, stdout.trim(), stderr], [0, null, '10', '']);
});
