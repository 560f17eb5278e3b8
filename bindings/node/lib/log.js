'use strict';

const args = require('./arguments.js');
const { misuse } = require('./error.js');
const { logLevels, openLog } = require('./native.js');

/** @import * as api from '../index' */

// Documented in index.d.ts.

/**
 * @param {(record: api.LogRecord) => void} listener
 * @param {{ level?: api.LogLevel }} [options]
 * @returns {() => void}
 */
function onLog(listener, options) {
  if (typeof listener !== 'function') throw misuse(`listener must be a function, not ${args.shown(listener)}`);
  const { level = 'info' } = args.options(options, 'onLog', ['level']);
  if (!logLevels().includes(level)) throw misuse(`level must be one of ${logLevels().join(', ')}, not ${args.shown(level)}`);
  let stopped = false;
  const log = openLog(level, () => {
    for (const record of log.drain()) {
      // An error of the listener is the program's, and takes no other record away.
      process.nextTick(() => stopped || listener({ ...record, time: new Date(record.time) }));
    }
  });
  return () => {
    stopped = true;
    log.close();
  };
}

module.exports = { onLog };
