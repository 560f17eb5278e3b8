'use strict';

const args = require('../arguments.js');
const { records } = require('../records.js');
const { settled } = require('../settled.js');

/** @import * as api from '../../index' */
/** @import { Channel } from '../channel.js' */
/** @import { Fetch } from '../native.js' */

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {api.Bytes} value
 * @param {api.PublishOptions} [options]
 * @returns {Promise<api.Published>}
 */
async function publish(channel, topic, value, options) {
  const { key, partition } = args.options(options, 'publish', ['key', 'partition']);
  return append(channel, topic, args.optionalWhole(partition, 'partition'), key, value);
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {api.Bytes | null} key
 * @param {api.Bytes} value
 * @returns {Promise<api.Published>}
 */
async function publishWithKey(channel, topic, key, value) {
  return append(channel, topic, null, key, value);
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {number} partition
 * @param {api.Bytes} value
 * @param {{ key?: api.Bytes | null }} [options]
 * @returns {Promise<api.Published>}
 */
async function publishToPartition(channel, topic, partition, value, options) {
  const { key } = args.options(options, 'publishToPartition', ['key']);
  return append(channel, topic, args.whole(partition, 'partition'), key, value);
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {number | null} partition
 * @param {unknown} key
 * @param {unknown} value
 */
async function append(channel, topic, partition, key, value) {
  args.text(topic, 'topic');
  const keyBytes = args.optionalKey(key);
  const valueBytes = args.bytes(value, 'value');
  const published = await channel.call((native, token) =>
    native.publish(token, topic, partition, keyBytes, valueBytes),
  );
  return { topic, ...published };
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {Iterable<api.Bytes | api.BatchRecord>} batch
 * @param {{ partition?: number | null }} [options]
 * @returns {Promise<api.PublishedBatch>}
 */
async function publishBatch(channel, topic, batch, options) {
  args.text(topic, 'topic');
  const partition = args.optionalWhole(args.options(options, 'publishBatch', ['partition']).partition, 'partition');
  const { lengths, packed } = args.pack(batch);
  const published = await channel.call((native, token) =>
    native.publishBatch(token, topic, partition, lengths, packed),
  );
  return { topic, ...published };
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {number} partition
 * @param {bigint | number} offset
 * @param {number} maxMessages
 * @param {api.ConsumeOptions} [options]
 * @returns {Promise<api.Record[]>}
 */
async function consume(channel, topic, partition, offset, maxMessages, options) {
  const { isolationLevel, maxWaitMs } = args.options(options, 'consume', ['isolationLevel', 'maxWaitMs']);
  return read(channel, { topic, partition, offset, maxMessages, isolationLevel, maxWaitMs });
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {number} partition
 * @param {bigint | number} offset
 * @param {number} maxMessages
 * @param {number | null} isolationLevel
 * @returns {Promise<api.Record[]>}
 */
async function consumeWithIsolation(channel, topic, partition, offset, maxMessages, isolationLevel) {
  return read(channel, { topic, partition, offset, maxMessages, isolationLevel });
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {number} partition
 * @param {bigint | number} offset
 * @param {number} maxMessages
 * @returns {Promise<api.Record[]>}
 */
async function consumeReadCommitted(channel, topic, partition, offset, maxMessages) {
  return read(channel, { topic, partition, offset, maxMessages, isolationLevel: 1 });
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {number} partition
 * @param {bigint | number} offset
 * @param {number} maxMessages
 * @param {number} maxWaitMs
 * @param {{ isolationLevel?: number | null }} [options]
 * @returns {Promise<api.Record[]>}
 */
async function consumeLongPoll(channel, topic, partition, offset, maxMessages, maxWaitMs, options) {
  const { isolationLevel } = args.options(options, 'consumeLongPoll', ['isolationLevel']);
  const wait = args.milliseconds(maxWaitMs, 'maxWaitMs');
  return read(channel, { topic, partition, offset, maxMessages, isolationLevel, maxWaitMs: wait });
}

/**
 * @param {Channel} channel
 * @param {Iterable<api.Fetch>} fetches
 * @returns {Promise<api.Settled<api.Record[]>[]>}
 */
async function consumePipelined(channel, fetches) {
  const known = ['topic', 'partition', 'offset', 'maxMessages', 'isolationLevel'];
  const asked = args.list(fetches, 'fetches', (entry) => checked(args.options(entry, 'a fetch', known)));
  const answers = await channel.call((native, token) => native.consumePipelined(token, asked));
  return settled(answers, (packed, index) => records(asked[index].topic, packed));
}

/**
 * @param {Channel} channel
 * @param {{ [name: string]: unknown }} fields
 */
async function read(channel, fields) {
  const fetch = checked(fields);
  return records(fetch.topic, await channel.call((native, token) => native.consume(token, fetch)));
}

/**
 * @param {{ [name: string]: unknown }} fields
 * @returns {Fetch}
 */
function checked({ topic, partition, offset, maxMessages, isolationLevel, maxWaitMs }) {
  return {
    topic: args.text(topic, 'topic'),
    partition: args.whole(partition, 'partition'),
    offset: args.offset(offset),
    maxMessages: args.whole(maxMessages, 'maxMessages'),
    isolationLevel: args.isolationLevel(isolationLevel),
    maxWaitMs: args.optionalMilliseconds(maxWaitMs, 'maxWaitMs'),
  };
}

module.exports = {
  consume,
  consumeLongPoll,
  consumePipelined,
  consumeReadCommitted,
  consumeWithIsolation,
  publish,
  publishBatch,
  publishToPartition,
  publishWithKey,
};
