// Records worked on by handlers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Consumer, RivvenError } from 'rivven';

import { withBroker } from '../testing/fixture.mjs';

const { broker, client, newTopic } = await withBroker();

let groups = 0;

/** A consumer of a new topic with so many records in each partition: the values `a0`, `a1`, ... */
async function reading(t, partitions, count, options = {}) {
  const topic = await newTopic(partitions);
  const records = Array.from({ length: count }, (_, number) => ({ key: `k${number}`, value: `a${number}` }));
  const places = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  for (const { partition } of places) await client.publishBatch(topic, records, { partition });
  const groupId = `processing-${++groups}`;
  const quick = { processRetryBackoffMs: 1, processRetryBackoffMaxMs: 2 };
  const consumer = new Consumer({ bootstrapServers: broker.address, groupId, ...quick, ...options });
  t.after(() => consumer.close());
  consumer.assign(places);
  return { topic, consumer, committed: (partition = 0) => client.getOffset(groupId, topic, partition) };
}

/** Notes the calls of a handler; enough of them end the processing. */
function calls(consumer, enough) {
  const values = [];
  const note = ({ partition, value }) => {
    (values[partition] ??= []).push(String(value));
    if (--enough === 0) consumer.wakeup();
  };
  return { values, note };
}

const letters = (from, to) => Array.from({ length: to - from }, (_, index) => `a${from + index}`);

test('partitions are worked on side by side, and each in its order', async (t) => {
  const { consumer, committed } = await reading(t, 3, 20, { processConcurrency: 2, maxPollRecords: 10 });
  const { values, note } = calls(consumer, 60);
  let [atWork, most] = [0, 0];
  let meet;
  const met = new Promise((resolve) => (meet = resolve));
  const report = await consumer.process(async (record) => {
    most = Math.max(most, ++atWork);
    // Two handlers have to be at work together for either to go on.
    if (atWork === 2) meet();
    await met;
    note(record);
    atWork--;
  });
  assert.deepEqual(report, { processed: 60, retries: 0, deadLettered: 0, skipped: 0 });
  assert.deepEqual(values, [letters(0, 20), letters(0, 20), letters(0, 20)]);
  assert.equal(most, 2);
  for (const partition of [0, 1, 2]) assert.equal(await committed(partition), 20n);
});

test('what fails is handled again, and skipped at last', async (t) => {
  const { consumer, committed } = await reading(t, 1, 4, { processRetries: 1, processOnFailure: 'skip' });
  const { values, note } = calls(consumer, 6);
  const report = await consumer.process((record) => {
    note(record);
    const again = values[0].filter((value) => value === String(record.value)).length > 1;
    if (record.offset === 2n) throw new Error('no such customer');
    if (record.offset === 1n && !again) return Promise.reject(Object.create(null));
  });
  assert.deepEqual(report, { processed: 3, retries: 2, deadLettered: 0, skipped: 1 });
  assert.deepEqual(values[0], ['a0', 'a1', 'a1', 'a2', 'a2', 'a3']);
  assert.equal(await committed(), 4n);
});

test('what fails every time goes to the dead letter topic', async (t) => {
  const dead = await newTopic(1);
  const { topic, consumer, committed } = await reading(t, 1, 2, { processRetries: 0, processDeadLetterTopic: dead });
  const { note } = calls(consumer, 2);
  const report = await consumer.process((record) => {
    note(record);
    if (record.offset === 0n) throw new Error('no such customer');
  });
  assert.deepEqual(report, { processed: 1, retries: 0, deadLettered: 1, skipped: 0 });
  assert.equal(await committed(), 2n);
  const [letter] = await client.consume(dead, 0, 0n, 10);
  const [head, value] = String(letter.value).split('\n\n');
  assert.deepEqual([String(letter.key), value], ['k0', 'a0']);
  for (const line of [`topic: ${topic}`, 'partition: 0', 'offset: 0', 'attempts: 1', 'error: Error: no such customer']) {
    assert.ok(head.split('\n').includes(line), head);
  }
});

test('by default it stops in front of what failed, and says why', async (t) => {
  const { consumer, committed } = await reading(t, 1, 4, { processRetries: 0 });
  const cause = new Error('no such customer');
  const stopped = consumer.process(({ offset }) => {
    if (offset === 2n) throw cause;
  });
  await assert.rejects(stopped, (error) => {
    assert.ok(error instanceof RivvenError);
    assert.deepEqual([error.code, error.cause], ['PROCESSING_FAILED', cause]);
    return true;
  });
  assert.equal(await committed(), 2n);
  const { values, note } = calls(consumer, 2);
  await consumer.process(note);
  assert.deepEqual(values[0], ['a2', 'a3']);
  assert.equal(await committed(), 4n);
});

test('close waits for handlers that are at work', async (t) => {
  const { consumer, committed } = await reading(t, 1, 3);
  let begin, goOn;
  const begun = new Promise((resolve) => (begin = resolve));
  const awaited = new Promise((resolve) => (goOn = resolve));
  const processing = consumer.process(async ({ offset }) => {
    if (offset !== 1n) return;
    begin();
    await awaited;
  });
  await begun;
  await assert.rejects(consumer.process(() => {}), { code: 'INVALID_STATE' });
  await assert.rejects(consumer.poll(), { code: 'INVALID_STATE' }, 'the handlers get all records');
  await assert.rejects(consumer[Symbol.asyncIterator]().next(), { code: 'INVALID_STATE' });
  await assert.rejects(consumer.process('a text'), { code: 'INVALID_ARGUMENT' });
  let closed = false;
  const closing = consumer.close().then(() => (closed = true));
  await pause(50);
  assert.equal(closed, false);
  goOn();
  await closing;
  assert.equal((await processing).processed, 2);
  assert.equal(await committed(), 2n);
});

test('a handler may close, and is not waited for', async (t) => {
  const { consumer, committed } = await reading(t, 1, 3, { closeTimeoutMs: 60_000 });
  const begun = performance.now();
  const { processed } = await consumer.process(async ({ offset }) => {
    if (offset !== 1n) return;
    await pause(1);
    await consumer.close();
  });
  await consumer.close();
  assert.ok(performance.now() - begun < 30_000);
  // Another one may have been handled before it was closed.
  assert.ok(processed >= 2);
  assert.equal(await committed(), BigInt(processed));
});

test('a close that outlives its handler waits', async (t) => {
  const { consumer, committed } = await reading(t, 1, 2);
  let closing;
  const processing = consumer.process(({ offset }) => {
    if (offset !== 1n) return;
    closing = pause(1).then(() => consumer.close());
  });
  await processing;
  await closing;
  assert.throws(() => consumer.assign([]), { code: 'CLOSED' });
  assert.equal(await committed(), 2n);
});
