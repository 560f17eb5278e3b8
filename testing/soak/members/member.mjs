// A member of a group that says what happens to it: node member.mjs SERVER GROUP TOPIC SESSION_MS HEARTBEAT_MS

import { writeSync } from 'node:fs';
import { Consumer } from '../../../bindings/node/index.mjs';

const [bootstrapServers, groupId, topic, session, heartbeat] = process.argv.slice(2);
const say = (...words) => writeSync(1, `${words.join(' ')}\n`);
const told = (what, partitions) => say(what, Date.now(), ...partitions.map(({ partition }) => partition));

const consumer = await Consumer.connect({
  bootstrapServers,
  groupId,
  sessionTimeoutMs: Number(session),
  heartbeatIntervalMs: Number(heartbeat),
  closeTimeoutMs: 60_000,
});
consumer.setRebalanceListener({
  onPartitionsAssigned: (partitions) => told('assigned', partitions),
  onPartitionsRevoked: (partitions) => told('revoked', partitions),
});
consumer.subscribe(topic);
process.stdin.resume().on('end', () => consumer.wakeup());
say('polls');
for (;;) {
  try {
    for (const { partition, offset } of await consumer.poll()) say('read', partition, offset);
  } catch (error) {
    if (error.code === 'WOKEN_UP') break;
    say('error', error.message);
  }
}
try {
  await consumer.close();
  say('closed');
} catch (error) {
  say('error', error.message);
}
