import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ServerArguments } from '../../../src/cli/gss-server/args.ts';
import { parseArguments } from '../../../src/cli/gss-server/args.ts';
import { configure } from '../../../src/cli/gss-server/configure.ts';
import { withLegacyEnctypes } from '../../../src/crypto/legacy/index.ts';
import { mechanismName } from '../../../src/gss/mechanism.ts';
import { EncryptionKey, formatKeytab, GssError, KerberosError } from '../../../src/index.ts';
import { parsePrincipal } from '../../../src/messages/principal.ts';
import { decodeNegToken } from '../../../src/spnego/neg-token.ts';
import { createInitiator, mintTicket } from '../../../src/testing/index.ts';
import { makeKeytab, SERVICE, seededRandom } from '../../support/realm-kit.ts';

let folder: string;
let saved: string | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'configure-'));
  saved = process.env.KRB5_CONFIG;
  process.env.KRB5_CONFIG = write('krb5.conf', '');
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  vi.unstubAllEnvs();
  if (saved === undefined) delete process.env.KRB5_CONFIG;
  else process.env.KRB5_CONFIG = saved;
  rmSync(folder, { recursive: true });
});

function write(name: string, contents: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, contents, { mode: 0o600 });
  return path;
}

function parse(...argv: string[]): ServerArguments {
  const parsed = parseArguments(['-rcache', 'memory:', ...argv]);
  if (parsed.action !== 'serve') throw new Error(`not understood: ${JSON.stringify(parsed)}`);
  return parsed.arguments;
}

async function refusalOf(run: () => Promise<unknown>): Promise<unknown> {
  return run().then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('gss-server configures itself', () => {
  it('from the keytab and the defaults', async () => {
    const keytab = makeKeytab();
    const path = write('keytab', formatKeytab(keytab));
    const warnings: string[] = [];
    const args = parse('-keytab', path, 'host@server.example.test');
    const { acceptor } = await configure(args, (message) => warnings.push(message));
    const token = createInitiator({ ticket: mintTicket({ keytab, client: 'alice' }) }).begin();
    expect((await acceptor.begin().accept(token)).status).toBe('complete');
    expect(acceptor.credential.service).toBe('host/server.example.test@');
    expect(warnings).toEqual([]);
  });

  it('to accept anonymous clients where it is told to, and only there', async () => {
    const keytab = makeKeytab();
    const path = write('keytab', formatKeytab(keytab));
    const client = 'WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS';
    for (const [options, expected] of [
      [[], 'failed'],
      [['-anonymous'], 'complete'],
    ] as const) {
      const args = parse(...options, '-keytab', path, 'host@server.example.test');
      const { acceptor } = await configure(args, () => {});
      const token = createInitiator({ ticket: mintTicket({ keytab, client }) }).begin();
      expect((await acceptor.begin().accept(token)).status).toBe(expected);
    }
  });

  it('from krb5.conf: keytab name, skew, local names, host names', async () => {
    const keytab = makeKeytab();
    const path = write('keytab', formatKeytab(keytab));
    write(
      'krb5.conf',
      `[libdefaults]
  default_realm = EXAMPLE.TEST
  default_keytab_name = FILE:${path}
  clockskew = 10
  ignore_acceptor_hostname = true
[realms]
  EXAMPLE.TEST = {
    auth_to_local = RULE:[2:$1-$2](.*-admin)s/-admin//
    auth_to_local = DEFAULT
  }`,
    );
    const { acceptor, localName } = await configure(parse('host@other.example.test'), () => {});
    expect(acceptor.credential.service).toBe('host/@');
    expect(localName(parsePrincipal('alice@EXAMPLE.TEST'))).toBe('alice');
    expect(localName(parsePrincipal('alice/admin@EXAMPLE.TEST'))).toBe('alice');
    expect(localName(parsePrincipal('alice@OTHER.TEST'))).toBeUndefined();
    const ticket = mintTicket({ keytab, client: 'alice' });
    const late = createInitiator({ ticket, clock: () => Date.now() - 30_000 }).begin();
    const result = await acceptor.begin().accept(late);
    if (result.status !== 'failed') throw new Error('accepted');
    expect(result.error.minor?.code).toBe('KRB_AP_ERR_SKEW');
  });

  it('with weak encryption types only where krb5.conf allows them', async () => {
    const crypto = withLegacyEnctypes();
    const key = EncryptionKey.generate(23, seededRandom(5), crypto);
    const entry = { principal: parsePrincipal(SERVICE), kvno: 1, timestamp: 0, key };
    const keytab = { version: 2, entries: [entry] } as const;
    const path = write('keytab', formatKeytab(keytab));
    for (const allowed of [false, true]) {
      write('krb5.conf', `[libdefaults]\n  allow_rc4 = ${allowed}\n`);
      const { acceptor } = await configure(parse('-keytab', path, '*'), () => {});
      const ticket = mintTicket({ keytab, client: 'alice' });
      const result = await acceptor.begin().accept(createInitiator({ ticket }).begin());
      expect(result.status).toBe(allowed ? 'complete' : 'failed');
      if (result.status === 'failed') {
        expect(result.error.minor?.code).toBe('KDC_ERR_ETYPE_NOSUPP');
      }
    }
  });

  it('warns of what it does not understand, and goes on', async () => {
    const path = write('keytab', formatKeytab(makeKeytab()));
    write(
      'krb5.conf',
      `[libdefaults]
  default_realm = EXAMPLE.TEST
  clockskew = five minutes
[realms]
  EXAMPLE.TEST = {
    auth_to_local = RULE:[2:$1(
  }`,
    );
    const warnings: string[] = [];
    const { localName } = await configure(parse('-keytab', path, '*'), (message) =>
      warnings.push(message),
    );
    expect(warnings.join('\n')).toMatch(/clockskew = five minutes is not a duration/);
    expect(warnings.join('\n')).toMatch(/auth_to_local/);
    expect(localName(parsePrincipal('alice@EXAMPLE.TEST'))).toBeUndefined();
  });

  it('with a service of one host, even if krb5.conf ignores host names', async () => {
    const path = write('keytab', formatKeytab(makeKeytab()));
    write('krb5.conf', '[libdefaults]\n  ignore_acceptor_hostname = true\n');
    const { acceptor } = await configure(parse('-keytab', path, SERVICE), () => {});
    expect(acceptor.credential.service).toBe(SERVICE);
  });

  it.each(['host@www.example.test', 'host/www.example.test', 'host/www.example.test@', 'host'])(
    'with the service on any host for %s, if krb5.conf ignores host names',
    async (service) => {
      const path = write('keytab', formatKeytab(makeKeytab()));
      write('krb5.conf', '[libdefaults]\n  ignore_acceptor_hostname = true\n');
      const { acceptor } = await configure(parse('-keytab', path, service), () => {});
      expect(acceptor.credential.service).toBe('host/@');
    },
  );

  it('with the mechanism of -mech alone', async () => {
    const keytab = makeKeytab();
    const path = write('keytab', formatKeytab(keytab));
    const { acceptor } = await configure(parse('-mech', 'spnego', '-keytab', path, '*'), () => {});
    const token = createInitiator({ ticket: mintTicket({ keytab, client: 'alice' }) }).begin();
    expect(await acceptor.begin().accept(token)).toMatchObject({
      status: 'failed',
      error: { code: 'GSS_S_NO_CRED', hint: expect.stringContaining('accepted: SPNEGO') },
    });
  });

  it('with the replay cache of krb5.conf, unless there is another on the command line', async () => {
    const path = write('keytab', formatKeytab(makeKeytab()));
    const directory = join(folder, 'replays');
    write('krb5.conf', `[libdefaults]\n  default_rcache_name = dir:${directory}\n`);
    vi.stubEnv('KRB5RCACHENAME', '');
    vi.stubEnv('KRB5RCACHETYPE', '');
    const args = { ...parse('-keytab', path, '*'), replayCache: undefined };
    const { replayCache } = await configure(args, () => {});
    expect(replayCache?.directory).toBe(directory);
    await replayCache?.close();
    expect((await configure(parse('-keytab', path, '*'), () => {})).replayCache).toBeUndefined();
  });

  it('warns of a readable keytab, and reports a missing key', async () => {
    const other = 'HTTP/server.example.test@EXAMPLE.TEST';
    const keytab = makeKeytab({}, { principal: other, seed: 8 });
    const path = write('keytab', formatKeytab(keytab));
    chmodSync(path, 0o644);
    const warnings: string[] = [];
    vi.useFakeTimers({ toFake: ['Date'] });
    const { acceptor } = await configure(parse('-keytab', path, '*'), (message) =>
      warnings.push(message),
    );
    expect(warnings).toEqual([expect.stringMatching(/keytab.*644/)]);

    const attempt = async () => {
      const ticket = mintTicket({ keytab, client: 'alice', service: SERVICE });
      return (await acceptor.begin().accept(createInitiator({ ticket }).begin())).status;
    };
    expect(await attempt()).toBe('complete');
    write('keytab', formatKeytab({ ...keytab, entries: keytab.entries.slice(1) }));
    vi.setSystemTime(Date.now() + 5000);
    expect(await attempt()).toBe('failed');
  });

  it.each([
    ['serves on without its keytab', [], 'complete'],
    ['serves nobody after -keytabage without its keytab', ['-keytabage', '600'], 'failed'],
  ] as const)('%s', async (_, options, expected) => {
    const keytab = makeKeytab();
    const path = write('keytab', formatKeytab(keytab));
    chmodSync(path, 0o600);
    vi.useFakeTimers({ toFake: ['Date'] });
    const { acceptor } = await configure(parse('-keytab', path, ...options, '*'), () => {});
    const attempt = async () => {
      const ticket = mintTicket({ keytab, client: 'alice', service: SERVICE });
      return (await acceptor.begin().accept(createInitiator({ ticket }).begin())).status;
    };
    rmSync(path);
    vi.setSystemTime(Date.now() + 599_000);
    expect(await attempt()).toBe('complete');
    vi.setSystemTime(Date.now() + 2000);
    expect(await attempt()).toBe(expected);
  });

  it('with IAKERB alone, or with all that Late Fallback needs', async () => {
    const path = write('keytab', formatKeytab(makeKeytab()));
    const offered = async (...argv: string[]) => {
      const { acceptor } = await configure(parse('-keytab', path, ...argv, '*'), () => {});
      // MS-SPNG §3.2.5.2: an empty token asks for the list.
      const { outputToken } = await acceptor.begin().accept(new Uint8Array());
      const message = outputToken && decodeNegToken(outputToken);
      return message?.kind === 'init' ? message.mechTypes.map(mechanismName) : undefined;
    };
    expect(await offered('-iakerb')).toBeUndefined();
    expect(await offered('-iakerb', '-latefallback')).toEqual([
      'Kerberos V5',
      'IAKERB',
      'Late Fallback',
    ]);
  });

  it('or fails with a reason', async () => {
    const path = write('keytab', formatKeytab(makeKeytab()));
    const fail = (...argv: string[]) => refusalOf(() => configure(parse(...argv), () => {}));
    expect(await fail('-mech', '1.2.3.4', '-keytab', path, '*')).toMatchObject({
      code: 'GSS_S_BAD_MECH',
      hint: expect.stringContaining('kerberos_v5, spnego or iakerb'),
    });
    expect(await fail('-realms', 'A.TEST', '-keytab', path, '*')).toMatchObject({
      code: 'GSS_S_BAD_MECH',
      hint: '-realms is for -iakerb, without which nothing is relayed',
    });
    expect(await fail('-latefallback', '-keytab', path, '*')).toMatchObject({
      code: 'GSS_S_BAD_MECH',
      hint: '-latefallback is for -iakerb, without which there is no other mechanism',
    });
    expect(await fail('-keytab', path, 'HTTP@')).toBeInstanceOf(GssError);
    expect(await fail('-keytab', join(folder, 'none'), '*')).toMatchObject({
      code: 'GSS_S_NO_CRED',
      minor: { code: 'KRB5_KT_NOTFOUND' },
    });
    expect(await fail('-keytab', 'MEMORY:x', '*')).toBeInstanceOf(KerberosError);
    expect(await fail('-workers', '2', '-keytab', path, '*')).toMatchObject({ code: 'KRB5_RC_IO' });
  });
});
