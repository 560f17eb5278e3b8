// Bills two orders together or not at all; then bills all orders of a topic, each once: node transactions.mjs <broker address>

const [address = '127.0.0.1:9092'] = process.argv.slice(2);

import { Client, Consumer, Producer, transform } from 'rivven';

const ORDERS = 300;
const client = await Client.connect(address);
const there = await client.listTopics();
if (!there.includes('orders-billed-node')) await client.createTopic('orders-billed-node', 3);
if (!there.includes('invoices-node')) await client.createTopic('invoices-node', 1);
for (let number = 0; number < ORDERS; number++) {
  await client.publishToPartition('orders-billed-node', number % 3, `order ${number}`);
}

async function together() {
  // [transaction
  const producer = await Producer.connect({ bootstrapServers: address, transactionalId: 'bills-node' });

  const bills = await producer.beginTransaction();
  await bills.send('invoices-node', 'invoice 1');
  await bills.send('invoices-node', 'invoice 2', { key: 'vip' });
  await bills.commit();

  const mistakes = await producer.beginTransaction();
  await mistakes.send('invoices-node', 'a mistake');
  await mistakes.abort();
  // transaction]
  await producer.close();
}

async function eachOnce() {
  // [transform
  const consumer = new Consumer({ bootstrapServers: address, groupId: 'billing-node', enableAutoCommit: false });
  consumer.subscribe('orders-billed-node');
  const producer = new Producer({ bootstrapServers: address, transactionalId: 'billing-node' });

  let billed = 0;
  await transform(consumer, producer, async (orders, transaction) => {
    for (const { key, value } of orders) {
      transaction.enqueue('invoices-node', value, { key });
      billed++;
    }
    if (billed >= ORDERS) consumer.wakeup();
  });
  // transform]
  await consumer.close();
  await producer.close();
}

await together();
const before = (await client.consumeReadCommitted('invoices-node', 0, 0n, 10_000)).length;
console.log(`${before} invoices are committed`);
await eachOnce();
const billed = (await client.consumeReadCommitted('invoices-node', 0, 0n, 10_000)).length - before;
console.log(`${billed} orders are billed`);
await client.close();
