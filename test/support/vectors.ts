/** Vectors of `fixtures/`: data with the place that they come from. */
import { readFileSync } from 'node:fs';
import { fromHex } from '../../src/bytes.ts';

export interface VectorFile<T> {
  readonly source: string;
  readonly vectors: readonly T[];
}

/** @param path - Below `fixtures/`: `'rfc8009/decrypt.json'`. */
export function loadVectors<T>(path: string): VectorFile<T> {
  const file = new URL(`../../fixtures/${path}`, import.meta.url);
  const content = JSON.parse(readFileSync(file, 'utf8')) as VectorFile<T>;
  if (typeof content.source !== 'string' || content.vectors.length === 0) {
    throw new TypeError(`${path}: expected a source and at least one vector`);
  }
  return content;
}

/** Bytes of a text's UTF-8. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A random source that gives these bytes first and zeros after them. */
export function scriptedRandom(hexDigits: string): (target: Uint8Array) => void {
  let left = fromHex(hexDigits);
  return (target) => {
    target.fill(0);
    target.set(left.subarray(0, target.length));
    left = left.subarray(Math.min(left.length, target.length));
  };
}

/** Reproducible bytes that look random (a 32-bit linear congruential generator's high bytes). */
export function seededRandom(seed: number): (target: Uint8Array) => void {
  let state = seed >>> 0;
  return (target) => {
    for (let i = 0; i < target.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      target[i] = state >>> 24;
    }
  };
}
