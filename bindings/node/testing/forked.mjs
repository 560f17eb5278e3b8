// A child of the tests of child_process.fork and cluster; leaves its client open.

import { Client } from 'rivven';

const client = await Client.connect(JSON.parse(process.argv[2]));
await client.ping();
process.send('pong', () => process.disconnect());
