// A gateway that signs users of PostgreSQL on with Kerberos, and encrypts their connections if they want it
// (gssencmode=require). PostgreSQL itself trusts the gateway; only the gateway may reach it: UPSTREAM is a port of
// this machine, or the path of a socket. The user alice@EXAMPLE.COM is the role alice if REALM is EXAMPLE.COM.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { acquireCredential, createAcceptor } from 'krb5-acceptor';
import { keytabFile } from 'krb5-acceptor/node';
import { guard } from './connection.mjs';
import { servePostgres } from './postgres-front.mjs';

const { KEYTAB, SERVICE, PORT = 5432, HOST = 'localhost', UPSTREAM, REALM } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const acceptor = createAcceptor({ credential, clientRealms: [REALM] });
const isRole = (principal, role) => `${principal}` === `${role}@${REALM}`;
const front = { acceptor, isRole, serve, cancel };

createServer({ noDelay: true }, (socket) =>
  guard(socket, (client) => servePostgres(client, front)),
).listen(PORT, HOST);

async function serve(client, startup) {
  const upstream = await openUpstream();
  // AuthenticationOk is the first message of PostgreSQL itself.
  upstream.write(startup);
  await Promise.all([pipeline(client.reader.rest(), upstream), pipeline(upstream, client.stream)]);
}

async function cancel(request) {
  const upstream = await openUpstream();
  upstream.resume().end(request);
}

async function openUpstream() {
  const upstream = connect(/^\d+$/.test(UPSTREAM) ? { port: Number(UPSTREAM) } : UPSTREAM);
  upstream.on('error', () => {});
  await once(upstream, 'connect', { signal: AbortSignal.timeout(10_000) });
  return upstream;
}
