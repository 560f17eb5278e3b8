'use strict';

const { RivvenError } = require('./error.js');
const { NativeClient, open } = require('./native.js');

/** @import { RivvenErrorFields } from '../index' */
/** @import { Completion } from './native.js' */

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
  /** @type {Map<number, (completion: Completion) => void>} */
  #waiting = new Map();

  /** @param {{ [key: string]: string }} config */
  constructor(config) {
    const native = open(config, drainer(new WeakRef(this)));
    if (!(native instanceof NativeClient)) throw new RivvenError(native);
    this.#native = native;
  }

  /**
   * Makes a call and gives its answer.
   *
   * The error is made here and not where answers are drained, so that its
   * stack shows the callers that await.
   *
   * @param {(native: NativeClient, token: number) => RivvenErrorFields | null} submit
   * @returns {Promise<any>}
   */
  async call(submit) {
    const token = this.#nextToken++;
    const failure = submit(this.#native, token);
    if (failure) throw new RivvenError(failure);
    const completion = await this.#answer(token);
    if (completion.failure) throw new RivvenError(completion.failure);
    return completion.value;
  }

  /**
   * @param {number} token
   * @returns {Promise<Completion>}
   */
  #answer(token) {
    return new Promise((resolve) => {
      if (this.#waiting.size === 0) {
        busy.add(this);
        this.#native.hold();
      }
      this.#waiting.set(token, resolve);
    });
  }

  /** Settles every call whose answer has come. */
  drain() {
    for (const completion of this.#native.drain()) {
      this.#waiting.get(completion.token)?.(completion);
      this.#waiting.delete(completion.token);
    }
    if (this.#waiting.size === 0) {
      busy.delete(this);
      this.#native.release();
    }
  }
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
