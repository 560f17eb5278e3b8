'use strict';

const { setImmediate: nextTurn } = require('node:timers/promises');

const { RivvenError } = require('./error.js');
const { Hand } = require('./hand.js');

/** @import { Channel } from './channel.js' */
/** @import { Failed, NativeConsumer, PackedPoll } from './native.js' */
/** @import { Record } from './records.js' */

/** Gives back what iterators had in hand that nobody can go on with. */
const dropped = new FinalizationRegistry((/** @type {Hand} */ hand) => hand.giveBack());

/**
 * The records of a consumer one by one, without end.
 *
 * The program is done with a record when it asks for the next one. The native
 * side learns how far it has come when that matters: before a call that
 * commits, and once per poll.
 */
class RecordStream {
  #channel;
  #hand;
  #life;
  #ended = false;
  /** @type {Promise<unknown> | null} */
  #polling = null;

  /**
   * @param {Channel<NativeConsumer>} channel
   * @param {Set<Hand>} hands those of the consumer's iterators
   * @param {{ isClosed: boolean, course: number }} life of the consumer
   */
  constructor(channel, hands, life) {
    this.#channel = channel;
    this.#hand = new Hand(channel, hands);
    this.#life = life;
    dropped.register(this, this.#hand);
  }

  /** @returns {Promise<IteratorResult<Record>>} */
  next() {
    // Calls beside each other have their turns.
    if (this.#polling) return this.#polling.then(() => this.next(), () => this.next());
    const record = this.#hand.take();
    if (record) return Promise.resolve({ value: record, done: false });
    const polled = this.#poll();
    this.#polling = polled;
    return polled;
  }

  /** Ends the iteration; a later poll gives what it has left. */
  async return() {
    this.#ended = true;
    this.#hand.giveBack();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** @returns {Promise<IteratorResult<Record>>} */
  async #poll() {
    try {
      for (;;) {
        this.#hand.finish();
        if (this.#ended) return { value: undefined, done: true };
        await this.#read();
        const record = this.#hand.take();
        if (record) return { value: record, done: false };
      }
    } finally {
      this.#polling = null;
    }
  }

  /** Takes the records of a poll in hand. */
  async #read() {
    // What is there takes no other thread.
    await nextTurn();
    if (this.#ended || this.#life.isClosed) {
      this.#ended = true;
      return;
    }
    const { course } = this.#life;
    let token = this.#channel.nextToken();
    const there = this.#channel.native.readNow(token);
    const packed = there ?? (await this.#wait((native, called) => native.read((token = called))));
    if (!packed) return;
    this.#hand.hold(token, packed);
    // Meanwhile the iteration may have ended, or the program gone elsewhere.
    this.#ended ||= this.#life.isClosed;
    if (this.#ended || this.#life.course !== course) this.#hand.giveBack();
  }

  /**
   * What a call gives; nothing where the consumer was closed, which ends the iteration.
   *
   * @param {(native: NativeConsumer, token: number) => Failed} submit
   * @returns {Promise<PackedPoll | null>}
   */
  async #wait(submit) {
    try {
      return await this.#channel.call(submit);
    } catch (error) {
      if (!(error instanceof RivvenError) || error.code !== 'CLOSED') throw error;
      this.#ended = true;
      return null;
    }
  }
}

module.exports = { RecordStream };
