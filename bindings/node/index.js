'use strict';

const { Client } = require('./lib/client.js');
const { RivvenError } = require('./lib/error.js');
const { onLog } = require('./lib/log.js');
const { version } = require('./lib/native.js');
const { Record } = require('./lib/records.js');

module.exports = { Client, Record, RivvenError, onLog, version };
