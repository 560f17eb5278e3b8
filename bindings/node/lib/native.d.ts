// The native part, for type checks of this folder. Calls give an error of the
// call itself, or null when an answer will come under the token.

import type { ConsumerEvent, ConsumerStats, LogRecord, ProducerStats } from '../index';
import type { RivvenErrorFields, ServerStats, TopicPartition } from '../index';

export interface Completion {
  token: number;
  failure?: RivvenErrorFields;
  value?: unknown;
}

/** The answer to one of many calls that were made as one. */
export interface Outcome {
  failure?: RivvenErrorFields;
  value?: unknown;
}

/** A change of a server; `since` in milliseconds since 1970. */
export type NativeStateChange =
  | { type: 'degraded'; server: string; since: number; reason: RivvenErrorFields; attempts: number }
  | { type: 'recovered'; server: string; afterMs: number; attempts: number }
  | { type: 'missed'; count: number };

export type NativeServer = Omit<ServerStats, 'lastError'> & { lastError: RivvenErrorFields | null };

/** What is to be read of a partition. */
export interface Fetch {
  topic: string;
  partition: number;
  offset: bigint;
  maxMessages: number;
  isolationLevel: number | null;
  maxWaitMs: number | null;
}

/** What a member that joins says of itself. */
export interface Join {
  member: string;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  protocolType: string;
  subscriptions: string[];
}

/** A change of one quota. */
export interface Alteration {
  entityType: string;
  entityName: string | null;
  quotaKey: string;
  quotaValue: bigint | null;
}

/** Where a record is to go. */
export interface Place {
  topic: string;
  partition: number | null;
}

/** An error of the call itself. */
export type Failed = RivvenErrorFields | null;

/** An offset to be committed. */
type Commit = { topic: string; partition: number; offset: bigint };

export class NativeClient {
  private constructor();
  drain(): Completion[];
  hold(): void;
  release(): void;
  connect(token: number): Failed;
  close(token: number, limitMs: number | null): Failed;
  nextStateChange(token: number): Failed;
  openProducer(config: { [key: string]: string }, wake: () => void): NativeProducer | RivvenErrorFields;
  openConsumer(config: { [key: string]: string }, wake: () => void): NativeConsumer | RivvenErrorFields;

  authenticate(token: number, username: string, password: string): Failed;
  authenticateScram(token: number, username: string, password: string): Failed;

  ping(token: number): Failed;
  getClusterMetadata(token: number, topics: string[]): Failed;
  stats(token: number): Failed;

  createTopic(token: number, name: string, partitions: number | null): Failed;
  listTopics(token: number): Failed;
  deleteTopic(token: number, name: string): Failed;
  getMetadata(token: number, topic: string): Failed;
  createPartitions(token: number, topic: string, count: number): Failed;
  describeTopicConfigs(token: number, topics: string[]): Failed;
  alterTopicConfig(token: number, topic: string, configs: [key: string, value: string | null][]): Failed;
  deleteRecords(token: number, topic: string, before: [partition: number, offset: bigint][]): Failed;

  publish(
    token: number,
    topic: string,
    partition: number | null,
    key: Uint8Array | null,
    value: Uint8Array,
  ): Failed;
  publishBatch(
    token: number,
    topic: string,
    partition: number | null,
    lengths: Int32Array,
    bytes: Uint8Array,
  ): Failed;
  consume(token: number, fetch: Fetch): Failed;
  consumePipelined(token: number, fetches: Fetch[]): Failed;

  getOffsetBounds(token: number, topic: string, partition: number): Failed;
  getOffsetForTimestamp(token: number, topic: string, partition: number, timestampMs: number): Failed;
  commitOffset(token: number, group: string, commit: Commit): Failed;
  commitOffsetsPipelined(token: number, group: string, commits: Commit[]): Failed;
  getOffset(token: number, group: string, topic: string, partition: number): Failed;

  listGroups(token: number): Failed;
  describeGroup(token: number, group: string): Failed;
  deleteGroup(token: number, group: string): Failed;
  joinGroup(token: number, group: string, join: Join): Failed;
  syncGroup(
    token: number,
    group: string,
    generation: number,
    member: string,
    assignments: [member: string, topics: [topic: string, partitions: number[]][]][],
  ): Failed;
  heartbeat(token: number, group: string, generation: number, member: string): Failed;
  leaveGroup(token: number, group: string, member: string): Failed;

  describeQuotas(token: number, entities: [entityType: string, entityName: string | null][]): Failed;
  alterQuotas(token: number, alterations: Alteration[]): Failed;

  registerSchema(token: number, url: string, subject: string, schemaType: string, schema: string): Failed;
  getSchema(token: number, url: string, id: number): Failed;
  getSchemaVersion(token: number, url: string, subject: string, version: number | null): Failed;

  initProducerId(token: number, previous: bigint | null): Failed;
  publishIdempotent(
    token: number,
    place: Place,
    key: Uint8Array | null,
    value: Uint8Array,
    producer: NativeProducerState,
  ): Failed;
  beginTransaction(token: number, txnId: string, producer: NativeProducerState, timeoutMs: number | null): Failed;
  addPartitionsToTxn(
    token: number,
    txnId: string,
    producer: NativeProducerState,
    partitions: TopicPartition[],
  ): Failed;
  publishTransactional(
    token: number,
    txnId: string,
    place: Place,
    key: Uint8Array | null,
    value: Uint8Array,
    producer: NativeProducerState,
  ): Failed;
  addOffsetsToTxn(
    token: number,
    txnId: string,
    producer: NativeProducerState,
    group: string,
    offsets: Commit[],
  ): Failed;
  commitTransaction(token: number, txnId: string, producer: NativeProducerState): Failed;
  abortTransaction(token: number, txnId: string, producer: NativeProducerState): Failed;
}

export class NativeProducerState {
  private constructor();
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly nextSequence: number;
  abandon(): Failed;
}

/** What became of records: the first went to the offset, the others follow. */
export interface Report {
  topic: string | null;
  partition: number | null;
  /** Three numbers of records that were handed over in turn: their slot, the first one's place among those of the slot, how many. */
  ranges: Uint32Array;
  offset: bigint;
  timestamp: number;
  duplicate: boolean;
  maybeDuplicate: boolean;
  offsetExact: boolean;
  failure: RivvenErrorFields | null;
}

/** What became of a hand-over buffer that was not taken whole: the bytes that are done with, and why the next record has to wait. */
export interface HandedOver {
  done: number;
  refused: { slot: number; place: number; failure: RivvenErrorFields }[];
  full: Failed;
}

export class NativeProducer {
  private constructor();
  drain(): Completion[];
  hold(): void;
  release(): void;
  topic(name: string): Failed;
  handOver(bytes: Uint8Array): HandedOver | null;
  awaitRoom(token: number, bytes: Uint8Array): Failed;
  sendFirst(token: number, bytes: Uint8Array): Failed;
  connect(token: number): Failed;
  flush(token: number): Failed;
  close(token: number, limitMs: number | null): Failed;
  closeTimeout(): number | RivvenErrorFields;
  partitionCount(token: number, topic: string, fresh: boolean): Failed;
  purge(): number | RivvenErrorFields;
  stats(): ProducerStats | RivvenErrorFields;
  isIdempotent(): boolean | RivvenErrorFields;
  beginTransaction(token: number): Failed;
  openTransformer(consumer: NativeConsumer): NativeTransformer | RivvenErrorFields;
}

/** A transaction; its answers come by its producer. */
export class NativeTransaction {
  private constructor();
  id(): string | RivvenErrorFields;
  producerId(): bigint | RivvenErrorFields;
  isOpen(): boolean | RivvenErrorFields;
  enqueue(topic: string, partition: number | null, key: Uint8Array | null, value: Uint8Array): Failed;
  send(token: number, topic: string, partition: number | null, key: Uint8Array | null, value: Uint8Array): Failed;
  sendBatch(token: number, topic: string, lengths: Int32Array, bytes: Uint8Array): Failed;
  flush(token: number): Failed;
  sendOffsets(token: number, group: string, offsets: Commit[]): Failed;
  sendConsumerOffsets(token: number, consumer: NativeConsumer): Failed;
  commit(token: number): Failed;
  abort(token: number): Failed;
}

/** Work that is done by transactions; its answers come by its producer. */
export class NativeTransformer {
  private constructor();
  next(token: number): Failed;
  commit(token: number): Failed;
  fail(token: number, why: string): Failed;
  report(token: number): Failed;
}

/** A change of partitions, which waits until the program says that it is done. */
export interface NativeRebalance {
  number: number;
  kind: 'revoked' | 'assigned' | 'lost';
  partitions: TopicPartition[];
}

/** A record that a handler is to work on. */
export interface NativeHandling extends PackedRecords {
  number: number;
  call: number;
  topic: string;
}

type WithFields<T> = T extends { error: unknown } ? Omit<T, 'error'> & { error: RivvenErrorFields } : T;

export type NativeConsumerEvent = WithFields<ConsumerEvent>;

type NativeConsumerStats = Omit<ConsumerStats, 'lastError'> & { lastError: Failed };

/** Records in one piece of memory, the part of their poll that they belong to, and their topic. */
export interface PackedPiece extends PackedRecords {
  topic: string;
  part: number;
}

/** What a poll gave. */
export interface PackedPoll {
  pieces: PackedPiece[];
  ended: TopicPartition[];
}

export class NativeConsumer {
  private constructor();
  drain(): Completion[];
  hold(): void;
  release(): void;
  connect(token: number): Failed;
  poll(token: number, limitMs: number | null): Failed;
  pollNow(): PackedPoll | null;
  read(token: number): Failed;
  readNow(token: number): PackedPoll | null;
  reached(token: number, part: number, offset: bigint): void;
  finish(token: number): void;
  giveBack(token: number): void;
  process(token: number): Failed;
  handled(number: number, why: string | null): void;
  wakeup(): Failed;
  subscribe(topics: string[]): Failed;
  unsubscribe(): Failed;
  assign(partitions: TopicPartition[]): Failed;
  assignments(): TopicPartition[] | RivvenErrorFields;
  pause(topic: string, partition: number): Failed;
  resume(topic: string, partition: number): Failed;
  paused(): TopicPartition[] | RivvenErrorFields;
  seek(token: number, topic: string, partition: number, offset: bigint): Failed;
  seekToBeginning(token: number, topic: string, partition: number): Failed;
  seekToEnd(token: number, topic: string, partition: number): Failed;
  seekToTimestamp(token: number, topic: string, partition: number, timestampMs: number): Failed;
  position(topic: string, partition: number): bigint | null | RivvenErrorFields;
  lag(token: number, topic: string, partition: number): Failed;
  getOffsetBounds(token: number, topic: string, partition: number): Failed;
  commit(token: number): Failed;
  commitAsync(): Failed;
  commitOffsets(token: number, commits: Commit[]): Failed;
  commitOffsetsEach(token: number, commits: Commit[]): Failed;
  storeOffset(topic: string, partition: number, offset: bigint): Failed;
  committed(token: number, topic: string, partition: number): Failed;
  relayRebalances(relay: boolean): Failed;
  rebalanced(number: number): void;
  nextEvent(token: number): Failed;
  stats(): NativeConsumerStats | RivvenErrorFields;
  groupId(): string | RivvenErrorFields;
  close(token: number, limitMs: number | null): Failed;
}

/** The records of an answer, as `src/records.rs` packs them. */
export interface PackedRecords {
  bytes: ArrayBuffer;
  count: number;
  headers: [record: number, name: string, value: Buffer][];
}

/** A line of the log; `time` in milliseconds since 1970. */
export type NativeLogRecord = Omit<LogRecord, 'time'> & { time: number };

export class NativeLog {
  private constructor();
  drain(): NativeLogRecord[];
  close(): void;
}

export function logLevels(): string[];
export function openLog(level: string, wake: () => void): NativeLog;
export function open(config: { [key: string]: string }, wake: () => void): NativeClient | RivvenErrorFields;
export function openProducer(
  config: { [key: string]: string },
  wake: () => void,
): NativeProducer | RivvenErrorFields;
export function openConsumer(
  config: { [key: string]: string },
  wake: () => void,
): NativeConsumer | RivvenErrorFields;
export function version(): string;
