/** Names of the numbers in messages and files, for a reader. */
import { enctypeName } from '../../crypto/numbers.ts';

/** A table of assigned numbers. */
export type Names = ReadonlyMap<number, string>;

/** `NT-SRV-HST (3)`, or the number alone if it is not assigned. */
export function named(names: Names, number: number): string {
  const name = names.get(number);
  return name === undefined ? `${number}` : `${name} (${number})`;
}

/** `Wrap (05 04)`: a number that specifications write as bytes. */
export function namedBytes(names: Names, number: number): string {
  const bytes = number
    .toString(16)
    .padStart(4, '0')
    .replace(/(..)(?=.)/, '$1 ');
  const name = names.get(number);
  return name === undefined ? bytes : `${name} (${bytes})`;
}

/** `aes256-cts-hmac-sha1-96 (18)`. */
export function namedEnctype(enctype: number): string {
  const name = enctypeName(enctype);
  if (!name.startsWith('etype ')) return `${name} (${enctype})`;
  return named(OTHER_ENCTYPES, enctype);
}

// RFC 3961 §8, RFC 4556 §3.1.4, MS-KILE §2.2.8.
const OTHER_ENCTYPES: Names = new Map([
  [0, 'null, not encrypted'],
  [5, 'des3-cbc-md5'],
  [7, 'des3-cbc-sha1 (old)'],
  [9, 'dsaWithSHA1-CmsOID'],
  [10, 'md5WithRSAEncryption-CmsOID'],
  [11, 'sha1WithRSAEncryption-CmsOID'],
  [12, 'rc2CBC-EnvOID'],
  [13, 'rsaEncryption-EnvOID'],
  [14, 'rsaES-OAEP-ENV-OID'],
  [15, 'des-ede3-cbc-Env-OID'],
  [-128, 'rc4-md4'],
  [-133, 'rc4-hmac-old'],
  [-135, 'rc4-hmac-old-exp'],
]);

// RFC 3961 §8, RFC 3962 §7, RFC 4757 §4, RFC 6803 §9, RFC 8009 §8, RFC 4121 §4.1.1.
export const CHECKSUM_TYPES: Names = new Map([
  [1, 'crc32'],
  [2, 'rsa-md4'],
  [3, 'rsa-md4-des'],
  [7, 'rsa-md5'],
  [8, 'rsa-md5-des'],
  [12, 'hmac-sha1-des3-kd'],
  [14, 'sha1'],
  [15, 'hmac-sha1-96-aes128'],
  [16, 'hmac-sha1-96-aes256'],
  [17, 'cmac-camellia128'],
  [18, 'cmac-camellia256'],
  [19, 'hmac-sha256-128-aes128'],
  [20, 'hmac-sha384-192-aes256'],
  [0x8003, 'GSS-API flags and bindings'],
  [-138, 'hmac-md5'],
]);

// RFC 4120 §6.2, RFC 6806 §5, RFC 8062 §3, MS-KILE.
export const NAME_TYPES: Names = new Map([
  [0, 'NT-UNKNOWN'],
  [1, 'NT-PRINCIPAL'],
  [2, 'NT-SRV-INST'],
  [3, 'NT-SRV-HST'],
  [4, 'NT-SRV-XHST'],
  [5, 'NT-UID'],
  [6, 'NT-X500-PRINCIPAL'],
  [7, 'NT-SMTP-NAME'],
  [10, 'NT-ENTERPRISE'],
  [11, 'NT-WELLKNOWN'],
  [12, 'NT-SRV-HST-DOMAIN'],
  [-128, 'NT-MS-PRINCIPAL'],
  [-129, 'NT-MS-PRINCIPAL-AND-ID'],
  [-130, 'NT-ENT-PRINCIPAL-AND-ID'],
]);

// RFC 4120 §7.5.3.
export const ADDRESS_TYPES: Names = new Map([
  [2, 'IPv4'],
  [3, 'directional'],
  [5, 'ChaosNet'],
  [6, 'XNS'],
  [7, 'ISO'],
  [12, 'DECnet'],
  [16, 'AppleTalk DDP'],
  [20, 'NetBIOS'],
  [24, 'IPv6'],
]);

// RFC 4120 §5.10.
export const MESSAGE_TYPES: Names = new Map([
  [10, 'KRB-AS-REQ'],
  [11, 'KRB-AS-REP'],
  [12, 'KRB-TGS-REQ'],
  [13, 'KRB-TGS-REP'],
  [14, 'KRB-AP-REQ'],
  [15, 'KRB-AP-REP'],
  [16, 'KERB-TGT-REQUEST'],
  [17, 'KERB-TGT-REPLY'],
  [20, 'KRB-SAFE'],
  [21, 'KRB-PRIV'],
  [22, 'KRB-CRED'],
  [30, 'KRB-ERROR'],
]);

// RFC 4120 §7.5.4, RFC 6113, RFC 7751, RFC 8129, RFC 4537, MS-KILE §2.2.
export const AUTHORIZATION_DATA: Names = new Map([
  [1, 'AD-IF-RELEVANT'],
  [2, 'AD-INTENDED-FOR-SERVER'],
  [3, 'AD-INTENDED-FOR-APPLICATION-CLASS'],
  [4, 'AD-KDC-ISSUED'],
  [5, 'AD-AND-OR'],
  [6, 'AD-MANDATORY-TICKET-EXTENSIONS'],
  [7, 'AD-IN-TICKET-EXTENSIONS'],
  [8, 'AD-MANDATORY-FOR-KDC'],
  [9, 'AD-INITIAL-VERIFIED-CAS'],
  [64, 'OSF-DCE'],
  [65, 'SESAME'],
  [70, 'AD-AUTHENTICATION-STRENGTH'],
  [71, 'AD-FX-FAST-ARMOR'],
  [72, 'AD-FX-FAST-USED'],
  [96, 'AD-CAMMAC'],
  [97, 'AD-AUTHENTICATION-INDICATOR'],
  [128, 'AD-WIN2K-PAC'],
  [129, 'AD-ETYPE-NEGOTIATION'],
  [141, 'KERB-AUTH-DATA-TOKEN-RESTRICTIONS'],
  [142, 'KERB-LOCAL'],
  [143, 'AD-AUTH-DATA-AP-OPTIONS'],
  [144, 'AD-TARGET-PRINCIPAL'],
]);

// RFC 4120 §7.5.2, RFC 6113 §7.1, RFC 4556, RFC 6806, RFC 8070, MS-KILE, MS-SFU.
export const PRE_AUTHENTICATION: Names = new Map([
  [1, 'PA-TGS-REQ'],
  [2, 'PA-ENC-TIMESTAMP'],
  [3, 'PA-PW-SALT'],
  [11, 'PA-ETYPE-INFO'],
  [14, 'PA-PK-AS-REQ (old)'],
  [15, 'PA-PK-AS-REP (old)'],
  [16, 'PA-PK-AS-REQ'],
  [17, 'PA-PK-AS-REP'],
  [19, 'PA-ETYPE-INFO2'],
  [20, 'PA-SVR-REFERRAL-INFO'],
  [109, 'TD-CMS-DIGEST-ALGORITHMS'],
  [111, 'TD-CERT-DIGEST-ALGORITHMS'],
  [128, 'PA-PAC-REQUEST'],
  [129, 'PA-FOR-USER'],
  [130, 'PA-FOR-X509-USER'],
  [132, 'PA-AS-CHECKSUM'],
  [133, 'PA-FX-COOKIE'],
  [136, 'PA-FX-FAST'],
  [137, 'PA-FX-ERROR'],
  [138, 'PA-ENCRYPTED-CHALLENGE'],
  [141, 'PA-OTP-CHALLENGE'],
  [142, 'PA-OTP-REQUEST'],
  [147, 'PA-PKINIT-KX'],
  [149, 'PA-REQ-ENC-PA-REP'],
  [150, 'PA-AS-FRESHNESS'],
  [151, 'PA-SPAKE'],
  [161, 'KERB-KEY-LIST-REQ'],
  [165, 'PA-SUPPORTED-ENCTYPES'],
  [167, 'PA-PAC-OPTIONS'],
]);

// MS-PAC §2.4.
export const PAC_BUFFERS: ReadonlyMap<number, readonly [name: string, clause: string]> = new Map([
  [1, ['logon information', 'MS-PAC §2.5']],
  [2, ['credentials', 'MS-PAC §2.6']],
  [6, ['server signature', 'MS-PAC §2.8.1']],
  [7, ['KDC signature', 'MS-PAC §2.8.2']],
  [10, ['client name and ticket time', 'MS-PAC §2.7']],
  [11, ['constrained delegation', 'MS-PAC §2.9']],
  [12, ['UPN and DNS names', 'MS-PAC §2.10']],
  [13, ['client claims', 'MS-PAC §2.11']],
  [14, ['device information', 'MS-PAC §2.12']],
  [15, ['device claims', 'MS-PAC §2.13']],
  [16, ['ticket signature', 'MS-PAC §2.8.3']],
  [17, ['PAC attributes', 'MS-PAC §2.14']],
  [18, ['requestor SID', 'MS-PAC §2.15']],
  [19, ['extended KDC signature', 'MS-PAC §2.8.4']],
] as [number, [string, string]][]);

// RFC 4178 §4.2.2.
export const NEG_STATES: Names = new Map([
  [0, 'accept-completed'],
  [1, 'accept-incomplete'],
  [2, 'reject'],
  [3, 'request-mic'],
]);

// RFC 4120 §3.3.3.2.
export const TRANSITED_TYPES: Names = new Map([[1, 'DOMAIN-X500-COMPRESS']]);

// RFC 4120 §5.4.2.
export const LAST_REQUESTS: Names = new Map([
  [0, 'none'],
  [1, 'last initial request for a TGT'],
  [2, 'last initial request'],
  [3, 'newest TGT used'],
  [4, 'last renewal'],
  [5, 'last request'],
  [6, 'password expires'],
  [7, 'account expires'],
]);
