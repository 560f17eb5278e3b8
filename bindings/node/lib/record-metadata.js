'use strict';

const { inspect } = require('node:util');

/** @import { Report } from './native.js' */

/** The offset where none is known: no answer was waited for. */
const UNKNOWN = 2n ** 64n - 1n;

/** Where a record went: a view of the report of its batch. */
class RecordMetadata {
  #report;
  #index;

  /**
   * @param {Report} report
   * @param {number} index
   */
  constructor(report, index) {
    this.#report = report;
    this.#index = index;
  }

  get topic() {
    return /** @type {string} */ (this.#report.topic);
  }

  get partition() {
    return /** @type {number} */ (this.#report.partition);
  }

  get offset() {
    const { offset } = this.#report;
    return offset === UNKNOWN ? offset : offset + BigInt(this.#index);
  }

  get timestamp() {
    return this.#report.timestamp;
  }

  get duplicate() {
    return this.#report.duplicate;
  }

  get maybeDuplicate() {
    return this.#report.maybeDuplicate;
  }

  get offsetExact() {
    return this.#report.offsetExact;
  }

  /** The fields, for `console.log`. */
  [inspect.custom]() {
    const { topic, partition, offset, timestamp, duplicate, maybeDuplicate, offsetExact } = this;
    return { topic, partition, offset, timestamp, duplicate, maybeDuplicate, offsetExact };
  }
}

module.exports = { RecordMetadata };
