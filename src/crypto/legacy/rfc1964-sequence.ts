/** The plaintext of SND_SEQ in a per-message token (RFC 1964 §1.2.1.2, RFC 4757 §7.2). */
import type { Rfc1964Sequence } from '../profile.ts';

/**
 * @param littleEndian - True for RFC 1964; in RFC 4757 the number is big-endian.
 * @returns Eight bytes.
 */
export function writeSequence(
  { number, sender }: Rfc1964Sequence,
  littleEndian: boolean,
): Uint8Array {
  const bytes = new Uint8Array(8).fill(sender === 'initiator' ? FROM_INITIATOR : FROM_ACCEPTOR);
  new DataView(bytes.buffer).setUint32(0, number, littleEndian);
  return bytes;
}

/**
 * @param bytes - Eight bytes.
 * @returns undefined if the four bytes of the direction are neither all 00 nor all FF.
 */
export function readSequence(
  bytes: Uint8Array,
  littleEndian: boolean,
): Rfc1964Sequence | undefined {
  const direction = bytes[4]!;
  if (direction !== FROM_INITIATOR && direction !== FROM_ACCEPTOR) return undefined;
  if (bytes.subarray(5).some((byte) => byte !== direction)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return {
    number: view.getUint32(0, littleEndian),
    sender: direction === FROM_INITIATOR ? 'initiator' : 'acceptor',
  };
}

const FROM_INITIATOR = 0x00;
const FROM_ACCEPTOR = 0xff;
