import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { Profile, parseProfile } from '../../src/config/profile.ts';
import {
  acceptorPolicy,
  parseDuration,
  parseKerberosConfig,
  realmOfHost,
} from '../../src/config/settings.ts';
import { KerberosError } from '../../src/errors.ts';
import type { AcceptResult } from '../../src/index.ts';
import { TicketFlag } from '../../src/messages/ticket.ts';
import { makeParties } from '../support/realm-kit.ts';

function libdefaults(...lines: string[]) {
  return parseKerberosConfig(`[libdefaults]\n${lines.join('\n')}`);
}

describe('parseKerberosConfig', () => {
  it('returns the defaults of MIT krb5, without the old enctypes', () => {
    expect(parseKerberosConfig('')).toEqual({
      clockSkew: 300,
      permittedEnctypes: [18, 17, 20, 19, 25, 26],
      allowWeakCrypto: false,
      allowRc4: false,
      allowDes3: false,
      ignoreAcceptorHostname: false,
      domainRealms: new Map(),
      realms: new Map(),
      capaths: new Map(),
      warnings: [],
      problems: [],
    });
  });

  it('reads the settings that an acceptor uses', () => {
    const config = libdefaults(
      'default_realm = EXAMPLE.COM',
      'clockskew = 1m 30s',
      'permitted_enctypes = aes256-cts aes-sha2, rot13',
      'default_keytab_name = FILE:/etc/%{uid}.keytab',
      'default_rcache_name = dfl:',
      'ignore_acceptor_hostname = Yes',
      'allow_weak_crypto = 0',
    );
    expect(config).toMatchObject({
      defaultRealm: 'EXAMPLE.COM',
      clockSkew: 90,
      permittedEnctypes: [18, 20, 19],
      defaultKeytabName: 'FILE:/etc/%{uid}.keytab',
      defaultReplayCacheName: 'dfl:',
      ignoreAcceptorHostname: true,
      allowWeakCrypto: false,
      warnings: [
        'clockskew = 1m 30s is 90 s here; MIT krb5 wants a number of seconds; write clockskew = 90',
        'permitted_enctypes: rot13 is not known',
      ],
    });
  });

  it('permits the old enctypes if asked to', () => {
    expect(libdefaults('allow_rc4 = true').permittedEnctypes).toEqual([18, 17, 20, 19, 23, 25, 26]);
    expect(libdefaults('allow_des3 = on').permittedEnctypes).toContain(16);
    const weak = libdefaults('allow_weak_crypto = true', 'permitted_enctypes = DEFAULT des rc4');
    expect(weak.permittedEnctypes).toEqual([18, 17, 20, 19, 16, 23, 25, 26, 3]);
    expect(libdefaults('permitted_enctypes = aes rc4 des').permittedEnctypes).toEqual([
      18, 17, 20, 19, 23,
    ]);
  });

  it('uses the first of several values and of several files', () => {
    expect(libdefaults('clockskew = 1', 'clockskew = 2').clockSkew).toBe(1);
    const files = [
      '[libdefaults]\nclockskew = 3',
      '[libdefaults]\nclockskew = 4\ndefault_realm = R',
    ];
    const config = parseKerberosConfig(new Profile(files.map((text) => parseProfile(text))));
    expect(config.clockSkew).toBe(3);
    expect(config.defaultRealm).toBe('R');
  });

  it('warns about a clock skew that MIT krb5 does not read', () => {
    const config = libdefaults('clockskew = 10m');
    expect(config.clockSkew).toBe(600);
    expect(config.warnings).toEqual([
      'clockskew = 10m is 600 s here; MIT krb5 wants a number of seconds; write clockskew = 600',
    ]);
  });

  it('accepts enctypes by name only', () => {
    const config = libdefaults('permitted_enctypes = 0 17 aes256-cts');
    expect(config.permittedEnctypes).toEqual([18]);
    expect(config.warnings).toHaveLength(2);
  });

  it('warns about a clock skew that is not a duration', () => {
    const config = libdefaults('clockskew = five');
    expect(config.clockSkew).toBe(300);
    expect(config.warnings).toEqual([
      'clockskew = five is not a duration; 300 s are used; write a number of seconds',
    ]);
  });

  it.each([
    ['allow_rc4 = maybe', 'allow_rc4 = maybe is neither true nor false'],
    ['ignore_acceptor_hostname = ""', 'neither true nor false'],
    ['permitted_enctypes = des', 'leaves no encryption type'],
    ['permitted_enctypes = ""', 'leaves no encryption type'],
    ['permitted_enctypes = aes -aes', 'leaves no encryption type'],
  ])('refuses %s', (line, message) => {
    try {
      libdefaults(line);
      expect.unreachable();
    } catch (error) {
      expect((error as KerberosError).code).toBe('KRB5_CONFIG_BADFORMAT');
      expect((error as KerberosError).message).toContain(message);
    }
  });

  it('reads paths between realms', () => {
    const { capaths } = parseKerberosConfig(`[capaths]
A = {
  B = .
  C = D ; not a comment, but a blank ends the value
  C = E
}`);
    expect(capaths.get('A')?.get('B')).toEqual(['.']);
    expect(capaths.get('A')?.get('C')).toEqual(['D', 'E']);
  });

  it('refuses malformed text', () => {
    expect(() => parseKerberosConfig('[libdefaults]\nx')).toThrow(KerberosError);
    expect(() => parseKerberosConfig({ name: '/a', text: '[' })).toThrow('/a line 1');
  });
});

describe('realmOfHost', () => {
  // MIT krb5's src/lib/krb5/krb/t_krb5.conf.
  const config = parseKerberosConfig(`[domain_realm]
.mit.edu = ATHENA.MIT.EDU
mit.edu = ATHENA.MIT.EDU
.media.mit.edu = MEDIA-LAB.MIT.EDU
www.mit.edu = WWW
1 = DIGIT
`);

  it.each([
    ['host.mit.edu', 'ATHENA.MIT.EDU'],
    ['mit.edu', 'ATHENA.MIT.EDU'],
    ['a.b.media.mit.edu', 'MEDIA-LAB.MIT.EDU'],
    ['media.mit.edu', 'ATHENA.MIT.EDU'],
    ['WWW.MIT.EDU.', 'WWW'],
    ['xmit.edu', undefined],
    ['edu', undefined],
    ['', undefined],
    ['127.0.0.1', undefined],
    ['::1', undefined],
    [`${'a.'.repeat(200)}mit.edu`, undefined],
  ])('%s: %s', (host, realm) => {
    expect(realmOfHost(host, config)).toBe(realm);
  });
});

function policyOf(text: string) {
  const noFiles = () => {
    throw new Error('nothing is included');
  };
  const section = parseProfile({ name: 'krb5.conf', text }, noFiles);
  return acceptorPolicy(parseKerberosConfig(new Profile([section])));
}

/** The result of an acceptor with this krb5.conf for a client of another realm. */
async function resultFor(text: string, transited: string): Promise<AcceptResult> {
  const { begin, initiator } = await makeParties({
    acceptor: policyOf(text),
    ticket: {
      client: 'mallory@OTHER.TEST',
      flags: TicketFlag.preAuthent,
      transited: { type: 1, contents: encodeUtf8(transited) },
    },
  });
  return begin().accept(initiator.begin());
}

const CAPATHS = '[capaths]\n  OTHER.TEST = {\n    EXAMPLE.TEST = BETWEEN.TEST\n  }\n';

describe('the policy of a krb5.conf', () => {
  it('contains its clock skew and enctypes, or the defaults', () => {
    expect(policyOf('')).toMatchObject({ maxSkew: 300 });
    const policy = policyOf(
      '[libdefaults]\n  clockskew = 7\n  permitted_enctypes = aes256-cts aes128-cts\n',
    );
    expect(policy).toMatchObject({ maxSkew: 7, permittedEnctypes: [18, 17] });
  });

  it('admits tickets that crossed the realms of [capaths] only', async () => {
    expect((await resultFor(CAPATHS, 'BETWEEN.TEST')).status).toBe('complete');
    for (const [text, transited] of [
      [CAPATHS, 'EVIL.TEST'],
      [CAPATHS, 'BETWEEN.TEST,EVIL.TEST'],
      ['', 'BETWEEN.TEST'],
    ] as const) {
      const result = await resultFor(text, transited);
      expect(result).toMatchObject({
        status: 'failed',
        error: { minor: { code: 'KRB_AP_ERR_ILL_CR_TKT' } },
      });
    }
  });
});

const DAY = 86_400;

// The cases of MIT krb5's src/lib/krb5/krb/t_deltat.c that are not negative.
describe('parseDuration', () => {
  it.each([
    ['3d', 3 * DAY],
    ['3h', 10_800],
    ['3m', 180],
    ['3s', 3],
    ['3d4m    42s', 3 * DAY + 282],
    ['3d4h5m6s', 3 * DAY + 14_706],
    ['12345s', 12_345],
    ['1m 12345s', 12_405],
    ['1m12345s', 12_405],
    ['3d 0m', 3 * DAY],
    ['3d \n\t 0m  ', 3 * DAY],
    ['42-13:42:47', 42 * DAY + 49_367],
    ['12:34', 45_240],
    ['1:02:03', 3_723],
    ['3:4', 11_040],
    ['42', 42],
    ['0', 0],
    ['2147483647s', 2_147_483_647],
    ['24855d', 24_855 * DAY],
    ['24855d 3h 14m 7s', 2_147_483_647],
    ['596523h 847s', 2_147_483_647],
  ])('%j', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each([
    '',
    ' ',
    '3dd',
    '3d4m5h',
    '3: 4',
    '13:0003',
    '3:-4',
    '1-2',
    '1-2:3',
    '2147483648s',
    '24856d',
    '24855d 100000000h',
    '24855d 4h',
    '24855d 3h 14m 8s',
    '596524h',
    '99999999999',
    '5 minutes',
    '1.5',
    '-5',
    'x',
    // Cubic time would be days here.
    `1d${' '.repeat(100_000)}x`,
  ])('refuses %.30j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
