// What LDAP needs for Kerberos: SASL binds of several steps, StartTLS, and security layers (RFC 4511, RFC 4513). All
// other messages pass, plain, to and from a directory behind it.
import { saslSocket } from 'krb5-acceptor/node';
import { bindingsOf, tls } from './connection.mjs';

// Tags of operations (RFC 4511 §4) and of what is in them, and result codes.
const [BIND, UNBIND, EXTENDED, BOUND, EXTENDED_ANSWER] = [0x60, 0x42, 0x77, 0x61, 0x78];
const [SIMPLE, SASL, SERVER_CREDENTIALS, NAME, ANSWER_NAME] = [0x80, 0xa3, 0x87, 0x80, 0x8a];
const [SUCCESS, OPERATIONS_ERROR, NOT_SUPPORTED, IN_PROGRESS, INVALID] = [0, 1, 7, 14, 49];
const START_TLS = '1.3.6.1.4.1.1466.20037';
const MAX_MESSAGE = 1 << 18;

/**
 * @param open - Makes a stream of plain messages to the directory, for a client with this session of SASL, or an
 *   anonymous one.
 */
export async function serveLdap(client, sasl, open) {
  let bind;
  let session;
  let directory = connectTo(client, open());
  client.stream.once('close', () => {
    bind?.exchange.abort();
    directory.destroy();
  });
  while (!(await client.atEnd())) {
    const message = await readMessage(client.reader);
    const [id, operation] = childrenOf(contentsOf(message));
    const reply = (tag, code, ...parts) => {
      client.stream.write(
        element(0x30, element(2, id.value), element(tag, ...result(code), ...parts)),
      );
    };
    if (operation.tag === UNBIND) return;
    if (nameOf(operation) === START_TLS) {
      if (tls === undefined || client.secure || session !== undefined) {
        reply(EXTENDED_ANSWER, OPERATIONS_ERROR);
        continue;
      }
      const name = element(ANSWER_NAME, Buffer.from(START_TLS));
      await client.startTls(() => reply(EXTENDED_ANSWER, SUCCESS, name));
      continue;
    }
    if (operation.tag !== BIND) {
      directory.write(message);
      continue;
    }
    // RFC 4511 §4.2.1: a bind abandons what the client has asked for before.
    directory.destroy();
    directory = connectTo(client, open(session));
    const [, user, choice] = childrenOf(operation.value);
    // Simple binds have passwords, except the anonymous one. A second bind would be a layer in a layer.
    if (choice?.tag !== SASL || session !== undefined) {
      const anonymous = choice?.tag === SIMPLE && user.value.length + choice.value.length === 0;
      reply(BOUND, anonymous && session === undefined ? SUCCESS : NOT_SUPPORTED);
      continue;
    }
    const [name, response] = childrenOf(choice.value).map(({ value }) => value);
    const mechanism = name.toString('latin1');
    // Another mechanism than before is a new start (RFC 4511 §4.2.1).
    if (bind?.mechanism !== mechanism) {
      bind?.exchange.abort();
      const options = { ...bindingsOf(client.stream), successData: true };
      bind = { mechanism, exchange: sasl.begin(mechanism, options) };
    }
    const step = await bind.exchange.step(response);
    const data = step.challenge ?? step.successData ?? step.failureData;
    const parts = data === undefined ? [] : [element(SERVER_CREDENTIALS, data)];
    if (step.status === 'continue') {
      reply(BOUND, IN_PROGRESS, ...parts);
      continue;
    }
    bind = undefined;
    if (step.status === 'failed') {
      console.error(step.error.reason, step.error.hint);
      reply(BOUND, INVALID, ...parts);
      continue;
    }
    reply(BOUND, SUCCESS, ...parts);
    client.authenticated();
    session = step.session;
    // The layer begins behind this reply.
    await client.enter((stream, head) => saslSocket(stream, session, { head }));
    directory.destroy();
    directory = connectTo(client, open(session));
  }
}

/** Sends what the directory answers, as fast as the client reads. */
function connectTo(client, directory) {
  directory.once('end', () => client.stream.end());
  return directory.on('data', (answer) => {
    if (client.stream.write(answer)) return;
    directory.pause();
    client.stream.once('drain', () => directory.resume());
  });
}

/** The name of an extended operation. */
function nameOf({ tag, value }) {
  const [name] = tag === EXTENDED ? childrenOf(value) : [];
  return name?.tag === NAME ? name.value.toString('latin1') : undefined;
}

function result(code) {
  return [element(0x0a, Buffer.of(code)), element(4), element(4)];
}

/** Writes an element of BER. */
function element(tag, ...parts) {
  const contents = Buffer.concat(parts);
  const header = Buffer.of(tag, 0x84, 0, 0, 0, 0);
  header.writeUInt32BE(contents.length, 2);
  return Buffer.concat([header, contents]);
}

async function readMessage(reader) {
  const header = await reader.take(2);
  const more = header[1] < 0x80 ? [] : await reader.take(header[1] & 0x7f);
  const length = header[1] < 0x80 ? header[1] : lengthOf(more);
  if (header[0] !== 0x30 || length > MAX_MESSAGE) throw new Error('not a message of LDAP');
  return Buffer.concat([header, Buffer.from(more), await reader.take(length)]);
}

function contentsOf(message) {
  return childrenOf(message)[0].value;
}

/** The elements in these contents. */
function childrenOf(contents) {
  const children = [];
  for (let at = 0; at < contents.length; ) {
    const first = contents[at + 1];
    const start = at + 2 + (first < 0x80 ? 0 : first & 0x7f);
    const length = first < 0x80 ? first : lengthOf(contents.subarray(at + 2, start));
    if (!(start + length <= contents.length)) throw new Error('an element is cut short');
    children.push({ tag: contents[at], value: contents.subarray(start, start + length) });
    at = start + length;
  }
  return children;
}

function lengthOf(bytes) {
  if (bytes.length === 0 || bytes.length > 4) throw new Error('a length of another form');
  return bytes.readUIntBE(0, bytes.length);
}
