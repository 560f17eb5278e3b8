'use strict';

const { inspect } = require('node:util');

const { Answer, Record } = require('./records.js');

/** @import { PackedPoll } from './native.js' */

/** The records of one poll: views of one piece of memory for each partition. */
class ConsumerRecords {
  #pieces;

  /** @param {PackedPoll} packed */
  constructor({ pieces, ended }) {
    this.#pieces = pieces.map((piece) => new Answer(piece.topic, piece));
    this.length = pieces.reduce((sum, { count }) => sum + count, 0);
    this.ended = ended;
  }

  /**
   * The record at an index.
   *
   * @param {number} index
   */
  at(index) {
    let left = Math.trunc(index) + (index < 0 ? this.length : 0);
    if (left < 0) return undefined;
    for (const piece of this.#pieces) {
      if (left < piece.count) return new Record(piece, left);
      left -= piece.count;
    }
    return undefined;
  }

  /** The records by partition. */
  partitions() {
    return this.#pieces.map((piece) => ({ topic: piece.topic, partition: piece.partition, records: recordsOf(piece) }));
  }

  /** The values alone. */
  values() {
    const values = new Array(this.length);
    let next = 0;
    for (const piece of this.#pieces) {
      for (let index = 0; index < piece.count; index++) values[next++] = piece.value(index);
    }
    return values;
  }

  *[Symbol.iterator]() {
    for (const piece of this.#pieces) {
      for (let index = 0; index < piece.count; index++) yield new Record(piece, index);
    }
  }

  /** The records, for `console.log`. */
  [inspect.custom]() {
    return [...this];
  }
}

/** @param {Answer} piece */
function recordsOf(piece) {
  return Array.from({ length: piece.count }, (_, index) => new Record(piece, index));
}

module.exports = { ConsumerRecords };
