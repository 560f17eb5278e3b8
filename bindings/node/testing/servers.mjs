// Starts the programs that tests run against; each ends when its standard
// input does, so none outlives the test process.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package. */
export const packageFolder = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** The folder of the repository. */
export const repository = path.resolve(packageFolder, '../..');

const brokerProgram =
  process.env.RIVVEN_TEST_BROKER ?? path.join(repository, 'testing/broker/target/debug/rivven-test-broker');
const registryProgram =
  process.env.RIVVEN_TEST_REGISTRY ?? path.join(repository, 'testing/broker/target/debug/rivven-test-registry');
const misbehaveProgram = process.env.RIVVEN_MISBEHAVE ?? path.join(repository, 'target/debug/rivven-misbehave');
const sinkProgram = path.join(path.dirname(misbehaveProgram), 'rivven-sink');
const scriptedBrokerProgram = path.join(path.dirname(misbehaveProgram), 'rivven-scripted-broker');
const faultProxyProgram = path.join(path.dirname(misbehaveProgram), 'rivven-fault-proxy');

/** Starts a broker; gives what it says of itself, above all its `address`, and how to `stop` or `kill` it. */
export function startBroker(...options) {
  return start(brokerProgram, options);
}

/** Starts a schema registry; gives its `url`, and how to `stop` it. */
export function startRegistry() {
  return start(registryProgram, []);
}

/** The user that a broker of {@link secureBroker} knows, as options of a client. */
export const login = { authUsername: 'alice', authPassword: 'Correct-Horse-7' };

/** How long a login at such a broker holds, in seconds. */
export const sessionSeconds = 1234;

/**
 * Starts a broker with TLS and the user {@link login}.
 *
 * Also gives `tls`, the options of a client that trusts it, and `own`, those of one with a certificate.
 */
export async function startSecureBroker(...options) {
  const user = `${login.authUsername}:${login.authPassword}:admin`;
  const timeout = `${sessionSeconds}`;
  const broker = await startBroker('--secure', '--user', user, '--session-timeout-secs', timeout, ...options);
  const tls = { bootstrapServers: broker.address, tlsCaCertPath: broker.ca_cert };
  const own = { ...tls, tlsClientCertPath: broker.client_cert, tlsClientKeyPath: broker.client_key };
  return { ...broker, tls, own };
}

/** Starts a server that misbehaves as its mode says; it is stopped after the test. */
export async function misbehave(test, mode) {
  const server = await start(misbehaveProgram, [mode]);
  test.after(server.stop);
  return server.address;
}

/** Starts a proxy to `upstream`, which does what a `command` says: `stall`, `resume`, `cut`; it is stopped after the test. */
export async function faultProxy(test, upstream) {
  const proxy = await start(faultProxyProgram, ['--upstream', upstream]);
  test.after(proxy.stop);
  return proxy;
}

/** Starts a broker, or a cluster, that does what a script says; it is stopped after the test. */
export async function scriptedBroker(test, script) {
  const broker = await start(scriptedBrokerProgram, ['--json', JSON.stringify(script)]);
  test.after(broker.stop);
  return broker;
}

/** Starts a broker that keeps nothing, with one partition of each topic; it is stopped after the test. */
export async function startSink(test) {
  const sink = await start(sinkProgram, ['--partitions', '1']);
  test.after(sink.stop);
  return sink;
}

async function start(program, args) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout);
  const started = once(lines, 'line');
  const [line] = await Promise.race([started, once(child, 'close').then(() => [''])]);
  if (!line) throw new Error(`${program} ${args.join(' ')} did not start`);
  const ended = once(child, 'exit');
  const stop = async () => {
    child.stdin.end();
    await ended;
  };
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  const command = async (text) => {
    const answered = once(lines, 'line');
    child.stdin.write(`${text}\n`);
    return JSON.parse((await answered)[0]);
  };
  return { ...JSON.parse(line), stop, kill, command };
}

/**
 * Runs a module in a Node process of its own, with `address` defined: one, or a client's options.
 *
 * Gives its exit status or signal, its output and how long it took. A process
 * that does not end is killed after a minute, which shows as the signal.
 */
export async function run(source, address, flags = []) {
  const begin = performance.now();
  const program = `const address = ${JSON.stringify(address)};\nimport { Client, Producer } from 'rivven';\n${source}`;
  const child = spawn(process.execPath, [...flags, '--input-type=module', '-e', program], {
    cwd: packageFolder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) child[stream].on('data', (data) => (output[stream] += data));
  const [code, signal] = await once(child, 'close');
  return { code, signal, ...output, ms: performance.now() - begin };
}
