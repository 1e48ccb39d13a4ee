/** Mutations of texts, as bytes in UTF-8. */
import { concatBytes } from '../../../src/bytes.ts';
import type { Prng } from '../prng.ts';
import { mutateBinary } from './binary.ts';
import { WORD_BYTES } from './dictionary.ts';
import { joinBytes } from './tlv.ts';

/** @param other - Another input, to take lines from. */
export function mutateText(bytes: Uint8Array, other: Uint8Array, prng: Prng): Uint8Array {
  let mutant = bytes;
  for (let left = 1 + prng.below(4); left > 0; left--) {
    mutant = prng.pick(MUTATIONS)(mutant, prng, other);
  }
  return mutant;
}

type Mutation = (bytes: Uint8Array, prng: Prng, other: Uint8Array) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  insertWord,
  insertWord,
  function replaceByWord(bytes, prng) {
    const at = prng.below(bytes.length + 1);
    const rest = bytes.subarray(at + prng.below(16));
    return concatBytes(bytes.subarray(0, at), prng.pick(WORD_BYTES), rest);
  },
  function repeatWord(bytes, prng) {
    const word = prng.pick(WORD_BYTES);
    const count = prng.pick([2, 10, 40, 400, 5000]);
    const copies = joinBytes(Array.from({ length: count }, () => word));
    const at = prng.below(bytes.length + 1);
    return concatBytes(bytes.subarray(0, at), copies, bytes.subarray(at));
  },
  function moveLines(bytes, prng, other) {
    const lines = splitLines(bytes);
    const from = prng.chance(0.5) ? splitLines(other) : lines;
    const start = prng.below(from.length);
    const taken = from.slice(start, start + 1 + prng.below(3));
    lines.splice(prng.below(lines.length + 1), prng.below(3), ...taken);
    return joinBytes(lines);
  },
  (bytes, prng, other) => mutateBinary(bytes, other, prng),
];

function insertWord(bytes: Uint8Array, prng: Prng): Uint8Array {
  const at = prng.below(bytes.length + 1);
  return concatBytes(bytes.subarray(0, at), prng.pick(WORD_BYTES), bytes.subarray(at));
}

/** With their line feeds. */
function splitLines(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0x0a, at) + 1 || bytes.length;
    lines.push(bytes.subarray(at, end));
    at = end;
  }
  return lines;
}
