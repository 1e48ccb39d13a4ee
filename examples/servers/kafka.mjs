// A broker of Kafka as far as the login, and metadata with one topic, which has no messages. SASL is in requests of
// their own since Kafka 1.0 (SaslAuthenticate), and in bare frames before.
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { acquireCredential, createAcceptor } from 'krb5-acceptor';
import { keytabFile } from 'krb5-acceptor/node';
import { createSaslServer } from 'krb5-acceptor/sasl';
import { bindingsOf, guard, tls } from './connection.mjs';

const { KEYTAB, SERVICE, PORT = 9092, HOST = 'localhost', ADVERTISED = 'localhost' } = process.env;
const { LISTENER = tls ? 'SASL_SSL' : 'SASL_PLAINTEXT' } = process.env;
const credential = await acquireCredential({ keytab: keytabFile(KEYTAB), service: SERVICE });
const acceptor = createAcceptor({ credential });
// Kafka has TLS, and no layer of SASL.
const sasl = createSaslServer({
  acceptor,
  service: 'kafka',
  mechanisms: ['GSSAPI'],
  layers: ['none'],
});

// Requests, with the newest version of each. librdkafka takes a broker without JoinGroup for one without GSSAPI.
const [METADATA, JOIN_GROUP, HANDSHAKE, API_VERSIONS, AUTHENTICATE] = [3, 11, 17, 18, 36];
const VERSIONS = {
  [METADATA]: 1,
  [JOIN_GROUP]: 0,
  [HANDSHAKE]: 1,
  [API_VERSIONS]: 0,
  [AUTHENTICATE]: 1,
};
const [NONE, UNSUPPORTED_MECHANISM, ILLEGAL_STATE, UNSUPPORTED_VERSION, FAILED] = [
  0, 33, 34, 35, 58,
];
// The first byte of a token (RFC 2743 §3.1): clients of Kafka 0.9 begin with it.
const TOKEN_TAG = 0x60;
const MAX_REQUEST = 1 << 19;

const onConnection = (socket) => guard(socket, serve);
const listener =
  LISTENER === 'SASL_SSL' ? createTlsServer(tls, onConnection) : createServer(onConnection);
listener.listen(PORT, HOST);

async function serve(client) {
  const { stream, reader } = client;
  let exchange;
  let session;
  stream.once('close', () => exchange?.abort());
  while (!(await client.atEnd())) {
    const request = await readFrame(reader);
    if (exchange === undefined && request[0] === TOKEN_TAG) {
      exchange = sasl.begin('GSSAPI', bindingsOf(stream));
      session = await authenticateBare(client, exchange, request);
      continue;
    }
    const { key, version, id, body } = readHeader(request);
    const reply = (...parts) => stream.write(frame(id, ...parts));
    if (key === API_VERSIONS) {
      reply(int16(version === 0 ? NONE : UNSUPPORTED_VERSION), ...apis());
    } else if (!(version <= VERSIONS[key])) {
      throw new Error(`a request ${key} of version ${version}`);
    } else if (key === HANDSHAKE) {
      const mechanism = body.toString('latin1', 2, 2 + body.readInt16BE(0));
      const offered = sasl.mechanismsFor(bindingsOf(stream));
      const known = offered.includes(mechanism);
      const error = exchange === undefined ? UNSUPPORTED_MECHANISM : ILLEGAL_STATE;
      const taken = known && exchange === undefined;
      reply(int16(taken ? NONE : error), array(offered.map(string)));
      if (!taken) return;
      exchange = sasl.begin(mechanism, bindingsOf(stream));
      if (version === 0) session = await authenticateBare(client, exchange);
    } else if (key === AUTHENTICATE) {
      if (exchange === undefined || session !== undefined) throw new Error('no login is due');
      const step = await exchange.step(body.subarray(4, 4 + body.readInt32BE(0)));
      const lifetime = version === 0 ? [] : [Buffer.alloc(8)];
      if (step.status === 'failed') {
        reply(int16(FAILED), string('not authenticated'), bytes(), ...lifetime);
        throw step.error;
      }
      reply(int16(NONE), int16(-1), bytes(step.challenge), ...lifetime);
      if (step.status === 'complete') session = admit(client, step);
    } else {
      if (session === undefined) throw new Error(`a request ${key} before the login`);
      if (key !== METADATA) throw new Error(`a request ${key}`);
      reply(...metadata(version, stream.localPort));
    }
  }
}

/** SASL in frames without headers. What completes it is not answered. */
async function authenticateBare(client, exchange, token) {
  let step = await exchange.step(token ?? (await readFrame(client.reader)));
  while (step.status === 'continue') {
    client.stream.write(bytes(step.challenge));
    step = await exchange.step(await readFrame(client.reader));
  }
  if (step.status === 'failed') throw step.error;
  return admit(client, step);
}

function admit(client, { session }) {
  client.authenticated();
  // No layer is in use, and so the keys are of no more use.
  session.dispose();
  console.log(`${session.authorizationId} is here`);
  return session;
}

function apis() {
  const ranges = Object.entries(VERSIONS).map(([key, most]) => [Number(key), 0, most].map(int16));
  return [array(ranges.flat(), ranges.length)];
}

/** One broker, which leads the one partition of the one topic. */
function metadata(version, port) {
  const rack = version === 0 ? [] : [int16(-1)];
  const controller = version === 0 ? [] : [int32(0)];
  const isInternal = version === 0 ? [] : [Buffer.of(0)];
  const replicas = array([int32(0)]);
  const partition = Buffer.concat([int16(NONE), int32(0), int32(0), replicas, replicas]);
  const topic = [int16(NONE), string('greetings'), ...isInternal, array([partition])];
  const broker = [int32(0), string(ADVERTISED), int32(port), ...rack];
  return [array(broker, 1), ...controller, array(topic, 1)];
}

async function readFrame(reader) {
  const size = (await reader.take(4)).readInt32BE(0);
  if (size < 0 || size > MAX_REQUEST) throw new Error(`a request of ${size} bytes`);
  return await reader.take(size);
}

function readHeader(request) {
  const [key, version] = [request.readInt16BE(0), request.readInt16BE(2)];
  const client = request.readInt16BE(8);
  return {
    key,
    version,
    id: request.readInt32BE(4),
    body: request.subarray(10 + Math.max(client, 0)),
  };
}

const frame = (id, ...parts) => bytes(Buffer.concat([int32(id), ...parts]));
const array = (items, count = items.length) => Buffer.concat([int32(count), ...items]);
const string = (text) => Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)]);
const bytes = (contents = Buffer.alloc(0)) => Buffer.concat([int32(contents.length), contents]);

function int16(value) {
  const encoded = Buffer.alloc(2);
  encoded.writeInt16BE(value);
  return encoded;
}

function int32(value) {
  const encoded = Buffer.alloc(4);
  encoded.writeInt32BE(value);
  return encoded;
}
