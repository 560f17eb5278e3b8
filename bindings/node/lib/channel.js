'use strict';

const { RivvenError } = require('./error.js');
const { NativeClient, open } = require('./native.js');

/** @import { RivvenErrorFields } from '../index' */
/** @import { Completion } from './native.js' */

/** @typedef {(native: NativeClient, token: number) => RivvenErrorFields | null} Submit */
/** @typedef {Map<number, (completion: Completion) => void>} Calls */

/**
 * The channels with calls under way.
 *
 * The native side refers to a channel weakly, so that a client that is dropped
 * without being closed can be collected; a call that waits keeps it.
 *
 * @type {Set<Channel>}
 */
const busy = new Set();

/**
 * A native client and the calls that wait for its answers.
 *
 * The native side wakes the event loop once per burst of answers; one drain
 * then settles them all. The process stays alive while a call waits, and not
 * for the client alone.
 */
class Channel {
  #native;
  #nextToken = 1;
  /** @type {Calls} */
  #waiting = new Map();
  /** @type {Calls} */
  #background = new Map();

  /** @param {{ [key: string]: string }} config */
  constructor(config) {
    const native = open(config, drainer(new WeakRef(this)));
    if (!(native instanceof NativeClient)) throw new RivvenError(native);
    this.#native = native;
  }

  /**
   * Makes a call and gives its answer; the process stays alive meanwhile.
   *
   * @param {Submit} submit
   * @returns {Promise<any>}
   */
  async call(submit) {
    return valueOf(await this.#answer(submit, this.#waiting));
  }

  /**
   * Makes a call whose answer nobody may be waiting for: it keeps neither the
   * process alive nor this channel.
   *
   * @param {Submit} submit
   * @returns {Promise<any>}
   */
  async background(submit) {
    return valueOf(await this.#answer(submit, this.#background));
  }

  /**
   * @param {Submit} submit
   * @param {Calls} calls
   * @returns {Promise<Completion>}
   */
  async #answer(submit, calls) {
    const token = this.#nextToken++;
    const failure = submit(this.#native, token);
    if (failure) return { token, failure };
    return new Promise((resolve) => {
      calls.set(token, resolve);
      if (calls === this.#waiting && calls.size === 1) {
        busy.add(this);
        this.#native.hold();
      }
    });
  }

  /** Settles every call whose answer has come. */
  drain() {
    for (const completion of this.#native.drain()) {
      const { token } = completion;
      const calls = this.#waiting.has(token) ? this.#waiting : this.#background;
      calls.get(token)?.(completion);
      calls.delete(token);
    }
    if (this.#waiting.size === 0) {
      busy.delete(this);
      this.#native.release();
    }
  }
}

/**
 * The error is made by those who await and not where answers are drained, so
 * that its stack shows the callers.
 *
 * @param {Completion} completion
 * @returns {any}
 */
function valueOf({ failure, value }) {
  if (failure) throw new RivvenError(failure);
  return value;
}

/**
 * What the native side calls. It stands outside the class, since a function
 * written in the constructor would keep the channel alive.
 *
 * @param {WeakRef<Channel>} channel
 */
function drainer(channel) {
  return () => channel.deref()?.drain();
}

module.exports = { Channel };
