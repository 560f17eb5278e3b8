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
  /** @type {(Each | All | null)[]} */
  #slots = [null, null];
  /** @type {number[]} */
  #free = [];

  /** @param {Each | All} waiter */
  add(waiter) {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = waiter;
    return slot;
  }

  /**
   * Tells whoever waits in a slot that records of his were delivered.
   *
   * @param {number} slot
   * @param {number} place of the first of them among his
   * @param {number} count
   * @param {Report} report
   * @param {number} index of the first of them in the report
   */
  deliver(slot, place, count, report, index) {
    if (this.#slots[slot]?.deliver(place, count, report, index)) this.#leave(slot);
  }

  /**
   * Tells whoever waits in a slot that records of his were not delivered.
   *
   * @param {number} slot
   * @param {number} place of the first of them among his
   * @param {number} count
   * @param {RivvenErrorFields} failure
   */
  fail(slot, place, count, failure) {
    if (this.#slots[slot]?.fail(place, count, failure)) this.#leave(slot);
  }

  /** @param {number} slot */
  #leave(slot) {
    this.#slots[slot] = null;
    this.#free.push(slot);
  }
}

/** Waits for records that each have a promise. Its methods say whether nothing is left to wait for. */
class Each {
  /** @type {(((metadata: RecordMetadata) => void) | undefined)[]} */
  #resolve = [];
  /** @type {(((error: RivvenError) => void) | undefined)[]} */
  #reject = [];
  #left = 0;

  /**
   * Adds a promise; the place of its record.
   *
   * @param {(metadata: RecordMetadata) => void} resolve
   * @param {(error: RivvenError) => void} reject
   */
  add(resolve, reject) {
    this.#resolve.push(resolve);
    this.#reject.push(reject);
    return this.#left++;
  }

  /**
   * @param {number} place
   * @param {number} count
   * @param {Report} report
   * @param {number} index
   */
  deliver(place, count, report, index) {
    for (let next = 0; next < count; next++) {
      this.#resolve[place + next]?.(new RecordMetadata(report, index + next));
    }
    return this.#forget(place, count);
  }

  /**
   * @param {number} place
   * @param {number} count
   * @param {RivvenErrorFields} failure
   */
  fail(place, count, failure) {
    for (let next = 0; next < count; next++) this.#reject[place + next]?.(new RivvenError(failure));
    return this.#forget(place, count);
  }

  /**
   * Others may be settled much later: until then these are not to be kept.
   *
   * @param {number} place
   * @param {number} count
   */
  #forget(place, count) {
    this.#resolve.fill(undefined, place, place + count);
    this.#reject.fill(undefined, place, place + count);
    this.#left -= count;
    return this.#left === 0;
  }
}

/** Waits for records that have one promise, until the fate of all of them is known. */
class All {
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
   * @param {number} count
   * @param {Report} report
   * @param {number} index
   */
  deliver(place, count, report, index) {
    const sent = this.#sent;
    for (let next = 0; next < count; next++) sent[place + next] = new RecordMetadata(report, index + next);
    return this.#settle(count);
  }

  /**
   * @param {number} _place
   * @param {number} count
   * @param {RivvenErrorFields} failure
   */
  fail(_place, count, failure) {
    this.#failure ??= failure;
    return this.#settle(count);
  }

  /** @param {number} count */
  #settle(count) {
    this.#left -= count;
    if (this.#left > 0) return false;
    if (this.#failure) this.reject(new RivvenError(this.#failure));
    else this.resolve(this.#sent);
    return true;
  }
}

module.exports = { All, Each, Waiters };
