// What the event loop does while a producer is busy.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Producer } from 'rivven';

import { startSink } from '../testing/servers.mjs';

test('the event loop has its turns while very many records are settled', async (t) => {
  // Each record is a batch of its own, whose report takes some microseconds: milliseconds in all.
  const count = 5000;
  const sink = await startSink(t);
  const producer = new Producer({ bootstrapServers: sink.address, batchSize: 1 });
  t.after(() => producer.close());
  await producer.getPartitionCount('turns');
  const handle = producer.topic('turns');
  const [numbers, turns] = [[], new Set()];
  let turn = 0;
  producer.on('deliveries', (deliveries) => {
    numbers.push(...deliveries.numbers);
    turns.add(turn);
  });
  for (let number = 0; number < count; number++) handle.enqueue('value');
  await Promise.resolve();
  // No report is taken as long as JavaScript has the thread, so all of them gather.
  while (producer.stats().pending > 0);
  const next = () => {
    turn++;
    if (numbers.length < count) setImmediate(next);
  };
  next();
  await producer.flush();
  assert.deepEqual(numbers, Array.from({ length: count }, (_, i) => i + 1));
  assert.ok(turns.size > 2, `all were settled in ${turns.size} turns`);
});
