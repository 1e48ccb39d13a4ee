/** Checks that no message can be altered without a trace. */
import { expect } from 'vitest';
import { bytesEqual, toHex } from '../../src/bytes.ts';
import { KerberosError } from '../../src/errors.ts';
import type { Codec } from './codec.ts';
import { isKnownVariant } from './oracle.ts';

/** The value; undefined if the bytes are refused, which must be with an error of ours. */
export function decodeOrRefuse(codec: Codec, bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes);
  } catch (error) {
    if (error instanceof KerberosError) return undefined;
    throw error;
  }
}

/** Flips one bit of a message: it must be refused, or say something else. */
export function expectOtherValue(codec: Codec, bytes: Uint8Array, bit: number): void {
  const flipped = bytes.slice();
  flipped[bit >>> 3]! ^= 1 << (bit & 7);
  const decoded = decodeOrRefuse(codec, flipped);
  if (decoded === undefined) return;
  // The one way to say the same twice: a BIT STRING that leaves out trailing zeros.
  const isSame = bytesEqual(codec.encode(decoded as never), bytes);
  if (isSame && !isKnownVariant(codec.name, flipped))
    expect.fail(`the same value: ${toHex(flipped)}`);
}
