/** The encrypted parts of messages: DER that may come out of decryption padded. */
import { constantTimeEqual } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import { KerberosError } from '../errors.ts';
import { lengthOctets, readLength } from '../messages/der/length.ts';
import { Tag } from '../messages/der/reader.ts';

/**
 * Decrypts a part of a message.
 *
 * @returns One DER element: RFC 3961 §5.3 leaves it to us to find out where it ends, for enctypes
 *   whose plaintexts are padded. A view of a buffer of its own.
 * @throws {@link KerberosError} `KRB_AP_ERR_BAD_INTEGRITY`.
 */
export function decryptPart(key: EncryptionKey, usage: number, cipher: Uint8Array): Uint8Array {
  const plain = key.decrypt(usage, cipher);
  if (key.paddedTo === 1) return plain;
  let end = plain.length;
  // A message's last byte may be zero as well; its own length, checked by who reads it, tells.
  const least = Math.max(elementLength(plain), plain.length - key.paddedTo + 1);
  while (end > least && plain[end - 1] === 0) end--;
  return plain.subarray(0, end);
}

/** {@link decryptPart}, with nothing where the key does not fit: every other failure is an error. */
export function decryptPartOrNothing(
  key: EncryptionKey,
  usage: number,
  cipher: Uint8Array,
): Uint8Array | undefined {
  try {
    return decryptPart(key, usage, cipher);
  } catch (error) {
    if (error instanceof KerberosError && error.code === 'KRB_AP_ERR_BAD_INTEGRITY') {
      return undefined;
    }
    throw error;
  }
}

/**
 * Whether a key can have made a ciphertext, as far as its first two blocks tell: where the part is
 * `[APPLICATION n] SEQUENCE { [0] ...`, its tags and lengths follow from the length of the
 * ciphertext. A wrong key is found out at a small part of the cost of decrypting everything.
 *
 * A key that passes still has to decrypt and verify the whole. The time of a refusal tells a peer
 * whether all of these bytes are right, and nothing of each: for a plaintext of 256 bytes or more
 * they are nine, which cannot be had by trying.
 *
 * @param tag - Of the element, one octet.
 * @returns True also where it cannot be told.
 */
export function canHaveMade(
  key: EncryptionKey,
  usage: number,
  cipher: Uint8Array,
  tag: number,
): boolean {
  // Where plaintexts are padded, the element's length is not known.
  if (key.paddedTo !== 1) return true;
  const expected = headOf(tag, cipher.length - key.confounderLength - key.trailerLength);
  if (expected === undefined) return true;
  const head = key.peek(usage, cipher, expected.length);
  if (head === undefined) return true;
  const isSame = constantTimeEqual(head, expected);
  head.fill(0);
  return isSame;
}

/** What an element of that length, with a SEQUENCE of which [0] is the first field, begins with. */
function headOf(tag: number, length: number): Uint8Array | undefined {
  const outer = headerOf(tag, length);
  const inner = headerOf(Tag.sequence, length - outer.length);
  if (length < outer.length + inner.length + 1) return undefined;
  return Uint8Array.of(...outer, ...inner, Tag.context);
}

/** Tag and length of an element that takes `total` bytes with them (X.690 §10.1). */
function headerOf(tag: number, total: number): readonly number[] {
  if (total < 2 + 0x80) return [tag, total - 2];
  const octets = [1, 2, 3, 4].find((count) => total - 2 - count < 256 ** count)!;
  const length = total - 2 - octets;
  const bytes = [length >>> 24, length >>> 16, length >>> 8, length].map((byte) => byte & 0xff);
  return [tag, 0x80 | octets, ...bytes.slice(4 - octets)];
}

/** Length of the DER element at the start, header included; all of it if that makes no sense. */
function elementLength(bytes: Uint8Array): number {
  const length = readLength(bytes, 1, bytes.length, 'shortest');
  // Who reads it refuses such a length: nothing but the head is known to be no padding.
  return length < 0 ? HEAD : 1 + lengthOctets(bytes[1]!) + length;
}

// Identifier and first length octet.
const HEAD = 2;
