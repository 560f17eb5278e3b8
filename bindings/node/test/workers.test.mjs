// Clients in worker threads.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Client } from 'rivven';

import { misbehave, startBroker } from './servers.mjs';

let broker;
before(async () => (broker = await startBroker()));
after(() => broker.stop());

/** Starts a worker whose body has `Client`, `address` and `parentPort`. */
function start(body, address) {
  const source = `
    const { parentPort, workerData: { address, module } } = require('node:worker_threads');
    const { Client } = require(module);
    (async () => { ${body} })();`;
  const module = new URL('../index.js', import.meta.url).pathname;
  return new Worker(source, { eval: true, workerData: { address, module } });
}

test('a client per worker, each left open', async () => {
  const body = `
    const client = await Client.connect(address);
    await Promise.all(Array.from({ length: 200 }, () => client.ping()));
    const { offset } = await client.publish('workers', 'v', { partition: 0 });
    const [record] = await client.consume('workers', 0, offset, 1);
    parentPort.postMessage(String(record.value));`;
  const workers = Array.from({ length: 4 }, () => start(body, broker.address));
  const results = workers.map(async (worker) => {
    const [[message], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
    return [message, code];
  });
  assert.deepEqual(await Promise.all(results), Array(4).fill(['v', 0]));
});

test('workers may be ended while their calls stall', async (t) => {
  const address = await misbehave(t, 'stall');
  const body = `
    const client = await Client.connect(address);
    for (let i = 0; i < 100; i++) client.publish('t', 'v');
    parentPort.postMessage('pending');`;
  await endWorkers(body, address);
});

test('workers may be ended while answers pour in', async () => {
  const body = `
    const client = await Client.connect(address);
    await client.publishBatch('busy', Array(100).fill('v'), { partition: 0 });
    const loop = async () => { for (;;) { await client.ping(); await client.consume('busy', 0, 0, 100); } };
    for (let i = 0; i < 20; i++) loop();
    parentPort.postMessage('busy');`;
  await endWorkers(body, broker.address);
});

test('a worker may exit under its calls', async () => {
  const body = `
    const client = await Client.connect(address);
    for (let i = 0; i < 100; i++) client.ping();
    process.exit(3);`;
  const [code] = await once(start(body, broker.address), 'exit');
  assert.equal(code, 3);
});

/** Ends workers in the middle of their work and sees that the process lives on. */
async function endWorkers(body, address) {
  const client = await Client.connect(broker.address);
  for (let round = 0; round < 10; round++) {
    const workers = [start(body, address), start(body, address)];
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    await Promise.all([client.ping(), ...workers.map((worker) => worker.terminate())]);
  }
  await client.close();
}
