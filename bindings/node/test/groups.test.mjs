// Consumer groups against the real broker.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { failsWith, refuses, withBroker } from '../testing/fixture.mjs';

const { client, newTopic } = await withBroker();

function join(group, subscriptions, member) {
  const options = { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 30_000, protocolType: 'consumer', subscriptions };
  return client.joinGroup(group, { member, ...options });
}

test('groups are listed, described and deleted', async () => {
  // covers: F110 node
  const [one, other] = [await newTopic(2), await newTopic()];
  await client.publish(one, 'v', { partition: 1 });
  await client.commitOffset('kept', one, 1, 1);
  await client.commitOffset('kept', other, 0, 0);
  assert.ok((await client.listGroups()).includes('kept'));
  assert.deepEqual(await client.describeGroup('kept'), { [one]: { 1: 1n }, [other]: { 0: 0n } });
  assert.equal(await client.deleteGroup('kept'), undefined);
  assert.ok(!(await client.listGroups()).includes('kept'));
  await failsWith('GROUP_NOT_FOUND', client.describeGroup('kept'));
  await failsWith('GROUP_NOT_FOUND', client.deleteGroup('kept'));
  await failsWith('INVALID_GROUP_ID', client.describeGroup('no spaces'));
});

test('members join, share partitions, stay and leave', async () => {
  // covers: F110 node
  const first = await join('team', ['orders', 'bills']);
  const { member: leader } = first;
  assert.deepEqual(first, {
    generation: 0,
    protocolType: 'consumer',
    member: leader,
    leader,
    members: [{ member: leader, subscriptions: ['orders', 'bills'] }],
  });
  const second = await join('team', new Set(['orders']), 'follower');
  assert.deepEqual([second.member, second.leader, second.generation], ['follower', leader, 0]);
  const members = second.members.toSorted((a, b) => a.subscriptions.length - b.subscriptions.length);
  assert.deepEqual(members, [{ member: 'follower', subscriptions: ['orders'] }, first.members[0]]);
  assert.equal(await client.heartbeat('team', 0, 'follower'), 27);

  const shares = [
    { member: leader, assignment: [{ topic: 'bills', partitions: [0] }, { topic: 'orders', partitions: [0, 2] }] },
    { member: 'follower', assignment: [{ topic: 'orders', partitions: new Set([1]) }] },
  ];
  const share = await client.syncGroup('team', 0, leader, shares);
  assert.deepEqual(share.toSorted((a, b) => a.topic.localeCompare(b.topic)), shares[0].assignment);
  assert.deepEqual(await client.syncGroup('team', 0, 'follower'), [{ topic: 'orders', partitions: [1] }]);
  assert.equal(await client.heartbeat('team', 0, 'follower'), 0);

  assert.equal(await client.leaveGroup('team', 'follower'), undefined);
  await failsWith('ILLEGAL_GENERATION', client.heartbeat('team', 0, leader));
  assert.equal(await client.removeMember('team', leader), undefined);
});

test('membership fails with the code of its reason', async () => {
  const { member, generation } = await join('lone', ['orders']);
  await failsWith('UNKNOWN_GROUP', client.heartbeat('no-such-group', 0, member));
  await failsWith('UNKNOWN_MEMBER_ID', client.heartbeat('lone', generation, 'stranger'));
  await failsWith('ILLEGAL_GENERATION', client.heartbeat('lone', generation + 5, member));
  await failsWith('ILLEGAL_GENERATION', client.syncGroup('lone', generation + 5, member));
  const strange = [{ member: 'stranger', assignment: [] }];
  await failsWith('INCONSISTENT_GROUP_PROTOCOL', client.syncGroup('lone', generation, member, strange));
  await failsWith('UNKNOWN_MEMBER_ID', client.leaveGroup('lone', 'stranger'));
  await failsWith('UNKNOWN_GROUP', client.removeMember('no-such-group', member));
});

test('arguments of the wrong kind are refused before anything is sent', async () => {
  const options = { sessionTimeoutMs: 1, rebalanceTimeoutMs: 1, protocolType: 'consumer', subscriptions: [] };
  await refuses([
    () => client.describeGroup(),
    () => client.deleteGroup(null),
    () => client.joinGroup('g'),
    () => client.joinGroup('g', { ...options, sessionTimeoutMs: undefined }),
    () => client.joinGroup('g', { ...options, subscriptions: undefined }),
    () => client.joinGroup('g', { ...options, subscriptions: 'orders' }),
    () => client.joinGroup('g', { ...options, subscriptions: [5] }),
    () => client.joinGroup('g', { ...options, member: 5 }),
    () => client.joinGroup('g', { ...options, groupInstanceId: 'i' }),
    () => client.syncGroup('g', -1, 'm'),
    () => client.syncGroup('g', 0, 'm', { m: [] }),
    () => client.syncGroup('g', 0, 'm', [{ member: 'm' }]),
    () => client.syncGroup('g', 0, 'm', [{ member: 'm', assignment: [{ topic: 't', partitions: [1.5] }] }]),
    () => client.heartbeat('g', 0),
    () => client.leaveGroup('g'),
    () => client.removeMember(undefined, 'm'),
  ]);
});
