// The background threads of the process, which live as long as any client.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Client } from 'rivven';

import { login, misbehave, packageFolder, startBroker, startSecureBroker } from '../testing/servers.mjs';

let broker;
before(async () => (broker = await startBroker()));
after(() => broker.stop());

/** The number of background threads. */
function threads() {
  return readdirSync('/proc/self/task').filter((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/comm`, 'utf8').startsWith('rivven-');
    } catch {
      return false; // It ended meanwhile.
    }
  }).length;
}

/** Waits until there are so many background threads; each names itself a moment after its start. */
async function threadsBecome(count) {
  for (const begin = performance.now(); threads() !== count; await setTimeout(10)) {
    assert.ok(performance.now() - begin < 10_000, `there are ${threads()} threads, not ${count}`);
  }
}

test('the threads begin with the first client and end with the last', async () => {
  assert.equal(threads(), 0);
  for (const count of [1, 3]) {
    const [first, second] = [1, 2].map(() => new Client({ bootstrapServers: broker.address, runtimeThreads: count }));
    await Promise.all([first.ping(), second.ping()]);
    await threadsBecome(count);
    await first.close();
    await second.ping();
    assert.equal(threads(), count);
    await second.close();
    await threadsBecome(0);
    await assert.rejects(second.ping(), { code: 'CLOSED' });
  }
});

test('the threads end after encrypted connections and logins', async (t) => {
  const secure = await startSecureBroker();
  t.after(secure.stop);
  const client = await Client.connect({ ...secure.tls, ...login });
  await client.listTopics();
  await client.close();
  await threadsBecome(0);
});

test('the threads end after clients that never connected', async () => {
  await new Client('127.0.0.1:1').close();
  await assert.rejects(Client.connect({ bootstrapServers: '127.0.0.1:1', tlsCaCertPath: 'missing.pem' }));
  await threadsBecome(0);
});

test('the threads end after a worker that left its client open', async () => {
  const source = `
    const { Client } = require(${JSON.stringify(packageFolder)});
    Client.connect('${broker.address}').then((client) => client.ping());`;
  const [code] = await once(new Worker(source, { eval: true }), 'exit');
  assert.equal(code, 0);
  await threadsBecome(0);
});

test('the threads end although a listener waits for changes', async () => {
  const client = await Client.connect(broker.address);
  client.on('stateChange', () => {});
  const waiting = client.stateChanges().next();
  await client.close();
  assert.equal((await waiting).done, true);
  await threadsBecome(0);
});

test('the threads end although calls stall', async (t) => {
  const client = await Client.connect(await misbehave(t, 'stall'));
  const call = client.listTopics();
  await Promise.all([client.close({ timeoutMs: 100 }), assert.rejects(call, { code: 'CLOSED' })]);
  await threadsBecome(0);
});
