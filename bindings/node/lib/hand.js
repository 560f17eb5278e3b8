'use strict';

const { Answer, Record } = require('./records.js');

/** @import { Channel } from './channel.js' */
/** @import { NativeConsumer, PackedPoll } from './native.js' */

/** The token of no poll. */
const NONE = 0;

/** The index of no record. */
const NOTHING = -1;

/**
 * The records that an iterator has in hand, all of one poll, and how far the program has come with them.
 *
 * It does not refer to the iterator, which may be dropped.
 */
class Hand {
  #channel;
  #hands;
  /** The token of the poll. */
  #token = NONE;
  /** @type {{ part: number, records: Answer }[]} */
  #pieces = [];
  #piece = 0;
  #index = NOTHING;

  /**
   * @param {Channel<NativeConsumer>} channel
   * @param {Set<Hand>} hands where it is while there are records in it
   */
  constructor(channel, hands) {
    this.#channel = channel;
    this.#hands = hands;
  }

  /**
   * Takes what a poll gave.
   *
   * @param {number} token
   * @param {PackedPoll} packed
   */
  hold(token, { pieces }) {
    this.#token = token;
    this.#pieces = pieces.map((piece) => ({ part: piece.part, records: new Answer(piece.topic, piece) }));
    this.#hands.add(this);
  }

  /** The next record, if there is one. */
  take() {
    while (this.#piece < this.#pieces.length) {
      const { records } = this.#pieces[this.#piece];
      if (++this.#index < records.count) return new Record(records, this.#index);
      this.#piece++;
      this.#index = NOTHING;
    }
    return null;
  }

  /** Says how far the program has come. */
  tell() {
    if (this.#index === NOTHING) return;
    const { part, records } = this.#pieces[this.#piece];
    this.#channel.native.reached(this.#token, part, records.offsets[this.#index * 4]);
  }

  /** The program has asked for more than there is. */
  finish() {
    this.#channel.native.finish(this.#token);
    this.#forget();
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
    this.#forget();
  }

  #forget() {
    this.#hands.delete(this);
    this.#token = NONE;
    this.#pieces = [];
    this.#piece = 0;
    this.#index = NOTHING;
  }
}

module.exports = { Hand };
