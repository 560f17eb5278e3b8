'use strict';

/** @import { ErrorCode, RivvenErrorFields } from '../index' */

/** What every call of this package fails with. */
class RivvenError extends Error {
  /** @param {RivvenErrorFields} fields */
  constructor(fields) {
    super(fields.message);
    this.code = fields.code;
    this.retriable = fields.retriable;
    this.fatal = fields.fatal;
    this.abortable = fields.abortable;
    this.outcome = fields.outcome;
    this.address = fields.address ?? null;
    this.registryCode = fields.registryCode;
  }
}

// On the prototype, as `name` is of all errors: not a property of each.
Object.defineProperty(RivvenError.prototype, 'name', { value: 'RivvenError', configurable: true, writable: true });

/**
 * A call that JavaScript itself finds wrong, before anything is sent.
 *
 * @param {string} message
 * @param {ErrorCode} [code]
 */
function misuse(message, code = 'INVALID_ARGUMENT') {
  return new RivvenError({
    code,
    message,
    retriable: false,
    fatal: false,
    abortable: false,
    outcome: 'NOT_SENT',
    address: null,
  });
}

/**
 * What the native side gave, unless it is an error.
 *
 * @template T
 * @param {T | RivvenErrorFields} given
 * @returns {T}
 */
function orThrow(given) {
  if (isFailure(given)) throw new RivvenError(given);
  return given;
}

/**
 * @param {unknown} given
 * @returns {given is RivvenErrorFields}
 */
function isFailure(given) {
  return typeof given === 'object' && given !== null && 'code' in given;
}

module.exports = { RivvenError, misuse, orThrow };
