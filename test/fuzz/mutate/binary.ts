/** Mutations of bytes of which nothing is known but that they hold numbers and lengths. */
import type { Prng } from '../prng.ts';
import { NUMBERS, TOKENS } from './dictionary.ts';
import { joinBytes } from './tlv.ts';

/** @param other - Another input, to take bytes from. */
export function mutateBinary(bytes: Uint8Array, other: Uint8Array, prng: Prng): Uint8Array {
  let mutant = bytes;
  for (let left = 1 + prng.below(4); left > 0; left--) {
    mutant = prng.pick(MUTATIONS)(mutant, prng, other);
  }
  return mutant;
}

type Mutation = (bytes: Uint8Array, prng: Prng, other: Uint8Array) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  function flip(bytes, prng) {
    return changed(bytes, (copy) => {
      const at = prng.below(copy.length);
      copy[at]! ^= 1 << prng.below(8);
    });
  },
  function setByte(bytes, prng) {
    return changed(bytes, (copy) => {
      copy[prng.below(copy.length)] = prng.chance(0.5) ? prng.u32() : prng.pick(NUMBERS);
    });
  },
  function setNumber(bytes, prng) {
    const width = prng.pick([2, 4, 4, 4, 8]);
    if (bytes.length < width) return bytes;
    return changed(bytes, (copy) => {
      // Counts and offsets mostly stand at even places.
      const at = prng.below(copy.length - width + 1) & (prng.chance(0.8) ? ~(width - 1) : ~0);
      const value = prng.chance(0.3) ? copy.length - 8 + prng.below(17) : prng.pick(NUMBERS);
      const littleEndian = prng.chance(0.5);
      for (let i = 0; i < Math.min(width, 4); i++) {
        copy[at + (littleEndian ? i : width - 1 - i)] = value >>> (8 * i);
      }
    });
  },
  function addToNumber(bytes, prng) {
    if (bytes.length < 4) return bytes;
    return changed(bytes, (copy) => {
      const view = new DataView(copy.buffer);
      const at = prng.below(copy.length - 3);
      const littleEndian = prng.chance(0.5);
      const step = prng.pick([1, -1, 2, -2, 4, -4, 8, -8, 16, -16]);
      view.setUint32(at, (view.getUint32(at, littleEndian) + step) >>> 0, littleEndian);
    });
  },
  function truncate(bytes, prng) {
    return bytes.slice(0, prng.below(bytes.length));
  },
  function extend(bytes, prng) {
    const tail = prng.chance(0.5) ? prng.bytes(1 + prng.below(32)) : prng.pick(TOKENS);
    return joinBytes([bytes, tail]);
  },
  function remove(bytes, prng) {
    const at = prng.below(bytes.length);
    const end = Math.min(bytes.length, at + 1 + prng.below(prng.pick([2, 8, 64])));
    return joinBytes([bytes.subarray(0, at), bytes.subarray(end)]);
  },
  function insert(bytes, prng) {
    const at = prng.below(bytes.length + 1);
    const piece = prng.chance(0.6) ? prng.pick(TOKENS) : prng.bytes(1 + prng.below(16));
    return joinBytes([bytes.subarray(0, at), piece, bytes.subarray(at)]);
  },
  function overwrite(bytes, prng) {
    return changed(bytes, (copy) => {
      const piece = prng.pick(TOKENS);
      const at = prng.below(copy.length);
      copy.set(piece.subarray(0, copy.length - at), at);
    });
  },
  function fill(bytes, prng) {
    return changed(bytes, (copy) => {
      const at = prng.below(copy.length);
      copy.fill(prng.pick([0, 0xff, 0x80, 0x41]), at, at + 1 + prng.below(32));
    });
  },
  function copyWithin(bytes, prng) {
    return changed(bytes, (copy) => {
      const from = prng.below(copy.length);
      copy.copyWithin(prng.below(copy.length), from, from + 1 + prng.below(64));
    });
  },
  function repeat(bytes, prng) {
    const at = prng.below(bytes.length);
    const piece = bytes.subarray(at, at + 1 + prng.below(prng.pick([4, 16, 64])));
    const most = Math.floor(MAX_GROWTH / Math.max(1, piece.length));
    const count = Math.min(most, prng.pick([2, 16, 256, 4096, 60_000]));
    const copies = Array.from({ length: count }, () => piece);
    return joinBytes([bytes.subarray(0, at), ...[joinBytes(copies)], bytes.subarray(at)]);
  },
  function splice(bytes, prng, other) {
    const at = prng.below(bytes.length + 1);
    return joinBytes([bytes.subarray(0, at), other.subarray(prng.below(other.length + 1))]);
  },
  function insertOther(bytes, prng, other) {
    const at = prng.below(bytes.length + 1);
    const from = prng.below(other.length);
    const piece = other.subarray(from, from + 1 + prng.below(prng.pick([8, 64, 1024])));
    return joinBytes([bytes.subarray(0, at), piece, bytes.subarray(at)]);
  },
];

function changed(bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  if (bytes.length === 0) return bytes;
  const copy = bytes.slice();
  change(copy);
  return copy;
}

const MAX_GROWTH = 60_000;
