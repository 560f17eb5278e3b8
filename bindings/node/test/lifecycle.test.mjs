// Clients that are closed, dropped, or left open when their process ends.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from 'rivven';

import { misbehave, run, startBroker } from '../testing/servers.mjs';

/** How long a process may take that has nothing to wait for; a busy machine starts Node slowly. */
const PROMPT = 10_000;

let broker;
before(async () => (broker = await startBroker()));
after(() => broker.stop());

/** Runs a program that must end by itself, in time and without a word of complaint. */
async function ends(source, address, { flags, code = 0, prompt = PROMPT } = {}) {
  const result = await run(source, address, flags);
  assert.deepEqual([result.code, result.signal, result.stderr], [code, null, ''], result.stdout);
  assert.ok(result.ms < prompt, `it took ${result.ms} ms`);
  return result.stdout.trim();
}

test('a client that is left open does not keep the process', async () => {
  await ends('const client = await Client.connect(address); await client.ping();', broker.address);
});

test('a call that waits keeps the process until it is answered', async () => {
  const source = "new Client(address).listTopics().then(() => console.log('answered'));";
  assert.equal(await ends(source, broker.address), 'answered');
});

test('a call that is never answered keeps the process for its timeout only', async (t) => {
  const source = `
    const client = await Client.connect({ bootstrapServers: address, requestTimeoutMs: 300 });
    client.listTopics().catch((error) => console.log(error.code));`;
  assert.equal(await ends(source, await misbehave(t, 'stall')), 'TIMED_OUT');
});

test('closing twice is no error, calls afterwards are', async () => {
  const client = await Client.connect(broker.address);
  await Promise.all([client.close(), client.close()]);
  await client.close({ timeoutMs: 0 });
  await client.close({ timeoutMs: Infinity });
  for (const call of [client.ping(), client.publish('t', 'v'), client.consume('t', 0, 0, 1)]) {
    await assert.rejects(call, { code: 'CLOSED', fatal: true, outcome: 'NOT_SENT' });
  }
});

test('a client that never connected can be closed', async () => {
  await new Client('127.0.0.1:1').close();
});

test('a client is closed at the end of its scope', async () => {
  const client = await Client.connect(broker.address);
  await client[Symbol.asyncDispose]();
  await assert.rejects(client.ping(), { code: 'CLOSED' });
});

test('closing waits for calls that are answered', async () => {
  const client = await Client.connect(broker.address);
  const calls = Array.from({ length: 50 }, () => client.ping());
  await client.close();
  await Promise.all(calls);
});

test('closing with calls that stall ends them within its timeout', async (t) => {
  const client = await Client.connect(await misbehave(t, 'stall'));
  const calls = Array.from({ length: 10 }, () => client.publish('t', 'v'));
  const settled = Promise.allSettled(calls);
  const begin = performance.now();
  const closing = client.close({ timeoutMs: 300 });
  await assert.rejects(client.ping(), { code: 'CLOSED', outcome: 'NOT_SENT' });
  await closing;
  for (const { reason } of await settled) {
    assert.deepEqual([reason?.code, reason?.outcome], ['CLOSED', 'UNKNOWN'], reason?.message);
  }
  assert.ok(performance.now() - begin < PROMPT);
});

test('a process may exit under its calls', async (t) => {
  const stalling = await misbehave(t, 'stall');
  for (const address of [stalling, broker.address, stalling, broker.address]) {
    const source = `
      const client = await Client.connect(address);
      const calls = Array.from({ length: 500 }, () => client.ping());
      for (let i = 0; i < 10; i++) client.publish('exit', 'v').catch(() => {});
      await calls[100];
      process.exit(7);`;
    await ends(source, address, { code: 7 });
  }
});

test('an exception nobody catches ends the process as any does', async () => {
  const source = "const client = await Client.connect(address); client.ping(); throw new Error('mine');";
  const { code, signal, stderr } = await run(source, broker.address);
  assert.deepEqual([code, signal], [1, null]);
  assert.match(stderr, /Error: mine/);
});

test('clients that are dropped without being closed disconnect', async () => {
  const source = `
    import { readdirSync, readlinkSync } from 'node:fs';
    import { setTimeout } from 'node:timers/promises';
    const sockets = () => readdirSync('/proc/self/fd').filter((fd) => {
      try { return readlinkSync('/proc/self/fd/' + fd).startsWith('socket:'); } catch { return false; }
    }).length;
    const before = sockets();
    const open = () => Promise.all(Array.from({ length: 20 }, () => Client.connect(address)));
    const most = await open().then(() => sockets());
    for (let i = 0; i < 400 && sockets() > before; i++) { gc(); await setTimeout(20); }
    console.log(most - before, sockets() - before);`;
  assert.equal(await ends(source, broker.address, { flags: ['--expose-gc'] }), '20 0');
});

test('a thousand clients that are opened and closed leave nothing behind', async () => {
  // An open client takes about 100 KiB. 8 MiB is 8 KiB for each of a thousand:
  // less than any of its buffers, more than the heap of JavaScript wavers by.
  const source = `
    import { readdirSync } from 'node:fs';
    import { setTimeout } from 'node:timers/promises';
    const entries = (folder) => readdirSync('/proc/self/' + folder).length;
    const measure = async () => {
      for (let i = 0; i < 5; i++) { gc(); await setTimeout(50); }
      return { threads: entries('task'), descriptors: entries('fd'), memory: process.memoryUsage.rss() };
    };
    const openAndClose = async () => {
      const clients = await Promise.all(Array.from({ length: 20 }, () => Client.connect(address)));
      await Promise.all(clients.map((client) => client.close()));
    };
    const thousand = async () => { for (let i = 0; i < 50; i++) await openAndClose(); };
    const keeper = await Client.connect(address);
    await thousand();
    const before = await measure();
    await thousand();
    const now = await measure();
    console.log(now.threads - before.threads, now.descriptors - before.descriptors);
    console.log(now.memory - before.memory);`;
  const [counts, memory] = (await ends(source, broker.address, { flags: ['--expose-gc'], prompt: 60_000 })).split('\n');
  assert.equal(counts, '0 0');
  assert.ok(Number(memory) < 8 * 1024 * 1024, `the memory grew by ${memory} bytes`);
});

test('a dropped client answers the calls it has under way', async () => {
  const source = `
    const call = new Client(address).ping();
    for (let i = 0; i < 10; i++) { gc(); await new Promise(setImmediate); }
    await call;
    console.log('answered');`;
  assert.equal(await ends(source, broker.address, { flags: ['--expose-gc'] }), 'answered');
});
