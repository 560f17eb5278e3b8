'use strict';

const args = require('./arguments.js');
const { misuse } = require('./error.js');

// A record is a head of six numbers of four bytes, as `src/producer.rs` reads
// it: topic, partition, length of the key, length of the value, slot and place;
// then the key and the value, filled up to a multiple of four bytes.

/** The numbers of a head, and its bytes. */
const WORDS = 6;
const HEAD = WORDS * 4;

/** The partition of a record that goes to none in particular, and the length of a key that is not there. */
const NONE = 2 ** 32 - 1;

/** The bytes of a buffer, unless one record needs more. */
const SIZE = 64 * 1024;

/** The most bytes of a key or value that a head can say. */
const MAX_LENGTH = 2 ** 31 - 1;

/** Above this number of characters, the bytes of a text are counted instead of three reserved for each. */
const SHORT = 4096;

/** A buffer of records on their way to the native side, which takes all of them at once. */
class Handover {
  #size = SIZE;
  #bytes = Buffer.allocUnsafeSlow(SIZE);
  #words = new Uint32Array(this.#bytes.buffer);
  #end = 0;
  /** The most bytes of the key and of the value that were measured last. */
  #keyMost = 0;
  #valueMost = 0;

  /** The records so far; valid until the next one is added. */
  get records() {
    return this.#bytes.subarray(0, this.#end);
  }

  get isEmpty() {
    return this.#end === 0;
  }

  /**
   * Measures a record, which {@link add} is called with next; the most bytes that it takes up.
   *
   * The length of a typed array is not cheap to ask for: it is asked for once.
   *
   * @param {string | Uint8Array | null} key
   * @param {string | Uint8Array} value
   */
  measure(key, value) {
    this.#keyMost = key === null ? 0 : mostOf(key);
    this.#valueMost = mostOf(value);
    return HEAD + this.#keyMost + this.#valueMost + 3;
  }

  /**
   * Whether a record surely fits. Else the buffer is to be taken and cleared for as many bytes.
   *
   * @param {number} most of its bytes
   */
  fits(most) {
    return this.#end + most <= this.#size;
  }

  /**
   * Begins anew, with room for so many bytes.
   *
   * @param {number} most
   */
  clear(most = 0) {
    this.#end = 0;
    const size = most > SIZE ? Math.ceil(most / 4) * 4 : SIZE;
    if (size === this.#size) return;
    this.#size = size;
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#words = new Uint32Array(this.#bytes.buffer);
  }

  /**
   * Adds a record, which was measured and has to fit.
   *
   * @param {number} topic
   * @param {number} partition
   * @param {string | Uint8Array | null} key
   * @param {string | Uint8Array} value
   * @param {number} slot
   * @param {number} place
   */
  add(topic, partition, key, value, slot, place) {
    const words = this.#words;
    const head = this.#end >>> 2;
    let end = this.#end + HEAD;
    let length = NONE;
    if (key !== null) {
      length = this.#write(key, end, this.#keyMost);
      end += length;
    }
    words[head] = topic;
    words[head + 1] = partition;
    words[head + 2] = length;
    length = this.#write(value, end, this.#valueMost);
    words[head + 3] = length;
    words[head + 4] = slot;
    words[head + 5] = place;
    this.#end = (end + length + 3) & ~3;
  }

  /**
   * Writes a field; the bytes of it, which of a Uint8Array are those that were measured.
   *
   * @param {string | Uint8Array} field
   * @param {number} at
   * @param {number} most
   */
  #write(field, at, most) {
    if (typeof field === 'string') return this.#bytes.write(field, at);
    this.#bytes.set(field, at);
    return most;
  }
}

/**
 * The bytes of a Uint8Array; the most bytes of a text.
 *
 * @param {string | Uint8Array} field
 */
function mostOf(field) {
  if (typeof field === 'string' && field.length <= SHORT) return 3 * field.length;
  const length = args.byteLength(field);
  if (length <= MAX_LENGTH) return length;
  throw misuse(`a key or a value has ${length} bytes, more than a record can hold`, 'REQUEST_TOO_LARGE');
}

/**
 * Goes through records as they were packed, and gives the number of them.
 *
 * @param {Buffer} records
 * @param {(slot: number, place: number) => void} visit
 */
function eachRecord(records, visit) {
  const words = new Uint32Array(records.buffer, records.byteOffset, records.length >>> 2);
  let count = 0;
  for (let head = 0; head < words.length; head += sizeAt(words, head) >>> 2) {
    visit(words[head + 4], words[head + 5]);
    count++;
  }
  return count;
}

/**
 * The first of records as they were packed.
 *
 * @param {Buffer} records
 */
function firstOf(records) {
  return records.subarray(0, sizeAt(new Uint32Array(records.buffer, records.byteOffset, WORDS), 0));
}

/**
 * The bytes of the record whose head is at a position.
 *
 * @param {Uint32Array} words
 * @param {number} head
 */
function sizeAt(words, head) {
  const key = words[head + 2];
  return (HEAD + (key === NONE ? 0 : key) + words[head + 3] + 3) & ~3;
}

module.exports = { Handover, NONE, eachRecord, firstOf };
