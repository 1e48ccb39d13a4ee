// An LDAP server with one entry: GSSAPI and GSS-SPNEGO, in the layer that the client wants. A directory would
// answer more in `answer`; the rest is what it needs for Kerberos.
import { createServer } from 'node:net';
import { acquireCredential, createAcceptor } from 'krb5-acceptor';
import { keytabFile, saslSocket } from 'krb5-acceptor/node';
import { createSaslServer } from 'krb5-acceptor/sasl';
import { guard, Reader } from './connection.mjs';

const { KEYTAB, SERVICE, PORT = 389, HOST = 'localhost' } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const mechanisms = ['GSSAPI', 'GSS-SPNEGO'];
const sasl = createSaslServer({
  acceptor: createAcceptor({ credential }),
  mechanisms,
  service: 'ldap',
});

// Tags of operations (RFC 4511 §4) and of what is in a bind, and result codes.
const [BIND, UNBIND, SEARCH, EXTENDED] = [0x60, 0x42, 0x63, 0x77];
const [BOUND, ENTRY, FOUND, EXTENDED_ANSWER] = [0x61, 0x64, 0x65, 0x78];
const [SIMPLE, SASL, SERVER_CREDENTIALS] = [0x80, 0xa3, 0x87];
const [SUCCESS, PROTOCOL_ERROR, NOT_SUPPORTED, IN_PROGRESS] = [0, 2, 7, 14];
const [NO_SUCH_OBJECT, INVALID_CREDENTIALS] = [32, 49];
const WHO_AM_I = '1.3.6.1.4.1.4203.1.11.3';
const MAX_MESSAGE = 1 << 18;

createServer((socket) => guard(socket, serve)).listen(PORT, HOST);

async function serve(socket, reader, authenticated) {
  let client = { stream: socket, reader };
  let bind;
  let session;
  socket.once('close', () => bind?.exchange.abort());
  while (!(await client.reader.atEnd())) {
    const [id, operation] = childrenOf(await readElement(client.reader));
    const reply = (tag, ...parts) => {
      client.stream.write(element(0x30, element(2, id.value), element(tag, ...parts)));
    };
    if (operation.tag === UNBIND) return client.stream.end();
    if (operation.tag !== BIND) {
      answer(operation, session, reply);
      continue;
    }
    const [, user, choice] = childrenOf(operation.value);
    // Simple binds have passwords, except the anonymous one. A second bind would be a layer in a layer.
    if (choice?.tag !== SASL || session !== undefined) {
      const anonymous = choice?.tag === SIMPLE && user.value.length + choice.value.length === 0;
      reply(BOUND, ...result(anonymous && session === undefined ? SUCCESS : NOT_SUPPORTED));
      continue;
    }
    const [name, response] = childrenOf(choice.value).map(({ value }) => value);
    const mechanism = name.toString('latin1');
    // Another mechanism than before is a new start (RFC 4511 §4.2.1).
    if (bind?.mechanism !== mechanism) {
      bind?.exchange.abort();
      bind = { mechanism, exchange: sasl.begin(mechanism, { successData: true }) };
    }
    const step = await bind.exchange.step(response);
    const data = step.challenge ?? step.successData ?? step.failureData;
    const parts = data === undefined ? [] : [element(SERVER_CREDENTIALS, data)];
    if (step.status === 'continue') {
      reply(BOUND, ...result(IN_PROGRESS), ...parts);
      continue;
    }
    bind = undefined;
    if (step.status === 'failed') {
      console.error(step.error.reason, step.error.hint);
      reply(BOUND, ...result(INVALID_CREDENTIALS), ...parts);
      continue;
    }
    reply(BOUND, ...result(SUCCESS), ...parts);
    authenticated();
    session = step.session;
    // The layer begins behind this reply.
    const stream = saslSocket(socket, session, { head: await reader.release() });
    stream.on('error', () => {});
    client = { stream, reader: new Reader(stream) };
  }
}

/** The one entry is the root, which is for everybody: it has what a client must know before it binds. */
function answer({ tag, value }, session, reply) {
  const [base, scope] = tag === SEARCH ? childrenOf(value) : [];
  if (tag === EXTENDED && childrenOf(value)[0]?.value.toString() === WHO_AM_I) {
    const who = session === undefined ? '' : `u:${session.authorizationId}`;
    return reply(EXTENDED_ANSWER, ...result(SUCCESS), element(0x8b, Buffer.from(who)));
  }
  if (tag === EXTENDED) return reply(EXTENDED_ANSWER, ...result(PROTOCOL_ERROR));
  // What else there is, such as Abandon, needs no answer here.
  if (tag !== SEARCH) return;
  if (base.value.length > 0 || scope.value[0] !== 0) return reply(FOUND, ...result(NO_SUCH_OBJECT));
  const attributes = { objectClass: ['top'], supportedSASLMechanisms: mechanisms };
  const lists = Object.entries(attributes).map(([type, values]) =>
    element(0x30, text(type), element(0x31, ...values.map(text))),
  );
  reply(ENTRY, text(''), element(0x30, ...lists));
  reply(FOUND, ...result(SUCCESS));
}

const result = (code) => [element(0x0a, Buffer.of(code)), text(''), text('')];
const text = (words) => element(4, Buffer.from(words));

/** Writes an element of BER. */
function element(tag, ...parts) {
  const contents = Buffer.concat(parts);
  const header = Buffer.of(tag, 0x84, 0, 0, 0, 0);
  header.writeUInt32BE(contents.length, 2);
  return Buffer.concat([header, contents]);
}

/** Reads a message. @returns Its contents. */
async function readElement(reader) {
  const [tag, first] = await reader.take(2);
  const length = first < 0x80 ? first : lengthOf(await reader.take(first & 0x7f));
  if (tag !== 0x30 || length > MAX_MESSAGE) throw new Error('not a message of LDAP');
  return await reader.take(length);
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
