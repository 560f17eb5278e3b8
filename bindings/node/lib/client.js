'use strict';

const { EventEmitter, on } = require('node:events');
const { inspect } = require('node:util');

const args = require('./arguments.js');
const { Channel } = require('./channel.js');
const { config } = require('./config.js');
const { Consumer } = require('./consumer.js');
const { RivvenError } = require('./error.js');
const { open } = require('./native.js');
const { Producer } = require('./producer.js');

/** @import * as api from '../index' */
/** @import { NativeStateChange } from './native.js' */

// The documentation of the methods is in index.d.ts, where editors show it.

/** What each operation does with the channel of a client. */
const operations = {
  ...require('./operations/cluster.js'),
  ...require('./operations/groups.js'),
  ...require('./operations/login.js'),
  ...require('./operations/offsets.js'),
  ...require('./operations/quotas.js'),
  ...require('./operations/records.js'),
  ...require('./operations/schemas.js'),
  ...require('./operations/topics.js'),
  ...require('./operations/transactions.js'),
};

/** Emitted to iterators when no more changes will come. */
const CHANGES_ENDED = Symbol('the changes ended');

/** A client of a list of servers. */
class Client extends EventEmitter {
  /** @type {Channel} */
  #channel;
  #watched = false;
  #ended = false;

  static {
    for (const [name, operation] of Object.entries(operations)) {
      const take = /** @type {(channel: Channel, ...args: any[]) => Promise<any>} */ (operation);
      /** @type {(this: Client, ...args: any[]) => Promise<any>} */
      const method = async function (...args) {
        return take(this.#channel, ...args);
      };
      Object.defineProperty(method, 'name', { value: name, configurable: true });
      Object.defineProperty(Client.prototype, name, { value: method, configurable: true, writable: true });
    }
  }

  /**
   * @param {string | string[] | api.ClientOptions} options
   */
  constructor(options) {
    super();
    this.#channel = new Channel((wake) => open(config(options), wake));
    this.on('newListener', (event) => {
      if (event === 'stateChange') this.#watch();
    });
  }

  /** @param {string | string[] | api.ClientOptions} options */
  static async connect(options) {
    const client = new Client(options);
    await client.#channel.call((native, token) => native.connect(token));
    return client;
  }

  /** @param {api.ProducerOptions} [options] */
  producer(options = {}) {
    return new Producer(options, (config, wake) => this.#channel.native.openProducer(config, wake));
  }

  /** @param {api.ConsumerOptions} [options] */
  consumer(options = {}) {
    return new Consumer(options, (config, wake) => this.#channel.native.openConsumer(config, wake));
  }

  /**
   * Emits the changes of the servers from the first listener on, until the client is closed.
   *
   * Nothing but the channel refers to the wait for the next change, so that a
   * client that is dropped can be collected under it.
   */
  async #watch() {
    if (this.#watched) return;
    this.#watched = true;
    for (let change = await this.#change(); change; change = await this.#change()) {
      this.#emitLater('stateChange', change);
    }
    this.#ended = true;
    this.#emitLater(CHANGES_ENDED);
  }

  /**
   * The next change of a server; `null` at the end, or where the client was closed before.
   *
   * @returns {Promise<api.StateChange | null>}
   */
  async #change() {
    const next = this.#channel.background((native, token) => native.nextStateChange(token));
    return next.then((change) => change && stateChange(change), () => null);
  }

  /**
   * Emits from the event loop, where an error of a listener is the program's and disturbs nothing here.
   *
   * @param {string | symbol} event
   * @param {unknown[]} values
   */
  #emitLater(event, ...values) {
    process.nextTick(() => this.emit(event, ...values));
  }

  /** @returns {AsyncIterableIterator<api.StateChange>} */
  stateChanges() {
    const close = /** @type {any[]} */ ([CHANGES_ENDED]);
    const changes = on(this, 'stateChange', { close });
    if (this.#ended) this.emit(CHANGES_ENDED);
    return firstOfEach(changes);
  }

  /**
   * @param {{ timeoutMs?: number }} [options]
   * @returns {Promise<void>}
   */
  async close(options) {
    const { timeoutMs } = args.options(options, 'close', ['timeoutMs']);
    const limit = args.optionalMilliseconds(timeoutMs, 'timeoutMs');
    return this.#channel.call((native, token) => native.close(token, limit));
  }

  /** Nothing, for `console.log`: least of all what an EventEmitter is made of. */
  [inspect.custom]() {
    return `${this.constructor.name} {}`;
  }

  /** Closes at the end of an `await using` block. */
  [Symbol.asyncDispose ?? Symbol('asyncDispose')]() {
    return this.close();
  }
}

/**
 * @param {NativeStateChange} change
 * @returns {api.StateChange}
 */
function stateChange(change) {
  if (change.type !== 'degraded') return change;
  return { ...change, since: new Date(change.since), reason: new RivvenError(change.reason) };
}

/**
 * The values of events that have one each.
 *
 * @param {AsyncIterable<any[]>} events
 */
async function* firstOfEach(events) {
  for await (const [value] of events) yield value;
}

module.exports = { Client };
