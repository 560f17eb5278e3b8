/// <reference types="node" />

import type { EventEmitter } from 'node:events';

/** Bytes of a key or a value; a string is sent as UTF-8. */
export type Bytes = string | Uint8Array;

/**
 * How a client works. Times are in milliseconds.
 *
 * A name that is no option of clients or producers, and a value that an option
 * does not take, is `INVALID_CONFIG`.
 */
export interface ClientOptions {
  /** The servers to try in turn, as `host:port`; required. */
  bootstrapServers: string | string[];
  /** The name that the client gives of itself; `rivven-client` by default. */
  clientId?: string;
  /** The time to resolve, connect, encrypt, exchange the handshake and log in; 10 000 by default. */
  connectionTimeoutMs?: number;
  /** The time from a call to its answer; 30 000 by default. */
  requestTimeoutMs?: number;
  /** How long `close` waits for pending answers; 5 000 by default. */
  closeTimeoutMs?: number;
  /** The most connections to one server; 10 by default. */
  poolSizePerServer?: number;
  /** The age at which a connection is replaced by a new one; 300 000 by default. */
  maxConnectionLifetimeMs?: number;
  /** How long a connection beyond the first is kept without use; 60 000 by default. */
  idleTimeoutMs?: number;
  /** How often a call that failed is repeated, within its time; 3 by default. */
  maxRetries?: number;
  /** The pause before the first repetition, half of which is random; 100 by default. */
  retryInitialDelayMs?: number;
  /** The longest pause between repetitions; 5 000 by default. */
  retryMaxDelayMs?: number;
  /** By how much each pause is longer than the one before; 2 by default. */
  retryMultiplier?: number;
  /**
   * Whether a record of which it is unknown whether it was written is sent
   * again; `true` by default. The result then says `maybeDuplicate`.
   */
  retryUnknownOutcome?: boolean;
  /** After how many failures in a row a server is not tried for a while; 5 by default. */
  circuitBreakerFailureThreshold?: number;
  /** How long such a server is left alone before one request tries it again; 30 000 by default. */
  circuitBreakerRecoveryTimeoutMs?: number;
  /** Whether servers in use, and those that failed, are pinged in the background; `true` by default. */
  healthCheckEnabled?: boolean;
  /** The pause between such pings; 5 000 by default. */
  healthCheckIntervalMs?: number;
  /**
   * Which values are decompressed when they are read: those with a checksum
   * that verifies (`auto`, the default), all (`always`), none (`never`).
   */
  decompression?: 'auto' | 'always' | 'never';
  /** The user to log in as; none logs in where it is not set. */
  authUsername?: string;
  /** The password of the user. */
  authPassword?: string;
  /** How to log in, by default `scram-sha-256`; `plain` sends the password itself and is refused without TLS. */
  authMechanism?: 'scram-sha-256' | 'plain';
  /** Whether connections are encrypted; by default if any other tls key is set. */
  tlsEnabled?: boolean;
  /** A PEM file with the CA certificates to trust; by default the system's. */
  tlsCaCertPath?: string;
  /** A PEM file with the client's certificate chain, for mutual TLS. */
  tlsClientCertPath?: string;
  /** A PEM file with the key of the client's certificate. */
  tlsClientKeyPath?: string;
  /** The name that the server's certificate must have; by default the dialled host. */
  tlsServerName?: string;
  /**
   * The threads of the background runtime that all clients of the process
   * share; the first client decides, by default the number of cores but at
   * most 4.
   */
  runtimeThreads?: number;
}

/**
 * How a producer works, besides the options of clients. Times are in milliseconds.
 *
 * What a value means, and which go together, is checked when the producer is made: `INVALID_CONFIG`.
 */
export interface ProducerOptions extends Partial<ClientOptions> {
  /** The bytes of records that make a batch full, which is then sent without waiting for more; 16 384 by default. */
  batchSize?: number;
  /** How long a batch that is not full waits for more records; by default 0, until its connection is free. */
  lingerMs?: number;
  /** The bytes that records may hold until they are delivered; 33 554 432 by default. */
  bufferMemory?: number;
  /** How each value is compressed, for itself; `none` by default. */
  compressionType?: 'none' | 'snappy' | 'lz4' | 'zstd';
  /** Whether the broker drops a record that is sent again; `false` by default. */
  enableIdempotence?: boolean;
  /** How often a batch that failed is sent again, within `deliveryTimeoutMs`; 3 by default. */
  retries?: number;
  /** The pause before a batch is sent again for the first time; 100 by default. */
  retryBackoffMs?: number;
  /** The longest such pause; 1 000 by default. */
  retryBackoffMaxMs?: number;
  /** The most batches without answer on one connection; 5 by default. */
  maxInFlightRequests?: number;
  /** Whether a record counts as delivered when it is written to the connection (0) or when the broker has answered (1, -1, `all`); 1 by default. */
  acks?: 0 | 1 | -1 | '0' | '1' | '-1' | 'all';
  /** The time from handing a record over to its delivery, all repetitions included; 120 000 by default. */
  deliveryTimeoutMs?: number;
  /** The age at which what is known of a topic is asked for anew; 300 000 by default. */
  metadataMaxAgeMs?: number;
  /** The most connections to one broker; every partition keeps to one of them; 8 by default. */
  connectionsPerBroker?: number;
  /** Whether an unknown topic is created; `true` by default. */
  allowAutoCreateTopics?: boolean;
  /** How long sending waits for room in `bufferMemory`; 60 000 by default. */
  maxBlockMs?: number;
  /** The partition of records without a key: one until its batch ends (`sticky`, the default), or each in turn. */
  partitioner?: 'sticky' | 'round-robin';
  /** The name under which its transactions are known; with it records are sent by {@link Transaction} only. */
  transactionalId?: string;
  /** How long a transaction may be idle before it is aborted; 60 000 by default. */
  transactionTimeoutMs?: number;
}

/**
 * How a consumer works, besides the options of clients. Times are in milliseconds.
 *
 * What a value means, and which go together, is checked when the consumer is made: `INVALID_CONFIG`.
 */
export interface ConsumerOptions extends Partial<ClientOptions> {
  /** The group whose offsets are committed; `default-group` by default. */
  groupId?: string;
  /** The most records that one poll gives; 500 by default. */
  maxPollRecords?: number;
  /** How long a poll waits for records before it gives none; 5 000 by default. */
  maxPollIntervalMs?: number;
  /** How long the program may take between polls before its partitions go to other members of the group; 300 000 by default. */
  maxProcessingIntervalMs?: number;
  /** Whether what the previous poll gave is committed by itself; `true` by default. */
  enableAutoCommit?: boolean;
  /** The time between such commits; 5 000 by default, and there is one more at the end. */
  autoCommitIntervalMs?: number;
  /** Where reading begins without a committed offset: at the first record (the default), behind the last one, or not at all. */
  autoOffsetReset?: 'earliest' | 'latest' | 'error';
  /** Whether records of aborted transactions are shown; by default they are. */
  isolationLevel?: 'read_uncommitted' | 'read_committed' | 0 | 1;
  /** How often subscribed topics are looked at for new partitions, and the brokers for who leads them; 300 000 by default. */
  metadataRefreshIntervalMs?: number;
  /** The pause before a lost connection is made anew for the first time; 100 by default. */
  reconnectBackoffMs?: number;
  /** The longest such pause; 10 000 by default. */
  reconnectBackoffMaxMs?: number;
  /** How often in a row that may fail before a poll fails, and the next one begins anew; 10 by default. */
  maxReconnectAttempts?: number;
  /** After how long without a heartbeat the broker takes a member for dead; 10 000 by default. */
  sessionTimeoutMs?: number;
  /** How long the members of a group have to join anew; 30 000 by default. */
  rebalanceTimeoutMs?: number;
  /** The time between heartbeats, at most a third of `sessionTimeoutMs`; 3 000 by default. */
  heartbeatIntervalMs?: number;
  /**
   * How a group divides partitions: neighbouring ones of each topic (`range`, by default), all in turn
   * (`roundrobin`), or so that as few as possible move (`sticky`); every member should have the same.
   */
  partitionAssignmentStrategy?: 'range' | 'roundrobin' | 'sticky';
  /** The bytes of records that may wait to be polled; no more are asked for beyond it; 67 108 864 by default. */
  fetchBufferMemory?: number;
  /** How long the broker may wait for a first record before it answers; 500 by default. */
  fetchMaxWaitMs?: number;
  /** Whether a poll returns as soon as the end of a partition is reached, and says of which; `false` by default. */
  reportPartitionEnd?: boolean;
  /** The most handlers that {@link Consumer.process} lets work at once, one of a partition; 16 by default. */
  processConcurrency?: number;
  /** How often it has a record handled again whose handler failed; 3 by default. */
  processRetries?: number;
  /** The pause before that for the first time; 100 by default. */
  processRetryBackoffMs?: number;
  /** The longest such pause; 10 000 by default. */
  processRetryBackoffMaxMs?: number;
  /** Where a record goes that failed every time; by default nowhere. */
  processDeadLetterTopic?: string;
  /** What becomes of such a record without that topic: processing stops in front of it (the default), or leaves it out. */
  processOnFailure?: 'stop' | 'skip';
  /** The most connections to one broker, at most 16; partitions beyond them share; 16 by default. */
  connectionsPerBroker?: number;
}

/** What {@link Consumer.process} has done. */
export interface ProcessReport {
  /** The records that a handler was done with. */
  processed: number;
  /** How often a record was handled again. */
  retries: number;
  /** The records that went to the dead letter topic. */
  deadLettered: number;
  /** The records that were left out. */
  skipped: number;
}

/** A partition of a topic. */
export interface TopicPartition {
  /** The topic. */
  topic: string;
  /** The number of the partition. */
  partition: number;
}

/** Where a record is to go. */
export interface SendOptions {
  /** The key, which leads to a partition; an empty one is a key too. */
  key?: Bytes | null;
  /** The partition; without it the key decides, or else the partitioner. */
  partition?: number | null;
}

/** A record of a batch of a producer. */
export interface ProducerRecord extends SendOptions {
  /** The value. */
  value: Bytes;
}

/** A login that succeeded. */
export interface AuthSession {
  /** The broker's name for the login. */
  sessionId: string;
  /** How long the login holds, in seconds; the client renews it in time. */
  expiresIn: number;
}

/** Options of {@link Client.publish}, {@link Client.publishIdempotent} and {@link Client.publishTransactional}. */
export interface PublishOptions {
  /** The key, which decides the partition; an empty one is a key too. */
  key?: Bytes | null;
  /** The partition; without it the key decides, and without either it is chosen. */
  partition?: number | null;
}

/** A record of a batch. */
export interface BatchRecord {
  /** The key; an empty one is a key too. */
  key?: Bytes | null;
  /** The value. */
  value: Bytes;
}

/** Where a record went. */
export interface Published {
  /** The topic. */
  topic: string;
  /** The number of the partition. */
  partition: number;
  /** The offset of the record. */
  offset: bigint;
  /** Whether an earlier attempt, whose outcome is unknown, may have written the record too. */
  maybeDuplicate: boolean;
}

/** Where a record went that has a number. */
export interface PublishedOnce extends Omit<Published, 'maybeDuplicate'> {
  /**
   * Whether the broker had the record already and wrote nothing.
   *
   * The offset is right then only if the record is one of the last five of its producer and partition.
   */
  duplicate: boolean;
}

/** Where a record of a transaction went. */
export interface PublishedInTransaction extends Omit<Published, 'maybeDuplicate'> {
  /** The number of the record among those of its producer and partition number, from 0. */
  sequence: number;
}

/** Where a batch went. */
export interface PublishedBatch {
  /** The topic. */
  topic: string;
  /** The number of the partition. */
  partition: number;
  /** The offset of the first record; the others follow it directly only where nobody else wrote meanwhile. */
  baseOffset: bigint;
  /** The number of records. */
  count: number;
  /** Whether an earlier attempt, whose outcome is unknown, may have written the records too. */
  maybeDuplicate: boolean;
}

/** Options of {@link Client.consume}. */
export interface ConsumeOptions {
  /** 1 hides the records of aborted transactions, 0 hides none; by default the broker's choice, 0. */
  isolationLevel?: number | null;
  /** How long the broker may wait for a first record, at most 30 000 ms; without it it answers at once. */
  maxWaitMs?: number | null;
}

/** What {@link Client.consumePipelined} is to read of one partition. */
export interface Fetch {
  /** The topic. */
  topic: string;
  /** The number of the partition. */
  partition: number;
  /** The first offset wanted. */
  offset: bigint | number;
  /** The most records wanted. */
  maxMessages: number;
  /** As in {@link ConsumeOptions}. */
  isolationLevel?: number | null;
}

/** One of many answers, in the form of `Promise.allSettled`. */
export type Settled<T> = { status: 'fulfilled'; value: T } | { status: 'rejected'; reason: RivvenError };

/** Name and number of partitions of a topic. */
export interface TopicMetadata {
  /** The name. */
  name: string;
  /** The number of partitions. */
  partitions: number;
}

/** A value of a setting that is to be changed; `null` takes the default back. */
export type ConfigValue = string | number | bigint | boolean | null;

/** The settings of topics: topic, key, value. */
export interface TopicConfigs {
  /** The settings of a topic by key. */
  [topic: string]: { [key: string]: TopicConfigValue };
}

/** The value of a setting of a topic. */
export interface TopicConfigValue {
  /** The value as text. */
  value: string;
  /** Whether it is the broker's default. */
  isDefault: boolean;
  /** Whether it cannot be changed. */
  isReadOnly: boolean;
  /** Whether it should not be shown. */
  isSensitive: boolean;
}

/** What {@link Client.alterTopicConfig} did. */
export interface TopicConfigAltered {
  /** The topic. */
  topic: string;
  /** How many settings were changed. */
  changedCount: number;
}

/** An offset of a partition. */
export interface PartitionOffset {
  /** The number of the partition. */
  partition: number;
  /** The offset. */
  offset: bigint | number;
}

/** An offset of a partition of a topic. */
export interface TopicPartitionOffset extends PartitionOffset {
  /** The topic. */
  topic: string;
}

/** What became of the records of one partition. */
export interface DeletedRecords {
  /** The number of the partition. */
  partition: number;
  /** The offset below which records are gone. */
  lowWatermark: bigint;
  /** The broker's error text, if it refused; else `null`. */
  error: string | null;
}

/** The brokers and topics of a cluster. */
export interface ClusterMetadata {
  /** The node that controls the cluster. */
  controllerId: string | null;
  /** The brokers. */
  brokers: Broker[];
  /** The topics; a standalone broker names none. */
  topics: ClusterTopic[];
}

/** A broker of the cluster. */
export interface Broker {
  /** The name of the node. */
  nodeId: string;
  /** The host that the broker listens on, which need not be one that can be dialled. */
  host: string;
  /** The port that the broker listens on. */
  port: number;
  /** The rack, if one is configured. */
  rack: string | null;
}

/** A topic of the cluster. */
export interface ClusterTopic {
  /** The name. */
  name: string;
  /** Whether the topic belongs to the broker rather than to users. */
  isInternal: boolean;
  /** The partitions. */
  partitions: ClusterPartition[];
}

/** Where a partition lives. */
export interface ClusterPartition {
  /** The number of the partition. */
  partition: number;
  /** The node that leads it, if any. */
  leader: string | null;
  /** The nodes that hold it. */
  replicas: string[];
  /** The nodes that hold it and are in sync with the leader. */
  isr: string[];
  /** Whether no node serves it. */
  offline: boolean;
}

/** The committed offsets of a group: topic, partition, offset. */
export interface GroupOffsets {
  /** The next offset to read in each partition of a topic. */
  [topic: string]: { [partition: number]: bigint };
}

/** What a member that joins a group says of itself. */
export interface JoinGroupOptions {
  /** The member's id; without it a new member joins, which is given one. */
  member?: string | null;
  /** After so long without heartbeat the member is dropped; the group's first member decides for all. */
  sessionTimeoutMs: number;
  /** How long a rebalance may take; the group's first member decides for all. */
  rebalanceTimeoutMs: number;
  /** The kind of group: `consumer`. */
  protocolType: string;
  /** The topics that the member wants to read. */
  subscriptions: Iterable<string>;
}

/** A membership of a group. */
export interface GroupMembership {
  /** Rises with every rebalance of a stable group. */
  generation: number;
  /** The kind of group. */
  protocolType: string;
  /** The member's id. */
  member: string;
  /** The id of the member that hands out the partitions. */
  leader: string;
  /** All members, in no order. */
  members: GroupMember[];
}

/** A member of a group. */
export interface GroupMember {
  /** The member's id. */
  member: string;
  /** The topics that it wants to read. */
  subscriptions: string[];
}

/** Partitions of a topic. */
export interface TopicPartitions {
  /** The topic. */
  topic: string;
  /** The numbers of the partitions. */
  partitions: number[];
}

/** The partitions of one member of a group. */
export interface MemberAssignment {
  /** The member's id. */
  member: string;
  /** Its partitions, by topic. */
  assignment: Iterable<{ topic: string; partitions: Iterable<number> }>;
}

/** What a quota is for. */
export interface QuotaEntity {
  /** `user`, `client-id`, `consumer-group` or `default`. */
  entityType: string;
  /** The name of the entity; none for the default of its type. */
  entityName?: string | null;
}

/** A change of one quota. */
export interface QuotaAlteration extends QuotaEntity {
  /** `produce_bytes_rate`, `consume_bytes_rate` or `request_rate`. */
  quotaKey: string;
  /** The new value; `null` removes the quota. */
  quotaValue: bigint | number | null;
}

/** The quotas of an entity. */
export interface QuotaEntry {
  /** `user`, `client-id`, `consumer-group` or `default`. */
  entityType: string;
  /** The name of the entity; `null` for the default of its type. */
  entityName: string | null;
  /** The quotas by key. */
  quotas: { [key: string]: bigint };
}

/** The language of a schema. */
export type SchemaType = 'AVRO' | 'PROTOBUF' | 'JSON';

/** A schema as the registry gives it. */
export interface Schema {
  /** Its number in the registry, where the registry says it or it was asked for by it. */
  id: number | null;
  /** The subject, where it was asked for by one. */
  subject: string | null;
  /** The version within the subject, where it was asked for by one. */
  version: number | null;
  /** Its language. */
  schemaType: SchemaType;
  /** Its text. */
  schema: string;
}

/** The servers of a client and their connections, at one moment. */
export interface ClientStats {
  /** How many servers there are: those configured and those that the cluster named. */
  totalServers: number;
  /** How many of them work: the breaker is closed and the last attempt did not fail. */
  healthyServers: number;
  /** How many connections have calls under way. */
  activeConnections: number;
  /** How many connections are open and idle. */
  availableConnections: number;
  /** Each server by itself. */
  servers: ServerStats[];
}

/** One server and its connections, at one moment. */
export interface ServerStats {
  /** The address as it is dialled. */
  address: string;
  /** What its breaker lets through: everything, nothing, or one request that decides. */
  circuitState: 'closed' | 'open' | 'half-open';
  /** How many of its connections have calls under way. */
  activeConnections: number;
  /** How many of its connections are open and idle. */
  availableConnections: number;
  /** Its last failure, unless it has worked since; else `null`. */
  lastError: RivvenError | null;
}

/** A change of the state of a server; `type` tells which. */
export type StateChange = ServerDegraded | ServerRecovered | ChangesMissed;

/** A server does not work any more, or still does not after another attempt. */
export interface ServerDegraded {
  /** Tells that the server does not work. */
  type: 'degraded';
  /** The address as it is dialled. */
  server: string;
  /** Since when. */
  since: Date;
  /** Why, the last time. */
  reason: RivvenError;
  /** How many attempts have failed since then. */
  attempts: number;
}

/** A server works again. */
export interface ServerRecovered {
  /** Tells that the server works again. */
  type: 'recovered';
  /** The address as it is dialled. */
  server: string;
  /** How long it did not, in milliseconds. */
  afterMs: number;
  /** How many attempts failed meanwhile. */
  attempts: number;
}

/** The event loop was blocked for so long that changes were lost. */
export interface ChangesMissed {
  /** Tells that changes are missing. */
  type: 'missed';
  /** How many. */
  count: number;
}

/** The events of a {@link Client}. */
export interface ClientEvents {
  /** A server stopped working, failed again, or works again. */
  stateChange: [change: StateChange];
}

/** The range of a partition. */
export interface OffsetBounds {
  /** The first offset. */
  earliest: bigint;
  /** The next offset to be written. */
  latest: bigint;
}

/**
 * A record that was read.
 *
 * `key` and `value` are views of the memory of the whole answer, which lives as
 * long as any of its records: {@link Record.detach} what you keep for long.
 */
export class Record {
  /** Records come from a client or a consumer. */
  private constructor();
  /** The topic. */
  readonly topic: string;
  /** The number of the partition. */
  readonly partition: number;
  /** The position in the partition. */
  readonly offset: bigint;
  /** The key; `null` if the record has none. */
  readonly key: Buffer | null;
  /** The value. */
  readonly value: Buffer;
  /** When the broker received the record, in milliseconds since 1970. */
  readonly timestamp: number;
  /** Names and values. No request can set them, so there are none. */
  readonly headers: [name: string, value: Buffer][];

  /** The same record in memory of its own, for one that is kept for long. */
  detach(): Record;
}

/**
 * The identity of a producer with its counters, by {@link Client.initProducerId}.
 *
 * The broker keeps identities in memory until it restarts. Records are counted
 * for each partition number, whatever the topic. Calls with one state are made
 * one after another, in the order in which they were called; several clients
 * of one thread may use it.
 */
export class ProducerState {
  /** It comes from a client. */
  private constructor();
  /** The identity. */
  readonly producerId: bigint;
  /** Its epoch: rises when the identity is taken over. */
  readonly producerEpoch: number;
  /** The number of the next record for the partition number that was used last; from 0 on. */
  readonly nextSequence: number;

  /**
   * Gives up a record of unknown outcome together with the identity.
   *
   * The next {@link Client.publishIdempotent} takes a new identity and counts
   * from 0. In a transaction nothing remains then but to abort it.
   *
   * @throws RivvenError `INVALID_STATE` while a call with the state is under way
   */
  abandon(): void;
}

/**
 * A client of a list of servers, which replaces connections that fail.
 *
 * All methods may be called at the same time and are answered in any order.
 * They reject with {@link RivvenError}: besides the codes that each names, with
 * those of the connection, such as `CONNECTION_LOST`, `TIMED_OUT` and
 * `ALL_SERVERS_UNAVAILABLE`, with `INVALID_ARGUMENT` for arguments of a wrong
 * kind, and with `CLOSED`. A call that waits for its answer keeps the process
 * alive, a client alone does not.
 *
 * It emits `stateChange` when a server stops working and when it works again.
 * Listeners keep neither the process alive nor a client that is dropped.
 *
 * ```js
 * const client = await Client.connect('127.0.0.1:9092');
 * await client.publish('orders', 'a value', { key: 'a key' });
 * await client.close();
 * ```
 */
export class Client extends EventEmitter<ClientEvents> {
  /**
   * Makes a client, which connects at its first call.
   *
   * @throws RivvenError `INVALID_CONFIG`
   */
  constructor(options: string | string[] | ClientOptions);

  /**
   * Makes a client and waits for its first connection.
   *
   * `INVALID_CONFIG`; with one server its own error, such as
   * `CONNECTION_FAILED` or `TIMED_OUT`, with several `ALL_SERVERS_UNAVAILABLE`.
   */
  static connect(options: string | string[] | ClientOptions): Promise<Client>;

  /**
   * Logs in with the password itself, on the connection in use and on every later one.
   *
   * Without TLS it is refused before a byte of the password is sent, with
   * `AUTHENTICATION_REQUIRES_TLS`. `AUTHENTICATION_FAILED` where the broker
   * refuses; such credentials are not kept.
   */
  authenticate(username: string, password: string): Promise<AuthSession>;

  /**
   * Logs in by SCRAM-SHA-256, on the connection in use and on every later one.
   *
   * The password is never sent, and the broker proves that it knows it too.
   * `AUTHENTICATION_FAILED` where either refuses; such credentials are not kept.
   */
  authenticateScram(username: string, password: string): Promise<AuthSession>;

  /**
   * Creates a topic, with the broker's default number of partitions where none is given; gives their number.
   *
   * `TOPIC_ALREADY_EXISTS`, `INVALID_TOPIC`, `INVALID_PARTITIONS`.
   */
  createTopic(name: string, partitions?: number | { partitions?: number }): Promise<number>;

  /** Lists the names of all topics, in no order. */
  listTopics(): Promise<string[]>;

  /** Deletes a topic. `UNKNOWN_TOPIC_OR_PARTITION`. */
  deleteTopic(name: string): Promise<void>;

  /** Gives the name and the number of partitions of a topic; never creates it. `UNKNOWN_TOPIC_OR_PARTITION`. */
  getMetadata(topic: string): Promise<TopicMetadata>;

  /**
   * Raises the number of partitions of a topic to `count`; gives the new number.
   *
   * Keys may belong to other partitions afterwards. `INVALID_PARTITIONS` unless
   * there are fewer now, `UNKNOWN_TOPIC_OR_PARTITION`.
   */
  createPartitions(topic: string, count: number): Promise<number>;

  /** Gives the settings of topics, of all with changed settings if none is named; an unknown topic has the defaults. */
  describeTopicConfigs(topics?: Iterable<string> | null): Promise<TopicConfigs>;

  /**
   * Changes settings of a topic, one after another; `null` takes a default back.
   *
   * ```js
   * await client.alterTopicConfig('orders', { 'retention.ms': 86_400_000, 'cleanup.policy': null });
   * ```
   *
   * `INVALID_TOPIC_CONFIG` at the first change that is not acceptable; those before it stay.
   */
  alterTopicConfig(topic: string, configs: { [key: string]: ConfigValue }): Promise<TopicConfigAltered>;

  /**
   * Deletes the records of partitions below an offset each; each partition has its own result.
   *
   * Broker release 0.0.22 forgets this when it restarts, unless whole segments
   * went. `UNKNOWN_TOPIC_OR_PARTITION`.
   */
  deleteRecords(topic: string, before: Iterable<PartitionOffset>): Promise<DeletedRecords[]>;

  /**
   * Gives the brokers of the cluster and the leaders of the topics, of all if none is named.
   *
   * A standalone broker names itself and no topics.
   */
  getClusterMetadata(topics?: Iterable<string> | null): Promise<ClusterMetadata>;

  /** Gives the first offset of a partition and the next one to be written. `UNKNOWN_TOPIC_OR_PARTITION`. */
  getOffsetBounds(topic: string, partition: number): Promise<OffsetBounds>;

  /**
   * Gives the first offset whose record the broker received at or after a time; `null` if there is none.
   *
   * The time is a Date or milliseconds since 1970. The broker looks through the
   * whole partition. `UNKNOWN_TOPIC_OR_PARTITION`, `INVALID_PARTITION`.
   */
  getOffsetForTimestamp(topic: string, partition: number, timestamp: number | Date): Promise<bigint | null>;

  /**
   * Appends a record; an unknown topic is created.
   *
   * `INVALID_TOPIC` and `REQUEST_TOO_LARGE` before anything is sent;
   * `TIMED_OUT` and `CONNECTION_LOST`, whose `outcome` says whether the record
   * may be written.
   */
  publish(topic: string, value: Bytes, options?: PublishOptions): Promise<Published>;

  /** Appends a record with a key, by which the broker chooses the partition. Fails as {@link publish} does. */
  publishWithKey(topic: string, key: Bytes | null, value: Bytes): Promise<Published>;

  /** Appends a record to a partition. Fails as {@link publish} does; `INVALID_PARTITION`. */
  publishToPartition(
    topic: string,
    partition: number,
    value: Bytes,
    options?: { key?: Bytes | null },
  ): Promise<Published>;

  /**
   * Appends records, at most 10 000, to one partition.
   *
   * Without a partition the broker chooses one for the whole batch, by the key
   * of the first record. The batch is not atomic: an error may leave its first
   * records written.
   */
  publishBatch(
    topic: string,
    records: Iterable<Bytes | BatchRecord>,
    options?: { partition?: number | null },
  ): Promise<PublishedBatch>;

  /**
   * Reads at most `maxMessages` records of a partition from `offset` on; answers at once, unless `maxWaitMs` is given.
   *
   * `UNKNOWN_TOPIC_OR_PARTITION`; `ANSWER_TOO_LARGE` if so many records exceed
   * the broker's limit: ask for fewer.
   */
  consume(
    topic: string,
    partition: number,
    offset: bigint | number,
    maxMessages: number,
    options?: ConsumeOptions,
  ): Promise<Record[]>;

  /**
   * Reads like {@link consume}; the isolation level 1 hides records of aborted transactions.
   *
   * Broker release 0.0.22 shows the records of open transactions at any level.
   */
  consumeWithIsolation(
    topic: string,
    partition: number,
    offset: bigint | number,
    maxMessages: number,
    isolationLevel: number | null,
  ): Promise<Record[]>;

  /** Reads like {@link consumeWithIsolation} at level 1. */
  consumeReadCommitted(
    topic: string,
    partition: number,
    offset: bigint | number,
    maxMessages: number,
  ): Promise<Record[]>;

  /**
   * Reads like {@link consume}, waiting for a first record at most `maxWaitMs` and never more than 30 s.
   *
   * The broker serves nothing else on the connection meanwhile. The wait is
   * added to the request timeout.
   */
  consumeLongPoll(
    topic: string,
    partition: number,
    offset: bigint | number,
    maxMessages: number,
    maxWaitMs: number,
    options?: { isolationLevel?: number | null },
  ): Promise<Record[]>;

  /**
   * Reads many partitions with one wait.
   *
   * The requests go out together; the result has one entry for each, in their
   * order, which is the records or the reason of its own failure.
   *
   * ```js
   * for (const result of await client.consumePipelined([
   *   { topic: 'orders', partition: 0, offset: 0n, maxMessages: 100 },
   *   { topic: 'orders', partition: 1, offset: 0n, maxMessages: 100 },
   * ])) {
   *   if (result.status === 'fulfilled') console.log(result.value.length);
   *   else console.error(result.reason.code);
   * }
   * ```
   */
  consumePipelined(fetches: Iterable<Fetch>): Promise<Settled<Record[]>[]>;

  /**
   * Stores the next offset that a group is to read in a partition.
   *
   * The broker checks neither membership nor generation, and lets the offset go
   * back. `OFFSET_OUT_OF_RANGE` behind the end of the log, `INVALID_GROUP_ID`,
   * `UNKNOWN_TOPIC_OR_PARTITION`.
   */
  commitOffset(group: string, topic: string, partition: number, offset: bigint | number): Promise<void>;

  /**
   * Stores many offsets of a group with one wait.
   *
   * The result has one entry for each, in their order: done, or the reason of
   * its own failure, as of {@link commitOffset}.
   */
  commitOffsetsPipelined(group: string, offsets: Iterable<TopicPartitionOffset>): Promise<Settled<void>[]>;

  /** Gives the offset that a group has committed; `null` if there is none. `INVALID_GROUP_ID`. */
  getOffset(group: string, topic: string, partition: number): Promise<bigint | null>;

  /** Lists the groups that have committed offsets, in no order. */
  listGroups(): Promise<string[]>;

  /** Gives the committed offsets of a group, by topic and partition. `GROUP_NOT_FOUND` if there are none. */
  describeGroup(group: string): Promise<GroupOffsets>;

  /** Deletes the committed offsets of a group. `GROUP_NOT_FOUND` if there are none. */
  deleteGroup(group: string): Promise<void>;

  /**
   * Joins a group, without `member` as a new one; the broker answers at once and does not wait for others.
   *
   * This and the next calls are the raw steps of membership. `JOIN_GROUP_FAILED`.
   */
  joinGroup(group: string, options: JoinGroupOptions): Promise<GroupMembership>;

  /**
   * Gives a member's partitions, in no order; the leader hands in everybody's, others nothing.
   *
   * A follower's call waits until the leader has called, at most 30 s, and
   * blocks its connection meanwhile. `ILLEGAL_GENERATION`, `UNKNOWN_MEMBER_ID`,
   * `UNKNOWN_GROUP`, `INCONSISTENT_GROUP_PROTOCOL`, `REBALANCE_TIMEOUT`.
   */
  syncGroup(
    group: string,
    generation: number,
    member: string,
    assignments?: Iterable<MemberAssignment>,
  ): Promise<TopicPartitions[]>;

  /**
   * Keeps a membership alive; gives 0 in a stable group, 27 while the leader has not synced.
   *
   * `ILLEGAL_GENERATION` after a rebalance, `UNKNOWN_MEMBER_ID`, `UNKNOWN_GROUP`.
   */
  heartbeat(group: string, generation: number, member: string): Promise<number>;

  /** Leaves a group. `UNKNOWN_MEMBER_ID`, `UNKNOWN_GROUP`. */
  leaveGroup(group: string, member: string): Promise<void>;

  /** Takes a given member out of a group, as if it had left. Fails as {@link leaveGroup} does. */
  removeMember(group: string, member: string): Promise<void>;

  /** Gives the quotas of entities, of all if none is given. */
  describeQuotas(entities?: Iterable<QuotaEntity>): Promise<QuotaEntry[]>;

  /** Sets or removes quotas; gives how many were changed. The broker passes over unknown types and keys. */
  alterQuotas(alterations: Iterable<QuotaAlteration>): Promise<number>;

  /**
   * Gives a producer an identity, or takes over that of a previous one, whose epoch rises.
   *
   * Do not take over an identity after the broker may have restarted: it counts
   * from 1 again and may have given the identity to another producer.
   */
  initProducerId(previous?: bigint | number | null): Promise<ProducerState>;

  /**
   * Appends a record once, however often it is sent; an unknown topic is created.
   *
   * The key decides the partition; without one it is that with the fewest
   * records of this producer. After an error whose `outcome` is `UNKNOWN` the
   * same record may be published again: it has the same number and is not
   * written twice. Another record is refused until {@link ProducerState.abandon}
   * was called.
   *
   * ```js
   * const producer = await client.initProducerId();
   * const { partition, offset, duplicate } = await client.publishIdempotent('orders', 'a value', producer, { key: 'k' });
   * ```
   *
   * Fails as {@link publish} does; with `INVALID_STATE` for another record after
   * an unknown outcome; `UNKNOWN_PRODUCER_ID` if the broker has forgotten the
   * identity or given it to another producer, `OUT_OF_ORDER_SEQUENCE` if it
   * misses an earlier number: after these two only `abandon` helps;
   * `PRODUCER_FENCED` if the identity was taken over.
   */
  publishIdempotent(
    topic: string,
    value: Bytes,
    producerState: ProducerState,
    options?: PublishOptions,
  ): Promise<PublishedOnce>;

  /**
   * Begins a transaction of a producer, which the broker aborts once it is idle for `timeoutMs`, 60 000 by default.
   *
   * This client then takes the further steps of it, until it commits or aborts.
   *
   * ```js
   * const producer = await client.initProducerId();
   * await client.beginTransaction('etl', producer);
   * await client.addPartitionsToTxn('etl', producer, [{ topic: 'output', partition: 0 }]);
   * await client.publishTransactional('etl', 'output', 'a value', producer);
   * await client.addOffsetsToTxn('etl', producer, 'readers', [{ topic: 'input', partition: 0, offset: 42n }]);
   * await client.commitTransaction('etl', producer);
   * ```
   *
   * `INVALID_TXN_STATE` if it is open already, or the identity was abandoned;
   * `CONCURRENT_TRANSACTIONS` if the producer has another one open;
   * `TOO_MANY_TRANSACTIONS`: a broker takes five; `PRODUCER_FENCED` if it is
   * open under another epoch.
   */
  beginTransaction(
    transactionalId: string,
    producerState: ProducerState,
    options?: { timeoutMs?: number | null },
  ): Promise<void>;

  /**
   * Adds partitions to a transaction, to which it may write then; gives how many were named.
   *
   * The broker does not check that there are such. `INVALID_TXN_ID` if this
   * client has not begun the transaction with this producer, or it has ended;
   * `TRANSACTION_TIMED_OUT`; `PRODUCER_FENCED`; `INVALID_TXN_STATE` after a
   * commit or an abort of unknown outcome, or if the identity was abandoned;
   * `INVALID_ARGUMENT` if none is named.
   */
  addPartitionsToTxn(
    transactionalId: string,
    producerState: ProducerState,
    partitions: Iterable<TopicPartition>,
  ): Promise<number>;

  /**
   * Appends a record within a transaction.
   *
   * The key decides the partition, which has to be one that was added; without
   * a key it is that of the added ones of the topic with the fewest records of
   * this producer. An error of unknown outcome is dealt with as in
   * {@link publishIdempotent}, or by aborting the transaction.
   *
   * `PARTITION_NOT_IN_TXN`; otherwise fails as {@link addPartitionsToTxn} and
   * {@link publishIdempotent} do.
   */
  publishTransactional(
    transactionalId: string,
    topic: string,
    value: Bytes,
    producerState: ProducerState,
    options?: PublishOptions,
  ): Promise<PublishedInTransaction>;

  /**
   * Stores the next offsets that a group is to read together with a transaction: they count once it is committed.
   *
   * The broker checks neither the partitions nor the offsets. `INVALID_GROUP_ID`,
   * `INVALID_ARGUMENT` if there is none; otherwise fails as
   * {@link addPartitionsToTxn} does.
   */
  addOffsetsToTxn(
    transactionalId: string,
    producerState: ProducerState,
    group: string,
    offsets: Iterable<TopicPartitionOffset>,
  ): Promise<void>;

  /**
   * Commits a transaction: its records and offsets count.
   *
   * `INVALID_TXN_ID` if the broker has no such open transaction, also because it
   * was committed before; `TRANSACTION_TIMED_OUT`: the broker aborts it;
   * `PRODUCER_FENCED`; `INVALID_TXN_STATE` if the identity was abandoned. An
   * error whose `outcome` is `UNKNOWN` leaves open whether it was committed.
   */
  commitTransaction(transactionalId: string, producerState: ProducerState): Promise<void>;

  /**
   * Aborts a transaction: its records and offsets do not count.
   *
   * Fails as {@link commitTransaction} does, but takes an identity that was abandoned, too.
   */
  abortTransaction(transactionalId: string, producerState: ProducerState): Promise<void>;

  /** Registers a schema under a subject at the registry at `url`, such as `http://host:8081`; gives its id. */
  registerSchema(url: string, subject: string, schemaType: SchemaType, schema: string): Promise<number>;

  /** Gives a schema by the id that {@link registerSchema} gave. */
  getSchema(url: string, id: number): Promise<Schema>;

  /** Gives a version of the schema of a subject, the latest if none is given. */
  getSchemaVersion(url: string, subject: string, version?: number | null): Promise<Schema>;

  /** Asks the broker for a sign of life. */
  ping(): Promise<void>;

  /** Gives the servers of the client and their connections, at this moment. */
  stats(): Promise<ClientStats>;

  /**
   * Makes a producer for the servers of this client, with its name, login and encryption; options come first.
   *
   * It is independent of the client otherwise, and closed by itself. A login by
   * `authenticate` does not count. Throws `INVALID_CONFIG`.
   */
  producer(options?: ProducerOptions): Producer;

  /**
   * Makes a consumer for the servers of this client, with its name, login and encryption; options come first.
   *
   * It is independent of the client otherwise, as a producer is. Throws `INVALID_CONFIG`.
   */
  consumer(options?: ConsumerOptions): Consumer;

  /**
   * Iterates over the changes of servers from this call on; ends when the client is closed.
   *
   * The same changes are emitted as `stateChange`. Waiting for the next one
   * keeps neither the process alive nor a client that is dropped.
   */
  stateChanges(): AsyncIterableIterator<StateChange>;

  /**
   * Waits for the pending answers, at most `timeoutMs` (`closeTimeoutMs` by default), and disconnects.
   *
   * Closing twice is no error; calls afterwards reject with `CLOSED`.
   */
  close(options?: { timeoutMs?: number }): Promise<void>;

  /** Closes at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What an error is made of. */
export interface RivvenErrorFields {
  /** What went wrong. */
  code: ErrorCode;
  /** The text. */
  message: string;
  /** Whether the same call may succeed when it is repeated. */
  retriable: boolean;
  /** Whether the client is of no use any more. */
  fatal: boolean;
  /** Whether an open transaction has to be aborted. */
  abortable: boolean;
  /** What is known of the execution of the request. */
  outcome: Outcome;
  /** The server concerned, as `host:port`. */
  address?: string | null;
  /** The schema registry's own number for the error. */
  registryCode?: number | undefined;
}

/** Where a record of a producer went. */
export class RecordMetadata {
  /** It comes from a producer. */
  private constructor();
  /** The topic. */
  readonly topic: string;
  /** The partition. */
  readonly partition: number;
  /** The offset; 2n ** 64n - 1n where no answer was waited for (`acks: 0`). */
  readonly offset: bigint;
  /** When the answer came, in milliseconds since 1970 by the clock of the client. */
  readonly timestamp: number;
  /** Whether the broker recognised the record as one that it had already. */
  readonly duplicate: boolean;
  /** Whether an earlier attempt, whose outcome is unknown, may have written the record too. */
  readonly maybeDuplicate: boolean;
  /** Whether the offset is the record's own for certain. */
  readonly offsetExact: boolean;
}

/**
 * What became of records that {@link Producer.enqueue} was called with, and that went together.
 *
 * It is a view of the report of their batch: `numbers` and `records` are made
 * when they are first asked for, so that a listener who only counts pays little.
 */
export interface Deliveries {
  /** The topic; `null` for a record that was refused at once. */
  readonly topic: string | null;
  /** The partition, if it is known. */
  readonly partition: number | null;
  /** How many records there are. */
  readonly count: number;
  /** The numbers of the records, as `enqueue` gave them. */
  readonly numbers: number[];
  /** Where they went, in the same order; empty if they failed. */
  readonly records: RecordMetadata[];
  /** Why they failed; `null` if they were delivered. */
  readonly error: RivvenError | null;
}

/** What a producer has sent to one server. */
export interface ProducerServerStats {
  /** The address as it is dialled. */
  address: string;
  /** Records that the server has. */
  recordsDelivered: number;
  /** Requests with records, repeated ones included. */
  batchesSent: number;
  /** Bytes of those requests. */
  bytesSent: number;
  /** Requests that failed. */
  errors: number;
  /** Requests that were repeated, here or at another server. */
  retries: number;
  /** Records in requests that the server has not answered yet. */
  recordsUnanswered: number;
  /** Records that wait to be sent to the server. */
  recordsQueued: number;
  /** The mean number of records of a request. */
  recordsPerBatch: number;
  /** The median time from handing the first record of a batch over to its delivery, in microseconds. */
  latencyP50Us: number;
  /** The time that 95 of 100 records stay below, in microseconds. */
  latencyP95Us: number;
  /** The time that 99 of 100 records stay below, in microseconds. */
  latencyP99Us: number;
}

/** What a producer has done so far. */
export interface ProducerStats {
  /** Records that the engine has taken. */
  recordsSent: number;
  /** Records that the broker has. */
  recordsDelivered: number;
  /** Records that were given up. */
  recordsFailed: number;
  /** Requests with records, repeated ones included. */
  batchesSent: number;
  /** Bytes of those requests. */
  bytesSent: number;
  /** Requests that failed. */
  errors: number;
  /** Requests that were repeated. */
  retries: number;
  /** Records that were taken and not sent yet. */
  recordsQueued: number;
  /** Bytes of `bufferMemory` in use. */
  bytesBuffered: number;
  /** The mean number of records of a request. */
  recordsPerBatch: number;
  /** The median time from handing the first record of a batch over to its delivery, in microseconds. */
  latencyP50Us: number;
  /** The time that 95 of 100 records stay below, in microseconds. */
  latencyP95Us: number;
  /** The time that 99 of 100 records stay below, in microseconds. */
  latencyP99Us: number;
  /** Records that were taken and are neither delivered nor given up. */
  pending: number;
  /** The share of settled records that were delivered, from 0 to 1. */
  successRate: number;
  /** Each server that records were sent to, in the order of their addresses. */
  servers: ProducerServerStats[];
}

/** The events of a producer, with what their listeners are given. */
export interface ProducerEvents {
  /** What became of records that were handed over without a promise. */
  deliveries: [deliveries: Deliveries];
}

/**
 * Sends records in batches.
 *
 * It connects when there is something to send. Records are copied before a
 * method returns, and handed to the engine at the end of the present burst of
 * JavaScript; those of a partition keep their order. The process stays alive
 * while records are pending, and not for the producer alone. One that is
 * dropped without being closed sends what is left in the background; use
 * `close` to know that it was sent.
 *
 * ```js
 * await using producer = new Producer({ bootstrapServers: '127.0.0.1:9092', lingerMs: 5 });
 * const { partition, offset } = await producer.send('orders', 'one', { key: 'customer-1' });
 * ```
 */
export class Producer extends EventEmitter<ProducerEvents> implements AsyncDisposable {
  /**
   * Makes a producer, which connects when there is something to send; the servers alone may be given as such.
   *
   * Throws `INVALID_CONFIG` if an option is wrong.
   */
  constructor(options: string | string[] | ProducerOptions);

  /**
   * Makes a producer and waits for a first ready connection.
   *
   * Fails with `INVALID_CONFIG` as the constructor does, or with what keeps the
   * servers from answering.
   */
  static connect(options: string | string[] | ProducerOptions): Promise<Producer>;

  /** A handle of a topic, which spares the search for its name; it keeps the producer alive. */
  topic(name: string): TopicHandle;

  /**
   * Sends a record; settled when it is delivered, or known not to be.
   *
   * Where there is no room it waits for some, at most `maxBlockMs`: `QUEUE_FULL`.
   * Further errors are `REQUEST_TOO_LARGE`, `INVALID_TOPIC`, `INVALID_PARTITION`,
   * `CLOSED`, `PURGED` and what kept the record from being delivered.
   */
  send(topic: string, value: Bytes, options?: SendOptions): Promise<RecordMetadata>;

  /**
   * Hands a record over without a promise; the number of it, from 1, which the event `deliveries` gives back.
   *
   * Throws `QUEUE_FULL` if there is no room and a mebibyte of records waits for
   * some already: there is room again after some event `deliveries`. Throws
   * `REQUEST_TOO_LARGE` for what no hand-over buffer holds, 2 GiB,
   * `INVALID_STATE` with a `transactionalId`, as records go by transactions
   * then, and `CLOSED`; every other error comes with the event.
   *
   * The event loop has to have its turn for events and promises to be settled:
   * a loop that enqueues very many records awaits something at times.
   *
   * ```js
   * while (!handedOver(value)) await once(producer, 'deliveries');
   *
   * function handedOver(value) {
   *   try {
   *     return producer.enqueue('orders', value) > 0;
   *   } catch (error) {
   *     if (error.code === 'QUEUE_FULL') return false;
   *     throw error;
   *   }
   * }
   * ```
   */
  enqueue(topic: string, value: Bytes, options?: SendOptions): number;

  /**
   * Sends many records; where they went, in their order, once all of them are settled.
   *
   * All are copied before the method returns, so very many at once keep the
   * event loop waiting: some thousand make good batches. One that is no record
   * keeps all from being sent: `INVALID_ARGUMENT`. Otherwise it fails with the
   * first error of any of them, and the others may have been delivered; where
   * there is no room it waits as {@link Producer.send} does.
   */
  sendBatch(topic: string, messages: Iterable<Bytes | ProducerRecord>): Promise<RecordMetadata[]>;

  /**
   * Begins a transaction, for which the producer needs `transactionalId`; it has one at a time.
   *
   * It waits for the end of one that was dropped, and for a place: a broker takes
   * five open transactions, of all producers. `INVALID_STATE` without a
   * `transactionalId`, or while another one is open; `TIMED_OUT` after
   * `maxBlockMs`; `CLOSED`.
   */
  beginTransaction(): Promise<Transaction>;

  /** Sends everything that was handed over before, without lingering, and waits until it is settled. */
  flush(): Promise<void>;

  /**
   * Takes no more records, delivers those that were handed over within a time, and disconnects.
   *
   * By default it takes at most `closeTimeoutMs`, 30 000. Closing twice is no
   * error. Fails with `TIMED_OUT` if records were left, whose promises fail
   * with `CLOSED`.
   */
  close(options?: { timeoutMs?: number }): Promise<void>;

  /** Gives up every record that was not sent yet, with the error `PURGED`; the number of them. */
  purge(): number;

  /** What the producer has done so far. */
  stats(): ProducerStats;

  /** Whether a record that is sent again is written once all the same. */
  isIdempotent(): boolean;

  /** The number of partitions of a topic; the broker is asked if it is not known. */
  getPartitionCount(topic: string): Promise<number>;

  /** Learns the number of partitions of a topic anew; records go to new ones from then on. */
  refreshMetadata(topic: string): Promise<void>;

  /** Closes at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A topic of a producer, by {@link Producer.topic}. */
export class TopicHandle {
  /** It comes from a producer. */
  private constructor();
  /** The name of the topic. */
  readonly name: string;

  /** Sends a record, as {@link Producer.send} does. */
  send(value: Bytes, options?: SendOptions): Promise<RecordMetadata>;

  /** Hands a record over, as {@link Producer.enqueue} does. */
  enqueue(value: Bytes, options?: SendOptions): number;

  /** Sends many records, as {@link Producer.sendBatch} does. */
  sendBatch(messages: Iterable<Bytes | ProducerRecord>): Promise<RecordMetadata[]>;
}

/**
 * Records and offsets that count together, or not at all, by {@link Producer.beginTransaction}.
 *
 * Records are sent as they come, and what has to be told to the broker before is
 * told by itself. It ends by `commit` or `abort`, once. One that is dropped
 * without either is aborted in the background when it is collected, and in any
 * case after `transactionTimeoutMs` without a call; `await using` aborts it at
 * once. What a transaction is worth with broker release 0.0.22 is said in
 * `docs/transactions.md`.
 *
 * All methods may be called at the same time. They fail with
 * {@link RivvenError}: `INVALID_STATE` once the transaction has ended. Once
 * something has failed for good, every one but `abort` fails with an error that
 * is `abortable`, and the broker has been told already. A call that waits for
 * its answer keeps the process alive, an open transaction does not.
 *
 * ```js
 * await using producer = new Producer({ bootstrapServers: '127.0.0.1:9092', transactionalId: 'billing' });
 * await using transaction = await producer.beginTransaction();
 * await transaction.send('invoices', 'paid', { key: '42' });
 * await transaction.sendOffsets('billing', [{ topic: 'orders', partition: 0, offset: 17n }]);
 * await transaction.commit();
 * ```
 */
export class Transaction implements AsyncDisposable {
  /** It comes from a producer. */
  private constructor();

  /** Begins a transaction as {@link Producer.beginTransaction} does. */
  static begin(producer: Producer): Promise<Transaction>;

  /** The `transactionalId` of its producer. */
  readonly id: string;
  /** The identity under which it was begun; each transaction has its own. */
  readonly producerId: bigint;
  /** Whether records are still taken. */
  readonly isOpen: boolean;

  /**
   * Sends a record, and waits until it is written; it counts once the transaction is committed.
   *
   * The record is copied before the method returns. Where there is no room it
   * waits for some, at most `maxBlockMs`: `QUEUE_FULL`. Further errors are
   * `INVALID_TOPIC`, `INVALID_PARTITION`, `REQUEST_TOO_LARGE`, `INVALID_TXN_STATE`
   * once the transaction can only be aborted, and why the record could not be written.
   */
  send(topic: string, value: Bytes, options?: SendOptions): Promise<RecordMetadata>;

  /**
   * Hands a record over; what becomes of it `flush` and `commit` tell.
   *
   * Throws `QUEUE_FULL` if there is no room, or records that were sent before
   * wait for some: await `flush` or a `send` then. Otherwise as {@link Transaction.send}.
   */
  enqueue(topic: string, value: Bytes, options?: SendOptions): void;

  /**
   * Sends many records, and waits until all are written; where they went, in their order.
   *
   * Await it before sending others whose place behind them matters. One that is
   * no record keeps all from being sent: `INVALID_ARGUMENT`. Otherwise it fails
   * with the first error of any of them, as {@link Transaction.send} does.
   */
  sendBatch(topic: string, records: Iterable<Bytes | BatchRecord>): Promise<RecordMetadata[]>;

  /** Waits until every record that was handed over before is written; fails with why one of them could not be. */
  flush(): Promise<void>;

  /**
   * Lets offsets of a group count together with the records: of the next record to read each.
   *
   * `INVALID_ARGUMENT` for none, or one from 2n ** 63n on; `INVALID_GROUP_ID`;
   * otherwise as {@link Transaction.send}.
   */
  sendOffsets(group: string, offsets: Iterable<TopicPartitionOffset>): Promise<void>;

  /**
   * Lets the positions of a consumer count together with the records, for its group.
   *
   * They are those behind the records that it has given, unless the program has
   * stored others. Commit before the next poll, and let the consumer commit
   * nothing by itself (`enableAutoCommit: false`). `NOT_ASSIGNED` if partitions
   * were taken away, also when that happens before `commit`, which fails then.
   */
  sendConsumerOffsets(consumer: Consumer): Promise<void>;

  /**
   * Waits until all records are written, and lets them and the offsets count.
   *
   * What was sent before is part of it, whether it was awaited or not. If the
   * answer is lost, it is found out what became of the commit, as far as there
   * is a way.
   *
   * `INVALID_STATE` once the transaction has ended or is ending;
   * `INVALID_TXN_STATE` if something has failed: it has been aborted.
   * `INVALID_TXN_ID` and `TRANSACTION_TIMED_OUT` if the broker has dropped it:
   * nothing counts. `COMMIT_FAILED`, of unknown outcome, if nothing could be found out.
   */
  commit(): Promise<void>;

  /**
   * Drops what is not written yet, and lets nothing of the transaction count.
   *
   * `INVALID_STATE` once it has ended or is ending. `TRANSACTION_TIMED_OUT` if the
   * broker got to know of the abort too late and shows the records for ever; or
   * why it could not be told, in which case it aborts the transaction by itself.
   */
  abort(): Promise<void>;

  /** Aborts at the end of an `await using` block, unless it has ended. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a {@link Transformer} or {@link transform} has done. */
export interface TransformReport {
  /** Transactions that were committed. */
  transactions: number;
  /** Records that were read in them. */
  records: number;
  /** Rounds that were aborted, whose records were read again. */
  aborted: number;
  /**
   * Rounds of which it is not known whether they were committed: their records were read again, and what was written
   * before may count as well. This takes a restart of the broker.
   */
  uncertain: number;
}

/** Records that were read, and the transaction for what comes of them. */
export interface TransformRound {
  /** The records. */
  records: ConsumerRecords;
  /** The transaction. */
  transaction: Transaction;
}

/** Writes what comes of records in their transaction, which it does not end; it may be asynchronous. */
export type TransformHandler = (records: ConsumerRecords, transaction: Transaction) => unknown;

/**
 * Reads, and begins a transaction for each poll, whose records are read again unless it is committed.
 *
 * {@link transform} does with it all that is to be done. Use it by itself where
 * that does not fit: ask for the `next` records, write what comes of them in
 * their transaction, and `commit` or `fail`. It keeps both consumer and
 * producer, which are closed by the program. Calls follow one another.
 *
 * ```js
 * const transformer = new Transformer(consumer, producer);
 * for (let round = await transformer.next(); round; round = await transformer.next()) {
 *   for (const { key, value } of round.records) round.transaction.enqueue('invoices', value, { key });
 *   await transformer.commit();
 * }
 * ```
 */
export class Transformer {
  /**
   * Makes one that reads from a consumer and writes by a producer.
   *
   * Throws `INVALID_CONFIG` if the consumer commits by itself (`enableAutoCommit`
   * has to be `false`), or the producer has no `transactionalId`.
   */
  constructor(consumer: Consumer, producer: Producer);

  /**
   * Waits for records and begins a transaction for what is written of them; `null` once the consumer was woken up or closed.
   *
   * A round that was neither committed nor failed is aborted first. After
   * failures it pauses before it reads (`processRetryBackoffMs`). Errors are those
   * of {@link Consumer.poll} and {@link Producer.beginTransaction}; call it again
   * if one is `retriable`.
   */
  next(): Promise<TransformRound | null>;

  /**
   * Lets what was written count, together with the position behind the records; `false` if that failed and they will be read again.
   *
   * What was sent in the transaction is part of it, whether it was awaited or
   * not. `INVALID_STATE` if there is nothing to commit. Fails with what cannot be
   * mended by another attempt, or what has failed `processRetries` times in a row
   * after the first, lost connections not counted; the records will be read again all the same.
   */
  commit(): Promise<boolean>;

  /**
   * Drops what was written, since the work has failed for this reason; the records will be read again.
   *
   * `INVALID_STATE` if nothing is under way; `PROCESSING_FAILED` once the work has
   * failed `processRetries` times in a row after the first.
   */
  fail(why: string): Promise<void>;

  /** What was done so far, once the call under way has ended. */
  report(): Promise<TransformReport>;
}

/**
 * Lets a handler work on records, and write what comes of them by transactions, until the consumer is woken up or closed.
 *
 * Each poll has a transaction of its own, which the handler is given with the
 * records. When it is done, what it has sent is waited for, the positions of the consumer are added, and the transaction is committed.
 * If it throws, or if anything fails, the transaction is aborted and the same
 * records are read again, at most `processRetries` times in a row; after a crash
 * reading goes on behind the last transaction that was committed. Read the topics
 * that are written with `isolationLevel: 'read_committed'`. What this is worth
 * with broker release 0.0.22 is said in `docs/transactions.md`.
 *
 * Fails as the methods of {@link Transformer}; with `PROCESSING_FAILED` what the
 * handler threw is the `cause`.
 *
 * ```js
 * const consumer = new Consumer({ bootstrapServers, groupId: 'billing', enableAutoCommit: false });
 * consumer.subscribe('orders');
 * const producer = new Producer({ bootstrapServers, transactionalId: 'billing' });
 * const report = await transform(consumer, producer, (orders, transaction) => {
 *   for (const { key, value } of orders) transaction.enqueue('invoices', value, { key });
 * });
 * ```
 */
export function transform(consumer: Consumer, producer: Producer, handler: TransformHandler): Promise<TransformReport>;

/** What a consumer has done so far. */
export interface ConsumerStats {
  /** Polls that have ended with a result. */
  polls: number;
  /** Records that polls gave. */
  records: number;
  /** Requests for records that were answered. */
  fetches: number;
  /** Those of them whose answer held no record. */
  emptyFetches: number;
  /** Records that were received, those that were not given included. */
  recordsFetched: number;
  /** The bytes of those answers. */
  bytesFetched: number;
  /** Failures of requests and connections, repeated ones included. */
  errors: number;
  /** Connections that were lost. */
  reconnects: number;
  /** Answers that the broker withheld for the sake of a quota. */
  throttled: number;
  /** Offsets that were committed. */
  commits: number;
  /** Offsets that could not be committed. */
  failedCommits: number;
  /** How often partitions of subscribed topics were given or taken away. */
  rebalances: number;
  /** Records that wait to be polled. */
  recordsWaiting: number;
  /** The bytes of answers that are held until they are polled. */
  bytesHeld: number;
  /** How many records there are behind the positions, as far as is known. */
  lag: bigint;
  /** The last failure; `null` if there was none. */
  lastError: RivvenError | null;
  /** The partitions that the consumer has. */
  partitions: PartitionStats[];
}

/** What is known of a partition of a consumer at one moment. */
export interface PartitionStats extends TopicPartition {
  /** The offset of the next record that a poll gives; `null` until it is known. */
  position: bigint | null;
  /** The committed offset, as far as this consumer knows. */
  committed: bigint | null;
  /** The end of the log, of some seconds ago at most while the partition is read. */
  latest: bigint | null;
  /** How many offsets lie between the two; `null` until they are known. */
  lag: bigint | null;
  /** Whether it is paused. */
  paused: boolean;
}

/** Something that happened to a consumer, though nothing has to be done; `type` tells what. */
export type ConsumerEvent =
  | ConsumerGap
  | ConsumerLogTruncated
  | ConsumerUnreadable
  | ConsumerStalled
  | ConsumerThrottled
  | ConsumerTrouble
  | ConsumerRebalanced
  | ConsumerPollTooLate
  | ConsumerEventsMissed;

/** There are no records in a range: they were deleted (`gap`), or the broker can give them no more (`damagedRange`). */
export interface ConsumerGap extends TopicPartition {
  /** Tells why. */
  type: 'gap' | 'damagedRange';
  /** The first offset of the range. */
  from: bigint;
  /** The first offset behind it. */
  to: bigint;
}

/** The log ends below the position or the committed offset: the broker has lost records. */
export interface ConsumerLogTruncated extends TopicPartition {
  /** Tells that it is so. */
  type: 'logTruncated';
  /** The offset that was to be read. */
  position: bigint;
  /** The offset of the next record that will be written. */
  latest: bigint;
}

/** A record is larger than the broker can send; polls fail until the program seeks behind it. */
export interface ConsumerUnreadable extends TopicPartition {
  /** Tells that it is so. */
  type: 'unreadable';
  /** The offset of the record. */
  offset: bigint;
}

/** There are records, and none has come for a while. */
export interface ConsumerStalled extends TopicPartition {
  /** Tells that it is so. */
  type: 'stalled';
  /** For how long, in milliseconds. */
  sinceMs: number;
  /** Why, as far as is known. */
  reason: string;
}

/** The broker withholds records for the sake of a quota. */
export interface ConsumerThrottled extends TopicPartition {
  /** Tells that it is so. */
  type: 'throttled';
  /** How long reading the partition pauses, in milliseconds. */
  pauseMs: number;
}

/** Offsets could not be committed by themselves or by `commitAsync`, or a broker takes fewer connections than configured. */
export interface ConsumerTrouble {
  /** Tells which. */
  type: 'commitFailed' | 'fewerConnections';
  /** Why. */
  error: RivvenError;
  /** How many connections there are, where they are fewer. */
  connections?: number;
}

/** Partitions of subscribed topics were given, taken away, or lost to others. */
export interface ConsumerRebalanced {
  /** Tells which. */
  type: 'assigned' | 'revoked' | 'lost';
  /** Which partitions. */
  partitions: TopicPartition[];
}

/** The program has not polled for longer than `maxProcessingIntervalMs`. */
export interface ConsumerPollTooLate {
  /** Tells that it is so. */
  type: 'pollTooLate';
  /** How long ago it polled, in milliseconds. */
  sinceMs: number;
}

/** The event loop was blocked for so long that events were lost. */
export interface ConsumerEventsMissed {
  /** Tells that events are missing. */
  type: 'missed';
  /** How many. */
  count: number;
}

/** The events of a {@link Consumer}, with what their listeners are given. */
export interface ConsumerEvents {
  /** Something happened besides records. */
  event: [event: ConsumerEvent];
}

/**
 * Is told, within a poll or `close`, when partitions of subscribed topics are taken away and given.
 *
 * The poll goes on when the function has returned, or the promise that it gave
 * is settled; it may commit and seek, but not wait for a poll or `close` of the
 * consumer, which wait for it. What it throws is an uncaught exception of the program.
 */
export interface RebalanceListener {
  /** Partitions are about to be taken away; what was done can still be committed. */
  onPartitionsRevoked?(partitions: TopicPartition[]): void | Promise<void>;
  /** Partitions were given; reading them has not begun. */
  onPartitionsAssigned?(partitions: TopicPartition[]): void | Promise<void>;
  /** Partitions have gone to others already; by default `onPartitionsRevoked` is called. */
  onPartitionsLost?(partitions: TopicPartition[]): void | Promise<void>;
}

/**
 * The records of one poll, in the order of the log within each partition.
 *
 * All of a partition are in one ArrayBuffer; records are made when they are looked at.
 */
export class ConsumerRecords implements Iterable<Record> {
  /** They come from a consumer. */
  private constructor();
  /** How many there are. */
  readonly length: number;
  /**
   * The partitions whose end was reached with these records, where
   * `reportPartitionEnd` is set; each end is told once, until there are more.
   */
  readonly ended: TopicPartition[];

  /** The record at an index, from the end if it is negative; `undefined` if there is none. */
  at(index: number): Record | undefined;

  /** The records by partition. */
  partitions(): PartitionRecords[];

  /** The values alone, in the same order: at less cost than by records. */
  values(): Buffer[];

  /** Gives the records one by one. */
  [Symbol.iterator](): IterableIterator<Record>;
}

/** Records of one partition that were received together. */
export interface PartitionRecords extends TopicPartition {
  /** The records. */
  records: Record[];
}

/**
 * Reads records of topics.
 *
 * The partitions are those that are assigned, or the consumer's share of the topics that it
 * subscribes to, which the consumers of a group divide among themselves. Their records come by `poll`, or one by one:
 *
 * ```js
 * await using consumer = new Consumer({ bootstrapServers: '127.0.0.1:9092', groupId: 'billing' });
 * consumer.subscribe('orders');
 * for await (const record of consumer) console.log(record.partition, record.offset, record.value.toString());
 * ```
 *
 * What the program is done with is committed by itself every
 * `autoCommitIntervalMs` and by `close`, or by `commit`. It connects in the
 * background. A poll that waits keeps the process alive, a consumer alone does
 * not; one that is dropped commits and disconnects in the background.
 *
 * It emits `event` when something happens besides records. Methods fail with
 * {@link RivvenError}: `CLOSED` once it is closed, `INVALID_ARGUMENT` for
 * arguments of a wrong kind, and with what each names.
 */
export class Consumer extends EventEmitter<ConsumerEvents> implements AsyncDisposable {
  /**
   * Makes a consumer, which connects in the background; the servers alone may be given as such.
   *
   * Throws `INVALID_CONFIG` if an option is wrong.
   */
  constructor(options: string | string[] | ConsumerOptions);

  /**
   * Makes a consumer and waits for a first ready connection.
   *
   * Fails with `INVALID_CONFIG` as the constructor does, or with what keeps the
   * servers from answering.
   */
  static connect(options: string | string[] | ConsumerOptions): Promise<Consumer>;

  /** The group whose offsets are committed. */
  readonly groupId: string;

  /**
   * Waits for records, at most `timeoutMs` (`maxPollIntervalMs` by default), and gives at most `maxPollRecords`.
   *
   * Without any by then the result is empty; with a time of 0 it is what has come
   * already. A poll says that the program is done with what the one before gave.
   * Polls beside each other have their turns. What an iterator has in hand comes
   * by the poll, and the program is done with what the iterator has given.
   *
   * Fails with `WOKEN_UP` after {@link Consumer.wakeup}; `INVALID_STATE` if there
   * is neither a topic nor a partition; `NO_OFFSET`, `ANSWER_TOO_LARGE` and
   * `SERIALIZATION` for what only a seek helps against; and with what keeps the
   * servers from being connected or partitions from being read.
   */
  poll(options?: { timeoutMs?: number }): Promise<ConsumerRecords>;

  /**
   * Gives the records one by one, without end; `close` ends it.
   *
   * The program is done with a record when it asks for the next one, and what is
   * committed follows that. Records in hand that were not given are left to later
   * polls by leaving the loop, and by what changes where or what is read: a seek,
   * `pause`, `assign`, `subscribe` and `unsubscribe`. Iterators beside each other
   * have records of their own; those of one that is dropped without `return` come
   * by the next poll, or by other iterators once it is collected. Errors are those of `poll`.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Record>;

  /**
   * Lets a handler work on the records, partitions side by side and each in its order, until it is ended.
   *
   * At most `processConcurrency` records are with it at once, and never two of one
   * partition; it may be asynchronous. What is done is committed every `autoCommitIntervalMs`,
   * before partitions are taken away, and at the end. Records that were given before count as done.
   *
   * A record whose handler throws is handled again up to `processRetries` times, with pauses; then it
   * goes to `processDeadLetterTopic`, and is done when it is delivered there; without such a topic
   * `processOnFailure` decides. A dead letter has the key of the record. Its value is lines of
   * text, `topic: `, `partition: `, `offset: `, `timestamp: `, `group: `, `attempts: ` and `error: `,
   * then an empty line, then the value.
   *
   * It ends by {@link Consumer.wakeup} and by {@link Consumer.close}, which waits for it unless a handler calls it.
   *
   * Fails with `PROCESSING_FAILED`, with what the handler threw as `cause`, where a record failed
   * every time and stops it: it is the next one of its partition then. `INVALID_STATE` if the
   * consumer is processing already; otherwise as `poll` and `commit`.
   */
  process(handler: (record: Record) => unknown): Promise<ProcessReport>;

  /** Ends the poll that waits, or the next one, with the error `WOKEN_UP`. */
  wakeup(): void;

  /**
   * Reads these topics from now on, instead of those before; with none it is {@link Consumer.unsubscribe}.
   *
   * Throws `INVALID_TOPIC`; `INVALID_STATE` if partitions are assigned by the program.
   */
  subscribe(topics: string | Iterable<string>): void;

  /** Reads nothing from now on; partitions of subscribed topics are given back by the next poll. */
  unsubscribe(): void;

  /**
   * Reads these partitions from now on, instead of those before; no group coordinates them.
   *
   * Throws `INVALID_TOPIC`; `INVALID_STATE` if topics are subscribed to.
   */
  assign(partitions: Iterable<TopicPartition>): void;

  /** The partitions that the consumer has now. */
  assignments(): TopicPartition[];

  /** Gives no more records of a partition, and asks for none; throws `NOT_ASSIGNED`. */
  pause(topic: string, partition: number): void;

  /** Goes on with a partition that was paused; throws `NOT_ASSIGNED`. */
  resume(topic: string, partition: number): void;

  /** The partitions that are paused. */
  paused(): TopicPartition[];

  /** Goes on reading a partition at an offset; what has come of it is dropped. `NOT_ASSIGNED`. */
  seek(topic: string, partition: number, offset: bigint | number): Promise<void>;

  /** Goes on at the first record that there is. `NOT_ASSIGNED`. */
  seekToBeginning(topic: string, partition: number): Promise<void>;

  /** Goes on behind the last record that there is. `NOT_ASSIGNED`. */
  seekToEnd(topic: string, partition: number): Promise<void>;

  /**
   * Goes on at the first record that the broker received at or after a time, in milliseconds since 1970; its offset.
   *
   * Without such a record it goes on behind the last one. `NOT_ASSIGNED`.
   */
  seekToTimestamp(topic: string, partition: number, timestamp: number | Date): Promise<bigint>;

  /** The offset of the next record that a poll gives; `null` until it is known. Throws `NOT_ASSIGNED`. */
  position(topic: string, partition: number): bigint | null;

  /** How many offsets lie between the position and the end of the log, which is asked for. `NOT_ASSIGNED`. */
  lag(topic: string, partition: number): Promise<bigint>;

  /** Asks for the first offset of a partition, and the next one to be written. `NOT_ASSIGNED`. */
  getOffsetBounds(topic: string, partition: number): Promise<OffsetBounds>;

  /**
   * Commits the offsets behind the records that were given so far, or what was stored, of all partitions together.
   *
   * Fails with the only failure, or with an error that names those of each
   * partition: `OFFSET_OUT_OF_RANGE`, `NOT_ASSIGNED` and those of the connection.
   */
  commit(): Promise<void>;

  /** Commits like {@link Consumer.commit} without waiting; a failure is an event. */
  commitAsync(): void;

  /** Commits offsets, of the next record to read each, all together. Errors as of {@link Consumer.commit}. */
  commitOffsets(offsets: Iterable<TopicPartitionOffset>): Promise<void>;

  /** Commits like {@link Consumer.commitOffsets}; the result has one entry for each, in their order. */
  commitOffsetsEach(offsets: Iterable<TopicPartitionOffset>): Promise<Settled<void>[]>;

  /**
   * Sets the offset, of the next record to read, that the next commits commit for a partition.
   *
   * From then on commits of this partition follow what is stored. Throws `NOT_ASSIGNED`.
   */
  storeOffset(topic: string, partition: number, offset: bigint | number): void;

  /** Asks for the offset that the group has committed for a partition; `null` if there is none. */
  committed(topic: string, partition: number): Promise<bigint | null>;

  /** Sets who is told of changes of the partitions, instead of the one before; set it before the first poll. */
  setRebalanceListener(listener: RebalanceListener | null): void;

  /**
   * Iterates over what happens besides records; ends when the consumer is closed.
   *
   * The same is emitted as `event`. Waiting for the next one keeps neither the
   * process alive nor a consumer that is dropped.
   */
  events(): AsyncIterableIterator<ConsumerEvent>;

  /** What the consumer has done so far, and where its partitions are. */
  stats(): ConsumerStats;

  /**
   * Commits what is to be committed by itself, gives partitions back and disconnects, within `timeoutMs`.
   *
   * By default it takes at most `closeTimeoutMs`, 5 000. Commits that fail for now are tried again within that time. A
   * poll that waits ends with `CLOSED`. Closing twice is no error. Fails with why the last offsets could not be committed,
   * or with `TIMED_OUT` if they may not be; it is closed all the same.
   *
   * It waits for the handlers of `process`. Called by one of them it only begins to close, and is settled at once.
   */
  close(options?: { timeoutMs?: number }): Promise<void>;

  /** Closes at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What every call fails with. */
export class RivvenError extends Error {
  /** Makes an error, as the client does. */
  constructor(fields: RivvenErrorFields);
  /** What went wrong; stable, unlike the message. */
  readonly code: ErrorCode;
  /** Whether the same call may succeed when it is repeated. */
  readonly retriable: boolean;
  /** Whether the client is of no use any more. */
  readonly fatal: boolean;
  /** Whether an open transaction has to be aborted. */
  readonly abortable: boolean;
  /** What is known of the execution of the request. */
  readonly outcome: Outcome;
  /** The server concerned, as `host:port`, if there is one. */
  readonly address: string | null;
  /** The schema registry's own number for the error, such as 42201, if it gave one. */
  readonly registryCode: number | undefined;
}

/** `NOT_SENT`: it was not executed; `UNKNOWN`: it may have been; `REJECTED`: the broker refused. */
export type Outcome = 'NOT_SENT' | 'UNKNOWN' | 'REJECTED';

/** How important a record of the log is. */
export type LogLevel = 'off' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** A line of the log. */
export interface LogRecord {
  /** How important it is; never `off`. */
  level: LogLevel;
  /** The part of the client that says it, such as `rivven_client::connection::connector`. */
  target: string;
  /** What happened, with the facts behind it as ` key=value`; without records or secrets. */
  message: string;
  /** When it happened. */
  time: Date;
}

/**
 * Listens to the log of all clients of the process, those of other threads too.
 *
 * The listener gets the records of `level` (`info` by default) and of more
 * important ones, on the thread that called, until the function is called that
 * this gives back. It does not keep the process alive. It holds up to 4096
 * records while the event loop is blocked; a last one says how many were lost.
 * Where nobody listens, the log costs nothing.
 *
 * ```js
 * const stop = onLog(({ level, target, message }) => console.error(level, target, message), { level: 'debug' });
 * ```
 *
 * @throws RivvenError `INVALID_ARGUMENT`
 */
export function onLog(listener: (record: LogRecord) => void, options?: { level?: LogLevel }): () => void;

/** Gives the version of the library. */
export function version(): string;

/** The codes of errors. */
export type ErrorCode =
  | 'OTHER'
  | 'CONNECTION_FAILED'
  | 'CONNECTION_LOST'
  | 'TIMED_OUT'
  | 'RESOLVE_FAILED'
  | 'CLOSED'
  | 'FORKED'
  | 'INVALID_ARGUMENT'
  | 'INVALID_STATE'
  | 'INVALID_CONFIG'
  | 'REQUEST_TOO_LARGE'
  | 'RESPONSE_TOO_LARGE'
  | 'MALFORMED_RESPONSE'
  | 'UNEXPECTED_RESPONSE'
  | 'INCOMPATIBLE_VERSION'
  | 'AUTHENTICATION_FAILED'
  | 'AUTHENTICATION_REQUIRES_TLS'
  | 'TLS_FAILED'
  | 'ALL_SERVERS_UNAVAILABLE'
  | 'CIRCUIT_BREAKER_OPEN'
  | 'POOL_EXHAUSTED'
  | 'UNSUPPORTED'
  | 'SERIALIZATION'
  | 'IO'
  | 'INTERNAL'
  | 'QUEUE_FULL'
  | 'RUNTIME_GONE'
  | 'PURGED'
  | 'WOKEN_UP'
  | 'NO_OFFSET'
  | 'POLL_TOO_LATE'
  | 'NOT_ASSIGNED'
  | 'PROCESSING_FAILED'
  | 'SERVER_OTHER'
  | 'BUFFER_FULL'
  | 'WAL_ERROR'
  | 'INVALID_TOPIC'
  | 'INVALID_PARTITION'
  | 'INVALID_PARTITIONS'
  | 'PARTITION_CREATE_FAILED'
  | 'INVALID_GROUP_ID'
  | 'GROUP_NOT_FOUND'
  | 'UNKNOWN_TOPIC_OR_PARTITION'
  | 'TOPIC_ALREADY_EXISTS'
  | 'OFFSET_OUT_OF_RANGE'
  | 'INVALID_TOPIC_CONFIG'
  | 'NOT_LEADER_FOR_PARTITION'
  | 'FENCED_LEADER_EPOCH'
  | 'UNKNOWN_PRODUCER_ID'
  | 'OUT_OF_ORDER_SEQUENCE'
  | 'PRODUCER_FENCED'
  | 'CONCURRENT_TRANSACTIONS'
  | 'INVALID_TXN_ID'
  | 'INVALID_TXN_STATE'
  | 'TRANSACTION_TIMED_OUT'
  | 'PARTITION_NOT_IN_TXN'
  | 'TOO_MANY_TRANSACTIONS'
  | 'TRANSACTION_ERROR'
  | 'COMMIT_FAILED'
  | 'ABORT_FAILED'
  | 'JOIN_GROUP_FAILED'
  | 'UNKNOWN_GROUP'
  | 'UNKNOWN_MEMBER_ID'
  | 'ILLEGAL_GENERATION'
  | 'INCONSISTENT_GROUP_PROTOCOL'
  | 'REBALANCE_TIMEOUT'
  | 'REBALANCE_IN_PROGRESS'
  | 'AUTHENTICATION_REQUIRED'
  | 'SESSION_EXPIRED'
  | 'AUTHORIZATION_FAILED'
  | 'RATE_LIMIT_EXCEEDED'
  | 'MESSAGE_TOO_LARGE'
  | 'INVALID_REQUEST'
  | 'ANSWER_TOO_LARGE'
  | 'SERVER_INTERNAL'
  | 'STORAGE_ERROR'
  | 'THROTTLED'
  | 'SERVER_UNSUPPORTED'
  | 'SCHEMA_REGISTRY_ERROR'
  | 'SCHEMA_REGISTRY_REFUSED'
  | 'SCHEMA_NOT_FOUND'
  | 'SCHEMA_INVALID'
  | 'SCHEMA_INCOMPATIBLE';
