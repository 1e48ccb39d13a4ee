import { expect, it } from 'vitest';
import { krb5Conf } from '../../../src/node/testing/krb5-conf.ts';
import { testKeytab } from '../../../src/testing/index.ts';

const keytab = testKeytab(['HTTP/www.example.test@A.TEST', 'host/{evil}@A.TEST', 'nobody@A.TEST']);
const realms = [
  { realm: 'A.TEST', address: '127.0.0.1:1', keytab },
  { realm: 'B.TEST', address: '[::1]:2', keytab: testKeytab('host/b@B.TEST') },
];

it('has the realms, and the hosts of their services', () => {
  const [, sections] = krb5Conf(realms).split('\n[realms]\n');
  expect(sections).toBe(
    [
      '  A.TEST = {',
      '    kdc = 127.0.0.1:1',
      '  }',
      '  B.TEST = {',
      '    kdc = [::1]:2',
      '  }',
      '',
      '[domain_realm]',
      '  www.example.test = A.TEST',
      '  b = B.TEST',
      '',
    ].join('\n'),
  );
});

it('permits the enctypes of the realm, weak ones only if it has them', () => {
  const strong = krb5Conf(realms, [20]);
  expect(strong).toContain('  permitted_enctypes = aes256-cts-hmac-sha384-192\n');
  expect(strong).not.toContain('allow_weak_crypto');
  expect(krb5Conf(realms, [18, 23])).toContain('  allow_weak_crypto = true\n');
});
