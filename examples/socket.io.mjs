import { createServer } from 'node:http';
import { kerberos } from 'krb5-acceptor/express';
import { Server } from 'socket.io';

const { KEYTAB, SERVICE, PORT = 8080 } = process.env;
const server = createServer({ maxHeaderSize: 81_920 });
const io = new Server(server);
const signOn = kerberos({ keytab: KEYTAB, service: SERVICE });
// The first request of a session signs on; the others have the session's id.
io.engine.use((request, response, next) => {
  if (request._query.sid === undefined) signOn(request, response, next);
  else next();
});
io.on('connection', (socket) => {
  socket.emit('greeting', `Hello ${socket.request.kerberos.principal}\n`);
});
server.listen(PORT);
