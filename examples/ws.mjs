import { createServer } from 'node:http';
import { kerberos } from 'krb5-acceptor/node';
import { WebSocketServer } from 'ws';

const { KEYTAB, SERVICE, PORT = 8080 } = process.env;
const signOn = kerberos({ keytab: KEYTAB, service: SERVICE });
const sockets = new WebSocketServer({ noServer: true });
const clients = new WeakMap();
sockets.on('connection', (socket, request) => {
  socket.send(`Hello ${clients.get(request).identity.principal}\n`);
});
// The proof of this server's identity belongs to the answer 101.
sockets.on('headers', (lines, request) => {
  for (const [name, value] of clients.get(request).headers) lines.push(`${name}: ${value}`);
});
const server = createServer({ maxHeaderSize: 81_920 });
server.on('upgrade', async (request, socket, head) => {
  const client = await signOn.authenticateUpgrade(request, socket);
  if (client === undefined) return;
  clients.set(request, client);
  sockets.handleUpgrade(request, socket, head, (ws) => sockets.emit('connection', ws, request));
});
server.listen(PORT);
