// What a client shows when there is no broker, or none that deserves the name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, RivvenError } from 'rivven';

import { deadAddress } from '../testing/relay.mjs';
import { misbehave } from '../testing/servers.mjs';

/** Far below any default timeout, far above what a busy machine needs. */
const SOON = 10_000;

/** Waits for a call to fail in time with an error that names the address. */
async function failure(call, address) {
  const begin = performance.now();
  const error = await call.then(() => assert.fail('the call succeeded'), (error) => error);
  assert.ok(error instanceof RivvenError, String(error));
  assert.ok(performance.now() - begin < SOON, 'the timeout was not kept');
  assert.ok(error.message.includes(address), `the address is missing: ${error.message}`);
  return error;
}

/** Connects; for peers that never get as far as a first answer. */
function connecting(address, options) {
  return failure(Client.connect({ bootstrapServers: address, ...options }), address);
}

test('a refused connection', async () => {
  // covers: F004 node
  const error = await connecting(await deadAddress());
  assert.deepEqual([error.code, error.retriable, error.outcome], ['CONNECTION_FAILED', true, 'NOT_SENT']);
});

test('no route', async () => {
  const error = await connecting('255.255.255.255:9092');
  assert.equal(error.code, 'CONNECTION_FAILED');
});

test('a name that does not resolve', async () => {
  const error = await connecting('no-such-host.invalid:9092');
  assert.equal(error.code, 'RESOLVE_FAILED');
});

test('a server of another protocol version', async (t) => {
  // covers: F006 node
  const error = await connecting(await misbehave(t, 'incompatible'));
  assert.deepEqual([error.code, error.retriable, error.outcome], ['INCOMPATIBLE_VERSION', false, 'NOT_SENT']);
});

test('an address that cannot be read', async () => {
  const error = await connecting('http://127.0.0.1:9092');
  assert.deepEqual([error.code, error.retriable], ['INVALID_CONFIG', false]);
});

for (const [mode, code, text] of [
  ['http', 'RESPONSE_TOO_LARGE', /HTTP server/],
  ['tls-alert', undefined, /TLS/],
  ['promise-4gb', 'RESPONSE_TOO_LARGE', /4294967295/],
  ['close-at-once', 'CONNECTION_LOST', /handshake/],
  ['unreachable', 'TIMED_OUT', /connection\.timeout\.ms/],
  ['silent', 'TIMED_OUT', /handshake/],
]) {
  test(`a server that does not come to an answer: ${mode}`, async (t) => {
    // covers: F004 node, F022 node
    const address = await misbehave(t, mode);
    const error = await connecting(address, { connectionTimeoutMs: 500 });
    if (code) assert.equal(error.code, code);
    assert.match(error.message, text);
    assert.equal(error.address, address);
  });
}

for (const [mode, code] of [
  ['close-mid-frame', 'CONNECTION_LOST'],
  ['wrong-id', 'MALFORMED_RESPONSE'],
  ['garbage', 'MALFORMED_RESPONSE'],
]) {
  test(`a connection that goes wrong: ${mode}`, async (t) => {
    const address = await misbehave(t, mode);
    const client = await Client.connect(address);
    const error = await failure(client.listTopics(), address);
    assert.deepEqual([error.code, error.outcome], [code, 'UNKNOWN']);
    await client.close();
  });
}

test('a reset under large publishes', async (t) => {
  const address = await misbehave(t, 'reset');
  const client = await Client.connect(address);
  const value = Buffer.alloc(5_000_000);
  const calls = Array.from({ length: 5 }, () => failure(client.publish('orders', value), address));
  for (const error of await Promise.all(calls)) assert.equal(error.code, 'CONNECTION_LOST', error.message);
  await client.close();
});

test('a broker that stalls costs the request timeout', async (t) => {
  // covers: F011 node, F023 node
  const address = await misbehave(t, 'stall');
  const client = await Client.connect({ bootstrapServers: address, requestTimeoutMs: 300 });
  await client.ping();
  const error = await failure(client.publish('orders', 'v'), address);
  assert.deepEqual([error.code, error.outcome], ['TIMED_OUT', 'UNKNOWN']);
  assert.match(error.message, /request\.timeout\.ms/);
  await client.close();
});

test('of several dead servers each is named', async (t) => {
  // covers: F038 node, F121 node
  const addresses = [await misbehave(t, 'http'), await deadAddress()];
  const error = await failure(Client.connect({ bootstrapServers: addresses }), addresses[0]);
  assert.equal(error.code, 'ALL_SERVERS_UNAVAILABLE');
  assert.ok(error.message.includes(addresses[1]), error.message);
});

test('a dead server of a list is passed over', async (t) => {
  // covers: F020 node, F038 node
  const addresses = [await deadAddress(), await misbehave(t, 'stall')];
  const client = await Client.connect({ bootstrapServers: addresses.join(',') });
  await client.ping();
  await client.close();
});
