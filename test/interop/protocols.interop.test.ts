/** The servers of examples/servers, with the stock clients of their protocols, in a realm of this process. */
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startRealm } from '../../src/node/testing/index.ts';
import { startServer } from '../conformance/program.ts';
import type { Engine } from '../support/engines.ts';
import { startPostgres } from '../support/engines.ts';
import type { PeerName } from '../support/peers.ts';
import { PYTHON } from '../support/peers.ts';
import { freePort } from '../support/ports.ts';
import { scratch } from '../support/realm.ts';
import { run, runOrThrow } from '../support/run.ts';

const SERVERS = resolve(import.meta.dirname, '../../examples/servers');
const SOCKS5_CLIENT = join(import.meta.dirname, 'clients/socks5.py');

const realm = await startRealm({
  users: [{ name: 'alice' }, { name: 'bob' }],
  services: [
    'rcmd/localhost',
    'smtp/localhost',
    'imap/localhost',
    'ldap/localhost',
    'postgres/localhost',
  ],
});
afterAll(() => realm.stop());

/** Whether the peers are there; a KDC is not needed. */
function have(...peers: readonly PeerName[]): boolean {
  return !peers.some((peer) => inject('interop').missing.includes(peer));
}

/** The environment of a user who has logged in. */
async function login(user: string): Promise<Readonly<Record<string, string>>> {
  const env = { ...realm.environment, KRB5CCNAME: `FILE:${join(scratch(), 'ccache')}` };
  await runOrThrow('kinit', ['-k', '-t', realm.userKeytabFile(user), user], { env });
  return env;
}

/** Starts a server of the folder as a program. */
async function start(name: string, service: string, env: Readonly<Record<string, string>> = {}) {
  const port = await freePort();
  const settings = { KEYTAB: realm.keytabFile, SERVICE: service, PORT: `${port}`, ...env };
  const server = await startServer([process.execPath, join(SERVERS, name)], settings, port);
  return { ...server, [Symbol.asyncDispose]: server.stop };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

describe.runIf(have('kinit', 'python3-gssapi'))('socks5.mjs', () => {
  let alice: Readonly<Record<string, string>>;
  /** Sends back all that it gets. */
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));

  beforeAll(async () => {
    alice = await login('alice');
    await once(echo.listen(0, 'localhost'), 'listening');
  });
  afterAll(() => {
    echo.close();
  });

  async function send(proxy: number, level: number, target: number, input = '', env = alice) {
    const args = [SOCKS5_CLIENT, proxy, level, target].map(String);
    return await run(PYTHON, args, { env, input });
  }

  it.each([
    [0, 0, { PLAIN: '1' }],
    [1, 1, {}],
    [2, 2, {}],
    [3, 2, {}],
  ])('gives a client that asks for level %i the level %i', async (asked, given, env) => {
    await using server = await start('socks5.mjs', 'rcmd@localhost', env);
    const input = 'A line of text.\n'.repeat(100_000);
    const result = await send(server.port, asked, portOf(echo), input);
    expect(result.stderr).toBe(`level ${given}\n`);
    expect(result.stdout === input).toBe(true);
  });

  it('refuses clients that want no protection, or an unknown one', async () => {
    await using server = await start('socks5.mjs', 'rcmd@localhost');
    for (const level of [0, 4]) {
      const { stderr } = await send(server.port, level, portOf(echo));
      expect(stderr).toBe('refused: 01ff\n');
    }
  });

  it('refuses those who have no ticket for it', async () => {
    await using server = await start('socks5.mjs', 'smtp@localhost');
    expect((await send(server.port, 2, portOf(echo))).stderr).toBe('refused: 01ff\n');
    expect(server.log()).toContain('rcmd/localhost@EXAMPLE.TEST');
  });

  it('says that it cannot reach the target', async () => {
    await using server = await start('socks5.mjs', 'rcmd@localhost');
    const { stderr } = await send(server.port, 2, await freePort());
    expect(stderr).toBe('level 2\nreply 4\n');
  });

  it('survives clients that hang up', async () => {
    await using server = await start('socks5.mjs', 'rcmd@localhost');
    for (const bytes of ['', '05', '050101', '05010101010010', '050101010100016001020001ff']) {
      const socket = connect(server.port, 'localhost');
      socket.write(Buffer.from(bytes, 'hex'));
      await once(socket.end().resume(), 'close');
    }
    const { stdout } = await send(server.port, 2, portOf(echo), 'still here');
    expect(stdout).toBe('still here');
  });
});

describe.runIf(have('kinit', 'postgresql'))('postgres.mjs', () => {
  let database: Engine;
  let alice: Readonly<Record<string, string>>;

  beforeAll(async () => {
    alice = await login('alice');
    database = await startPostgres('-c', 'fsync=off');
    await runOrThrow('psql', [database.url, '-c', 'CREATE ROLE alice LOGIN']);
  });
  afterAll(() => database[Symbol.asyncDispose]());

  async function gateway() {
    const settings = { UPSTREAM: String(database.port), REALM: 'EXAMPLE.TEST' };
    return await start('postgres.mjs', 'postgres@localhost', settings);
  }

  /** What psql prints for a query. */
  async function psql(port: number, mode: string, query: string, user = 'alice', env = alice) {
    const url = `postgres://${user}@localhost:${port}/postgres?gssencmode=${mode}&sslmode=disable`;
    return await run('psql', [url, '-At', '-c', query], { env });
  }

  it.each(['disable', 'prefer', 'require'])('signs on psql with gssencmode=%s', async (mode) => {
    await using server = await gateway();
    const { stdout, stderr } = await psql(server.port, mode, 'SELECT current_user');
    expect([stdout, stderr]).toEqual(['alice\n', '']);
  });

  it.each(['disable', 'require'])(
    'carries long queries and results, gssencmode=%s',
    async (mode) => {
      await using server = await gateway();
      const word = 'x'.repeat(50_000);
      const query = `SELECT length('${word}'), repeat('0123456789', 100) FROM generate_series(1, 1000)`;
      const { stdout } = await psql(server.port, mode, query);
      expect(stdout === `50000|${'0123456789'.repeat(100)}\n`.repeat(1000)).toBe(true);
    },
  );

  it('refuses the role of somebody else, and those without a ticket', async () => {
    await using server = await gateway();
    for (const mode of ['disable', 'require']) {
      const { code, stderr } = await psql(server.port, mode, 'SELECT 1', 'test');
      expect(code).toBe(2);
      expect(stderr).toContain('FATAL:  alice@EXAMPLE.TEST cannot be the role "test"');
      const { code: none } = await psql(server.port, mode, 'SELECT 1', 'alice', realm.environment);
      expect(none).toBe(2);
    }
  });
});
