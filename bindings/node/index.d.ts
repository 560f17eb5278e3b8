/// <reference types="node" />

import type { EventEmitter } from 'node:events';

/** Bytes of a key or a value; a string is sent as UTF-8. */
export type Bytes = string | Uint8Array;

/**
 * How a client works. Times are in milliseconds.
 *
 * A name that is not listed here, and a value that a key does not take, is
 * `INVALID_CONFIG`.
 */
export interface ClientOptions {
  /** The servers to try in turn, as `host:port`; required. */
  bootstrapServers: string | string[];
  /** The name that the client gives of itself; `rivven-client` by default. */
  clientId?: string;
  /** The time to resolve, connect and exchange the handshake, for one server; 10 000 by default. */
  connectionTimeoutMs?: number;
  /** The time from a call to its answer; 30 000 by default. */
  requestTimeoutMs?: number;
  /** How long `close` waits for pending answers; 5 000 by default. */
  closeTimeoutMs?: number;
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

/** A login that succeeded. */
export interface AuthSession {
  /** The broker's name for the login. */
  sessionId: string;
  /** How long the login holds, in seconds; the client renews it in time. */
  expiresIn: number;
}

/** Options of {@link Client.publish}. */
export interface PublishOptions {
  /** The key, by which the broker chooses the partition; an empty one is a key too. */
  key?: Bytes | null;
  /** The partition; without it the broker chooses. */
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
  topic: string;
  partition: number;
  /** The offset of the record. */
  offset: bigint;
  /** Whether an earlier attempt, whose outcome is unknown, may have written the record too. */
  maybeDuplicate: boolean;
}

/** Where a batch went. */
export interface PublishedBatch {
  topic: string;
  partition: number;
  /** The offset of the first record; the others follow it directly only where nobody else wrote meanwhile. */
  baseOffset: bigint;
  /** The number of records. */
  count: number;
  /** Whether an earlier attempt, whose outcome is unknown, may have written the records too. */
  maybeDuplicate: boolean;
}

/** Name and number of partitions of a topic. */
export interface TopicMetadata {
  name: string;
  partitions: number;
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
 * long as any of its records: copy what you keep for long, with
 * `Buffer.from(record.value)`.
 */
export class Record {
  private constructor();
  readonly topic: string;
  readonly partition: number;
  /** The position in the partition. */
  readonly offset: bigint;
  /** The key; `null` if the record has none. */
  readonly key: Buffer | null;
  readonly value: Buffer;
  /** When the broker received the record, in milliseconds since 1970. */
  readonly timestamp: number;
  /** Names and values. No request can set them, so there are none. */
  readonly headers: [name: string, value: Buffer][];
}

/**
 * A client of a list of servers, which replaces connections that fail.
 *
 * All methods may be called at the same time and are answered in any order.
 * They reject with {@link RivvenError}. A call that waits for its answer keeps
 * the process alive, a client alone does not.
 *
 * ```js
 * const client = await Client.connect('127.0.0.1:9092');
 * await client.publish('orders', 'a value', { key: 'a key' });
 * await client.close();
 * ```
 */
export class Client {
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

  /** Gives the first offset of a partition and the next one to be written. `UNKNOWN_TOPIC_OR_PARTITION`. */
  getOffsetBounds(topic: string, partition: number): Promise<OffsetBounds>;

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
   * Reads at most `maxMessages` records of a partition from `offset` on; answers at once.
   *
   * `UNKNOWN_TOPIC_OR_PARTITION`; `ANSWER_TOO_LARGE` if so many records exceed
   * the broker's limit: ask for fewer.
   */
  consume(topic: string, partition: number, offset: bigint | number, maxMessages: number): Promise<Record[]>;

  /** Asks the broker for a sign of life. */
  ping(): Promise<void>;

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
  code: ErrorCode;
  message: string;
  retriable: boolean;
  fatal: boolean;
  abortable: boolean;
  outcome: Outcome;
  address?: string | null;
}

/** What every call fails with. */
export class RivvenError extends Error {
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
}

/** `NOT_SENT`: it was not executed; `UNKNOWN`: it may have been; `REJECTED`: the broker refused. */
export type Outcome = 'NOT_SENT' | 'UNKNOWN' | 'REJECTED';

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
  | 'SERVER_UNSUPPORTED';
