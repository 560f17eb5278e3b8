'use strict';

const args = require('../arguments.js');

/** @import * as api from '../../index' */
/** @import { Channel } from '../channel.js' */

/**
 * @param {Channel} channel
 * @param {Iterable<api.QuotaEntity>} [entities]
 * @returns {Promise<api.QuotaEntry[]>}
 */
async function describeQuotas(channel, entities = []) {
  const asked = args.list(entities, 'entities', entity);
  return channel.call((native, token) => native.describeQuotas(token, asked));
}

/**
 * @param {unknown} entry
 * @returns {[string, string | null]}
 */
function entity(entry) {
  const { entityType, entityName } = args.options(entry, 'an entity', ['entityType', 'entityName']);
  return [args.text(entityType, 'entityType'), args.optionalText(entityName, 'entityName')];
}

/**
 * @param {Channel} channel
 * @param {Iterable<api.QuotaAlteration>} alterations
 * @returns {Promise<number>}
 */
async function alterQuotas(channel, alterations) {
  const changes = args.list(alterations, 'alterations', alteration);
  return channel.call((native, token) => native.alterQuotas(token, changes));
}

/** @param {unknown} entry */
function alteration(entry) {
  const known = ['entityType', 'entityName', 'quotaKey', 'quotaValue'];
  const { entityType, entityName, quotaKey, quotaValue } = args.options(entry, 'an alteration', known);
  return {
    entityType: args.text(entityType, 'entityType'),
    entityName: args.optionalText(entityName, 'entityName'),
    quotaKey: args.text(quotaKey, 'quotaKey'),
    quotaValue: quotaValue === null ? null : args.offset(quotaValue, 'quotaValue'),
  };
}

module.exports = { alterQuotas, describeQuotas };
