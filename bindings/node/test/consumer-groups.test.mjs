// Groups whose members divide partitions.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { Consumer } from 'rivven';

import { withBroker } from '../testing/fixture.mjs';

const { broker, newTopic } = await withBroker();

const MEMBER = `
import { Consumer } from 'rivven';
const [bootstrapServers, topic] = process.argv.slice(1);
const times = { sessionTimeoutMs: 1500, rebalanceTimeoutMs: 500, heartbeatIntervalMs: 100 };
const consumer = new Consumer({ bootstrapServers, groupId: topic, ...times });
consumer.subscribe(topic);
for (;;) await consumer.poll({ timeoutMs: 20 });
`;

/** Polls consumers until it is so, at most a minute. */
async function polledUntil(consumers, isSo) {
  for (const until = Date.now() + 60_000; Date.now() < until; ) {
    if (isSo()) return true;
    for (const consumer of consumers) await consumer.poll({ timeoutMs: 20 });
  }
  return false;
}

test('members divide the partitions', async (t) => {
  // covers: F093 node, F094 node, F095 node, F097 node
  const topic = await newTopic(4);
  const times = { sessionTimeoutMs: 1500, rebalanceTimeoutMs: 500, heartbeatIntervalMs: 100 };
  const members = Array.from({ length: 3 }, () => {
    const consumer = new Consumer({ bootstrapServers: broker.address, groupId: topic, ...times });
    t.after(() => consumer.close());
    consumer.subscribe(topic);
    return consumer;
  });
  const [one, other, third] = members;
  const counts = (...consumers) => String(consumers.map((consumer) => consumer.assignments().length).sort());
  assert.ok(await polledUntil([one, other], () => counts(one, other) === '2,2'));

  const member = spawn(process.execPath, ['--input-type=module', '-e', MEMBER, broker.address, topic], {
    cwd: new URL('.', import.meta.url),
    stdio: 'inherit',
  });
  t.after(() => member.kill('SIGKILL'));
  assert.ok(await polledUntil([one, other], () => counts(one, other).startsWith('1,')));
  member.kill('SIGKILL');
  await once(member, 'exit');
  assert.ok(await polledUntil([one, other], () => counts(one, other) === '2,2'), 'one that is killed is missed');

  const divided = await polledUntil([other, third], () => counts(other, third) === '2,2');
  assert.ok(divided, 'one that does not poll is not waited for');
  assert.equal(one.assignments().length, 0);
  await third.close();
  assert.ok(await polledUntil([one, other], () => counts(one, other) === '2,2'));
});
