// What PostgreSQL needs for Kerberos: encryption by TLS or GSS-API, and a login by GSS-API (PostgreSQL, "Message Flow").
// Whoever has logged in has a plain stream, which begins with the startup message.
import { protect, tls } from './connection.mjs';

// The first words of a connection, and the kinds of AuthenticationRequest.
const [STARTUP, CANCEL, SSL, GSSENC] = [196_608, 80_877_102, 80_877_103, 80_877_104];
const [AUTH_GSS, AUTH_GSS_CONTINUE] = [7, 8];
// libpq has buffers of 16 KiB for encrypted packets. Tickets with many groups are larger.
const MAX_PACKET = 16_384;
const MAX_TOKEN = 65_536;
const MAX_STARTUP = 10_000;

/**
 * @param isRole - Whether a principal is a role.
 * @param serve - Called with the client, its startup message and its principal.
 * @param cancel - Called with a request to cancel, which nobody has to log in for: its key is the secret.
 */
export async function servePostgres(client, { acceptor, isRole, serve, cancel }) {
  let context;
  while (!(await client.atEnd())) {
    const { code, message } = await readStartup(client.reader);
    switch (code) {
      case SSL:
        if (tls === undefined || client.secure || context !== undefined) client.stream.write('N');
        else await client.startTls(() => client.stream.write('S'));
        break;
      case GSSENC:
        if (context !== undefined || client.secure) {
          client.stream.write('N');
          break;
        }
        context = await establishPackets(client, acceptor);
        client.use(encrypted(client, context));
        break;
      case CANCEL:
        return await cancel(message);
      case STARTUP: {
        context ??= await establishMessages(client, acceptor);
        const user = userOf(message);
        if (!isRole(context.initiator, user)) {
          return client.stream.write(fatal(`${context.initiator} cannot be the role "${user}"`));
        }
        client.authenticated();
        return await serve(client, message, context.initiator);
      }
      default:
        throw new Error(`an unknown version of the protocol: ${code}`);
    }
  }
}

async function readStartup(reader) {
  const length = await reader.take(4);
  const message = Buffer.concat([length, await reader.take(sizeOf(length, 8, MAX_STARTUP) - 4)]);
  return { code: message.readUInt32BE(4), message };
}

/**
 * The role of a startup message: names and values, and an empty name as the end. Whoever is behind reads the same bytes
 * again, so a message is refused in which another server could find another user.
 */
function userOf(message) {
  const words = message.toString('utf8', 8).split('\0');
  const names = words.filter((_, i) => i % 2 === 0);
  const isWhole = names.indexOf('') === names.length - 1 && words.slice(-2).join('') === '';
  const isPlain = isWhole && new Set(names).size === names.length;
  if (!isPlain) throw new Error('a malformed startup message');
  return words[2 * names.indexOf('user') + 1];
}

/** Authentication without encryption by GSS-API: tokens in the protocol's own messages. */
async function establishMessages(client, acceptor) {
  client.stream.write(authentication(AUTH_GSS));
  const read = async () => {
    const header = await client.reader.take(5);
    if (header[0] !== 'p'.charCodeAt(0)) throw new Error('a message that is no GSSResponse');
    return await client.reader.take(sizeOf(header.subarray(1), 4, MAX_TOKEN) - 4);
  };
  return await establish(client, acceptor, read, (token) =>
    authentication(AUTH_GSS_CONTINUE, token),
  );
}

/** Authentication with encryption: tokens in packets, before any message. */
async function establishPackets(client, acceptor) {
  client.checkWaiting();
  client.stream.write('G');
  return await establish(client, acceptor, () => readPacket(client.reader, MAX_TOKEN), packet);
}

async function establish({ stream }, acceptor, read, frame) {
  const handshake = acceptor.begin();
  stream.once('close', () => handshake.abort());
  for (;;) {
    const result = await handshake.accept(await read());
    if (result.status === 'failed') {
      stream.end(fatal('GSSAPI authentication failed'));
      throw result.error;
    }
    if (result.outputToken !== undefined) stream.write(frame(result.outputToken));
    if (result.status === 'continue') continue;
    stream.once('close', () => result.context.dispose());
    return result.context;
  }
}

function encrypted({ stream, reader }, context) {
  const maxToken = MAX_PACKET - 4;
  const read = () => readPacket(reader, maxToken);
  return protect(stream, reader, context, { read, frame: packet, maxToken, confidential: true });
}

async function readPacket(reader, most) {
  return await reader.take(sizeOf(await reader.take(4), 1, most));
}

function packet(token) {
  return Buffer.concat([uint32(token.length), token]);
}

function authentication(kind, data = Buffer.alloc(0)) {
  return message('R', uint32(kind), data);
}

function fatal(text) {
  return message('E', Buffer.from(`SFATAL\0VFATAL\0C28000\0M${text}\0\0`));
}

/** A message of the server. */
export function message(type, ...parts) {
  const contents = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), uint32(4 + contents.length), contents]);
}

function sizeOf(bytes, least, most) {
  const size = bytes.readUInt32BE();
  if (size < least || size > most) throw new Error(`a message of ${size} bytes`);
  return size;
}

function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
