// The native part, for type checks of this folder. Calls give an error of the
// call itself, or null when an answer will come under the token.

import type { RivvenErrorFields } from '../index';

export interface Completion {
  token: number;
  failure?: RivvenErrorFields;
  value?: unknown;
}

export class NativeClient {
  private constructor();
  drain(): Completion[];
  hold(): void;
  release(): void;
  connect(token: number): RivvenErrorFields | null;
  close(token: number, limitMs: number | null): RivvenErrorFields | null;
  authenticate(token: number, username: string, password: string): RivvenErrorFields | null;
  authenticateScram(token: number, username: string, password: string): RivvenErrorFields | null;
  ping(token: number): RivvenErrorFields | null;
  createTopic(token: number, name: string, partitions: number | null): RivvenErrorFields | null;
  listTopics(token: number): RivvenErrorFields | null;
  deleteTopic(token: number, name: string): RivvenErrorFields | null;
  getMetadata(token: number, topic: string): RivvenErrorFields | null;
  getOffsetBounds(token: number, topic: string, partition: number): RivvenErrorFields | null;
  publish(
    token: number,
    topic: string,
    partition: number | null,
    key: Uint8Array | null,
    value: Uint8Array,
  ): RivvenErrorFields | null;
  publishBatch(
    token: number,
    topic: string,
    partition: number | null,
    lengths: Int32Array,
    bytes: Uint8Array,
  ): RivvenErrorFields | null;
  consume(
    token: number,
    topic: string,
    partition: number,
    offset: bigint,
    maxMessages: number,
  ): RivvenErrorFields | null;
}

/** The records of an answer, as `src/records.rs` packs them. */
export interface PackedRecords {
  bytes: ArrayBuffer;
  count: number;
  headers: [record: number, name: string, value: Buffer][];
}

export function open(config: { [key: string]: string }, wake: () => void): NativeClient | RivvenErrorFields;
export function version(): string;
