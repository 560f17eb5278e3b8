'use strict';

// Records as they are given to a producer.

const args = require('./arguments.js');
const { misuse } = require('./error.js');
const { NONE } = require('./handover.js');

/** @typedef {string | Uint8Array} Bytes */

/** A record of a batch with more than a value. */
class Fields {
  /**
   * @param {Bytes | null} key
   * @param {Bytes} value
   * @param {number} partition
   */
  constructor(key, value, partition) {
    this.key = key;
    this.value = value;
    this.partition = partition;
  }
}

/** What most records are sent with. */
const NOTHING = { key: null, partition: NONE };

/**
 * The key and the partition that options give.
 *
 * @param {unknown} options
 * @param {string} what
 * @returns {{ key: Bytes | null, partition: number }}
 */
function optionsOf(options, what) {
  if (options === undefined) return NOTHING;
  const { key, partition } = args.options(options, what, ['key', 'partition']);
  return { key: keyOf(key), partition: partitionOf(partition) };
}

/** @param {unknown} value */
function valueOf(value) {
  if (args.isBytes(value)) return value;
  throw args.notBytes(value, 'value');
}

/** @param {unknown} key */
function keyOf(key = null) {
  if (key === null || args.isBytes(key)) return key;
  throw args.notBytes(key, 'key');
}

/** @param {unknown} partition */
function partitionOf(partition) {
  const checked = args.optionalWhole(partition, 'partition');
  if (checked !== NONE) return checked ?? NONE;
  throw misuse(`there is no partition ${NONE}: give a lower number`, 'INVALID_PARTITION');
}

/**
 * A record of a batch: a value, which stays as it is, or the fields of an object.
 *
 * @param {unknown} record
 * @returns {Bytes | Fields}
 */
function recordOf(record) {
  if (args.isBytes(record)) return record;
  const { key, value, partition } = args.options(record, 'a record', ['key', 'value', 'partition']);
  return new Fields(keyOf(key), valueOf(value), partitionOf(partition));
}

module.exports = { Fields, optionsOf, recordOf, valueOf };
