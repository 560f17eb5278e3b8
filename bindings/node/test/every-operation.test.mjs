// Every operation of a client, in one story, past a server that is down.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Client } from 'rivven';

import { deadAddress } from '../testing/relay.mjs';
import { packageFolder, startBroker, startRegistry } from '../testing/servers.mjs';

const quota = { entityType: 'user', entityName: 'bob', quotaKey: 'request_rate' };

/** How to join a group to read the topic t. */
const joining = { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 30_000, protocolType: 'consumer', subscriptions: ['t'] };

/** The operations in the order of the story: arguments, which may depend on earlier results, and what comes of it. */
const story = (url) => ({
  ping: [[], undefined],
  createTopic: [['t', 1], 1],
  listTopics: [[], ['t']],
  getMetadata: [['t'], { name: 't', partitions: 1 }],
  createPartitions: [['t', 2], 2],
  alterTopicConfig: [['t', { 'retention.ms': 86_400_000 }], { topic: 't', changedCount: 1 }],
  describeTopicConfigs: [[['t']], ({ t }) => t['retention.ms'].value === '86400000'],
  publish: [['t', 'a', { partition: 0 }], { topic: 't', partition: 0, offset: 0n, maybeDuplicate: false }],
  publishToPartition: [['t', 0, 'b'], { topic: 't', partition: 0, offset: 1n, maybeDuplicate: false }],
  publishBatch: [['t', ['c', 'd'], { partition: 0 }], ({ baseOffset, count }) => baseOffset === 2n && count === 2],
  publishWithKey: [['t', 'k', 'e'], ({ topic, partition }) => topic === 't' && partition < 2],
  consume: [['t', 0, 0, 4], reads('abcd')],
  consumeWithIsolation: [['t', 0, 1, 2, 1], reads('bc')],
  consumeReadCommitted: [['t', 0, 2, 2], reads('cd')],
  consumeLongPoll: [['t', 0, 3, 1, 1_000], reads('d')],
  consumePipelined: [
    [[{ topic: 't', partition: 0, offset: 0n, maxMessages: 1 }]],
    ([{ status, value }]) => status === 'fulfilled' && reads('a')(value),
  ],
  getOffsetBounds: [['t', 0], ({ earliest, latest }) => earliest === 0n && latest >= 4n],
  getOffsetForTimestamp: [['t', 0, new Date(0)], 0n],
  commitOffset: [['g', 't', 0, 2], undefined],
  getOffset: [['g', 't', 0], 2n],
  commitOffsetsPipelined: [
    ['g', [{ topic: 't', partition: 0, offset: 3 }]],
    ([{ status }]) => status === 'fulfilled',
  ],
  listGroups: [[], ['g']],
  describeGroup: [['g'], { t: { 0: 3n } }],
  deleteGroup: [['g'], undefined],
  joinGroup: [['h', joining], ({ member, leader }) => member === leader],
  syncGroup: [
    ({ joinGroup: { generation, member } }) => [
      ...['h', generation, member],
      [{ member, assignment: [{ topic: 't', partitions: [0, 1] }] }],
    ],
    [{ topic: 't', partitions: [0, 1] }],
  ],
  heartbeat: [({ joinGroup: { generation, member } }) => ['h', generation, member], 0],
  leaveGroup: [({ joinGroup: { member } }) => ['h', member], undefined],
  deleteRecords: [['t', [{ partition: 0, offset: 1 }]], [{ partition: 0, lowWatermark: 1n, error: null }]],
  alterQuotas: [[[{ ...quota, quotaValue: 5 }]], 1],
  describeQuotas: [[[quota].map(({ entityType, entityName }) => ({ entityType, entityName }))], rateIs(5n)],
  getClusterMetadata: [[], ({ brokers }) => brokers.length === 1],
  registerSchema: [[url, 's', 'AVRO', '"string"'], (id) => id > 0],
  getSchema: [({ registerSchema }) => [url, registerSchema], ({ schema }) => schema === '"string"'],
  getSchemaVersion: [[url, 's'], ({ version }) => version === 1],
  initProducerId: [[], ({ producerEpoch, nextSequence }) => producerEpoch === 0 && nextSequence === 0],
  publishIdempotent: [
    ({ initProducerId: producer }) => ['t', 'f', producer, { partition: 1 }],
    ({ partition, duplicate }) => partition === 1 && !duplicate,
  ],
  beginTransaction: [({ initProducerId: producer }) => ['x', producer], undefined],
  addPartitionsToTxn: [({ initProducerId: producer }) => ['x', producer, [{ topic: 't', partition: 0 }]], 1],
  publishTransactional: [
    ({ initProducerId: producer }) => ['x', 't', 'g', producer],
    ({ partition, sequence }) => partition === 0 && sequence === 0,
  ],
  addOffsetsToTxn: [
    ({ initProducerId: producer }) => ['x', producer, 'g', [{ topic: 't', partition: 0, offset: 4n }]],
    undefined,
  ],
  commitTransaction: [({ initProducerId: producer }) => ['x', producer], undefined],
  deleteTopic: [['t'], undefined],
  stats: [[], ({ totalServers, healthyServers }) => totalServers === 2 && healthyServers === 1],
});

/** Whether these are the values of records, one letter each. */
function reads(letters) {
  return (records) => records.map(({ value }) => String(value)).join('') === letters;
}

function rateIs(rate) {
  return ([{ quotas }]) => quotas.request_rate === rate;
}

/** The methods that the types declare. */
function declared() {
  const types = readFileSync(path.join(packageFolder, 'index.d.ts'), 'utf8');
  const begin = types.indexOf('export class Client ');
  const methods = types.slice(begin, types.indexOf('\n}', begin)).matchAll(/^  (\w+)\(/gm);
  return Array.from(methods, ([, name]) => name).filter((name) => name !== 'constructor');
}

test('every operation works past a server that is down', async (t) => {
  // covers: F034 node, F038 node
  const [broker, registry] = [await startBroker(), await startRegistry()];
  const client = new Client([await deadAddress(), broker.address]);
  t.after(async () => {
    await client.close();
    await Promise.all([broker.stop(), registry.stop()]);
  });

  const results = {};
  for (const [name, [args, wanted]] of Object.entries(story(registry.url))) {
    results[name] = await client[name](...(typeof args === 'function' ? args(results) : args));
    if (typeof wanted === 'function') assert.ok(wanted(results[name]), name);
    else assert.deepEqual(results[name], wanted, name);
  }
  // A member that left cannot be taken out as well, so this needs another.
  const { member } = await client.joinGroup('i', joining);
  await client.removeMember('i', member);
  // As does one that was committed.
  await client.beginTransaction('y', results.initProducerId);
  await client.abortTransaction('y', results.initProducerId);

  // Logins, which this broker has no use for, and what is no operation have tests of their own.
  const others = ['authenticate', 'authenticateScram', 'stateChanges', 'producer', 'consumer', 'close'];
  const done = [...Object.keys(results), 'removeMember', 'abortTransaction', ...others];
  assert.deepEqual(declared().sort(), done.sort());
});
