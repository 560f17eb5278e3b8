// Schemas at the real registry.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Client } from 'rivven';

import { failsWith } from '../testing/fixture.mjs';
import { deadAddress } from '../testing/relay.mjs';
import { startRegistry } from '../testing/servers.mjs';

const AVRO = '{"type":"record","name":"User","fields":[{"name":"id","type":"long"}]}';
const PROTOBUF = 'syntax = "proto3";\nmessage User {\n  int64 id = 1;\n}\n';
const JSON_SCHEMA = '{"type":"object","properties":{"id":{"type":"integer"}},"required":["id"]}';

const { url, stop } = await startRegistry();
// Its server is never asked: a registry needs no broker.
const client = new Client('127.0.0.1:1');
after(async () => {
  await client.close();
  await stop();
});

const sameJson = (left, right) => assert.deepEqual(JSON.parse(left), JSON.parse(right));

for (const [schemaType, text, same] of [
  ['AVRO', AVRO, sameJson],
  ['PROTOBUF', PROTOBUF, (schema) => assert.match(schema, /int64 id = 1/)],
  ['JSON', JSON_SCHEMA, sameJson],
]) {
  test(`a schema is registered and read back: ${schemaType}`, async () => {
    // covers: F112 node
    const subject = `users-${schemaType}`;
    const id = await client.registerSchema(url, subject, schemaType, text);
    assert.equal(await client.registerSchema(url, subject, schemaType, text), id);
    const byId = await client.getSchema(url, id);
    assert.deepEqual([byId.id, byId.schemaType], [id, schemaType]);
    same(byId.schema, text);
    for (const version of [undefined, null, 1]) {
      const { schema } = byId;
      assert.deepEqual(await client.getSchemaVersion(url, subject, version), {
        id,
        subject,
        version: 1,
        schemaType,
        schema,
      });
    }
  });
}

test('the versions of a subject are told apart', async () => {
  // covers: F112 node
  const [subject, more] = ['a b/ü%2F?#', ',{"name":"age","type":"int","default":0}]}'];
  const texts = [AVRO, AVRO.replace(/\]\}$/, more)];
  const ids = [];
  for (const text of texts) ids.push(await client.registerSchema(url, subject, 'AVRO', text));
  for (const [index, text] of texts.entries()) {
    const schema = await client.getSchemaVersion(url, subject, index + 1);
    assert.deepEqual([schema.id, schema.version, schema.subject], [ids[index], index + 1, subject]);
    sameJson(schema.schema, text);
  }
  assert.equal((await client.getSchemaVersion(url, subject)).version, 2);
});

test('what the registry refuses has its code', async () => {
  // covers: F112 node
  const refused = (code, registryCode, call) =>
    assert.rejects(call, { code, registryCode, outcome: 'REJECTED', retriable: false });
  await refused('SCHEMA_INVALID', 42201, client.registerSchema(url, 's', 'AVRO', '{"type":"no such"}'));
  await client.registerSchema(url, 's', 'AVRO', AVRO);
  const incompatible = AVRO.replace(/\]\}$/, ',{"name":"age","type":"int"}]}');
  await refused('SCHEMA_INCOMPATIBLE', 409, client.registerSchema(url, 's', 'AVRO', incompatible));
  await refused('SCHEMA_NOT_FOUND', 40403, client.getSchema(url, 4_000_000_000));
  await refused('SCHEMA_NOT_FOUND', 40401, client.getSchemaVersion(url, 'none'));
  await refused('SCHEMA_NOT_FOUND', 40402, client.getSchemaVersion(url, 's', 9));
});

test('what is no registry, no language and no subject is refused', async () => {
  await failsWith('CONNECTION_FAILED', client.getSchema(`http://${await deadAddress()}`, 1));
  await failsWith('INVALID_ARGUMENT', client.getSchema('127.0.0.1:1', 1));
  await failsWith('INVALID_ARGUMENT', client.registerSchema(url, 's', 'XML', 'x'));
  await failsWith('INVALID_ARGUMENT', client.registerSchema(url, '', 'AVRO', AVRO));
});
