// Publishes with our own Node producer: the settings of the other scenarios, everything else as it is by default.
//
// Run by `rivven-bench program`, which gives the options, knows the same values and reads the result. `--call` is how
// records are handed over: `handle` (enqueue), `batch` (sendBatch), `send` (many promises at once) or `await` (each
// before the next one, without linger). With `--delay` the latencies are those of the event loop meanwhile.

import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { Producer } from '../../../bindings/node/index.mjs';

/** Different values, as in values.rs. */
const POOL = 1024;

/** Records of a call of `sendBatch`, which copies them all in one turn of the event loop: a multiple of the pool. */
const BATCH = 2 * POOL;

/** Calls of `sendBatch` under way at once. */
const CALLS = 20;

/** Promises of `send` at once. */
const SENDS = 10_000;

/** Records that are handed over before the event loop has its turn. */
const BURST = 1000;

/** One record in so many has its latency measured. */
const SAMPLED = 1000;

const CALLERS = { handle, batch, send, await: awaitEach };

function parse() {
  const text = { type: 'string' };
  const { values } = parseArgs({
    options: {
      call: { type: 'string', default: 'handle' },
      delay: { type: 'boolean', default: false },
      address: text,
      topic: text,
      partitions: text,
      records: text,
      'record-bytes': text,
      seed: text,
    },
  });
  return { ...values, records: Number(values.records), recordBytes: Number(values['record-bytes']) };
}

/** The words of SplitMix64, one behind the other. */
function* splitMix(seed) {
  for (let state = seed; ; ) {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    yield z ^ (z >> 31n);
  }
}

/** The bytes of all values of the pool, in which the numbers of records are still missing. */
function makePool({ recordBytes, seed }) {
  const words = splitMix(BigInt(seed));
  const pool = Buffer.alloc(Math.ceil((POOL * recordBytes) / 8) * 8);
  for (let at = 0; at < pool.length; at += 8) pool.writeBigUInt64LE(words.next().value, at);
  return pool.subarray(0, POOL * recordBytes);
}

/** Values that are taken in turn, of which so many may be in use at once: a multiple of the pool. */
class Values {
  #next = 0;
  #size;
  #view;
  #values;

  constructor({ recordBytes, ...options }, count) {
    const bytes = Buffer.alloc(count * recordBytes, makePool({ recordBytes, ...options }));
    this.#size = recordBytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset);
    this.#values = Array.from({ length: count }, (_, at) => bytes.subarray(at * recordBytes, (at + 1) * recordBytes));
  }

  next() {
    const number = this.#next++;
    const index = number % this.#values.length;
    // A view of all is written to at far less cost than a Buffer.
    this.#view.setUint32(index * this.#size, (number << 8) | 0x80, true);
    this.#view.setUint32(index * this.#size + 4, Math.floor(number / 2 ** 24), true);
    return this.#values[index];
  }

  /** So many values: all that there are, or less at the end. */
  list(count) {
    for (let taken = 0; taken < count; taken++) this.next();
    return count === this.#values.length ? this.#values : this.#values.slice(0, count);
  }
}

/** Counts the reports, and keeps the latencies of some records. */
class Reports {
  delivered = 0;
  latencies = [];
  #begun = [];

  constructor(producer) {
    producer.on('deliveries', ({ numbers, error }) => {
      if (error) throw error;
      this.delivered += numbers.length;
      // A report has hardly more records than one is sampled of.
      const sample = Math.ceil(numbers[0] / SAMPLED);
      if (numbers.includes(sample * SAMPLED)) this.latencies.push(since(this.#begun[sample]));
    });
  }

  /** Notes when a record that is sampled is handed over. */
  begin(number) {
    if (number % SAMPLED === 0) this.#begun[number / SAMPLED] = process.hrtime.bigint();
  }
}

function since(start) {
  return Number(process.hrtime.bigint() - start);
}

/** Hands records over by a topic handle, and sees every report. */
async function handle(producer, { topic, records, ...options }) {
  const values = new Values(options, POOL);
  const orders = producer.topic(topic);
  const reports = new Reports(producer);
  for (let number = 1; number <= records; number++) {
    const value = values.next();
    reports.begin(number);
    while (!enqueued(orders, value)) await once(producer, 'deliveries');
    if (number % BURST === 0) await nextTurn();
  }
  await producer.flush();
  while (reports.delivered < records) await once(producer, 'deliveries');
  return reports;
}

/** Whether there was room. */
function enqueued(orders, value) {
  try {
    orders.enqueue(value);
    return true;
  } catch (error) {
    if (error.code !== 'QUEUE_FULL') throw error;
    return false;
  }
}

/** Sends batches, some at once; the latencies are those of calls. */
async function batch(producer, { topic, records, ...options }) {
  const values = new Values(options, BATCH);
  const orders = producer.topic(topic);
  const [latencies, underWay] = [[], []];
  let [begun, delivered] = [0, 0];
  while (delivered < records) {
    while (begun < records && underWay.length < CALLS) {
      const list = values.list(Math.min(BATCH, records - begun));
      begun += list.length;
      const start = process.hrtime.bigint();
      underWay.push(orders.sendBatch(list).then((sent) => [sent.length, latencies.push(since(start))]));
      await nextTurn();
    }
    delivered += (await underWay.shift())[0];
  }
  return { delivered, latencies };
}

/** Sends many records at once, with a promise of each. */
async function send(producer, { topic, records, ...options }) {
  const values = new Values(options, POOL);
  const orders = producer.topic(topic);
  const latencies = [];
  let delivered = 0;
  while (delivered < records) {
    const promises = [];
    const count = Math.min(SENDS, records - delivered);
    while (promises.length < count) {
      const promise = orders.send(values.next());
      promises.push(promise);
      if (promises.length % SAMPLED === 0) time(promise, latencies);
      if (promises.length % BURST === 0) await nextTurn();
    }
    delivered += (await Promise.all(promises)).length;
  }
  return { delivered, latencies };
}

/** Takes the time from now on to when a promise is kept. */
function time(promise, latencies) {
  const start = process.hrtime.bigint();
  const taken = () => latencies.push(since(start));
  // Whoever awaits the promise learns of an error.
  promise.then(taken, () => {});
}

/** Awaits each record before the next one. */
async function awaitEach(producer, { topic, records, ...options }) {
  const values = new Values(options, POOL);
  const orders = producer.topic(topic);
  const latencies = [];
  while (latencies.length < records) {
    const start = process.hrtime.bigint();
    await orders.send(values.next());
    latencies.push(since(start));
  }
  return { delivered: records, latencies };
}

/** How long the event loop kept timers waiting: the percentiles, as often as each stands for. */
function delays(histogram) {
  return Array.from({ length: 1000 }, (_, index) => histogram.percentile((index + 1) / 10));
}

/** The client, with what tells its measurement from others of the same scenario. */
function clientOf({ call, delay }) {
  return `rivven Producer${call === 'send' ? `, ${SENDS} at once` : ''}${delay ? ', latency of the event loop' : ''}`;
}

async function main() {
  const options = parse();
  const producer = new Producer({
    bootstrapServers: options.address,
    batchSize: 65536,
    lingerMs: options.call === 'await' ? 0 : 5,
    acks: 1,
    maxInFlightRequests: 5,
  });
  // So that the first records do not wait until the partitions are known.
  await producer.refreshMetadata(options.topic);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  if (options.delay) delay.enable();
  const [start, before] = [process.hrtime.bigint(), process.cpuUsage()];
  const { delivered, latencies } = await CALLERS[options.call](producer, options);
  const seconds = since(start) / 1e9;
  const { user, system } = process.cpuUsage(before);
  delay.disable();
  await producer.close();
  const result = {
    client: clientOf(options),
    records: delivered,
    seconds,
    cpu_ns: (user + system) * 1000,
    peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    allocations: null,
    latencies_ns: options.delay ? delays(delay) : latencies,
  };
  console.log(JSON.stringify(result));
}

await main();
