// A SOCKS5 proxy for those who have a ticket (RFC 1928, RFC 1961): what client and proxy send to each other is
// encrypted. PLAIN=1 also admits clients that ask for no protection, as curl does.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { acquireCredential, createAcceptor } from 'krb5-acceptor';
import { keytabFile } from 'krb5-acceptor/node';
import { guard, join, protect, Reader } from './connection.mjs';

const { KEYTAB, SERVICE, PORT = 1080, HOST = 'localhost', PLAIN } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const acceptor = createAcceptor({ credential });

// The version, the method, and the types of messages.
const [SOCKS, GSSAPI, TOKEN, LEVEL, DATA] = [5, 1, 1, 2, 3];
// Levels of protection; 1 is integrity. With `selective`, the sender of a message decides.
const [NONE, , CONFIDENTIALITY, SELECTIVE] = [0, 1, 2, 3];
const REFUSED = Buffer.of(1, 0xff);
const [GRANTED, UNREACHABLE, NO_SUCH_COMMAND, NO_SUCH_ADDRESS] = [0, 4, 7, 8];

createServer({ allowHalfOpen: true }, (socket) => guard(socket, serve)).listen(PORT, HOST);

async function serve(connection) {
  const { stream: socket, reader } = connection;
  const [version, count] = await reader.take(2);
  const methods = await reader.take(count);
  if (version !== SOCKS || !methods.includes(GSSAPI)) return socket.write(Buffer.of(SOCKS, 0xff));
  socket.write(Buffer.of(SOCKS, GSSAPI));
  const context = await establish(socket, reader);
  const level = context && (await agree(socket, reader, context));
  if (level === undefined) return socket.write(REFUSED);
  const client = plainSide(socket, reader, context, level);
  const plain = new Reader(client);
  const { upstream, reply } = await open(plain);
  client.write(Buffer.of(SOCKS, reply, 0, 1, 0, 0, 0, 0, 0, 0));
  if (upstream === undefined) return client.end();
  connection.authenticated();
  await Promise.all([pipeline(plain.rest(), upstream), pipeline(upstream, client)]);
}

async function establish(socket, reader) {
  const handshake = acceptor.begin();
  for (;;) {
    const result = await handshake.accept(await readFrame(reader, TOKEN));
    if (result.status === 'failed') {
      console.error(result.error.reason, result.error.hint);
      return undefined;
    }
    socket.write(frame(TOKEN, result.outputToken ?? Buffer.alloc(0)));
    if (result.status === 'complete') {
      console.log(`${result.context.initiator} is here`);
      socket.once('close', () => result.context.dispose());
      return result.context;
    }
  }
}

/** The client names a level, and the proxy the one that is used (RFC 1961 §4). */
async function agree(socket, reader, context) {
  const { message } = context.unwrap(await readFrame(reader, LEVEL));
  const [asked] = message;
  if (message.length !== 1 || asked > SELECTIVE || (asked === NONE && !PLAIN)) return undefined;
  const level = asked === SELECTIVE ? CONFIDENTIALITY : asked;
  socket.write(frame(LEVEL, context.wrap(Buffer.of(level), { confidential: false })));
  return level;
}

function plainSide(socket, reader, context, level) {
  if (level === NONE) return join(Readable.from(reader.rest(), { objectMode: false }), socket);
  return protect(socket, reader, context, {
    read: () => readFrame(reader, DATA),
    frame: (token) => frame(DATA, token),
    maxToken: 0xffff,
    confidential: level === CONFIDENTIALITY,
  });
}

/** Connects to where the client wants (RFC 1928 §4). Restrict here who may go where. */
async function open(reader) {
  const [, command, , type] = await reader.take(4);
  const host = await readHost(reader, type);
  const port = (await reader.take(2)).readUInt16BE();
  if (command !== 1) return { reply: NO_SUCH_COMMAND };
  if (host === undefined) return { reply: NO_SUCH_ADDRESS };
  const upstream = connect({ host, port, allowHalfOpen: true }).on('error', () => {});
  try {
    await once(upstream, 'connect', { signal: AbortSignal.timeout(10_000) });
    return { upstream, reply: GRANTED };
  } catch {
    upstream.destroy();
    return { reply: UNREACHABLE };
  }
}

async function readHost(reader, type) {
  if (type === 1) return [...(await reader.take(4))].join('.');
  if (type === 3) return (await reader.take((await reader.take(1))[0])).toString('latin1');
  if (type === 4) return (await reader.take(16)).toString('hex').match(/.{4}/g).join(':');
  return undefined;
}

async function readFrame(reader, wanted) {
  const header = await reader.take(4);
  if (header[0] !== 1 || header[1] !== wanted) throw new Error('a message of another type');
  return await reader.take(header.readUInt16BE(2));
}

function frame(type, token) {
  const header = Buffer.of(1, type, 0, 0);
  header.writeUInt16BE(token.length, 2);
  return Buffer.concat([header, token]);
}
