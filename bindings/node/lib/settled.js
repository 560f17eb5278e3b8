'use strict';

const { RivvenError } = require('./error.js');

/** @import * as api from '../index' */
/** @import { Outcome } from './native.js' */

/**
 * The answers to many calls that were made as one, in the form of `Promise.allSettled`.
 *
 * @template T
 * @param {Outcome[]} outcomes
 * @param {(value: any, index: number) => T} take
 * @returns {api.Settled<T>[]}
 */
function settled(outcomes, take) {
  return outcomes.map(({ failure, value }, index) =>
    failure
      ? { status: 'rejected', reason: new RivvenError(failure) }
      : { status: 'fulfilled', value: take(value, index) },
  );
}

module.exports = { settled };
