// Writes three records and reads them back: node quickstart.mjs <broker address>

const [address = '127.0.0.1:9092'] = process.argv.slice(2);

// [readme
import { Client } from 'rivven';

const client = await Client.connect(address);
await client.createTopic('quickstart-node', 3).catch((error) => {
  if (error.code !== 'TOPIC_ALREADY_EXISTS') throw error;
});
const { offset } = await client.publish('quickstart-node', 'one', { key: 'a', partition: 0 });
const more = [{ key: 'b', value: 'two' }, { key: 'c', value: 'three' }];
await client.publishBatch('quickstart-node', more, { partition: 0 });
for (const record of await client.consume('quickstart-node', 0, offset, 3)) {
  console.log(`${record.offset} ${record.key} ${record.value}`);
}
await client.close();
// readme]
