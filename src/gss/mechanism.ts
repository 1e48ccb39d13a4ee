/** The mechanisms that initiators offer, by OID and by their common names. */
import { bytesEqual } from '../bytes.ts';
import type { Oid } from './oid.ts';
import { decodeOid, encodeOid, parseOid } from './oid.ts';

/** Mechanism OIDs, as dotted text: compare with `===`. */
export const Mechanism = {
  /** RFC 4121 and RFC 1964. */
  krb5: '1.2.840.113554.1.2.2',
  /** The OID in the NegTokenInit of Windows 2000: one arc cut to 16 bits (MS-SPNG). */
  msKrb5: '1.2.840.48018.1.2.2',
  /** From before RFC 1964. */
  oldKrb5: '1.3.5.1.5.2',
  /** RFC 4178. */
  spnego: '1.3.6.1.5.5.2',
  /** draft-ietf-kitten-iakerb. */
  iakerb: '1.3.6.1.5.2.5',
  /** MS-NLMP. */
  ntlmssp: '1.3.6.1.4.1.311.2.2.10',
  /** MS-NEGOEX. */
  negoex: '1.3.6.1.4.1.311.2.2.30',
  /** Microsoft's user-to-user Kerberos (MS-KILE), which no acceptor with a keytab has. */
  userToUser: '1.2.840.113554.1.2.2.3',
  /** Not a mechanism: an initiator that lists it supports Late Fallback (MS-SPNG §3.1.5.4). */
  lateFallback: '1.3.6.1.4.1.311.2.2.40',
} as const;

/** Whether the OID is one of the three of Kerberos V5. */
export function isKrb5Mechanism(oid: Oid): boolean {
  return oid === Mechanism.krb5 || oid === Mechanism.msKrb5 || oid === Mechanism.oldKrb5;
}

/**
 * DER contents of a mechanism's OID, as {@link encodeOid}; those of {@link Mechanism} are encoded once.
 *
 * @returns A shared array: do not modify it.
 */
export function encodeMechanism(mechanism: Oid): Uint8Array {
  for (const known of KNOWN) {
    if (known.oid === mechanism) return known.contents;
  }
  return encodeOid(mechanism);
}

/**
 * The inverse of {@link encodeMechanism}.
 *
 * @param contents - Without tag and length.
 * @throws {@link DecodeError} as {@link decodeOid}.
 */
export function decodeMechanism(contents: Uint8Array): Oid {
  for (const known of KNOWN) {
    if (bytesEqual(known.contents, contents)) return known.oid;
  }
  return decodeOid(contents);
}

/** The name for messages, such as `Kerberos V5`; the dotted OID of an unknown mechanism. */
export function mechanismName(oid: Oid): string {
  return DISPLAY_NAMES.get(oid) ?? oid;
}

/**
 * The mechanism that a text names: `kerberos_v5`, `krb5`, `spnego`, `negotiate` and others in any case,
 * or an OID in one of the forms of {@link parseOid}.
 *
 * @returns Undefined for an unknown name.
 * @throws {@link DecodeError} for a malformed OID.
 */
export function parseMechanism(text: string): Oid | undefined {
  const named = NAMES.get(text.trim().toLowerCase());
  if (named !== undefined || !/^[\s{]*\d/.test(text)) return named;
  return parseOid(text);
}

// Nearly every token has one of these OIDs.
const KNOWN: readonly { readonly oid: Oid; readonly contents: Uint8Array }[] = Object.values(
  Mechanism,
).map((oid) => ({ oid, contents: encodeOid(oid) }));

const DISPLAY_NAMES: ReadonlyMap<Oid, string> = new Map<Oid, string>([
  [Mechanism.krb5, 'Kerberos V5'],
  [Mechanism.msKrb5, 'Kerberos V5 (Microsoft OID)'],
  [Mechanism.oldKrb5, 'Kerberos V5 (pre-RFC OID)'],
  [Mechanism.spnego, 'SPNEGO'],
  [Mechanism.iakerb, 'IAKERB'],
  [Mechanism.ntlmssp, 'NTLM'],
  [Mechanism.negoex, 'NegoEx'],
  [Mechanism.userToUser, 'user-to-user Kerberos'],
  [Mechanism.lateFallback, 'Late Fallback'],
]);

// `kerberos_v5` is the name in Solaris' /etc/gss/mech, the others are those of MIT and Heimdal.
const NAMES: ReadonlyMap<string, Oid> = new Map<string, Oid>([
  ['kerberos_v5', Mechanism.krb5],
  ['kerberos', Mechanism.krb5],
  ['krb5', Mechanism.krb5],
  ['gs2-krb5', Mechanism.krb5],
  ['gssapi', Mechanism.krb5],
  ['ms_krb5', Mechanism.msKrb5],
  ['old_krb5', Mechanism.oldKrb5],
  ['spnego', Mechanism.spnego],
  ['negotiate', Mechanism.spnego],
  ['iakerb', Mechanism.iakerb],
  ['gs2-iakerb', Mechanism.iakerb],
  ['ntlm', Mechanism.ntlmssp],
  ['ntlmssp', Mechanism.ntlmssp],
  ['negoex', Mechanism.negoex],
]);
