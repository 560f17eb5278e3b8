'use strict';

const args = require('./arguments.js');
const { Backlog } = require('./backlog.js');
const { Channel } = require('./channel.js');
const { Deliveries } = require('./deliveries.js');
const { RivvenError, misuse } = require('./error.js');
const { Handover, NONE } = require('./handover.js');
const { Fields, optionsOf, recordOf, valueOf } = require('./outgoing.js');
const { All, Each, Waiters } = require('./waiters.js');

/** @import * as api from '../index' */
/** @import { NativeProducer, Report } from './native.js' */
/** @import { RecordMetadata } from './record-metadata.js' */
/** @import { Bytes } from './outgoing.js' */

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
  #listened;
  #transactional;
  #handover = new Handover();
  #backlog;
  #waiters = new Waiters();
  /** @type {{ each: Each, slot: number } | null} the promises of records in the buffer */
  #each = null;
  #scheduled = false;
  #closed = false;
  /** @type {Map<string, number>} */
  #topics = new Map();
  /** The number of the record that was last handed over without a promise. */
  #last = 0;
  /** The records that are not settled. */
  #pending = 0;
  /** @type {api.RivvenErrorFields | null} why the core took no more */
  #full = null;

  /**
   * @param {(wake: () => void) => NativeProducer | api.RivvenErrorFields} open
   * @param {object} to
   * @param {(deliveries: api.Deliveries) => void} to.tell
   * @param {() => boolean} to.listened whether somebody wants to know of deliveries
   * @param {boolean} to.transactional whether records go by transactions alone
   */
  constructor(open, { tell, listened, transactional }) {
    const settle = (/** @type {Report[]} */ reports) => reports.forEach((report) => this.#settle(report));
    this.#channel = new Channel(open, settle);
    this.#onDeliveries = tell;
    this.#listened = listened;
    this.#transactional = transactional;
    this.#backlog = new Backlog({
      give: (records) => this.#give(records),
      awaitRoom: (records) => this.#channel.background((native, token) => native.awaitRoom(token, records)),
      send: (first) => this.#sendAlone(first),
      fail: (slot, place, reason) => this.#fail(slot, place, fieldsOf(reason)),
    });
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
      const { key, partition } = optionsOf(options, 'send');
      const checked = valueOf(value);
      this.#checkOpen();
      this.#makeRoom(this.#handover.measure(key, checked));
      const { each, slot } = (this.#each ??= this.#newEach());
      this.#add(topic, partition, key, checked, slot, each.add(resolve, reject));
    });
  }

  #newEach() {
    const each = new Each();
    return { each, slot: this.#waiters.add(each) };
  }

  /**
   * @param {number} topic
   * @param {unknown} value
   * @param {unknown} options
   * @returns {number}
   */
  enqueue(topic, value, options) {
    const { key, partition } = optionsOf(options, 'enqueue');
    const checked = valueOf(value);
    this.#checkOpen();
    if (this.#transactional) {
      throw misuse('enqueue: the producer has a transactionalId: begin a transaction and enqueue in that', 'INVALID_STATE');
    }
    const most = this.#handover.measure(key, checked);
    if (this.#full && this.#backlog.isBusy && this.#backlog.bytes + most > MAX_HELD) throw new RivvenError(this.#full);
    this.#makeRoom(most);
    const number = ++this.#last;
    this.#add(topic, partition, key, checked, NOBODY, number >>> 0);
    return number;
  }

  /**
   * @param {number} topic
   * @param {unknown} messages
   * @returns {Promise<RecordMetadata[]>}
   */
  sendBatch(topic, messages) {
    return new Promise((resolve, reject) => {
      // All of them are looked at before the first is added: one that is wrong keeps every other from being sent.
      const records = args.areAllBytes(messages) ? messages : args.list(messages, 'messages', recordOf);
      this.#checkOpen();
      if (records.length === 0) return resolve([]);
      const slot = this.#waiters.add(new All(records.length, resolve, reject));
      for (let index = 0; index < records.length; index++) this.#addOf(topic, records[index], slot, index);
    });
  }

  /**
   * Adds a record of a batch.
   *
   * @param {number} topic
   * @param {Bytes | Fields} record
   * @param {number} slot
   * @param {number} place
   */
  #addOf(topic, record, slot, place) {
    const isFields = record instanceof Fields;
    const key = isFields ? record.key : null;
    const value = isFields ? record.value : record;
    try {
      this.#makeRoom(this.#handover.measure(key, value));
    } catch (error) {
      // Too large for a hand-over buffer: as with one that the core refuses, the others are sent.
      return this.#waiters.fail(slot, place, 1, fieldsOf(error));
    }
    this.#add(topic, isFields ? record.partition : NONE, key, value, slot, place);
  }

  #checkOpen() {
    if (this.#closed) throw misuse('the producer is closed: make a new one', 'CLOSED');
  }

  /**
   * Hands over what was packed, if there is no room behind it.
   *
   * @param {number} most bytes that are to be added
   */
  #makeRoom(most) {
    if (!this.#handover.fits(most)) this.handOver(most);
  }

  /**
   * Packs a record, which was measured and for which there is room.
   *
   * @param {number} topic
   * @param {number} partition
   * @param {Bytes | null} key
   * @param {Bytes} value
   * @param {number} slot
   * @param {number} place
   */
  #add(topic, partition, key, value, slot, place) {
    this.#handover.add(topic, partition, key, value, slot, place);
    if (this.#pending++ === 0) this.#channel.keep();
    if (!this.#scheduled) this.#schedule();
  }

  #schedule() {
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
    this.#each = null;
    const { records } = this.#handover;
    if (records.length > 0) {
      const done = this.#backlog.isBusy ? 0 : this.#give(records);
      if (done < records.length) this.#backlog.hold(Buffer.from(records.subarray(done)));
    }
    this.#handover.clear(most);
  }

  /**
   * Gives records to the core; how many bytes of them are done with.
   *
   * @param {Buffer} records
   */
  #give(records) {
    const rest = this.#channel.native.handOver(records);
    this.#full = rest && rest.full;
    if (rest === null) return records.length;
    for (const { slot, place, failure } of rest.refused) this.#fail(slot, place, failure);
    return rest.done;
  }

  /**
   * Sends a record as soon as there is room of whatever kind is missing.
   *
   * @param {Buffer} record
   */
  async #sendAlone(record) {
    const [, , , , slot, place] = new Uint32Array(record.buffer, record.byteOffset, 6);
    try {
      const report = await this.#channel.background((native, token) => native.sendFirst(token, record));
      this.#settle({ ...report, ranges: Uint32Array.of(slot, place, 1) });
    } catch (error) {
      this.#fail(slot, place, fieldsOf(error));
    }
  }

  /**
   * Gives up what is held for want of room; the number of records.
   *
   * @param {RivvenError} error
   */
  giveUp(error) {
    return this.#backlog.giveUp(error);
  }

  /** Hands over what there is and waits until none of it is held any more. */
  allHandedOver() {
    this.handOver();
    return this.#backlog.emptied();
  }

  /** Takes no more records. */
  close() {
    this.#closed = true;
    this.handOver();
  }

  /**
   * Settles the records of a report.
   *
   * @param {Report} report
   */
  #settle(report) {
    const { ranges, failure } = report;
    const runs = [];
    let [index, own] = [0, 0];
    for (let at = 0; at < ranges.length; at += 3) {
      const [slot, place, count] = [ranges[at], ranges[at + 1], ranges[at + 2]];
      if (slot === NOBODY) runs.push({ number: this.#number(place), index, count });
      else if (failure) this.#waiters.fail(slot, place, count, failure);
      else this.#waiters.deliver(slot, place, count, report, index);
      index += count;
      if (slot !== ELSEWHERE) own += count;
    }
    if (runs.length > 0 && this.#listened()) this.#onDeliveries(new Deliveries(report, runs));
    this.#done(own);
  }

  /**
   * Settles one record that was not delivered.
   *
   * @param {number} slot
   * @param {number} place
   * @param {api.RivvenErrorFields} failure
   */
  #fail(slot, place, failure) {
    this.#settle({ ...NOWHERE, ranges: Uint32Array.of(slot, place, 1), failure });
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

/** The report of records that were refused before they went anywhere. */
const NOWHERE = {
  topic: null,
  partition: null,
  offset: 0n,
  timestamp: 0,
  duplicate: false,
  maybeDuplicate: false,
  offsetExact: false,
};

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
