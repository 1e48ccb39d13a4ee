import { describe, expect, it } from 'vitest';
import { defaultCrypto } from '../../../src/crypto/default-crypto.ts';
import { EncryptionKey } from '../../../src/crypto/key.ts';
import { withLegacyEnctypes } from '../../../src/crypto/legacy/index.ts';
import { explain } from '../../../src/errors.ts';
import type { Keytab } from '../../../src/keytab/keytab.ts';
import { parseServiceName } from '../../../src/keytab/service-name.ts';
import { parsePrincipal } from '../../../src/messages/principal.ts';
import type { Finding } from '../../../src/node/check/finding.ts';
import type { KeyRules } from '../../../src/node/check/keys.ts';
import { judgeKeys } from '../../../src/node/check/keys.ts';
import type { KeySpec } from '../../support/realm-kit.ts';
import { makeKeytab, NOW_SECONDS } from '../../support/realm-kit.ts';

const AES = [18, 17, 20, 19];
const WWW = 'HTTP/www.example.test@EXAMPLE.TEST';
const LEGACY = withLegacyEnctypes(defaultCrypto, [23, 16]);

function judge(
  keytab: Keytab,
  { service = 'HTTP@www.example.test', ...rules }: { service?: string } & Partial<KeyRules> = {},
): Finding[] {
  return judgeKeys(keytab, parseServiceName(service), {
    permittedEnctypes: AES,
    now: NOW_SECONDS,
    clockSkew: 300,
    ...rules,
  });
}

function www(...specs: readonly KeySpec[]): Keytab {
  return makeKeytab(...specs.map((spec) => ({ principal: WWW, ...spec })));
}

function faults(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ status }) => status !== 'ok')
    .map(({ status, reason }) => `${status} ${reason}`);
}

describe('judgeKeys', () => {
  it('describes the keys of a good keytab', () => {
    const findings = judge(
      www(
        { kvno: 5, enctype: 18 },
        { kvno: 5, enctype: 17 },
        { kvno: 4, enctype: 18, seed: 2 },
        { kvno: 4, enctype: 17, seed: 2 },
      ),
    );
    expect(findings).toEqual([
      {
        check: 'keytab',
        status: 'ok',
        text:
          `${WWW}: kvno 5, aes256-cts-hmac-sha1-96, aes128-cts-hmac-sha1-96, written ` +
          '2026-05-31T12:00:00Z, older kvnos 4',
        remedies: [],
      },
    ]);
  });

  it('finds no key of the service', async () => {
    await explain(undefined);
    const findings = judge(makeKeytab());
    expect(findings).toMatchObject([{ check: 'service', status: 'error' }]);
    expect(findings[0]!.text).toBe(
      'No key table entry found matching HTTP/www.example.test@: the keytab has no key for HTTP/www.example.test; ' +
        'the keytab holds host/server.example.test@EXAMPLE.TEST',
    );
    expect(findings[0]!.remedies.join()).toContain('export the key of HTTP/www.example.test');
  });

  it('says that a service is exported rather than replaced by another one of its host', async () => {
    await explain(undefined);
    const [{ text, remedies } = { text: '', remedies: [] }] = judge(
      makeKeytab({ principal: 'host/www.example.test@EXAMPLE.TEST' }),
    );
    expect(text).toContain('which is another service on the same host');
    expect(remedies[0]).toMatch(/^export the key of HTTP\/www/);
    expect(remedies[1]).toMatch(/^or write host@www.*, if that is what clients ask for/);
  });

  it('names permitted_enctypes if that alone excludes RC4', () => {
    const principal = parsePrincipal(WWW);
    // No provider has it, as gss-server's has not where krb5.conf does not permit it.
    const key = new EncryptionKey(23, new Uint8Array(16).fill(1));
    const keytab: Keytab = { version: 2, entries: [{ principal, kvno: 1, timestamp: 0, key }] };
    const [finding] = judge(keytab, { permittedEnctypes: [18], switchedOn: [23] });
    expect(finding).toMatchObject({ reason: 'enctype.not-permitted', status: 'error' });
    expect(finding!.remedies[0]).toMatch(/^permitted_enctypes in krb5\.conf allows aes256/);
  });

  it('finds keys that no provider can use', () => {
    const principal = parsePrincipal(WWW);
    const key = new EncryptionKey(3, new Uint8Array(8).fill(1));
    const keytab: Keytab = { version: 2, entries: [{ principal, kvno: 1, timestamp: 0, key }] };
    const findings = judge(keytab);
    expect(faults(findings)).toEqual(['error keytab.unusable']);
    expect(findings[0]!.text).toBe(`no key of ${WWW} can be used here: des-cbc-md5`);
  });

  it('finds RC4 that is switched off, and names the switch', () => {
    const findings = judge(www({ enctype: 23, crypto: LEGACY }, { enctype: 16, crypto: LEGACY }));
    expect(faults(findings)).toEqual(['error enctype.weak-off']);
    expect(findings[0]!.remedies[1]).toContain('allow_rc4 = true, allow_des3 = true');
  });

  it('does not advise to switch on what is on, but not permitted', () => {
    const keytab = www({ enctype: 23, crypto: LEGACY });
    const findings = judge(keytab, { permittedEnctypes: [18], switchedOn: [23] });
    expect(faults(findings)).toEqual(['error enctype.not-permitted']);
    expect(findings[0]!.remedies.join()).not.toContain('allow_rc4');
  });

  it('finds weak keys that are allowed', () => {
    const keytab = www({ enctype: 23, crypto: LEGACY });
    expect(faults(judge(keytab, { permittedEnctypes: [18, 23] }))).toEqual(['warning keytab.weak']);
  });

  it('finds enctypes that krb5.conf does not permit', () => {
    const findings = judge(www({ enctype: 18 }), { permittedEnctypes: [20] });
    expect(faults(findings)).toEqual(['error enctype.not-permitted']);
    expect(findings[0]!.remedies[0]).toContain('permitted_enctypes in krb5.conf allows aes256-cts');
  });

  it('mentions keys that are not used beside others', () => {
    const findings = judge(www({ enctype: 18 }, { enctype: 23, crypto: LEGACY }));
    expect(faults(findings)).toEqual([]);
    expect(findings[0]!.text).toContain('not used: arcfour-hmac');
  });

  it('finds that all keys of the newest kvno are not used', () => {
    const keytab = www({ enctype: 18, kvno: 3 }, { enctype: 23, kvno: 4, crypto: LEGACY });
    const findings = judge(keytab);
    expect(faults(findings)).toEqual(['warning keytab.newest-unusable']);
    expect(findings[1]!.text).toBe(
      `the newest keys of ${WWW} cannot be used here (arcfour-hmac), and older ones open no new ticket`,
    );
    expect(findings[1]!.remedies[0]).toContain('aes256-cts-hmac-sha1-96');
    expect(faults(judge(keytab, { permittedEnctypes: [...AES, 23] }))).toEqual([
      'warning keytab.kvno-behind',
    ]);
    const anyKvno = www({ enctype: 18, kvno: 0 }, { enctype: 23, kvno: 4, crypto: LEGACY });
    expect(faults(judge(anyKvno))).toEqual([]);
  });

  it('finds an enctype whose newest key is behind, unless it is weak', () => {
    const keytab = www(
      { enctype: 18, kvno: 5 },
      { enctype: 17, kvno: 3, seed: 2 },
      { enctype: 23, kvno: 2, crypto: LEGACY },
    );
    const findings = judge(keytab, { permittedEnctypes: [...AES, 23] });
    expect(faults(findings)).toEqual(['warning keytab.kvno-behind']);
    expect(findings[1]!.text).toContain('kvno 5, but aes128-cts-hmac-sha1-96 kvno 3 only');
    const anyKvno = www({ enctype: 18, kvno: 5 }, { enctype: 17, kvno: 0 });
    expect(faults(judge(anyKvno))).toEqual([]);
  });

  it('is told by the times where a kvno of one byte, 2, may be 258', () => {
    const old = { timestamp: NOW_SECONDS - 900 };
    const now = { timestamp: NOW_SECONDS - 300 };
    const unused = { enctype: 23, crypto: LEGACY };
    const wrapped = www({ kvno: 255, ...old, ...unused }, { kvno: 2, ...now });
    expect(faults(judge(wrapped))).toEqual([]);
    expect(judge(wrapped)[0]!.text).toContain('kvno 2, aes256');
    const twoEnctypes = www(
      { kvno: 255, ...old },
      { kvno: 2, ...now, seed: 2 },
      { enctype: 17, kvno: 2, ...now },
    );
    expect(faults(judge(twoEnctypes))).toEqual([]);
    expect(judge(twoEnctypes)[0]!.text).toContain('kvno 2, aes256-cts-hmac-sha1-96, aes128');
    // Far from the end of a byte, too.
    expect(faults(judge(www({ kvno: 200, ...old, ...unused }, { kvno: 9, ...now })))).toEqual([]);
    const unwrapped = www({ kvno: 2, ...old }, { kvno: 255, ...now, ...unused });
    expect(faults(judge(unwrapped))).toEqual(['warning keytab.newest-unusable']);
  });

  it('does not count a key for every kvno as behind, whatever else there is of its enctype', () => {
    const old = { enctype: 17, seed: 2 };
    const keytab = www({ kvno: 5 }, { ...old, kvno: 3 }, { ...old, kvno: 0 });
    expect(faults(judge(keytab))).toEqual([]);
  });

  it('finds two keys for one place, but not one key twice', () => {
    const place = { enctype: 18, kvno: 5 };
    expect(faults(judge(www({ ...place, seed: 1 }, { ...place, seed: 2 })))).toEqual([
      'warning keytab.conflict',
    ]);
    expect(faults(judge(www(place, place)))).toEqual([]);
  });

  it('finds keys that were written in the future', () => {
    const keytab = www({});
    const dayBefore = NOW_SECONDS - 2 * 86_400;
    expect(faults(judge(keytab, { now: dayBefore }))).toEqual(['warning keytab.dated-ahead']);
  });

  it("finds the realm's own key, whatever the service", () => {
    const keytab = makeKeytab(
      { principal: WWW },
      { principal: 'krbtgt/EXAMPLE.TEST@EXAMPLE.TEST' },
    );
    expect(faults(judge(keytab))).toEqual(['error keytab.realm-key']);
  });

  it('explains kvno 0', () => {
    expect(judge(www({ kvno: 0 }))[0]!.text).toContain('kvno 0 (as ktpass writes it');
  });

  it('examines at most sixteen principals', () => {
    const specs = Array.from({ length: 40 }, (_, i) => ({ principal: `HTTP/h${i}@R` }));
    const findings = judge(makeKeytab(...specs), { service: 'HTTP@' });
    expect(findings).toHaveLength(17);
    expect(findings.at(-1)!.text).toBe('24 more principals were not examined');
  });
});
