// A gateway that signs users of PostgreSQL on with Kerberos, and encrypts their connections if they want it
// (gssencmode=require). PostgreSQL itself trusts the gateway; only the gateway may reach it: UPSTREAM is a port of
// this machine, or the path of a socket. The user alice@EXAMPLE.COM is the role alice if REALM is EXAMPLE.COM.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { acquireCredential, createAcceptor } from 'krb5-acceptor';
import { keytabFile } from 'krb5-acceptor/node';
import { guard, protect, Reader } from './connection.mjs';

const { KEYTAB, SERVICE, PORT = 5432, HOST = 'localhost', UPSTREAM, REALM } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const acceptor = createAcceptor({ credential, clientRealms: [REALM] });

// The first words of a connection, and the kinds of AuthenticationRequest.
const [STARTUP, CANCEL, SSL, GSSENC] = [196_608, 80_877_102, 80_877_103, 80_877_104];
const [AUTH_GSS, AUTH_GSS_CONTINUE] = [7, 8];
// libpq has buffers of 16 KiB for encrypted packets. Tickets with many groups are larger.
const MAX_PACKET = 16_384;
const MAX_TOKEN = 65_536;

createServer({ noDelay: true }, (socket) => guard(socket, serve)).listen(PORT, HOST);

async function serve(socket, reader, authenticated) {
  let client = { stream: socket, reader };
  let context;
  for (;;) {
    const { code, message } = await readStartup(client.reader);
    if (code === CANCEL) return (await openUpstream()).resume().end(message);
    if (code === GSSENC && context === undefined) {
      socket.write('G');
      context = await establishPackets(socket, reader);
      client = encrypted(socket, reader, context);
    } else if (code === SSL) {
      client.stream.write('N');
    } else if (code === STARTUP) {
      context ??= await establishMessages(socket, reader);
      const { user } = parametersOf(message);
      if (`${context.initiator}` !== `${user}@${REALM}`) {
        client.stream.write(fatal(`${context.initiator} cannot be the role "${user}"`));
        return client.stream.end();
      }
      authenticated();
      const upstream = await openUpstream();
      upstream.write(message);
      // AuthenticationOk is the first message of PostgreSQL itself.
      return await Promise.all([
        pipeline(client.reader.rest(), upstream),
        pipeline(upstream, client.stream),
      ]);
    } else throw new Error(`an unknown version of the protocol: ${code}`);
  }
}

async function readStartup(reader) {
  const length = await reader.take(4);
  const message = Buffer.concat([length, await reader.take(sizeOf(length, 10_000) - 4)]);
  return { code: message.readUInt32BE(4), message };
}

function parametersOf(message) {
  const words = message.toString('utf8', 8).split('\0');
  const pairs = Array.from({ length: words.length >> 1 }, (_, i) => words.slice(2 * i, 2 * i + 2));
  return Object.fromEntries(pairs.filter(([name]) => name !== ''));
}

/** Authentication without encryption: tokens in the protocol's own messages. */
async function establishMessages(socket, reader) {
  socket.write(authentication(AUTH_GSS));
  const read = async () => {
    const header = await reader.take(5);
    if (header[0] !== 'p'.charCodeAt(0)) throw new Error('a message that is no GSSResponse');
    return await reader.take(sizeOf(header.subarray(1), MAX_TOKEN) - 4);
  };
  return await establish(socket, read, (token) => authentication(AUTH_GSS_CONTINUE, token));
}

/** Authentication with encryption: tokens in packets, before any message. */
async function establishPackets(socket, reader) {
  return await establish(socket, () => readPacket(reader, MAX_TOKEN), packet);
}

async function establish(socket, read, frame) {
  const handshake = acceptor.begin();
  for (;;) {
    const result = await handshake.accept(await read());
    if (result.status === 'failed') {
      socket.end(fatal('GSSAPI authentication failed'));
      throw result.error;
    }
    if (result.outputToken !== undefined) socket.write(frame(result.outputToken));
    if (result.status === 'continue') continue;
    socket.once('close', () => result.context.dispose());
    return result.context;
  }
}

function encrypted(socket, reader, context) {
  const read = () => readPacket(reader, MAX_PACKET - 4);
  const framing = { read, frame: packet, maxToken: MAX_PACKET - 4, confidential: true };
  const stream = protect(socket, reader, context, framing);
  return { stream, reader: new Reader(stream) };
}

async function readPacket(reader, most) {
  return await reader.take(sizeOf(await reader.take(4), most));
}

function packet(token) {
  return Buffer.concat([uint32(token.length), token]);
}

function authentication(kind, data = Buffer.alloc(0)) {
  return Buffer.concat([Buffer.from('R'), uint32(8 + data.length), uint32(kind), data]);
}

function fatal(text) {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C28000\0M${text}\0\0`);
  return Buffer.concat([Buffer.from('E'), uint32(4 + fields.length), fields]);
}

function sizeOf(bytes, most) {
  const size = bytes.readUInt32BE();
  if (size < 4 || size > most) throw new Error(`a message of ${size} bytes`);
  return size;
}

function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

async function openUpstream() {
  const upstream = connect(/^\d+$/.test(UPSTREAM) ? { port: Number(UPSTREAM) } : UPSTREAM);
  upstream.on('error', () => {});
  await once(upstream, 'connect', { signal: AbortSignal.timeout(10_000) });
  return upstream;
}
