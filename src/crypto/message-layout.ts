/** The layout of encrypted messages: confounder, plaintext padded to whole blocks, trailer. */
import type { EncryptionProfile, MessagePieces } from './profile.ts';

/** The lengths that a profile's messages have. */
type Layout = Pick<EncryptionProfile, 'confounderLength' | 'trailerLength' | 'paddedTo'>;

/** Bytes around a plaintext of a length: confounder; padding and trailer. */
export function roomFor(
  { confounderLength, trailerLength, paddedTo }: Layout,
  length: number,
): { readonly before: number; readonly after: number } {
  const padded = Math.ceil(length / paddedTo) * paddedTo;
  return { before: confounderLength, after: padded - length + trailerLength };
}

/** @throws RangeError if a message has no room for all parts, or its plaintext is not padded. */
export function checkMessage(
  { confounderLength, trailerLength, paddedTo }: Layout,
  message: Uint8Array,
): void {
  const length = message.length - confounderLength - trailerLength;
  if (length >= 0 && length % paddedTo === 0) return;
  throw new RangeError(
    `message: expected a multiple of ${paddedTo} bytes and ` +
      `${confounderLength + trailerLength} more, got ${message.length}`,
  );
}

/** @throws RangeError if a part does not have its length, or the segments to encrypt are not padded. */
export function checkPieces(
  { confounderLength, trailerLength, paddedTo }: Layout,
  { confounder, segments, trailer }: MessagePieces,
): void {
  if (confounder.length !== confounderLength || trailer.length !== trailerLength) {
    throw new RangeError(
      `confounder and trailer: expected ${confounderLength} and ${trailerLength} bytes, ` +
        `got ${confounder.length} and ${trailer.length}`,
    );
  }
  let length = 0;
  for (const { bytes, encrypted } of segments) length += encrypted ? bytes.length : 0;
  if (length % paddedTo !== 0) {
    throw new RangeError(`segments: expected a multiple of ${paddedTo} bytes, got ${length}`);
  }
}
