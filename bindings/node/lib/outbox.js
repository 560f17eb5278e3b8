'use strict';

const args = require('./arguments.js');
const { Channel } = require('./channel.js');
const { RivvenError, misuse } = require('./error.js');
const { Handover, NONE, eachRecord, mostBytes, sizeAt } = require('./handover.js');
const { RecordMetadata } = require('./record-metadata.js');
const { Many, One, Waiters } = require('./waiters.js');

/** @import * as api from '../index' */
/** @import { NativeProducer, Report } from './native.js' */

/** @typedef {string | Uint8Array} Bytes */

/** The slot of records that were not handed over in a buffer: what became of them is answered to a call. */
const ELSEWHERE = 0;

/** The slot of records that nobody waits for. */
const NOBODY = 1;

/** The most bytes of records without a promise that wait here for room in the core. */
const MAX_HELD = 1024 * 1024;

/**
 * The records of a producer on their way to the core and back.
 *
 * Records are packed into one buffer, which is handed over when it is full and
 * at the end of the present burst. Where the core has no room, what it did not
 * take is held here, in its order, and handed over when there is. What became
 * of records is told by batch.
 */
class Outbox {
  /** @type {Channel<NativeProducer>} */
  #channel;
  #onDeliveries;
  #handover = new Handover();
  #waiters = new Waiters();
  #scheduled = false;
  #closed = false;
  /** @type {Map<string, number>} */
  #topics = new Map();
  /** The number of the record that was last handed over without a promise. */
  #last = 0;
  /** The records that are not settled. */
  #pending = 0;
  /** @type {Buffer[]} */
  #held = [];
  #heldBytes = 0;
  /** How many pieces have been held so far, and how many of them are gone. */
  #pieces = { held: 0, gone: 0 };
  /** @type {api.RivvenErrorFields | null} why the core took no more */
  #full = null;
  #feeding = false;
  /** @type {{ piece: number, resolve: () => void }[]} */
  #watchers = [];

  /**
   * @param {(wake: () => void) => NativeProducer | api.RivvenErrorFields} open
   * @param {((deliveries: api.Deliveries) => void)} onDeliveries
   * @param {() => boolean} listened whether somebody wants to know of deliveries
   */
  constructor(open, onDeliveries, listened) {
    this.#channel = new Channel(open, (reports) => this.#settle(reports));
    this.#onDeliveries = onDeliveries;
    this.listened = listened;
  }

  get channel() {
    return this.#channel;
  }

  /**
   * The number of a topic.
   *
   * @param {unknown} name
   */
  topic(name) {
    const known = this.#topics.get(/** @type {string} */ (name));
    if (known !== undefined) return known;
    const text = args.text(name, 'topic');
    const failure = this.#channel.native.topic(text);
    if (failure) throw new RivvenError(failure);
    this.#topics.set(text, this.#topics.size);
    return this.#topics.size - 1;
  }

  /**
   * @param {number} topic
   * @param {unknown} value
   * @param {unknown} options
   * @returns {Promise<RecordMetadata>}
   */
  send(topic, value, options) {
    // What is thrown in here rejects the promise.
    return new Promise((resolve, reject) => {
      const { key, partition } = place(options, 'send');
      const checked = bytesOf(value);
      const most = this.#prepare(key, checked);
      this.#add(topic, partition, key, checked, this.#waiters.add(new One(resolve, reject)), 0, most);
    });
  }

  /**
   * @param {number} topic
   * @param {unknown} value
   * @param {unknown} options
   * @returns {number}
   */
  enqueue(topic, value, options) {
    const { key, partition } = place(options, 'enqueue');
    const checked = bytesOf(value);
    const most = this.#prepare(key, checked);
    if (this.#full && this.#heldBytes + most > MAX_HELD) throw new RivvenError(this.#full);
    const number = ++this.#last;
    this.#add(topic, partition, key, checked, NOBODY, number >>> 0, most);
    return number;
  }

  /**
   * @param {number} topic
   * @param {unknown} messages
   * @returns {Promise<RecordMetadata[]>}
   */
  sendBatch(topic, messages) {
    return new Promise((resolve, reject) => {
      const records = args.list(messages, 'messages', recordOf);
      for (const record of records) this.#prepare(keyOf(record), valueOf(record));
      if (records.length === 0) return resolve([]);
      const slot = this.#waiters.add(new Many(records.length, resolve, reject));
      for (let index = 0; index < records.length; index++) {
        const record = records[index];
        const [key, value] = [keyOf(record), valueOf(record)];
        this.#add(topic, partitionIn(record), key, value, slot, index, mostBytes(key, value));
      }
    });
  }

  /**
   * Refuses what cannot be handed over; the most bytes that the record takes up.
   *
   * @param {Bytes | null} key
   * @param {Bytes} value
   */
  #prepare(key, value) {
    if (this.#closed) throw misuse('the producer is closed: make a new one', 'CLOSED');
    return mostBytes(key, value);
  }

  /**
   * @param {number} topic
   * @param {number | null} partition
   * @param {Bytes | null} key
   * @param {Bytes} value
   * @param {number} slot
   * @param {number} place
   * @param {number} most
   */
  #add(topic, partition, key, value, slot, place, most) {
    if (!this.#handover.fits(most)) this.handOver(most);
    this.#handover.add(topic, partition, key, value, slot, place);
    if (this.#pending++ === 0) this.#channel.keep();
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.handOver();
    });
  }

  /**
   * Hands over what was packed, and makes room for so many bytes.
   *
   * @param {number} [most]
   */
  handOver(most) {
    const { records } = this.#handover;
    if (records.length > 0) {
      const done = this.#feeding ? 0 : this.#give(records);
      if (done < records.length) this.#hold(Buffer.from(records.subarray(done)));
    }
    this.#handover.clear(most);
  }

  /**
   * Gives records to the core; how many bytes of them are done with.
   *
   * @param {Buffer} records
   */
  #give(records) {
    const { done, refused, full } = this.#channel.native.handOver(records);
    for (const { slot, index, failure } of refused) this.#fail(slot, index, failure);
    this.#full = full;
    return done;
  }

  /** @param {Buffer} records */
  #hold(records) {
    this.#held.push(records);
    this.#heldBytes += records.length;
    this.#pieces.held++;
    if (!this.#feeding) this.#feed();
  }

  /** Hands over what is held as room becomes free, until nothing is. */
  async #feed() {
    this.#feeding = true;
    while (this.#held.length > 0) {
      const last = this.#pieces.held;
      try {
        await this.#channel.background((native, token) => native.awaitRoom(token, this.#held[0]));
        if (!this.#giveHeld()) await this.#sendFirst();
      } catch (error) {
        // So long has waited what was held when the wait began, and not what has come since.
        while (this.#pieces.gone < last) this.#failPiece(fieldsOf(error));
      }
    }
    this.#feeding = false;
  }

  /** Hands over what is held as far as there is room; whether there was any. */
  #giveHeld() {
    let given = false;
    while (this.#held.length > 0) {
      const [records] = this.#held;
      const done = this.#give(records);
      given ||= done > 0;
      if (done < records.length) {
        this.#shorten(done);
        break;
      }
      this.#dropPiece();
    }
    return given || this.#held.length === 0;
  }

  /** Sends the record that is held longest as soon as there is room of whatever kind is missing. */
  async #sendFirst() {
    const [records] = this.#held;
    const sent = this.#channel.background((native, token) => native.sendFirst(token, records));
    const size = sizeAt(records, 0);
    eachRecord(records.subarray(0, size), (slot, place) => {
      sent.then(
        (/** @type {Report} */ report) => this.#settle([{ ...report, tags: Uint32Array.of(slot, place) }]),
        (error) => this.#fail(slot, place, fieldsOf(error)),
      );
    });
    if (size < records.length) this.#shorten(size);
    else this.#dropPiece();
    await sent.catch(() => {});
  }

  /** @param {number} done the bytes that the first piece that is held is to be shorter */
  #shorten(done) {
    this.#held[0] = this.#held[0].subarray(done);
    this.#heldBytes -= done;
  }

  #dropPiece() {
    const records = /** @type {Buffer} */ (this.#held.shift());
    this.#heldBytes -= records.length;
    this.#pieces.gone++;
    while (this.#watchers.length > 0 && this.#watchers[0].piece <= this.#pieces.gone) this.#watchers.shift()?.resolve();
    return records;
  }

  /**
   * @param {api.RivvenErrorFields} failure
   * @returns {number} the number of records
   */
  #failPiece(failure) {
    return eachRecord(this.#dropPiece(), (slot, place) => this.#fail(slot, place, failure));
  }

  /**
   * Gives up what is held; the number of records.
   *
   * @param {RivvenError} error
   */
  giveUp(error) {
    let count = 0;
    while (this.#held.length > 0) count += this.#failPiece(fieldsOf(error));
    return count;
  }

  /** Hands over what there is and waits until none of it is held any more. */
  async allHandedOver() {
    this.handOver();
    const piece = this.#pieces.held;
    if (this.#pieces.gone >= piece) return;
    await new Promise((resolve) => this.#watchers.push({ piece, resolve: () => resolve(undefined) }));
  }

  /** Takes no more records. */
  close() {
    this.#closed = true;
    this.handOver();
  }

  /**
   * @param {number} slot
   * @param {number} place
   * @param {api.RivvenErrorFields} failure
   */
  #fail(slot, place, failure) {
    if (slot === NOBODY) this.#tell({ topic: null, partition: null, failure }, [place], []);
    else this.#waiters.fail(slot, failure);
    this.#done(1);
  }

  /**
   * Settles the records of reports.
   *
   * @param {Report[]} reports
   */
  #settle(reports) {
    for (const report of reports) {
      const { tags, failure } = report;
      const [places, indexes] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
      const listened = this.listened();
      let own = 0;
      for (let index = 0; index * 2 < tags.length; index++) {
        const [slot, place] = [tags[index * 2], tags[index * 2 + 1]];
        if (slot === ELSEWHERE) continue;
        own++;
        if (slot !== NOBODY) {
          if (failure) this.#waiters.fail(slot, failure);
          else this.#waiters.deliver(slot, place, report, index);
        } else if (listened) {
          places.push(place);
          indexes.push(index);
        }
      }
      if (places.length > 0) {
        this.#tell(report, places, failure ? [] : indexes.map((index) => new RecordMetadata(report, index)));
      }
      this.#done(own);
    }
  }

  /**
   * Tells whoever listens of records without a promise.
   *
   * @param {{ topic: string | null, partition: number | null, failure: api.RivvenErrorFields | null }} report
   * @param {number[]} places
   * @param {RecordMetadata[]} records
   */
  #tell({ topic, partition, failure }, places, records) {
    if (!this.listened()) return;
    const error = failure && new RivvenError(failure);
    this.#onDeliveries({ topic, partition, numbers: places.map((place) => this.#number(place)), records, error });
  }

  /**
   * The number of a record, of which the core knows the lower half: the last
   * one that was given out and ends like this.
   *
   * @param {number} place
   */
  #number(place) {
    const span = 2 ** 32;
    const number = Math.floor(this.#last / span) * span + place;
    return number > this.#last ? number - span : number;
  }

  /** @param {number} count */
  #done(count) {
    this.#pending -= count;
    if (count > 0 && this.#pending === 0) this.#channel.letGo();
  }
}

/** What most records are sent with. */
const NOWHERE = { key: null, partition: null };

/**
 * The key and the partition that options give.
 *
 * @param {unknown} options
 * @param {string} what
 * @returns {{ key: Bytes | null, partition: number | null }}
 */
function place(options, what) {
  if (options === undefined) return NOWHERE;
  const { key = null, partition } = args.options(options, what, ['key', 'partition']);
  if (key !== null && !args.isBytes(key)) throw args.notBytes(key, 'key');
  return { key, partition: partitionOf(partition) };
}

/** @param {unknown} value */
function bytesOf(value) {
  if (args.isBytes(value)) return value;
  throw args.notBytes(value, 'value');
}

/** @param {unknown} partition */
function partitionOf(partition) {
  const checked = args.optionalWhole(partition, 'partition');
  if (checked !== NONE) return checked;
  throw misuse(`there is no partition ${NONE}: give a lower number`, 'INVALID_PARTITION');
}

/** @typedef {{ key: Bytes | null, value: Bytes, partition: number | null }} Fields */

/**
 * A record of a batch: a value, which stays as it is, or the fields of an object.
 *
 * @param {unknown} record
 * @returns {Bytes | Fields}
 */
function recordOf(record) {
  if (args.isBytes(record)) return record;
  const { key = null, value, partition } = args.options(record, 'a record', ['key', 'value', 'partition']);
  if (key !== null && !args.isBytes(key)) throw args.notBytes(key, 'key');
  return { key, value: bytesOf(value), partition: partitionOf(partition) };
}

/** @param {Bytes | Fields} record */
function keyOf(record) {
  return args.isBytes(record) ? null : record.key;
}

/** @param {Bytes | Fields} record */
function valueOf(record) {
  return args.isBytes(record) ? record : record.value;
}

/** @param {Bytes | Fields} record */
function partitionIn(record) {
  return args.isBytes(record) ? null : record.partition;
}

/**
 * The fields of an error that others are made from.
 *
 * @param {unknown} error
 * @returns {api.RivvenErrorFields}
 */
function fieldsOf(error) {
  if (error instanceof RivvenError) return { ...error, message: error.message };
  throw error;
}

module.exports = { Outbox };
