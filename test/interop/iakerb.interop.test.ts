import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { acquireCredential, createAcceptor, GssError } from '../../src/index.ts';
import { createGssServer, krb5ConfKdc } from '../../src/node/index.ts';
import type { RunningRealm } from '../../src/node/testing/index.ts';
import { startRealm } from '../../src/node/testing/index.ts';

const run = promisify(execFile);
// A build of MIT krb5's newest sources, whose tokens have the form of the draft; Debian's are older.
const NEW_MIT = process.env.KRB5_TEST_MIT_BUILD;
const CLIENTS = [
  { name: "Debian's gss-client", command: 'gss-client', env: {} },
  ...(NEW_MIT === undefined
    ? []
    : [
        {
          name: 'the gss-client of newer sources',
          command: join(NEW_MIT, 'src/appl/gss-sample/gss-client'),
          env: { LD_LIBRARY_PATH: join(NEW_MIT, 'src/lib') },
        },
      ]),
];

/** A server that relays, and the environment of a client without any KDC. */
async function serve(realm: RunningRealm) {
  const acceptor = createAcceptor({
    credential: await acquireCredential({ keytab: realm.keytab }),
    iakerb: { kdc: krb5ConfKdc({ files: realm.krb5Config }) },
  });
  const refusals: string[] = [];
  const server = createGssServer({
    acceptor,
    onEvent: (event) => {
      if ('error' in event && event.error instanceof GssError) refusals.push(event.error.reason);
    },
  });
  const { port } = await server.listen(0, '127.0.0.1');
  const config = join(realm.directory, 'client.conf');
  writeFileSync(
    config,
    `[libdefaults]
  default_realm = ${realm.realm}
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
[domain_realm]
  localhost = ${realm.realm}
`,
  );
  const env = {
    KRB5_CONFIG: config,
    KRB5CCNAME: `FILE:${join(realm.directory, 'client.ccache')}`,
  };
  return {
    refusals,
    env,
    async client(
      { command, env: more }: (typeof CLIENTS)[number],
      options: readonly string[],
      password = 'alice-password',
    ) {
      const { stdout } = await run(
        command,
        [
          ...['-port', String(port), '-user', `alice@${realm.realm}`, '-pass', password],
          ...[...options, 'localhost', 'host@localhost', 'hello'],
        ],
        { env: { ...process.env, ...env, ...more }, timeout: 30_000 },
      ).catch((error: { stdout: string; stderr: string }) => ({
        stdout: `${error.stdout}${error.stderr}`,
      }));
      return stdout;
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

const IAKERB = ['-mech', '{ 1 3 6 1 5 2 5 }'];

describe.each(CLIENTS)('IAKERB with $name', (client) => {
  it.each([
    ['as it is', []],
    ['without encryption, MIC and wrapping', ['-nw', '-nx', '-nm']],
    ['with several messages', ['-mcount', '3']],
    ['in several connections', ['-ccount', '2']],
    ['without mutual authentication', ['-nomutual']],
    ['with sequence numbers', ['-seq']],
  ])('logs in by a password, %s', async (_, options) => {
    await using realm = await startRealm();
    await using server = await serve(realm);
    const output = await server.client(client, [...IAKERB, ...options]);
    expect(output, output).toContain(
      options.includes('-nm') ? 'Response received' : 'Signature verified',
    );
    expect(server.refusals).toEqual([]);
  });

  it.each([17, 18, 19, 20])('logs in with keys of enctype %i', async (enctype) => {
    await using realm = await startRealm({ enctypes: [enctype] });
    await using server = await serve(realm);
    const output = await server.client(client, IAKERB);
    expect(output, output).toContain('Signature verified');
  });

  it('gets the error of the KDC for a wrong password', async () => {
    await using realm = await startRealm();
    await using server = await serve(realm);
    const output = await server.client(client, IAKERB, 'wrong');
    expect(output).toMatch(/Preauthentication failed|Password incorrect|integrity check/);
    expect(server.refusals).not.toContain('iakerb.kdc-unreachable');
  });
});
