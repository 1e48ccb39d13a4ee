/**
 * The assigned numbers of encryption types, checksum types and key usages (RFC 3961 §8), and the
 * names of encryption types that operators use.
 */

/** Encryption types: RFC 3961 §8, RFC 3962 §7, RFC 4757 §4, RFC 6803 §9, RFC 8009 §8. */
export const Enctype = {
  des3CbcSha1: 16,
  aes128CtsHmacSha1: 17,
  aes256CtsHmacSha1: 18,
  aes128CtsHmacSha256: 19,
  aes256CtsHmacSha384: 20,
  rc4Hmac: 23,
  camellia128CtsCmac: 25,
  camellia256CtsCmac: 26,
} as const;

/** Checksum types: RFC 3961 §8, RFC 3962 §7, RFC 4757 §4, RFC 6803 §9, RFC 8009 §8. */
export const ChecksumType = {
  hmacSha1Des3Kd: 12,
  hmacSha1Aes128: 15,
  hmacSha1Aes256: 16,
  cmacCamellia128: 17,
  cmacCamellia256: 18,
  hmacSha256Aes128: 19,
  hmacSha384Aes256: 20,
  hmacMd5: -138,
} as const;

/** Key usage numbers: RFC 4120 §7.5.1, RFC 4121 §2, MS-PAC §2.8.1. */
export const KeyUsage = {
  paEncTimestamp: 1,
  ticket: 2,
  asRepEncPart: 3,
  tgsReqAuthorizationDataSessionKey: 4,
  tgsReqAuthorizationDataSubkey: 5,
  tgsReqAuthenticatorChecksum: 6,
  tgsReqAuthenticator: 7,
  tgsRepEncPartSessionKey: 8,
  tgsRepEncPartSubkey: 9,
  apReqAuthenticatorChecksum: 10,
  apReqAuthenticator: 11,
  apRepEncPart: 12,
  krbCredEncPart: 14,
  pacChecksum: 17,
  gssAcceptorSeal: 22,
  gssAcceptorSign: 23,
  gssInitiatorSeal: 24,
  gssInitiatorSign: 25,
  /** draft-ietf-kitten-iakerb-03 §4: the checksum over relayed messages. */
  finished: 41,
  /** The same in MIT krb5 before 1.22 (commit 04f9c19). */
  iakerbFinished: 42,
  /** RFC 7751 §2: the checksums of an AD-CAMMAC. */
  cammac: 64,
} as const;

/** The name of an encryption type as its RFC has it; `etype 99` for a number without one. */
export function enctypeName(enctype: number): string {
  return find(enctype)?.name ?? `etype ${enctype}`;
}

/** The shortest alias that MIT krb5 knows: `aes256-cts`; `etype 99` for a number without one. */
export function enctypeShortName(enctype: number): string {
  const entry = find(enctype);
  if (entry === undefined) return `etype ${enctype}`;
  let shortest: string = entry.name;
  for (const alias of entry.aliases) {
    if (alias.length < shortest.length) shortest = alias;
  }
  return shortest;
}

/** The number of a name or alias in any case, or of a decimal number. */
export function parseEnctype(text: string): number | undefined {
  const name = text.toLowerCase();
  for (const entry of NAMES) {
    if (entry.name === name || entry.aliases.includes(name)) return entry.enctype;
  }
  return /^\d{1,5}$/.test(name) ? Number(name) : undefined;
}

/** Whether an encryption type is deprecated as weak (RFC 6649, RFC 8429). */
export function isWeakEnctype(enctype: number): boolean {
  return find(enctype)?.weak ?? false;
}

/** Bytes of a key of an enctype that the default provider has; undefined for any other enctype. */
export function standardKeyLength(enctype: number): number | undefined {
  return find(enctype)?.keyLength;
}

function find(enctype: number): EnctypeNames | undefined {
  return NAMES.find((entry) => entry.enctype === enctype);
}

interface EnctypeNames {
  readonly enctype: number;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly weak?: true;
  /** Only for enctypes of the default provider. */
  readonly keyLength?: number;
}

// Names and aliases: MIT krb5, doc/admin/conf_files/kdc_conf.rst "Encryption types".
// Single DES has only a name here: keytabs still contain such keys.
const NAMES: readonly EnctypeNames[] = [
  { enctype: 1, name: 'des-cbc-crc', aliases: [], weak: true },
  { enctype: 2, name: 'des-cbc-md4', aliases: [], weak: true },
  { enctype: 3, name: 'des-cbc-md5', aliases: ['des'], weak: true },
  {
    enctype: 16,
    name: 'des3-cbc-sha1',
    aliases: ['des3-hmac-sha1', 'des3-cbc-sha1-kd'],
    weak: true,
  },
  {
    enctype: 17,
    name: 'aes128-cts-hmac-sha1-96',
    aliases: ['aes128-cts', 'aes128-sha1'],
    keyLength: 16,
  },
  {
    enctype: 18,
    name: 'aes256-cts-hmac-sha1-96',
    aliases: ['aes256-cts', 'aes256-sha1'],
    keyLength: 32,
  },
  { enctype: 19, name: 'aes128-cts-hmac-sha256-128', aliases: ['aes128-sha2'], keyLength: 16 },
  { enctype: 20, name: 'aes256-cts-hmac-sha384-192', aliases: ['aes256-sha2'], keyLength: 32 },
  { enctype: 23, name: 'arcfour-hmac', aliases: ['rc4-hmac', 'arcfour-hmac-md5'], weak: true },
  {
    enctype: 24,
    name: 'arcfour-hmac-exp',
    aliases: ['rc4-hmac-exp', 'arcfour-hmac-md5-exp'],
    weak: true,
  },
  { enctype: 25, name: 'camellia128-cts-cmac', aliases: ['camellia128-cts'], keyLength: 16 },
  { enctype: 26, name: 'camellia256-cts-cmac', aliases: ['camellia256-cts'], keyLength: 32 },
];
