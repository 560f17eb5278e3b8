// The options of a client, and what each does when servers fail, hang up or come back.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Client } from 'rivven';

import { failsWith, withBroker } from '../testing/fixture.mjs';
import { deadAddress, hangUp, relay } from '../testing/relay.mjs';
import { misbehave, repository, startBroker } from '../testing/servers.mjs';

const { broker, newTopic } = await withBroker();

const HOUR = 3_600_000;

/** How long anything may take on a busy machine. */
const PATIENCE = 20_000;

/** Every option of resilience, with a value that it does not have by default, and values that it does not take. */
const OPTIONS = {
  poolSizePerServer: [3, 0, 1001, 'many'],
  connectionTimeoutMs: [9_000, 0, HOUR + 1, -1],
  requestTimeoutMs: [PATIENCE, 0, HOUR + 1, 'soon'],
  closeTimeoutMs: [4_000, 0, HOUR + 1],
  maxRetries: [2, -1, 1.5, 'often'],
  retryInitialDelayMs: [5, 0, HOUR + 1],
  retryMaxDelayMs: [50, 0, HOUR + 1],
  retryMultiplier: [1.5, 0.5, 101, 'twice'],
  retryUnknownOutcome: [false, 'perhaps', 1],
  circuitBreakerFailureThreshold: [7, 0, 1.5],
  circuitBreakerRecoveryTimeoutMs: [500, 0, HOUR + 1],
  maxConnectionLifetimeMs: [60_000, 0, HOUR + 1],
  idleTimeoutMs: [30_000, 0, HOUR + 1],
  healthCheckEnabled: [false, 'sometimes', 1],
  healthCheckIntervalMs: [1_000, 0, HOUR + 1],
  decompression: ['never', 'maybe', true],
};

/** A client until the end of the test, whose calls fail at the first failure unless the options say otherwise. */
function client(t, servers, options) {
  const client = new Client({
    bootstrapServers: servers,
    requestTimeoutMs: PATIENCE,
    maxRetries: 0,
    healthCheckEnabled: false,
    ...options,
  });
  t.after(() => client.close());
  return client;
}

/** Waits until something holds. */
async function until(holds) {
  for (const begin = performance.now(); !(await holds()); await setTimeout(10)) {
    assert.ok(performance.now() - begin < PATIENCE, `it does not come to hold: ${holds}`);
  }
}

/** Starts a broker on the port of another one; it is stopped after the test. */
async function startAt(t, address) {
  const broker = await startBroker('--port', address.split(':')[1]);
  t.after(broker.stop);
}

const server = async (client, index = 0) => (await client.stats()).servers[index];

test('every option is taken', async (t) => {
  const options = Object.fromEntries(Object.entries(OPTIONS).map(([name, [value]]) => [name, value]));
  const topic = await newTopic();
  const all = client(t, [broker.address], options);
  await all.publish(topic, 'v');
  assert.equal((await all.consume(topic, 0, 0, 10)).length, 1);
});

for (const [name, [, ...values]] of Object.entries(OPTIONS)) {
  test(`what is no value is refused: ${name}`, () => {
    const key = name.replace(/[A-Z]/g, (letter) => `.${letter.toLowerCase()}`);
    for (const value of values) {
      assert.throws(
        () => new Client({ bootstrapServers: broker.address, [name]: value }),
        (error) => error.code === 'INVALID_CONFIG' && (error.message.includes(key) || error.message.includes(name)),
        `${value}`,
      );
    }
  });
}

test('no more connections are opened than allowed', async (t) => {
  // covers: F021 node, F035 node
  const topic = await newTopic();
  for (const size of [1, 2, 6]) {
    const { address, connections } = await relay(t, broker.address);
    const pool = client(t, address, { poolSizePerServer: size });
    const calls = Array.from({ length: 50 }, () => [
      pool.publish(topic, 'v'),
      pool.consume(topic, 0, 0, 1),
      pool.commitOffset('group', topic, 0, 0),
      pool.ping(),
    ]);
    await Promise.all(calls.flat());
    const { activeConnections, availableConnections } = await server(pool);
    assert.ok(activeConnections + availableConnections <= size, `${activeConnections} + ${availableConnections}`);
    assert.ok(connections() <= size, `${connections()} of ${size}`);
    assert.equal(connections() > 1, size > 1);
  }
});

test('a call that gets no connection in time says so', async (t) => {
  // covers: F021 node, F023 node
  const pool = client(t, await misbehave(t, 'stall'), { poolSizePerServer: 1, requestTimeoutMs: 500 });
  const poll = failsWith('CLOSED', pool.consumeLongPoll('t', 0, 0, 1, 5_000));
  await until(async () => (await server(pool)).activeConnections === 1);
  await failsWith('POOL_EXHAUSTED', pool.ping());
  await pool.close({ timeoutMs: 0 });
  await poll;
});

// How often a call is made against a server that hangs up shows which pauses
// lie between: a pause that does not fit into the time of the call ends it.
for (const [what, options, attempts] of [
  ['no repetition', { maxRetries: 0 }, 1],
  ['so many repetitions', { maxRetries: 4, retryInitialDelayMs: 1, retryMaxDelayMs: 1 }, 5],
  ['a first pause that is too long', { retryInitialDelayMs: HOUR, retryMaxDelayMs: HOUR }, 1],
  ['pauses that may not be long', { retryInitialDelayMs: 10, retryMultiplier: 100, retryMaxDelayMs: 10 }, 6],
  ['a third pause that is too long', { retryInitialDelayMs: 10, retryMultiplier: 100, retryMaxDelayMs: HOUR }, 3],
  ['pauses that do not grow', { retryInitialDelayMs: 10, retryMultiplier: 1, retryMaxDelayMs: HOUR }, 6],
]) {
  test(`a call that fails is repeated with pauses: ${what}`, async (t) => {
    // covers: F024 node, F025 node, F026 node, F027 node, F036 node
    const { address, connections } = await hangUp(t);
    const settings = { maxRetries: 5, circuitBreakerFailureThreshold: 100, ...options };
    await failsWith('CONNECTION_LOST', client(t, address, settings).ping());
    assert.equal(connections(), attempts);
  });
}

test('a record of which nobody knows is sent again, and the result says so', async (t) => {
  // covers: F033 node, F036 node
  const topic = await newTopic();
  const { address, loseAnswer } = await relay(t, broker.address);
  const again = client(t, address, { maxRetries: 3, retryInitialDelayMs: 1 });
  assert.deepEqual(await again.publish(topic, 'a'), { topic, partition: 0, offset: 0n, maybeDuplicate: false });
  loseAnswer();
  assert.deepEqual(await again.publish(topic, 'b'), { topic, partition: 0, offset: 2n, maybeDuplicate: true });
  loseAnswer();
  const { baseOffset, maybeDuplicate } = await again.publishBatch(topic, ['c', 'd']);
  assert.deepEqual([baseOffset, maybeDuplicate], [5n, true]);
  const values = (await again.consume(topic, 0, 0, 100)).map(({ value }) => String(value));
  assert.equal(values.join(''), 'abbcdcd');
});

test('a record of which nobody knows is an error where it must not be sent again', async (t) => {
  // covers: F033 node, F036 node, F123 node
  const topic = await newTopic();
  const { address, loseAnswer } = await relay(t, broker.address);
  const never = client(t, address, { maxRetries: 3, retryUnknownOutcome: false });
  await never.publish(topic, 'a');
  loseAnswer();
  await assert.rejects(never.publish(topic, 'b'), { code: 'CONNECTION_LOST', outcome: 'UNKNOWN' });
  assert.deepEqual(await never.getOffsetBounds(topic, 0), { earliest: 0n, latest: 2n });
});

test('a server that fails too often is left alone', async (t) => {
  // covers: F028 node, F029 node, F037 node, F039 node
  const address = await deadAddress();
  const options = { circuitBreakerFailureThreshold: 2, retryInitialDelayMs: 1, retryMaxDelayMs: 1 };
  const [patient, hasty] = [HOUR, 50].map((circuitBreakerRecoveryTimeoutMs) =>
    client(t, address, { ...options, circuitBreakerRecoveryTimeoutMs }),
  );
  for (let failures = 0; failures < 2; failures++) {
    // Nothing is known of a server before the first call.
    assert.equal((await server(patient))?.circuitState ?? 'closed', 'closed');
    for (const one of [patient, hasty]) await failsWith('CONNECTION_FAILED', one.ping());
  }
  const { circuitState, lastError } = await server(patient);
  assert.deepEqual([circuitState, lastError.code, lastError.address], ['open', 'CONNECTION_FAILED', address]);
  await assert.rejects(patient.ping(), { code: 'CIRCUIT_BREAKER_OPEN', outcome: 'NOT_SENT', address });

  await startAt(t, address);
  await until(() => hasty.ping().then(() => true, () => false));
  assert.deepEqual(await server(hasty), {
    address,
    circuitState: 'closed',
    activeConnections: 0,
    availableConnections: 1,
    lastError: null,
  });
  await failsWith('CIRCUIT_BREAKER_OPEN', patient.ping());
});

test('connections are replaced when their time is over, and no call notices', async (t) => {
  // covers: F030 node, F035 node
  const { address, connections } = await relay(t, broker.address);
  const young = client(t, address, {
    maxConnectionLifetimeMs: 100,
    healthCheckEnabled: true,
    healthCheckIntervalMs: 20,
  });
  await until(async () => {
    await young.ping();
    return connections() > 3;
  });
});

test('connections without use are closed but for one', async (t) => {
  // covers: F031 node, F035 node
  const topic = await newTopic();
  const pool = client(t, broker.address, { idleTimeoutMs: 200, healthCheckEnabled: true, healthCheckIntervalMs: 50 });
  await Promise.all(Array.from({ length: 50 }, () => pool.publish(topic, 'v')));
  assert.ok((await pool.stats()).availableConnections > 1);
  await until(async () => (await pool.stats()).availableConnections === 1);
  await pool.ping();
});

test('a dead server is passed over, and the statistics tell', async (t) => {
  // covers: F020 node, F038 node, F039 node
  const dead = await deadAddress();
  const both = client(t, [dead, broker.address]);
  await both.ping();
  const { totalServers, healthyServers, activeConnections, availableConnections, servers } = await both.stats();
  assert.deepEqual([totalServers, healthyServers, activeConnections, availableConnections], [2, 1, 0, 1]);
  const [first, second] = servers;
  assert.deepEqual([first.address, first.availableConnections, first.lastError.code], [dead, 0, 'CONNECTION_FAILED']);
  assert.deepEqual([second.address, second.availableConnections, second.lastError], [broker.address, 1, null]);
});

test('calls work again after a server was killed and started', async (t) => {
  // covers: F035 node, F036 node
  const mortal = await startBroker();
  t.after(mortal.kill);
  const again = client(t, mortal.address, {
    maxRetries: 1_000,
    retryMaxDelayMs: 100,
    circuitBreakerFailureThreshold: 1_000,
  });
  await again.createTopic('before', 1);
  await mortal.kill();
  const call = again.listTopics();
  await startAt(t, mortal.address);
  assert.deepEqual(await call, []);
});

test('servers are looked after without a call', async (t) => {
  // covers: F037 node, F040 node
  const mortal = await startBroker();
  t.after(mortal.kill);
  const watched = client(t, mortal.address, {
    healthCheckEnabled: true,
    healthCheckIntervalMs: 20,
    circuitBreakerFailureThreshold: 1,
    circuitBreakerRecoveryTimeoutMs: 50,
    retryInitialDelayMs: 50,
    retryMaxDelayMs: 50,
  });
  await watched.ping();
  await mortal.kill();
  await until(async () => (await watched.stats()).healthyServers === 0);
  await startAt(t, mortal.address);
  await until(async () => (await watched.stats()).healthyServers === 1);
  assert.equal((await server(watched)).circuitState, 'closed');
});

test('compressed values are read as the option says', async (t) => {
  const vectors = JSON.parse(readFileSync(path.join(repository, 'testing/vectors/compression.json'), 'utf8'));
  const find = (checksum) =>
    vectors.frames.find((frame) => frame.algorithm === 'zstd' && frame.checksum === checksum && !frame.stored_uncompressed);
  const topic = await newTopic();
  const frames = [find(true), find(false)];
  for (const { frame_hex } of frames) await client(t, broker.address).publish(topic, Buffer.from(frame_hex, 'hex'));

  const read = async (decompression) => {
    const records = await client(t, broker.address, { decompression }).consume(topic, 0, 0, 2);
    return records.map(({ value }, index) => (value.toString('hex') === frames[index].value_hex ? 'plain' : 'as sent'));
  };
  assert.deepEqual(await read('auto'), ['plain', 'as sent']);
  assert.deepEqual(await read('always'), ['plain', 'plain']);
  assert.deepEqual(await read('never'), ['as sent', 'as sent']);
});
