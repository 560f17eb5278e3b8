// Uses the whole interface as TypeScript sees it; compiled, never run.

import rivven, { Client, Record, RivvenError, version } from 'rivven';
import type { AuthSession, BatchRecord, Bytes, ClientOptions } from 'rivven';
import type { ErrorCode, OffsetBounds, Outcome, PublishedBatch } from 'rivven';

const options: ClientOptions = {
  bootstrapServers: ['127.0.0.1:9092', '127.0.0.1:9093'],
  clientId: 'types',
  connectionTimeoutMs: 1000,
  requestTimeoutMs: 1000,
  closeTimeoutMs: 1000,
  authUsername: 'user',
  authPassword: 'password',
  authMechanism: 'plain',
  tlsEnabled: true,
  tlsCaCertPath: 'ca.pem',
  tlsClientCertPath: 'client.pem',
  tlsClientKeyPath: 'client.key',
  tlsServerName: 'localhost',
  runtimeThreads: 2,
};

async function topics(client: Client): Promise<void> {
  const partitions: number = await client.createTopic('t');
  await client.createTopic('t', partitions);
  await client.createTopic('t', { partitions: 3 });
  const names: string[] = await client.listTopics();
  const { name, partitions: count } = await client.getMetadata(names[0]!);
  const bounds: OffsetBounds = await client.getOffsetBounds(name, count - 1);
  const size: bigint = bounds.latest - bounds.earliest;
  await client.deleteTopic(`${name}${size}`);
}

async function logIn(client: Client): Promise<number> {
  const session: AuthSession = await client.authenticate('user', 'password');
  const { sessionId, expiresIn } = await client.authenticateScram('user', 'password');
  return sessionId === session.sessionId ? expiresIn : session.expiresIn;
}

async function write(client: Client): Promise<bigint> {
  const values: Bytes[] = ['text', Buffer.from('buffer'), new Uint8Array(3)];
  for (const value of values) await client.publish('t', value);
  const { topic, partition, offset } = await client.publish('t', 'v', { key: 'k', partition: 1 });
  await client.publishWithKey(topic, null, 'v');
  await client.publishToPartition(topic, partition, 'v', { key: Buffer.alloc(1) });
  const records: BatchRecord[] = [{ value: 'v' }, { key: null, value: 'v' }, { key: 'k', value: 'v' }];
  const batch: PublishedBatch = await client.publishBatch(topic, [...records, 'v'], { partition });
  await client.publishBatch(topic, new Set(['v']));
  return offset + batch.baseOffset + BigInt(batch.count);
}

async function read(client: Client): Promise<void> {
  const records: Record[] = await client.consume('t', 0, 0, 10);
  for (const record of await client.consume('t', 0, records[0]!.offset, 10)) {
    const key: Buffer | null = record.key;
    const time = new Date(record.timestamp);
    const headers: string[] = record.headers.map(([name, value]) => `${name}: ${value.toString()}`);
    console.log(record.topic, record.partition, key?.toString(), record.value.toString(), time, headers);
  }
}

function explain(error: unknown): [ErrorCode, Outcome] {
  if (!(error instanceof RivvenError)) throw error;
  console.log(error.message, error.retriable, error.fatal, error.abortable, error.address?.length);
  return error.code === 'TIMED_OUT' ? [error.code, 'UNKNOWN'] : [error.code, error.outcome];
}

await using scoped = new Client('127.0.0.1:9092');
const client = await Client.connect(options).catch((error) => Promise.reject(explain(error)));
await Promise.all([topics(client), logIn(client), write(client), read(scoped), client.ping()]);
await client.close();
await client.close({ timeoutMs: 100 });
console.log(version(), rivven.version());

// @ts-expect-error an offset is a bigint
const wrongOffset: number = (await client.publish('t', 'v')).offset;
// @ts-expect-error there is no such key
new Client({ bootstrapServers: 'a', requestTimeout: 5 });
// @ts-expect-error the servers are required
new Client({});
// @ts-expect-error a value is no number
await client.publish('t', 5);
// @ts-expect-error headers do not exist
await client.publish('t', 'v', { headers: {} });
// @ts-expect-error records come from the client
new Record();
console.log(wrongOffset);
