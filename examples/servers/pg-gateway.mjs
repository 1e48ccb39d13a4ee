// A server that speaks PostgreSQL by npm's `pg-gateway`, which has no Kerberos: that is in front of it. Every query is
// answered with who asks; a database, such as PGlite, would answer `onMessage` itself.
import { createServer } from 'node:net';
import { duplexPair } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { acquireCredential, createAcceptor } from 'krb5-acceptor';
import { keytabFile } from 'krb5-acceptor/node';
import { PostgresConnection } from 'pg-gateway';
import { guard } from './connection.mjs';
import { message, servePostgres } from './postgres-front.mjs';

const { KEYTAB, SERVICE, PORT = 5432, HOST = 'localhost', REALM } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const acceptor = createAcceptor({ credential, clientRealms: [REALM] });
const isRole = (principal, role) => `${principal}` === `${role}@${REALM}`;
const front = { acceptor, isRole, serve, cancel: () => {} };

const QUERY = 'Q'.charCodeAt(0);
// The name of a column, and its type: text.
const COLUMN = Buffer.from(
  '\0\x01who\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0',
  'latin1',
);

createServer({ noDelay: true }, (socket) =>
  guard(socket, (client) => servePostgres(client, front)),
).listen(PORT, HOST);

/** The stream begins with the startup message, and so `pg-gateway` has nothing left to authenticate. */
async function serve(client, startup, principal) {
  const [near, far] = duplexPair();
  const connection = new PostgresConnection(far, {
    authMode: 'none',
    serverVersion: '16.0',
    onMessage([code], { isAuthenticated }) {
      if (!isAuthenticated || code !== QUERY) return false;
      connection.sendData(rowOf(`${principal}`));
      connection.sendReadyForQuery('idle');
      return true;
    },
  });
  near.write(startup);
  await Promise.all([pipeline(client.reader.rest(), near), pipeline(near, client.stream)]);
}

/** A result of one column and one row. */
function rowOf(text) {
  const value = Buffer.from(text);
  return Buffer.concat([
    message('T', COLUMN),
    message('D', Buffer.of(0, 1, 0, 0, 0, value.length), value),
    message('C', Buffer.from('SELECT 1\0')),
  ]);
}
