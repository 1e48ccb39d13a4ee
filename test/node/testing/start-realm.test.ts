import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { formatPrincipal, parseKeytab } from '../../../src/index.ts';
import { decodeKrbError } from '../../../src/messages/krb-error.ts';
import type { RunningRealm } from '../../../src/node/testing/index.ts';
import { startRealm } from '../../../src/node/testing/index.ts';
import { requestTicket } from '../../../src/testing/index.ts';
import { keyOf, asRequest as makeRequest, timestamp } from '../../testing/kdc/requests.ts';

const manyGroups = Array.from({ length: 1000 }, (_, i) => 1000 + i);
const realm = await startRealm({
  users: [
    { name: 'alice', password: 'alice-password' },
    { name: 'bob', password: 'bob-password', groups: manyGroups },
  ],
});
afterAll(() => realm.stop());

const LOGIN = {
  client: 'alice@EXAMPLE.TEST',
  password: 'alice-password',
  service: 'host/localhost',
};
const now = Math.floor(Date.now() / 1000);

function asRequest(user = 'alice'): Uint8Array {
  const clientName = { nameType: 1, components: [user] };
  return makeRequest(realm, { clientName }, [timestamp(keyOf(realm, user), now)]);
}

async function overUdp(message: Uint8Array): Promise<Uint8Array> {
  const socket = createSocket('udp4');
  socket.send(message, realm.port, '127.0.0.1');
  const [answer] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return new Uint8Array(answer);
}

function framed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message]);
}

/** Reads one answer. */
async function readFrame(socket: Socket): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < 4 || bytes.length < 4 + bytes.readUInt32BE()) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
  return bytes.subarray(4);
}

async function dial(): Promise<Socket> {
  const socket = connect(realm.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

describe('the port', () => {
  it('answers over UDP', async () => {
    expect((await overUdp(asRequest()))[0]).toBe(0x6b);
    expect((await overUdp(Uint8Array.of(1)))[0]).toBe(0x7e);
  });

  it('answers over TCP, several times, however the bytes arrive', async () => {
    const socket = await dial();
    const message = framed(asRequest());
    for (const byte of message.subarray(0, 40)) socket.write(Buffer.of(byte));
    socket.write(message.subarray(40));
    expect((await readFrame(socket))[0]).toBe(0x6b);
    socket.write(framed(Uint8Array.of(1)));
    expect((await readFrame(socket))[0]).toBe(0x7e);
    socket.destroy();
  });

  it('sends a long answer over TCP only', async () => {
    const { errorCode } = decodeKrbError(await overUdp(asRequest('bob')));
    expect(errorCode).toBe(52);
    const socket = await dial();
    socket.write(framed(asRequest('bob')));
    const answer = await readFrame(socket);
    expect([answer[0], answer.length > 4096]).toEqual([0x6b, true]);
    socket.destroy();
  });

  it.each([0x80000000, 0x00100000])('refuses a length of %i, and closes', async (length) => {
    const socket = await dial();
    const header = Buffer.alloc(4);
    header.writeUInt32BE(length);
    socket.write(header);
    expect(decodeKrbError(await readFrame(socket)).errorCode).toBe(61);
    await once(socket, 'end');
    socket.destroy();
  });

  it('is that of the realm as a function', async () => {
    const ticket = await requestTicket({ kdc: realm.kdc, ...LOGIN });
    expect(ticket.ticket.realm).toBe('EXAMPLE.TEST');
  });
});

describe('the files', () => {
  it('are for this user only', () => {
    for (const path of [realm.krb5Config, realm.keytabFile, realm.userKeytabFile('alice')]) {
      expect(path.startsWith(realm.directory)).toBe(true);
      if (process.platform !== 'win32') expect(statSync(path).mode & 0o077).toBe(0);
    }
    if (process.platform !== 'win32') expect(statSync(realm.directory).mode & 0o077).toBe(0);
  });

  it('say where the KDC is, and hold the keys', () => {
    const config = readFileSync(realm.krb5Config, 'utf8');
    expect(config).toContain(`kdc = 127.0.0.1:${realm.port}\n`);
    expect(config).toContain('  localhost = EXAMPLE.TEST\n');
    const { entries } = parseKeytab(readFileSync(realm.keytabFile));
    expect(entries).toHaveLength(8);
    const user = parseKeytab(readFileSync(realm.userKeytabFile('alice')));
    expect(formatPrincipal(user.entries[0]!.principal)).toBe('alice@EXAMPLE.TEST');
  });

  it('are named by the environment', () => {
    expect(realm.environment).toEqual({
      KRB5_CONFIG: realm.krb5Config,
      KRB5CCNAME: `FILE:${join(realm.directory, 'ccache')}`,
      KRB5_KTNAME: `FILE:${realm.keytabFile}`,
    });
  });
});

describe('a realm', () => {
  it('ends at the end of its block', async () => {
    let ended: RunningRealm;
    {
      await using inner = await startRealm();
      ended = inner;
      expect(existsSync(inner.directory)).toBe(true);
    }
    expect(existsSync(ended.directory)).toBe(false);
    const socket = connect(ended.port, '127.0.0.1');
    await expect(once(socket, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await ended.stop();
  });

  it('ends while clients are connected', async () => {
    const inner = await startRealm();
    const socket = connect(inner.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => {});
    await Promise.all([inner.stop(), once(socket, 'close')]);
    expect(socket.destroyed).toBe(true);
  });

  it('knows its neighbours', async () => {
    await using other = await startRealm({ realm: 'OTHER.TEST', neighbours: [realm] });
    const config = readFileSync(other.krb5Config, 'utf8');
    expect(config).toContain('default_realm = OTHER.TEST');
    expect(config).toContain(`kdc = ${realm.address}`);
  });

  it.each(['0.0.0.0', '10.0.0.1', '::', 'localhost', '127.0.0.1.example.com', '127.1'])(
    'is on no address but a loopback one: %s',
    async (address) => {
      await expect(startRealm({ address })).rejects.toThrow(RangeError);
    },
  );

  it('needs a port that is free, and leaves no files without it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'no-realm-'));
    for (const name of ['TMPDIR', 'TEMP', 'TMP']) vi.stubEnv(name, directory);
    const { port } = realm;
    await expect(startRealm({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(readdirSync(directory)).toEqual([]);
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true });
  });

  it('may be given its address', async () => {
    await using inner = await startRealm({ address: '127.0.0.1', realm: 'SECOND.TEST' });
    expect(inner.address).toBe(`127.0.0.1:${inner.port}`);
  });
});
