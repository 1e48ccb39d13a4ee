/** SND_SEQ of an old per-message token (RFC 1964 §1.2.1.2, RFC 4757 §7.2), in the clear. */
import type { Rfc1964Sequence } from '../profile.ts';

/** @param littleEndian - RFC 1964; RFC 4757 has the number big-endian. */
export function writeSequence(
  { number, sender }: Rfc1964Sequence,
  littleEndian: boolean,
): Uint8Array {
  const bytes = new Uint8Array(8).fill(sender === 'initiator' ? FROM_INITIATOR : FROM_ACCEPTOR);
  new DataView(bytes.buffer).setUint32(0, number, littleEndian);
  return bytes;
}

/**
 * @param bytes - Eight.
 * @returns Nothing if the four bytes of the direction are neither all 00 nor all FF.
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
