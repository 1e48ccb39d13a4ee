// An SSH server that logs in by `gssapi-with-mic` alone, and says to whoever is in who that is. It runs no command.
// It needs `npm install --no-save ssh2`, and a host key: `ssh-keygen -t ed25519 -N '' -f host_key`.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { acquireCredential, createAcceptor, Mechanism } from 'krb5-acceptor';
import { keytabFile } from 'krb5-acceptor/node';
import ssh2 from 'ssh2';
import { addMethod, authenticate, METHOD } from './ssh-gssapi.mjs';

const { KEYTAB, SERVICE, PORT = 22, HOST = 'localhost', HOST_KEY, TIME_LIMIT = 30 } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const acceptor = createAcceptor({ credential, mechanisms: [Mechanism.krb5] });
const hostKeys = [readFileSync(HOST_KEY)];
// Without the `zlib` in which `addMethod` cannot read.
const algorithms = { compress: ['none', 'zlib@openssh.com'] };
const authMethods = [METHOD];
const MAX_TRIES = 6;

// ssh2 emits `connection` when a client has said its version, which some never do: time is limited from the start.
createServer((socket) => {
  const timer = setTimeout(() => socket.destroy(), TIME_LIMIT * 1000);
  socket.once('close', () => clearTimeout(timer));
  const options = { hostKeys, algorithms, authMethods };
  new ssh2.Server(options, (connection) => serve(connection, timer)).injectSocket(socket);
}).listen(PORT, HOST);

function serve(connection, timer) {
  let tries = MAX_TRIES;
  let context;
  addMethod(connection);
  connection.on('authentication', async (ctx) => {
    if (tries-- === 0) return connection.end();
    if (ctx.method !== METHOD) return ctx.reject(authMethods);
    context = (await authenticate(ctx, { acceptor })) ?? context;
  });
  connection.on('ready', () => clearTimeout(timer));
  connection.on('session', (accept) => {
    accept().on('exec', (start) => {
      const channel = start();
      const { initiator, delegatedCredential } = context;
      channel.write(`${initiator}${delegatedCredential ? ', with a ticket to delegate' : ''}\n`);
      channel.exit(0);
      channel.end();
    });
  });
  connection.on('error', () => {});
  connection.on('close', () => context?.dispose());
}
