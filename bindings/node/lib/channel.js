'use strict';

const { RivvenError } = require('./error.js');
const { Slice } = require('./slice.js');

/** @import { RivvenErrorFields } from '../index' */
/** @import { Completion, NativeClient, NativeConsumer, NativeProducer } from './native.js' */

/**
 * @template N
 * @typedef {(native: N, token: number) => RivvenErrorFields | null} Submit
 */
/** @typedef {Map<number, (completion: Completion) => void>} Calls */

/**
 * The channels with calls under way.
 *
 * The native side refers to a channel weakly, so that a client that is dropped
 * without being closed can be collected; a call that waits keeps it.
 *
 * @type {Set<Channel<any>>}
 */
const busy = new Set();

/** The token of what no call waits for: reports and rebalances. */
const REPORTS = 0;

/**
 * A native client, producer or consumer and the calls that wait for its answers.
 *
 * The native side wakes the event loop once per burst of answers; one drain
 * then settles them all. The process stays alive while a call waits, and not
 * for the client alone.
 *
 * @template {NativeClient | NativeProducer | NativeConsumer} [N=NativeClient]
 */
class Channel {
  #native;
  #onReports;
  #kept = false;
  /** Whether more answers are settled in the next turn of the event loop. */
  #draining = false;
  #nextToken = 1;
  /** @type {Calls} */
  #waiting = new Map();
  /** @type {Calls} */
  #background = new Map();

  /**
   * @param {(wake: () => void) => N | RivvenErrorFields} open
   * @param {(reports: any) => void} [onReports] takes what a producer says of its records, or a consumer of its partitions
   */
  constructor(open, onReports) {
    const native = open(drainer(new WeakRef(this)));
    if ('code' in native) throw new RivvenError(native);
    this.#native = native;
    this.#onReports = onReports;
  }

  get native() {
    return this.#native;
  }

  /** A token that no call has. */
  nextToken() {
    return this.#nextToken++;
  }

  /** Keeps the process alive, as a call does that waits, until {@link letGo}. */
  keep() {
    this.#kept = true;
    this.#hold();
  }

  letGo() {
    this.#kept = false;
    this.#release();
  }

  /**
   * Makes a call and gives its answer; the process stays alive meanwhile.
   *
   * @param {Submit<N>} submit
   * @returns {Promise<any>}
   */
  async call(submit) {
    return valueOf(await this.#answer(submit, this.#waiting));
  }

  /**
   * Makes a call whose answer nobody may be waiting for: it keeps neither the
   * process alive nor this channel.
   *
   * @param {Submit<N>} submit
   * @returns {Promise<any>}
   */
  async background(submit) {
    return valueOf(await this.#answer(submit, this.#background));
  }

  /**
   * @param {Submit<N>} submit
   * @param {Calls} calls
   * @returns {Promise<Completion>}
   */
  async #answer(submit, calls) {
    const token = this.nextToken();
    const failure = submit(this.#native, token);
    if (failure) return { token, failure };
    return new Promise((resolve) => {
      calls.set(token, resolve);
      if (calls === this.#waiting && calls.size === 1) this.#hold();
    });
  }

  #hold() {
    busy.add(this);
    this.#native.hold();
  }

  #release() {
    if (this.#kept || this.#waiting.size > 0) return;
    busy.delete(this);
    this.#native.release();
  }

  /** Settles the calls whose answers have come, a slice of time at once. */
  drain() {
    // Else the native side calls while the next turn is awaited, which goes on by itself.
    if (!this.#draining) this.#drainSlice();
  }

  #drainSlice() {
    const slice = new Slice();
    do {
      const completions = this.#native.drain();
      for (const completion of completions) this.#settle(completion);
      this.#draining = completions.length > 0;
    } while (this.#draining && !slice.isOver);
    if (this.#draining) setImmediate(() => this.#drainSlice());
    this.#release();
  }

  /** @param {Completion} completion */
  #settle(completion) {
    const { token } = completion;
    if (token === REPORTS) {
      this.#onReports?.(completion.value);
      return;
    }
    const calls = this.#waiting.has(token) ? this.#waiting : this.#background;
    calls.get(token)?.(completion);
    calls.delete(token);
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
 * @param {WeakRef<Channel<any>>} channel
 */
function drainer(channel) {
  return () => channel.deref()?.drain();
}

module.exports = { Channel };
