'use strict';

const args = require('./arguments.js');
const { misuse } = require('./error.js');

/**
 * The configuration as the core reads it: each key to a text.
 *
 * @param {unknown} options
 * @returns {{ [key: string]: string }}
 */
function config(options) {
  if (typeof options === 'string') return { bootstrapServers: options };
  if (Array.isArray(options)) return { bootstrapServers: options.join(',') };
  if (typeof options !== 'object' || options === null) {
    throw misuse(`the configuration must be an address or an object, not ${args.shown(options)}`, 'INVALID_CONFIG');
  }
  const set = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(set.map(([name, value]) => [name, configValue(name, value)]));
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function configValue(name, value) {
  const kinds = ['string', 'number', 'bigint', 'boolean'];
  if (kinds.includes(typeof value)) return String(value);
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value.join(',');
  const problem = `must be a text, a number, a boolean or an array of texts, not ${args.shown(value)}`;
  throw misuse(`${name} ${problem}`, 'INVALID_CONFIG');
}

module.exports = { config };
