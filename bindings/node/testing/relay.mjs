// A relay between a client and a server, which sees and can cut what passes,
// and servers that are there for nobody.

import net from 'node:net';
import { once } from 'node:events';

/**
 * Starts a relay to `address`; it is stopped after the test.
 *
 * Gives its own `address`, what clients have `sent` so far, how many
 * `connections` they have made, how to `cut` those of the moment, and how to
 * `loseAnswer`: instead of the next answer the client gets the end of its
 * connection.
 */
export async function relay(test, address) {
  const [host, port] = address.split(':');
  const chunks = [];
  const sockets = new Set();
  let [connections, loses] = [0, false];
  const server = net.createServer((client) => {
    connections++;
    const upstream = net.connect(Number(port), host);
    client.on('data', (chunk) => chunks.push(chunk));
    upstream.on('data', () => {
      if (loses) client.destroy();
      loses = false;
    });
    client.pipe(upstream).pipe(client);
    for (const [socket, other] of [[client, upstream], [upstream, client]]) {
      sockets.add(socket);
      // Whatever ends one side ends the other; an error is followed by the close.
      socket.on('error', () => {}).on('close', () => other.destroy() && sockets.delete(socket));
    }
  });
  const own = await listen(server);
  const cut = () => Promise.all(Array.from(sockets, (socket) => once(socket.destroy(), 'close')));
  test.after(async () => {
    server.close();
    await cut();
  });
  return {
    address: own,
    sent: () => Buffer.concat(chunks),
    connections: () => connections,
    cut,
    loseAnswer: () => (loses = true),
  };
}

/** Starts a server that hangs up on everybody, until the end of the test; gives its `address` and its `connections`. */
export async function hangUp(test) {
  let connections = 0;
  const server = net.createServer((client) => {
    connections++;
    client.destroy();
  });
  const address = await listen(server);
  test.after(() => server.close());
  return { address, connections: () => connections };
}

/** Gives an address that nobody listens on. */
export async function deadAddress() {
  const server = net.createServer();
  const address = await listen(server);
  server.close();
  await once(server, 'close');
  return address;
}

async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${server.address().port}`;
}
