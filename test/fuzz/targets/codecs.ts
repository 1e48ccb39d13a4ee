/** Every decoder by itself: what it takes, it must be able to write, and then read as the same. */

import fc from 'fast-check';
import { bytesEqual } from '../../../src/bytes.ts';
import type { Codec } from '../../messages/codec.ts';
import { codecs } from '../../messages/codecs.ts';
import type { Case, Target } from '../case.ts';
import { Breach } from '../case.ts';

export function codecTargets(): Target[] {
  return codecs.map((codec) => ({
    name: `decode-${codec.name.replaceAll(/[^A-Za-z0-9]+/g, '-')}`,
    shape: 'der' as const,
    seeds: samples(codec),
    run: ([bytes]: Case) => decodeTwice(codec, bytes!),
  }));
}

function samples({ values, encode }: Codec): Case[] {
  return fc.sample(values, { numRuns: 8, seed: 42 }).map((value) => [encode(value as never)]);
}

function decodeTwice(codec: Codec, bytes: Uint8Array): string {
  const encoded = codec.encode(codec.decode(bytes) as never);
  const again = codec.encode(codec.decode(encoded) as never);
  if (!bytesEqual(encoded, again)) throw new Breach('what was read is written as something else');
  return 'decoded';
}
