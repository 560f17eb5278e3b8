'use strict';

const { inspect } = require('node:util');

const args = require('./arguments.js');
const { ConsumerRecords } = require('./consumer-records.js');
const { RivvenError, misuse, orThrow } = require('./error.js');
const { textOf } = require('./handlers.js');
const { channelOf, readerOf } = require('./handles.js');
const { Transaction, added } = require('./transaction.js');

/** @import * as api from '../index' */
/** @import { Failed } from './native.js' */

// The documentation of the methods is in index.d.ts, where editors show it.

/** Reads, and begins a transaction for each poll. */
class Transformer {
  #native;
  #channel;
  /** The consumer, which is closed when nobody refers to it. */
  #reader;
  /** @type {Transaction | null} that of the last records */
  #transaction = null;

  /**
   * @param {api.Consumer} consumer
   * @param {api.Producer} producer
   */
  constructor(consumer, producer) {
    this.#reader = readerOf(consumer);
    this.#channel = channelOf(producer);
    this.#native = orThrow(this.#channel.native.openTransformer(this.#reader.native()));
  }

  /** @returns {Promise<{ records: ConsumerRecords, transaction: Transaction } | null>} */
  async next() {
    this.#reader.giveBack();
    const round = await this.#call((token) => this.#native.next(token));
    if (!round) return null;
    this.#transaction = new Transaction(round.transaction, this.#channel);
    return { records: new ConsumerRecords(round.polled), transaction: this.#transaction };
  }

  /** @returns {Promise<boolean>} */
  async commit() {
    const adding = this.#transaction && added(this.#transaction);
    if (adding) await adding;
    return this.#call((token) => this.#native.commit(token));
  }

  /**
   * @param {string} why
   * @returns {Promise<void>}
   */
  async fail(why) {
    args.text(why, 'why');
    return this.#call((token) => this.#native.fail(token, why));
  }

  /** @returns {Promise<api.TransformReport>} */
  async report() {
    return this.#call((token) => this.#native.report(token));
  }

  /**
   * @param {(token: number) => Failed} submit
   * @returns {Promise<any>}
   */
  #call(submit) {
    return this.#channel.call((_, token) => submit(token));
  }

  /** Nothing, for `console.log`. */
  [inspect.custom]() {
    return `${this.constructor.name} {}`;
  }
}

/**
 * @param {api.Consumer} consumer
 * @param {api.Producer} producer
 * @param {(records: ConsumerRecords, transaction: Transaction) => unknown} handler
 */
async function transform(consumer, producer, handler) {
  if (typeof handler !== 'function') throw misuse(`the handler must be a function, not ${args.shown(handler)}`);
  const transformer = new Transformer(consumer, producer);
  for (let round = await transformer.next(); round; round = await transformer.next()) {
    const { records, transaction } = round;
    try {
      await handler(records, transaction);
    } catch (thrown) {
      await fail(transformer, thrown);
      continue;
    }
    await transformer.commit();
  }
  return transformer.report();
}

/**
 * Has the records read again; the error that ends it has what the handler threw as its cause.
 *
 * @param {Transformer} transformer
 * @param {unknown} thrown
 */
async function fail(transformer, thrown) {
  try {
    await transformer.fail(textOf(thrown));
  } catch (error) {
    if (error instanceof RivvenError) {
      Object.defineProperty(error, 'cause', { value: thrown, configurable: true, writable: true });
    }
    throw error;
  }
}

module.exports = { Transformer, transform };
