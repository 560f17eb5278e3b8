'use strict';

const args = require('../arguments.js');
const { settled } = require('../settled.js');

/** @import * as api from '../../index' */
/** @import { Channel } from '../channel.js' */

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {number} partition
 * @returns {Promise<api.OffsetBounds>}
 */
async function getOffsetBounds(channel, topic, partition) {
  args.text(topic, 'topic');
  args.whole(partition, 'partition');
  return channel.call((native, token) => native.getOffsetBounds(token, topic, partition));
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {number} partition
 * @param {number | Date} timestamp
 * @returns {Promise<bigint | null>}
 */
async function getOffsetForTimestamp(channel, topic, partition, timestamp) {
  args.text(topic, 'topic');
  args.whole(partition, 'partition');
  const time = args.timestamp(timestamp);
  return channel.call((native, token) => native.getOffsetForTimestamp(token, topic, partition, time));
}

/**
 * @param {Channel} channel
 * @param {string} group
 * @param {string} topic
 * @param {number} partition
 * @param {bigint | number} offset
 * @returns {Promise<void>}
 */
async function commitOffset(channel, group, topic, partition, offset) {
  args.text(group, 'group');
  const commit = checked({ topic, partition, offset });
  return channel.call((native, token) => native.commitOffset(token, group, commit));
}

/**
 * @param {Channel} channel
 * @param {string} group
 * @param {Iterable<api.TopicPartitionOffset>} offsets
 * @returns {Promise<api.Settled<void>[]>}
 */
async function commitOffsetsPipelined(channel, group, offsets) {
  args.text(group, 'group');
  const known = ['topic', 'partition', 'offset'];
  const commits = args.list(offsets, 'offsets', (entry) => checked(args.options(entry, 'a commit', known)));
  return settled(
    await channel.call((native, token) => native.commitOffsetsPipelined(token, group, commits)),
    () => undefined,
  );
}

/**
 * @param {Channel} channel
 * @param {string} group
 * @param {string} topic
 * @param {number} partition
 * @returns {Promise<bigint | null>}
 */
async function getOffset(channel, group, topic, partition) {
  args.text(group, 'group');
  args.text(topic, 'topic');
  args.whole(partition, 'partition');
  return channel.call((native, token) => native.getOffset(token, group, topic, partition));
}

/** @param {{ [name: string]: unknown }} fields */
function checked({ topic, partition, offset }) {
  return {
    topic: args.text(topic, 'topic'),
    partition: args.whole(partition, 'partition'),
    offset: args.offset(offset),
  };
}

module.exports = { commitOffset, commitOffsetsPipelined, getOffset, getOffsetBounds, getOffsetForTimestamp };
