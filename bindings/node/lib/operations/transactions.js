'use strict';

const args = require('../arguments.js');
const { ProducerState, producerState } = require('../producer-state.js');

/** @import * as api from '../../index' */
/** @import { Channel } from '../channel.js' */

/**
 * @param {Channel} channel
 * @param {bigint | number | null} [previous]
 * @returns {Promise<api.ProducerState>}
 */
async function initProducerId(channel, previous) {
  const id = previous === undefined || previous === null ? null : args.offset(previous, 'previous');
  return new ProducerState(await channel.call((native, token) => native.initProducerId(token, id)));
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {api.Bytes} value
 * @param {api.ProducerState} producer
 * @param {api.PublishOptions} [options]
 * @returns {Promise<api.PublishedOnce>}
 */
async function publishIdempotent(channel, topic, value, producer, options) {
  const { place, key, bytes } = record(topic, value, options, 'publishIdempotent');
  const state = producerState(producer);
  const published = await channel.call((native, token) => native.publishIdempotent(token, place, key, bytes, state));
  return { topic, ...published };
}

/**
 * @param {Channel} channel
 * @param {string} transactionalId
 * @param {api.ProducerState} producer
 * @param {{ timeoutMs?: number | null }} [options]
 * @returns {Promise<void>}
 */
async function beginTransaction(channel, transactionalId, producer, options) {
  const { id, state } = within(transactionalId, producer);
  const { timeoutMs } = args.options(options, 'beginTransaction', ['timeoutMs']);
  const timeout = args.optionalMilliseconds(timeoutMs, 'timeoutMs');
  return channel.call((native, token) => native.beginTransaction(token, id, state, timeout));
}

/**
 * @param {Channel} channel
 * @param {string} transactionalId
 * @param {api.ProducerState} producer
 * @param {Iterable<api.TopicPartition>} partitions
 * @returns {Promise<number>}
 */
async function addPartitionsToTxn(channel, transactionalId, producer, partitions) {
  const { id, state } = within(transactionalId, producer);
  const added = args.list(partitions, 'partitions', topicPartition);
  return channel.call((native, token) => native.addPartitionsToTxn(token, id, state, added));
}

/**
 * @param {Channel} channel
 * @param {string} transactionalId
 * @param {string} topic
 * @param {api.Bytes} value
 * @param {api.ProducerState} producer
 * @param {api.PublishOptions} [options]
 * @returns {Promise<api.PublishedInTransaction>}
 */
async function publishTransactional(channel, transactionalId, topic, value, producer, options) {
  const { place, key, bytes } = record(topic, value, options, 'publishTransactional');
  const { id, state } = within(transactionalId, producer);
  const published = await channel.call((native, token) =>
    native.publishTransactional(token, id, place, key, bytes, state),
  );
  return { topic, ...published };
}

/**
 * @param {Channel} channel
 * @param {string} transactionalId
 * @param {api.ProducerState} producer
 * @param {string} group
 * @param {Iterable<api.TopicPartitionOffset>} offsets
 * @returns {Promise<void>}
 */
async function addOffsetsToTxn(channel, transactionalId, producer, group, offsets) {
  const { id, state } = within(transactionalId, producer);
  args.text(group, 'group');
  const commits = args.list(offsets, 'offsets', commit);
  return channel.call((native, token) => native.addOffsetsToTxn(token, id, state, group, commits));
}

/**
 * @param {Channel} channel
 * @param {string} transactionalId
 * @param {api.ProducerState} producer
 * @returns {Promise<void>}
 */
async function commitTransaction(channel, transactionalId, producer) {
  const { id, state } = within(transactionalId, producer);
  return channel.call((native, token) => native.commitTransaction(token, id, state));
}

/**
 * @param {Channel} channel
 * @param {string} transactionalId
 * @param {api.ProducerState} producer
 * @returns {Promise<void>}
 */
async function abortTransaction(channel, transactionalId, producer) {
  const { id, state } = within(transactionalId, producer);
  return channel.call((native, token) => native.abortTransaction(token, id, state));
}

/**
 * A transaction and whose it is.
 *
 * @param {unknown} transactionalId
 * @param {unknown} producer
 */
function within(transactionalId, producer) {
  return { id: args.text(transactionalId, 'transactionalId'), state: producerState(producer) };
}

/**
 * A record and where it is to go.
 *
 * @param {unknown} topic
 * @param {unknown} value
 * @param {unknown} options
 * @param {string} what
 */
function record(topic, value, options, what) {
  const { key, partition } = args.options(options, what, ['key', 'partition']);
  const place = { topic: args.text(topic, 'topic'), partition: args.optionalWhole(partition, 'partition') };
  return { place, key: args.optionalKey(key), bytes: args.bytes(value, 'value') };
}

/** @param {unknown} entry */
function topicPartition(entry) {
  const { topic, partition } = args.options(entry, 'a partition', ['topic', 'partition']);
  return { topic: args.text(topic, 'topic'), partition: args.whole(partition, 'partition') };
}

/** @param {unknown} entry */
function commit(entry) {
  const { topic, partition, offset } = args.options(entry, 'an offset', ['topic', 'partition', 'offset']);
  return { ...topicPartition({ topic, partition }), offset: args.signedOffset(offset) };
}

module.exports = {
  abortTransaction,
  addOffsetsToTxn,
  addPartitionsToTxn,
  beginTransaction,
  commitTransaction,
  initProducerId,
  publishIdempotent,
  publishTransactional,
};
