// Writes a year of hourly temperatures, reads it back and works out the mean of
// every month: node temperatures.mjs <broker address> <topic> <csv file>

import { readFile } from 'node:fs/promises';
import { Client, Consumer } from 'rivven';

const PARTITIONS = 12;
const [address, topic, file] = process.argv.slice(2);
if (process.argv.length !== 5) {
  console.error('usage: temperatures.mjs <broker address> <topic> <csv file>');
  process.exit(2);
}

/** Gives the rows of the file by month, as [month, values]. */
async function readMonths(file) {
  const months = new Map();
  for (const line of (await readFile(file, 'utf8')).trim().split('\n').slice(1)) {
    const [fahrenheit, time] = line.trim().split(',');
    const month = time.slice(0, 7).replace('/', '-');
    if (!months.has(month)) months.set(month, []);
    months.get(month).push(JSON.stringify({ time, fahrenheit: Number(fahrenheit) }));
  }
  return months;
}

/** Gives the median time of 200 pings in milliseconds. */
async function medianPing(client) {
  const times = [];
  for (let i = 0; i < 200; i++) {
    const start = performance.now();
    await client.ping();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[100];
}

/** Sends each month by a producer; the month is the key, which leads to a partition. */
async function write(client, months) {
  const producer = client.producer({ lingerMs: 5 });
  const handle = producer.topic(topic);
  let written = 0;
  for (const [key, values] of months) {
    const sent = await handle.sendBatch(values.map((value) => ({ key, value })));
    console.log(`written ${(written += sent.length)}`);
  }
  await producer.close();
}

/** Reads all partitions to their ends, as the only member of a group, and gives the values by key. */
async function readBack() {
  const consumer = await Consumer.connect({ bootstrapServers: address, groupId: topic, reportPartitionEnd: true });
  consumer.subscribe(topic);
  const months = new Map();
  const ended = new Set();
  for (let read = 0; ended.size < PARTITIONS; ) {
    const records = await consumer.poll();
    for (const record of records) {
      const key = String(record.key);
      if (!months.has(key)) months.set(key, []);
      months.get(key).push(String(record.value));
    }
    for (const { partition } of records.ended) ended.add(partition);
    console.log(`read ${(read += records.length)}`);
  }
  await consumer.close();
  return months;
}

function check(written, read) {
  const all = (months) => [...months.values()].flat();
  const same = (a, b) => a.length === b?.length && a.every((value, index) => value === b[index]);
  return {
    count: all(read).length === all(written).length,
    order: read.size === written.size && [...written].every(([month, values]) => same(values, read.get(month))),
    content: same(all(written).sort(), all(read).sort()),
  };
}

function mean(values) {
  const sum = values.reduce((sum, value) => sum + JSON.parse(value).fahrenheit, 0);
  return Number((sum / values.length).toFixed(2));
}

const client = await Client.connect(address);
const ping = await medianPing(client);
await client.createTopic(topic, PARTITIONS);

const start = performance.now();
const months = await readMonths(file);
await write(client, months);
const read = await readBack();
const checks = check(months, read);
const means = [...read].sort().map(([month, values]) => [month, mean(values)]);
const seconds = (performance.now() - start) / 1000;
await client.close();

const result = {
  language: 'node',
  records: [...read.values()].flat().length,
  seconds: Number(seconds.toFixed(3)),
  ping_ms: Number(ping.toFixed(3)),
  checks,
  means: Object.fromEntries(means),
};
console.log(`result ${JSON.stringify(result)}`);
process.exitCode = Object.values(checks).every(Boolean) ? 0 : 1;
