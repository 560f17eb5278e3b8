// What a client says of its servers as they go away and come back.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Client, RivvenError } from 'rivven';

import { packageFolder, run, startBroker } from '../testing/servers.mjs';

/** Starts a broker on the port of another one; it is stopped after the test. */
async function startAt(t, address) {
  const broker = await startBroker('--port', address.split(':')[1]);
  t.after(broker.stop);
  return broker;
}

/** Calls until a change satisfies; its server is called on meanwhile. */
async function until(client, changes, matches) {
  for (const begin = performance.now(); !changes.some(matches); await setTimeout(20)) {
    assert.ok(performance.now() - begin < 20_000, JSON.stringify(changes));
    await client.ping().catch(() => {});
  }
  return changes.find(matches);
}

/** A client of a broker, both until the end of the test. */
async function connected(t) {
  const broker = await startBroker();
  t.after(broker.kill);
  const client = await Client.connect({ bootstrapServers: broker.address, requestTimeoutMs: 2_000 });
  t.after(() => client.close());
  return { broker, client };
}

test('a server that dies is degraded, and recovered when it is back', async (t) => {
  const { broker, client } = await connected(t);
  const changes = [];
  client.on('stateChange', (change) => changes.push(change));
  const begin = Date.now();
  await client.ping();
  assert.deepEqual(changes, []);

  await broker.kill();
  const degraded = await until(client, changes, ({ type }) => type === 'degraded');
  assert.equal(degraded.server, broker.address);
  assert.ok(degraded.since instanceof Date);
  assert.ok(Math.abs(degraded.since.getTime() - begin) < 60_000);
  assert.ok(degraded.reason instanceof RivvenError);
  assert.ok(['CONNECTION_LOST', 'CONNECTION_FAILED'].includes(degraded.reason.code), degraded.reason.code);
  assert.ok(Number.isInteger(degraded.attempts));
  assert.deepEqual(Object.keys(degraded).sort(), ['attempts', 'reason', 'server', 'since', 'type']);

  await startAt(t, broker.address);
  const recovered = await until(client, changes, ({ type }) => type === 'recovered');
  assert.equal(recovered.server, broker.address);
  assert.ok(recovered.afterMs > 0 && recovered.afterMs < 60_000);
  assert.ok(Number.isInteger(recovered.attempts));
  assert.deepEqual(Object.keys(recovered).sort(), ['afterMs', 'attempts', 'server', 'type']);
  assert.ok(changes.indexOf(degraded) < changes.indexOf(recovered));
});

test('the changes can be iterated over until the client is closed', async (t) => {
  const { broker, client } = await connected(t);
  const changes = [];
  const reading = (async () => {
    for await (const change of client.stateChanges()) changes.push(change);
  })();
  await broker.kill();
  await until(client, changes, ({ type }) => type === 'degraded');
  await client.close();
  await reading;
  assert.equal(changes[0].type, 'degraded');
});

test('each listener and each iterator has every change', async (t) => {
  const { broker, client } = await connected(t);
  const [heard, first] = [[], client.stateChanges()];
  client.on('stateChange', (change) => heard.push(change));
  const onceHeard = once(client, 'stateChange');
  await broker.kill();
  await until(client, heard, ({ type }) => type === 'degraded');
  const { value, done } = await first.next();
  assert.deepEqual([value, done], [heard[0], false]);
  assert.deepEqual(await onceHeard, [heard[0]]);
  assert.equal((await first.return()).done, true);
});

test('a closed client has no more changes', async (t) => {
  const { client } = await connected(t);
  const [early, late] = [client.stateChanges(), new Client('127.0.0.1:1')];
  await Promise.all([client.close(), late.close()]);
  for (const changes of [early, client.stateChanges(), late.stateChanges()]) {
    assert.deepEqual(await changes.next(), { value: undefined, done: true });
  }
});

test('listening keeps neither the process nor a dropped client', async (t) => {
  const broker = await startBroker();
  t.after(broker.stop);
  const leftOpen = `
    const client = await Client.connect(address);
    client.on('stateChange', () => {});
    client.stateChanges().next();
    await client.ping();`;
  const left = await run(leftOpen, broker.address);
  assert.deepEqual([left.code, left.signal, left.stderr], [0, null, '']);

  const dropped = `
    import { setTimeout } from 'node:timers/promises';
    let collected = 0;
    const registry = new FinalizationRegistry(() => collected++);
    async function drop() {
      const client = await Client.connect(address);
      registry.register(client, 0);
      client.on('stateChange', () => {});
    }
    await Promise.all(Array.from({ length: 20 }, drop));
    for (let i = 0; i < 400 && collected < 20; i++) { gc(); await setTimeout(20); }
    console.log(collected);`;
  const { code, stdout, stderr } = await run(dropped, broker.address, ['--expose-gc']);
  assert.deepEqual([code, stdout.trim(), stderr], [0, '20', '']);
});

test("an error of a listener is the program's and ends no listening", async (t) => {
  const broker = await startBroker();
  t.after(broker.kill);
  const source = `
    const { server, pid } = address;
    const client = await Client.connect({ bootstrapServers: server, requestTimeoutMs: 2000 });
    let heard = 0;
    process.on('uncaughtException', (error) => console.log(error.message));
    client.on('stateChange', () => { heard++; throw new Error('mine'); });
    process.kill(pid, 'SIGKILL');
    while (heard < 2) await client.ping().catch(() => new Promise((resolve) => setTimeout(resolve, 20)));`;
  const { code, stdout, stderr } = await run(source, { server: broker.address, pid: broker.pid });
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /mine\nmine\n$/);
});

test('workers may be ended while they listen', async (t) => {
  const broker = await startBroker();
  t.after(broker.stop);
  const source = `
    const { parentPort } = require('node:worker_threads');
    const { Client } = require(${JSON.stringify(packageFolder)});
    Client.connect('${broker.address}').then((client) => {
      client.on('stateChange', () => {});
      parentPort.postMessage('listening');
      setInterval(() => {}, 1000);
    });`;
  for (let round = 0; round < 5; round++) {
    const worker = new Worker(source, { eval: true });
    await once(worker, 'message');
    assert.equal(await worker.terminate(), 1);
  }
});
