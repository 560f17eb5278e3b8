'use strict';

const args = require('../arguments.js');

/** @import * as api from '../../index' */
/** @import { Channel } from '../channel.js' */

/**
 * @param {Channel} channel
 * @returns {Promise<string[]>}
 */
async function listGroups(channel) {
  return channel.call((native, token) => native.listGroups(token));
}

/**
 * @param {Channel} channel
 * @param {string} group
 * @returns {Promise<api.GroupOffsets>}
 */
async function describeGroup(channel, group) {
  args.text(group, 'group');
  return channel.call((native, token) => native.describeGroup(token, group));
}

/**
 * @param {Channel} channel
 * @param {string} group
 * @returns {Promise<void>}
 */
async function deleteGroup(channel, group) {
  args.text(group, 'group');
  return channel.call((native, token) => native.deleteGroup(token, group));
}

/**
 * @param {Channel} channel
 * @param {string} group
 * @param {api.JoinGroupOptions} options
 * @returns {Promise<api.GroupMembership>}
 */
async function joinGroup(channel, group, options) {
  args.text(group, 'group');
  const known = ['member', 'sessionTimeoutMs', 'rebalanceTimeoutMs', 'protocolType', 'subscriptions'];
  const given = args.options(options, 'joinGroup', known);
  const join = {
    member: args.optionalText(given.member, 'member') ?? '',
    sessionTimeoutMs: args.whole(given.sessionTimeoutMs, 'sessionTimeoutMs'),
    rebalanceTimeoutMs: args.whole(given.rebalanceTimeoutMs, 'rebalanceTimeoutMs'),
    protocolType: args.text(given.protocolType, 'protocolType'),
    subscriptions: args.texts(given.subscriptions, 'subscriptions'),
  };
  return channel.call((native, token) => native.joinGroup(token, group, join));
}

/**
 * @param {Channel} channel
 * @param {string} group
 * @param {number} generation
 * @param {string} member
 * @param {Iterable<api.MemberAssignment>} [assignments]
 * @returns {Promise<api.TopicPartitions[]>}
 */
async function syncGroup(channel, group, generation, member, assignments = []) {
  args.text(group, 'group');
  args.whole(generation, 'generation');
  args.text(member, 'member');
  const shares = args.list(assignments, 'assignments', memberAssignment);
  return channel.call((native, token) => native.syncGroup(token, group, generation, member, shares));
}

/**
 * @param {unknown} entry
 * @returns {[string, [string, number[]][]]}
 */
function memberAssignment(entry) {
  const { member, assignment } = args.options(entry, 'an assignment', ['member', 'assignment']);
  return [args.text(member, 'member'), args.list(assignment, 'assignment', topicPartitions)];
}

/**
 * @param {unknown} entry
 * @returns {[string, number[]]}
 */
function topicPartitions(entry) {
  const { topic, partitions } = args.options(entry, 'a topic of an assignment', ['topic', 'partitions']);
  return [
    args.text(topic, 'topic'),
    args.list(partitions, 'partitions', (partition) => args.whole(partition, 'partition')),
  ];
}

/**
 * @param {Channel} channel
 * @param {string} group
 * @param {number} generation
 * @param {string} member
 * @returns {Promise<number>}
 */
async function heartbeat(channel, group, generation, member) {
  args.text(group, 'group');
  args.whole(generation, 'generation');
  args.text(member, 'member');
  return channel.call((native, token) => native.heartbeat(token, group, generation, member));
}

/**
 * @param {Channel} channel
 * @param {string} group
 * @param {string} member
 * @returns {Promise<void>}
 */
async function leaveGroup(channel, group, member) {
  args.text(group, 'group');
  args.text(member, 'member');
  return channel.call((native, token) => native.leaveGroup(token, group, member));
}

module.exports = {
  deleteGroup,
  describeGroup,
  heartbeat,
  joinGroup,
  leaveGroup,
  listGroups,
  removeMember: leaveGroup,
  syncGroup,
};
