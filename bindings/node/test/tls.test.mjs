// Encrypted connections to the real broker, and those that must fail.

import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Client, RivvenError } from 'rivven';

import { startBroker, startSecureBroker } from '../testing/servers.mjs';

/** A broker that takes clients with and without a certificate. */
let broker;
/** A folder for the files of the tests. */
let folder;

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'rivven-node-tls-'));
  broker = await startSecureBroker('--mtls', 'optional');
});

after(async () => {
  rmSync(folder, { recursive: true });
  await broker.stop();
});

/** Starts a broker for one test. */
async function secureBroker(t, ...options) {
  const broker = await startSecureBroker(...options);
  t.after(broker.stop);
  return broker;
}

/** Connects, asks for a sign of life and closes. */
async function use(options) {
  const client = await Client.connect(options);
  await client.ping();
  await client.close();
}

/** Waits for a connection to be refused, with an error that names the server and says what to do. */
async function refused(options, text) {
  const error = await use(options).then(() => assert.fail('the call succeeded'), (error) => error);
  assert.ok(error instanceof RivvenError, String(error));
  assert.deepEqual([error.code, error.outcome], ['TLS_FAILED', 'NOT_SENT'], error.message);
  assert.equal(error.address, options.bootstrapServers);
  assert.match(error.message, text);
}

test('a client connects by TLS, with and without a certificate of its own', async () => {
  // covers: F005 node, F016 node, F019 node
  await use(broker.tls);
  await use(broker.own);
});

test('a broker that wants a certificate gets it or refuses', async (t) => {
  // covers: F005 node, F019 node
  const { tls, own } = await secureBroker(t, '--mtls', 'required');
  await use(own);
  await refused(tls, /tls\.client\.cert\.path/);
  const { tlsClientCertPath, tlsClientKeyPath } = broker.own;
  await refused({ ...tls, tlsClientCertPath, tlsClientKeyPath }, /tls\.client\.cert\.path/);
});

test('an authority that is not trusted is refused', async () => {
  await refused({ ...broker.tls, tlsCaCertPath: broker.other_ca_cert }, /unknown CA/);
  await refused({ bootstrapServers: broker.address, tlsEnabled: true }, /unknown CA/);
});

test('a certificate for another name is refused unless that name is expected', async (t) => {
  // covers: F017 node, F016 node
  const { tls } = await secureBroker(t, '--san', 'broker.example');
  await refused(tls, /not valid for 127\.0\.0\.1.*tls\.server\.name/);
  await refused({ ...tls, tlsServerName: 'elsewhere.example' }, /not valid for elsewhere\.example/);
  await use({ ...tls, tlsServerName: 'broker.example' });
});

test('an expired certificate is refused', async (t) => {
  const { tls } = await secureBroker(t, '--expired-cert');
  await refused(tls, /expired/);
});

test('a client without TLS recognises a server with it', async () => {
  const call = use({ bootstrapServers: broker.address });
  await assert.rejects(call, { code: 'RESPONSE_TOO_LARGE', message: /TLS server/, address: broker.address });
});

test('a client with TLS gives up on a server without it', async (t) => {
  const plain = await startBroker();
  t.after(plain.stop);
  const options = { ...broker.tls, bootstrapServers: plain.address, connectionTimeoutMs: 5000 };
  const error = await use(options).then(() => assert.fail('the call succeeded'), (error) => error);
  assert.ok(['TLS_FAILED', 'TIMED_OUT'].includes(error.code), error.message);
  assert.deepEqual([error.outcome, error.address], ['NOT_SENT', plain.address]);
});

test('certificate files that do not exist or do not fit are refused when the client is made', async (t) => {
  const other = await secureBroker(t, '--mtls', 'optional');
  const missing = path.join(folder, 'missing.pem');
  const rubbish = path.join(folder, 'rubbish.pem');
  writeFileSync(rubbish, 'not a certificate');
  const { tlsClientCertPath, tlsClientKeyPath } = broker.own;
  for (const [wrong, text] of [
    [{ tlsCaCertPath: missing }, /missing\.pem/],
    [{ tlsCaCertPath: rubbish }, /rubbish\.pem/],
    [{ tlsCaCertPath: folder }, /cannot be read/],
    [{ tlsClientCertPath: missing, tlsClientKeyPath }, /missing\.pem/],
    [{ tlsClientCertPath, tlsClientKeyPath: missing }, /missing\.pem/],
    [{ tlsClientCertPath: rubbish, tlsClientKeyPath }, /rubbish\.pem/],
    [{ tlsClientCertPath, tlsClientKeyPath: rubbish }, /rubbish\.pem/],
    [{ tlsClientCertPath, tlsClientKeyPath: other.client_key }, /do not fit/],
    [{ tlsClientCertPath }, /without its key/],
    [{ tlsClientKeyPath }, /without its certificate/],
    [{ tlsCaCertPath: '' }, /tlsCaCertPath/],
    [{ tlsEnabled: 'yes' }, /tlsEnabled/],
  ]) {
    const options = { ...broker.tls, ...wrong };
    assert.throws(() => new Client(options), { name: 'RivvenError', code: 'INVALID_CONFIG', message: text });
    await assert.rejects(Client.connect(options), { code: 'INVALID_CONFIG' });
  }
});

test('certificates that are replaced on disk are used by the next connection', async (t) => {
  const old = await secureBroker(t);
  const ca = path.join(folder, 'replaced.pem');
  copyFileSync(old.ca_cert, ca);
  const client = new Client({ ...broker.tls, tlsCaCertPath: ca });
  await assert.rejects(client.ping(), { code: 'TLS_FAILED', message: /unknown CA/ });
  copyFileSync(broker.ca_cert, ca);
  await client.ping();
  rmSync(ca);
  await client.ping();
  await client.close();
});
