// Bills two orders together or not at all; then bills all orders of a topic, each once: node transactions.mjs <broker address>

const [address] = process.argv.slice(2);

import { Client, Consumer, Producer, transform } from 'rivven';

const ORDERS = 300;

const client = await Client.connect(address);
await client.createTopic('orders-billed-node', 3);
await client.createTopic('invoices-node', 1);
for (let number = 0; number < ORDERS; number++) {
  await client.publishToPartition('orders-billed-node', number % 3, `order ${number}`);
}
const invoices = async () => (await client.consumeReadCommitted('invoices-node', 0, 0, 10_000)).length;
{
  // [transaction
  const producer = new Producer({ bootstrapServers: address, transactionalId: 'bills-node' });

  const transaction = await producer.beginTransaction();
  await transaction.send('invoices-node', 'invoice 1');
  await transaction.send('invoices-node', 'invoice 2', { key: 'vip' });
  await transaction.commit();

  const mistaken = await producer.beginTransaction();
  await mistaken.send('invoices-node', 'a mistake');
  await mistaken.abort();
  // transaction]
  await producer.close();
}
const together = await invoices();
console.log(`${together} invoices are committed`);
{
  // [transform
  const consumer = new Consumer({ bootstrapServers: address, groupId: 'billing-node', enableAutoCommit: false });
  consumer.subscribe('orders-billed-node');
  const producer = new Producer({ bootstrapServers: address, transactionalId: 'billing-node' });

  let billed = 0;
  await transform(consumer, producer, (orders, transaction) => {
    for (const { key, value } of orders) transaction.enqueue('invoices-node', value, { key });
    billed += orders.length;
    if (billed === ORDERS) consumer.wakeup();
  });
  // transform]
  await consumer.close();
  await producer.close();
}
console.log(`${(await invoices()) - together} orders are billed`);
await client.close();
