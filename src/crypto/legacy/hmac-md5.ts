/** HMAC-MD5, and the checksum type of RFC 4757 §4. */
import { hmac } from '@noble/hashes/hmac.js';
import { md5 } from '@noble/hashes/legacy.js';
import { encodeUtf8 } from '../../bytes.ts';

/** HMAC (RFC 2104) with MD5 of the concatenated parts. */
export function hmacMd5(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = hmac.create(md5, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}

/** KERB_CHECKSUM_HMAC_MD5 (RFC 4757 §4), under a key of any enctype. */
export function hmacMd5Checksum(
  key: Uint8Array,
  usage: number,
  parts: readonly Uint8Array[],
): Uint8Array {
  const ksign = hmacMd5(key, SIGNATURE_KEY);
  const checksum = signedDigest(ksign, usage, parts);
  ksign.fill(0);
  return checksum;
}

/** RFC 4757 §4: HMAC(Ksign, MD5(T, data)). */
export function signedDigest(
  ksign: Uint8Array,
  usage: number,
  parts: readonly Uint8Array[],
): Uint8Array {
  const hash = md5.create().update(messageType(usage));
  for (const part of parts) hash.update(part);
  return hmacMd5(ksign, hash.digest());
}

/** RFC 4757 §3: the message type T of a key usage, as four bytes, little-endian. */
export function messageType(usage: number): Uint8Array {
  const t = MESSAGE_TYPES.get(usage) ?? usage;
  return Uint8Array.of(t, t >>> 8, t >>> 16, t >>> 24);
}

// RFC 4757 §3: the message types that differ from the usage. The last one is MIT krb5's, which uses
// usage 23 for data that GSS_Wrap protects. The RFC's type 8 for usage 9 is implemented by neither
// MIT krb5 nor Heimdal, which both use 9.
const MESSAGE_TYPES: ReadonlyMap<number, number> = new Map([
  [3, 8],
  [23, 13],
]);

// RFC 4757 §4: "signaturekey" with a trailing zero octet.
export const SIGNATURE_KEY: Uint8Array = encodeUtf8('signaturekey\0');
