import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextFlags, exchanges, runGssClient } from '../support/gss-client.ts';
import type { User } from '../support/realm.ts';
import { have, kinit } from '../support/realm.ts';
import type { Server } from '../support/server.ts';
import { startServer } from '../support/server.ts';

// Its tickets have no PAC, which the server would print.
const SERVICE = 'nopac';
const PER_MESSAGE = subsets(['-nw', '-nx', '-nm']);
const PER_CONTEXT = subsets(['-seq', '-noreplay', '-nomutual']);

describe.runIf(have('gss-client')).each(['', '-export'])('gss-server %s', (serverFlags) => {
  let server: Server;
  let user: User;

  beforeAll(async () => {
    user = await (await kinit()).fetchTickets(SERVICE);
    server = await startServer({ service: `${SERVICE}@localhost`, flags: words(serverFlags) });
  });
  afterAll(() => server.stop());

  describe.each(PER_CONTEXT)('gss-client -krb5 %s', (contextOptions) => {
    it.each(PER_MESSAGE)('%s', async (messageOptions) => {
      await server.mark();
      const flags = ['-krb5', ...words(contextOptions), ...words(messageOptions)];
      const result = await runGssClient({ port: server.port, user, service: SERVICE, flags });
      expect(exchanges(result)).toEqual(
        messageOptions.includes('-nm') ? { signed: 0, unsigned: 1 } : { signed: 1, unsigned: 0 },
      );
      await server.untilPrinted('NOOP token\n');
      expect(contextFlags(result.stdout)).toEqual(expectedFlags(contextOptions));
      expect(server.output()).toBe(
        [
          ...expectedFlags(contextOptions),
          'localname: alice',
          'Accepted connection: "alice@EXAMPLE.TEST"',
          'Received message: "testmsg"',
          'NOOP token\n',
        ].join('\n'),
      );
    });
  });

  describe.each(PER_CONTEXT)('gss-client -v1 %s', (contextOptions) => {
    it.each(subsets(['-nx', '-nm']))('%s', async (messageOptions) => {
      await server.mark();
      const flags = ['-v1', ...words(contextOptions), ...words(messageOptions)];
      const result = await runGssClient({ port: server.port, user, service: SERVICE, flags });
      // The guide's server signs every message: -nm only keeps the client from verifying.
      expect(exchanges(result)).toEqual(
        messageOptions.includes('-nm') ? { signed: 0, unsigned: 1 } : { signed: 1, unsigned: 0 },
      );
      await server.untilPrinted('Received message: "testmsg"\n');
      expect(server.output()).toContain('Accepted connection: "alice@EXAMPLE.TEST"\n');
      const warnings = messageOptions.includes('-nx') ? NOT_ENCRYPTED : '';
      // stderr is another pipe, which may be read after stdout.
      await server.untilWarned(warnings);
      expect(server.warnings()).toBe(warnings);
    });
  });

  it.each(['0', '1', '7'])('-mcount %s', async (count) => {
    await server.mark();
    const flags = ['-krb5', '-mcount', count];
    const result = await runGssClient({ port: server.port, user, service: SERVICE, flags });
    expect(exchanges(result)).toEqual({ signed: Number(count), unsigned: 0 });
    await server.untilPrinted('NOOP token\n');
    expect(server.output().split('Received message: "testmsg"\n').length - 1).toBe(Number(count));
  });

  it.each(['-krb5', '-v1'])('%s -ccount 3 -mcount 2', async (mechanism) => {
    await server.mark();
    const flags = [mechanism, '-ccount', '3', '-mcount', '2'];
    const result = await runGssClient({ port: server.port, user, service: SERVICE, flags });
    expect(exchanges(result)).toEqual({ signed: 6, unsigned: 0 });
    await server.untilPrinted(/(Accepted connection.*?(Received message.*?){2}){3}/s);
  });

  it.each(PER_MESSAGE)('-na %s: no authentication', async (messageOptions) => {
    await server.mark();
    const flags = ['-na', ...words(messageOptions)];
    const result = await runGssClient({ port: server.port, user, service: SERVICE, flags });
    expect(exchanges(result)).toEqual({ signed: 0, unsigned: 1 });
    await server.untilPrinted('NOOP token\n');
    expect(server.output()).toBe(
      'Accepted unauthenticated connection.\nAccepted unauthenticated connection.\n' +
        'Received message: "testmsg"\nNOOP token\n',
    );
  });

  it('-user -pass: credentials that the client gets by itself', async () => {
    await server.mark();
    const flags = ['-krb5', '-user', 'bob', '-pass', 'bob-password'];
    const result = await runGssClient({ port: server.port, user, service: SERVICE, flags });
    expect(exchanges(result)).toEqual({ signed: 1, unsigned: 0 });
    await server.untilPrinted('Accepted connection: "bob@EXAMPLE.TEST"\n');
  });
});

const NOT_ENCRYPTED = 'Warning!  Message not encrypted.\n';

function expectedFlags(options: string): string[] {
  return [
    ...(options.includes('-nomutual') ? [] : ['context flag: GSS_C_MUTUAL_FLAG']),
    ...(options.includes('-noreplay') ? [] : ['context flag: GSS_C_REPLAY_FLAG']),
    ...(options.includes('-seq') ? ['context flag: GSS_C_SEQUENCE_FLAG'] : []),
    'context flag: GSS_C_CONF_FLAG ',
    'context flag: GSS_C_INTEG_FLAG ',
  ];
}

/** Each combination of the options, as a command line. */
function subsets(options: readonly string[]): string[] {
  return Array.from({ length: 2 ** options.length }, (_, bits) =>
    options.filter((_, index) => (bits >> index) & 1).join(' '),
  );
}

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}
