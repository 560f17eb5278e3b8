// Sends records by a producer, with promises and without: node producer.mjs <broker address>

const [address = '127.0.0.1:9092'] = process.argv.slice(2);

import { Producer } from 'rivven';

const producer = await Producer.connect({ bootstrapServers: address, lingerMs: 5 });
const handle = producer.topic('producer-node');

// One record, and where it went.
const { partition, offset } = await handle.send('one', { key: 'customer-1' });
console.log(`sent to ${partition} at ${offset}`);

// Many at once; each may have a key or a partition of its own.
const sent = await handle.sendBatch(['two', { value: 'three', key: 'customer-1' }, { value: 'four', partition: 0 }]);
console.log(`sent ${sent.length}`);

// Without a promise each; what became of them is told by batch.
let delivered = 0;
producer.on('deliveries', ({ records, error }) => {
  if (error) console.error(error.message);
  delivered += records.length;
});
for (let number = 0; number < 1000; number++) handle.enqueue(`number ${number}`);
await producer.flush();
await new Promise(setImmediate);
console.log(`delivered ${delivered}`);

const { recordsDelivered, recordsFailed } = producer.stats();
console.log(`${recordsDelivered} orders are delivered, ${recordsFailed} are not`);
await producer.close();
