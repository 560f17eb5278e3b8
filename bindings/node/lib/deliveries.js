'use strict';

const { inspect } = require('node:util');

const { RivvenError } = require('./error.js');
const { RecordMetadata } = require('./record-metadata.js');

/** @import { Report } from './native.js' */

/** Consecutive records without a promise: the number of the first, its index in the report, and how many they are. */
/** @typedef {{ number: number, index: number, count: number }} Run */

/** What became of records without a promise: a view of the report of their batch. */
class Deliveries {
  #report;
  #runs;
  /** @type {number[] | undefined} */
  #numbers;
  /** @type {RecordMetadata[] | undefined} */
  #records;

  /**
   * @param {Report} report
   * @param {Run[]} runs
   */
  constructor(report, runs) {
    this.#report = report;
    this.#runs = runs;
    this.error = report.failure && new RivvenError(report.failure);
  }

  get topic() {
    return this.#report.topic;
  }

  get partition() {
    return this.#report.partition;
  }

  get count() {
    return this.#runs.reduce((sum, { count }) => sum + count, 0);
  }

  get numbers() {
    return (this.#numbers ??= this.#eachNumber());
  }

  #eachNumber() {
    /** @type {number[]} */
    const numbers = new Array(this.count);
    let at = 0;
    for (const { number, count } of this.#runs) {
      for (let next = 0; next < count; next++) numbers[at++] = number + next;
    }
    return numbers;
  }

  get records() {
    if (this.error) return [];
    return (this.#records ??= this.#eachRecord());
  }

  #eachRecord() {
    /** @type {RecordMetadata[]} */
    const records = new Array(this.count);
    let at = 0;
    for (const { index, count } of this.#runs) {
      for (let next = 0; next < count; next++) records[at++] = new RecordMetadata(this.#report, index + next);
    }
    return records;
  }

  /** The fields, for `console.log`. */
  [inspect.custom]() {
    const { topic, partition, count, numbers, records, error } = this;
    return { topic, partition, count, numbers, records, error };
  }
}

module.exports = { Deliveries };
