'use strict';

const { inspect } = require('node:util');

const args = require('./arguments.js');
const { RivvenError, misuse, orThrow } = require('./error.js');
const { channelOf, readerOf } = require('./handles.js');
const { NativeTransaction } = require('./native.js');
const { commit } = require('./places.js');
const { RecordMetadata } = require('./record-metadata.js');

/** @import * as api from '../index' */
/** @import { Channel } from './channel.js' */
/** @import { Failed, NativeProducer, Report } from './native.js' */

// The documentation of the methods is in index.d.ts, where editors show it.

/** What a transaction that has ended, or whose producer was closed, says to an abort. */
const ENDED = ['INVALID_STATE', 'CLOSED'];

/** @type {(transaction: Transaction) => Promise<unknown> | null} */
let added;

/** Records and offsets that count together, or not at all. */
class Transaction {
  #native;
  #channel;
  /**
   * The calls under way that add something, without their results.
   *
   * @type {Set<Promise<void>>}
   */
  #adding = new Set();

  static {
    added = (transaction) => transaction.#added();
  }

  /**
   * @param {NativeTransaction} native
   * @param {Channel<NativeProducer>} channel
   */
  constructor(native, channel) {
    if (!(native instanceof NativeTransaction)) throw misuse('a transaction comes from Producer.beginTransaction');
    this.#native = native;
    this.#channel = channel;
  }

  /** @param {api.Producer} producer */
  static async begin(producer) {
    return begin(channelOf(producer));
  }

  get id() {
    return orThrow(this.#native.id());
  }

  get producerId() {
    return orThrow(this.#native.producerId());
  }

  get isOpen() {
    return orThrow(this.#native.isOpen());
  }

  /**
   * @param {string} topic
   * @param {api.Bytes} value
   * @param {api.SendOptions} [options]
   */
  async send(topic, value, options) {
    const { partition, key, bytes } = record(topic, value, options, 'send');
    /** @type {Report} */
    const report = await this.#add((token) => this.#native.send(token, topic, partition, key, bytes));
    return new RecordMetadata(report, 0);
  }

  /**
   * @param {string} topic
   * @param {api.Bytes} value
   * @param {api.SendOptions} [options]
   */
  enqueue(topic, value, options) {
    const { partition, key, bytes } = record(topic, value, options, 'enqueue');
    const failure = this.#native.enqueue(topic, partition, key, bytes);
    if (failure) throw new RivvenError(failure);
  }

  /**
   * @param {string} topic
   * @param {Iterable<api.Bytes | api.BatchRecord>} records
   * @returns {Promise<RecordMetadata[]>}
   */
  async sendBatch(topic, records) {
    args.text(topic, 'topic');
    const { lengths, packed } = args.pack(records);
    /** @type {Report[]} */
    const reports = await this.#add((token) => this.#native.sendBatch(token, topic, lengths, packed));
    return reports.map((report) => new RecordMetadata(report, 0));
  }

  /** @returns {Promise<void>} */
  async flush() {
    return this.#call((token) => this.#native.flush(token));
  }

  /**
   * @param {string} group
   * @param {Iterable<api.TopicPartitionOffset>} offsets
   * @returns {Promise<void>}
   */
  async sendOffsets(group, offsets) {
    args.text(group, 'group');
    const commits = args.list(offsets, 'offsets', commit);
    return this.#add((token) => this.#native.sendOffsets(token, group, commits));
  }

  /**
   * @param {api.Consumer} consumer
   * @returns {Promise<void>}
   */
  async sendConsumerOffsets(consumer) {
    const reader = readerOf(consumer);
    return this.#add((token) => this.#native.sendConsumerOffsets(token, reader.native()));
  }

  /** @returns {Promise<void>} */
  async commit() {
    const adding = this.#added();
    if (adding) await adding;
    return this.#call((token) => this.#native.commit(token));
  }

  /** @returns {Promise<void>} */
  async abort() {
    return this.#call((token) => this.#native.abort(token));
  }

  /**
   * Makes a call that adds something.
   *
   * @param {(token: number) => Failed} submit
   */
  async #add(submit) {
    const call = this.#call(submit);
    const over = call.then(nothing, nothing);
    this.#adding.add(over);
    try {
      return await call;
    } finally {
      this.#adding.delete(over);
    }
  }

  /**
   * Waits for what was added before, if anything is under way: a record that
   * waits for room, and that nobody awaits, must not miss the commit.
   */
  #added() {
    return this.#adding.size === 0 ? null : Promise.all(this.#adding);
  }

  /**
   * @param {(token: number) => Failed} submit
   * @returns {Promise<any>}
   */
  #call(submit) {
    return this.#channel.call((_, token) => submit(token));
  }

  /** The fields, for `console.log`. */
  [inspect.custom]() {
    const { id, producerId, isOpen } = this;
    return { id, producerId, isOpen };
  }

  /** Aborts at the end of an `await using` block, unless it has ended. */
  async [Symbol.asyncDispose ?? Symbol('asyncDispose')]() {
    try {
      await this.abort();
    } catch (error) {
      if (!(error instanceof RivvenError && ENDED.includes(error.code))) throw error;
    }
  }
}

function nothing() {}

/**
 * Begins a transaction of the producer that has a channel.
 *
 * @param {Channel<NativeProducer>} channel
 */
async function begin(channel) {
  return new Transaction(await channel.call((native, token) => native.beginTransaction(token)), channel);
}

/**
 * The parts of a record as the native side takes them.
 *
 * @param {unknown} topic
 * @param {unknown} value
 * @param {unknown} options
 * @param {string} what
 */
function record(topic, value, options, what) {
  args.text(topic, 'topic');
  const { key, partition } = args.options(options, what, ['key', 'partition']);
  return {
    partition: args.optionalWhole(partition, 'partition'),
    key: args.optionalKey(key),
    bytes: args.bytes(value, 'value'),
  };
}

module.exports = { Transaction, added, begin };
