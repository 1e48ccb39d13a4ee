/** examples/servers/postgres.mjs with psql. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../support/engines.ts';
import { startPostgres } from '../support/engines.ts';
import { havePeers, protocolSite } from '../support/protocols.ts';
import { run, runOrThrow } from '../support/run.ts';

const { realm, login, start } = await protocolSite('postgres');

describe.runIf(havePeers('kinit', 'postgresql'))('postgres.mjs', () => {
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
    return await start('postgres.mjs', settings);
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
