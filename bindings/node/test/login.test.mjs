// Logins at the real broker.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { Client, RivvenError } from 'rivven';

import { relay } from '../testing/relay.mjs';
import { login, misbehave, run, sessionSeconds, startBroker, startSecureBroker } from '../testing/servers.mjs';

const { authUsername: user, authPassword: password } = login;
const wrongPassword = 'Wrong-Horse-8';
const methods = ['authenticate', 'authenticateScram'];
let broker;

before(async () => (broker = await startSecureBroker()));
after(() => broker.stop());

/** Connects, hands the client to `body` and closes. */
async function using(options, body) {
  const client = await Client.connect(options);
  try {
    return await body(client);
  } finally {
    await client.close();
  }
}

/** Waits for a call to fail, with an error that shows no password anywhere. */
async function failure(call) {
  const error = await call.then(() => assert.fail('the call succeeded'), (error) => error);
  assert.ok(error instanceof RivvenError, String(error));
  hidesPasswords(error);
  return error;
}

function hidesPasswords(value) {
  const shown = `${inspect(value, { showHidden: true, depth: Infinity })} ${value.stack} ${JSON.stringify(value)}`;
  for (const secret of [password, wrongPassword]) assert.ok(!shown.includes(secret), shown.replaceAll(secret, '***'));
}

for (const authMechanism of [undefined, 'scram-sha-256', 'plain']) {
  test(`a client logs in by its configuration: ${authMechanism ?? 'by default'}`, async () => {
    // covers: F012 node, F013 node
    await using({ ...broker.tls, ...login, authMechanism }, (client) => client.listTopics());
  });
}

for (const method of methods) {
  test(`a client logs in by a method: ${method}`, async () => {
    // covers: F012 node, F013 node, F014 node
    await using(broker.tls, async (client) => {
      await assert.rejects(client.listTopics(), { code: 'AUTHENTICATION_REQUIRED' });
      const session = await client[method](user, password);
      assert.deepEqual(Object.keys(session).sort(), ['expiresIn', 'sessionId']);
      assert.equal(session.expiresIn, sessionSeconds);
      assert.ok(typeof session.sessionId === 'string' && session.sessionId.length > 0);
      await client.listTopics();
      hidesPasswords(client);
    });
  });

  test(`a wrong password and an unknown user are refused alike: ${method}`, async () => {
    await using(broker.tls, async (client) => {
      const refused = ['AUTHENTICATION_FAILED', 'REJECTED', false, false, broker.address];
      for (const credentials of [[user, wrongPassword], ['mallory', password]]) {
        const error = await failure(client[method](...credentials));
        assert.deepEqual([error.code, error.outcome, error.retriable, error.fatal, error.address], refused);
      }
      await assert.rejects(client.listTopics(), { code: 'AUTHENTICATION_REQUIRED' });
      await client.authenticate(user, password);
      await client.listTopics();
    });
  });

  test(`a broker that does not answer costs the request timeout: ${method}`, async (t) => {
    const address = await misbehave(t, 'stall');
    await using({ bootstrapServers: address, requestTimeoutMs: 300 }, async (client) => {
      const expected = method === 'authenticate' ? 'AUTHENTICATION_REQUIRES_TLS' : 'TIMED_OUT';
      assert.equal((await failure(client[method](user, password))).code, expected);
    });
  });

  test(`a login is refused after the client was closed: ${method}`, async () => {
    const client = new Client(broker.tls);
    await client.close();
    assert.equal((await failure(client[method](user, password))).code, 'CLOSED');
  });
}

test('a wrong password in the configuration is refused when the client connects', async () => {
  for (const wrong of [{ authPassword: wrongPassword }, { authUsername: 'mallory' }]) {
    const options = { ...broker.tls, ...login, ...wrong, authMechanism: 'plain' };
    const error = await failure(Client.connect(options));
    assert.deepEqual([error.code, error.outcome, error.retriable], ['AUTHENTICATION_FAILED', 'REJECTED', false]);
    const client = new Client(options);
    assert.equal((await failure(client.listTopics())).code, 'AUTHENTICATION_FAILED');
    hidesPasswords(client);
    await client.close();
  }
});

test('the password itself is refused without TLS, before a byte of it is sent', async (t) => {
  // covers: F012 node
  const plain = await startSecureBroker('--tls', 'off');
  t.after(plain.stop);
  const wire = await relay(t, plain.address);
  const refused = { code: 'AUTHENTICATION_REQUIRES_TLS', outcome: 'NOT_SENT', address: wire.address };
  await using(wire.address, async (client) => {
    await assert.rejects(client.authenticate(user, password), refused);
    await client.authenticateScram(user, password);
    await client.listTopics();
  });
  const options = { bootstrapServers: wire.address, ...login, authMechanism: 'plain' };
  const error = await failure(Client.connect(options));
  assert.equal(error.code, refused.code);
  const sent = wire.sent().toString('latin1');
  assert.ok(sent.includes(user), 'the relay has seen no login');
  assert.ok(!sent.includes(password), 'the password was sent');
});

test('a broker without authentication says so', async (t) => {
  const open = await startBroker();
  t.after(open.stop);
  await using(open.address, async (client) => {
    const error = await failure(client.authenticateScram(user, password));
    assert.equal(error.code, 'AUTHENTICATION_FAILED');
    assert.match(error.message, /without authentication/);
  });
});

test('a process may exit in the middle of a login', async () => {
  const source = `
    Client.connect(address).catch(() => {});
    setTimeout(() => process.exit(7), delay);`;
  for (const delay of [0, 30, 100, 300]) {
    const result = await run(`const delay = ${delay};${source}`, { ...broker.tls, ...login });
    assert.deepEqual([result.code, result.signal, result.stderr], [7, null, '']);
  }
});

for (const method of methods) {
  test(`a login holds for later connections, and one that was refused does not: ${method}`, async (t) => {
    const wire = await relay(t, broker.address);
    await using({ ...broker.tls, bootstrapServers: wire.address }, async (client) => {
      await client[method](user, password);
      await failure(client.authenticate(user, wrongPassword));
      await wire.cut();
      // The first call may find the old connection dead; the next one logs in on a new one.
      await client.listTopics().catch((error) => assert.equal(error.code, 'CONNECTION_LOST'));
      await client.listTopics();
    });
  });
}

test('arguments of the wrong kind are refused, and not shown', async () => {
  const client = new Client(broker.tls);
  for (const method of methods) {
    for (const args of [[], [user], [null, password], [user, null], [5, password], [user, Buffer.from(password)]]) {
      assert.equal((await failure(client[method](...args))).code, 'INVALID_ARGUMENT');
    }
    const error = await failure(client[method](user, 12345678));
    assert.ok(!error.message.includes('12345678'), error.message);
  }
  await client.close();
});

test('half a login and a mechanism that does not exist are configuration errors', () => {
  for (const wrong of [
    { authUsername: user },
    { authPassword: password },
    { ...login, authPassword: '' },
    { ...login, authPassword: { password } },
    { ...login, authPassword: () => password },
    { ...login, authMechanism: 'gssapi' },
    { ...login, authPasswort: password },
  ]) {
    assert.throws(() => new Client({ ...broker.tls, ...wrong }), (error) => {
      hidesPasswords(error);
      return error.code === 'INVALID_CONFIG';
    });
  }
});

test('a client never shows its password', () => {
  // covers: F015 node
  const client = new Client({ ...broker.tls, ...login });
  hidesPasswords(client);
  assert.equal(inspect(client), 'Client {}');
});
