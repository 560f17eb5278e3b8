// A relay between a client and a server, which sees and can cut what passes.

import net from 'node:net';
import { once } from 'node:events';

/**
 * Starts a relay to `address`; it is stopped after the test.
 *
 * Gives its own `address`, what clients have `sent` so far, and how to `cut`
 * the connections of the moment.
 */
export async function relay(test, address) {
  const [host, port] = address.split(':');
  const chunks = [];
  const sockets = new Set();
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(port), host);
    client.on('data', (chunk) => chunks.push(chunk));
    client.pipe(upstream).pipe(client);
    for (const [socket, other] of [[client, upstream], [upstream, client]]) {
      sockets.add(socket);
      // Whatever ends one side ends the other; an error is followed by the close.
      socket.on('error', () => {}).on('close', () => other.destroy() && sockets.delete(socket));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => Promise.all(Array.from(sockets, (socket) => once(socket.destroy(), 'close')));
  test.after(async () => {
    server.close();
    await cut();
  });
  return { address: `127.0.0.1:${server.address().port}`, sent: () => Buffer.concat(chunks), cut };
}
