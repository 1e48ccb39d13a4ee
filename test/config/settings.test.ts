import { describe, expect, it } from 'vitest';
import { Profile, parseProfile } from '../../src/config/profile.ts';
import { parseKerberosConfig, realmOfHost } from '../../src/config/settings.ts';
import { KerberosError } from '../../src/errors.ts';

function libdefaults(...lines: string[]) {
  return parseKerberosConfig(`[libdefaults]\n${lines.join('\n')}`);
}

describe('parseKerberosConfig', () => {
  it('has the defaults of MIT krb5, the old enctypes left out', () => {
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
    });
  });

  it('reads what an acceptor uses', () => {
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
        'clockskew = 1m 30s is 90 s here; MIT krb5 wants a number of seconds',
        'permitted_enctypes: rot13 is not known',
      ],
    });
  });

  it('takes the old enctypes when asked', () => {
    expect(libdefaults('allow_rc4 = true').permittedEnctypes).toEqual([18, 17, 20, 19, 23, 25, 26]);
    expect(libdefaults('allow_des3 = on').permittedEnctypes).toContain(16);
    const weak = libdefaults('allow_weak_crypto = true', 'permitted_enctypes = DEFAULT des rc4');
    expect(weak.permittedEnctypes).toEqual([18, 17, 20, 19, 16, 23, 25, 26, 3]);
    expect(libdefaults('permitted_enctypes = aes rc4 des').permittedEnctypes).toEqual([
      18, 17, 20, 19, 23,
    ]);
  });

  it('takes the first of several values, and of several files', () => {
    expect(libdefaults('clockskew = 1', 'clockskew = 2').clockSkew).toBe(1);
    const files = [
      '[libdefaults]\nclockskew = 3',
      '[libdefaults]\nclockskew = 4\ndefault_realm = R',
    ];
    const config = parseKerberosConfig(new Profile(files.map((text) => parseProfile(text))));
    expect(config.clockSkew).toBe(3);
    expect(config.defaultRealm).toBe('R');
  });

  it('warns of a clock skew that MIT krb5 does not read', () => {
    const config = libdefaults('clockskew = 10m');
    expect(config.clockSkew).toBe(600);
    expect(config.warnings).toEqual([
      'clockskew = 10m is 600 s here; MIT krb5 wants a number of seconds',
    ]);
  });

  it('knows enctypes by their names only', () => {
    const config = libdefaults('permitted_enctypes = 0 17 aes256-cts');
    expect(config.permittedEnctypes).toEqual([18]);
    expect(config.warnings).toHaveLength(2);
  });

  it('warns of a clock skew that is none', () => {
    const config = libdefaults('clockskew = five');
    expect(config.clockSkew).toBe(300);
    expect(config.warnings).toEqual(['clockskew = five is not a duration; 300 s are used']);
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
