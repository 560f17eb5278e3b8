// The child of the test of child_process.fork; leaves its client open.

import { Client } from 'rivven';

const client = await Client.connect(process.argv[2]);
await client.ping();
process.send('pong', () => process.disconnect());
