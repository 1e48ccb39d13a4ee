/** The krb5.conf of a test realm, for MIT krb5, Heimdal and Java. */
import { enctypeName, isWeakEnctype } from '../../crypto/numbers.ts';
import type { Keytab } from '../../keytab/keytab.ts';
import { DEFAULT_ENCTYPES } from '../../testing/kdc/principals.ts';

/** A realm as its clients see it. */
export interface KnownRealm {
  readonly realm: string;
  /** The KDC: `127.0.0.1:12345`. */
  readonly address: string;
  /** The services, whose hosts belong to the realm. */
  readonly keytab: Keytab;
}

/**
 * No DNS is asked: host names are used as they are typed.
 *
 * @param realms - The first is the default realm.
 * @param enctypes - Those that clients may use; the four of AES if absent.
 */
export function krb5Conf(
  realms: readonly KnownRealm[],
  enctypes: readonly number[] = DEFAULT_ENCTYPES,
): string {
  const names = enctypes.map(enctypeName).join(' ');
  const settings = [
    `default_realm = ${realms[0]!.realm}`,
    ...SETTINGS,
    ...(enctypes.some(isWeakEnctype) ? WEAK_SETTINGS : []),
    ...['default_tkt', 'default_tgs', 'permitted'].map((list) => `${list}_enctypes = ${names}`),
  ];
  const lines = [
    '[libdefaults]',
    ...settings.map((setting) => `  ${setting}`),
    '',
    '[realms]',
    ...realms.flatMap(({ realm, address }) => [`  ${realm} = {`, `    kdc = ${address}`, '  }']),
    '',
    '[domain_realm]',
    ...realms.flatMap((one) => hostsOf(one).map((host) => `  ${host} = ${one.realm}`)),
  ];
  return `${lines.join('\n')}\n`;
}

/** The second components of the services that are host names. */
function hostsOf({ keytab }: KnownRealm): string[] {
  const hosts = keytab.entries.flatMap(({ principal }) => principal.components.slice(1, 2));
  return [...new Set(hosts)].filter((host) => /^[A-Za-z0-9.-]+$/.test(host));
}

const SETTINGS: readonly string[] = [
  'dns_lookup_realm = false',
  'dns_lookup_kdc = false',
  'dns_canonicalize_hostname = false',
  'rdns = false',
  'qualify_shortname = ""',
  'forwardable = true',
  'kdc_timesync = 0',
];
const WEAK_SETTINGS: readonly string[] = [
  'allow_weak_crypto = true',
  'allow_rc4 = true',
  'allow_des3 = true',
];
