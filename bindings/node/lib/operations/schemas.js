'use strict';

const args = require('../arguments.js');

/** @import * as api from '../../index' */
/** @import { Channel } from '../channel.js' */

/**
 * @param {Channel} channel
 * @param {string} url
 * @param {string} subject
 * @param {api.SchemaType} schemaType
 * @param {string} schema
 * @returns {Promise<number>}
 */
async function registerSchema(channel, url, subject, schemaType, schema) {
  args.text(url, 'url');
  args.text(subject, 'subject');
  args.text(schemaType, 'schemaType');
  args.text(schema, 'schema');
  return channel.call((native, token) => native.registerSchema(token, url, subject, schemaType, schema));
}

/**
 * @param {Channel} channel
 * @param {string} url
 * @param {number} id
 * @returns {Promise<api.Schema>}
 */
async function getSchema(channel, url, id) {
  args.text(url, 'url');
  args.whole(id, 'id');
  return channel.call((native, token) => native.getSchema(token, url, id));
}

/**
 * @param {Channel} channel
 * @param {string} url
 * @param {string} subject
 * @param {number | null} [version]
 * @returns {Promise<api.Schema>}
 */
async function getSchemaVersion(channel, url, subject, version) {
  args.text(url, 'url');
  args.text(subject, 'subject');
  const wanted = args.optionalWhole(version, 'version');
  return channel.call((native, token) => native.getSchemaVersion(token, url, subject, wanted));
}

module.exports = { getSchema, getSchemaVersion, registerSchema };
