'use strict';

const { inspect } = require('node:util');

const { shown } = require('./arguments.js');
const { misuse, orThrow } = require('./error.js');
const { NativeProducerState } = require('./native.js');

/** @type {(value: unknown) => NativeProducerState | undefined} */
let nativeOf;

/** The identity of a producer, with its counters. */
class ProducerState {
  #native;

  static {
    nativeOf = (value) => (typeof value === 'object' && value !== null && #native in value ? value.#native : undefined);
  }

  /** @param {NativeProducerState} native */
  constructor(native) {
    if (!(native instanceof NativeProducerState)) throw misuse('the state of a producer comes from initProducerId');
    this.#native = native;
  }

  get producerId() {
    return this.#native.producerId;
  }

  get producerEpoch() {
    return this.#native.producerEpoch;
  }

  get nextSequence() {
    return this.#native.nextSequence;
  }

  abandon() {
    orThrow(this.#native.abandon());
  }

  /** The fields, for `console.log`. */
  [inspect.custom]() {
    const { producerId, producerEpoch, nextSequence } = this;
    return { producerId, producerEpoch, nextSequence };
  }
}

/**
 * The native half of a state.
 *
 * @param {unknown} value
 */
function producerState(value) {
  const native = nativeOf(value);
  if (native) return native;
  throw misuse(`producerState must be a ProducerState, as initProducerId gives it, not ${shown(value)}`);
}

module.exports = { ProducerState, producerState };
