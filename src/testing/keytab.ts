/** Keytabs of services that exist in a test only. */
import { EncryptionKey } from '../crypto/default-crypto.ts';
import { Enctype } from '../crypto/numbers.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { cryptoProvider } from '../crypto/provider.ts';
import type { Keytab, KeytabEntry } from '../keytab/keytab.ts';
import type { Principal } from '../messages/principal.ts';
import { parsePrincipal } from '../messages/principal.ts';
import type { OptionRules } from '../options.ts';
import {
  checkOptions,
  listOf,
  nonEmpty,
  promptCallback,
  range,
  text,
  wholeNumber,
} from '../options.ts';
import type { RandomSource } from '../random.ts';
import { systemRandom } from '../random.ts';
import type { Clock } from '../time.ts';
import { systemClock } from '../time.ts';

/** Options of {@link testKeytab}. */
export interface TestKeytabOptions {
  /** One key of each; aes256-cts-hmac-sha1-96 alone if absent. */
  readonly enctypes?: readonly number[];
  /** 1 if absent. */
  readonly kvno?: number;
  /** The services' password, with a KDC's default salt; random keys if absent. */
  readonly password?: string;
  /** The default provider if absent; weak enctypes need that of `krb5-acceptor/legacy`. */
  readonly crypto?: CryptoProvider;
  /** The machine's clock if absent. */
  readonly clock?: Clock;
  /** The runtime's secure source if absent. */
  readonly random?: RandomSource;
}

/**
 * Makes a keytab for services that need no KDC to exist. `formatKeytab` gives its bytes, for a file.
 *
 * @param services - Principals with their realms: `HTTP/www.example.com@EXAMPLE.COM`.
 * @throws {@link KerberosError} KRB5_PARSE_MALFORMED for a malformed name, or one without a realm;
 *   KDC_ERR_ETYPE_NOSUPP for an enctype that the provider lacks.
 * @throws TypeError, RangeError for invalid options.
 *
 * @example
 * ```ts
 * import { writeFileSync } from 'node:fs';
 * import { formatKeytab } from 'krb5-acceptor';
 * import { testKeytab } from 'krb5-acceptor/testing';
 *
 * const keytab = testKeytab('HTTP/www.example.com@EXAMPLE.COM');
 * writeFileSync('test.keytab', formatKeytab(keytab), { mode: 0o600 });
 * ```
 */
export function testKeytab(
  services: string | readonly string[],
  options: TestKeytabOptions = {},
): Keytab {
  nonEmpty(listOf(text)).check([services].flat(), 'services');
  checkOptions('testKeytab', options, TEST_KEYTAB_OPTIONS);
  const { enctypes = [Enctype.aes256CtsHmacSha1], kvno = 1, clock = systemClock } = options;
  const timestamp = Math.floor(clock() / 1000);
  const entries = [services].flat().flatMap((service): KeytabEntry[] => {
    const principal = parsePrincipal(service);
    return enctypes.map((enctype) => {
      return { principal, kvno, timestamp, key: makeKey(enctype, principal, options) };
    });
  });
  return { version: 2, entries };
}

function makeKey(enctype: number, principal: Principal, options: TestKeytabOptions): EncryptionKey {
  const { password, crypto, random = systemRandom } = options;
  if (password === undefined) return EncryptionKey.generate(enctype, random, crypto);
  // RFC 4120 §4: the default salt.
  const salt = principal.realm + principal.components.join('');
  return EncryptionKey.fromPassword(enctype, password, salt, crypto && { crypto });
}

/** The rules of {@link TestKeytabOptions}. */
export const TEST_KEYTAB_OPTIONS: OptionRules<TestKeytabOptions> = {
  enctypes: nonEmpty(listOf(range('an enctype', Number.isSafeInteger))),
  kvno: wholeNumber(0, 0xffffffff),
  password: text,
  crypto: cryptoProvider,
  clock: promptCallback,
  random: promptCallback,
};
