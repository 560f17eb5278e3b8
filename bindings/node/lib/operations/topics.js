'use strict';

const args = require('../arguments.js');
const { misuse } = require('../error.js');

/** @import * as api from '../../index' */
/** @import { Channel } from '../channel.js' */

/**
 * @param {Channel} channel
 * @param {string} name
 * @param {number | { partitions?: number }} [partitions]
 * @returns {Promise<number>}
 */
async function createTopic(channel, name, partitions) {
  args.text(name, 'name');
  const options = typeof partitions === 'number' ? { partitions } : partitions;
  const count = args.optionalWhole(args.options(options, 'createTopic', ['partitions']).partitions, 'partitions');
  return channel.call((native, token) => native.createTopic(token, name, count));
}

/**
 * @param {Channel} channel
 * @returns {Promise<string[]>}
 */
async function listTopics(channel) {
  return channel.call((native, token) => native.listTopics(token));
}

/**
 * @param {Channel} channel
 * @param {string} name
 * @returns {Promise<void>}
 */
async function deleteTopic(channel, name) {
  args.text(name, 'name');
  return channel.call((native, token) => native.deleteTopic(token, name));
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @returns {Promise<api.TopicMetadata>}
 */
async function getMetadata(channel, topic) {
  args.text(topic, 'topic');
  return channel.call((native, token) => native.getMetadata(token, topic));
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {number} count
 * @returns {Promise<number>}
 */
async function createPartitions(channel, topic, count) {
  args.text(topic, 'topic');
  args.whole(count, 'count');
  return channel.call((native, token) => native.createPartitions(token, topic, count));
}

/**
 * @param {Channel} channel
 * @param {Iterable<string> | null} [topics]
 * @returns {Promise<api.TopicConfigs>}
 */
async function describeTopicConfigs(channel, topics) {
  const names = args.texts(topics ?? [], 'topics');
  return channel.call((native, token) => native.describeTopicConfigs(token, names));
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {{ [key: string]: api.ConfigValue }} configs
 * @returns {Promise<api.TopicConfigAltered>}
 */
async function alterTopicConfig(channel, topic, configs) {
  args.text(topic, 'topic');
  if (typeof configs !== 'object' || configs === null || Array.isArray(configs)) {
    throw misuse(`configs must be an object, not ${args.shown(configs)}`);
  }
  const changes = Object.entries(configs).map(([key, value]) => setting(key, value));
  return channel.call((native, token) => native.alterTopicConfig(token, topic, changes));
}

/**
 * A setting and its text; `null` takes the default back.
 *
 * @param {string} key
 * @param {unknown} value
 * @returns {[string, string | null]}
 */
function setting(key, value) {
  if (value === null) return [key, null];
  if (['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return [key, String(value)];
  throw misuse(`${key} must be a text, a number, a boolean or null, not ${args.shown(value)}`);
}

/**
 * @param {Channel} channel
 * @param {string} topic
 * @param {Iterable<api.PartitionOffset>} before
 * @returns {Promise<api.DeletedRecords[]>}
 */
async function deleteRecords(channel, topic, before) {
  args.text(topic, 'topic');
  const offsets = args.list(before, 'before', partitionOffset);
  return channel.call((native, token) => native.deleteRecords(token, topic, offsets));
}

/**
 * @param {unknown} entry
 * @returns {[number, bigint]}
 */
function partitionOffset(entry) {
  const { partition, offset } = args.options(entry, 'an offset of deleteRecords', ['partition', 'offset']);
  return [args.whole(partition, 'partition'), args.offset(offset)];
}

module.exports = {
  alterTopicConfig,
  createPartitions,
  createTopic,
  deleteRecords,
  deleteTopic,
  describeTopicConfigs,
  getMetadata,
  listTopics,
};
