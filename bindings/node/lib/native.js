'use strict';

// Loads the native part, which the install script has built.

const { existsSync } = require('node:fs');
const path = require('node:path');

const file = path.join(__dirname, '..', 'rivven.node');

if (!existsSync(file)) {
  const folder = path.dirname(file);
  throw new Error(`the native part of rivven is not built: run \`npm run install\` in ${folder}, with Rust installed`);
}

module.exports = require('../rivven.node');
