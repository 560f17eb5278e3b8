// Clients in worker threads.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Client } from 'rivven';

import { login, misbehave, startBroker, startSecureBroker } from '../testing/servers.mjs';

let broker;
let secure;
before(async () => ([broker, secure] = await Promise.all([startBroker(), startSecureBroker()])));
after(() => Promise.all([broker.stop(), secure.stop()]));

/** Starts a worker whose body has `Client`, `options` and `parentPort`. */
function start(body, options) {
  const source = `
    const { parentPort, workerData: { options, module } } = require('node:worker_threads');
    const { Client } = require(module);
    (async () => { ${body} })();`;
  const module = new URL('../index.js', import.meta.url).pathname;
  return new Worker(source, { eval: true, workerData: { options, module } });
}

test('a client per worker, each left open', async () => {
  const body = `
    const client = await Client.connect(options);
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

test('a client with TLS and a login per worker', async () => {
  const body = `
    const client = await Client.connect(options);
    parentPort.postMessage(await client.listTopics());`;
  for (const authMechanism of ['plain', 'scram-sha-256']) {
    const workers = [1, 2].map(() => start(body, { ...secure.tls, ...login, authMechanism }));
    const ended = workers.map((worker) => Promise.all([once(worker, 'message'), once(worker, 'exit')]));
    for (const [[names], [code]] of await Promise.all(ended)) assert.deepEqual([names, code], [[], 0]);
  }
});

test('workers may be ended in the middle of a login', async () => {
  const body = `
    Client.connect(options).catch(() => {});
    parentPort.postMessage('logging in');`;
  await endWorkers(body, { ...secure.tls, ...login }, 3);
  await endWorkers(body, { ...secure.tls, ...login, authMechanism: 'plain' });
});

test('workers may be ended while their logins stall', async (t) => {
  const body = `
    const client = await Client.connect(options);
    client.authenticateScram('alice', 'Correct-Horse-7').catch(() => {});
    parentPort.postMessage('logging in');`;
  await endWorkers(body, await misbehave(t, 'stall'));
});

test('workers may be ended while their calls stall', async (t) => {
  const options = await misbehave(t, 'stall');
  const body = `
    const client = await Client.connect(options);
    for (let i = 0; i < 100; i++) client.publish('t', 'v');
    parentPort.postMessage('pending');`;
  await endWorkers(body, options);
});

test('workers may be ended while answers pour in', async () => {
  const body = `
    const client = await Client.connect(options);
    await client.publishBatch('busy', Array(100).fill('v'), { partition: 0 });
    const loop = async () => { for (;;) { await client.ping(); await client.consume('busy', 0, 0, 100); } };
    for (let i = 0; i < 20; i++) loop();
    parentPort.postMessage('busy');`;
  await endWorkers(body, broker.address);
});

test('a worker may exit under its calls', async () => {
  const body = `
    const client = await Client.connect(options);
    for (let i = 0; i < 100; i++) client.ping();
    process.exit(3);`;
  const [code] = await once(start(body, broker.address), 'exit');
  assert.equal(code, 3);
});

/** Ends workers in the middle of their work and sees that the process lives on. */
async function endWorkers(body, options, rounds = 10) {
  const client = await Client.connect(broker.address);
  for (let round = 0; round < rounds; round++) {
    const workers = [start(body, options), start(body, options)];
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    await Promise.all([client.ping(), ...workers.map((worker) => worker.terminate())]);
  }
  await client.close();
}
