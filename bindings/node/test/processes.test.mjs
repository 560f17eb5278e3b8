// Clients in processes that a process with a client starts.

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from 'rivven';

import { login, startSecureBroker } from '../testing/servers.mjs';

const program = fileURLToPath(new URL('../testing/forked.mjs', import.meta.url));
let options;
let broker;
let client;

before(async () => {
  broker = await startSecureBroker();
  options = { ...broker.tls, ...login, authMechanism: 'plain' };
  client = await Client.connect(options);
});

after(async () => {
  await client.close();
  await broker.stop();
});

/** Waits until a child has used a client of its own and has ended by itself. */
async function ends(child) {
  const [[answer], [code]] = await Promise.all([once(child, 'message'), once(child, 'exit')]);
  assert.deepEqual([answer, code], ['pong', 0]);
}

test('a forked process has clients of its own', async () => {
  await ends(fork(program, [JSON.stringify(options)]));
  await client.ping();
});

test('the workers of a cluster have clients of their own', async () => {
  cluster.setupPrimary({ exec: program, args: [JSON.stringify(options)] });
  await Promise.all([ends(cluster.fork()), ends(cluster.fork()), client.ping()]);
  await client.ping();
});
