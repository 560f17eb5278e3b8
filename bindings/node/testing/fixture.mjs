// A broker and a client for the tests of one file, and what they all do with them.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { Client, RivvenError } from 'rivven';

import { startBroker } from './servers.mjs';

/** Starts a broker and connects a client, both until the tests of the file are over. */
export async function withBroker(...options) {
  const broker = await startBroker(...options);
  const client = await Client.connect({ bootstrapServers: [broker.address], requestTimeoutMs: 20_000 });
  let topics = 0;

  after(async () => {
    await client.close();
    await broker.stop();
  });

  /** Makes a topic of a test's own. */
  async function newTopic(partitions = 1) {
    const name = `topic-${++topics}`;
    assert.equal(await client.createTopic(name, partitions), partitions);
    return name;
  }

  return { broker, client, newTopic };
}

/** Expects a call to fail with an error of this package and this code. */
export function failsWith(code, promise) {
  return assert.rejects(promise, (error) => error instanceof RivvenError && error.code === code);
}

/** Expects each call to be refused as one that JavaScript itself finds wrong. */
export async function refuses(calls) {
  for (const call of calls) await assert.rejects(call(), { code: 'INVALID_ARGUMENT', outcome: 'NOT_SENT' }, `${call}`);
}
