'use strict';

const { AsyncLocalStorage } = require('node:async_hooks');

const { RivvenError } = require('./error.js');
const { Answer, Record } = require('./records.js');

/** @import * as api from '../index' */
/** @import { NativeConsumer, NativeHandling } from './native.js' */

/**
 * The call of a handler that code is in.
 *
 * @type {AsyncLocalStorage<{ handlers: Handlers, isAtWork: boolean }>}
 */
const calls = new AsyncLocalStorage();

/** How many calls of `process` have not ended. */
let underWay = 0;

/** The handler of one call of `process`, and what it threw. */
class Handlers {
  #handler;
  /** @type {Map<string, { place: string, error: unknown }>} what was thrown last, by partition */
  #thrown = new Map();

  /** @param {(record: api.Record) => unknown} handler */
  constructor(handler) {
    this.#handler = handler;
    underWay++;
  }

  /** No more records come. */
  end() {
    // Knowing the calls makes every promise of the program dearer.
    if (--underWay === 0) calls.disable();
  }

  /**
   * Has a record worked on, and says what came of it.
   *
   * @param {NativeConsumer} native
   * @param {NativeHandling} handling
   */
  async handle(native, handling) {
    const record = new Record(new Answer(handling.topic, handling), 0);
    const partition = `${record.topic}/${record.partition}`;
    const call = { handlers: this, isAtWork: true };
    try {
      await calls.run(call, this.#handler, record);
    } catch (error) {
      // As the text of the error names it.
      this.#thrown.set(partition, { place: `${partition} at offset ${record.offset},`, error });
      native.handled(handling.number, textOf(error));
      return;
    } finally {
      call.isAtWork = false;
    }
    this.#thrown.delete(partition);
    native.handled(handling.number, null);
  }

  /** Whether the handler is at work and asks this. */
  get areAsking() {
    const call = calls.getStore();
    return call !== undefined && call.handlers === this && call.isAtWork;
  }

  /**
   * The error that ended it, with what the handler threw as its cause.
   *
   * @param {unknown} error
   */
  withCause(error) {
    if (!(error instanceof RivvenError)) return error;
    for (const { place, error: value } of this.#thrown.values()) {
      if (error.message.includes(place)) Object.defineProperty(error, 'cause', { value, configurable: true, writable: true });
    }
    return error;
  }
}

/**
 * What was thrown, as text.
 *
 * @param {unknown} thrown
 */
function textOf(thrown) {
  try {
    return String(thrown);
  } catch {
    return 'the handler threw what has no text';
  }
}

module.exports = { Handlers, textOf };
