'use strict';

const { RivvenError } = require('./error.js');
const { RecordMetadata } = require('./record-metadata.js');

/** @import { RivvenErrorFields } from '../index' */
/** @import { Report } from './native.js' */

/**
 * Who waits for records, each in a slot of its own by which reports name it.
 *
 * Slots are used again, so that the table is no larger than what is under way;
 * nobody waits in the first two.
 */
class Waiters {
  /** @type {(One | Many | null)[]} */
  #slots = [null, null];
  /** @type {number[]} */
  #free = [];

  /** @param {One | Many} waiter */
  add(waiter) {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = waiter;
    return slot;
  }

  /**
   * Tells whoever waits in a slot that a record of his was delivered.
   *
   * @param {number} slot
   * @param {number} place of the record among his
   * @param {Report} report
   * @param {number} index of the record in the report
   */
  deliver(slot, place, report, index) {
    if (this.#slots[slot]?.deliver(place, new RecordMetadata(report, index))) this.#leave(slot);
  }

  /**
   * Tells whoever waits in a slot that a record of his was not delivered.
   *
   * @param {number} slot
   * @param {RivvenErrorFields} failure
   */
  fail(slot, failure) {
    if (this.#slots[slot]?.fail(failure)) this.#leave(slot);
  }

  /** @param {number} slot */
  #leave(slot) {
    this.#slots[slot] = null;
    this.#free.push(slot);
  }
}

/** Waits for one record. Its methods say whether it is done. */
class One {
  /**
   * @param {(metadata: RecordMetadata) => void} resolve
   * @param {(error: RivvenError) => void} reject
   */
  constructor(resolve, reject) {
    this.resolve = resolve;
    this.reject = reject;
  }

  /**
   * @param {number} _place
   * @param {RecordMetadata} metadata
   */
  deliver(_place, metadata) {
    this.resolve(metadata);
    return true;
  }

  /** @param {RivvenErrorFields} failure */
  fail(failure) {
    this.reject(new RivvenError(failure));
    return true;
  }
}

/** Waits for many records, until the fate of all of them is known. */
class Many {
  /** @type {RivvenErrorFields | null} */
  #failure = null;
  /** @type {RecordMetadata[]} */
  #sent;
  #left;

  /**
   * @param {number} count
   * @param {(sent: RecordMetadata[]) => void} resolve
   * @param {(error: RivvenError) => void} reject
   */
  constructor(count, resolve, reject) {
    this.#left = count;
    this.#sent = new Array(count);
    this.resolve = resolve;
    this.reject = reject;
  }

  /**
   * @param {number} place
   * @param {RecordMetadata} metadata
   */
  deliver(place, metadata) {
    this.#sent[place] = metadata;
    return this.#settle();
  }

  /** @param {RivvenErrorFields} failure */
  fail(failure) {
    this.#failure ??= failure;
    return this.#settle();
  }

  #settle() {
    if (--this.#left > 0) return false;
    if (this.#failure) this.reject(new RivvenError(this.#failure));
    else this.resolve(this.#sent);
    return true;
  }
}

module.exports = { Many, One, Waiters };
