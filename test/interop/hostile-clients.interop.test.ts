/** The servers of examples/servers with clients that say nothing, never leave, or read no answers. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ProtocolServer } from '../support/protocols.ts';
import { protocolSite } from '../support/protocols.ts';

interface Attack {
  readonly name: string;
  readonly service: string;
  /** The start of a message that never ends. */
  readonly started: Uint8Array;
  /** What the server ends a connection for. */
  readonly last: Uint8Array;
  /** What the server answers as often as it comes, before a login. */
  readonly repeated?: Uint8Array;
}

const text = (words: string): Buffer => Buffer.from(words, 'latin1');
const hex = (digits: string): Buffer => Buffer.from(digits, 'hex');

const ATTACKS: readonly Attack[] = [
  {
    name: 'imap.mjs',
    service: 'imap',
    started: text('a AUTHENTICATE GSSAPI YII'),
    last: text('a LOGOUT\r\n'),
    repeated: text('a CAPABILITY\r\n'),
  },
  {
    name: 'ldap.mjs',
    service: 'ldap',
    started: hex('3084'),
    // Unbind; then a search of the root entry.
    last: hex('30050201014200'),
    repeated: hex('3025020101632004000a01000a0100020100020100010100870b6f626a656374436c6173733000'),
  },
  {
    name: 'kafka.mjs',
    service: 'kafka',
    started: hex('0007ffff'),
    // A mechanism that there is not; then a request for versions.
    last: hex('000000110011000100000001ffff0005504c41494e'),
    repeated: hex('0000000a0012000000000001ffff'),
  },
  {
    name: 'pg-gateway.mjs',
    service: 'postgres',
    started: hex('00002710'),
    // A request to cancel.
    last: hex('0000001004d2162e0000000100000002'),
  },
  { name: 'socks5.mjs', service: 'rcmd', started: hex('05ff'), last: hex('050100') },
];

describe.each(ATTACKS)('$name', async ({ name, service, started, last, repeated }) => {
  const { start } = await protocolSite(service);
  const begin = async (limit: number): Promise<ProtocolServer> =>
    await start(name, { ...WITHOUT_TLS, REALM: 'EXAMPLE.TEST', TIME_LIMIT: `${limit}` });

  it('ends a thousand connections that are silent, or stop within a message', async () => {
    await using server = await begin(1);
    const sockets = Array.from({ length: 1000 }, () => open(server, false));
    for (const [i, socket] of sockets.entries()) if (i % 2 === 0) socket.write(started);
    await Promise.all(sockets.map((socket) => once(socket.resume(), 'close')));
    expect(server.log()).not.toContain('Warning');
  });

  it('ends a connection that it has served, though the client does not', async () => {
    await using server = await begin(1);
    const socket = open(server);
    socket.write(last);
    await once(socket.resume(), 'end');
    // The system's answer to what is sent on a connection that the server has let go.
    for (let i = 0; i < 100 && !socket.closed; i++) {
      socket.write(started.subarray(0, 1));
      await sleep(100);
    }
    expect(socket.closed).toBe(true);
  });

  if (repeated === undefined) return;
  it('keeps few answers for a client that reads none', async () => {
    await using server = await begin(60);
    const socket = open(server).pause();
    const block = Buffer.concat(Array.from({ length: 5000 }, () => repeated));
    // Far more than the buffers of the system. Bounded: a server that reads on takes all of it.
    let left = Math.ceil(40_000_000 / block.length);
    for (let idle = 0; left > 0 && idle < 20; idle++) {
      for (; left > 0 && !socket.writableNeedDrain; left--, idle = 0) socket.write(block);
      await sleep(100);
    }
    socket.destroy();
    expect(left).toBeGreaterThan(0);
  });
});

/** @param allowHalfOpen - Whether the client stays when the server has ended its side. */
function open({ port }: ProtocolServer, allowHalfOpen = true): Socket {
  return connect({ port, host: 'localhost', allowHalfOpen }).on('error', () => {});
}

// The program that starts a server gives it a certificate.
const WITHOUT_TLS = { TLS_CERTIFICATE: '' };
