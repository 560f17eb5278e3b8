'use strict';

const { EventEmitter, on } = require('node:events');
const { setImmediate: nextTurn } = require('node:timers/promises');
const { inspect } = require('node:util');

const args = require('./arguments.js');
const { Channel } = require('./channel.js');
const { config } = require('./config.js');
const { ConsumerRecords } = require('./consumer-records.js');
const { RivvenError, misuse, orThrow } = require('./error.js');
const { Handlers } = require('./handlers.js');
const { readers } = require('./handles.js');
const { openConsumer } = require('./native.js');
const { commit, place, topicPartition } = require('./places.js');
const { RecordStream } = require('./record-stream.js');
const { settled } = require('./settled.js');

/** @import * as api from '../index' */
/** @import { Hand } from './hand.js' */
/** @import { Failed, NativeConsumer, NativeConsumerEvent, NativeHandling, NativeRebalance } from './native.js' */

// The documentation of the methods is in index.d.ts, where editors show it.

/** Emitted to iterators when no more events will come. */
const EVENTS_ENDED = Symbol('the events ended');

/** Reads records of topics. */
class Consumer extends EventEmitter {
  /** @type {Channel<NativeConsumer>} */
  #channel;
  /** @type {Set<Hand>} what its iterators have in hand */
  #hands = new Set();
  /** @type {api.RebalanceListener | null} */
  #listener = null;
  /** @type {Map<number, Handlers>} by the tokens of the calls */
  #handlers = new Map();
  /** What its iterators are told, also those that have nothing in hand; another course is that of a program that goes elsewhere. */
  #life = { isClosed: false, course: 0 };
  #watched = false;
  #ended = false;

  /**
   * @param {string | string[] | api.ConsumerOptions} options
   * @param {typeof openConsumer} [open] by which a client adds what it has itself
   */
  constructor(options, open = openConsumer) {
    super();
    const onReport = (/** @type {NativeRebalance | NativeHandling} */ report) =>
      'kind' in report ? this.#rebalance(report) : this.#handle(report);
    this.#channel = new Channel((wake) => open(config(options), wake), onReport);
    readers.set(this, { native: () => this.#native, giveBack: () => this.#leave() });
    this.on('newListener', (event) => {
      if (event === 'event') this.#watch();
    });
  }

  /** @param {string | string[] | api.ConsumerOptions} options */
  static async connect(options) {
    const consumer = new Consumer(options);
    await consumer.#channel.call((native, token) => native.connect(token));
    return consumer;
  }

  get groupId() {
    return orThrow(this.#native.groupId());
  }

  /**
   * @param {{ timeoutMs?: number }} [options]
   * @returns {Promise<api.ConsumerRecords>}
   */
  async poll(options) {
    const { timeoutMs } = args.options(options, 'poll', ['timeoutMs']);
    const limit = args.optionalMilliseconds(timeoutMs, 'timeoutMs');
    // What is there takes no other thread.
    await nextTurn();
    this.#giveBack();
    const there = this.#channel.native.pollNow();
    return new ConsumerRecords(there ?? (await this.#channel.call((native, token) => native.poll(token, limit))));
  }

  [Symbol.asyncIterator]() {
    return new RecordStream(this.#channel, this.#hands, this.#life);
  }

  /**
   * @param {(record: api.Record) => unknown} handler
   * @returns {Promise<api.ProcessReport>}
   */
  async process(handler) {
    if (typeof handler !== 'function') throw misuse(`the handler must be a function, not ${args.shown(handler)}`);
    this.#leave();
    const handlers = new Handlers(handler);
    let call = 0;
    try {
      return await this.#channel.call((native, token) => {
        this.#handlers.set((call = token), handlers);
        return native.process(token);
      });
    } catch (error) {
      throw handlers.withCause(error);
    } finally {
      this.#handlers.delete(call);
      handlers.end();
    }
  }

  wakeup() {
    this.#tell((native) => native.wakeup());
  }

  /** @param {string | Iterable<string>} topics */
  subscribe(topics) {
    const names = typeof topics === 'string' ? [topics] : args.texts(topics, 'topics');
    this.#leave();
    this.#tell((native) => native.subscribe(names));
  }

  unsubscribe() {
    this.#leave();
    this.#tell((native) => native.unsubscribe());
  }

  /** @param {Iterable<api.TopicPartition>} partitions */
  assign(partitions) {
    const checked = args.list(partitions, 'partitions', topicPartition);
    this.#leave();
    this.#tell((native) => native.assign(checked));
  }

  assignments() {
    return orThrow(this.#native.assignments());
  }

  /**
   * @param {string} topic
   * @param {number} partition
   */
  pause(topic, partition) {
    place(topic, partition);
    this.#leave();
    this.#tell((native) => native.pause(topic, partition));
  }

  /**
   * @param {string} topic
   * @param {number} partition
   */
  resume(topic, partition) {
    place(topic, partition);
    this.#tell((native) => native.resume(topic, partition));
  }

  paused() {
    return orThrow(this.#native.paused());
  }

  /**
   * @param {string} topic
   * @param {number} partition
   * @param {bigint | number} offset
   * @returns {Promise<void>}
   */
  async seek(topic, partition, offset) {
    place(topic, partition);
    const to = args.offset(offset);
    return this.#elsewhere((native, token) => native.seek(token, topic, partition, to));
  }

  /**
   * @param {string} topic
   * @param {number} partition
   * @returns {Promise<void>}
   */
  async seekToBeginning(topic, partition) {
    place(topic, partition);
    return this.#elsewhere((native, token) => native.seekToBeginning(token, topic, partition));
  }

  /**
   * @param {string} topic
   * @param {number} partition
   * @returns {Promise<void>}
   */
  async seekToEnd(topic, partition) {
    place(topic, partition);
    return this.#elsewhere((native, token) => native.seekToEnd(token, topic, partition));
  }

  /**
   * @param {string} topic
   * @param {number} partition
   * @param {number | Date} timestamp
   * @returns {Promise<bigint>}
   */
  async seekToTimestamp(topic, partition, timestamp) {
    place(topic, partition);
    const time = args.timestamp(timestamp);
    return this.#elsewhere((native, token) => native.seekToTimestamp(token, topic, partition, time));
  }

  /**
   * @param {string} topic
   * @param {number} partition
   */
  position(topic, partition) {
    place(topic, partition);
    return orThrow(this.#native.position(topic, partition));
  }

  /**
   * @param {string} topic
   * @param {number} partition
   * @returns {Promise<bigint>}
   */
  async lag(topic, partition) {
    place(topic, partition);
    return this.#call((native, token) => native.lag(token, topic, partition));
  }

  /**
   * @param {string} topic
   * @param {number} partition
   * @returns {Promise<api.OffsetBounds>}
   */
  async getOffsetBounds(topic, partition) {
    place(topic, partition);
    return this.#call((native, token) => native.getOffsetBounds(token, topic, partition));
  }

  /** @returns {Promise<void>} */
  async commit() {
    return this.#call((native, token) => native.commit(token));
  }

  commitAsync() {
    this.#tell((native) => native.commitAsync());
  }

  /**
   * @param {Iterable<api.TopicPartitionOffset>} offsets
   * @returns {Promise<void>}
   */
  async commitOffsets(offsets) {
    const commits = args.list(offsets, 'offsets', commit);
    return this.#call((native, token) => native.commitOffsets(token, commits));
  }

  /**
   * @param {Iterable<api.TopicPartitionOffset>} offsets
   * @returns {Promise<api.Settled<void>[]>}
   */
  async commitOffsetsEach(offsets) {
    const commits = args.list(offsets, 'offsets', commit);
    const outcomes = await this.#call((native, token) => native.commitOffsetsEach(token, commits));
    return settled(outcomes, () => undefined);
  }

  /**
   * @param {string} topic
   * @param {number} partition
   * @param {bigint | number} offset
   */
  storeOffset(topic, partition, offset) {
    place(topic, partition);
    const next = args.offset(offset);
    this.#tell((native) => native.storeOffset(topic, partition, next));
  }

  /**
   * @param {string} topic
   * @param {number} partition
   * @returns {Promise<bigint | null>}
   */
  async committed(topic, partition) {
    place(topic, partition);
    return this.#call((native, token) => native.committed(token, topic, partition));
  }

  /** @param {api.RebalanceListener | null} listener */
  setRebalanceListener(listener) {
    if (listener !== null && typeof listener !== 'object') {
      throw misuse(`the listener must be an object with functions, not ${args.shown(listener)}`);
    }
    this.#tell((native) => native.relayRebalances(listener !== null));
    this.#listener = listener;
  }

  /** @returns {AsyncIterableIterator<api.ConsumerEvent>} */
  events() {
    const events = on(this, 'event', /** @type {any} */ ({ close: [EVENTS_ENDED] }));
    if (this.#ended) this.emit(EVENTS_ENDED);
    return firstOfEach(events);
  }

  /** @returns {api.ConsumerStats} */
  stats() {
    const { lastError, ...rest } = orThrow(this.#native.stats());
    return { ...rest, lastError: lastError && new RivvenError(lastError) };
  }

  /**
   * @param {{ timeoutMs?: number }} [options]
   * @returns {Promise<void>}
   */
  async close(options) {
    const { timeoutMs } = args.options(options, 'close', ['timeoutMs']);
    const limit = args.optionalMilliseconds(timeoutMs, 'timeoutMs');
    this.#life.isClosed = true;
    for (const hand of this.#hands) hand.abandon();
    const closed = this.#call((native, token) => native.close(token, limit));
    // It waits for the handlers, of which one may have called this; `process` tells what could not be committed.
    if ([...this.#handlers.values()].some((handlers) => handlers.areAsking)) return void closed.catch(() => {});
    return closed;
  }

  /** The native side, which knows how far the program has come. */
  get #native() {
    for (const hand of this.#hands) hand.tell();
    return this.#channel.native;
  }

  /** Leaves the records that iterators have in hand to later polls. */
  #giveBack() {
    for (const hand of this.#hands) hand.giveBack();
  }

  /** The same with those on their way to them, before reading goes on elsewhere. */
  #leave() {
    this.#life.course++;
    this.#giveBack();
  }

  /**
   * @param {(native: NativeConsumer, token: number) => Failed} submit
   * @returns {Promise<any>}
   */
  #call(submit) {
    return this.#channel.call((_, token) => submit(this.#native, token));
  }

  /**
   * Makes a call after which reading goes on elsewhere.
   *
   * @param {(native: NativeConsumer, token: number) => Failed} submit
   */
  #elsewhere(submit) {
    this.#leave();
    return this.#call(submit);
  }

  /** @param {(native: NativeConsumer) => Failed} call */
  #tell(call) {
    const failure = call(this.#native);
    if (failure) throw new RivvenError(failure);
  }

  /** @param {NativeHandling} handling */
  #handle(handling) {
    this.#handlers.get(handling.call)?.handle(this.#channel.native, handling);
  }

  /**
   * Calls the listener; what waits for it goes on when it is done.
   *
   * @param {NativeRebalance} rebalance
   */
  async #rebalance({ number, kind, partitions }) {
    try {
      const listener = this.#listener;
      if (kind === 'assigned') await listener?.onPartitionsAssigned?.(partitions);
      else if (kind === 'lost' && listener?.onPartitionsLost) await listener.onPartitionsLost(partitions);
      else await listener?.onPartitionsRevoked?.(partitions);
    } catch (error) {
      // An error of a listener is the program's and disturbs nothing here.
      process.nextTick(() => {
        throw error;
      });
    } finally {
      this.#channel.native.rebalanced(number);
    }
  }

  /**
   * Emits what happens, from the first listener on until the consumer is closed.
   *
   * Nothing but the channel refers to the wait for the next event, so that a
   * consumer that is dropped can be collected under it.
   */
  async #watch() {
    if (this.#watched) return;
    this.#watched = true;
    for (let event = await this.#next(); event; event = await this.#next()) this.#emitLater('event', event);
    this.#ended = true;
    this.#emitLater(EVENTS_ENDED);
  }

  /** @returns {Promise<api.ConsumerEvent | null>} */
  async #next() {
    const next = this.#channel.background((native, token) => native.nextEvent(token));
    return next.then((event) => event && consumerEvent(event), () => null);
  }

  /**
   * @param {string | symbol} event
   * @param {unknown[]} values
   */
  #emitLater(event, ...values) {
    process.nextTick(() => this.emit(event, ...values));
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
 * @param {NativeConsumerEvent} event
 * @returns {api.ConsumerEvent}
 */
function consumerEvent(event) {
  return 'error' in event ? { ...event, error: new RivvenError(event.error) } : event;
}

/**
 * The values of events that have one each.
 *
 * @param {AsyncIterable<any[]>} events
 */
async function* firstOfEach(events) {
  for await (const [value] of events) yield value;
}

module.exports = { Consumer };
