import { Client, Pool } from 'pg';
import { describe, expect, it } from 'vitest';
import type { PostgresClient } from '../../src/postgres/client.ts';
import { checkedClient, Table } from '../../src/postgres/client.ts';
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
