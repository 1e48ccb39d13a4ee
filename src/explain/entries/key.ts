/** What there is to say about keys that do not open a ticket, and about encryption types. */
import type { KeyDetails, NoKeyDetail } from '../client-reasons.ts';
import type { Explanations } from '../reasons.ts';
import { entry, sentence } from './entry.ts';

const EXPORT =
  'export the keytab again (kadmin ktadd without -norandkey, and ktpass, change the key with each export)';
const COMPARE = 'compare what the KDC uses (kvno SERVICE at a client) with the keytab (klist -kte)';
const AD_ENCTYPES =
  'Active Directory: msDS-SupportedEncryptionTypes of the account; MIT: session_enctypes, supported_enctypes';

const PERMIT_WEAK =
  'or permit it for a while: allow_rc4 = true or allow_des3 = true in [libdefaults] of krb5.conf for gss-server (permitted_enctypes, where it is set, must name it too); crypto: withLegacyEnctypes() of krb5-acceptor/legacy in an application';

/** The area `key`. */
export const KEY: Explanations<Extract<keyof KeyDetails, `key.${string}`>> = {
  'key.stale-keytab': {
    text: (detail) =>
      sentence(
        `the ticket for ${detail.ticketServer} has kvno ${detail.kvno}`,
        `for it the keytab has kvno ${detail.keytabKvnos.join(', ')}${written(detail)}`,
        'the key was changed after the keytab was written',
        kvnoRule(detail),
      ),
    remedies: () => [EXPORT, COMPARE],
  },
  'key.stale-ticket': {
    text: (detail) =>
      sentence(
        `the ticket for ${detail.ticketServer} has kvno ${detail.kvno}`,
        `for it the keytab has kvno ${detail.keytabKvnos.join(', ')}`,
        'the ticket was issued before the last change of the key',
        kvnoRule(detail),
      ),
    remedies: () => [
      'have the client get a new ticket (kinit; Windows: klist purge)',
      'keep old keys in the keytab until their tickets have expired',
      `if the kvno in the keytab was typed by hand, see that it is right: ${COMPARE}`,
    ],
  },
  'key.enctype-missing': {
    text: ({ ticketServer, enctype, keytabEnctypes }) =>
      `the ticket uses ${enctype}, the keytab has ${keytabEnctypes.join(', ')} for ${ticketServer}`,
    remedies: ({ enctype }) => [
      `export a key of ${enctype} into the keytab, or have the KDC use one that the keytab has (Active Directory: msDS-SupportedEncryptionTypes of the account; if unset, it may be RC4)`,
      COMPARE,
    ],
  },
  'key.wrong': {
    text: (detail) =>
      sentence(
        `the key for ${detail.ticketServer} kvno ${detail.kvno} ${detail.enctype} does not open the ticket${written(detail)}`,
        detail.kvno === 0 && 'the ticket names no kvno, so every key was tried',
        "this key has opened no ticket yet: either the key differs from the KDC's (the password was changed without a new kvno, mistyped, or used with another salt), or the SPN is on two accounts",
      ),
    remedies: () => [
      'export the keytab again with a tool that asks the KDC for key and salt (kadmin ktadd, ktpass, msktutil, ktutil addent -f) and let clients get new tickets; if that does not help, look for the SPN on two accounts (setspn -X, then setspn -D from the wrong one)',
      COMPARE,
    ],
  },
  'key.wrong-any-kvno': {
    text: (detail) =>
      sentence(
        `the keytab's key for ${detail.ticketServer} has kvno 0, which stands for any, and does not open the ticket of kvno ${detail.kvno}`,
        `the account's key was probably changed since${detail.keyDate === undefined ? ' the keytab was written' : ` ${detail.keyDate}, when the entry was written`}`,
      ),
    remedies: ({ kvno }) => [
      `export the key again, with its kvno: ktpass /kvno ${kvno} -SetPass with the password that the account has (without -SetPass ktpass sets it anew, which makes another kvno), or ktutil addent -k ${kvno}`,
      COMPARE,
    ],
  },
  'key.wrapped-kvno': {
    text: (detail) =>
      detail.explicit === true && !detail.keytabKvnos.includes(String(detail.kvno & 0xff))
        ? `the ticket has kvno ${detail.kvno}, the low 8 bits of a kvno of the keytab (${detail.keytabKvnos.join(', ')}); for a service name with a realm only keys of the ticket's kvno are tried`
        : sentence(
            `the keytab has kvno ${detail.keytabKvnos.join(', ')}, as a tool with 8 bits writes ${detail.kvno}`,
            `that key does not open the ticket for ${detail.ticketServer} of kvno ${detail.kvno}${written(detail)}`,
          ),
    remedies: ({ explicit, kvno, ticketServer, keytabKvnos }) =>
      explicit === true && !keytabKvnos.includes(String(kvno & 0xff))
        ? [
            `name the service as ${ticketServer.replace(/@[^@]*$/, '').replace('/', '@')}: service@host tries keys of every kvno`,
            `or write the entry with kvno ${kvno} too (ktutil addent -k ${kvno})`,
          ]
        : [
            `export the key again, with a tool that writes kvno ${kvno}: kadmin ktadd, ktutil, msktutil`,
            COMPARE,
          ],
  },
  'key.unusable': {
    text: ({ enctype, ticketServer }) =>
      `the keytab has a key for ${ticketServer}, but ${enctype} is not among the enctypes of this acceptor`,
    remedies: () => [
      `have the KDC use aes256-cts-hmac-sha1-96 or another one that is (${AD_ENCTYPES}), and export the keys again`,
      'or pass a provider that has it as the option crypto',
    ],
  },
  'key.weak': {
    text: ({ enctype, ticketServer }) =>
      `the keytab has a key for ${ticketServer}, but ${enctype} is weak and is not among the enctypes of this acceptor`,
    remedies: () => [
      `have the KDC use aes256-cts-hmac-sha1-96 (${AD_ENCTYPES}), and export the keys again`,
      PERMIT_WEAK,
    ],
  },
  'key.size': {
    text: ({ enctype, length, expected }) =>
      `a key of ${enctype ?? 'an enctype'} has ${length ?? 'a wrong number of'} bytes${expected === undefined ? '' : `, and must have ${expected}`}`,
    remedies: () => ['write the keytab again', 'remove the entry that has the key'],
  },
  'key.checksum-type': {
    text: ({ enctype, checksumType }) =>
      `a checksum of type ${checksumType} cannot be verified with a key of ${enctype}`,
    remedies: () => ['have the peer use the checksum that belongs to its key’s enctype (RFC 3961)'],
  },
  'key.integrity': entry(
    'what was encrypted does not decrypt: it was altered, or made with another key',
    'see that both sides have the same key',
  ),
};

/** The area `enctype`. */
export const ENCTYPE: Explanations<Extract<keyof KeyDetails, `enctype.${string}`>> = {
  'enctype.not-permitted': {
    text: ({ enctype, of, permitted }) =>
      `the ${of} uses ${enctype}, which is not permitted here; permitted: ${permitted.join(', ') || 'none'}`,
    remedies: ({ enctype, of }) => [
      `permit it: permitted_enctypes in [libdefaults] of krb5.conf, or the option permittedEnctypes${OPTION_OF[of] ?? ''}, if ${enctype} is to be accepted`,
      `or have the KDC use a permitted one for the ${of} (${AD_ENCTYPES})`,
    ],
  },
  'enctype.unsupported': {
    text: ({ enctype, of }) =>
      `encryption type ${enctype}${of === undefined ? '' : ` of the ${of}`} is not supported here`,
    remedies: () => [
      `let client and KDC use another one, such as aes256-cts-hmac-sha1-96 (${AD_ENCTYPES})`,
    ],
  },
  'enctype.weak-off': {
    text: ({ enctype, of }) =>
      `encryption type ${enctype}${of === undefined ? '' : ` of the ${of}`} is weak and therefore off`,
    remedies: () => [
      `let client and KDC use a newer one, such as aes256-cts-hmac-sha1-96 (${AD_ENCTYPES})`,
      PERMIT_WEAK,
    ],
  },
  'enctype.no-common-subkey': {
    text: ({ offered, permitted }) =>
      `the client offers ${offered.join(' ')} for the acceptor's subkey; permitted: ${permitted.join(' ')}`,
    remedies: () => [
      'permit one of those: the option subkeyEnctypes or permittedEnctypes, permitted_enctypes of krb5.conf',
      'or let the client permit one of ours (default_tgs_enctypes, permitted_enctypes in its krb5.conf)',
    ],
  },
};

const OPTION_OF: Readonly<Record<string, string>> = {
  ticket: ' (ticketEnctypes)',
  'session key': ' (sessionEnctypes)',
  subkey: ' (subkeyEnctypes)',
};

function written({ keyDate }: NoKeyDetail): string {
  return keyDate === undefined ? '' : ` (written ${keyDate})`;
}

function kvnoRule({ explicit }: NoKeyDetail): string | false {
  return (
    explicit === true &&
    "for a service name with a realm only keys of the ticket's kvno are tried; service@host tries those of every kvno"
  );
}
