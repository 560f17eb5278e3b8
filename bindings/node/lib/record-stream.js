'use strict';

const { setImmediate: nextTurn } = require('node:timers/promises');

const { RivvenError } = require('./error.js');
const { Answer, Record } = require('./records.js');

/** @import { Channel } from './channel.js' */
/** @import { NativeConsumer, PackedPoll } from './native.js' */

/** The token of no poll. */
const NONE = 0;

/** The index of no record. */
const NOTHING = -1;

/**
 * The records of a consumer one by one, without end.
 *
 * The program is done with a record when it asks for the next one. The native
 * side learns how far it has come when that matters: before a call that
 * commits, and once per poll.
 */
class RecordStream {
  #channel;
  #streams;
  #life;
  /** The token of the poll whose records are in hand. */
  #token = NONE;
  /** @type {{ part: number, records: Answer }[]} */
  #pieces = [];
  #piece = 0;
  #index = NOTHING;
  #ended = false;
  /** @type {Promise<unknown> | null} */
  #polling = null;

  /**
   * @param {Channel<NativeConsumer>} channel
   * @param {Set<RecordStream>} streams where it is while it has records in hand
   * @param {{ isClosed: boolean }} life of the consumer
   */
  constructor(channel, streams, life) {
    this.#channel = channel;
    this.#streams = streams;
    this.#life = life;
  }

  /** @returns {Promise<IteratorResult<Record>>} */
  next() {
    // Calls beside each other have their turns.
    if (this.#polling) return this.#polling.then(() => this.next(), () => this.next());
    const record = this.#take();
    if (record) return Promise.resolve({ value: record, done: false });
    const polled = this.#poll();
    this.#polling = polled;
    return polled;
  }

  /** Ends the iteration; a later poll gives what it has left. */
  async return() {
    this.#ended = true;
    this.giveBack();
    return { value: undefined, done: true };
  }

  /** Says how far the program has come. */
  tell() {
    if (this.#index === NOTHING) return;
    const { part, records } = this.#pieces[this.#piece];
    this.#channel.native.reached(this.#token, part, records.offsets[this.#index * 4]);
  }

  /** Leaves what the program has not had to later polls. */
  giveBack() {
    this.tell();
    this.#channel.native.giveBack(this.#token);
    this.#forget();
  }

  /** Leaves what the program has not had, for good: the consumer is closed. */
  abandon() {
    this.tell();
    // What the native side knows of the poll decides what is committed last.
    this.#token = NONE;
    this.#forget();
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** The next record in hand. */
  #take() {
    while (this.#piece < this.#pieces.length) {
      const { records } = this.#pieces[this.#piece];
      if (++this.#index < records.count) return new Record(records, this.#index);
      this.#piece++;
      this.#index = NOTHING;
    }
    return null;
  }

  /** @returns {Promise<IteratorResult<Record>>} */
  async #poll() {
    try {
      for (;;) {
        this.#finish();
        if (this.#ended) return { value: undefined, done: true };
        this.#hold(await this.#read());
        // The iteration may have ended meanwhile.
        if (this.#ended) this.giveBack();
        const record = this.#take();
        if (record) return { value: record, done: false };
      }
    } finally {
      this.#polling = null;
    }
  }

  /** @returns {Promise<PackedPoll>} */
  async #read() {
    try {
      // What is there takes no other thread.
      await nextTurn();
      if (this.#ended || this.#life.isClosed) {
        this.#ended = true;
        return { pieces: [], ended: [] };
      }
      this.#token = this.#channel.nextToken();
      const there = this.#channel.native.readNow(this.#token);
      return there ?? (await this.#channel.call((native, token) => native.read((this.#token = token))));
    } catch (error) {
      if (!(error instanceof RivvenError) || error.code !== 'CLOSED') throw error;
      this.#ended = true;
      return { pieces: [], ended: [] };
    }
  }

  /** @param {PackedPoll} packed */
  #hold({ pieces }) {
    this.#pieces = pieces.map((piece) => ({ part: piece.part, records: new Answer(piece.topic, piece) }));
    this.#streams.add(this);
  }

  /** The program has asked for more than there is in hand. */
  #finish() {
    this.#channel.native.finish(this.#token);
    this.#forget();
  }

  #forget() {
    this.#streams.delete(this);
    this.#pieces = [];
    this.#piece = 0;
    this.#index = NOTHING;
  }
}

module.exports = { RecordStream };
