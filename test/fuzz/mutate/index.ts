/** From genuine inputs to others. */
import type { Case, Shape } from '../case.ts';
import { MAX_PART } from '../case.ts';
import type { Prng } from '../prng.ts';
import { mutateBinary } from './binary.ts';
import { mutateDer } from './der.ts';
import { mutateText } from './text.ts';

/** @param other - Another input of the same target, to splice with. */
export function mutate(input: Case, other: Case, shape: Shape, prng: Prng): Case {
  const parts = input.map((part) => part);
  if (parts.length > 1 && prng.chance(0.1)) shuffle(parts, prng);
  const donors = [...other, ...input];
  for (let left = prng.chance(0.8) ? 1 : 2; left > 0; left--) {
    const at = prng.below(parts.length);
    const donor = prng.pick(donors) ?? EMPTY;
    parts[at] = cut(MUTATORS[shape](parts[at] ?? EMPTY, donor, prng));
  }
  return parts;
}

/** Tokens left out, sent twice, sent in another order. */
function shuffle(parts: Uint8Array[], prng: Prng): void {
  const at = prng.below(parts.length);
  const to = prng.below(parts.length);
  switch (prng.below(3)) {
    case 0:
      parts.splice(at, 1);
      break;
    case 1:
      if (parts.length < MAX_PARTS) parts.splice(to, 0, parts[at]!);
      break;
    default:
      [parts[at], parts[to]] = [parts[to]!, parts[at]!];
  }
}

function cut(bytes: Uint8Array): Uint8Array {
  return bytes.length > MAX_PART ? bytes.slice(0, MAX_PART) : bytes;
}

const MUTATORS: Readonly<
  Record<Shape, (bytes: Uint8Array, other: Uint8Array, prng: Prng) => Uint8Array>
> = { der: mutateDer, binary: mutateBinary, text: mutateText };

const EMPTY = new Uint8Array(0);
const MAX_PARTS = 8;
