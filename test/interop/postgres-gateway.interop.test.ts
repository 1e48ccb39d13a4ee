/** examples/servers/postgres.mjs and pg-gateway.mjs with psql, Java, and clients that lie. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SecurityContext } from '../../src/index.ts';
import { createInitiator, mintTicket } from '../../src/testing/index.ts';
import type { Engine } from '../support/engines.ts';
import { startPostgres } from '../support/engines.ts';
import { JDBC } from '../support/peers.ts';
import type { Environment, ProtocolServer } from '../support/protocols.ts';
import { havePeers, protocolSite } from '../support/protocols.ts';
import { run, runOrThrow } from '../support/run.ts';

const { realm, login, start } = await protocolSite('postgres');

/** What psql prints for a query. @param options - Of the connection. */
async function psql(port: number, options: string, query: string, user: string, env: Environment) {
  const url = `postgres://${user}@localhost:${port}/postgres?${options}`;
  return await run('psql', [url, '-At', '-c', query], { env });
}

const PLAIN = 'gssencmode=disable&sslmode=disable';
const TLS = 'gssencmode=disable&sslmode=require';
const ENCRYPTED = 'gssencmode=require';

describe.runIf(havePeers('kinit', 'postgresql'))('postgres.mjs', () => {
  let database: Engine;
  let alice: Environment;

  beforeAll(async () => {
    alice = await login('alice');
    database = await startPostgres('-c', 'fsync=off');
    await runOrThrow('psql', [database.url, '-c', 'CREATE ROLE alice LOGIN']);
  });
  afterAll(() => database[Symbol.asyncDispose]());

  async function gateway() {
    return await start('postgres.mjs', { UPSTREAM: String(database.port), REALM: 'EXAMPLE.TEST' });
  }

  it.each([
    [PLAIN, 'False False'],
    [TLS, 'False True'],
    [ENCRYPTED, 'True False'],
    ['gssencmode=prefer', 'True False'],
  ])('signs on psql with %s', async (options, protection) => {
    await using server = await gateway();
    const url = `postgres://alice@localhost:${server.port}/postgres?${options}`;
    const args = [url, '-At', '-c', 'SELECT current_user', '-c', '\\conninfo'];
    const { stdout, stderr } = await run('psql', args, { env: alice });
    expect([stdout.split('\n')[0], stderr]).toEqual(['alice', '']);
    const found = ['GSSAPI-encrypted connection', 'SSL connection'].map((said) =>
      stdout.includes(said) ? 'True' : 'False',
    );
    expect(found.join(' ')).toBe(protection);
  });

  it.each([PLAIN, TLS, ENCRYPTED])('carries long queries and results with %s', async (options) => {
    await using server = await gateway();
    const word = 'x'.repeat(50_000);
    const query = `SELECT length('${word}'), repeat('0123456789', 100) FROM generate_series(1, 1000)`;
    const { stdout } = await psql(server.port, options, query, 'alice', alice);
    expect(stdout === `50000|${'0123456789'.repeat(100)}\n`.repeat(1000)).toBe(true);
  });

  it('carries a result of 50 MB in encrypted packets, and two at once', async () => {
    await using server = await gateway();
    const rows = 52_429;
    const query = `COPY (SELECT i || repeat('0123456789', 100) FROM generate_series(1, ${rows}) i) TO STDOUT`;
    const results = await Promise.all(
      [1, 2].map(() => psql(server.port, ENCRYPTED, query, 'alice', alice)),
    );
    const row = '0123456789'.repeat(100);
    const expected = Array.from({ length: rows }, (_, at) => `${at + 1}${row}\n`).join('');
    expect(expected.length).toBeGreaterThan(50 * 1024 * 1024);
    expect(results.map(({ stdout }) => stdout === expected)).toEqual([true, true]);
  });

  it.each([PLAIN, TLS, ENCRYPTED])('passes requests to cancel on, with %s', async (options) => {
    await using server = await gateway();
    const url = `postgres://alice@localhost:${server.port}/postgres?${options}`;
    const child = spawn('psql', [url, '-c', 'SELECT pg_sleep(600)'], {
      env: { ...process.env, ...alice },
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const ended = once(child, 'close');
    const active = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'";
    await expect
      .poll(async () => (await run('psql', [database.url, '-Atc', active])).stdout)
      .toBe('1\n');
    child.kill('SIGINT');
    await ended;
    expect(said).toContain('canceling statement due to user request');
  });

  it('refuses the role of somebody else, and those without a ticket', async () => {
    await using server = await gateway();
    for (const options of [PLAIN, TLS, ENCRYPTED]) {
      const { code, stderr } = await psql(server.port, options, 'SELECT 1', 'test', alice);
      expect(code).toBe(2);
      expect(stderr).toContain('FATAL:  alice@EXAMPLE.TEST cannot be the role "test"');
      const none = await psql(server.port, options, 'SELECT 1', 'alice', realm.environment);
      expect(none.code).toBe(2);
    }
  });

  it
    .runIf(havePeers('jdbc'))
    .each([
      'gssEncMode=disable&sslmode=disable',
      'gssEncMode=disable&sslmode=require',
      'gssEncMode=require',
    ])("signs on Java's driver with %s", async (options) => {
    await using server = await gateway();
    const url = `jdbc:postgresql://localhost:${server.port}/postgres?user=alice&jaasLogin=false&${options}`;
    const query =
      "SELECT current_user || length(string_agg(repeat('x', 1000), '')) FROM generate_series(1, 1000)";
    const program = join(import.meta.dirname, 'clients/Jdbc.java');
    const java = ['-XX:TieredStopAtLevel=1', `-Djava.security.krb5.conf=${realm.krb5Config}`];
    const args = [...java, '-cp', JDBC, program, url, query];
    expect((await run('java', args, { env: alice })).stdout).toBe('alice1000000\n');
  });

  describe('with a client that lies', () => {
    async function refuses(
      attack: (peer: Peer) => Promise<void> | void,
      words: string,
    ): Promise<void> {
      await using server = await gateway();
      const peer = new Peer(server);
      await attack(peer);
      expect(await peer.rest()).toBe('');
      await expect.poll(() => server.log()).toContain(words);
      const { stdout } = await psql(server.port, ENCRYPTED, 'SELECT 1', 'alice', alice);
      expect(stdout).toBe('1\n');
    }

    it.each([0, 4, 7, 10_001, 0xffff_ffff])('about the startup message: %i', async (length) => {
      await refuses((peer) => peer.send(uint32(length), Buffer.alloc(8)), `a message of ${length}`);
    });

    it.each([
      'user\0alice\0',
      'user\0alice\0\0\0',
      'user\0test\0\0\0user\0alice\0\0',
      'user\0alice\0\0user\0test\0\0',
      'user\0test\0user\0alice\0\0',
      'user\0alice\0database\0\0\0x\0\0',
    ])('about the user, in words that can be read in two ways: %j', async (words) => {
      await refuses(async (peer) => {
        const context = await peer.encrypt();
        const head = [uint32(8 + words.length), uint32(196_608)];
        const token = context.wrap(Buffer.concat([...head, Buffer.from(words)]));
        peer.send(uint32(token.length), token);
      }, 'malformed startup message');
    });

    it('about the version', async () => {
      await refuses((peer) => peer.send(uint32(8), uint32(1)), 'an unknown version');
    });

    it.each([0, 3, 65_537, 0xffff_ffff])('about the length of a token: %i', async (length) => {
      await refuses(async (peer) => {
        peer.send(STARTUP);
        expect(await peer.take(9)).toBe(hex(AUTHENTICATION_GSS));
        peer.send(Buffer.from('p'), uint32(length));
      }, `a message of ${length}`);
    });

    it('by a query before the login', async () => {
      await refuses(async (peer) => {
        peer.send(STARTUP, Buffer.from('Q'), uint32(13), Buffer.from('SELECT 1\0'));
        await peer.take(9);
      }, 'a message that is no GSSResponse');
    });

    it.each([0, 65_537, 0xffff_ffff])('about the first packet: %i', async (length) => {
      await refuses(async (peer) => {
        await peer.requestEncryption();
        peer.send(uint32(length));
      }, `a message of ${length}`);
    });

    it.each([
      ['GSS-API', GSSENC],
      ['TLS', SSL],
    ])('by a startup message in clear behind the request for %s', async (_, request) => {
      await refuses((peer) => peer.send(request, STARTUP), 'did not wait');
    });

    it('by packets that are too long, signed only, repeated or altered', async () => {
      const packetOf = (token: Uint8Array) => Buffer.concat([uint32(token.length), token]);
      const attacks: Record<string, (context: SecurityContext) => Buffer[]> = {
        'a message of 16381': () => [uint32(16_381)],
        'a message of 0': () => [uint32(0)],
        'not encrypted': (context) => [packetOf(context.wrap(STARTUP, { confidential: false }))],
        'out of order': (context) => {
          const packet = packetOf(context.wrap(STARTUP.subarray(0, 10)));
          return [packet, packet];
        },
        'message.': (context) => {
          const packet = packetOf(context.wrap(STARTUP));
          packet[packet.length - 1]! ^= 1;
          return [packet];
        },
      };
      for (const [words, packets] of Object.entries(attacks)) {
        await refuses(async (peer) => {
          const context = await peer.encrypt();
          peer.send(...packets(context));
        }, words);
      }
    });
  });
});

describe.runIf(havePeers('kinit', 'postgresql'))('pg-gateway.mjs', () => {
  it.each([PLAIN, TLS, ENCRYPTED])('tells psql who it is, with %s', async (options) => {
    const alice = await login('alice');
    await using server = await start('pg-gateway.mjs', { REALM: 'EXAMPLE.TEST' });
    const { stdout } = await psql(server.port, options, 'SELECT 1', 'alice', alice);
    expect(stdout).toBe('alice@EXAMPLE.TEST\n');
    const other = await psql(server.port, options, 'SELECT 1', 'bob', alice);
    expect(other.stderr).toContain('alice@EXAMPLE.TEST cannot be the role "bob"');
  });
});

/** A connection on which a test sends what it likes. */
class Peer {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);

  constructor(server: ProtocolServer) {
    this.#socket = connect(server.port, 'localhost').on('error', () => {});
    this.#socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
  }

  send(...parts: readonly Uint8Array[]): void {
    this.#socket.write(Buffer.concat(parts));
  }

  /** The next bytes, in hexadecimal. */
  async take(length: number): Promise<string> {
    while (this.#received.length < length && !this.#socket.closed) {
      await Promise.race([once(this.#socket, 'data'), once(this.#socket, 'close')]);
    }
    const bytes = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return hex(bytes);
  }

  /** All until the server ends the connection, in hexadecimal. */
  async rest(): Promise<string> {
    return await this.take(Number.POSITIVE_INFINITY);
  }

  async requestEncryption(): Promise<void> {
    this.send(GSSENC);
    expect(await this.take(1)).toBe(hex('G'));
  }

  /** Establishes encryption as alice. */
  async encrypt(): Promise<SecurityContext> {
    const ticket = mintTicket({ keytab: realm.keytab, service: 'postgres', client: 'alice' });
    const initiator = createInitiator({ ticket });
    const token = initiator.begin();
    await this.requestEncryption();
    this.send(uint32(token.length), token);
    const length = Number.parseInt(await this.take(4), 16);
    return initiator.finish(Buffer.from(await this.take(length), 'hex'));
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function hex(bytes: Uint8Array | string): string {
  return Buffer.from(bytes).toString('hex');
}

const GSSENC = Buffer.concat([uint32(8), uint32(80_877_104)]);
const SSL = Buffer.concat([uint32(8), uint32(80_877_103)]);
const AUTHENTICATION_GSS = Buffer.concat([Buffer.from('R'), uint32(8), uint32(7)]);
const PARAMETERS = Buffer.from('user\0alice\0database\0postgres\0\0');
const STARTUP = Buffer.concat([uint32(8 + PARAMETERS.length), uint32(196_608), PARAMETERS]);
