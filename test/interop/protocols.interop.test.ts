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

describe.runIf(have('kinit', 'ldapsearch'))('ldap.mjs', () => {
  let alice: Readonly<Record<string, string>>;

  beforeAll(async () => {
    alice = await login('alice');
  });

  /** Runs a program of OpenLDAP, which without -N would ask tickets for the machine's own name. */
  async function ldap(program: string, port: number, args: readonly string[], env = alice) {
    return await run(program, ['-H', `ldap://localhost:${port}`, '-N', ...args], { env });
  }

  it.each([
    ['-Y GSSAPI', 256],
    ['-Y GSSAPI -O maxssf=0', 0],
    ['-Y GSSAPI -O minssf=1,maxssf=1', 1],
    ['-Y GSSAPI -O minssf=56,maxbufsize=2048', 256],
    ['-Y GSS-SPNEGO', 256],
    ['-Y GSS-SPNEGO -O maxssf=0', 0],
  ])('knows the client of ldapwhoami %s', async (options, strength) => {
    await using server = await start('ldap.mjs', 'ldap@localhost');
    const { stdout, stderr } = await ldap('ldapwhoami', server.port, options.split(' '));
    expect(stdout).toBe('u:alice@EXAMPLE.TEST\n');
    expect(stderr).toContain(`SASL SSF: ${strength}\n`);
  });

  it('says in its root entry what it offers, in the layer and to anybody', async () => {
    await using server = await start('ldap.mjs', 'ldap@localhost');
    for (const options of ['-x', '-Y GSSAPI']) {
      const search = [...options.split(' '), '-LLL', '-b', '', '-s', 'base'];
      const { stdout } = await ldap('ldapsearch', server.port, search);
      expect(stdout).toContain('supportedSASLMechanisms: GSSAPI\n');
      expect(stdout).toContain('supportedSASLMechanisms: GSS-SPNEGO\n');
    }
  });

  it('refuses passwords and other identities', async () => {
    await using server = await start('ldap.mjs', 'ldap@localhost');
    const refusals = [
      ['-x -D cn=alice -w secret', 'Authentication method not supported (7)'],
      ['-Y GSSAPI -X u:bob', 'Invalid credentials (49)'],
    ] as const;
    for (const [options, reason] of refusals) {
      const { stderr } = await ldap('ldapwhoami', server.port, options.split(' '));
      expect(stderr).toContain(reason);
    }
    expect(server.log()).toContain('sasl.not-authorized alice@EXAMPLE.TEST asks to be u:bob');
  });
});

describe.runIf(have('kinit', 'curl'))('smtp.mjs and imap.mjs', () => {
  let alice: Readonly<Record<string, string>>;

  beforeAll(async () => {
    alice = await login('alice');
  });

  async function curl(url: string, args: readonly string[], env = alice, input = '') {
    const login = ['--login-options', 'AUTH=GSSAPI', '--user', ':'];
    return await run('curl', ['-sSv', ...login, ...args, url], { env, input });
  }

  const MAIL = 'Subject: x\r\n\r\nhello\r\n.a dot\r\n';
  const ENVELOPE = ['--mail-from', 'a@example.com', '--mail-rcpt', 'b@example.com', '-T', '-'];

  it('SMTP takes a mail of curl', async () => {
    await using server = await start('smtp.mjs', 'smtp@localhost');
    const { code, stderr } = await curl(`smtp://localhost:${server.port}`, ENVELOPE, alice, MAIL);
    expect(stderr).toContain('< 235 2.7.0 authenticated');
    expect(stderr).toContain('< 250 2.0.0 taken from alice@EXAMPLE.TEST');
    expect(code).toBe(0);
  });

  it('SMTP takes none without a login, or in the name of somebody else', async () => {
    await using server = await start('smtp.mjs', 'smtp@localhost');
    const url = `smtp://localhost:${server.port}`;
    const { stderr } = await run('curl', ['-sSv', ...ENVELOPE, url], { input: MAIL });
    expect(stderr).toContain('< 530 5.7.0 authentication required');
    const other = await curl(url, ['--sasl-authzid', 'bob', ...ENVELOPE], alice, MAIL);
    expect(other.stderr).toContain('< 535 5.7.8 not authenticated');
    expect((await curl(url, ENVELOPE, realm.environment, MAIL)).code).not.toBe(0);
  });

  it('IMAP lists a mailbox to curl', async () => {
    await using server = await start('imap.mjs', 'imap@localhost');
    const { stdout } = await curl(`imap://localhost:${server.port}/`, []);
    expect(stdout).toBe('* LIST () "/" "alice@EXAMPLE.TEST"\r\n');
  });

  it('IMAP lists none to those who are refused', async () => {
    await using server = await start('imap.mjs', 'imap@localhost');
    const url = `imap://localhost:${server.port}/`;
    const { stdout, stderr } = await curl(url, ['--sasl-authzid', 'bob']);
    expect([stdout, stderr]).toEqual(['', expect.stringContaining(' NO not authenticated')]);
  });
});
