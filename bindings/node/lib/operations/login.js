'use strict';

const args = require('../arguments.js');

/** @import * as api from '../../index' */
/** @import { Channel } from '../channel.js' */

/**
 * @param {Channel} channel
 * @param {string} username
 * @param {string} password
 * @returns {Promise<api.AuthSession>}
 */
async function authenticate(channel, username, password) {
  args.text(username, 'username');
  args.secret(password, 'password');
  return channel.call((native, token) => native.authenticate(token, username, password));
}

/**
 * @param {Channel} channel
 * @param {string} username
 * @param {string} password
 * @returns {Promise<api.AuthSession>}
 */
async function authenticateScram(channel, username, password) {
  args.text(username, 'username');
  args.secret(password, 'password');
  return channel.call((native, token) => native.authenticateScram(token, username, password));
}

module.exports = { authenticate, authenticateScram };
