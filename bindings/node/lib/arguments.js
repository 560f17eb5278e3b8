'use strict';

// JavaScript values as the native side takes them. What a value means is
// checked there; here only that nothing is changed silently on the way.

const { isDate, isUint8Array } = require('node:util/types');

const { misuse } = require('./error.js');

const MAX_U8 = 2 ** 8 - 1;
const MAX_U32 = 2 ** 32 - 1;
const MAX_U64 = 2n ** 64n - 1n;
const MAX_I64 = 2n ** 63n - 1n;

/**
 * @param {unknown} value
 * @param {string} what
 */
function text(value, what) {
  if (typeof value === 'string') return value;
  throw misuse(`${what} must be a string, not ${shown(value)}`);
}

/**
 * A text that no message shows, whatever it is.
 *
 * @param {unknown} value
 * @param {string} what
 */
function secret(value, what) {
  if (typeof value === 'string') return value;
  throw misuse(`${what} must be a string`);
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function whole(value, what) {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_U32) return value;
  throw misuse(`${what} must be a whole number from 0 to ${MAX_U32}, not ${shown(value)}`);
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function optionalWhole(value, what) {
  return value === undefined || value === null ? null : whole(value, what);
}

/**
 * @param {unknown} value
 * @param {string} [what]
 */
function offset(value, what = 'offset') {
  return exact(value, what, MAX_U64);
}

/**
 * An offset of a request that has room for signed ones.
 *
 * @param {unknown} value
 */
function signedOffset(value) {
  return exact(value, 'offset', MAX_I64);
}

/**
 * @param {unknown} value
 * @param {string} what
 * @param {bigint} most
 */
function exact(value, what, most) {
  const number = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof number === 'bigint' && number >= 0n && number <= most) return number;
  throw misuse(`${what} must be a bigint or a safe integer from 0 to ${most}, not ${shown(value)}`);
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function milliseconds(value, what) {
  if (typeof value === 'number' && value >= 0) return value;
  throw misuse(`${what} must be a number, not negative, not ${shown(value)}`);
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function optionalMilliseconds(value, what) {
  return value === undefined || value === null ? null : milliseconds(value, what);
}

/**
 * A moment, as milliseconds since 1970.
 *
 * @param {unknown} value
 */
function timestamp(value) {
  const time = isDate(value) ? value.getTime() : value;
  if (typeof time === 'number' && Number.isSafeInteger(time)) return time;
  throw misuse(`timestamp must be a valid Date or a safe integer, not ${shown(value)}`);
}

/** @param {unknown} value */
function isolationLevel(value) {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_U8) return value;
  throw misuse(`isolationLevel must be a whole number from 0 to ${MAX_U8}, not ${shown(value)}`);
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function optionalText(value, what) {
  return value === undefined || value === null ? null : text(value, what);
}

/**
 * A list, each entry of which is checked.
 *
 * @template T
 * @param {unknown} value
 * @param {string} what
 * @param {(entry: unknown) => T} check
 */
function list(value, what, check) {
  const given = iterable(value, what);
  // Of arrays `Array.from` makes a slow iterator.
  if (!Array.isArray(given)) return Array.from(given, (entry) => check(entry));
  /** @type {T[]} */
  const checked = new Array(given.length);
  for (let index = 0; index < checked.length; index++) checked[index] = check(given[index]);
  return checked;
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function texts(value, what) {
  return list(value, what, (entry) => text(entry, `each of ${what}`));
}

/**
 * @param {unknown} value
 * @param {string} what
 * @returns {Uint8Array}
 */
function bytes(value, what) {
  if (typeof value === 'string') return Buffer.from(value);
  if (isUint8Array(value)) return value;
  throw notBytes(value, what);
}

/** @param {unknown} value */
function optionalKey(value) {
  return value === undefined || value === null ? null : bytes(value, 'key');
}

/**
 * The fields of an object with options, each of which must be known: headers
 * or a timestamp, which this broker does not take, must not be lost silently.
 *
 * @param {unknown} value
 * @param {string} what
 * @param {string[]} known
 * @returns {Record<string, any>}
 */
function options(value, what, known) {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object') throw misuse(`the options of ${what} must be an object, not ${shown(value)}`);
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw misuse(`${what} takes ${known.join(' and ')}, not ${unknown}`);
  return value;
}

/**
 * The records of a batch in one hand-over buffer: of each the lengths of its
 * key (-1 for none) and value, and the bytes of both.
 *
 * @param {unknown} records
 */
function pack(records) {
  const fields = list(records, 'records', fieldsOf).flat();
  const lengths = Int32Array.from(fields, (field) => (field === null ? -1 : byteLength(field)));
  const packed = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + Math.max(length, 0), 0));
  let position = 0;
  fields.forEach((field, index) => {
    if (typeof field === 'string') packed.write(field, position);
    else if (field !== null) packed.set(field, position);
    position += Math.max(lengths[index], 0);
  });
  return { lengths, packed };
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function iterable(value, what) {
  const given = /** @type {any} */ (value);
  if (typeof given !== 'string' && !isUint8Array(given) && given?.[Symbol.iterator]) return given;
  throw misuse(`${what} must be an array, not ${shown(value)}`);
}

/**
 * The key and the value of a record, which is a value or an object with both.
 *
 * @param {unknown} record
 * @returns {[string | Uint8Array | null, string | Uint8Array]}
 */
function fieldsOf(record) {
  if (isBytes(record)) return [null, record];
  const { key = null, value } = options(record, 'a record', ['key', 'value']);
  if (key !== null && !isBytes(key)) throw notBytes(key, 'key');
  if (!isBytes(value)) throw notBytes(value, 'value');
  return [key, value];
}

/**
 * @param {unknown} value
 * @returns {value is string | Uint8Array}
 */
function isBytes(value) {
  return typeof value === 'string' || isUint8Array(value);
}

/**
 * Whether a value is an array that has only texts and bytes.
 *
 * @param {unknown} value
 * @returns {value is (string | Uint8Array)[]}
 */
function areAllBytes(value) {
  if (!Array.isArray(value)) return false;
  for (let index = 0; index < value.length; index++) {
    if (!isBytes(value[index])) return false;
  }
  return true;
}

/** @param {string | Uint8Array} field */
function byteLength(field) {
  return typeof field === 'string' ? Buffer.byteLength(field) : field.length;
}

/**
 * @param {unknown} value
 * @param {string} what
 */
function notBytes(value, what) {
  return misuse(`${what} must be a string, a Buffer or a Uint8Array, not ${shown(value)}`);
}

/**
 * What a wrong value is, without showing what may be somebody's data.
 *
 * @param {unknown} value
 */
function shown(value) {
  if (value === null || typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value !== 'object') return value === undefined ? 'undefined' : `a ${typeof value}`;
  return `an object (${value.constructor?.name ?? 'without a class'})`;
}

module.exports = {
  areAllBytes,
  byteLength,
  bytes,
  fieldsOf,
  isBytes,
  isolationLevel,
  list,
  milliseconds,
  notBytes,
  offset,
  optionalKey,
  optionalMilliseconds,
  optionalText,
  optionalWhole,
  options,
  pack,
  secret,
  shown,
  signedOffset,
  text,
  texts,
  timestamp,
  whole,
};
