/** The way to a KDC that krb5.conf and DNS describe, for acceptors that relay (IAKERB). */
import { Resolver } from 'node:dns/promises';
import { Profile, parseProfile } from '../../config/profile.ts';
import type { AskKdc } from '../../krb5/relay-settings.ts';
import { checkOptions, definite, text } from '../../options.ts';
import { systemClock } from '../../time.ts';
import { loadNamedProfile } from '../files/krb5-conf-file.ts';
import { kdcAsker } from './ask-kdc.ts';
import { findKdcs } from './find-kdcs.ts';
import { remembered } from './remembered.ts';

/** Options of {@link krb5ConfKdc}. */
export interface Krb5ConfKdcOptions {
  /** File names, as those of {@link loadKerberosConfig}. */
  readonly files?: string;
}

/**
 * Makes a function that asks the KDCs which krb5.conf (`kdc`, `primary_kdc` of [realms]) or else DNS
 * (`_kerberos._udp`, `_kerberos._tcp`; unless `dns_lookup_kdc` is off) names: over UDP, then over TCP. Messages
 * longer than `udp_preference_limit` go over TCP at once. Several servers, and addresses of one, are asked one
 * second after another; the first answer counts.
 *
 * @throws {@link KerberosError} `KRB5_CONFIG_BADFORMAT` as {@link loadKerberosConfig}.
 *
 * @example
 * ```ts
 * import type { AcceptorCredential } from 'krb5-acceptor';
 * import { createAcceptor } from 'krb5-acceptor';
 * import { krb5ConfKdc } from 'krb5-acceptor/node';
 *
 * export function relayingAcceptor(credential: AcceptorCredential) {
 *   return createAcceptor({ credential, iakerb: { kdc: krb5ConfKdc(), realms: ['EXAMPLE.COM'] } });
 * }
 * ```
 */
export function krb5ConfKdc(options: Krb5ConfKdcOptions = {}): AskKdc {
  checkOptions('krb5ConfKdc', options, { files: definite(text) });
  return profileKdc(loadNamedProfile(options.files));
}

/** The same. @param config - File names, or the text of a krb5.conf; undefined means the default files. */
export function configuredKdc(config: string | undefined): AskKdc {
  return config?.includes('\n') === true
    ? profileKdc(new Profile([parseProfile(config)]))
    : krb5ConfKdc(config === undefined ? {} : { files: config });
}

function profileKdc(profile: Profile): AskKdc {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT, tries: 2 });
  const find = remembered(
    (realm: string) => findKdcs(realm, profile, (name) => resolver.resolveSrv(name)),
    systemClock,
    (servers) => servers.length > 0,
  );
  const ask = kdcAsker(find, udpLimitOf(profile));
  return (realm, message, signal) => ask(realm, message, signal).then(({ bytes }) => bytes);
}

function udpLimitOf(profile: Profile): { udpLimit?: number } {
  const value = profile.value('libdefaults', 'udp_preference_limit');
  if (value === undefined || !/^\d{1,6}$/.test(value)) return {};
  // MIT krb5, sendto_kdc.c: HARD_UDP_LIMIT.
  return { udpLimit: Math.min(Number(value), 32_700) };
}

// Milliseconds.
const DNS_TIMEOUT = 2000;
