// The facts that live in Rust, compared with what JavaScript and TypeScript show.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import rivven, {
  Client,
  Consumer,
  ConsumerRecords,
  Producer,
  ProducerState,
  Record,
  RivvenError,
  TopicHandle,
  Transaction,
  Transformer,
} from 'rivven';

import { packageFolder, repository } from '../testing/servers.mjs';

const source = (file) => readFileSync(path.join(repository, file), 'utf8');
const declarations = readFileSync(path.join(packageFolder, 'index.d.ts'), 'utf8');

/** The first group of every match. */
function all(text, pattern) {
  return Array.from(text.matchAll(pattern), (match) => match[1]);
}

function camelCase(name) {
  return name.replace(/[._](\w)/g, (_, letter) => letter.toUpperCase());
}

/** The text of a declaration, up to the brace that closes it. */
function declaration(head) {
  const begin = declarations.indexOf(head);
  assert.notEqual(begin, -1, head);
  return declarations.slice(begin, declarations.indexOf('\n}', begin));
}

test('what is declared exists', () => {
  const classes = [
    [Producer, 3],
    [TopicHandle, 3],
    [Consumer, 20],
    [ConsumerRecords, 2],
    [Record, 1],
    [ProducerState, 1],
    [Transaction, 8],
    [Transformer, 4],
  ];
  for (const [type, least] of classes) {
    const methods = all(declaration(`export class ${type.name} `), /^  (\w+)\(/gm).filter((name) => name !== 'constructor');
    assert.ok(methods.length >= least);
    for (const name of methods) assert.equal(typeof type.prototype[name], 'function', name);
  }
  for (const name of all(declaration('export class Client '), /^  (\w+)\(/gm)) {
    assert.equal(typeof Client.prototype[name], 'function', name);
  }
  for (const type of [Client, Producer, Consumer, Transaction]) {
    const names = all(declaration(`export class ${type.name} `), /^  static (\w+)\(/gm);
    assert.ok(names.length >= 1);
    for (const name of names) assert.equal(typeof type[name], 'function', name);
  }
  for (const name of all(declarations, /^export (?:function|class) (\w+)/gm)) {
    assert.equal(typeof rivven[name], 'function', name);
  }
  const error = new RivvenError({ message: 'm', code: 'CLOSED' });
  for (const name of all(declaration('export class RivvenError'), /^  readonly (\w+):/gm)) {
    assert.ok(name in error, name);
  }
});

test('everything that is declared is documented', () => {
  const lines = declarations.split('\n');
  const declares = (line) => /^(?:export |  (?:readonly |static |private )*\[?[\w.]+\??[\]:(<])/.test(line);
  const bare = lines.filter((line, index) => declares(line) && !lines[index - 1].endsWith('*/'));
  assert.deepEqual(bare, []);
  assert.ok(lines.filter(declares).length > 200);
});

test('every error code is declared', () => {
  const codes = all(source('rivven-core/src/error/code.rs'), /^ +\w+ = \d+, "(\w+)",/gm);
  assert.ok(codes.length >= 70);
  assert.deepEqual(all(declarations, /^  \| '(\w+)'/gm), codes);
});

test('every level of the log is declared', () => {
  const [levels] = all(source('bindings/bridge/src/log.rs'), /\["(off.*trace)"\]/g);
  const [declared] = all(declarations, /^export type LogLevel = '(.*)';$/gm);
  assert.deepEqual(declared.split("' | '"), levels.split('", "'));
});

test('every configuration key is declared', () => {
  const table = source('rivven-core/src/config/keys.rs').split('#[cfg(test)]')[0].split('const KEYS: ')[1];
  // A key's name is the first text of its entry, apart from defaults.
  const keys = table.replace(/\w+_default: Some\("[^"]*"\),/g, '');
  const forProducers = all(keys, /\bproducer\([^"]*"([a-z0-9.]+)"/g).map(camelCase);
  const forConsumers = all(keys, /\bconsumer\([^"]*"([a-z0-9.]+)"/g).map(camelCase);
  const rest = keys.replace(/\b(?:producer|consumer)\([^"]*"[a-z0-9.]+"/g, '');
  const names = all(rest, /\b(?:(?:milliseconds|integer|flag|text|choice)\(|name: )\s*"([a-z0-9.]+)"/g).map(camelCase);
  assert.ok(names.length >= 26);
  assert.ok(forProducers.length >= 16);
  assert.ok(forConsumers.length >= 18);
  const declared = (head) => all(declaration(head), /^  (\w+)\??:/gm).sort();
  assert.deepEqual(declared('export interface ClientOptions {'), names.sort());
  assert.deepEqual(declared('export interface ProducerOptions '), forProducers.sort());
  // One key of producers has a meaning for consumers, too.
  assert.deepEqual(declared('export interface ConsumerOptions '), [...forConsumers, 'connectionsPerBroker'].sort());
});
