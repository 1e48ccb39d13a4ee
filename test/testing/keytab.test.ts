import { describe, expect, it } from 'vitest';
import {
  acquireCredential,
  createAcceptor,
  EncryptionKey,
  Enctype,
  formatKeytab,
  formatPrincipal,
  parseKeytab,
} from '../../src/index.ts';
import { createInitiator, mintTicket, testKeytab } from '../../src/testing/index.ts';
import { NOW, NOW_SECONDS, seededRandom } from '../support/realm-kit.ts';

const WEB = 'HTTP/www.example.com@EXAMPLE.COM';

describe('a keytab for tests', () => {
  it('has a key of each enctype for each service', () => {
    const enctypes = [Enctype.aes128CtsHmacSha1, Enctype.aes256CtsHmacSha384];
    const keytab = testKeytab([WEB, 'host/www.example.com@EXAMPLE.COM'], {
      enctypes,
      kvno: 300,
      clock: () => NOW,
    });
    expect(
      keytab.entries.map(({ principal, kvno, timestamp, key }) => [
        formatPrincipal(principal),
        kvno,
        timestamp,
        key.enctype,
      ]),
    ).toEqual([
      [WEB, 300, NOW_SECONDS, 17],
      [WEB, 300, NOW_SECONDS, 20],
      ['host/www.example.com@EXAMPLE.COM', 300, NOW_SECONDS, 17],
      ['host/www.example.com@EXAMPLE.COM', 300, NOW_SECONDS, 20],
    ]);
  });

  it('has random keys, each its own', () => {
    const keys = [testKeytab(WEB), testKeytab(WEB), testKeytab([WEB, WEB])].flatMap(({ entries }) =>
      entries.map(({ key }) => key.bytes().join()),
    );
    expect(new Set(keys).size).toBe(4);
    const repeated = testKeytab(WEB, { random: seededRandom(5) }).entries[0]!.key;
    expect(repeated.bytes()).toEqual(EncryptionKey.generate(18, seededRandom(5)).bytes());
  });

  it('has the keys of a password, as a KDC makes them', () => {
    const key = EncryptionKey.fromPassword(18, 'secret', 'EXAMPLE.COMHTTPwww.example.com');
    const made = testKeytab(WEB, { password: 'secret' }).entries[0]!.key;
    expect(made.bytes()).toEqual(key.bytes());
  });

  it('serves from a file, too', async () => {
    const keytab = testKeytab(WEB);
    const credential = await acquireCredential({ keytab: parseKeytab(formatKeytab(keytab)) });
    const initiator = createInitiator({ ticket: mintTicket({ keytab, client: 'alice' }) });
    const result = await createAcceptor({ credential }).begin().accept(initiator.begin());
    expect(result.status).toBe('complete');
  });

  it('is of services with a realm, and of at least one', () => {
    expect(() => testKeytab('HTTP/www.example.com')).toThrow(
      expect.objectContaining({ code: 'KRB5_PARSE_MALFORMED' }),
    );
    expect(() => testKeytab([])).toThrow(RangeError);
    expect(() => testKeytab(5 as never)).toThrow(TypeError);
    expect(() => testKeytab(WEB, { enctypes: [99] })).toThrow(
      expect.objectContaining({ code: 'KDC_ERR_ETYPE_NOSUPP' }),
    );
  });
});
