'use strict';

const { setImmediate: nextTurn } = require('node:timers/promises');

const { eachRecord, firstOf } = require('./handover.js');
const { Slice } = require('./slice.js');

/**
 * How records leave a backlog.
 *
 * @typedef {object} Exit
 * @property {(records: Buffer) => number} give hands records over as far as there is room; the bytes of those
 * @property {(records: Buffer) => Promise<void>} awaitRoom waits for room for the first of records
 * @property {(first: Buffer) => Promise<void>} send sends a record as soon as there is room of whatever kind is missing
 * @property {(slot: number, place: number, reason: unknown) => void} fail says that a record is given up
 */

/** Packed records that the core has no room for, in their order. */
class Backlog {
  #exit;
  /** @type {Buffer[]} */
  #held = [];
  #bytes = 0;
  /** How many pieces have been held so far, and how many of them are gone. */
  #pieces = { held: 0, gone: 0 };
  #feeding = false;
  /** @type {{ piece: number, resolve: () => void }[]} */
  #watchers = [];

  /** @param {Exit} exit */
  constructor(exit) {
    this.#exit = exit;
  }

  /** Whether records are held, behind which others have to be, too. */
  get isBusy() {
    return this.#feeding;
  }

  get bytes() {
    return this.#bytes;
  }

  /** @param {Buffer} records */
  hold(records) {
    this.#held.push(records);
    this.#bytes += records.length;
    this.#pieces.held++;
    if (!this.#feeding) this.#feed();
  }

  /** Waits until nothing is held any more of what is held now. */
  async emptied() {
    const piece = this.#pieces.held;
    if (this.#pieces.gone >= piece) return;
    await new Promise((resolve) => this.#watchers.push({ piece, resolve: () => resolve(undefined) }));
  }

  /**
   * Gives up what is held; the number of records.
   *
   * @param {unknown} reason
   */
  giveUp(reason) {
    let count = 0;
    while (this.#held.length > 0) count += this.#failPiece(reason);
    return count;
  }

  /** Hands over what is held as room becomes free, until nothing is. */
  async #feed() {
    this.#feeding = true;
    while (this.#held.length > 0) {
      const last = this.#pieces.held;
      try {
        await this.#exit.awaitRoom(this.#held[0]);
        if (!(await this.#give())) await this.#sendFirst();
      } catch (error) {
        // So long has waited what was held when the wait began, and not what has come since.
        while (this.#pieces.gone < last) this.#failPiece(error);
      }
    }
    this.#feeding = false;
  }

  /** Hands over what is held as far as there is room; whether there was any. */
  async #give() {
    let given = false;
    for (let slice = new Slice(); this.#held.length > 0; ) {
      const [records] = this.#held;
      const done = this.#exit.give(records);
      given ||= done > 0;
      if (done < records.length) {
        this.#shorten(done);
        return given;
      }
      this.#drop();
      if (!slice.isOver) continue;
      await nextTurn();
      slice = new Slice();
    }
    return true;
  }

  async #sendFirst() {
    const [records] = this.#held;
    const first = firstOf(records);
    if (first.length < records.length) this.#shorten(first.length);
    else this.#drop();
    await this.#exit.send(first);
  }

  /** @param {number} done the bytes that the first piece is to be shorter */
  #shorten(done) {
    this.#held[0] = this.#held[0].subarray(done);
    this.#bytes -= done;
  }

  #drop() {
    const records = /** @type {Buffer} */ (this.#held.shift());
    this.#bytes -= records.length;
    this.#pieces.gone++;
    while (this.#watchers.length > 0 && this.#watchers[0].piece <= this.#pieces.gone) this.#watchers.shift()?.resolve();
    return records;
  }

  /**
   * @param {unknown} reason
   * @returns {number} the number of records
   */
  #failPiece(reason) {
    return eachRecord(this.#drop(), (slot, place) => this.#exit.fail(slot, place, reason));
  }
}

module.exports = { Backlog };
