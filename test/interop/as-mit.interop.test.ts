import { beforeAll, describe, expect, it } from 'vitest';
import { exchanges, runGssClient } from '../support/gss-client.ts';
import type { User } from '../support/realm.ts';
import { have, kinit } from '../support/realm.ts';
import type { Server } from '../support/server.ts';
import { MIT_SERVER, OUR_SERVER, startServer } from '../support/server.ts';

// The options of a client, and for each those of the server.
const CLIENTS = [
  '-krb5',
  '-krb5 -nw',
  '-krb5 -nx',
  '-krb5 -nw -nx',
  '-krb5 -nm',
  '-krb5 -nw -nx -nm',
  '-krb5 -seq -noreplay -nomutual',
  '-krb5 -mcount 0',
  '-krb5 -mcount 3',
  '-na',
];
const SERVERS = ['', '-verbose', '-verbose -export'];

describe.runIf(have('gss-client'))("gss-server prints what MIT's prints", () => {
  let user: User;

  beforeAll(async () => {
    user = await (await kinit()).fetchTickets('host');
  });

  describe.each(SERVERS)('gss-server %s', (serverOptions) => {
    it.each(CLIENTS)('gss-client %s', async (clientOptions) => {
      const ours = await serveOne(OUR_SERVER, serverOptions, clientOptions);
      const theirs = await serveOne(MIT_SERVER, serverOptions, clientOptions);
      expect(comparable(ours.stdout)).toBe(comparable(theirs.stdout));
      expect(ours.stderr).toBe(theirs.stderr);
    });
  });

  async function serveOne(
    command: readonly string[],
    serverOptions: string,
    clientOptions: string,
  ): Promise<Server> {
    const flags = ['-once', ...serverOptions.split(' ').filter((option) => option !== '')];
    const server = await startServer({ command, flags });
    const options = { port: server.port, user, flags: clientOptions.split(' ') };
    const { signed, unsigned } = exchanges(await runGssClient(options));
    expect(signed + unsigned).toBe(
      clientOptions.endsWith('0') ? 0 : clientOptions.endsWith('3') ? 3 : 1,
    );
    await server.ended();
    return server;
  }
});

/** Without what differs from run to run: bytes of tokens, times and the size of an exported context. */
function comparable(output: string): string {
  return (
    output
      // A dump of full lines ends with an empty one.
      .replace(/^([0-9a-f]{2} ){16}\n\n/gm, '')
      .replace(/^([0-9a-f]{2} )+\n/gm, '')
      .replace(/(Exported context): \d+ bytes, .*/g, '$1')
      .replace(/(Importing context): .*/g, '$1')
      .replace(/\(size=\d+\)/g, '(size)')
  );
}
