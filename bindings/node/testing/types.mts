// Uses the whole interface as TypeScript sees it; compiled, never run.

import { once } from 'node:events';
import rivven, { Client, Consumer, ConsumerRecords, Producer, ProducerState, Record, RecordMetadata } from 'rivven';
import { RivvenError, TopicHandle, Transaction, Transformer, onLog, transform, version } from 'rivven';
import type { AuthSession, BatchRecord, Bytes, ClientOptions, ClientStats, ClusterMetadata } from 'rivven';
import type { DeletedRecords, ErrorCode, Fetch, GroupMembership, GroupOffsets, LogLevel, LogRecord } from 'rivven';
import type { MemberAssignment, OffsetBounds, Outcome, PublishedBatch, QuotaEntry, Schema, Settled } from 'rivven';
import type { Deliveries, ProducerOptions, ProducerRecord, ProducerStats, SendOptions } from 'rivven';
import type { ConsumerEvent, ConsumerOptions, ConsumerStats, RebalanceListener, TopicPartition } from 'rivven';
import type { PublishedInTransaction, PublishedOnce, PublishOptions, TopicPartitionOffset } from 'rivven';
import type { StateChange, TopicConfigs, TopicPartitions } from 'rivven';
import type { TransformHandler, TransformReport, TransformRound } from 'rivven';

const options: ClientOptions = {
  bootstrapServers: ['127.0.0.1:9092', '127.0.0.1:9093'],
  clientId: 'types',
  connectionTimeoutMs: 1000,
  requestTimeoutMs: 1000,
  closeTimeoutMs: 1000,
  poolSizePerServer: 4,
  maxConnectionLifetimeMs: 60_000,
  idleTimeoutMs: 1000,
  maxRetries: 0,
  retryInitialDelayMs: 10,
  retryMaxDelayMs: 100,
  retryMultiplier: 1.5,
  retryUnknownOutcome: false,
  circuitBreakerFailureThreshold: 3,
  circuitBreakerRecoveryTimeoutMs: 1000,
  healthCheckEnabled: false,
  healthCheckIntervalMs: 1000,
  decompression: 'never',
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

const producing: ProducerOptions = {
  ...options,
  batchSize: 1000,
  lingerMs: 5,
  bufferMemory: 1_000_000,
  compressionType: 'zstd',
  enableIdempotence: true,
  retries: 5,
  retryBackoffMs: 10,
  retryBackoffMaxMs: 100,
  maxInFlightRequests: 5,
  acks: 'all',
  deliveryTimeoutMs: 10_000,
  metadataMaxAgeMs: 10_000,
  connectionsPerBroker: 2,
  allowAutoCreateTopics: false,
  maxBlockMs: 100,
  partitioner: 'round-robin',
  transactionalId: 'types',
  transactionTimeoutMs: 1000,
};

async function produce(client: Client): Promise<bigint> {
  await using producer = await Producer.connect(producing);
  const others: Producer[] = [new Producer('127.0.0.1:9092'), new Producer({}), client.producer(), client.producer({ acks: 0 })];
  for (const other of others) await other.close({ timeoutMs: 100 });
  const handle: TopicHandle = producer.topic('t');
  const where: SendOptions = { key: 'k', partition: null };
  const sent: RecordMetadata = await handle.send('v', where);
  const { topic, partition, offset, timestamp } = await producer.send(handle.name, Buffer.alloc(1));
  if (sent.duplicate || sent.maybeDuplicate || !sent.offsetExact) return -1n;
  const records: ProducerRecord[] = [{ value: 'v' }, { value: new Uint8Array(1), ...where }];
  const many: RecordMetadata[] = await producer.sendBatch(topic, [...records, 'v']);
  await handle.sendBatch(new Set(['v']));
  producer.on('deliveries', ({ topic, partition, count, numbers, records, error }: Deliveries) => {
    console.log(topic, partition, count === numbers.length, records[0]?.offset, error?.code);
  });
  const number: number = handle.enqueue('v', { partition }) + producer.enqueue(topic, 'v');
  await producer.flush();
  const stats: ProducerStats = producer.stats();
  console.log(producer.purge() + number + timestamp, producer.isIdempotent(), stats.pending, stats.successRate);
  const count: number = await producer.getPartitionCount(topic);
  await producer.refreshMetadata(topic);
  return offset + many[0]!.offset + BigInt(count);
}

const consuming: ConsumerOptions = {
  ...options,
  groupId: 'g',
  maxPollRecords: 500,
  maxPollIntervalMs: 5000,
  maxProcessingIntervalMs: 300_000,
  enableAutoCommit: true,
  autoCommitIntervalMs: 5000,
  autoOffsetReset: 'latest',
  isolationLevel: 'read_committed',
  metadataRefreshIntervalMs: 300_000,
  reconnectBackoffMs: 100,
  reconnectBackoffMaxMs: 10_000,
  maxReconnectAttempts: 10,
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 30_000,
  heartbeatIntervalMs: 3000,
  fetchBufferMemory: 1_000_000,
  fetchMaxWaitMs: 500,
  reportPartitionEnd: true,
  connectionsPerBroker: 4,
};

async function consume(client: Client): Promise<bigint> {
  await using consumer = await Consumer.connect(consuming);
  const others: Consumer[] = [new Consumer('127.0.0.1:9092'), client.consumer(), client.consumer({ groupId: 'h' })];
  for (const other of others) await other.close({ timeoutMs: 100 });
  const listener: RebalanceListener = {
    onPartitionsAssigned: async (partitions) => console.log(partitions.length),
    onPartitionsRevoked: (partitions: TopicPartition[]) => console.log(partitions[0]?.topic),
  };
  consumer.setRebalanceListener(listener);
  consumer.subscribe('t');
  consumer.subscribe(new Set(['t']));
  const records: ConsumerRecords = await consumer.poll({ timeoutMs: 100 });
  for (const record of records) console.log(record.offset, record.detach().value);
  for (const { topic, partition, records: part } of records.partitions()) console.log(topic, partition, part.length);
  const last: Record | undefined = records.at(-1);
  for await (const record of consumer) if (record.offset === last?.offset) break;
  const where = [...records.ended, ...consumer.assignments(), ...consumer.paused()];
  for (const { topic, partition } of where) {
    consumer.pause(topic, partition);
    consumer.resume(topic, partition);
    await consumer.seek(topic, partition, 5);
    await consumer.seekToBeginning(topic, partition);
    await consumer.seekToEnd(topic, partition);
    const found: bigint = await consumer.seekToTimestamp(topic, partition, new Date());
    consumer.storeOffset(topic, partition, found);
    console.log(consumer.position(topic, partition), await consumer.lag(topic, partition));
    const bounds: OffsetBounds = await consumer.getOffsetBounds(topic, partition);
    console.log(bounds.earliest, bounds.latest);
  }
  await consumer.commit();
  consumer.commitAsync();
  await consumer.commitOffsets([{ topic: 't', partition: 0, offset: 5n }]);
  const outcomes: Settled<void>[] = await consumer.commitOffsetsEach([{ topic: 't', partition: 0, offset: 5 }]);
  const stats: ConsumerStats = consumer.stats();
  consumer.on('event', (event: ConsumerEvent) => console.log(happened(event), outcomes.length));
  for await (const event of consumer.events()) console.log(happened(event));
  consumer.wakeup();
  consumer.unsubscribe();
  consumer.assign(where);
  return stats.lag + ((await consumer.committed('t', 0)) ?? 0n);
}

function happened(event: ConsumerEvent): string {
  switch (event.type) {
    case 'gap':
    case 'damagedRange':
      return `${event.topic} from ${event.from} to ${event.to}`;
    case 'commitFailed':
    case 'fewerConnections':
      return `${event.error.code} ${event.connections}`;
    case 'assigned':
    case 'revoked':
    case 'lost':
      return String(event.partitions.length);
    default:
      return event.type;
  }
}

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
  const { maybeDuplicate } = await client.publishBatch(topic, new Set(['v']));
  if (maybeDuplicate || batch.maybeDuplicate) return -1n;
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

async function readOtherwise(client: Client): Promise<bigint | undefined> {
  const options = { isolationLevel: 1, maxWaitMs: 100 };
  const records: Record[] = [
    ...(await client.consume('t', 0, 0, 10, options)),
    ...(await client.consumeReadCommitted('t', 0, 0n, 10)),
    ...(await client.consumeWithIsolation('t', 0, 0n, 10, null)),
    ...(await client.consumeLongPoll('t', 0, 0n, 10, 100)),
    ...(await client.consumeLongPoll('t', 0, 0n, 10, 100, { isolationLevel: 0 })),
  ];
  const fetches: Fetch[] = [{ topic: 't', partition: 0, offset: 0, maxMessages: 10, isolationLevel: 1 }];
  const results: Settled<Record[]>[] = await client.consumePipelined(fetches);
  for (const result of results) {
    if (result.status === 'fulfilled') records.push(...result.value);
    else console.log(result.reason.code);
  }
  return records[0]?.offset;
}

async function administrate(client: Client): Promise<void> {
  const count: number = await client.createPartitions('t', 5);
  const configs: TopicConfigs = await client.describeTopicConfigs(['t']);
  const changes = { 'retention.ms': 1000, 'cleanup.policy': null, 'segment.bytes': 5n };
  const { topic, changedCount } = await client.alterTopicConfig('t', changes);
  const deleted: DeletedRecords[] = await client.deleteRecords(topic, [{ partition: 0, offset: 1n }]);
  const cluster: ClusterMetadata = await client.getClusterMetadata();
  const leaders = cluster.topics.flatMap(({ partitions }) => partitions.map(({ leader }) => leader ?? 'none'));
  const quotas: QuotaEntry[] = await client.describeQuotas([{ entityType: 'user', entityName: 'alice' }]);
  const altered: number = await client.alterQuotas([
    { entityType: 'user', entityName: 'alice', quotaKey: 'request_rate', quotaValue: null },
    { entityType: 'default', quotaKey: 'request_rate', quotaValue: 5 },
  ]);
  const stats: ClientStats = await client.stats();
  const states: string[] = stats.servers.map(({ circuitState, lastError }) => lastError?.code ?? circuitState);
  console.log(count + changedCount + altered, configs['t']?.['retention.ms']?.value, deleted[0]?.lowWatermark);
  console.log(leaders, quotas[0]?.quotas['request_rate'], states);
}

async function group(client: Client): Promise<void> {
  const commit: void = await client.commitOffset('g', 't', 0, 5n);
  const commits: Settled<void>[] = await client.commitOffsetsPipelined('g', [{ topic: 't', partition: 0, offset: 5 }]);
  const offset: bigint | null = await client.getOffset('g', 't', 0);
  const found: bigint | null = await client.getOffsetForTimestamp('t', 0, new Date());
  const groups: string[] = await client.listGroups();
  const offsets: GroupOffsets = await client.describeGroup('g');
  await client.deleteGroup('g');
  const timeouts = { sessionTimeoutMs: 1000, rebalanceTimeoutMs: 1000 };
  const options = { ...timeouts, protocolType: 'consumer', subscriptions: ['t'] };
  const { member, generation, members }: GroupMembership = await client.joinGroup('g', options);
  const shares: MemberAssignment[] = members.map(({ member }) => ({ member, assignment: [] }));
  const own: TopicPartitions[] = await client.syncGroup('g', generation, member, shares);
  const code: number = await client.heartbeat('g', generation, member);
  await client.leaveGroup('g', member);
  await client.removeMember('g', 'other');
  console.log(commit, commits.length, offset, found, groups, offsets['t']?.[0], own[0]?.partitions, code);
}

async function transact(client: Client): Promise<bigint> {
  const producer: ProducerState = await client.initProducerId();
  const { producerId, producerEpoch, nextSequence } = await client.initProducerId(producer.producerId);
  const where: PublishOptions = { key: 'k', partition: null };
  const once: PublishedOnce = await client.publishIdempotent('t', 'v', producer, where);
  if (once.duplicate) producer.abandon();
  const began: void = await client.beginTransaction('x', producer, { timeoutMs: 1000 });
  const added: number = await client.addPartitionsToTxn('x', producer, [{ topic: 't', partition: 0 }]);
  const inside: PublishedInTransaction = await client.publishTransactional('x', 't', Buffer.alloc(1), producer);
  const offsets: TopicPartitionOffset[] = [{ topic: 't', partition: 0, offset: 5n }];
  await client.addOffsetsToTxn('x', producer, 'g', offsets);
  await client.commitTransaction('x', producer).catch(() => client.abortTransaction('x', producer));
  console.log(began, added + producerEpoch + nextSequence + inside.sequence, inside.topic);
  return producerId + once.offset + inside.offset;
}

async function together(producer: Producer, consumer: Consumer): Promise<bigint> {
  await using transaction = await Transaction.begin(producer);
  const where: SendOptions = { key: 'k', partition: 0 };
  const sent: RecordMetadata = await transaction.send('t', 'v', where);
  const handed: void = transaction.enqueue('t', Buffer.alloc(1), { key: null });
  const records: (Bytes | BatchRecord)[] = ['v', { key: 'k', value: new Uint8Array(1) }];
  const many: RecordMetadata[] = await transaction.sendBatch('t', records);
  await transaction.flush();
  await transaction.sendOffsets('g', [{ topic: 't', partition: 0, offset: 5 }]);
  await transaction.sendConsumerOffsets(consumer);
  const state: [string, bigint, boolean] = [transaction.id, transaction.producerId, transaction.isOpen];
  const ended: void = await transaction.commit();
  await (await producer.beginTransaction()).abort();
  console.log(handed, state, ended);
  return sent.offset + many[0]!.offset;
}

async function rework(consumer: Consumer, producer: Producer): Promise<TransformReport> {
  const transformer = new Transformer(consumer, producer);
  const round: TransformRound | null = await transformer.next();
  if (round) for (const { value } of round.records) round.transaction.enqueue('t', value);
  const counts: boolean = await transformer.commit();
  if (!counts) await transformer.fail('no reason');
  const { transactions, records, aborted, uncertain }: TransformReport = await transformer.report();
  console.log(transactions + records + aborted + uncertain);
  const handler: TransformHandler = (records) => console.log(records.length);
  await transform(consumer, producer, handler);
  return transform(consumer, producer, async (records, transaction) => {
    await transaction.sendBatch('t', records.values());
  });
}

async function schemas(client: Client): Promise<Schema[]> {
  const id: number = await client.registerSchema('http://127.0.0.1:8081', 's', 'AVRO', '"string"');
  const byId: Schema = await client.getSchema('http://127.0.0.1:8081', id);
  return [byId, await client.getSchemaVersion('http://127.0.0.1:8081', 's', byId.version)];
}

function tell(change: StateChange): string {
  switch (change.type) {
    case 'degraded':
      return `${change.server} since ${change.since.toISOString()}: ${change.reason.code} ${change.attempts}`;
    case 'recovered':
      return `${change.server} after ${change.afterMs} ms ${change.attempts}`;
    case 'missed':
      return String(change.count);
  }
}

async function watch(client: Client): Promise<void> {
  const listener = (change: StateChange): void => console.log(tell(change));
  client.on('stateChange', listener).once('stateChange', listener).off('stateChange', listener);
  const [change] = (await once(client, 'stateChange')) as [StateChange];
  console.log(tell(change));
  for await (const change of client.stateChanges()) console.log(tell(change));
}

function listen(level: LogLevel): () => void {
  onLog((record: LogRecord) => console.log(record.level, record.target, record.message, record.time.getTime()))();
  return onLog(({ message }) => console.log(message), { level });
}

function explain(error: unknown): [ErrorCode, Outcome] {
  if (!(error instanceof RivvenError)) throw error;
  console.log(error.message, error.retriable, error.fatal, error.abortable, error.address?.length);
  console.log(error.registryCode?.toFixed());
  return error.code === 'TIMED_OUT' ? [error.code, 'UNKNOWN'] : [error.code, error.outcome];
}

await using scoped = new Client('127.0.0.1:9092');
const client = await Client.connect(options).catch((error) => Promise.reject(explain(error)));
const stop = listen('debug');
await Promise.all([topics(client), logIn(client), write(client), produce(client), consume(client), read(scoped), client.ping()]);
await Promise.all([together(client.producer(), client.consumer()), rework(client.consumer(), client.producer())]);
await Promise.all([readOtherwise(client), administrate(client), group(client), schemas(client), watch(client), transact(client)]);
stop();
await client.close();
await client.close({ timeoutMs: 100 });
console.log(version(), rivven.version());

// @ts-expect-error an offset is a bigint
const wrongOffset: number = (await client.publish('t', 'v')).offset;
// @ts-expect-error there is no such key
new Client({ bootstrapServers: 'a', requestTimeout: 5 });
// @ts-expect-error there is no such choice
new Client({ bootstrapServers: 'a', decompression: 'sometimes' });
// @ts-expect-error the servers are required
new Client({});
// @ts-expect-error a value is no number
await client.publish('t', 5);
// @ts-expect-error headers do not exist
await client.publish('t', 'v', { headers: {} });
// @ts-expect-error records come from the client
new Record();
// @ts-expect-error where a record went comes from a producer
new RecordMetadata();
// @ts-expect-error the state of a producer comes from a client
new ProducerState();
// @ts-expect-error a state is no number
await client.publishIdempotent('t', 'v', 1n);
// @ts-expect-error transactions come from a producer
new Transaction();
// @ts-expect-error a transformer reads from a consumer
new Transformer(client, client.producer());
// @ts-expect-error handles come from a producer
new TopicHandle();
// @ts-expect-error gzip is not supported
new Producer({ compressionType: 'gzip' });
// @ts-expect-error a client has no option of producers
new Client({ bootstrapServers: 'a', lingerMs: 5 });
// @ts-expect-error the records of a poll come from a consumer
new ConsumerRecords();
// @ts-expect-error reading does not begin in the middle
new Consumer({ autoOffsetReset: 'middle' });
// @ts-expect-error there is no such event
client.on('stateChanged', () => {});
// @ts-expect-error a change has its type first
client.on('stateChange', (change) => change.server);
// @ts-expect-error there is no such level
onLog(() => {}, { level: 'loud' });
// @ts-expect-error a new member says what it wants to read
await client.joinGroup('g', { sessionTimeoutMs: 1, rebalanceTimeoutMs: 1, protocolType: 'consumer' });
console.log(wrongOffset);
