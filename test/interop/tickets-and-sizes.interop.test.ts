import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchanges, runGssClient } from '../support/gss-client.ts';
import type { User } from '../support/realm.ts';
import { have, kinit, scratch } from '../support/realm.ts';
import { runOrThrow } from '../support/run.ts';
import type { Server } from '../support/server.ts';
import { startServer } from '../support/server.ts';

// RFC 3962 and RFC 8009: the enctypes that are on by default.
const ENCTYPES: readonly [number, string][] = [
  [17, 'aes128-cts-hmac-sha1-96'],
  [18, 'aes256-cts-hmac-sha1-96'],
  [19, 'aes128-cts-hmac-sha256-128'],
  [20, 'aes256-cts-hmac-sha384-192'],
];
const SIZES = [0, 1, 2, 15, 16, 17, 1024, 65_535, 65_536, 1_000_000, 10_000_000];

describe.runIf(have('gss-client')).each(['', '-export'])('any key of the keytab %s', (flag) => {
  let server: Server;
  let user: User;

  beforeAll(async () => {
    user = await kinit();
    server = await startServer({ service: '*', flags: flag === '' ? [] : [flag] });
  });
  afterAll(() => server.stop());

  describe.each(ENCTYPES)('a ticket of enctype %i', (enctype, name) => {
    const service = `etype${enctype}`;

    it('is what the KDC issues', async () => {
      await user.fetchTickets(service);
      const tickets = await runOrThrow('klist', ['-e'], { env: user.env });
      expect(tickets).toMatch(
        new RegExp(`${service}/.*\\n.*Etype \\(skey, tkt\\): ${name}, ${name}`),
      );
    });

    it.each(['', '-nw', '-nx', '-nomutual', '-seq', '-v1', '-mcount 5'])('%s', async (options) => {
      const flags = ['-krb5', ...options.split(' ').filter((option) => option !== '')];
      const result = await runGssClient({ port: server.port, user, service, flags });
      expect(exchanges(result)).toEqual({ signed: options === '-mcount 5' ? 5 : 1, unsigned: 0 });
    });

    it('carries 10 MB', async () => {
      const message = await file(10_000_000);
      const options = { port: server.port, user, service, message };
      const result = await runGssClient({ ...options, flags: ['-krb5', '-f'] });
      expect(exchanges(result)).toEqual({ signed: 1, unsigned: 0 });
    });
  });

  it.each(['HTTP', 'nopac', 'mixed', 'rotated', 'high-kvno'])(
    'a ticket for %s',
    async (service) => {
      const result = await runGssClient({ port: server.port, user, service });
      expect(exchanges(result)).toEqual({ signed: 1, unsigned: 0 });
    },
  );

  it.each(['alice', 'bob', 'carol', 'dave/admin'])('a ticket of %s', async (name) => {
    await server.mark();
    const result = await runGssClient({ port: server.port, user: await kinit(name) });
    expect(exchanges(result)).toEqual({ signed: 1, unsigned: 0 });
    await server.untilPrinted(`Accepted connection: "${name}@EXAMPLE.TEST"\n`);
  });

  it('a delegated ticket', async () => {
    const result = await runGssClient({ port: server.port, user, flags: ['-krb5', '-d'] });
    expect(exchanges(result)).toEqual({ signed: 1, unsigned: 0 });
  });

  describe.each(['', '-nx', '-nw', '-v1', '-v1 -nx'])('gss-client %s', (options) => {
    it.each(SIZES)('a message of %i bytes', async (size) => {
      const flags = ['-krb5', '-f', ...options.split(' ').filter((option) => option !== '')];
      const message = await file(size);
      const result = await runGssClient({ port: server.port, user, flags, message });
      expect(exchanges(result)).toEqual({ signed: 1, unsigned: 0 });
    });
  });

  async function file(size: number): Promise<string> {
    const path = join(scratch(), 'message');
    // Printable, because the server shows what it receives.
    await writeFile(path, 'All work and no play. '.repeat(size / 22 + 1).slice(0, size));
    return path;
  }
});
