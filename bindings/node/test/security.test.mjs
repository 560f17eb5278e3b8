// Encrypted connections and logins, against the real broker.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from 'rivven';

import { startBroker } from '../testing/servers.mjs';

const login = { authUsername: 'alice', authPassword: 'Secret-Pass-1' };
let broker;

before(async () => {
  const user = `${login.authUsername}:${login.authPassword}:admin`;
  broker = await startBroker('--secure', '--mtls', 'optional', '--user', user);
});

after(() => broker.stop());

/** Connects with the keys given, makes a call and closes. */
async function use(options) {
  const client = await Client.connect({ bootstrapServers: broker.address, ...options });
  try {
    return await client.listTopics();
  } finally {
    await client.close();
  }
}

test('a client connects by TLS and logs in', async () => {
  // covers: F005 node, F012 node, F013 node
  const tls = { tlsCaCertPath: broker.ca_cert };
  assert.deepEqual(await use({ ...tls, ...login }), []);
  assert.deepEqual(await use({ ...tls, ...login, authMechanism: 'plain' }), []);
  const own = { tlsClientCertPath: broker.client_cert, tlsClientKeyPath: broker.client_key };
  assert.deepEqual(await use({ ...tls, ...own, ...login, tlsServerName: 'localhost' }), []);
});

test('an authority that is not trusted, a name that does not fit and a wrong password are refused', async () => {
  const tls = { tlsCaCertPath: broker.ca_cert };
  await assert.rejects(use({ ...login, tlsCaCertPath: broker.other_ca_cert }), { code: 'TLS_FAILED' });
  await assert.rejects(use({ ...login, ...tls, tlsServerName: 'elsewhere' }), { code: 'TLS_FAILED' });
  await assert.rejects(use({ ...login, ...tls, authPassword: 'Wrong-Pass-1' }), (error) => {
    assert.deepEqual([error.code, error.retriable], ['AUTHENTICATION_FAILED', false]);
    assert.ok(!error.message.includes('Wrong-Pass-1'));
    return true;
  });
});

test('a broker that wants TLS is recognised without it', async () => {
  await assert.rejects(use(login), { code: 'RESPONSE_TOO_LARGE', message: /TLS server/, address: broker.address });
});
