// Listeners to the log.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Client, onLog } from 'rivven';

import { packageFolder, run, startBroker } from '../testing/servers.mjs';

let broker;
before(async () => (broker = await startBroker()));
after(() => broker.stop());

/** Opens and closes a client, which the log tells of at the level debug. */
async function comeAndGo(address = broker.address) {
  const client = await Client.connect(address);
  await client.close();
}

/** Waits until there is such a record. */
async function seen(records, matches) {
  for (const begin = performance.now(); !records.some(matches); await setTimeout(5)) {
    assert.ok(performance.now() - begin < 10_000, JSON.stringify(records));
  }
  return records.find(matches);
}

const isConnected = ({ message }) => message.startsWith('connected') && message.includes(broker.address);

test('a listener hears what the client does', async (t) => {
  const records = [];
  t.after(onLog((record) => records.push(record), { level: 'debug' }));
  const begin = Date.now();
  await comeAndGo();
  const record = await seen(records, isConnected);
  assert.deepEqual(Object.keys(record).sort(), ['level', 'message', 'target', 'time']);
  assert.equal(record.level, 'debug');
  assert.match(record.target, /^rivven_client::/);
  assert.ok(record.time instanceof Date);
  assert.ok(Math.abs(record.time.getTime() - begin) < 60_000);
});

test('a listener hears its level and what is more important', async (t) => {
  const [few, all] = [[], []];
  t.after(onLog((record) => few.push(record), { level: 'warn' }));
  t.after(onLog((record) => all.push(record), { level: 'trace' }));
  await comeAndGo();
  await seen(all, isConnected);
  const dead = new Client({ bootstrapServers: '127.0.0.1:1,127.0.0.1:2' });
  await assert.rejects(dead.ping(), { code: 'ALL_SERVERS_UNAVAILABLE' });
  await dead.close();
  await seen(all, ({ level }) => level === 'warn');
  await seen(few, ({ level }) => level === 'warn');
  assert.deepEqual(few.filter(({ level }) => !['warn', 'error'].includes(level)), []);
});

test('a listener that was stopped hears nothing more', async (t) => {
  const [stopped, other] = [[], []];
  const stop = onLog((record) => stopped.push(record), { level: 'debug' });
  t.after(onLog((record) => other.push(record), { level: 'debug' }));
  await comeAndGo();
  await seen(stopped, isConnected);
  stop();
  stop();
  stopped.length = other.length = 0;
  await comeAndGo();
  await seen(other, isConnected);
  assert.deepEqual(stopped, []);
});

test('what is no listener and no level is refused', () => {
  for (const args of [[], ['info'], [() => {}, 'debug'], [() => {}, { level: 'loud' }], [() => {}, { levels: [] }]]) {
    assert.throws(() => onLog(...args), { code: 'INVALID_ARGUMENT' });
  }
});

test('a listener does not keep the process', async () => {
  const source = `
    import { onLog } from 'rivven';
    onLog(() => {}, { level: 'trace' });
    const client = await Client.connect(address);
    await client.ping();`;
  const { code, signal, stderr } = await run(source, broker.address);
  assert.deepEqual([code, signal, stderr], [0, null, '']);
});

test("an error of a listener is the program's, and takes no record away", async () => {
  const source = `
    import { onLog } from 'rivven';
    const records = [];
    process.on('uncaughtException', (error) => console.log(error.message));
    onLog((record) => { records.push(record); throw new Error('mine'); }, { level: 'debug' });
    const client = await Client.connect(address);
    await client.close();
    while (records.length < 2) await new Promise(setImmediate);`;
  const { code, stdout, stderr } = await run(source, broker.address);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^mine\nmine\n/);
});

test('listeners in workers hear the log and end with them', async () => {
  const source = `
    const { parentPort } = require('node:worker_threads');
    const { Client, onLog } = require(${JSON.stringify(packageFolder)});
    const records = [];
    onLog((record) => records.push(record), { level: 'debug' });
    Client.connect('${broker.address}').then(async (client) => {
      while (records.length === 0) await new Promise(setImmediate);
      parentPort.postMessage(records[0].level);
    });`;
  const results = [1, 2, 3].map(async () => {
    const worker = new Worker(source, { eval: true });
    const [[level], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
    return [level, code];
  });
  assert.deepEqual(await Promise.all(results), Array(3).fill(['debug', 0]));
  await comeAndGo();
});

test('workers may be ended while the log pours in', async () => {
  const source = `
    const { parentPort } = require('node:worker_threads');
    const { Client, onLog } = require(${JSON.stringify(packageFolder)});
    onLog(() => {}, { level: 'trace' });
    const loop = async () => { for (;;) await (await Client.connect('${broker.address}')).close(); };
    for (let i = 0; i < 5; i++) loop();
    parentPort.postMessage('busy');`;
  for (let round = 0; round < 5; round++) {
    const worker = new Worker(source, { eval: true });
    await once(worker, 'message');
    await Promise.all([comeAndGo(), worker.terminate()]);
  }
});

test('listeners that were stopped leave nothing behind', async () => {
  const source = `
    import { onLog } from 'rivven';
    import { setTimeout } from 'node:timers/promises';
    let collected = 0;
    const registry = new FinalizationRegistry(() => collected++);
    async function listenAndStop() {
      const listener = () => {};
      registry.register(listener, 0);
      onLog(listener, { level: 'debug' })();
    }
    await Promise.all(Array.from({ length: 20 }, listenAndStop));
    for (let i = 0; i < 400 && collected < 20; i++) { gc(); await setTimeout(20); }
    console.log(collected);`;
  const { code, stdout, stderr } = await run(source, broker.address, ['--expose-gc']);
  assert.deepEqual([code, stdout.trim(), stderr], [0, '20', '']);
});
