/** A relay to KDCs over real sockets: what they do wrong is told, and nothing stays open. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { acquireCredential, createAcceptor } from '../../../src/index.ts';
import { withLength } from '../../../src/messages/kdc/kdc-proxy.ts';
import { krb5ConfKdc } from '../../../src/node/index.ts';
import { configuredKdc } from '../../../src/node/kdc/krb5-conf-kdc.ts';
import { startRealm } from '../../../src/node/testing/index.ts';
import { createIakerbInitiator, createRealm } from '../../../src/testing/index.ts';
import { kdcError, startFakeKdc } from '../../support/fake-kdc.ts';
import { CLOSED_PORT } from '../../support/ports.ts';

const SERVICE = 'host/www.example.test';
const ERROR = kdcError(0);
/** A TGS-REP, which answers no AS-REQ. */
const TGS_REP = Uint8Array.of(0x6d, 0x02, 0x30, 0x00);

/** An acceptor that relays to the KDCs of a krb5.conf, and the first token of a client. */
async function relaying(kdcs: readonly string[], deadline = 10) {
  const { keytab, realm } = createRealm({ services: [SERVICE] });
  const text = `[realms]\n${realm} = {\n${kdcs.map((kdc) => ` kdc = ${kdc}\n`).join('')}}\n`;
  const acceptor = createAcceptor({
    credential: await acquireCredential({ keytab }),
    iakerb: { kdc: configuredKdc(text), deadline },
  });
  const client = createIakerbInitiator({
    client: `alice@${realm}`,
    password: 'alice-password',
    service: SERVICE,
  });
  return { acceptor, token: client.begin().outputToken! };
}

/** The sockets of this process. */
function sockets(): number {
  return process.getActiveResourcesInfo().filter((name) => /TCP|UDP/.test(name)).length;
}

/** Refuses, and holds nothing afterwards. */
async function refusal(kdcs: readonly string[], deadline?: number) {
  const before = sockets();
  const { acceptor, token } = await relaying(kdcs, deadline);
  const result = await acceptor.begin().accept(token);
  if (result.status !== 'failed') throw new Error('it was not refused');
  // Closed sockets are gone some turns later.
  await expect.poll(sockets).toBeLessThanOrEqual(before);
  const { reason, detail } = result.error;
  return { reason, problem: (detail as { readonly problem?: string }).problem };
}

type Behaviour = (socket: Socket) => void;

/** A KDC for TCP alone that does what it is told with each connection. */
async function startTcp(behave: Behaviour) {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => behave(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  return {
    kdc: `tcp/127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('krb5ConfKdc', () => {
  it('asks the KDC of a krb5.conf, a file or its text', async () => {
    await using realm = await startRealm({ services: [SERVICE] });
    const ask = (kdc: ReturnType<typeof krb5ConfKdc>) =>
      kdc(realm.realm, Uint8Array.of(0x6a, 0x00), new AbortController().signal);
    const file = join(realm.directory, 'other.conf');
    const text = `[realms]\n${realm.realm} = {\n kdc = ${realm.address}\n}\n`;
    writeFileSync(file, text);
    for (const kdc of [krb5ConfKdc({ files: file }), configuredKdc(file), configuredKdc(text)]) {
      expect((await ask(kdc))[0]).toBe(0x7e);
    }
  });

  it('sends messages above udp_preference_limit over TCP', async () => {
    await using kdc = await startFakeKdc(() => ERROR);
    const text = `[libdefaults]\nudp_preference_limit = 1\n[realms]\nA = {\n kdc = 127.0.0.1:${kdc.port}\n}\n`;
    await configuredKdc(text)('A', Uint8Array.of(0x6a, 0x00), new AbortController().signal);
    expect(kdc.requests.map(({ transport }) => transport)).toEqual(['tcp']);
  });
});

describe('a KDC that', () => {
  it.each<[string, Behaviour, string]>([
    ['closes the connection', (socket) => socket.end(), 'it closed the connection'],
    ['breaks off', (socket) => socket.end(withLength(ERROR).subarray(0, 20)), 'it closed'],
    ['resets the connection', (socket) => socket.resetAndDestroy(), 'ECONNRESET'],
    ['lies about the length', (socket) => socket.write(Uint8Array.of(0, 1, 0, 1)), 'longer than'],
    ['is none', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), 'longer than'],
    ['answers nothing', (socket) => socket.write(new Uint8Array(4)), 'is no KDC'],
    ['answers other bytes', (socket) => socket.write(withLength(ERROR.subarray(1))), 'is no KDC'],
    ['answers another request', (socket) => socket.write(withLength(TGS_REP)), 'no answer'],
    ['answers more', (socket) => socket.write(withLength(join2(ERROR, ERROR))), 'no answer'],
    ['floods', flood, 'longer than 65536 bytes'],
  ])('%s is told, and nothing stays open', async (_, behave, problem) => {
    await using server = await startTcp(behave);
    expect(await refusal([server.kdc])).toEqual({
      reason: 'iakerb.kdc-unreachable',
      problem: expect.stringContaining(problem),
    });
  });

  it('never answers is told, with all others', async () => {
    await using silent = await startTcp(() => {});
    const udp = createSocket('udp4').bind(0, '127.0.0.1');
    await once(udp, 'listening');
    const quiet = `127.0.0.1:${udp.address().port}`;
    const nowhere = `127.0.0.1:${CLOSED_PORT}`;
    const { reason, problem } = await refusal([nowhere, `udp/${quiet}`, silent.kdc], 1.5);
    udp.close();
    expect(reason).toBe('iakerb.kdc-unreachable');
    for (const one of [/\/udp: ECONNREFUSED/, /\/tcp: ECONNREFUSED/]) expect(problem).toMatch(one);
    expect(problem).toContain(`port ${quiet.split(':')[1]}/udp: no answer`);
  });

  it('sends its answer byte by byte is understood', async () => {
    await using server = await startTcp(async (socket) => {
      socket.setNoDelay();
      for (const byte of withLength(ERROR)) {
        socket.write(Uint8Array.of(byte));
        await sleep(0);
      }
    });
    const { acceptor, token } = await relaying([server.kdc]);
    expect((await acceptor.begin().accept(token)).status).toBe('continue');
  });
});

function join2(one: Uint8Array, other: Uint8Array): Uint8Array {
  return Uint8Array.from([...one, ...other]);
}

/** As much as the other end takes. */
function flood(socket: Socket): void {
  const piece = new Uint8Array(65_536).fill(0x7e);
  const more = (): void => {
    while (socket.writable && socket.write(piece)) {}
  };
  socket.on('drain', more);
  more();
}
