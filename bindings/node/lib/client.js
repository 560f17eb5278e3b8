'use strict';

const args = require('./arguments.js');
const { Channel } = require('./channel.js');
const { misuse } = require('./error.js');
const { records } = require('./records.js');

/** @import * as api from '../index' */

// The documentation of the methods is in index.d.ts, where editors show it.

/** A client of a list of servers. */
class Client {
  #channel;

  /**
   * @param {string | string[] | api.ClientOptions} options
   */
  constructor(options) {
    this.#channel = new Channel(config(options));
  }

  /** @param {string | string[] | api.ClientOptions} options */
  static async connect(options) {
    const client = new Client(options);
    await client.#channel.call((native, token) => native.connect(token));
    return client;
  }

  /**
   * @param {string} username
   * @param {string} password
   * @returns {Promise<api.AuthSession>}
   */
  async authenticate(username, password) {
    args.text(username, 'username');
    args.secret(password, 'password');
    return this.#channel.call((native, token) => native.authenticate(token, username, password));
  }

  /**
   * @param {string} username
   * @param {string} password
   * @returns {Promise<api.AuthSession>}
   */
  async authenticateScram(username, password) {
    args.text(username, 'username');
    args.secret(password, 'password');
    return this.#channel.call((native, token) => native.authenticateScram(token, username, password));
  }

  /**
   * @param {string} name
   * @param {number | { partitions?: number }} [partitions]
   * @returns {Promise<number>}
   */
  async createTopic(name, partitions) {
    args.text(name, 'name');
    const options = typeof partitions === 'number' ? { partitions } : partitions;
    const count = args.optionalWhole(args.options(options, 'createTopic', ['partitions']).partitions, 'partitions');
    return this.#channel.call((native, token) => native.createTopic(token, name, count));
  }

  /** @returns {Promise<string[]>} */
  async listTopics() {
    return this.#channel.call((native, token) => native.listTopics(token));
  }

  /**
   * @param {string} name
   * @returns {Promise<void>}
   */
  async deleteTopic(name) {
    args.text(name, 'name');
    return this.#channel.call((native, token) => native.deleteTopic(token, name));
  }

  /**
   * @param {string} topic
   * @returns {Promise<api.TopicMetadata>}
   */
  async getMetadata(topic) {
    args.text(topic, 'topic');
    return this.#channel.call((native, token) => native.getMetadata(token, topic));
  }

  /**
   * @param {string} topic
   * @param {number} partition
   * @returns {Promise<api.OffsetBounds>}
   */
  async getOffsetBounds(topic, partition) {
    args.text(topic, 'topic');
    args.whole(partition, 'partition');
    return this.#channel.call((native, token) => native.getOffsetBounds(token, topic, partition));
  }

  /**
   * @param {string} topic
   * @param {api.Bytes} value
   * @param {api.PublishOptions} [options]
   * @returns {Promise<api.Published>}
   */
  async publish(topic, value, options) {
    const { key, partition } = args.options(options, 'publish', ['key', 'partition']);
    return this.#append(topic, args.optionalWhole(partition, 'partition'), key, value);
  }

  /**
   * @param {string} topic
   * @param {api.Bytes | null} key
   * @param {api.Bytes} value
   * @returns {Promise<api.Published>}
   */
  async publishWithKey(topic, key, value) {
    return this.#append(topic, null, key, value);
  }

  /**
   * @param {string} topic
   * @param {number} partition
   * @param {api.Bytes} value
   * @param {{ key?: api.Bytes | null }} [options]
   * @returns {Promise<api.Published>}
   */
  async publishToPartition(topic, partition, value, options) {
    const { key } = args.options(options, 'publishToPartition', ['key']);
    return this.#append(topic, args.whole(partition, 'partition'), key, value);
  }

  /**
   * @param {string} topic
   * @param {number | null} partition
   * @param {unknown} key
   * @param {unknown} value
   */
  async #append(topic, partition, key, value) {
    args.text(topic, 'topic');
    const keyBytes = args.optionalKey(key);
    const valueBytes = args.bytes(value, 'value');
    const published = await this.#channel.call((native, token) =>
      native.publish(token, topic, partition, keyBytes, valueBytes),
    );
    return { topic, ...published };
  }

  /**
   * @param {string} topic
   * @param {Iterable<api.Bytes | api.BatchRecord>} batch
   * @param {{ partition?: number | null }} [options]
   * @returns {Promise<api.PublishedBatch>}
   */
  async publishBatch(topic, batch, options) {
    args.text(topic, 'topic');
    const partition = args.optionalWhole(args.options(options, 'publishBatch', ['partition']).partition, 'partition');
    const { lengths, packed } = args.pack(batch);
    const published = await this.#channel.call((native, token) =>
      native.publishBatch(token, topic, partition, lengths, packed),
    );
    return { topic, ...published };
  }

  /**
   * @param {string} topic
   * @param {number} partition
   * @param {bigint | number} offset
   * @param {number} maxMessages
   * @returns {Promise<api.Record[]>}
   */
  async consume(topic, partition, offset, maxMessages) {
    args.text(topic, 'topic');
    args.whole(partition, 'partition');
    args.whole(maxMessages, 'maxMessages');
    const from = args.offset(offset);
    const packed = await this.#channel.call((native, token) =>
      native.consume(token, topic, partition, from, maxMessages),
    );
    return records(topic, packed);
  }

  /** @returns {Promise<void>} */
  async ping() {
    return this.#channel.call((native, token) => native.ping(token));
  }

  /**
   * @param {{ timeoutMs?: number }} [options]
   * @returns {Promise<void>}
   */
  async close(options) {
    const limit = args.milliseconds(args.options(options, 'close', ['timeoutMs']).timeoutMs);
    return this.#channel.call((native, token) => native.close(token, limit));
  }

  /** Closes at the end of an `await using` block. */
  [Symbol.asyncDispose ?? Symbol('asyncDispose')]() {
    return this.close();
  }
}

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

module.exports = { Client };
