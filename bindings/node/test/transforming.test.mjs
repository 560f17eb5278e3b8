// Records read, worked on and written by transactions, against the real broker.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Consumer, ConsumerRecords, Producer, Transaction, Transformer, transform } from 'rivven';

import { failsWith, refuses, withBroker } from '../testing/fixture.mjs';
import { faultProxy, run } from '../testing/servers.mjs';

const { broker, client, newTopic } = await withBroker();

const RECORDS = 150;
const PARTITIONS = [0, 1, 2];

/** How long anything may take on a busy machine. */
const PATIENCE = 60_000;

const numbered = Array.from({ length: RECORDS }, (_, number) => String(number).padStart(6, '0'));

let works = 0;

/** Numbered records to read, a topic to write to, and a group. */
async function prepared() {
  const [input, output, group] = [await newTopic(3), await newTopic(3), `transforming-${++works}`];
  const records = (partition) => numbered.filter((_, number) => number % 3 === partition);
  await Promise.all(PARTITIONS.map((partition) => client.publishBatch(input, records(partition), { partition })));
  return { input, output, group };
}

/** The options of a consumer and a producer. */
function options(group, bootstrapServers = broker.address) {
  const quick = { processRetries: 5, processRetryBackoffMs: 5, processRetryBackoffMaxMs: 50 };
  const reads = { bootstrapServers, groupId: group, enableAutoCommit: false, maxPollRecords: 20, maxPollIntervalMs: 500 };
  const writes = { bootstrapServers, transactionalId: group, retryBackoffMs: 5, retryBackoffMaxMs: 50 };
  return { reading: { ...reads, ...quick }, writing: { ...writes, transactionTimeoutMs: 10_000 } };
}

/** A consumer and a producer, closed after the test. */
function both(t, { input, group }, address) {
  const { reading, writing } = options(group, address);
  const [consumer, producer] = [new Consumer(reading), new Producer(writing)];
  t.after(() => Promise.all([consumer.close(), producer.close()]));
  consumer.assign(PARTITIONS.map((partition) => ({ topic: input, partition })));
  return { consumer, producer };
}

/** The values that were written and are committed. */
async function written({ output }) {
  const all = PARTITIONS.map((partition) => client.consumeReadCommitted(output, partition, 0, 5000));
  return (await Promise.all(all)).flat().map(({ value }) => String(value)).sort();
}

/** How many records the group is behind. */
async function read({ group, input }) {
  const offsets = await Promise.all(PARTITIONS.map((partition) => client.getOffset(group, input, partition)));
  return offsets.reduce((sum, offset) => sum + Number(offset ?? 0n), 0);
}

/** Expects each record to be written once, and the group to be behind all of them. */
async function check(work) {
  assert.deepEqual(await written(work), numbered);
  for (const partition of PARTITIONS) assert.equal(await client.getOffset(work.group, work.input, partition), 50n);
}

/** Expects nothing to count. */
async function checkNothing(work) {
  assert.deepEqual(await written(work), []);
  for (const partition of PARTITIONS) assert.equal(await client.getOffset(work.group, work.input, partition), null);
}

/** Works step by step until so many records count. */
async function work(t, prepared, count, address) {
  const { consumer, producer } = both(t, prepared, address);
  const transformer = new Transformer(consumer, producer);
  while ((await transformer.report()).records < count) {
    const { records, transaction } = await transformer.next();
    try {
      for (const value of records.values()) transaction.enqueue(prepared.output, value);
    } catch (error) {
      // A lost connection may come in between.
      assert.ok(error.abortable, inspect(error));
    }
    await transformer.commit();
  }
  return transformer.report();
}

test('every record counts once', async (t) => {
  // covers: F120 node
  const prepare = await prepared();
  const { consumer, producer } = both(t, prepare);
  let seen = 0;
  const report = await transform(consumer, producer, async (records, transaction) => {
    assert.ok(records instanceof ConsumerRecords);
    assert.ok(transaction instanceof Transaction);
    assert.ok(transaction.isOpen);
    await setTimeout(0);
    for (const { key, value } of records) transaction.enqueue(prepare.output, value, { key });
    seen += records.length;
    if (seen === RECORDS) consumer.wakeup();
  });
  const { transactions, ...rest } = report;
  assert.deepEqual(rest, { records: RECORDS, aborted: 0, uncertain: 0 });
  assert.ok(transactions >= Math.ceil(RECORDS / 20));
  await check(prepare);
});

test('what a handler has sent counts, whether it was awaited or not', async (t) => {
  // covers: F120 node
  const prepare = await prepared();
  const { consumer, producer } = both(t, prepare);
  const sent = [];
  const report = await transform(consumer, producer, (records, transaction) => {
    for (const { value } of records) sent.push(transaction.send(prepare.output, value));
    if (sent.length === RECORDS) consumer.wakeup();
  });
  assert.equal(report.records, RECORDS);
  assert.equal((await Promise.all(sent)).length, RECORDS);
  await check(prepare);
});

test('records whose handler fails are read again', async (t) => {
  // covers: F120 node
  const prepare = await prepared();
  const { consumer, producer } = both(t, prepare);
  let [rounds, counted] = [0, 0];
  const report = await transform(consumer, producer, (records, transaction) => {
    for (const { value } of records) transaction.enqueue(prepare.output, value);
    // Once it throws, once what it gives is rejected.
    if (++rounds === 2) throw new Error('not today');
    if (rounds === 4) return Promise.reject(null);
    counted += records.length;
    if (counted === RECORDS) consumer.wakeup();
  });
  assert.deepEqual([report.records, report.aborted, report.uncertain], [RECORDS, 2, 0]);
  await check(prepare);
});

test('work that fails every time ends it and counts for nothing', async (t) => {
  // covers: F120 node, F123 node
  const prepare = await prepared();
  const { consumer, producer } = both(t, prepare);
  const thrown = [];
  const working = transform(consumer, producer, async (records, transaction) => {
    await transaction.send(prepare.output, records.at(0).value);
    thrown.push(new Error('on purpose'));
    throw thrown.at(-1);
  });
  await assert.rejects(working, (error) => {
    assert.deepEqual([error.code, error.outcome], ['PROCESSING_FAILED', 'NOT_SENT']);
    assert.equal(error.cause, thrown.at(-1));
    return true;
  });
  assert.equal(thrown.length, 6);
  await checkNothing(prepare);
});

test('it can be done step by step', async (t) => {
  // covers: F120 node
  const prepare = await prepared();
  const { consumer, producer } = both(t, prepare);
  const transformer = new Transformer(consumer, producer);
  assert.equal(inspect(transformer), 'Transformer {}');
  await failsWith('INVALID_STATE', transformer.commit());
  await failsWith('INVALID_STATE', transformer.fail('no reason'));
  assert.deepEqual(await transformer.report(), { transactions: 0, records: 0, aborted: 0, uncertain: 0 });

  const failed = await transformer.next();
  await failed.transaction.send(prepare.output, 'dropped');
  assert.equal(await transformer.fail('not today'), undefined);
  await failsWith('INVALID_STATE', transformer.commit());
  // One that is neither committed nor failed is aborted by the next.
  const left = await transformer.next();
  await left.transaction.send(prepare.output, 'dropped');

  const counted = await transformer.next();
  assert.equal(left.transaction.isOpen, false);
  assert.notEqual(counted.transaction.producerId, left.transaction.producerId);
  const values = counted.records.values();
  await counted.transaction.sendBatch(prepare.output, values);
  assert.equal(await transformer.commit(), true);
  const report = { transactions: 1, records: counted.records.length, aborted: 2, uncertain: 0 };
  assert.deepEqual(await transformer.report(), report);
  assert.deepEqual(await written(prepare), values.map(String).sort());

  // One that its program has ended by itself cannot be committed, and is read again.
  const ended = await transformer.next();
  await ended.transaction.abort();
  await assert.rejects(transformer.commit(), { code: 'INVALID_STATE' });
  consumer.wakeup();
  assert.equal(await transformer.next(), null);
  assert.deepEqual(await transformer.report(), { ...report, aborted: 3 });
  await consumer.close();
  assert.equal(await transformer.next(), null);
});

test('a consumer that is closed ends it', async (t) => {
  // covers: F120 node
  const prepare = await prepared();
  const { consumer, producer } = both(t, prepare);
  const working = transform(consumer, producer, (records, transaction) => {
    for (const { value } of records) transaction.enqueue(prepare.output, value);
  });
  const begin = performance.now();
  while ((await written(prepare)).length < RECORDS || (await read(prepare)) < RECORDS) {
    assert.ok(performance.now() - begin < PATIENCE);
    await setTimeout(5);
  }
  await consumer.close();
  assert.equal((await working).records, RECORDS);
  await check(prepare);
});

test('records that another program had at work when it was killed count once', async (t) => {
  // covers: F120 node
  const prepare = await prepared();
  const { reading, writing } = options(prepare.group);
  const source = `
    import { Consumer, Transformer } from 'rivven';
    const { reading, writing, input, output } = address;
    const consumer = new Consumer(reading);
    consumer.assign([0, 1, 2].map((partition) => ({ topic: input, partition })));
    const transformer = new Transformer(consumer, new Producer({ ...writing, transactionTimeoutMs: 1000 }));
    const first = await transformer.next();
    await first.transaction.sendBatch(output, first.records.values());
    await transformer.commit();
    const { records, transaction } = await transformer.next();
    await transaction.sendBatch(output, records.values());
    await transaction.sendConsumerOffsets(consumer);
    console.log(first.records.length);
    process.kill(process.pid, 'SIGKILL');`;
  const { signal, stdout, stderr } = await run(source, { reading, writing, ...prepare });
  assert.deepEqual([signal, stderr], ['SIGKILL', '']);
  await work(t, prepare, RECORDS - Number(stdout));
  // The broker shows what the other one has written until it aborts it.
  const begin = performance.now();
  while ((await written(prepare)).length > RECORDS) {
    assert.ok(performance.now() - begin < PATIENCE);
    await setTimeout(50);
  }
  await check(prepare);
});

test('a transformer that is dropped leaves its records to the next one', async (t) => {
  // covers: F120 node
  const prepare = await prepared();
  const { reading, writing } = options(prepare.group);
  const source = `
    import { Consumer, Transformer } from 'rivven';
    const { reading, writing, input, output } = address;
    const consumer = new Consumer(reading);
    const producer = new Producer(writing);
    consumer.assign([0, 1, 2].map((partition) => ({ topic: input, partition })));
    async function drop() {
      const { records, transaction } = await new Transformer(consumer, producer).next();
      await transaction.sendBatch(output, records.values());
    }
    await drop();
    let next;
    while (!next) {
      gc();
      await new Promise(setImmediate);
      next = await producer.beginTransaction().catch(() => null);
    }
    await next.abort();
    await Promise.all([consumer.close(), producer.close()]);`;
  const { code, stderr } = await run(source, { reading, writing, ...prepare }, ['--expose-gc']);
  assert.deepEqual([code, stderr], [0, '']);
  await checkNothing(prepare);
  await work(t, prepare, RECORDS);
  await check(prepare);
});

test('cut connections change nothing', async (t) => {
  // covers: F120 node
  const prepare = await prepared();
  const proxy = await faultProxy(t, broker.address);
  let done = false;
  const working = work(t, prepare, RECORDS, proxy.address).finally(() => (done = true));
  const cutting = (async () => {
    for (let cuts = 0; !done && cuts < 20; cuts++) {
      await setTimeout(20 + cuts * 7);
      await proxy.command('cut');
    }
  })();
  const report = await working;
  await cutting;
  assert.deepEqual([report.records, report.uncertain], [RECORDS, 0]);
  await check(prepare);
});

test('what cannot count once is refused', async (t) => {
  // covers: F120 node
  const { consumer, producer } = both(t, { input: await newTopic(3), group: 'refused' });
  const committing = new Consumer({ bootstrapServers: broker.address });
  const plain = new Producer(broker.address);
  t.after(() => Promise.all([committing.close(), plain.close()]));
  assert.throws(() => new Transformer(committing, producer), { code: 'INVALID_CONFIG' });
  assert.throws(() => new Transformer(consumer, plain), { code: 'INVALID_CONFIG' });
  await failsWith('INVALID_CONFIG', transform(consumer, plain, () => {}));
  await refuses([
    ...[undefined, null, {}, producer].map((wrong) => () => transform(wrong, producer, () => {})),
    ...[undefined, null, {}, consumer].map((wrong) => () => transform(consumer, wrong, () => {})),
    ...[undefined, null, {}].map((handler) => () => transform(consumer, producer, handler)),
    ...[undefined, null, new Error('x')].map((why) => () => new Transformer(consumer, producer).fail(why)),
  ]);
});
