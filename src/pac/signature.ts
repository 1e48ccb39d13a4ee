/** PAC_SIGNATURE_DATA (MS-PAC §2.8). */
import { Reader } from '../bytes.ts';

export interface PacSignature {
  /** Checksum type: 16 is HMAC-SHA1-96-AES256, -138 HMAC-MD5. */
  readonly type: number;
  /** The checksum and what follows it, as a view: the type says how long the checksum is. */
  readonly data: Uint8Array;
}

/**
 * Reads a PAC_SIGNATURE_DATA buffer.
 *
 * @throws {@link DecodeError}
 */
export function parsePacSignature(bytes: Uint8Array): PacSignature {
  const reader = new Reader(bytes, 'PAC signature');
  return { type: reader.i32(true), data: reader.rest() };
}

/**
 * Which read-only domain controller signed (MS-PAC §2.8, RODCIdentifier): the number of its krbtgt
 * account, as in the upper half of a kvno.
 *
 * @param checksumLength - Of the signature's type.
 * @returns undefined where the field is absent, or 0: a domain controller that can write.
 */
export function rodcIdentifier(
  signature: PacSignature,
  checksumLength: number,
): number | undefined {
  if (signature.data.length !== checksumLength + 2) return undefined;
  return new Reader(signature.data, 'PAC signature', checksumLength).u16(true) || undefined;
}
