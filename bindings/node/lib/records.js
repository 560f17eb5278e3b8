'use strict';

const { inspect } = require('node:util');

/** @import { PackedRecords } from './native.js' */

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
    this.bytes = bytes;
    this.headers = headers;
    this.offsets = new BigUint64Array(bytes, 0, count * 4);
    this.times = new Float64Array(bytes, 0, count * 4);
    this.words = new Uint32Array(bytes, 0, count * 8);
    this.lengths = new Int32Array(bytes, 0, count * 8);
  }
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
    return lengths[row + 6] < 0 ? null : Buffer.from(bytes, words[row + 5], lengths[row + 6]);
  }

  get value() {
    const { bytes, words, lengths } = this.#answer;
    const row = this.#index * 8;
    return Buffer.from(bytes, words[row + 5] + Math.max(lengths[row + 6], 0), words[row + 7]);
  }

  get headers() {
    const own = this.#answer.headers.filter(([index]) => index === this.#index);
    return own.map(([, name, value]) => /** @type {[string, Buffer]} */ ([name, value]));
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

module.exports = { Record, records };
