import { describe, expect, it } from 'vitest';
import { misspeltNames } from '../../src/config/known-settings.ts';
import { Profile, parseProfile } from '../../src/config/profile.ts';

function adviceOn(text: string): readonly string[] {
  return misspeltNames(new Profile([parseProfile(text)])).map(
    ({ text: problem, remedies }) => `${problem}: ${remedies}`,
  );
}

describe('misspeltNames', () => {
  it.each([
    ['clock_skew', 'clockskew'],
    ['allowrc4', 'allow_rc4'],
    ['allow-weak-crypto', 'allow_weak_crypto'],
    ['Default_Realm', 'default_realm'],
    ['permitted_etypes', 'permitted_enctypes'],
    ['ignore_acceptor_hostnames', 'ignore_acceptor_hostname'],
    ['rnds', undefined],
    ['rds', 'rdns'],
  ])('%s in [libdefaults]: %s is meant', (written, meant) => {
    expect(adviceOn(`[libdefaults]\n ${written} = 1\n`)).toEqual(
      meant === undefined
        ? []
        : [`krb5.conf: nothing reads [libdefaults] ${written}: write [libdefaults] ${meant}`],
    );
  });

  it('knows the settings of MIT, Heimdal and Java, and leaves names alone that resemble none', () => {
    const names = ['clockskew', 'default_tgs_etypes', 'fcc-mit-ticketflags', 'refreshKrb5Config'];
    const foreign = ['my_program_setting', 'x'];
    const lines = [...names, ...foreign].map((name) => `  ${name} = 1\n`);
    expect(adviceOn(`[libdefaults]\n${lines.join('')}[my_program]\n  clock_skew = 1\n`)).toEqual(
      [],
    );
  });

  it('looks at sections and at the settings of realms', () => {
    const text = `[libdefault]
[realms]
  R = {
    kdc = a
    auth_to_locals = DEFAULT
  }
[domain_realms]
`;
    expect(adviceOn(text)).toEqual([
      'krb5.conf: nothing reads [libdefault]: write [libdefaults]',
      'krb5.conf: nothing reads [domain_realms]: write [domain_realm]',
      'krb5.conf: nothing reads [realms] R auth_to_locals: write [realms] R auth_to_local',
    ]);
  });

  it('is bounded, and escapes what it quotes', () => {
    const many = Array.from({ length: 50 }, (_, i) => `clockskew${i} = 1\n`).join('');
    expect(adviceOn(`[libdefaults]\nclock\x1bskew = 1\n${many}`)).toHaveLength(20);
    expect(adviceOn('[libdefaults]\nclock\x1bskew = 1\n')[0]).toContain('clock\\x1bskew');
    expect(adviceOn(`[libdefaults]\n${'clockskew'.repeat(1000)} = 1\n`)).toEqual([]);
  });
});
