// What docs/getting-started.md shows:
// node guide.mjs <server> <another> <server with TLS> <CA file> <password of alice>
//
// The first server may be down: the second one is tried then.

import { Client } from 'rivven';

const topic = 'guide-node';
const [first, second, address, caFile, password] = process.argv.slice(2);
if (process.argv.length !== 7) {
  console.error('usage: guide.mjs <server> <another> <server with TLS> <CA file> <password of alice>');
  process.exit(2);
}

async function records() {
  // [connect
  const client = await Client.connect({ bootstrapServers: [first, second], requestTimeoutMs: 10_000 });
  // connect]

  // [topic
  const partitions = await client.createTopic(topic, 3);
  if (partitions !== 3) throw new Error(`${partitions} partitions`);
  // topic]

  // [publish
  await client.publish(topic, '-3', { key: 'oslo', partition: 0 }); // to a partition
  const more = [{ key: 'rome', value: '14' }, { key: 'cairo', value: '22' }];
  await client.publishBatch(topic, more, { partition: 0 }); // many
  await client.publish(topic, '19', { key: 'lima' }); // where the key leads
  // publish]

  // [consume
  const { earliest } = await client.getOffsetBounds(topic, 0);
  for (const record of await client.consume(topic, 0, earliest, 2)) {
    console.log(`${record.offset} ${record.key} ${record.value}`);
  }
  // consume]

  // [errors
  try {
    await client.createTopic(topic, 3);
  } catch (error) {
    if (error.code === 'TOPIC_ALREADY_EXISTS') console.log(error.code);
    else if (error.retriable) console.log(`try again: ${error.message}`);
    else throw error;
  }
  // errors]
  await client.close();
}

async function login() {
  // [login
  const client = await Client.connect({
    bootstrapServers: address,
    tlsCaCertPath: caFile,
    authUsername: 'alice',
    authPassword: password, // by SCRAM-SHA-256: the password is never sent
  });
  console.log(`${(await client.listTopics()).length} topics`);
  // login]
  await client.close();
}

await records();
await login();
