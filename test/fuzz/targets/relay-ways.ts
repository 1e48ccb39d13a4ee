/** The ways to a KDC: what names its servers, what carries its answers, and the port of a test realm. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { createConnection, createServer } from 'node:net';
import { bytesEqual, concatBytes, decodeUtf8, encodeUtf8, Reader } from '../../../src/bytes.ts';
import { Profile, parseProfile } from '../../../src/config/profile.ts';
import { kdcProxy } from '../../../src/http/index.ts';
import { encodeKdcProxyMessage, withLength } from '../../../src/messages/kdc/kdc-proxy.ts';
import { kdcAsker } from '../../../src/node/kdc/ask-kdc.ts';
import type { KdcServer, SrvRecord } from '../../../src/node/kdc/find-kdcs.ts';
import { findKdcs, parseKdc } from '../../../src/node/kdc/find-kdcs.ts';
import type { KdcPort } from '../../../src/node/testing/listen.ts';
import { listen } from '../../../src/node/testing/listen.ts';
import { asRequest, logIn, makeRealm, tgsRequest } from '../../testing/kdc/requests.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';
import { clock } from './realm.ts';

export function relayWayTargets(): Target[] {
  const { realm } = makeRealm();
  const requests = [asRequest(realm, {}, []), asRequest(realm), tgsRequest(logIn(realm))];
  const answers = requests.map((request) => realm.answer(request));
  return [
    { name: 'kdc-proxy', shape: 'der', seeds: proxied(answers), run: readProxied },
    { name: 'kdc-of-krb5-conf', shape: 'text', seeds: configurations(), run: readServers },
    { name: 'kdc-of-dns', shape: 'binary', seeds: [records()], run: orderRecords },
    tcpTarget(answers),
    udpTarget(answers),
    portTarget(realm.answer, requests),
  ];
}

/** The body of a proxy's response, in pieces. */
function proxied(answers: readonly Uint8Array[]): Case[] {
  const hint = Uint8Array.of(0xa2, 3, 2, 1, 7);
  return answers.flatMap((answer): Case[] => {
    const bare = encodeKdcProxyMessage({ message: withLength(answer) });
    const named = { message: withLength(answer), targetDomain: 'EXAMPLE.TEST' };
    const hinted = encodeKdcProxyMessage(named);
    // A SEQUENCE of more than 127 bytes: its length is in the two bytes after 0x82.
    const whole = concatBytes(hinted, hint);
    if (whole[1] === 0x82) new DataView(whole.buffer).setUint16(2, whole.length - 4);
    else whole[whole[1] === 0x81 ? 2 : 1]! += hint.length;
    return [[bare], [whole], [bare.slice(0, 3), bare.slice(3, 90), bare.slice(90)]];
  });
}

/** However the body comes, the answer is the same, and is in it. */
async function readProxied(pieces: Case): Promise<string> {
  const whole = concatBytes(...pieces);
  const inPieces = await askProxy(async function* () {
    yield* pieces;
  });
  const atOnce = await askProxy(async function* () {
    yield whole;
  });
  if (`${inPieces}` !== `${atOnce}`) throw new Breach('the pieces of a body make a difference');
  if (inPieces instanceof Error) throw inPieces;
  if (!includes(whole, withLength(inPieces))) throw new Breach('an answer that nobody sent');
  return `answered ${inPieces[0]}`;
}

async function askProxy(body: () => AsyncIterable<Uint8Array>): Promise<Uint8Array | Error> {
  const fetch = async () => ({ status: 200, body: body() });
  const ask = kdcProxy('https://gateway.example.test/KdcProxy', { fetch });
  return await ask('EXAMPLE.TEST', REQUEST, new AbortController().signal).catch(
    (error: Error) => error,
  );
}

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  return Buffer.from(bytes).includes(Buffer.from(part));
}

function configurations(): Case[] {
  const values = [
    'kdc.example.test',
    'kdc.example.test:750',
    '192.0.2.1:88 # the first',
    '[2001:db8::1]:750',
    '2001:db8::1',
    'tcp/kdc.example.test:89',
    'udp/kdc',
    'https://proxy.example.test/KdcProxy',
    '/run/kdc.sock',
  ];
  const lines = values.map((value) => ` kdc = ${value}\n`).join('');
  const replica = ' primary_kdc = first\n master_kdc = first:88\n';
  return [
    [encodeUtf8(`[realms]\nEXAMPLE.TEST = {\n${lines}${replica}}\n`)],
    ...values.map(
      (value): Case => [encodeUtf8(`[realms]\nEXAMPLE.TEST = {\n kdc = ${value}\n}\n`)],
    ),
  ];
}

async function readServers([text]: Case): Promise<string> {
  const profile = new Profile([parseProfile(decodeUtf8(text!, 'krb5.conf'))]);
  const servers = await findKdcs('EXAMPLE.TEST', profile, async () => []);
  checkServers(servers);
  for (const { host, port, transport } of servers) {
    // udp:88 is a host named 88, over UDP.
    if (/[[\]]|^(?:udp|tcp)$/.test(host)) continue;
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    const again = parseKdc(transport === undefined ? address : `${transport}/${address}`);
    if (again?.host !== host || again.port !== port || again.transport !== transport) {
      throw new Breach(`a server is read as another one: ${address}`);
    }
  }
  return `${servers.length} servers`;
}

/** Few, each once, with a port that a socket takes. */
function checkServers(servers: readonly KdcServer[]): void {
  if (servers.length > 8) throw new Breach('too many servers');
  const names = servers.map(({ host, port, transport }) => `${host} ${port} ${transport}`);
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length) {
    throw new Breach('a server is asked twice');
  }
  for (const { host, port } of servers) {
    if (host === '' || host === '.') throw new Breach('a server without a name');
    if (!(port > 0 && port <= 65_535)) throw new Breach(`port ${port}`);
  }
}

/** Two parts, of UDP and TCP: priority, weight and port in two bytes each, the length of a name, the name. */
function records(): Case {
  const record = (name: string, ...numbers: number[]) => {
    const head = numbers.flatMap((number) => [number >> 8, number & 0xff]);
    return Uint8Array.of(...head, name.length, ...encodeUtf8(name));
  };
  return [
    concatBytes(
      record('a.example.test', 0, 100, 88),
      record('b.example.test.', 10, 0, 88),
      record('A.example.test', 0, 7, 750),
      record('.', 0, 0, 0),
    ),
    concatBytes(record('b.example.test', 0, 1, 88), record('t.example.test', 0, 1, 89)),
  ];
}

async function orderRecords([udp, tcp]: Case): Promise<string> {
  const given = { udp: readRecords(udp), tcp: readRecords(tcp) };
  const servers = await findKdcs('EXAMPLE.TEST', new Profile([]), async (name) =>
    name.startsWith('_kerberos._udp.') ? given.udp : given.tcp,
  );
  checkServers(servers);
  const known = [...given.udp, ...given.tcp].map(
    ({ name, port }) => `${name.replace(/\.$/, '')} ${port}`,
  );
  for (const { host, port } of servers) {
    if (!known.includes(`${host} ${port}`)) throw new Breach('a server that DNS does not name');
  }
  return `${servers.length} servers`;
}

function readRecords(bytes: Uint8Array = EMPTY): SrvRecord[] {
  const reader = new Reader(bytes, 'records');
  const found: SrvRecord[] = [];
  while (reader.remaining > 6) {
    const [priority = 0, weight = 0, port = 0] = Array.from({ length: 3 }, () => reader.u16());
    const length = Math.min(reader.u8(), reader.remaining);
    const name = Buffer.from(reader.take(length)).toString('latin1');
    found.push({ name, port, priority, weight });
  }
  return found;
}

/** A KDC that sends what the case says as soon as it is connected, and closes the connection. */
function tcpTarget(answers: readonly Uint8Array[]): Target {
  let stream: Case = [];
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.resume();
    for (const piece of stream) if (piece.length > 0) socket.write(piece);
    socket.end();
  });
  const port = openPort(server);
  const framed = answers.map(withLength);
  return {
    name: 'kdc-over-tcp',
    shape: 'binary',
    seeds: framed.flatMap((whole): Case[] => [
      [whole],
      [whole.slice(0, 2), whole.slice(2, 40), whole.slice(40)],
      [whole, whole],
    ]),
    every: 10,
    manyCalls: true,
    run: async (pieces) => {
      stream = pieces;
      const bytes = await askServer({ host: '127.0.0.1', port: await port(), transport: 'tcp' });
      const sent = concatBytes(...pieces);
      const length = new DataView(sent.buffer).getUint32(0);
      if (!bytesEqual(bytes, sent.subarray(4, 4 + length))) {
        throw new Breach('an answer that nobody sent');
      }
      return `answered ${bytes[0]}`;
    },
    close: async () => void server.close(),
  };
}

/** The same in datagrams, of which the first counts. */
function udpTarget(answers: readonly Uint8Array[]): Target {
  let datagrams: Case = [];
  const socket = createSocket('udp4');
  socket.on('message', (_, { port, address }) => {
    for (const datagram of datagrams) socket.send(datagram, port, address, () => {});
  });
  let bound: Promise<number> | undefined;
  const bind = async (): Promise<number> => {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return socket.address().port;
  };
  return {
    name: 'kdc-over-udp',
    shape: 'binary',
    seeds: answers.map((answer) => [answer]),
    every: 10,
    manyCalls: true,
    run: async (parts) => {
      datagrams = parts.map((part) => part.subarray(0, MAX_DATAGRAM));
      if (datagrams.length === 0) return 'silence';
      bound ??= bind();
      const bytes = await askServer({ host: '127.0.0.1', port: await bound, transport: 'udp' });
      if (!bytesEqual(bytes, datagrams[0]!)) throw new Breach('an answer that nobody sent');
      return `answered ${bytes[0]}`;
    },
    close: async () => void (bound && socket.close()),
  };
}

/** A KDC that has failed is asked no later for it: each case has an asker of its own. */
async function askServer(server: KdcServer): Promise<Uint8Array> {
  const ask = kdcAsker(async () => [server], { clock });
  return (await ask('EXAMPLE.TEST', REQUEST, AbortSignal.timeout(5000))).bytes;
}

/** The KDC of startRealm: a client sends a stream, and the next one is served as ever. */
function portTarget(
  answer: (message: Uint8Array) => Uint8Array,
  requests: readonly Uint8Array[],
): Target {
  let port: Promise<KdcPort> | undefined;
  const whole = concatBytes(...requests.map(withLength));
  return {
    name: 'kdc-port',
    shape: 'binary',
    seeds: [...requests.map((request): Case => [withLength(request)]), [whole]],
    every: 10,
    manyCalls: true,
    run: async (pieces) => {
      port ??= listen({ realm: 'EXAMPLE.TEST', answer, clock }, '127.0.0.1', 0);
      const count = countAnswers(await converse((await port).port, pieces));
      const again = countAnswers(await converse((await port).port, [whole]));
      if (again !== requests.length) throw new Breach('a genuine client is not served any more');
      return `${count} answers`;
    },
    close: async () => void (await (await port)?.close()),
  };
}

function countAnswers(stream: Uint8Array): number {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  let count = 0;
  for (let at = 0; at < stream.length; at += 4 + view.getUint32(at)) {
    if (![0x6b, 0x6d, 0x7e].includes(stream[at + 4] ?? 0)) throw new Breach('no answer of a KDC');
    count++;
  }
  return count;
}

async function converse(port: number, pieces: Case): Promise<Uint8Array> {
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
  const received: Buffer[] = [];
  socket.on('data', (piece: Buffer) => received.push(piece));
  socket.on('error', () => {});
  for (const piece of pieces) if (piece.length > 0) socket.write(piece);
  socket.end();
  await once(socket, 'close');
  return Buffer.concat(received);
}

/** Listens at the first call, so that a run without this target opens nothing. */
function openPort(server: Server): () => Promise<number> {
  let port: Promise<number> | undefined;
  return () => {
    port ??= once(server.listen(0, '127.0.0.1'), 'listening').then(
      () => (server.address() as AddressInfo).port,
    );
    return port;
  };
}

const EMPTY = new Uint8Array(0);
const REQUEST = Uint8Array.of(0x6a, 0);
// What one datagram holds on the loopback interface.
const MAX_DATAGRAM = 60_000;
