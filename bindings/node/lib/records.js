'use strict';

const { inspect } = require('node:util');

/** @import { PackedRecords } from './native.js' */

/** The bytes of a row. */
const ROW = 32;

/**
 * The memory of one answer: a table of rows, then keys and values.
 *
 * A row takes 32 bytes, as `src/records.rs` writes it: offset (u64), timestamp
 * (f64), partition (u32), position of the key (u32), length of the key (i32,
 * -1 for none), length of the value (u32); the value follows its key.
 */
class Answer {
  /**
   * @param {string} topic
   * @param {PackedRecords} packed
   */
  constructor(topic, { bytes, count, headers }) {
    this.topic = topic;
    this.count = count;
    this.bytes = Buffer.from(bytes);
    this.headers = headers;
    this.offsets = new BigUint64Array(bytes, 0, count * 4);
    this.times = new Float64Array(bytes, 0, count * 4);
    this.words = new Uint32Array(bytes, 0, count * 8);
    this.lengths = new Int32Array(bytes, 0, count * 8);
  }

  /**
   * The value of a record.
   *
   * @param {number} index
   */
  value(index) {
    const row = index * 8;
    const begin = this.words[row + 5] + Math.max(this.lengths[row + 6], 0);
    return this.bytes.subarray(begin, begin + this.words[row + 7]);
  }

  /** The partition of all records, of which there is one at least. */
  get partition() {
    return this.words[4];
  }
}

/**
 * A copy of one record of an answer.
 *
 * @param {Answer} answer
 * @param {number} index
 */
function alone({ topic, bytes, words, lengths, headers }, index) {
  const row = index * ROW;
  const begin = words[index * 8 + 5];
  const end = begin + Math.max(lengths[index * 8 + 6], 0) + words[index * 8 + 7];
  const copy = new Uint8Array(ROW + end - begin);
  copy.set(bytes.subarray(row, row + ROW));
  copy.set(bytes.subarray(begin, end), ROW);
  new Uint32Array(copy.buffer, 0, 8)[5] = ROW;
  const own = headers.filter(([record]) => record === index);
  const headersOfCopy = own.map(([, name, value]) => /** @type {[number, string, Buffer]} */ ([0, name, Buffer.from(value)]));
  return new Answer(topic, { bytes: copy.buffer, count: 1, headers: headersOfCopy });
}

/** A record that was read: a view of the answer it came in. */
class Record {
  #answer;
  #index;

  /**
   * @param {Answer} answer
   * @param {number} index
   */
  constructor(answer, index) {
    this.#answer = answer;
    this.#index = index;
  }

  get topic() {
    return this.#answer.topic;
  }

  get partition() {
    return this.#answer.words[this.#index * 8 + 4];
  }

  get offset() {
    return this.#answer.offsets[this.#index * 4];
  }

  get timestamp() {
    return this.#answer.times[this.#index * 4 + 1];
  }

  get key() {
    const { bytes, words, lengths } = this.#answer;
    const row = this.#index * 8;
    const begin = words[row + 5];
    return lengths[row + 6] < 0 ? null : bytes.subarray(begin, begin + lengths[row + 6]);
  }

  get value() {
    return this.#answer.value(this.#index);
  }

  get headers() {
    const own = this.#answer.headers.filter(([index]) => index === this.#index);
    return own.map(([, name, value]) => /** @type {[string, Buffer]} */ ([name, value]));
  }

  detach() {
    return new Record(alone(this.#answer, this.#index), 0);
  }

  /** The fields, for `console.log`. */
  [inspect.custom]() {
    const { topic, partition, offset, key, value, timestamp, headers } = this;
    return { topic, partition, offset, key, value, timestamp, headers };
  }
}

/**
 * The records of an answer.
 *
 * @param {string} topic
 * @param {PackedRecords} packed
 */
function records(topic, packed) {
  const answer = new Answer(topic, packed);
  return Array.from({ length: packed.count }, (_, index) => new Record(answer, index));
}

module.exports = { Answer, Record, records };
