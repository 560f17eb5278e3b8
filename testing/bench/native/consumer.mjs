// Reads with our own Node consumer: everything there is of a topic, as supply.rs describes it.
//
// Run by `rivven-bench program`, which gives the options and reads the result. `--call batch` takes the values of a
// poll as an array of Buffers, `views` each record with its offset and value. One poll in twenty is compared with what
// it should be; the time of that is left out, as nothing else is done meanwhile.

import { parseArgs } from 'node:util';

import { Consumer } from '../../../bindings/node/index.mjs';

const POLLED = 10_000;

/** One poll in so many is looked at record by record. */
const SAMPLED = 20;

const WAYS = { batch, views };

function parse() {
  const text = { type: 'string' };
  const { values } = parseArgs({
    options: {
      call: { type: 'string', default: 'batch' },
      address: text,
      topic: text,
      partitions: text,
      records: text,
      'record-bytes': text,
      seed: text,
    },
  });
  const { partitions, records, 'record-bytes': recordBytes, ...rest } = values;
  return { ...rest, partitions: Number(partitions), records: Number(records), recordBytes: Number(recordBytes) };
}

function batch(records) {
  let bytes = 0;
  const values = records.values();
  for (const value of values) bytes += value.length;
  return bytes > 0 ? values.length : 0;
}

function views(records) {
  let [count, bytes, last] = [0, 0, 0n];
  for (const { offset, value } of records) {
    count++;
    bytes += value.length;
    last = offset;
  }
  return bytes > 0 && last >= 0n ? count : 0;
}

/** Fails if a record is not what it should be; gives the processor time that it has taken, in microseconds. */
function look(records, { recordBytes }) {
  const before = process.cpuUsage();
  const letters = Buffer.from(Array.from({ length: recordBytes - 8 }, (_, index) => 97 + (index % 26)));
  const next = new Map();
  for (const { partition, offset, value } of records) {
    const inOrder = (next.get(partition) ?? offset) === offset;
    const number = value.readBigUInt64LE(0) === ((offset << 8n) | 0x80n);
    if (!inOrder || !number || !letters.equals(value.subarray(8))) {
      throw new Error(`record ${offset} of partition ${partition} is another one, or out of order`);
    }
    next.set(partition, offset + 1n);
  }
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function main() {
  const options = parse();
  const { call, address, topic, partitions, records } = options;
  const consumer = await Consumer.connect({ bootstrapServers: address, maxPollRecords: POLLED });
  const take = WAYS[call];
  let [read, polls, leftOut] = [0, 0, 0];
  const [start, before] = [process.hrtime.bigint(), process.cpuUsage()];
  consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition })));
  while (read < records) {
    const polled = await consumer.poll();
    read += take(polled);
    if (polls++ % SAMPLED === 0) leftOut += look(polled, options);
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const { user, system } = process.cpuUsage(before);
  const result = {
    client: 'rivven Consumer',
    records: read,
    seconds,
    cpu_ns: (user + system - leftOut) * 1000,
    peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    allocations: null,
    latencies_ns: [],
  };
  await consumer.close();
  console.log(JSON.stringify(result));
}

await main();
