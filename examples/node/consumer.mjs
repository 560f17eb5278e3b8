// Reads all orders of a topic, commits how far it came, and has them shipped: node consumer.mjs <broker address>

const [address = '127.0.0.1:9092'] = process.argv.slice(2);

import { Client, Consumer } from 'rivven';

const client = await Client.connect(address);
if (!(await client.listTopics()).includes('orders-read-node')) await client.createTopic('orders-read-node', 3);
for (let number = 0; number < 1000; number++) {
  await client.publishToPartition('orders-read-node', number % 3, `order ${number}`);
}
// [consumer
const consumer = await Consumer.connect({
  bootstrapServers: address,
  groupId: 'billing-node',
  reportPartitionEnd: true,
});
consumer.subscribe('orders-read-node');

// All that there is: until each of the three partitions has come to its end.
const ended = new Set();
let orders = 0;
while (ended.size < 3) {
  const records = await consumer.poll();
  for (const { partition, offset, value } of records) {
    if (!value.toString().startsWith('order')) throw new Error(`${partition} at ${offset}`);
    orders++;
  }
  for (const { partition } of records.ended) ended.add(partition);
  await consumer.commit();
}

// From now on: one by one, until the program has had enough.
await client.publish('orders-read-node', 'order 1000');
for await (const { value } of consumer) {
  if (value.toString() === 'order 1000') break;
}
await consumer.close();
// consumer]
console.log(`${orders} orders are read`);
// [process
const shipping = new Consumer({
  bootstrapServers: address,
  groupId: 'shipping-node',
  processRetries: 2,
  processDeadLetterTopic: 'orders-failed-node',
});
shipping.subscribe('orders-read-node');
let shipped = 0;
const report = await shipping.process(async ({ value }) => {
  if (!value.toString().startsWith('order')) throw new Error('this is no order');
  // One more was written above.
  if (++shipped === orders + 1) shipping.wakeup();
});
await shipping.close();
// process]
await client.close();
console.log(`${report.processed - 1} orders are shipped`);
