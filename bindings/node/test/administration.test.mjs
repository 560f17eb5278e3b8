// Settings, partitions, deletion, quotas, the cluster and schemas against the real broker.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, refuses, withBroker } from '../testing/fixture.mjs';

const { broker, client, newTopic } = await withBroker();

test('partitions are added to a topic', async () => {
  // covers: F107 node
  const topic = await newTopic(2);
  assert.equal(await client.createPartitions(topic, 5), 5);
  assert.deepEqual(await client.getMetadata(topic), { name: topic, partitions: 5 });
  await failsWith('INVALID_PARTITIONS', client.createPartitions(topic, 5));
  await failsWith('UNKNOWN_TOPIC_OR_PARTITION', client.createPartitions('no-such-topic', 5));
});

test('settings of a topic are changed, described and taken back', async () => {
  // covers: F104 node, F105 node
  const topic = await newTopic();
  const changes = { 'retention.ms': 60_000, 'cleanup.policy': 'compact', 'max.message.bytes': 1_000n };
  assert.deepEqual(await client.alterTopicConfig(topic, changes), { topic, changedCount: 3 });
  const { [topic]: changed } = await client.describeTopicConfigs([topic]);
  assert.deepEqual(changed['retention.ms'], {
    value: '60000',
    isDefault: false,
    isReadOnly: false,
    isSensitive: false,
  });
  assert.equal(changed['cleanup.policy'].value, 'compact');
  assert.equal(changed['max.message.bytes'].value, '1000');
  assert.deepEqual(Object.keys(await client.describeTopicConfigs()), [topic]);

  assert.deepEqual(await client.alterTopicConfig(topic, { 'retention.ms': null }), { topic, changedCount: 1 });
  const { [topic]: restored } = await client.describeTopicConfigs(new Set([topic]));
  assert.equal(restored['retention.ms'].isDefault, true);
});

test('settings are changed in their order up to a bad one', async () => {
  // covers: F105 node
  const topic = await newTopic();
  const changes = { 'segment.bytes': 5_000_000, 'no.such.key': 'v', 'retention.ms': 5 };
  await failsWith('INVALID_TOPIC_CONFIG', client.alterTopicConfig(topic, changes));
  const { [topic]: settings } = await client.describeTopicConfigs([topic]);
  assert.deepEqual([settings['segment.bytes'].value, settings['retention.ms'].isDefault], ['5000000', true]);
});

test('every setting of a topic can be changed', async () => {
  // covers: F106 node
  const topic = await newTopic();
  const changes = {
    'retention.ms': 86_400_000,
    'retention.bytes': 1_000_000_000n,
    'max.message.bytes': 500_000,
    'segment.bytes': 10_000_000,
    'segment.ms': 60_000,
    'cleanup.policy': 'compact,delete',
    'min.insync.replicas': 1,
    'compression.type': 'gzip',
  };
  const { changedCount } = await client.alterTopicConfig(topic, changes);
  const { [topic]: settings } = await client.describeTopicConfigs([topic]);
  assert.equal(changedCount, Object.keys(changes).length);
  for (const [key, value] of Object.entries(changes)) assert.equal(settings[key].value, String(value), key);
  for (const [key, value] of [['retention.ms', 'soon'], ['cleanup.policy', 'burn'], ['compression.type', 'zip']]) {
    await failsWith('INVALID_TOPIC_CONFIG', client.alterTopicConfig(topic, { [key]: value }));
  }
});

test('records are deleted below an offset, each partition with its own result', async () => {
  // covers: F108 node
  const topic = await newTopic(2);
  for (const partition of [0, 1]) await client.publishBatch(topic, ['a', 'b', 'c'], { partition });
  const results = await client.deleteRecords(topic, [{ partition: 0, offset: 2n }, { partition: 1, offset: 99 }]);
  const [done, refused] = results.toSorted((a, b) => a.partition - b.partition);
  assert.deepEqual(done, { partition: 0, lowWatermark: 2n, error: null });
  assert.equal(refused.partition, 1);
  assert.equal(typeof refused.error, 'string');
  assert.deepEqual(await client.getOffsetBounds(topic, 0), { earliest: 2n, latest: 3n });
  assert.deepEqual((await client.consume(topic, 0, 0, 10)).map(({ value }) => String(value)), ['c']);
  await failsWith('UNKNOWN_TOPIC_OR_PARTITION', client.deleteRecords('no-such-topic', [{ partition: 0, offset: 0 }]));
});

test('quotas are set, described and removed', async () => {
  // covers: F111 node
  const alice = { entityType: 'user', entityName: 'alice' };
  const set = [
    { ...alice, quotaKey: 'produce_bytes_rate', quotaValue: 2n ** 60n },
    { ...alice, quotaKey: 'request_rate', quotaValue: 100 },
    { entityType: 'client-id', quotaKey: 'request_rate', quotaValue: 7 },
    { ...alice, quotaKey: 'no_such_key', quotaValue: 1 },
  ];
  assert.equal(await client.alterQuotas(set), 3);
  const [entry, ...others] = await client.describeQuotas([alice]);
  assert.deepEqual(others, []);
  assert.deepEqual([entry.entityType, entry.entityName], ['user', 'alice']);
  assert.equal(entry.quotas.produce_bytes_rate, 2n ** 60n);
  assert.equal(entry.quotas.request_rate, 100n);
  const all = await client.describeQuotas();
  assert.ok(all.some(({ entityType, entityName }) => entityType === 'client-id' && entityName === null));

  assert.equal(await client.alterQuotas([{ ...alice, quotaKey: 'request_rate', quotaValue: null }]), 1);
  const [{ quotas }] = await client.describeQuotas([alice]);
  // What was removed is the broker's default again.
  assert.deepEqual([quotas.produce_bytes_rate, quotas.request_rate === 100n], [2n ** 60n, false]);
});

test('the cluster names its brokers', async () => {
  // covers: F109 node
  const topic = await newTopic();
  for (const cluster of [await client.getClusterMetadata(), await client.getClusterMetadata([topic])]) {
    const [{ nodeId, host, port, rack }] = cluster.brokers;
    assert.deepEqual([`${host}:${port}`, rack, cluster.controllerId], [broker.address, null, nodeId]);
    assert.deepEqual(cluster.topics, []);
  }
});

test('the statistics have the servers of the client', async () => {
  // covers: F039 node
  await client.ping();
  const stats = await client.stats();
  assert.deepEqual(Object.keys(stats).sort(), [
    'activeConnections',
    'availableConnections',
    'healthyServers',
    'servers',
    'totalServers',
  ]);
  assert.equal(stats.totalServers, 1);
  for (const { address, circuitState, lastError } of stats.servers) {
    assert.deepEqual([address, circuitState, lastError], [broker.address, 'closed', null]);
  }
});

test('schemas take the arguments of a registry', async () => {
  await refuses([
    () => client.registerSchema(5, 's', 'AVRO', '"string"'),
    () => client.registerSchema('http://127.0.0.1:1', 's', undefined, '"string"'),
    () => client.registerSchema('http://127.0.0.1:1', 's', 'AVRO', { type: 'string' }),
    () => client.getSchema('http://127.0.0.1:1', '1'),
    () => client.getSchemaVersion('http://127.0.0.1:1', 's', 'latest'),
  ]);
});

test('arguments of the wrong kind are refused before anything is sent', async () => {
  const quota = { entityType: 'user', quotaKey: 'request_rate', quotaValue: 1 };
  await refuses([
    () => client.createPartitions('t', 1.5),
    () => client.describeTopicConfigs('t'),
    () => client.describeTopicConfigs([5]),
    () => client.alterTopicConfig('t'),
    () => client.alterTopicConfig('t', ['retention.ms']),
    () => client.alterTopicConfig('t', { 'retention.ms': undefined }),
    () => client.alterTopicConfig('t', { 'retention.ms': {} }),
    () => client.deleteRecords('t', { 0: 5n }),
    () => client.deleteRecords('t', [{ partition: 0 }]),
    () => client.getClusterMetadata('t'),
    () => client.describeQuotas(['user']),
    () => client.describeQuotas([{ entityType: 'user', name: 'alice' }]),
    () => client.alterQuotas(quota),
    () => client.alterQuotas([{ ...quota, quotaValue: undefined }]),
    () => client.alterQuotas([{ ...quota, quotaValue: -1 }]),
  ]);
});
