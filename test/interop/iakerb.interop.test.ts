import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { withLegacyEnctypes } from '../../src/crypto/legacy/index.ts';
import { acquireCredential, createAcceptor, GssError, Mechanism } from '../../src/index.ts';
import { createGssServer, krb5ConfKdc } from '../../src/node/index.ts';
import type { RunningRealm } from '../../src/node/testing/index.ts';
import { startRealm } from '../../src/node/testing/index.ts';
import {
  encodeNegTokenInit,
  encodeNegTokenResp,
  readNegToken,
} from '../../src/spnego/neg-token.ts';
import { Frame } from '../support/frames.ts';
import { IAKERB_CLIENTS } from '../support/gss-client.ts';
import { Interceptor } from '../support/interceptor.ts';
import { HANGING } from '../support/until.ts';

const run = promisify(execFile);
const ENCTYPES: readonly number[] = [17, 18, 19, 20, 25, 26, 23, 16];

/** How a client proves who it is. */
type Login =
  | { readonly password: string }
  | { readonly keytab: string }
  /** What kinit left: a ticket-granting ticket. */
  | { readonly ccache: string };
const PASSWORD: Login = { password: 'alice-password' };

interface Setup {
  /** Export and import each context before its first message. */
  readonly exportContext?: boolean;
  /** Enctypes of the realm; AES if absent. */
  readonly enctypes?: readonly number[];
  /** Put the client's tokens into SPNEGO: MIT's own SPNEGO never offers IAKERB. */
  readonly spnego?: boolean;
}

/** A server that relays, and the environment of a client without any KDC. */
async function serve(
  realm: RunningRealm,
  { exportContext = false, enctypes, spnego = false }: Setup = {},
) {
  const acceptor = createAcceptor({
    credential: await acquireCredential({
      keytab: realm.keytab,
      crypto: withLegacyEnctypes(),
    }),
    ...(enctypes !== undefined && { permittedEnctypes: enctypes }),
    iakerb: { kdc: krb5ConfKdc({ files: realm.krb5Config }) },
  });
  const refusals: string[] = [];
  const server = createGssServer({
    acceptor,
    exportContext,
    onEvent: (event) => {
      if ('error' in event && event.error instanceof GssError) refusals.push(event.error.reason);
    },
  });
  const { port: own } = await server.listen(0, '127.0.0.1');
  const middle = spnego ? await wrapInSpnego(own) : undefined;
  const port = middle?.port ?? own;
  const config = join(realm.directory, 'client.conf');
  writeFileSync(
    config,
    `[libdefaults]
  default_realm = ${realm.realm}
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
  allow_weak_crypto = true
  allow_rc4 = true
  allow_des3 = true
[domain_realm]
  localhost = ${realm.realm}
`,
  );
  return {
    refusals,
    /** Runs a client. @returns What it printed. */
    async client(
      { command, env }: (typeof IAKERB_CLIENTS)[number],
      options: readonly string[],
      login: Login = PASSWORD,
      user = `alice@${realm.realm}`,
    ) {
      const credentials =
        'password' in login ? ['-user', user, '-pass', login.password] : ['-user', user];
      const { stdout } = await run(
        command,
        [
          ...['-port', String(port)],
          ...credentials,
          ...[...options, 'localhost', 'host@localhost', 'hello'],
        ],
        {
          env: {
            ...process.env,
            KRB5_CONFIG: config,
            KRB5CCNAME:
              'ccache' in login ? login.ccache : `FILE:${join(realm.directory, 'client.ccache')}`,
            KRB5_CLIENT_KTNAME: 'keytab' in login ? `FILE:${login.keytab}` : '/dev/null',
            ...env,
          },
          timeout: HANGING,
        },
      ).catch((error: { stdout: string; stderr: string }) => ({
        stdout: `${error.stdout}${error.stderr}`,
      }));
      return stdout;
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await middle?.[Symbol.asyncDispose]();
    },
  };
}

/** Puts the tokens of a client of IAKERB into SPNEGO, and takes those of the server out of it. */
function wrapInSpnego(port: number): Promise<Interceptor> {
  let begun = false;
  return Interceptor.start(
    port,
    (frame) => {
      // A connection begins with an empty frame.
      if (((frame.flags ?? 0) & Frame.context) === 0 || frame.data.length === 0) return [frame];
      const data = begun
        ? encodeNegTokenResp({ responseToken: frame.data })
        : encodeNegTokenInit({ mechTypes: [Mechanism.iakerb], mechToken: frame.data });
      begun = true;
      return [{ ...frame, data }];
    },
    (frame) => {
      if (((frame.flags ?? 0) & Frame.context) === 0) return [frame];
      const answer = readNegToken({ framed: false, inner: frame.data });
      const token = answer.kind === 'resp' ? answer.responseToken : undefined;
      return token === undefined ? [] : [{ ...frame, data: token }];
    },
  );
}

const IAKERB = ['-iakerb'];

const LOGINS: readonly (readonly [string, (realm: RunningRealm) => Login | Promise<Login>])[] = [
  ['a password', () => PASSWORD],
  ['a keytab', (realm) => ({ keytab: realm.userKeytabFile('alice') })],
  ['a ticket-granting ticket of its own', kinit],
];

async function kinit(realm: RunningRealm): Promise<Login> {
  const env = { ...process.env, ...realm.environment };
  await run('kinit', ['-k', '-t', realm.userKeytabFile('alice'), 'alice'], { env });
  return { ccache: realm.environment.KRB5CCNAME };
}

/** Options of gss-client, and of the server. */
const EXCHANGES: readonly {
  readonly how: string;
  readonly options: readonly string[];
  readonly setup?: Setup;
}[] = [
  { how: 'as it is', options: [] },
  { how: 'without encryption, MIC and wrapping', options: ['-nw', '-nx', '-nm'] },
  { how: 'with several messages', options: ['-mcount', '3'] },
  {
    how: 'with several messages, without all these',
    options: ['-nw', '-nx', '-nm', '-mcount', '3'],
  },
  { how: 'in several connections', options: ['-ccount', '2'] },
  { how: 'without mutual authentication', options: ['-nomutual'] },
  { how: 'with sequence numbers', options: ['-seq'] },
  { how: 'in DCE style', options: ['-dce'] },
  { how: 'inside SPNEGO', options: [], setup: { spnego: true } },
  { how: 'inside SPNEGO in DCE style', options: ['-dce'], setup: { spnego: true } },
  { how: 'delegating', options: ['-d'] },
  { how: 'to a context that is exported', options: [], setup: { exportContext: true } },
  {
    how: 'in DCE style to one that is exported',
    options: ['-dce', '-mcount', '3'],
    setup: { exportContext: true },
  },
  {
    how: 'inside SPNEGO to one that is exported',
    options: [],
    setup: { spnego: true, exportContext: true },
  },
];

describe.each(IAKERB_CLIENTS)('IAKERB with $name', (client) => {
  describe.each(EXCHANGES)('logs in, $how,', ({ options, setup }) => {
    it.each(LOGINS)('by %s', async (_, prepare) => {
      await using realm = await startRealm();
      await using server = await serve(realm, setup);
      const login = await prepare(realm);
      const output = await server.client(client, [...IAKERB, ...options], login);
      expect(output, `${output}${server.refusals}`).toContain(
        options.includes('-nm') ? 'Response received' : 'Signature verified',
      );
      expect(server.refusals).toEqual([]);
    });
  });

  it.each(ENCTYPES)('logs in with keys of enctype %i', async (enctype) => {
    const enctypes = [enctype];
    await using realm = await startRealm({ enctypes, crypto: withLegacyEnctypes() });
    await using server = await serve(realm, { enctypes });
    const output = await server.client(client, IAKERB);
    expect(output, `${output}${server.refusals}`).toContain('Signature verified');
  });

  it('asks for the realm that it does not know', async () => {
    await using realm = await startRealm();
    await using server = await serve(realm);
    const output = await server.client(client, IAKERB, PASSWORD, 'alice');
    expect(output, `${output}${server.refusals}`).toContain('Signature verified');
  });

  it.each([
    ['password', false],
    ['password inside SPNEGO', true],
  ])('gets the error of the KDC for a wrong %s', async (_, spnego) => {
    await using realm = await startRealm();
    await using server = await serve(realm, { spnego });
    const output = await server.client(client, IAKERB, { password: 'wrong' });
    expect(output).toMatch(/Preauthentication failed|Password incorrect|integrity check/);
    expect(server.refusals).not.toContain('iakerb.kdc-unreachable');
  });

  it('gets the error of the KDC for a wrong keytab', async () => {
    await using other = await startRealm({ users: [{ name: 'alice', password: 'another' }] });
    await using realm = await startRealm();
    await using server = await serve(realm);
    const output = await server.client(client, IAKERB, { keytab: other.userKeytabFile('alice') });
    expect(output).toMatch(/Preauthentication failed|Password incorrect|integrity check/);
  });
});
