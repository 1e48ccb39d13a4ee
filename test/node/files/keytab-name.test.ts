import { describe, expect, it } from 'vitest';
import { resolveKeytabName } from '../../../src/node/files/keytab-name.ts';
import { kerberosErrorOf } from '../../support/library-errors.ts';

describe('resolveKeytabName', () => {
  it.each([
    ['/etc/krb5.keytab', '/etc/krb5.keytab'],
    ['FILE:/etc/krb5.keytab', '/etc/krb5.keytab'],
    ['WRFILE:/etc/krb5.keytab', '/etc/krb5.keytab'],
    ['FILE:web.keytab', 'web.keytab'],
    ['web.keytab', 'web.keytab'],
    ['/srv/a:b.keytab', '/srv/a:b.keytab'],
    ['FILE:a:b.keytab', 'a:b.keytab'],
    ['C:\\krb5\\web.keytab', 'C:\\krb5\\web.keytab'],
    ['FILE:C:\\krb5\\web.keytab', 'C:\\krb5\\web.keytab'],
  ])('%s', (name, path) => {
    expect(resolveKeytabName(name, { environment: { KRB5_KTNAME: '/other' } })).toBe(path);
  });

  it('asks KRB5_KTNAME, then the default', () => {
    const environment = { KRB5_KTNAME: 'FILE:/env.keytab' };
    expect(resolveKeytabName(undefined, { environment })).toBe('/env.keytab');
    expect(resolveKeytabName(undefined, { environment: {} })).toBe('/etc/krb5.keytab');
    expect(resolveKeytabName(undefined, { environment: { KRB5_KTNAME: '' } })).toBe(
      '/etc/krb5.keytab',
    );
    const defaultName = 'FILE:/srv/own.keytab';
    expect(resolveKeytabName(undefined, { environment: {}, defaultName })).toBe('/srv/own.keytab');
    expect(resolveKeytabName(undefined, { environment, defaultName })).toBe('/env.keytab');
  });

  it('expands tokens in the name of krb5.conf, and nowhere else', () => {
    const environment = {};
    const defaultName = 'FILE:/srv/%{uid}%{null}.keytab';
    const path = `/srv/${process.getuid?.() ?? 0}.keytab`;
    expect(resolveKeytabName(undefined, { environment, defaultName })).toBe(path);
    expect(resolveKeytabName('/srv/%{uid}', { environment })).toBe('/srv/%{uid}');
    expect(resolveKeytabName(undefined, { environment: { KRB5_KTNAME: '/%{uid}' } })).toBe(
      '/%{uid}',
    );
    const wrong = { environment, defaultName: 'FILE:/%{nothing}' };
    expect(kerberosErrorOf(() => resolveKeytabName(undefined, wrong)).message).toContain('token');
  });

  it.each(['MEMORY:x', 'DIR:/etc/keytabs', 'ANY:FILE:/a', 'file:/a', './a:b', 'KDB:', ':x'])(
    'refuses the type of %s',
    (name) => {
      const error = kerberosErrorOf(() => resolveKeytabName(name));
      expect(error.code).toBe('KRB5_KT_UNKNOWN_TYPE');
      expect(error.message).toBe(
        `keytab name ${JSON.stringify(name)} has the type "${name.slice(0, name.indexOf(':'))}"`,
      );
      expect(error.hint).toContain('FILE:path');
    },
  );

  it.each(['', 'FILE:', 'WRFILE:', '/a\0b'])('refuses %j, which names no file', (name) => {
    const error = kerberosErrorOf(() => resolveKeytabName(name));
    expect(error.code).toBe('KRB5_KT_UNKNOWN_TYPE');
    expect(error.message).toContain('names no file');
  });
});
