import { Client, Pool } from 'pg';
import { describe, expect, it } from 'vitest';
import type { PostgresClient } from '../../src/postgres/client.ts';
import { checkedClient, OftenRun, Table } from '../../src/postgres/client.ts';
import { FakePostgres } from '../support/fake-postgres.ts';

describe('the clients of PostgreSQL', () => {
  it.each<[string, PostgresClient]>([
    ['a pool of pg', new Pool()],
    ['a client of pg', new Client()],
  ])('%s is one', (_, client) => {
    expect(checkedClient('PostgresReplayCache', client)).toBe(client);
  });

  it('are no promises', () => {
    const promise: unknown = Promise.resolve(new FakePostgres());
    expect(() => checkedClient('PostgresReplayCache', promise as PostgresClient)).toThrow(
      'PostgresReplayCache: expected a Pool or a Client of pg',
    );
  });
});

describe('a table', () => {
  it('that is there needs no permission to create it', async () => {
    const database = new FakePostgres();
    database.tables.add('auth.krb5_replay');
    await new Table(database, 'auth.krb5_replay', ['CREATE TABLE']).ready();
    expect(database.statements).toHaveLength(1);
  });

  it('is created once, even by two servers at the same moment', async () => {
    const database = new FakePostgres();
    database.before = (text) => {
      if (text.startsWith('CREATE')) throw Object.assign(new Error('already'), { code: '23505' });
      return undefined;
    };
    const table = new Table(database, 'krb5_replay', ['CREATE TABLE', 'CREATE INDEX']);
    await Promise.all([table.ready(), table.ready()]);
    await table.ready();
    expect(database.statements.slice(1)).toEqual(['CREATE TABLE', 'CREATE INDEX']);
  });

  it('is created again after somebody has dropped it', async () => {
    const database = new FakePostgres();
    const table = new Table(database, 'krb5_replay', ['CREATE TABLE IF NOT EXISTS krb5_replay']);
    await table.use(async () => {});
    database.tables.clear();
    const gone = Object.assign(new Error('relation does not exist'), { code: '42P01' });
    await expect(table.use(() => Promise.reject(gone))).rejects.toBe(gone);
    expect(await table.use(async () => database.tables.has('krb5_replay'))).toBe(true);
  });

  it('is tried again after a failure', async () => {
    const database = new FakePostgres();
    database.before = () => {
      throw new Error('ECONNREFUSED');
    };
    const table = new Table(database, 'krb5_replay', ['CREATE TABLE']);
    await expect(table.ready()).rejects.toThrow('ECONNREFUSED');
    database.before = () => undefined;
    await table.ready();
    expect(database.statements.at(-1)).toBe('CREATE TABLE');
  });
});

describe('a statement that runs often', () => {
  const TEXT = 'SELECT to_regclass($1) AS there';

  it('is prepared, anew each time that the table may be four times as long', async () => {
    const database = new FakePostgres();
    const statement = new OftenRun(database, TEXT);
    for (let i = 0; i < 1000; i++) await statement.run([''], 1);
    expect(database.names.size).toBe(5);
    expect(database.statements).toHaveLength(1000);
    // One name for each text: `pg` refuses the same name for another one.
    const other = new FakePostgres();
    await new OftenRun(other, `${TEXT};`).run([''], 1);
    for (const name of other.names) expect(database.names.has(name)).toBe(false);
  });

  it.each(['26000', '42P05', '0A000'])(
    'has no name any longer once a server answers %s, which it has not run',
    async (code) => {
      const database = new FakePostgres();
      database.before = (_, isNamed) => {
        if (isNamed) throw Object.assign(new Error('no such statement'), { code });
        return undefined;
      };
      const statement = new OftenRun(database, TEXT);
      expect((await statement.run([''], 1)).rows).toHaveLength(1);
      await statement.run([''], 1);
      expect(database.statements).toHaveLength(3);
    },
  );

  it('is not run again after another failure: it may have been run', async () => {
    const database = new FakePostgres();
    database.before = () => {
      throw Object.assign(new Error('terminating connection'), { code: '57P01' });
    };
    const statement = new OftenRun(database, TEXT);
    await expect(statement.run([''], 1)).rejects.toThrow('terminating connection');
    expect(database.statements).toHaveLength(1);
  });
});
