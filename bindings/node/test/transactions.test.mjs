// Idempotent and transactional publishing by its single steps, against the real
// broker, and against a scripted one for what that cannot do.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Client, ProducerState, RivvenError } from 'rivven';

import { failsWith, refuses, withBroker } from '../testing/fixture.mjs';
import { scriptedBroker } from '../testing/servers.mjs';

const { broker, client, newTopic } = await withBroker();

/** How long anything may take on a busy machine. */
const PATIENCE = 60_000;

/** The values of a partition that are shown to those who read what is committed. */
async function committed(topic, partition = 0) {
  return (await client.consumeReadCommitted(topic, partition, 0, 100)).map(({ value }) => String(value));
}

/** A producer in a transaction with partitions of a topic. */
async function begun(id, topic, partitions = [0]) {
  const producer = await client.initProducerId();
  await client.beginTransaction(id, producer);
  await client.addPartitionsToTxn(id, producer, partitions.map((partition) => ({ topic, partition })));
  return producer;
}

/** Expects a call to fail with these fields of its error. */
function fails(fields, promise) {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof RivvenError, inspect(error));
    assert.deepEqual(Object.fromEntries(Object.keys(fields).map((name) => [name, error[name]])), fields);
    return true;
  });
}

/** A scripted broker with the topic t, and a client of it that repeats nothing. */
async function scripted(t, options) {
  const scripted = await scriptedBroker(t, { topics: { t: 1 } });
  const other = await Client.connect({ bootstrapServers: scripted.address, maxRetries: 0, ...options });
  t.after(() => other.close({ timeoutMs: 0 }));
  const rule = (rule) => scripted.command(`rule ${JSON.stringify(rule)}`);
  const values = async () => (await scripted.command('records t 0')).records.map(({ value }) => value);
  return { scripted, other, rule, values };
}

const lost = { on: 'IdempotentPublish', times: 1, execute: true, do: 'close_connection' };

test('a producer has an identity, which another one can take over', async () => {
  // covers: F114 node
  const [one, two] = [await client.initProducerId(), await client.initProducerId(null)];
  assert.ok(one instanceof ProducerState);
  assert.equal(typeof one.producerId, 'bigint');
  assert.notEqual(one.producerId, two.producerId);
  assert.deepEqual([one.producerEpoch, one.nextSequence], [0, 0]);
  const again = await client.initProducerId(one.producerId);
  assert.deepEqual([again.producerId, again.producerEpoch], [one.producerId, 1]);
  const third = await client.initProducerId(Number(one.producerId));
  assert.equal(third.producerEpoch, 2);
  assert.equal(inspect(third), inspect({ producerId: one.producerId, producerEpoch: 2, nextSequence: 0 }));
  const largest = 2n ** 64n - 1n;
  assert.equal((await client.initProducerId(largest)).producerId, largest);
});

test('records are numbered by partition across topics', async () => {
  // covers: F114 node, F115 node
  const [one, two] = [await newTopic(), await newTopic(2)];
  const producer = await client.initProducerId();
  const to = (topic, partition, offset) => ({ topic, partition, offset, duplicate: false });
  assert.deepEqual(await client.publishIdempotent(one, 'a', producer), to(one, 0, 0n));
  // Without a key it is the partition with the fewest records of the producer.
  assert.deepEqual(await client.publishIdempotent(two, Buffer.from('b'), producer, {}), to(two, 1, 0n));
  assert.deepEqual(await client.publishIdempotent(two, new Uint8Array([99]), producer), to(two, 0, 0n));
  assert.equal(producer.nextSequence, 2);
  // murmur2 leads "kafka" to partition 0 of 2.
  const { partition } = await client.publishWithKey(two, 'kafka', 'd');
  const keyed = await client.publishIdempotent(two, 'e', producer, { key: 'kafka', partition: null });
  assert.deepEqual(keyed, to(two, partition, 2n - BigInt(partition === 1)));
  const chosen = await client.publishIdempotent(two, '', producer, { key: '', partition: 1 });
  assert.equal(chosen.partition, 1);
  const [last] = await client.consume(two, 1, chosen.offset, 1);
  assert.deepEqual([last.key, last.value], [Buffer.alloc(0), Buffer.alloc(0)]);
  assert.equal((await client.publishIdempotent('created', 'f', producer)).duplicate, false);
});

test('calls with one state are made in the order in which they were called', async () => {
  // covers: F115 node
  const topic = await newTopic();
  const producer = await client.initProducerId();
  const values = Array.from({ length: 50 }, (_, index) => String(index));
  const published = await Promise.all(values.map((value) => client.publishIdempotent(topic, value, producer)));
  assert.deepEqual(published.map(({ offset }) => offset), values.map(BigInt));
  assert.equal(producer.nextSequence, values.length);
  assert.deepEqual(await committed(topic), values);
});

test('an identity that was taken over is of no use any more', async () => {
  // covers: F114 node, F123 node
  const topic = await newTopic();
  const producer = await client.initProducerId();
  await client.publishIdempotent(topic, 'a', producer);
  await client.initProducerId(producer.producerId);
  const fenced = { code: 'PRODUCER_FENCED', abortable: false, retriable: false, fatal: true, outcome: 'REJECTED' };
  await fails(fenced, client.publishIdempotent(topic, 'b', producer));
});

test('a record of unknown outcome is written once when it is published again', async (t) => {
  // covers: F115 node
  const { other, rule, values } = await scripted(t);
  const producer = await other.initProducerId();
  await rule(lost);
  await fails({ code: 'CONNECTION_LOST', outcome: 'UNKNOWN' }, other.publishIdempotent('t', 'a', producer));
  await fails({ code: 'INVALID_STATE', retriable: false }, other.publishIdempotent('t', 'b', producer));
  const again = await other.publishIdempotent('t', 'a', producer);
  assert.deepEqual(again, { topic: 't', partition: 0, offset: 0n, duplicate: true });
  assert.deepEqual((await other.publishIdempotent('t', 'b', producer)).offset, 1n);
  assert.deepEqual(await values(), ['a', 'b']);
});

test('a client sends a lost record again by itself', async (t) => {
  // covers: F115 node
  const { other, rule, values } = await scripted(t, { maxRetries: 3 });
  const producer = await other.initProducerId();
  await rule(lost);
  assert.equal((await other.publishIdempotent('t', 'a', producer)).duplicate, true);
  assert.deepEqual(await values(), ['a']);
});

test('an abandoned identity is replaced', async (t) => {
  // covers: F115 node
  const { other, rule, values } = await scripted(t);
  const producer = await other.initProducerId();
  const { producerId } = producer;
  await rule({ on: 'IdempotentPublish', times: 1, do: { answer: { error: 'UNKNOWN_PRODUCER_ID: 1' } } });
  await fails({ code: 'UNKNOWN_PRODUCER_ID', outcome: 'REJECTED' }, other.publishIdempotent('t', 'a', producer));
  producer.abandon();
  await fails({ code: 'INVALID_TXN_STATE', outcome: 'NOT_SENT' }, other.beginTransaction('x', producer));
  assert.equal((await other.publishIdempotent('t', 'a', producer)).duplicate, false);
  assert.notEqual(producer.producerId, producerId);
  assert.equal(producer.nextSequence, 1);
  assert.deepEqual(await values(), ['a']);
});

test('an identity is not abandoned while a call with it is under way', async (t) => {
  // covers: F115 node
  const { scripted: held, other, rule } = await scripted(t);
  const producer = await other.initProducerId();
  await rule({ on: 'IdempotentPublish', times: 1, do: 'hold' });
  const publish = other.publishIdempotent('t', 'a', producer);
  await held.command('wait IdempotentPublish 1');
  assert.throws(() => producer.abandon(), { code: 'INVALID_STATE', retriable: false, fatal: false });
  // What it shows is of before the call.
  assert.equal(producer.nextSequence, 0);
  await held.command('release');
  await publish;
  assert.equal(producer.nextSequence, 1);
  producer.abandon();
});

test('what was committed counts, with its offsets', async () => {
  // covers: F116 node, F117 node, F118 node, F119 node
  const [input, orders] = [await newTopic(), await newTopic(3)];
  await client.publishBatch(input, ['a', 'b', 'c'], { partition: 0 });
  const producer = await client.initProducerId();
  assert.equal(await client.beginTransaction('etl', producer), undefined);
  const added = [{ topic: orders, partition: 0 }, { topic: orders, partition: 2 }];
  assert.equal(await client.addPartitionsToTxn('etl', producer, added), 2);
  assert.equal(await client.addPartitionsToTxn('etl', producer, new Set([added[0]])), 1);

  const to = (partition, offset, sequence) => ({ topic: orders, partition, offset, sequence });
  const publish = (value, options) => client.publishTransactional('etl', orders, value, producer, options);
  assert.deepEqual(await publish('one'), to(0, 0n, 0));
  assert.deepEqual(await publish(Buffer.from('two')), to(2, 0n, 0));
  // murmur2 leads "user-123" to partition 2 of 3, and "kafka" to 1.
  assert.deepEqual(await publish('three', { key: 'user-123' }), to(2, 1n, 1));
  await failsWith('PARTITION_NOT_IN_TXN', publish('astray', { key: 'kafka' }));
  assert.deepEqual(await publish('four', { key: 'kafka', partition: 0 }), to(0, 1n, 1));
  await failsWith('PARTITION_NOT_IN_TXN', publish('astray', { partition: 1 }));

  const offsets = [{ topic: input, partition: 0, offset: 2n }];
  assert.equal(await client.addOffsetsToTxn('etl', producer, 'readers', offsets), undefined);
  assert.equal(await client.getOffset('readers', input, 0), null);
  assert.equal(await client.commitTransaction('etl', producer), undefined);
  assert.equal(await client.getOffset('readers', input, 0), 2n);
  assert.deepEqual(await committed(orders, 0), ['one', 'four']);
  assert.deepEqual(await committed(orders, 2), ['two', 'three']);
  const [keyed] = await client.consume(orders, 0, 1, 1);
  assert.equal(String(keyed.key), 'kafka');
});

test('what was aborted does not count', async () => {
  // covers: F117 node, F118 node, F119 node
  const [input, orders] = [await newTopic(), await newTopic()];
  await client.commitOffset('dropping', input, 0, 0);
  const producer = await begun('dropped', orders);
  await client.publishTransactional('dropped', orders, 'dropped', producer);
  await client.addOffsetsToTxn('dropped', producer, 'dropping', [{ topic: input, partition: 0, offset: 3 }]);
  assert.equal(await client.abortTransaction('dropped', producer), undefined);
  assert.deepEqual(await committed(orders), []);
  assert.equal(await client.getOffset('dropping', input, 0), 0n);
});

test('a transaction that was not begun is known to nobody', async () => {
  // covers: F117 node, F119 node, F123 node
  const topic = await newTopic();
  const producer = await client.initProducerId();
  const unknown = { code: 'INVALID_TXN_ID', abortable: true, retriable: false, fatal: false, outcome: 'NOT_SENT' };
  const place = { topic, partition: 0 };
  await fails(unknown, client.publishTransactional('early', topic, 'v', producer));
  await fails(unknown, client.addPartitionsToTxn('early', producer, [place]));
  await fails(unknown, client.addOffsetsToTxn('early', producer, 'g', [{ ...place, offset: 0n }]));
  // These the broker decides about.
  for (const end of [client.commitTransaction('early', producer), client.abortTransaction('early', producer)]) {
    await fails({ ...unknown, outcome: 'REJECTED' }, end);
  }
});

test('a producer has one transaction at a time', async () => {
  // covers: F116 node
  const producer = await begun('only', await newTopic());
  await fails({ code: 'INVALID_TXN_STATE', outcome: 'NOT_SENT' }, client.beginTransaction('only', producer));
  await failsWith('CONCURRENT_TRANSACTIONS', client.beginTransaction('second', producer));
  await client.abortTransaction('only', producer);
  await client.beginTransaction('second', producer);
  await client.abortTransaction('second', producer);
});

test('a transaction ends once, and nothing follows it', async () => {
  // covers: F119 node
  const topic = await newTopic();
  for (const end of ['commitTransaction', 'abortTransaction']) {
    const producer = await begun(end, topic);
    await client[end](end, producer);
    await failsWith('INVALID_TXN_ID', client.publishTransactional(end, topic, 'v', producer));
    await failsWith('INVALID_TXN_ID', client.addPartitionsToTxn(end, producer, [{ topic, partition: 0 }]));
    await failsWith('INVALID_TXN_ID', client.commitTransaction(end, producer));
    await failsWith('INVALID_TXN_ID', client.abortTransaction(end, producer));
  }
});

test('the transaction of another producer is out of reach', async () => {
  // covers: F116 node, F117 node, F119 node
  const topic = await newTopic();
  const producer = await begun('owned', topic);
  const stranger = await client.initProducerId();
  await failsWith('INVALID_TXN_ID', client.publishTransactional('owned', topic, 'v', stranger));
  await failsWith('INVALID_TXN_ID', client.commitTransaction('owned', stranger));
  // So is one that another client has begun.
  const other = await Client.connect(broker.address);
  await failsWith('INVALID_TXN_ID', other.publishTransactional('owned', topic, 'v', producer));
  await other.close();
  // Another epoch is fenced before anything is sent.
  const successor = await client.initProducerId(producer.producerId);
  const fenced = { code: 'PRODUCER_FENCED', abortable: false, fatal: true, outcome: 'NOT_SENT' };
  await fails(fenced, client.publishTransactional('owned', topic, 'v', successor));
  await client.abortTransaction('owned', producer);
});

test('only what was added to a transaction can be written to', async () => {
  // covers: F116 node, F117 node
  const [added, other] = [await newTopic(), await newTopic()];
  const producer = await begun('added', added);
  await failsWith('PARTITION_NOT_IN_TXN', client.publishTransactional('added', other, 'v', producer));
  await failsWith('INVALID_ARGUMENT', client.addPartitionsToTxn('added', producer, []));
  await failsWith('INVALID_TOPIC', client.addPartitionsToTxn('added', producer, [{ topic: 'no spaces', partition: 0 }]));
  await failsWith('INVALID_ARGUMENT', client.addOffsetsToTxn('added', producer, 'g', []));
  const offsets = [{ topic: other, partition: 0, offset: 0n }];
  await failsWith('INVALID_GROUP_ID', client.addOffsetsToTxn('added', producer, 'no spaces', offsets));
  await client.abortTransaction('added', producer);
});

test('a transaction that was idle for too long is left to the broker', async () => {
  // covers: F116 node, F119 node, F123 node
  const topic = await newTopic();
  const producer = await begun('idle', topic);
  await client.publishTransactional('idle', topic, 'kept', producer);
  await client.commitTransaction('idle', producer);

  const timedOut = { code: 'TRANSACTION_TIMED_OUT', abortable: true, retriable: false, outcome: 'NOT_SENT' };
  await client.beginTransaction('idle', producer, { timeoutMs: 0 });
  await fails(timedOut, client.publishTransactional('idle', topic, 'late', producer));
  await fails(timedOut, client.commitTransaction('idle', producer));
  // The broker has forgotten it once another may begin.
  const begin = performance.now();
  for (;;) {
    const code = await client.beginTransaction('next', producer, { timeoutMs: 60_000 }).then(() => null, ({ code }) => code);
    if (code === null) break;
    assert.equal(code, 'CONCURRENT_TRANSACTIONS');
    assert.ok(performance.now() - begin < PATIENCE, 'the broker does not abort it');
    await setTimeout(500);
  }
  await client.abortTransaction('next', producer);
  assert.deepEqual(await committed(topic), ['kept']);
  const endless = await client.initProducerId();
  await client.beginTransaction('endless', endless, { timeoutMs: Infinity });
  await client.abortTransaction('endless', endless);
});

test('the sixth transaction is too many', async () => {
  // covers: F116 node, F123 node
  const producers = [];
  for (let i = 0; i < 6; i++) producers.push(await client.initProducerId());
  const sixth = producers.pop();
  for (const producer of producers) await client.beginTransaction('many', producer);
  const tooMany = { code: 'TOO_MANY_TRANSACTIONS', abortable: false, retriable: true, fatal: false };
  await fails(tooMany, client.beginTransaction('many', sixth));
  await client.abortTransaction('many', producers[0]);
  await client.beginTransaction('many', sixth);
  for (const producer of [...producers.slice(1), sixth]) await client.abortTransaction('many', producer);
});

test('a commit of unknown outcome may be asked for again and nothing else', async (t) => {
  // covers: F119 node, F123 node
  const { other, rule } = await scripted(t);
  const producer = await other.initProducerId();
  await other.beginTransaction('x', producer);
  await other.addPartitionsToTxn('x', producer, [{ topic: 't', partition: 0 }]);
  await rule({ on: 'CommitTransaction', times: 1, do: { answer: { error: 'COMMIT_FAILED: disk' } } });
  await fails({ code: 'COMMIT_FAILED', outcome: 'UNKNOWN' }, other.commitTransaction('x', producer));
  const ending = { code: 'INVALID_TXN_STATE', abortable: true, outcome: 'NOT_SENT' };
  await fails(ending, other.publishTransactional('x', 't', 'v', producer));
  await other.commitTransaction('x', producer);
});

test('arguments of the wrong kind are refused before anything is sent', async () => {
  // covers: F114 node, F115 node, F116 node, F117 node, F118 node, F119 node
  const producer = await client.initProducerId();
  const [place, next] = [{ topic: 't', partition: 0 }, { topic: 't', partition: 0, offset: 0n }];
  const states = [undefined, null, 1n, {}, { ...producer }, Object.create(ProducerState.prototype), structuredClone(producer)];
  await refuses([
    ...[-1, 1.5, 2 ** 53, 2n ** 64n, '1', producer].map((previous) => () => client.initProducerId(previous)),
    ...states.flatMap((state) => [
      () => client.publishIdempotent('t', 'v', state),
      () => client.beginTransaction('x', state),
      () => client.addPartitionsToTxn('x', state, [place]),
      () => client.publishTransactional('x', 't', 'v', state),
      () => client.addOffsetsToTxn('x', state, 'g', [next]),
      () => client.commitTransaction('x', state),
      () => client.abortTransaction('x', state),
    ]),
    ...[undefined, null, 5, producer].flatMap((id) => [
      () => client.beginTransaction(id, producer),
      () => client.addPartitionsToTxn(id, producer, [place]),
      () => client.publishTransactional(id, 't', 'v', producer),
      () => client.addOffsetsToTxn(id, producer, 'g', [next]),
      () => client.commitTransaction(id, producer),
      () => client.abortTransaction(id, producer),
    ]),
    ...[5, { headers: {} }, { key: 5 }, { partition: -1 }, { partition: '0' }].flatMap((options) => [
      () => client.publishIdempotent('t', 'v', producer, options),
      () => client.publishTransactional('x', 't', 'v', producer, options),
    ]),
    () => client.publishIdempotent(5, 'v', producer),
    () => client.publishIdempotent('t', 5, producer),
    () => client.publishTransactional('x', undefined, 'v', producer),
    () => client.publishTransactional('x', 't', null, producer),
    ...[-1, NaN, '5', 5n].map((timeoutMs) => () => client.beginTransaction('x', producer, { timeoutMs })),
    () => client.beginTransaction('x', producer, 5),
    () => client.beginTransaction('x', producer, { timeout: 5 }),
    ...[undefined, 't', place, [['t', 0]], [{ ...place, partition: 1.5 }], [{ partition: 0 }], [next]].map(
      (partitions) => () => client.addPartitionsToTxn('x', producer, partitions),
    ),
    ...[undefined, next, [place], ...[-1n, 1.5, 2n ** 63n, '0'].map((offset) => [{ ...place, offset }])].map(
      (offsets) => () => client.addOffsetsToTxn('x', producer, 'g', offsets),
    ),
    () => client.addOffsetsToTxn('x', producer, undefined, [next]),
  ]);
  assert.throws(() => new ProducerState(), { code: 'INVALID_ARGUMENT' });
  assert.throws(() => new ProducerState({ producerId: 1n }), { code: 'INVALID_ARGUMENT' });
});
