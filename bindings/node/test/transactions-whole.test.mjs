// Transactions that look after their steps by themselves, against the real broker.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Consumer, Producer, RecordMetadata, RivvenError, Transaction } from 'rivven';

import { failsWith, refuses, withBroker } from '../testing/fixture.mjs';
import { faultProxy, run, scriptedBroker } from '../testing/servers.mjs';

const { broker, client, newTopic } = await withBroker();

/** How long anything may take on a busy machine. */
const PATIENCE = 60_000;

/** A producer of transactions, closed after the test. */
function producing(t, options = {}) {
  const quick = { retryBackoffMs: 5, retryBackoffMaxMs: 50 };
  const producer = new Producer({ bootstrapServers: broker.address, transactionalId: 'etl', ...quick, ...options });
  t.after(() => producer.close());
  return producer;
}

/** The values that are shown to those who read what is committed, by partition. */
async function committed(topic, partitions = 1) {
  const all = Array.from({ length: partitions }, (_, partition) => client.consumeReadCommitted(topic, partition, 0, 5000));
  return (await Promise.all(all)).map((records) => records.map(({ value }) => String(value)));
}

/** Expects a call to fail with these fields of its error. */
function fails(fields, promise) {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof RivvenError, inspect(error));
    assert.deepEqual(Object.fromEntries(Object.keys(fields).map((name) => [name, error[name]])), fields);
    return true;
  });
}

const numbered = (count) => Array.from({ length: count }, (_, number) => `v${String(number).padStart(6, '0')}`);

test('records and offsets count together', async (t) => {
  // covers: F120 node
  const [input, output] = [await newTopic(), await newTopic(3)];
  const producer = producing(t);
  const transaction = await producer.beginTransaction();
  assert.ok(transaction instanceof Transaction);
  const { id, producerId } = transaction;
  assert.deepEqual([id, typeof producerId, transaction.isOpen], ['etl', 'bigint', true]);
  assert.equal(inspect(transaction), inspect({ id, producerId, isOpen: true }));

  for (const value of numbered(100)) assert.equal(transaction.enqueue(output, value), undefined);
  // murmur2 leads "kafka" to partition 1 of 3.
  const byKey = await transaction.send(output, Buffer.from('by key'), { key: 'kafka' });
  assert.ok(byKey instanceof RecordMetadata);
  assert.deepEqual([byKey.topic, byKey.partition, typeof byKey.offset], [output, 1, 'bigint']);
  transaction.enqueue(output, new Uint8Array([99]), { key: new Uint8Array(), partition: 2 });
  const sent = await transaction.sendBatch(output, [{ key: 'kafka', value: 'one' }, 'two']);
  assert.deepEqual([sent.length, sent[0].partition], [2, 1]);
  assert.deepEqual(await transaction.sendBatch(output, []), []);
  assert.equal((await transaction.send('created', 'x', { partition: 0 })).partition, 0);
  assert.equal(await transaction.sendOffsets('readers', [{ topic: input, partition: 0, offset: 1n }]), undefined);
  assert.equal(await transaction.flush(), undefined);
  assert.equal(await client.getOffset('readers', input, 0), null);
  assert.equal(await transaction.commit(), undefined);

  assert.equal(transaction.isOpen, false);
  assert.equal(await client.getOffset('readers', input, 0), 1n);
  const values = await committed(output, 3);
  assert.equal(new Set(values.flat()).size, 104);
  assert.equal(values.flat().length, 104);
  for (const partition of values) {
    const inOrder = partition.filter((value) => value.startsWith('v'));
    assert.deepEqual(inOrder, inOrder.toSorted());
  }
  const empty = (await client.consume(output, 2, 0, 1000)).find(({ value }) => String(value) === 'c');
  assert.deepEqual(empty.key, Buffer.alloc(0));

  const aborted = await Transaction.begin(producer);
  assert.notEqual(aborted.producerId, producerId);
  for (const value of numbered(50)) aborted.enqueue(output, value);
  await aborted.sendOffsets('readers', new Set([{ topic: input, partition: 0, offset: 0 }]));
  assert.equal(await aborted.abort(), undefined);
  assert.equal((await committed(output, 3)).flat().length, 104);
  assert.equal(await client.getOffset('readers', input, 0), 1n);
});

test('every misuse has its error', async (t) => {
  // covers: F120 node, F123 node
  const topic = await newTopic();
  const plain = new Producer(broker.address);
  t.after(() => plain.close());
  await failsWith('INVALID_STATE', plain.beginTransaction());
  const producer = producing(t);
  await failsWith('INVALID_STATE', producer.send(topic, 'outside'));
  assert.throws(() => producer.enqueue(topic, 'outside'), { code: 'INVALID_STATE' });
  assert.throws(() => producer.topic(topic).enqueue('outside'), { code: 'INVALID_STATE' });
  await failsWith('INVALID_STATE', producer.sendBatch(topic, ['outside']));

  const transaction = await producer.beginTransaction();
  await failsWith('INVALID_STATE', producer.beginTransaction());
  await failsWith('INVALID_TOPIC', transaction.send('..', 'v'));
  assert.throws(() => transaction.enqueue('no spaces', 'v'), { code: 'INVALID_TOPIC' });
  await failsWith('INVALID_ARGUMENT', transaction.sendOffsets('g', []));
  await failsWith('INVALID_ARGUMENT', transaction.sendOffsets('g', [{ topic, partition: 0, offset: 2n ** 63n }]));
  await failsWith('INVALID_GROUP_ID', transaction.sendOffsets('?', [{ topic, partition: 0, offset: 1 }]));
  await transaction.send(topic, 'v');
  await transaction.commit();

  const over = { code: 'INVALID_STATE', outcome: 'NOT_SENT', abortable: false, retriable: false };
  for (const call of ['commit', 'abort', 'flush']) await fails(over, transaction[call]());
  await fails(over, transaction.send(topic, 'v'));
  await fails(over, transaction.sendBatch(topic, ['v']));
  await fails(over, transaction.sendOffsets('g', [{ topic, partition: 0, offset: 1 }]));

  const aborted = await producer.beginTransaction();
  await aborted.abort();
  assert.throws(() => aborted.enqueue(topic, 'v'), over);
  await fails(over, aborted.abort());
  assert.deepEqual(await committed(topic), [['v']]);

  await producer.close();
  await failsWith('CLOSED', producer.beginTransaction());
});

test('what fails for good leaves nothing but an abort', async (t) => {
  // covers: F120 node, F123 node
  const topic = await newTopic();
  const producer = producing(t);
  const doomed = await producer.beginTransaction();
  await doomed.send(topic, 'dropped');
  await failsWith('INVALID_PARTITION', doomed.send(topic, 'v', { partition: 99 }));
  assert.equal(doomed.isOpen, false);
  const refused = { code: 'INVALID_TXN_STATE', abortable: true, retriable: false, fatal: false, outcome: 'NOT_SENT' };
  await fails(refused, doomed.send(topic, 'v'));
  assert.throws(() => doomed.enqueue(topic, 'v'), refused);
  await fails(refused, doomed.commit());
  await doomed.abort();

  // Of a record that nobody waits for the commit tells.
  const next = await producer.beginTransaction();
  next.enqueue(topic, 'v', { partition: 99 });
  await assert.rejects(next.commit(), { abortable: true });
  await next.abort();
  assert.deepEqual(await committed(topic), [[]]);
});

test('calls with a transaction may be made side by side', async (t) => {
  // covers: F120 node
  const topic = await newTopic();
  const transaction = await producing(t).beginTransaction();
  const values = numbered(50);
  const sent = await Promise.all(values.map((value) => transaction.send(topic, value)));
  assert.deepEqual(sent.map(({ offset }) => offset), values.map((_, index) => BigInt(index)));
  const offsets = [0n, 1n].map((offset) => transaction.sendOffsets(`side-${offset}`, [{ topic, partition: 0, offset }]));
  const ended = await Promise.allSettled([transaction.commit(), transaction.commit(), ...offsets]);
  assert.deepEqual(ended.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  assert.equal(ended[1].reason.code, 'INVALID_STATE');
  assert.equal(await client.getOffset('side-1', topic, 0), 1n);
  assert.deepEqual(await committed(topic), [values]);
});

test('records that wait for room do not miss the commit, and keep their order', async (t) => {
  // covers: F120 node
  const topic = await newTopic();
  const transaction = await producing(t, { batchSize: 4096, bufferMemory: 65_536 }).beginTransaction();
  const values = numbered(50).map((value) => value.padEnd(4000));
  assert.throws(() => values.forEach((value) => transaction.enqueue(topic, value)), { code: 'QUEUE_FULL', retriable: true });
  await transaction.flush();
  const before = (await client.consume(topic, 0, 0, 1000)).length;
  const sent = Promise.all(values.map((value) => transaction.send(topic, value)));
  const batch = transaction.sendBatch(topic, values);
  await transaction.commit();
  assert.equal((await sent).length + (await batch).length, 100);
  assert.deepEqual((await committed(topic))[0].slice(before), [...values, ...values]);
});

test('the end of a block aborts what was not ended', async (t) => {
  // covers: F120 node
  const topic = await newTopic();
  const producer = producing(t);
  const left = await producer.beginTransaction();
  await left.send(topic, 'dropped');
  await left[Symbol.asyncDispose]();
  await left[Symbol.asyncDispose]();
  const ended = await producer.beginTransaction();
  await ended.send(topic, 'kept');
  await ended.commit();
  await ended[Symbol.asyncDispose]();
  const doomed = await producer.beginTransaction();
  await failsWith('INVALID_PARTITION', doomed.send(topic, 'v', { partition: 99 }));
  await doomed[Symbol.asyncDispose]();

  const open = await producer.beginTransaction();
  await open.send(topic, 'open');
  await producer.close();
  await assert.rejects(open.commit(), RivvenError);
  assert.equal(open.isOpen, false);
  await open[Symbol.asyncDispose]();
  assert.deepEqual(await committed(topic), [['kept']]);
});

test('a transaction that is dropped is aborted', async () => {
  // covers: F120 node
  const topic = await newTopic();
  const source = `
    const producer = new Producer({ bootstrapServers: address, transactionalId: 'dropping' });
    async function begun() {
      for (;;) {
        gc();
        try {
          return await producer.beginTransaction();
        } catch (error) {
          // The one before is not collected yet.
          if (error.code !== 'INVALID_STATE') throw error;
        }
        await new Promise(setImmediate);
      }
    }
    const drop = async (value) => (await begun()).send('${topic}', value);
    for (let round = 0; round < 6; round++) await drop('dropped ' + round);
    const kept = await begun();
    await kept.send('${topic}', 'kept');
    await kept.commit();
    await producer.close();`;
  const { code, signal, stderr } = await run(source, broker.address, ['--expose-gc']);
  assert.deepEqual([code, signal, stderr], [0, null, '']);
  assert.deepEqual(await committed(topic), [['kept']]);
});

test('a call keeps the process alive, and an open transaction does not', async () => {
  const topic = await newTopic();
  const source = `
    const producer = new Producer({ bootstrapServers: address, transactionalId: 'leaving', transactionTimeoutMs: 1000 });
    const transaction = await producer.beginTransaction();
    transaction.enqueue('${topic}', 'kept');
    await transaction.commit();
    const left = await Transaction.begin(producer);
    console.log('begun');`;
  const { code, signal, stdout } = await run(`import { Transaction } from 'rivven';${source}`, broker.address);
  assert.deepEqual([code, signal, stdout.trim()], [0, null, 'begun']);
  assert.deepEqual(await committed(topic), [['kept']]);
});

test('the positions of a consumer count together with the records', async (t) => {
  // covers: F118 node, F120 node
  const [input, output] = [await newTopic(2), await newTopic()];
  for (const partition of [0, 1]) await client.publishBatch(input, ['a', 'b', 'c', 'd'], { partition });
  const consumer = new Consumer({ bootstrapServers: broker.address, groupId: 'moving', enableAutoCommit: false });
  t.after(() => consumer.close());
  consumer.assign([{ topic: input, partition: 0 }]);
  const producer = producing(t);
  const position = (partition = 0) => client.getOffset('moving', input, partition);

  const aborted = await producer.beginTransaction();
  assert.equal((await consumer.poll()).length, 4);
  await aborted.sendConsumerOffsets(consumer);
  await aborted.abort();
  assert.equal(await position(), null);

  const kept = await producer.beginTransaction();
  await kept.send(output, 'v');
  assert.equal(await kept.sendConsumerOffsets(consumer), undefined);
  assert.equal(await position(), null);
  await kept.commit();
  assert.equal(await position(), 4n);

  // Of records that are taken one by one those count that were given.
  consumer.assign([{ topic: input, partition: 1 }]);
  const last = await producer.beginTransaction();
  for await (const { offset } of consumer) {
    if (offset < 2n) continue;
    await last.sendConsumerOffsets(consumer);
    break;
  }
  await last.commit();
  assert.equal(await position(1), 3n);

  const late = await producer.beginTransaction();
  assert.equal((await consumer.poll()).length, 1);
  await late.sendConsumerOffsets(consumer);
  consumer.assign([{ topic: input, partition: 0 }]);
  await assert.rejects(late.commit(), { abortable: true });
  await late.abort();
  assert.equal(await position(1), 3n);

  await consumer.close();
  const closed = await producer.beginTransaction();
  await failsWith('CLOSED', closed.sendConsumerOffsets(consumer));
  await closed.abort();
});

test('a lost answer leaves nothing but an abort', async (t) => {
  // covers: F120 node, F123 node
  const topic = await newTopic();
  const proxy = await faultProxy(t, broker.address);
  const producer = producing(t, { bootstrapServers: proxy.address });
  const transaction = await producer.beginTransaction();
  await transaction.send(topic, 'dropped');
  await proxy.command('stall');
  const sent = transaction.send(topic, 'dropped');
  const failed = fails({ outcome: 'UNKNOWN' }, sent);
  await setTimeout(50);
  await proxy.command('cut');
  await proxy.command('resume');
  await failed;
  await fails({ abortable: true, outcome: 'NOT_SENT' }, transaction.commit());
  await transaction.abort();
  const again = await producer.beginTransaction();
  await again.send(topic, 'kept');
  await again.commit();
  assert.deepEqual(await committed(topic), [['kept']]);
});

test('a commit that nobody can tell of is of unknown outcome', async (t) => {
  // covers: F119 node, F120 node, F123 node
  const scripted = await scriptedBroker(t, { topics: { t: 1 } });
  const rule = (rule) => scripted.command(`rule ${JSON.stringify(rule)}`);
  const producer = producing(t, { bootstrapServers: scripted.address });
  const transaction = await producer.beginTransaction();
  await transaction.send('t', 'v');
  await rule({ on: 'CommitTransaction', times: 1, execute: true, do: 'close_connection' });
  await rule({ on: 'CommitTransaction', times: 1, do: { answer: { error: 'INVALID_TXN_ID: etl' } } });
  await rule({ on: 'TransactionalPublish', times: 1, do: { answer: { error: 'UNKNOWN_PRODUCER_ID: 1' } } });
  const unknown = { code: 'COMMIT_FAILED', outcome: 'UNKNOWN', retriable: false, abortable: false };
  await fails(unknown, transaction.commit());
  await failsWith('INVALID_STATE', transaction.abort());
});

test('a place at the broker is waited for', async (t) => {
  // covers: F116 node, F120 node
  const others = [];
  for (let number = 0; number < 5; number++) {
    const other = await client.initProducerId();
    await client.beginTransaction('other', other);
    others.push(other);
  }
  await failsWith('TIMED_OUT', producing(t, { maxBlockMs: 200 }).beginTransaction());
  const begun = producing(t).beginTransaction();
  await client.abortTransaction('other', others.pop());
  await (await begun).abort();
  for (const other of others) await client.abortTransaction('other', other);
});

test('a begin that waits for another one has no more time', async (t) => {
  const producer = producing(t, { bootstrapServers: '127.0.0.1:1', maxBlockMs: 1000 });
  const begun = performance.now();
  const both = [producer.beginTransaction(), producer.beginTransaction()];
  await Promise.all(both.map((one) => failsWith('TIMED_OUT', one)));
  assert.ok(performance.now() - begun < 1800);
});

test('an idle transaction is aborted in time', async (t) => {
  // covers: F120 node
  const topic = await newTopic();
  const transaction = await producing(t, { transactionTimeoutMs: 1000 }).beginTransaction();
  await transaction.send(topic, 'v');
  const begin = performance.now();
  while (transaction.isOpen || (await committed(topic))[0].length > 0) {
    assert.ok(performance.now() - begin < PATIENCE);
    await setTimeout(20);
  }
  await fails({ code: 'INVALID_TXN_STATE', abortable: true }, transaction.commit());
  await transaction.abort();
});

test('what is no argument is refused, and dooms nothing', async (t) => {
  const topic = await newTopic();
  const producer = producing(t);
  const transaction = await producer.beginTransaction();
  const place = { topic, partition: 0 };
  const options = [5, { headers: {} }, { partition: 1.5 }, { partition: -1 }, { key: 5 }];
  await refuses([
    ...[undefined, null, {}, client, 'producer'].map((producer) => () => Transaction.begin(producer)),
    ...[undefined, null, {}, producer].map((consumer) => () => transaction.sendConsumerOffsets(consumer)),
    ...options.map((options) => () => transaction.send(topic, 'v', options)),
    ...options.map((options) => async () => transaction.enqueue(topic, 'v', options)),
    ...[undefined, 5].map((topic) => () => transaction.send(topic, 'v')),
    ...[undefined, 5, {}].map((value) => () => transaction.send(topic, value)),
    async () => transaction.enqueue(5, 'v'),
    async () => transaction.enqueue(topic, null),
    ...[undefined, 'v', [5], ['v', {}], [{ value: 'v', partition: 0 }]].map(
      (records) => () => transaction.sendBatch(topic, records),
    ),
    () => transaction.sendBatch(undefined, ['v']),
    () => transaction.sendOffsets(undefined, [{ ...place, offset: 1n }]),
    ...[undefined, place, [place], [{ ...place, offset: -1n }], [{ ...place, offset: 1.5 }]].map(
      (offsets) => () => transaction.sendOffsets('g', offsets),
    ),
  ]);
  assert.throws(() => new Transaction(), { code: 'INVALID_ARGUMENT' });
  assert.throws(() => new Producer({ transactionalId: '' }), { code: 'INVALID_CONFIG' });
  assert.throws(() => new Producer({ transactionalId: 'x', transactionTimeoutMs: 5 }), { code: 'INVALID_CONFIG' });
  await transaction.send(topic, 'v');
  await transaction.commit();
  assert.deepEqual(await committed(topic), [['v']]);
});
