'use strict';

const { Client } = require('./lib/client.js');
const { RivvenError } = require('./lib/error.js');
const { version } = require('./lib/native.js');
const { Record } = require('./lib/records.js');

module.exports = { Client, Record, RivvenError, version };
