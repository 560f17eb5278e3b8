'use strict';

const args = require('../arguments.js');
const { RivvenError } = require('../error.js');

/** @import * as api from '../../index' */
/** @import { Channel } from '../channel.js' */
/** @import { NativeServer } from '../native.js' */

/**
 * @param {Channel} channel
 * @returns {Promise<void>}
 */
async function ping(channel) {
  return channel.call((native, token) => native.ping(token));
}

/**
 * @param {Channel} channel
 * @param {Iterable<string> | null} [topics]
 * @returns {Promise<api.ClusterMetadata>}
 */
async function getClusterMetadata(channel, topics) {
  const names = args.texts(topics ?? [], 'topics');
  return channel.call((native, token) => native.getClusterMetadata(token, names));
}

/**
 * @param {Channel} channel
 * @returns {Promise<api.ClientStats>}
 */
async function stats(channel) {
  const { servers, ...totals } = await channel.call((native, token) => native.stats(token));
  return { ...totals, servers: servers.map(server) };
}

/**
 * @param {NativeServer} server
 * @returns {api.ServerStats}
 */
function server({ lastError, ...fields }) {
  return { ...fields, lastError: lastError && new RivvenError(lastError) };
}

module.exports = { getClusterMetadata, ping, stats };
