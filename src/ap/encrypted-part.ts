/** Decrypts the encrypted parts of messages, whose DER may be followed by padding. */
import { constantTimeEqual } from '../bytes.ts';
import type { EncryptionKey } from '../crypto/key.ts';
import { KerberosError } from '../errors.ts';
import { lengthOctets, readLength, shortestOctets, writeLength } from '../messages/der/length.ts';
import { Tag } from '../messages/der/reader.ts';

/**
 * Decrypts a part of a message and removes its padding: for enctypes that pad plaintexts, the caller of
 * the decryption has to find the end of the message (RFC 3961 §5.3).
 *
 * @returns One DER element; a view of a buffer that nothing else uses. It is not validated: bytes other
 *   than padding may follow it.
 * @throws {@link KerberosError} `KRB_AP_ERR_BAD_INTEGRITY`.
 */
export function decryptPart(key: EncryptionKey, usage: number, cipher: Uint8Array): Uint8Array {
  const plain = key.decrypt(usage, cipher);
  if (key.paddedTo === 1) return plain;
  let end = plain.length;
  // The last byte of the element may be zero too, so its own length, which its reader checks, counts.
  const least = Math.max(elementLength(plain), plain.length - key.paddedTo + 1);
  while (end > least && plain[end - 1] === 0) end--;
  return plain.subarray(0, end);
}

/** {@link decryptPart}, but undefined if the key is wrong. Any other failure is still an error. */
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
 * Excludes a wrong key at a small part of the cost of a full decryption. The first blocks suffice: a part
 * begins with `[APPLICATION n] SEQUENCE { [0]`, whose tags and lengths follow from the length of the
 * ciphertext.
 *
 * A key that passes must still decrypt and verify the whole. The time of a refusal reveals only whether
 * all of these bytes match, not single ones: for a plaintext of 256 bytes or more they are nine bytes,
 * too many to guess.
 *
 * @param tag - The tag octet of the element.
 * @returns False if the key is certainly wrong.
 */
export function canHaveMade(
  key: EncryptionKey,
  usage: number,
  cipher: Uint8Array,
  tag: number,
): boolean {
  // With padding, the length of the element is unknown.
  if (key.paddedTo !== 1) return true;
  const expected = headersOf(tag, cipher.length - key.confounderLength - key.trailerLength);
  if (expected === undefined) return true;
  const start = key.peek(usage, cipher, expected.length);
  if (start === undefined) return true;
  const isSame = constantTimeEqual(start, expected);
  start.fill(0);
  return isSame;
}

/** The start of an element of that length that holds a SEQUENCE whose first field is [0]. */
function headersOf(tag: number, length: number): Uint8Array | undefined {
  const outer = headerOf(tag, length);
  const inner = headerOf(Tag.sequence, length - outer.length);
  if (length < outer.length + inner.length + 1) return undefined;
  return Uint8Array.of(...outer, ...inner, Tag.context);
}

/** Header of an element of `total` bytes, the header included (X.690 §10.1). */
function headerOf(tag: number, total: number): Uint8Array {
  let octets = 1;
  while (shortestOctets(total - 1 - octets) > octets) octets++;
  const header = new Uint8Array(1 + octets);
  header[0] = tag;
  writeLength(header, 1, total - 1 - octets);
  return header;
}

/** Length of the DER element at the start, header included; that of a short header if malformed. */
function elementLength(bytes: Uint8Array): number {
  const length = readLength(bytes, 1, bytes.length, 'shortest');
  // The reader of the element refuses such a length, whatever is removed as padding here.
  return length < 0 ? SHORT_HEADER : 1 + lengthOctets(bytes[1]!) + length;
}

// Identifier and first length octet.
const SHORT_HEADER = 2;
