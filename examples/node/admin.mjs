// Settings of a topic, committed offsets and groups: node admin.mjs <broker address>

import { Client } from 'rivven';

const topic = 'admin-node';
const group = 'admin-node-readers';

const [address] = process.argv.slice(2);
if (process.argv.length !== 3) {
  console.error('usage: admin.mjs <broker address>');
  process.exit(2);
}
const client = await Client.connect(address);
await client.createTopic(topic, 2);

// [settings
await client.alterTopicConfig(topic, { 'retention.ms': 86_400_000, 'cleanup.policy': null });
const configs = await client.describeTopicConfigs([topic]);
console.log(`retention.ms ${configs[topic]['retention.ms'].value}`);
console.log(`partitions ${await client.createPartitions(topic, 4)}`);
// settings]

// [offsets
for (const value of ['one', 'two', 'three']) await client.publishToPartition(topic, 0, value);
await client.commitOffset(group, topic, 0, 2n); // the next record to read
const next = (await client.getOffset(group, topic, 0)) ?? 0n;
for (const record of await client.consume(topic, 0, next, 10)) console.log(`${record.offset} ${record.value}`);
// offsets]

// [groups
for (const name of await client.listGroups()) {
  for (const [of, offsets] of Object.entries(await client.describeGroup(name))) {
    for (const [partition, offset] of Object.entries(offsets)) console.log(`${name} ${of}/${partition} ${offset}`);
  }
}
await client.deleteGroup(group);
// groups]

// [delete
for (const { partition, lowWatermark } of await client.deleteRecords(topic, [{ partition: 0, offset: 2n }])) {
  console.log(`partition ${partition} begins at ${lowWatermark}`);
}
await client.deleteTopic(topic);
// delete]
await client.close();
