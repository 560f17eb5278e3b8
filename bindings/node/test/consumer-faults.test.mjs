// What a consumer does when the broker goes away, changes or asks for more.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Consumer, RivvenError } from 'rivven';

import { failsWith, withBroker } from '../testing/fixture.mjs';
import { faultProxy, login, startBroker, startSecureBroker } from '../testing/servers.mjs';

const { broker, client, newTopic } = await withBroker();

/** Pauses that no test has to wait for. */
const impatient = { reconnectBackoffMs: 5, reconnectBackoffMaxMs: 20 };

/** Makes a consumer of a topic's partition 0, which is closed after the test. */
function reading(t, topic, options) {
  const consumer = new Consumer({ groupId: topic, ...impatient, ...options });
  t.after(() => consumer.close({ timeoutMs: 5000 }).catch(() => {}));
  consumer.assign([{ topic, partition: 0 }]);
  return consumer;
}

/** Polls until so many records have come; their values. */
async function values(consumer, count) {
  const read = [];
  while (read.length < count) for (const { value } of await consumer.poll()) read.push(String(value));
  return read;
}

test('a lost connection is made anew, and nothing is lost or read twice', async (t) => {
  // covers: F101 node
  const topic = await newTopic();
  const proxy = await faultProxy(t, broker.address);
  const consumer = reading(t, topic, { bootstrapServers: proxy.address });
  for (let round = 0; round < 5; round++) {
    await client.publishBatch(topic, [`a${round}`, `b${round}`], { partition: 0 });
    assert.deepEqual(await values(consumer, 2), [`a${round}`, `b${round}`]);
    await proxy.command('cut');
  }
});

test('a broker that stays away is an error of polls, and the next one begins anew', async (t) => {
  // covers: F090 node, F091 node, F092 node
  const own = await startBroker();
  const consumer = reading(t, 't', { bootstrapServers: own.address, maxReconnectAttempts: 2, maxPollIntervalMs: 30_000 });
  await own.kill();
  for (let round = 0; round < 2; round++) await assert.rejects(consumer.poll(), RivvenError);
  assert.ok(consumer.stats().lastError instanceof RivvenError);
  assert.ok(consumer.stats().errors >= 2);
});

test('partitions that are added are read', async (t) => {
  // covers: F089 node
  const topic = await newTopic(1);
  const options = { bootstrapServers: broker.address, groupId: topic, metadataRefreshIntervalMs: 50 };
  const consumer = new Consumer(options);
  t.after(() => consumer.close());
  consumer.subscribe([topic]);
  await client.publish(topic, 'first', { partition: 0 });
  assert.deepEqual(await values(consumer, 1), ['first']);
  await client.createPartitions(topic, 2);
  await client.publish(topic, 'second', { partition: 1 });
  assert.deepEqual(await values(consumer, 1), ['second']);
  assert.equal(consumer.assignments().length, 2);
});

test("a client's consumer has its servers, login and encryption", async (t) => {
  // covers: F096 node
  const secure = await startSecureBroker();
  t.after(secure.stop);
  const { Client } = await import('rivven');
  const secureClient = new Client({ ...secure.tls, ...login });
  t.after(() => secureClient.close());
  await secureClient.createTopic('t', 1);
  await secureClient.publish('t', 'v');
  const consumer = secureClient.consumer();
  consumer.assign([{ topic: 't', partition: 0 }]);
  assert.deepEqual(await values(consumer, 1), ['v']);
  await consumer.close();
});

test('every option of groups and levels is taken, and what makes no sense refused', async (t) => {
  // covers: F088 node
  const topic = await newTopic();
  await client.publish(topic, 'v');
  const times = { sessionTimeoutMs: 6000, rebalanceTimeoutMs: 10_000, heartbeatIntervalMs: 500 };
  for (const isolationLevel of ['read_uncommitted', 'read_committed', 0, 1]) {
    const options = { bootstrapServers: broker.address, isolationLevel, enableAutoCommit: false, ...times };
    assert.deepEqual(await values(reading(t, topic, options), 1), ['v']);
  }
  const wrong = [{ isolationLevel: 'serializable' }, { sessionTimeoutMs: 'long' }, { rebalanceTimeoutMs: -1 }];
  for (const options of [...wrong, { heartbeatIntervalMs: true }]) {
    const { message } = await refused({ bootstrapServers: broker.address, ...options });
    assert.match(message, new RegExp(Object.keys(options)[0].slice(0, 5)), 'the option is named');
  }
});

/** The error of a configuration. */
async function refused(options) {
  const made = Promise.resolve().then(() => new Consumer(options));
  const error = await made.then(() => assert.fail('it was taken'), (error) => error);
  await failsWith('INVALID_CONFIG', Promise.reject(error));
  return error;
}
