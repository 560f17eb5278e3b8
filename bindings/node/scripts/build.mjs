// Builds the native part and puts it where lib/native.js looks for it.
// Run by `npm install`; `--debug` makes an unoptimised build.

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, renameSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const workspace = path.resolve(root, '../..');
const target = path.join(root, 'rivven.node');

function fail(reason) {
  console.error(`rivven: ${reason}`);
  process.exit(1);
}

/** Runs cargo and gives the path of the library, as cargo itself names it. */
function build() {
  const options = ['build', '-p', 'rivven-node', '--message-format', 'json-render-diagnostics'];
  if (!process.argv.includes('--debug')) options.push('--release');
  if (existsSync(path.join(workspace, 'Cargo.lock'))) options.push('--locked');
  const cargo = spawnSync('cargo', options, {
    cwd: workspace,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: Infinity,
  });
  if (cargo.error?.code === 'ENOENT') {
    fail('cargo was not found: the native part is built from source, so install Rust from https://rustup.rs');
  }
  if (cargo.error) fail(`cargo could not be started: ${cargo.error.message}`);
  if (cargo.status !== 0) fail(`cargo ${options.join(' ')} failed in ${workspace}: see its output above`);
  return artefact(cargo.stdout);
}

function artefact(output) {
  const messages = output.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  const built = messages.find(({ reason, target }) => reason === 'compiler-artifact' && target.name === 'rivven_node');
  return built?.filenames[0] ?? fail('cargo named no library among what it built');
}

// By way of a rename: a process that has the old library loaded keeps it whole.
const fresh = path.join(root, `rivven.${process.pid}.node`);
copyFileSync(build(), fresh);
renameSync(fresh, target);
