// A producer that says what became of its records: node writer.mjs SERVER TOPIC PARTITIONS RECORDS

import { writeSync } from 'node:fs';
import { Producer } from '../../../bindings/node/index.mjs';

const [bootstrapServers, topic, partitions, records] = process.argv.slice(2);
const say = (...words) => writeSync(1, `${words.join(' ')}\n`);

const producer = await Producer.connect({
  bootstrapServers,
  enableIdempotence: true,
  lingerMs: 5,
  requestTimeoutMs: 2000,
  deliveryTimeoutMs: 3_600_000,
  retries: 2 ** 31 - 1,
  retryBackoffMs: 20,
  retryBackoffMaxMs: 500,
});
say('ready');
await new Promise((resolve) => process.stdin.resume().on('end', resolve));

const send = async (number) => {
  const value = `soak:${String(number).padStart(12, '0')}:`.padEnd(100, '.');
  try {
    const place = await producer.send(topic, value, { partition: number % Number(partitions) });
    const offset = place.offsetExact ? place.offset : '?';
    say('delivered', number, offset, place.maybeDuplicate ? 'maybe-twice' : 'once');
  } catch (error) {
    say('failed', number, error.code, error.outcome);
  }
};
await Promise.all(Array.from({ length: Number(records) }, (_, number) => send(number)));
await producer.close();
