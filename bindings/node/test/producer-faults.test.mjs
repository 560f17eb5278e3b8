// What a producer does when the broker does not answer, and where it lives.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Producer } from 'rivven';

import { failsWith, withBroker } from '../testing/fixture.mjs';
import { relay } from '../testing/relay.mjs';
import { faultProxy, run, startSink } from '../testing/servers.mjs';

const { broker, client, newTopic } = await withBroker();

const KIB = 1024;

/** A producer behind a proxy, which knows its topic and has sent one record to it. */
async function stallable(t, options) {
  const proxy = await faultProxy(t, broker.address);
  const topic = await newTopic();
  const producer = new Producer({ bootstrapServers: proxy.address, requestTimeoutMs: 60_000, ...options });
  t.after(() => producer.close({ timeoutMs: 0 }).catch(() => {}));
  await producer.send(topic, 'first');
  return { proxy, producer, topic, handle: producer.topic(topic) };
}

/** Hands records of a kibibyte over until there is no room; how many were taken. */
function fill(handle) {
  for (let count = 0; ; count++) {
    assert.ok(count < 10_000, 'there is room without end');
    try {
      handle.enqueue(String(count).padEnd(KIB));
    } catch (error) {
      assert.equal(error.code, 'QUEUE_FULL');
      return count;
    }
  }
}

test('with a broker that stalls, memory is bounded, and everything goes on when it answers again', async (t) => {
  // covers: F055 node, F073 node
  const { proxy, producer, topic, handle } = await stallable(t, { bufferMemory: 64 * KIB, maxBlockMs: 3_600_000 });
  await proxy.command('stall');
  const count = fill(handle);
  assert.ok(count > 900 && count < 1300, `${count} records were taken`);
  // A promise waits for room instead.
  const [sent, batch] = [handle.send('sent'), handle.sendBatch(['b', 'c'])];
  assert.throws(() => handle.enqueue('x'), { code: 'QUEUE_FULL', retriable: true, outcome: 'NOT_SENT' });
  await proxy.command('resume');
  const flushed = producer.flush();
  assert.equal((await sent).offset, BigInt(count + 1));
  assert.deepEqual((await batch).map(({ offset }) => offset), [BigInt(count + 2), BigInt(count + 3)]);
  await flushed;
  const values = [];
  while (values.length < count + 4) {
    for (const { value } of await client.consume(topic, 0, BigInt(values.length), 500)) values.push(String(value));
  }
  const expected = Array.from({ length: count }, (_, i) => String(i).padEnd(KIB));
  assert.deepEqual(values, ['first', ...expected, 'sent', 'b', 'c']);
  assert.equal(producer.stats().pending, 0);
  assert.equal(handle.enqueue('room again'), count + 1);
});

test('where memory is left but too much waits, records are held back too, in their order', async (t) => {
  // covers: F073 node
  // Half of the delivery timeout is enough for about 2500 records of a broker whose pace is not known yet.
  const sink = await startSink(t);
  const proxy = await faultProxy(t, sink.address);
  const options = { bootstrapServers: proxy.address, requestTimeoutMs: 10_000, deliveryTimeoutMs: 20_000 };
  const producer = new Producer(options);
  t.after(() => producer.close());
  const handle = producer.topic('held');
  await producer.getPartitionCount('held');
  await proxy.command('stall');
  const count = fill(handle);
  const sent = [handle.send('sent'), handle.sendBatch(['b', 'c'])];
  await proxy.command('resume');
  const offsets = (await Promise.all(sent)).flat().map(({ offset }) => offset);
  assert.deepEqual(offsets, [count, count + 1, count + 2].map(BigInt));
  assert.equal(producer.stats().recordsFailed, 0);
});

test('a promise waits for room no longer than maxBlockMs', async (t) => {
  // covers: F073 node
  const { proxy, producer, handle } = await stallable(t, { bufferMemory: 64 * KIB, maxBlockMs: 300 });
  await proxy.command('stall');
  const refused = [];
  producer.on('deliveries', ({ numbers, error }) => error && refused.push(...numbers.map(() => error.code)));
  fill(handle);
  await failsWith('QUEUE_FULL', handle.send('late'));
  await new Promise(setImmediate);
  assert.ok(refused.length > 800);
  assert.deepEqual(new Set(refused), new Set(['QUEUE_FULL']));
  await failsWith('QUEUE_FULL', handle.sendBatch(['late', 'too']));
  await proxy.command('resume');
  assert.ok((await handle.send('in time')).offset > 0n);
});

test('what waits for room can be given up', async (t) => {
  const { proxy, producer, handle } = await stallable(t, { bufferMemory: 64 * KIB, maxBlockMs: 3_600_000 });
  await proxy.command('stall');
  const count = fill(handle);
  const sent = failsWith('PURGED', handle.send('sent'));
  const purged = producer.purge();
  assert.ok(purged > 900 && purged <= count + 1, `${purged} of ${count} records were given up`);
  await sent;
  await proxy.command('resume');
  await producer.flush();
  assert.ok((await handle.send('next')).offset > 0n);
});

test('once nothing waits for room any more, large records are taken again', async (t) => {
  // covers: F073 node
  const options = { bufferMemory: 4096 * KIB, maxBlockMs: 300 };
  const { proxy, producer, handle } = await stallable(t, options);
  for (const end of ['time', 'purge']) {
    await proxy.command('stall');
    const large = Buffer.alloc(1536 * KIB);
    const sent = Array.from({ length: 4 }, () => handle.send(large));
    const last = failsWith(end === 'time' ? 'QUEUE_FULL' : 'PURGED', sent.at(-1));
    sent.slice(0, -1).forEach((each) => each.catch(() => {}));
    if (end === 'purge') {
      await new Promise(setImmediate);
      producer.purge();
    }
    await last;
    await proxy.command('resume');
    await producer.flush();
    handle.enqueue(large);
    await producer.flush();
  }
});

test('closing ends in time, and says of each record that it was not delivered', async (t) => {
  // covers: F056 node
  const { proxy, producer, handle } = await stallable(t, { bufferMemory: 64 * KIB, maxBlockMs: 3_600_000 });
  await proxy.command('stall');
  fill(handle);
  const [sent, batch] = [handle.send('sent'), handle.sendBatch(['b', 'c'])];
  const failed = [failsWith('CLOSED', sent), failsWith('CLOSED', batch)];
  await failsWith('TIMED_OUT', producer.close({ timeoutMs: 50 }));
  await Promise.all(failed);
});

test('a connection that is cut loses no record', async (t) => {
  // covers: F074 node
  const topic = await newTopic();
  const { address, cut } = await relay(t, broker.address);
  const producer = new Producer({ bootstrapServers: address, retryBackoffMs: 10 });
  t.after(() => producer.close());
  const handle = producer.topic(topic);
  await handle.send('0');
  const sent = [];
  for (let i = 1; i <= 100; i++) {
    sent.push(handle.send(`${i}`));
    if (i % 40 === 0) await Promise.all([cut(), new Promise(setImmediate)]);
  }
  const offsets = (await Promise.all(sent)).map(({ offset }) => offset);
  assert.equal(new Set(offsets).size, 100);
});

test('the process ends by itself when every record is settled', async () => {
  const source = `
    const producer = new Producer(address);
    producer.on('deliveries', ({ error }) => console.log(error));
    producer.enqueue('exits', 'a');
    producer.send('exits', 'b').then(({ topic }) => console.log(topic));`;
  const { code, stdout, stderr } = await run(source, broker.address);
  assert.deepEqual([code, stderr], [0, '']);
  assert.deepEqual(stdout.trim().split('\n').sort(), ['exits', 'null']);
  assert.equal((await client.getMetadata('exits')).name, 'exits');
});

test('a producer that is left open keeps no process', async () => {
  const source = `
    const producer = await Producer.connect(address);
    await producer.send('left', 'a');
    await producer.flush();
    console.log(producer.stats().pending);`;
  const { code, stdout, stderr } = await run(source, broker.address);
  assert.deepEqual([code, stdout, stderr], [0, '0\n', '']);
});

test('the process may end with records pending', async (t) => {
  const proxy = await faultProxy(t, broker.address);
  await proxy.command('stall');
  const source = `
    const producer = new Producer({ bootstrapServers: address, bufferMemory: 65536 });
    const handle = producer.topic('pending');
    for (let i = 0; i < 500; i++) handle.send('x'.repeat(1000));
    handle.sendBatch(['a', 'b']);
    setImmediate(() => process.exit(7));`;
  const { code, signal, stderr } = await run(source, proxy.address);
  assert.deepEqual([code, signal, stderr], [7, null, '']);
});

/** Starts a worker whose body has `Producer`, `address` and `parentPort`. */
function start(body, address) {
  const source = `
    const { parentPort, workerData: { address, module } } = require('node:worker_threads');
    const { Producer } = require(module);
    (async () => { ${body} })();`;
  const module = new URL('../index.js', import.meta.url).pathname;
  return new Worker(source, { eval: true, workerData: { address, module } });
}

test('a producer per worker, each left open', async () => {
  const topic = await newTopic(4);
  const results = Array.from({ length: 4 }, async (_, partition) => {
    const body = `
      const handle = new Producer(address).topic('${topic}');
      const send = (_, i) => handle.send('v' + i, { partition: ${partition} });
      const sent = await Promise.all(Array.from({ length: 200 }, send));
      parentPort.postMessage(sent.map(({ offset }) => offset));`;
    const worker = start(body, broker.address);
    const [[offsets], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
    return [offsets, code];
  });
  const expected = Array.from({ length: 200 }, (_, i) => BigInt(i));
  assert.deepEqual(await Promise.all(results), Array(4).fill([expected, 0]));
});

test('workers may be ended with records pending', async (t) => {
  const proxy = await faultProxy(t, broker.address);
  await proxy.command('stall');
  const body = `
    const handle = new Producer({ bootstrapServers: address, bufferMemory: 65536 }).topic('ended');
    for (let i = 0; i < 500; i++) handle.send('x'.repeat(1000)).catch(() => {});
    setImmediate(() => parentPort.postMessage('pending'));`;
  const workers = Array.from({ length: 4 }, () => start(body, proxy.address));
  await Promise.all(
    workers.map(async (worker) => {
      await once(worker, 'message');
      assert.equal(await worker.terminate(), 1);
    }),
  );
  await client.ping();
});

test('producers that are dropped are collected, with their records delivered', async () => {
  const topic = await newTopic();
  const source = `
    import { setTimeout } from 'node:timers/promises';
    let collected = 0;
    const registry = new FinalizationRegistry(() => collected++);
    const use = async () => {
      const producer = new Producer(address);
      registry.register(producer);
      producer.topic('${topic}').enqueue('enqueued');
      await producer.send('${topic}', 'sent');
    };
    for (let i = 0; i < 20; i++) await use();
    for (let i = 0; i < 400 && collected < 20; i++) { gc(); await setTimeout(20); }
    console.log(collected);`;
  const { code, stdout, stderr } = await run(source, broker.address, ['--expose-gc']);
  assert.deepEqual([code, stdout, stderr], [0, '20\n', '']);
  assert.deepEqual(await client.getOffsetBounds(topic, 0), { earliest: 0n, latest: 40n });
});

test('a dropped producer settles the promises it has under way', async () => {
  const topic = await newTopic();
  const source = `
    const sent = new Producer({ bootstrapServers: address, lingerMs: 50 }).send('${topic}', 'v');
    for (let i = 0; i < 10; i++) { gc(); await new Promise(setImmediate); }
    console.log((await sent).offset);`;
  const { code, stdout, stderr } = await run(source, broker.address, ['--expose-gc']);
  assert.deepEqual([code, stdout, stderr], [0, '0n\n', '']);
});
