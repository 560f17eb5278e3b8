'use strict';

const { EventEmitter } = require('node:events');
const { inspect } = require('node:util');

const args = require('./arguments.js');
const { config } = require('./config.js');
const { misuse, orThrow } = require('./error.js');
const { channels } = require('./handles.js');
const { openProducer } = require('./native.js');
const { Outbox } = require('./outbox.js');
const { begin } = require('./transaction.js');

/** @import * as api from '../index' */
/** @import { NativeProducer } from './native.js' */

// The documentation of the methods is in index.d.ts, where editors show it.

/** Sends records in batches. */
class Producer extends EventEmitter {
  #outbox;

  /**
   * @param {string | string[] | api.ProducerOptions} options
   * @param {typeof openProducer} [open] by which a client adds what it has itself
   */
  constructor(options, open = openProducer) {
    super();
    const tell = (/** @type {api.Deliveries} */ deliveries) => {
      // An error of a listener is the program's and disturbs nothing here.
      process.nextTick(() => this.emit('deliveries', deliveries));
    };
    const listened = () => this.listenerCount('deliveries') > 0;
    const settings = config(options);
    const transactional = 'transactionalId' in settings;
    this.#outbox = new Outbox((wake) => open(settings, wake), { tell, listened, transactional });
    channels.set(this, this.#outbox.channel);
  }

  /** @param {string | string[] | api.ProducerOptions} options */
  static async connect(options) {
    const producer = new Producer(options);
    await producer.#call((native, token) => native.connect(token));
    return producer;
  }

  /** @param {string} name */
  topic(name) {
    return new TopicHandle(this.#outbox, this.#outbox.topic(name), name);
  }

  /**
   * @param {string} topic
   * @param {api.Bytes} value
   * @param {api.SendOptions} [options]
   */
  send(topic, value, options) {
    // An asynchronous method would make another promise for each record.
    let number;
    try {
      number = this.#outbox.topic(topic);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#outbox.send(number, value, options);
  }

  /**
   * @param {string} topic
   * @param {api.Bytes} value
   * @param {api.SendOptions} [options]
   */
  enqueue(topic, value, options) {
    return this.#outbox.enqueue(this.#outbox.topic(topic), value, options);
  }

  /**
   * @param {string} topic
   * @param {Iterable<api.Bytes | api.ProducerRecord>} messages
   */
  async sendBatch(topic, messages) {
    return this.#outbox.sendBatch(this.#outbox.topic(topic), messages);
  }

  async beginTransaction() {
    return begin(this.#outbox.channel);
  }

  /** @returns {Promise<void>} */
  async flush() {
    // What the core holds makes room for what waits here, so it is sent without lingering, too.
    this.#outbox.handOver();
    const flushed = this.#call((native, token) => native.flush(token));
    await Promise.all([flushed, this.#outbox.allHandedOver()]);
    return this.#call((native, token) => native.flush(token));
  }

  /**
   * @param {{ timeoutMs?: number }} [options]
   * @returns {Promise<void>}
   */
  async close(options) {
    const { timeoutMs } = args.options(options, 'close', ['timeoutMs']);
    const native = this.#outbox.channel.native;
    const limit = args.optionalMilliseconds(timeoutMs, 'timeoutMs') ?? orThrow(native.closeTimeout());
    const begin = performance.now();
    this.#outbox.close();
    await within(limit, this.#outbox.allHandedOver());
    const left = Math.max(0, limit - (performance.now() - begin));
    const closed = this.#call((native, token) => native.close(token, left));
    this.#outbox.giveUp(misuse('the producer is closed: make a new one', 'CLOSED'));
    return closed;
  }

  purge() {
    this.#outbox.handOver();
    const held = this.#outbox.giveUp(misuse('the record was purged before it was sent', 'PURGED'));
    return held + orThrow(this.#outbox.channel.native.purge());
  }

  stats() {
    return orThrow(this.#outbox.channel.native.stats());
  }

  isIdempotent() {
    return orThrow(this.#outbox.channel.native.isIdempotent());
  }

  /**
   * @param {string} topic
   * @returns {Promise<number>}
   */
  async getPartitionCount(topic) {
    args.text(topic, 'topic');
    return this.#call((native, token) => native.partitionCount(token, topic, false));
  }

  /**
   * @param {string} topic
   * @returns {Promise<void>}
   */
  async refreshMetadata(topic) {
    args.text(topic, 'topic');
    await this.#call((native, token) => native.partitionCount(token, topic, true));
  }

  /**
   * @param {(native: NativeProducer, token: number) => api.RivvenErrorFields | null} submit
   * @returns {Promise<any>}
   */
  #call(submit) {
    return this.#outbox.channel.call(submit);
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

/** A topic of a producer. */
class TopicHandle {
  #outbox;
  #topic;

  /**
   * @param {Outbox} outbox
   * @param {number} topic
   * @param {string} name
   */
  constructor(outbox, topic, name) {
    this.#outbox = outbox;
    this.#topic = topic;
    this.name = name;
  }

  /**
   * @param {api.Bytes} value
   * @param {api.SendOptions} [options]
   */
  send(value, options) {
    return this.#outbox.send(this.#topic, value, options);
  }

  /**
   * @param {api.Bytes} value
   * @param {api.SendOptions} [options]
   */
  enqueue(value, options) {
    return this.#outbox.enqueue(this.#topic, value, options);
  }

  /** @param {Iterable<api.Bytes | api.ProducerRecord>} messages */
  sendBatch(messages) {
    return this.#outbox.sendBatch(this.#topic, messages);
  }
}

/** The longest time that a timer takes, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1;

/**
 * Waits for something, but no longer than so many milliseconds.
 *
 * @param {number} limit
 * @param {Promise<void>} something
 */
async function within(limit, something) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const over = new Promise((resolve) => (timer = setTimeout(resolve, Math.min(limit, MAX_TIMER))));
  await Promise.race([something, over]);
  clearTimeout(timer);
}

module.exports = { Producer, TopicHandle };
