import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FingerprintSet } from '../../src/ap/fingerprint-set.ts';
import { runs } from '../support/properties.ts';

describe('a set of fingerprints', () => {
  it('is told apart by each of its last 16 bytes, but for the bit that marks a place as taken', () => {
    for (const fill of [0x00, 0x55, 0xff]) {
      const first = new Uint8Array(24).fill(fill);
      const set = new FingerprintSet(1);
      expect(set.lookUp(first)).toBe(false);
      set.add(first);
      expect(set.lookUp(first)).toBe(true);
      for (let bit = 0; bit < 24 * 8; bit++) {
        const other = first.slice();
        other[bit >> 3]! ^= 1 << (bit & 7);
        // Byte 11 is the last of the first word.
        const same = bit < 8 * 8 || bit === 11 * 8;
        expect(set.lookUp(other)).toBe(same);
      }
    }
  });

  it('knows a fingerprint wherever its ciphertext ends', () => {
    const set = new FingerprintSet(2);
    const bytes = Uint8Array.from({ length: 60 }, (_, at) => at * 7);
    set.add(bytes, 40);
    expect(set.lookUp(bytes, 40)).toBe(true);
    expect(set.lookUp(bytes.subarray(0, 40))).toBe(true);
    expect(set.lookUp(bytes.subarray(24, 40))).toBe(true);
    expect(set.lookUp(bytes, 41)).toBe(false);
    expect(set.lookUp(bytes)).toBe(false);
  });

  it('keeps all it was given as it grows, in the order of a model', () => {
    const members = fc.uniqueArray(fc.integer({ min: 0, max: 0xffff }), { maxLength: 400 });
    fc.assert(
      fc.property(fc.integer(), members, (seed, ids) => {
        const set = new FingerprintSet(seed);
        const bytes = new Uint8Array(16);
        const view = new DataView(bytes.buffer);
        const known = new Set<number>();
        for (const id of ids) {
          // In one word of four: the others are equal.
          view.setUint32(12, id);
          expect(set.lookUp(bytes)).toBe(false);
          set.add(bytes);
          known.add(id);
          expect(set.size).toBe(known.size);
        }
        for (let id = 0; id < 500; id++) {
          view.setUint32(12, id);
          expect(set.lookUp(bytes)).toBe(known.has(id));
        }
        for (const id of ids) {
          view.setUint32(12, id);
          expect(set.lookUp(bytes)).toBe(true);
        }
      }),
      { numRuns: runs(50) },
    );
  });

  it.each([0, 4, 8, 12])('has no slow inputs of a stride in the word at %i', (offset) => {
    const set = new FingerprintSet(0x1234_5678);
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    const started = performance.now();
    for (let n = 0; n < 20_000; n++) {
      // Multiples of a high power of two: what a hash that forgets its upper bits piles up.
      view.setUint32(offset, (n << 17) | (n >> 15) | 1);
      if (!set.lookUp(bytes)) set.add(bytes);
    }
    // Milliseconds, where one long chain would take minutes.
    expect(performance.now() - started).toBeLessThan(3000);
    expect(set.size).toBeGreaterThan(15_000);
  });
});
