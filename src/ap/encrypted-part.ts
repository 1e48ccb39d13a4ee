/** The encrypted parts of messages: DER that may come out of decryption padded. */
import type { EncryptionKey } from '../crypto/key.ts';
import { KerberosError } from '../errors.ts';
import { lengthOctets, readLength } from '../messages/der-length.ts';

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

/** Length of the DER element at the start, header included; all of it if that makes no sense. */
function elementLength(bytes: Uint8Array): number {
  const length = readLength(bytes, 1, bytes.length, 'shortest');
  return length < 0 ? bytes.length : 1 + lengthOctets(bytes[1]!) + length;
}
